//! TOOLS: `config/rbac/operands/`: the ClusterRoles that components of any release are bound to, one a file.

use std::collections::BTreeSet;
use std::fmt::{self, Write as _};

use anyhow::Context;
use k8s_openapi::api::rbac::v1::ClusterRole;
use kfp_releases::Catalog;
use kfp_releases::access::Access;

use super::{File, MARK, yaml};

const FOLDER: &str = "config/rbac/operands";

/// The files of `config/rbac/operands/`.
pub fn files() -> anyhow::Result<Vec<File>> {
    let catalog = Catalog::builtin().context("the release catalog is not sound")?;
    let mut kustomization = format!(
        "# {MARK}; do not edit.\n# Rights of the components of every release. The operator binds them in namespaces that hold an \
         installation; by\n# themselves they give nothing to anyone.\napiVersion: kustomize.config.k8s.io/v1beta1\nkind: \
         Kustomization\nresources:\n"
    );
    let mut files = Vec::new();
    for role in kfp_render::operand_cluster_roles(catalog) {
        let name = role.metadata.name.clone().unwrap_or_default();
        writeln!(kustomization, "  - {name}.yaml").context("the kustomization cannot be written")?;
        files.push(File {
            path: format!("{FOLDER}/{name}.yaml"),
            content: explained(catalog, &role, &name)?,
        });
    }
    files.push(File {
        path: format!("{FOLDER}/kustomization.yaml"),
        content: kustomization,
    });
    Ok(files)
}

/// The role under what is to be known about it.
fn explained(catalog: &Catalog, role: &ClusterRole, name: &str) -> anyhow::Result<String> {
    let document = yaml::document(role)?;
    let (mark, body) = document
        .split_once('\n')
        .context("a document begins with its mark")?;
    let mut text = format!("{mark}\n");
    comment(&mut text, catalog, name).context("the comment cannot be written")?;
    Ok(text + body)
}

fn comment(text: &mut String, catalog: &Catalog, name: &str) -> fmt::Result {
    let mut releases = BTreeSet::new();
    let mut upstream = BTreeSet::new();
    let mut left_out = BTreeSet::new();
    for (release, install) in catalog.installs() {
        for access in install
            .access()
            .filter(|access: &&Access| access.cluster_role == name)
        {
            releases.insert(release.version);
            upstream.extend(access.upstream_role.as_deref());
            left_out.extend(
                access
                    .left_out
                    .iter()
                    .map(|left| (left.right.as_str(), left.reason.as_str())),
            );
        }
    }
    let releases: Vec<String> = releases.into_iter().map(|version| version.to_string()).collect();
    let upstream: Vec<&str> = upstream.into_iter().collect();
    let origin = if upstream.is_empty() {
        "no Role of upstream's".to_owned()
    } else {
        format!("upstream's Role {}", upstream.join(", "))
    };
    writeln!(text, "# KFP {}: {origin}.", releases.join(", "))?;
    for (right, reason) in left_out {
        writeln!(
            text,
            "# Left out: {}: {}",
            right.trim(),
            reason.split_whitespace().collect::<Vec<_>>().join(" ")
        )?;
    }
    Ok(())
}
