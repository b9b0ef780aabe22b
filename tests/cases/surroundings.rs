//! PROOF (real API server): what the operator needs around it: rights of either kind, and the operands' definitions.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use kfp_api::names::JOBS;
use kfp_tests::hand::Plays;
use kfp_tests::operator::{Operator, Settings};
use kfp_tests::world::{eventually, root};
use kfp_tests::{Site, World};
use kube::Api;
use kube::api::{ApiResource, DynamicObject, PostParams};
use kube::core::GroupVersionKind;
use serde_json::{Value, json};

use super::Case;
use super::drift::standing;
use super::install::spec;

/// The place where the operator's own rights are taken away; requests that are refused there say nothing.
pub const WITHOUT_RIGHTS: &str = "rights-lost";

/// Rights and definitions.
pub fn cases() -> Vec<Case> {
    vec![
        Case::at(
            "rights-namespaced",
            "with Roles in one namespace and no right beyond it, the operator installs there",
            namespaced,
        ),
        Case::at(
            WITHOUT_RIGHTS,
            "the operator gives itself its rights again when they are taken away",
            lost,
        ),
        Case::at(
            "webhook",
            "the cache server's registration trusts its certificate, and goes with it and with the installation",
            webhook,
        ),
        Case::new(
            "without the operands' definitions nothing is made, and it goes on when they come",
            undefined,
        ),
    ]
}

/// What `config/namespaced` holds, for this namespace and a ServiceAccount of its own.
async fn install_namespaced(site: &Site, account: &str) -> Result<()> {
    let api_version = "rbac.authorization.k8s.io/v1";
    site.create("v1", "ServiceAccount", account, json!({})).await?;
    let folder = root().join("config/namespaced").display().to_string();
    let text = site.world.kubectl(&["kustomize", &folder])?;
    let documents: Vec<Value> = serde_saphyr::from_multiple(&text).context("config/namespaced")?;
    let subjects = json!([{"kind": "ServiceAccount", "name": account, "namespace": site.name}]);
    let mut copied = 0;
    for mut document in documents {
        let kind = document["kind"].as_str().unwrap_or_default().to_owned();
        let name = document["metadata"]["name"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        let leader = document["metadata"]["namespace"] == "kfp-operator-system";
        // Those of Jobs are another account's, and every site has them.
        if !matches!(kind.as_str(), "Role" | "RoleBinding") || name == JOBS {
            continue;
        }
        let namespace = if leader {
            site.lease_namespace()
        } else {
            site.name.clone()
        };
        if kind == "RoleBinding" {
            document["subjects"] = subjects.clone();
        }
        document["metadata"] =
            json!({"name": if leader { format!("namespaced-{name}") } else { name.clone() }});
        if leader && kind == "RoleBinding" {
            document["roleRef"]["name"] = json!("namespaced-kfp-operator");
        }
        let object: DynamicObject = serde_json::from_value(document)?;
        let api = site.world.objects(&namespace, api_version, &kind);
        api.create(&PostParams::default(), &object)
            .await
            .with_context(|| format!("{kind} {name}"))?;
        copied += 1;
    }
    ensure!(
        copied == 4,
        "config/namespaced holds {copied} Roles and RoleBindings"
    );
    Ok(())
}

async fn namespaced(site: Arc<Site>) -> Result<()> {
    let account = "namespaced-operator";
    install_namespaced(&site, account).await?;
    let settings = Settings {
        account: Some((site.name.clone(), account.into())),
        ..Settings::default()
    };
    let operator = Operator::start(&site, settings).await?;
    let _hand = site.hand(Plays::servers());
    site.apply(spec("2.16.1")).await?;
    site.await_condition("Ready", "True", "AllReady").await?;
    let log = operator.log()?;
    ensure!(!log.contains("Forbidden") && !log.contains("forbidden"), "{log}");
    Ok(())
}

async fn lost(site: Arc<Site>) -> Result<()> {
    let (_operator, _hand) = standing(&site).await?;
    let before = site
        .await_object("RoleBinding", "kfp-operator")
        .await?
        .metadata
        .uid;
    site.delete("RoleBinding", "kfp-operator").await?;
    site.delete("ConfigMap", "pipeline-install-config").await?;
    let made = eventually("the binding is there again", || {
        site.get("RoleBinding", "kfp-operator")
    })
    .await?;
    ensure!(made.metadata.uid != before, "it was never away");
    site.await_object("ConfigMap", "pipeline-install-config").await?;
    Ok(())
}

fn registrations(site: &Site) -> Api<DynamicObject> {
    let kind = GroupVersionKind::gvk(
        "admissionregistration.k8s.io",
        "v1",
        "MutatingWebhookConfiguration",
    );
    Api::all_with(site.world.client.clone(), &ApiResource::from_gvk(&kind))
}

async fn webhook(site: Arc<Site>) -> Result<()> {
    let folder = root().join("config/components/cache-server");
    for file in ["role.yaml", "role_binding.yaml"] {
        site.world.kubectl(&[
            "apply",
            "--server-side",
            "-f",
            &folder.join(file).display().to_string(),
        ])?;
    }
    let (_operator, _hand) = standing(&site).await?;
    let name = format!("cache-webhook-{}", site.name);
    let mut with = spec("2.16.1");
    with["components"] = json!([{"name": "cache-server", "enabled": true}]);
    site.apply(with.clone()).await?;
    let registration = eventually("the webhook is registered", || async {
        Ok(registrations(&site).get_opt(&name).await?)
    })
    .await?;
    let trusted = registration
        .data
        .pointer("/webhooks/0/clientConfig/caBundle")
        .cloned();
    let secret = site.await_object("Secret", "webhook-server-tls").await?;
    ensure!(
        trusted.is_some() && trusted.as_ref() == secret.data.pointer("/data/cert.pem"),
        "{trusted:?}"
    );

    site.apply(spec("2.16.1")).await?;
    let gone = || async { Ok(registrations(&site).get_opt(&name).await?.is_none().then_some(())) };
    eventually("the registration goes with the component", gone).await?;
    site.apply(with).await?;
    eventually("the webhook is registered again", || async {
        Ok(registrations(&site).get_opt(&name).await?)
    })
    .await?;
    site.delete_installation().await?;
    site.await_gone().await?;
    eventually("the registration goes with the installation", gone).await
}

async fn undefined(_: Arc<World>) -> Result<()> {
    let world = Arc::new(World::bare().await?);
    let site = Site::new(world, "undefined").await?;
    let _operator = site.operator().await?;
    site.apply(spec("2.16.1")).await?;
    let told = site.await_condition("Stalled", "True", "CrdsMissing").await?;
    ensure!(
        told.contains("workflows.argoproj.io") && told.contains("kubectl apply"),
        "{told}"
    );
    ensure!(site.ours().await?.is_empty(), "something was made");
    site.world.apply_operand_definitions()?;
    // A refused installation is looked at again every half minute.
    tokio::time::sleep(Duration::from_secs(1)).await;
    site.await_object("Deployment", "mysql").await?;
    Ok(())
}
