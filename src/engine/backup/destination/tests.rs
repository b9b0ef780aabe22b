//! HANDS (tests): stores are made of orders without the network, and tell what they refuse.

use kfp_backup::layout::Home;
use rstest::rstest;

use super::*;
use crate::backup::own_store::outside;

fn s3(endpoint: &str) -> Destination {
    Destination {
        store: Store::S3 {
            endpoint: Some(endpoint.into()),
            region: "us-east-1".into(),
            bucket: "backups".into(),
            path_style: true,
            access_key_id: Some("AKID".into()),
            secret_access_key: Some("CANARY".into()),
            session_token: None,
            certificates: None,
        },
        home: Home {
            prefix: String::new(),
            namespace: "team-a".into(),
            installation: "kfp".into(),
        },
    }
}

fn own(endpoint: &str) -> Bucket {
    Bucket {
        endpoint: endpoint.into(),
        region: "us-east-1".into(),
        name: "mlpipeline".into(),
        access_key_id: "AKID".into(),
        secret_access_key: "CANARY".into(),
        certificates: None,
    }
}

#[rstest]
#[case("http://seaweedfs.team-a.svc:9000", false)]
#[case("http://SeaweedFS.team-a.svc.cluster.local.:9000", false)]
#[case("http://seaweedfs.team-a:9000", false)]
#[case("http://127.0.0.1:8333", false)]
#[case("http://127.0.0.1:8334", true)]
#[case("http://seaweedfs.team-b.svc:9000", true)]
#[case("http://seaweedfs.team-a.svc:9001", true)]
#[case("https://s3.example.invalid", true)]
#[tokio::test]
async fn a_destination_in_the_installations_own_store_is_refused(#[case] at: &str, #[case] fine: bool) {
    let bucket = own("http://seaweedfs.team-a.svc.cluster.local:9000");
    let further = ["127.0.0.1:8333".to_owned()];
    let found = outside(&s3(at), Some(&bucket), &further, "team-a").await;
    assert_eq!(found.is_ok(), fine, "{found:?}");
    if let Err(trouble) = found {
        assert_eq!(trouble.reason, "DestinationInsideInstallation");
    }
}

#[test]
fn every_kind_of_store_can_be_built_without_the_network() {
    let mut destination = s3("http://127.0.0.1:1");
    assert!(Place::destination(&destination, PATIENCE).is_ok());
    destination.store = Store::Azure {
        account: "account".into(),
        container: "backups".into(),
        account_key: None,
        sas_token: Some("?sv=2024-01-01&sig=abc%3D".into()),
        endpoint: None,
    };
    assert!(Place::destination(&destination, PATIENCE).is_ok());
    destination.store = Store::Gcs {
        bucket: "backups".into(),
        service_account: Some("no JSON".into()),
        endpoint: None,
    };
    let trouble = Place::destination(&destination, PATIENCE).unwrap_err();
    assert!(!trouble.to_string().contains("no JSON"), "{trouble}");
}

#[test]
fn a_protection_is_read_from_headers() {
    let mut headers = hyper::HeaderMap::new();
    assert_eq!(protection(&headers), Immutability::None);
    headers.insert("x-amz-object-lock-mode", "COMPLIANCE".parse().unwrap());
    headers.insert(
        "x-amz-object-lock-retain-until-date",
        "2027-01-01T00:00:00Z".parse().unwrap(),
    );
    assert_eq!(
        protection(&headers),
        Immutability::Until {
            mode: "COMPLIANCE".into(),
            until: "2027-01-01T00:00:00Z".into()
        }
    );
}

#[tokio::test]
async fn a_store_that_is_not_there_is_unreachable_and_no_key_is_told() {
    let closed = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .unwrap()
        .local_addr()
        .unwrap();
    let place = Place::destination(&s3(&format!("http://{closed}")), Duration::ZERO).unwrap();
    let trouble = place.put("a/b", "text".as_bytes().to_vec()).await.unwrap_err();
    assert_eq!(trouble.reason, "DestinationUnreachable", "{trouble}");
    let said = format!("{trouble} {place:?}");
    assert!(!said.contains("CANARY"), "{said}");
}

const IMMUTABLE: &str = "Bulk delete request failed for key KEY: This operation is not permitted as the blob is immutable due to a \
                         policy. (code: 409)";

#[rstest]
#[case::azure(IMMUTABLE, true)]
#[case::busy(
    "Bulk delete request failed for key KEY: The server is busy. (code: 503)",
    false
)]
#[case::denied(
    "Error performing DELETE http://h/b/KEY in 1ms - status code: 403: AccessDenied",
    false
)]
fn what_a_store_holds_on_to_is_told_by_its_words_and_not_by_a_name(
    #[case] text: &str,
    #[case] expected: bool,
) {
    for key in ["kfp/team-a/x", "kfp/immutable-worms/x"] {
        let error = object_store::Error::Generic {
            store: "MicrosoftAzure",
            source: text.replace("KEY", key).into(),
        };
        assert_eq!(held(&error, key), expected, "{error}");
    }
}

#[tokio::test]
async fn a_shared_access_signature_is_what_a_signed_url_carries_and_is_not_shown() {
    let mut destination = s3("http://127.0.0.1:1");
    destination.store = Store::Azure {
        account: "account".into(),
        container: "backups".into(),
        account_key: None,
        sas_token: Some("?sv=2024-01-01&sig=CANARY%3D".into()),
        endpoint: Some("http://127.0.0.1:1/account/".into()),
    };
    let place = Place::destination(&destination, PATIENCE).unwrap();
    let path = place.path("kfp/a b").unwrap();
    let signer = place.signer.clone().unwrap();
    let url = signer
        .signed_url(hyper::Method::HEAD, &path, SIGNATURE_LIFE)
        .await
        .unwrap();
    assert_eq!(
        url.as_str(),
        "http://127.0.0.1:1/account/backups/kfp/a%20b?sv=2024-01-01&sig=CANARY%3D"
    );
    assert!(!format!("{signer:?}").contains("CANARY"), "{signer:?}");
}
