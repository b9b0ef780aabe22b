//! Proof: pod templates do not change unseen. Changing one restarts that component of every user, so a changed file in
//! `goldens/` needs a line in CHANGELOG.md that says what restarts and why.

use kfp_api::installation::{DatabaseEngine, EgressMode};
use kfp_render::Rendered;
use kfp_render::yaml::document_text;

use crate::common::{NAMESPACE, RELEASES, STORES, chosen, rendered, with_kubernetes_pipelines};

fn freeze(rendered: &Rendered, release: &str, only: Option<&str>, suffix: &str) {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("goldens");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    let chosen = rendered
        .components
        .iter()
        .filter(|component| only.is_none_or(|only| component.name == only));
    for workload in chosen.filter_map(|component| component.workload.as_ref()) {
        let template = &workload.to_json()["spec"]["template"];
        let text = document_text(template).unwrap();
        let name = format!("{release}-{}{suffix}", workload.name());
        settings.bind(|| insta::assert_snapshot!(name, text));
    }
}

#[test]
fn pod_templates_are_the_frozen_ones() {
    for release in RELEASES {
        freeze(&rendered(release), release, None, "");
    }
}

#[test]
fn the_pod_template_of_a_server_that_keeps_pipelines_in_kubernetes_is_the_frozen_one() {
    for release in STORES {
        let rendered = with_kubernetes_pipelines(release, NAMESPACE, "Warn");
        freeze(&rendered, release, Some("ml-pipeline"), "-kubernetes-pipelines");
    }
}

#[test]
fn the_pod_template_of_mariadb_is_the_frozen_one() {
    for release in RELEASES {
        let rendered = chosen(release, DatabaseEngine::MariaDB, EgressMode::Unrestricted);
        freeze(&rendered, release, Some("mysql"), "-mariadb");
    }
}
