//! TOOLS: `crds/`: our CustomResourceDefinitions, one a file, and the kustomization that lists them.

use std::fmt::Write as _;

use anyhow::Context;

use super::{File, MARK, yaml};

/// The files of `crds/`.
pub fn files() -> anyhow::Result<Vec<File>> {
    let mut files = Vec::new();
    let mut kustomization = format!(
        "# {MARK}; do not edit.\napiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources:\n"
    );
    for crd in kfp_api::schema::crds() {
        let name = format!("{}_{}.yaml", crd.spec.group, crd.spec.names.plural);
        writeln!(kustomization, "  - {name}").context("the kustomization cannot be written")?;
        files.push(File {
            path: format!("crds/{name}"),
            content: yaml::document(&crd)?,
        });
    }
    files.push(File {
        path: "crds/kustomization.yaml".to_owned(),
        content: kustomization,
    });
    Ok(files)
}
