//! EYES: is a destination the installation's own store? Names and addresses are compared; nothing is asked of a store.

use std::collections::BTreeSet;

use kfp_backup::order::{Bucket, Destination, Store};
use url::Url;

use super::trouble::Trouble;

/// Refuses a destination inside the installation's own store: what destroys the one destroys the other.
pub async fn outside(
    destination: &Destination,
    bucket: Option<&Bucket>,
    own: &[String],
    namespace: &str,
) -> Result<(), Trouble> {
    let Store::S3 {
        endpoint: Some(endpoint),
        ..
    } = &destination.store
    else {
        return Ok(());
    };
    let Some(target) = host_port(endpoint) else {
        return Err(Trouble::lasting(
            "DestinationInvalid",
            format!("the destination's endpoint `{endpoint}` is no URL such as https://s3.example.com"),
        ));
    };
    let own: Vec<(String, u16)> = bucket
        .and_then(|bucket| host_port(&bucket.endpoint))
        .into_iter()
        .chain(
            own.iter()
                .filter_map(|address| host_port(&format!("http://{address}"))),
        )
        .collect();
    let names = own.iter().any(|address| {
        address.1 == target.1 && service(&address.0, namespace) == service(&target.0, namespace)
    });
    if names || same_address(&target, &own).await {
        return Err(Trouble::lasting(
            "DestinationInsideInstallation",
            format!(
                "the destination {}:{} is the installation's own store: what destroys the one destroys the other; name a store outside",
                target.0, target.1
            ),
        ));
    }
    Ok(())
}

fn host_port(endpoint: &str) -> Option<(String, u16)> {
    let url = Url::parse(endpoint).ok()?;
    Some((
        url.host_str()?.trim_end_matches('.').to_ascii_lowercase(),
        url.port_or_known_default()?,
    ))
}

/// A Service's name and namespace where a host can be one; the host itself otherwise.
fn service(host: &str, namespace: &str) -> String {
    let labels: Vec<&str> = host.split('.').collect();
    match labels.as_slice() {
        [name] => format!("{name}.{namespace}"),
        [name, namespace] | [name, namespace, "svc", ..] => format!("{name}.{namespace}"),
        _ => host.to_owned(),
    }
}

/// Whether both lead to one address. Names that are not known here say nothing.
async fn same_address(target: &(String, u16), own: &[(String, u16)]) -> bool {
    async fn addresses(at: &(String, u16)) -> BTreeSet<std::net::SocketAddr> {
        let (host, port) = at;
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        tokio::net::lookup_host((bare, *port))
            .await
            .map(Iterator::collect)
            .unwrap_or_default()
    }
    let theirs = addresses(target).await;
    for at in own {
        if !addresses(at).await.is_disjoint(&theirs) {
            return true;
        }
    }
    false
}
