//! PROOF (real API server): what the SDK policy makes of pipelines that are Kubernetes objects, and what the operator registers
//! for it.

use std::sync::Arc;

use anyhow::{Context, Result, bail, ensure};
use kfp_api::KfpInstallation;
use kfp_releases::validate::validate;
use kfp_releases::{Catalog, References};
use kfp_render::{Object, admission, render};
use kfp_tests::hand::Plays;
use kfp_tests::world::{eventually, root};
use kfp_tests::{Site, World};
use kube::Api;
use kube::api::{ApiResource, DynamicObject, Patch, PatchParams, PostParams};
use kube::core::GroupVersionKind;
use serde::Deserialize;
use serde_json::{Value, json};

use super::Case;
use super::install::spec;

/// Group and version of pipelines that are Kubernetes objects.
const PIPELINES: &str = "pipelines.kubeflow.org/v2beta1";

/// The table, the modes, and the operator at work.
pub fn cases() -> Vec<Case> {
    vec![
        Case::at(
            "sdk-table",
            "an enforced policy lets in and out what the table says, and says why",
            table,
        ),
        Case::at(
            "sdk-modes",
            "a policy refuses, then warns, then allows more, and is gone when it is switched off",
            modes,
        ),
        Case::at(
            "sdk-store",
            "pipelines in Kubernetes bring webhooks and a policy, which follow the spec and go with it",
            store,
        ),
        Case::at(
            "sdk-database",
            "a policy that cannot be enforced is told, and nothing is touched",
            unenforceable,
        ),
    ]
}

/// One line of `tests/data/sdk-policy-cases.yaml`, which says what the fields mean.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    sdk: Option<String>,
    #[serde(default = "train")]
    pipeline: String,
    r#let: String,
}

fn train() -> String {
    "train".into()
}

/// What asks pipelines in this namespace, as an installation with this policy would have it.
fn asked(site: &Site, policy: &Value) -> Result<Vec<Object>> {
    let resource: KfpInstallation = serde_json::from_value(json!({
        "apiVersion": "kfpops.dev/v1alpha1", "kind": "KfpInstallation",
        "metadata": {"name": site.name, "namespace": site.name, "uid": "1"},
        "spec": {"version": "2.16.1", "pipelineStore": {"type": "Kubernetes"}, "sdkPolicy": policy},
    }))?;
    let valid = match validate(&resource, &References::default(), Catalog::builtin()?) {
        Ok(valid) => valid,
        Err(findings) => bail!("{findings:?}"),
    };
    let kinds = admission(&site.name).map(|(kind, _)| kind);
    let mut objects = render(&valid)?.objects();
    objects.retain(|object| kinds.contains(&object.kind()));
    Ok(objects)
}

fn registered(world: &World, kind: &str) -> Api<DynamicObject> {
    let kind = GroupVersionKind::gvk("admissionregistration.k8s.io", "v1", kind);
    Api::all_with(world.client.clone(), &ApiResource::from_gvk(&kind))
}

/// Registers the policy as the operator does. Without the webhooks, behind which no server stands here.
async fn register(site: &Site, policy: &Value) -> Result<()> {
    for object in asked(site, policy)? {
        registered(&site.world, object.kind())
            .patch(
                object.name(),
                &PatchParams::apply("kfp-operator/resources").force(),
                &Patch::Apply(object.to_json()),
            )
            .await
            .with_context(|| format!("{} {}", object.kind(), object.name()))?;
    }
    Ok(())
}

fn pipeline_version(site: &Site, name: &str, pipeline: &str, sdk: Option<&str>) -> Value {
    let mut compiled =
        json!({"schemaVersion": "2.1.0", "pipelineInfo": {"name": "train"}, "root": {"dag": {}}});
    if let Some(sdk) = sdk {
        compiled["sdkVersion"] = json!(sdk);
    }
    json!({
        "apiVersion": PIPELINES, "kind": "PipelineVersion",
        "metadata": {"name": name, "namespace": site.name},
        "spec": {"pipelineName": pipeline, "pipelineSpec": compiled},
    })
}

/// What the API server says to a new pipeline version that it is only to try; nothing when it lets it in.
async fn refusal(site: &Site, pipeline: &str, sdk: Option<&str>) -> Result<Option<String>> {
    let api = site.world.objects(&site.name, PIPELINES, "PipelineVersion");
    let object: DynamicObject = serde_json::from_value(pipeline_version(site, "tried", pipeline, sdk))?;
    let trial = PostParams {
        dry_run: true,
        ..PostParams::default()
    };
    match api.create(&trial, &object).await {
        Ok(_) => Ok(None),
        Err(kube::Error::Api(status)) if status.code == 422 => Ok(Some(status.message.clone())),
        Err(error) => Err(error).context("an unexpected answer"),
    }
}

/// Policies take effect some time after they are registered.
async fn await_refusal(site: &Site, pipeline: &str, sdk: &str) -> Result<String> {
    eventually("it is refused", || refusal(site, pipeline, Some(sdk))).await
}

async fn await_admittance(site: &Site, pipeline: &str, sdk: &str) -> Result<()> {
    eventually("it is let in", || async {
        Ok(refusal(site, pipeline, Some(sdk)).await?.is_none().then_some(()))
    })
    .await
}

async fn table(site: Arc<Site>) -> Result<()> {
    let path = root().join("tests/data/sdk-policy-cases.yaml");
    let text = std::fs::read_to_string(&path).with_context(|| path.display().to_string())?;
    let table: Value = serde_saphyr::from_str(&text)?;
    let mut policy = table["policy"].clone();
    policy["mode"] = json!("Enforce");
    register(&site, &policy).await?;
    let told = await_refusal(&site, "train", "kfp-2.17.0").await?;
    for words in [
        "kfp 2.17.0 compiled this pipeline",
        ">=2.9.0,<2.17.0,!=2.15.0",
        "pip install kfp==2.16.1 kfp-kubernetes==2.16.1",
        "ConfigMap kfp-sdk-policy",
    ] {
        ensure!(told.contains(words), "{words} is not in: {told}");
    }
    let lines: Vec<Line> = serde_json::from_value(table["cases"].clone())?;
    let mut wrong = Vec::new();
    for Line {
        sdk,
        pipeline,
        r#let: wanted,
    } in lines
    {
        let refused = refusal(&site, &pipeline, sdk.as_deref()).await?;
        let told = refused.clone().unwrap_or_default();
        // An expression that fails refuses too, and says so; that is not what the table means.
        if refused.is_some() != (wanted == "out") || told.contains("resulted in error") {
            wrong.push(format!(
                "{sdk:?} of {pipeline}: wanted {wanted}, told {refused:?}"
            ));
        }
    }
    ensure!(wrong.is_empty(), "{wrong:#?}");
    let told = refusal(&site, "train", None).await?.unwrap_or_default();
    ensure!(told.contains("does not say which SDK compiled it"), "{told}");
    unusual(&site).await
}

/// Objects that no SDK writes are refused with words, too.
async fn unusual(site: &Site) -> Result<()> {
    let api = site.world.objects(&site.name, PIPELINES, "PipelineVersion");
    for compiled in [
        json!({"sdkVersion": 2.16}),
        json!("kfp-2.16.0"),
        json!([]),
        json!(null),
    ] {
        let mut object = pipeline_version(site, "unusual", "train", None);
        object["spec"]["pipelineSpec"] = compiled.clone();
        let object: DynamicObject = serde_json::from_value(object)?;
        match api.create(&PostParams::default(), &object).await {
            Err(kube::Error::Api(status)) if status.message.contains("does not say which SDK") => {}
            answer => bail!("{compiled}: {answer:?}"),
        }
    }
    Ok(())
}

async fn modes(site: Arc<Site>) -> Result<()> {
    let api = site.world.objects(&site.name, PIPELINES, "PipelineVersion");
    let newer = pipeline_version(&site, "newer", "train", Some("kfp-2.17.0"));
    let file = site.folder.join("newer.json");
    std::fs::write(&file, newer.to_string())?;
    // Written before there was a policy.
    let kept: DynamicObject =
        serde_json::from_value(pipeline_version(&site, "kept", "train", Some("kfp-2.17.0")))?;
    api.create(&PostParams::default(), &kept).await?;
    register(&site, &json!({"mode": "Enforce"})).await?;
    await_refusal(&site, "train", "kfp-2.17.0").await?;

    // What is there may be labelled, and go; only what it was compiled by is asked.
    let merge = |value: Value| Patch::Merge(value);
    let labelled = merge(json!({"metadata": {"labels": {"team": "a"}}}));
    api.patch("kept", &PatchParams::default(), &labelled).await?;
    let other = merge(json!({"spec": {"pipelineSpec": {"sdkVersion": "kfp-2.18.0"}}}));
    ensure!(
        api.patch("kept", &PatchParams::default(), &other).await.is_err(),
        "a newer SDK was let in"
    );

    // The same as a warning.
    register(&site, &json!({"mode": "Warn"})).await?;
    await_admittance(&site, "train", "kfp-2.17.0").await?;
    let said = apply(&site, &file)?;
    ensure!(
        said.contains("Warning") && said.contains("kfp 2.17.0 compiled this pipeline"),
        "kubectl said: {said}"
    );

    // A changed policy.
    register(&site, &json!({"mode": "Enforce", "allowed": "<2.17"})).await?;
    await_refusal(&site, "train", "kfp-2.17.1").await?;
    register(&site, &json!({"mode": "Enforce", "allowed": "<2.17", "exceptions": [{"pipeline": "train", "reason": "a test"}]}))
        .await?;
    await_admittance(&site, "train", "kfp-2.17.1").await?;
    ensure!(
        refusal(&site, "score", Some("kfp-2.17.1")).await?.is_some(),
        "an exception holds for others"
    );

    ensure!(
        asked(&site, &json!({"mode": "Off"}))?.is_empty(),
        "a policy that is off asks"
    );
    Ok(())
}

/// What `kubectl apply` says, warnings included.
fn apply(site: &Site, file: &std::path::Path) -> Result<String> {
    let mut command = site.world.control_plane.kubectl()?;
    let output = command.arg("apply").arg("-f").arg(file).output()?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    ensure!(output.status.success(), "{said}");
    Ok(said)
}

/// The rights of `config/components/kubernetes-pipelines`.
pub fn give_rights(site: &Site) -> Result<()> {
    let folder = root().join("config/components/kubernetes-pipelines");
    for file in ["role.yaml", "role_binding.yaml"] {
        let file = folder.join(file).display().to_string();
        site.world.kubectl(&["apply", "--server-side", "-f", &file])?;
    }
    Ok(())
}

async fn store(site: Arc<Site>) -> Result<()> {
    give_rights(&site)?;
    let _operator = site.operator().await?;
    let _hand = site.hand(Plays::nothing());
    let mut wanted = spec("2.16.1");
    wanted["pipelineStore"] = json!({"type": "Kubernetes"});
    wanted["sdkPolicy"] = json!({"mode": "Enforce", "inventory": {"enabled": false}});
    site.apply(wanted.clone()).await?;

    let webhooks = format!("kfp-pipelineversions-{}", site.name);
    for kind in ["ValidatingWebhookConfiguration", "MutatingWebhookConfiguration"] {
        let registration = eventually(&format!("{kind} is registered"), || async {
            Ok(registered(&site.world, kind).get_opt(&webhooks).await?)
        })
        .await?;
        let secret = site.await_object("Secret", "kfp-api-webhook-cert").await?;
        let trusted = registration.data.pointer("/webhooks/0/clientConfig/caBundle");
        ensure!(
            trusted.is_some() && trusted == secret.data.pointer("/data/tls.crt"),
            "{kind} trusts {trusted:?}"
        );
    }
    let [(policies, name), (bindings, _)] = admission(&site.name);
    let actions = |wanted: &'static str| {
        let (site, name) = (&site, &name);
        eventually(wanted, move || async move {
            let found = registered(&site.world, bindings).get_opt(name).await?;
            let actions = found.and_then(|found| found.data.pointer("/spec/validationActions").cloned());
            Ok((actions == Some(json!([wanted]))).then_some(()))
        })
    };
    actions("Deny").await?;
    let policy = site.await_object("ConfigMap", "kfp-sdk-policy").await?;
    ensure!(
        policy.data.pointer("/data/mode") == Some(&json!("Enforce")),
        "{:?}",
        policy.data
    );

    wanted["sdkPolicy"]["mode"] = json!("Warn");
    site.apply(wanted.clone()).await?;
    actions("Warn").await?;
    wanted["sdkPolicy"]["mode"] = json!("Off");
    site.apply(wanted.clone()).await?;
    let gone = |kind: &'static str, name: &str| {
        let (site, name) = (&site, name.to_owned());
        async move {
            eventually(&format!("{kind} is gone"), || async {
                Ok(registered(&site.world, kind)
                    .get_opt(&name)
                    .await?
                    .is_none()
                    .then_some(()))
            })
            .await
        }
    };
    gone(policies, &name).await?;
    gone(bindings, &name).await?;
    let there = registered(&site.world, "MutatingWebhookConfiguration")
        .get_opt(&webhooks)
        .await?;
    ensure!(there.is_some(), "the store's own webhook went with the policy");

    wanted["sdkPolicy"]["mode"] = json!("Warn");
    site.apply(wanted).await?;
    actions("Warn").await?;
    site.delete_installation().await?;
    site.await_gone().await?;
    for (kind, name) in [
        (policies, &name),
        (bindings, &name),
        ("MutatingWebhookConfiguration", &webhooks),
        ("ValidatingWebhookConfiguration", &webhooks),
    ] {
        gone(kind, name).await?;
    }
    Ok(())
}

async fn unenforceable(site: Arc<Site>) -> Result<()> {
    let _operator = site.operator().await?;
    let mut wanted = spec("2.16.1");
    wanted["sdkPolicy"] = json!({"mode": "Enforce"});
    site.apply(wanted).await?;
    let told = site
        .await_condition("Stalled", "True", "SdkPolicyNotEnforceable")
        .await?;
    ensure!(
        told.contains("spec.sdkPolicy.mode") && told.contains("Warn"),
        "{told}"
    );
    ensure!(site.ours().await?.is_empty(), "something was made");
    Ok(())
}
