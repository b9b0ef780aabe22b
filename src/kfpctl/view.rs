//! PEOPLE: an installation's status drawn for a person. Pure: a status in, text out.

use std::fmt::Write as _;

use kfp_api::conditions::{ConditionType, find};
use kfp_api::status::ComponentStatus;
use kfp_api::{KfpInstallation, KfpInstallationStatus};

/// Whether the resource's newest generation is processed and `Ready` is True.
pub fn is_ready(installation: &KfpInstallation) -> bool {
    let Some(status) = &installation.status else {
        return false;
    };
    status.observed_generation == installation.metadata.generation
        && find(&status.conditions, ConditionType::Ready).is_some_and(|ready| ready.status == "True")
}

/// Whether the resource's newest generation is processed and nothing will go on without a person.
pub fn is_stalled(installation: &KfpInstallation) -> bool {
    let Some(status) = &installation.status else {
        return false;
    };
    status.observed_generation == installation.metadata.generation
        && find(&status.conditions, ConditionType::Stalled).is_some_and(|stalled| stalled.status == "True")
}

/// The reason of `Ready`, once there is one.
pub fn reason(installation: &KfpInstallation) -> Option<&str> {
    let ready = find(&installation.status.as_ref()?.conditions, ConditionType::Ready)?;
    Some(&ready.reason)
}

/// The whole picture: a headline, the components with what they wait for, and every condition that is not as it should be.
pub fn draw(installation: &KfpInstallation) -> String {
    let meta = &installation.metadata;
    let name = format!(
        "{}/{}",
        meta.namespace.as_deref().unwrap_or("default"),
        meta.name.as_deref().unwrap_or_default()
    );
    let wanted = &installation.spec.version;
    let Some(status) = installation
        .status
        .as_ref()
        .filter(|status| !status.conditions.is_empty())
    else {
        return format!("{name}  KFP {wanted}  the operator has not looked at it yet; is it running?\n");
    };
    let running = match status.version.as_deref() {
        Some(version) if version == wanted => format!("KFP {version}"),
        Some(version) => format!("KFP {version} (wanted: {wanted})"),
        None => format!("KFP {wanted} (not running yet)"),
    };
    let word = find(&status.conditions, ConditionType::Ready).map_or("Unknown", |ready| {
        match ready.status.as_str() {
            "True" => "Ready",
            _ => ready.reason.as_str(),
        }
    });
    let mut text = format!("{name}  {running}  {word}\n");
    let done = status
        .components
        .iter()
        .filter(|component| is_done(component))
        .count();
    if !status.components.is_empty() {
        let all = status.components.len();
        let _ = writeln!(text, "{}  {done}/{all} components\n", bar(done, all));
    }
    let width = status
        .components
        .iter()
        .map(|component| component.name.len())
        .max()
        .unwrap_or(0);
    for component in &status.components {
        let mark = if is_done(component) { '✔' } else { '…' };
        let line = format!(
            "  {mark} {:width$}  {}/{}  {}",
            component.name, component.ready, component.desired, component.message
        );
        text += line.trim_end();
        text.push('\n');
    }
    text += &conditions(status);
    if let Some(endpoints) = &status.endpoints
        && is_ready(installation)
    {
        text += "\n";
        for (what, address) in [("UI", &endpoints.ui), ("API", &endpoints.api)] {
            if let Some(address) = address {
                let _ = writeln!(text, "  {what:3} {address} (inside the cluster)");
            }
        }
    }
    text
}

/// It has a workload, and nothing is waited for.
fn is_done(component: &ComponentStatus) -> bool {
    component.version.is_some() && component.message.is_empty()
}

/// Conditions a person should read: normal ones that are not True, abnormal ones (Reconciling, Stalled) that are. What
/// `Ready` says already is not said again by these two.
fn conditions(status: &KfpInstallationStatus) -> String {
    let said = find(&status.conditions, ConditionType::Ready).map(|ready| ready.reason.as_str());
    let mut text = String::new();
    for condition in &status.conditions {
        let abnormal = matches!(condition.type_.as_str(), "Reconciling" | "Stalled");
        let again = abnormal && said == Some(condition.reason.as_str());
        if (condition.status == "True") != abnormal || again {
            continue;
        }
        if text.is_empty() {
            text.push('\n');
        }
        let _ = writeln!(
            text,
            "  {}={} {}: {}",
            condition.type_, condition.status, condition.reason, condition.message
        );
    }
    text
}

/// `done` of `all` as a bar of 20 cells.
fn bar(done: usize, all: usize) -> String {
    const CELLS: usize = 20;
    let full = CELLS * done / all.max(1);
    "█".repeat(full) + &"░".repeat(CELLS - full)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn installation(text: &str) -> KfpInstallation {
        serde_saphyr::from_str(text).unwrap()
    }

    #[test]
    fn a_resource_that_nobody_looked_at_says_so() {
        let fresh = installation(
            "{apiVersion: kfpops.dev/v1alpha1, kind: KfpInstallation, metadata: {name: a, namespace: team}, \
             spec: {version: 2.16.1}, status: {observedGeneration: -1}}",
        );
        insta::assert_snapshot!(draw(&fresh), @"team/a  KFP 2.16.1  the operator has not looked at it yet; is it running?");
        assert!(!is_ready(&fresh));
    }

    const MIDWAY: &str = r#"
apiVersion: kfpops.dev/v1alpha1
kind: KfpInstallation
metadata: {name: demo, namespace: kubeflow, generation: 1}
spec: {version: 2.16.1}
status:
  observedGeneration: 1
  components:
    - {name: mysql, version: 2.16.1, ready: 1, desired: 1}
    - {name: ml-pipeline, ready: 0, desired: 1, message: "waits for metadata-grpc-deployment: 0/1 ready"}
  conditions:
    - {type: Ready, status: "False", reason: Progressing, message: 1 of 2 components are ready, lastTransitionTime: "2026-01-01T00:00:00Z"}
    - {type: Reconciling, status: "True", reason: Progressing, message: 1 of 2 components are ready, lastTransitionTime: "2026-01-01T00:00:00Z"}
    - {type: DatabaseReady, status: "True", reason: Healthy, message: "", lastTransitionTime: "2026-01-01T00:00:00Z"}
"#;

    #[test]
    fn an_installation_midway_shows_what_is_waited_for() {
        insta::assert_snapshot!(draw(&installation(MIDWAY)));
    }

    #[test]
    fn a_stall_of_an_older_generation_is_over() {
        let text = MIDWAY.replace("type: Reconciling", "type: Stalled");
        assert!(is_stalled(&installation(&text)));
        assert!(!is_stalled(&installation(
            &text.replace("generation: 1}", "generation: 2}")
        )));
    }

    #[test]
    fn an_older_generation_is_not_ready_even_when_its_condition_says_so() {
        let text = MIDWAY.replace("type: Ready, status: \"False\"", "type: Ready, status: \"True\"");
        assert!(is_ready(&installation(&text)));
        assert!(!is_ready(&installation(
            &text.replace("generation: 1}", "generation: 2}")
        )));
    }
}
