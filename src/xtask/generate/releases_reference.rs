//! TOOLS: `docs/reference/releases.md`: the release catalog as a page.

use std::fmt::Write as _;

use anyhow::Context;
use kfp_releases::{Advisory, Catalog, Release};

use super::{File, markdown};

const INTRODUCTION: &str = "What the operator knows about the releases of Kubeflow Pipelines (KFP). `kfpctl releases` prints the \
    same from the program that you have.\n\n*Supported* is installed and kept by this operator. *Listed* is known and not \
    installed. *Withdrawn* was replaced upstream. *SdkOnly* is the number of a Python package without a backend.";

/// The page about releases.
pub fn files() -> anyhow::Result<Vec<File>> {
    let catalog = Catalog::builtin().context("the release catalog is not sound")?;
    let mut page = markdown::head("Releases", INTRODUCTION);
    overview(&mut page, catalog);
    for release in catalog.releases().rev() {
        if release.installable().is_some() {
            installable(&mut page, release);
        }
    }
    hops(&mut page, catalog);
    advisories(&mut page, catalog);
    Ok(vec![File {
        path: "docs/reference/releases.md".to_owned(),
        content: page,
    }])
}

fn overview(page: &mut String, catalog: &Catalog) {
    let rows = catalog.releases().rev().map(|release| {
        let needs = release.dependencies.as_ref();
        let or_dash = |value: Option<String>| value.unwrap_or_else(|| "–".to_owned());
        [
            release.version.to_string(),
            release.released.clone(),
            format!("{:?}", release.support.state),
            or_dash(needs.map(|needs| needs.argo.clone())),
            or_dash(needs.map(|needs| needs.mysql.clone())),
            or_dash(needs.map(|needs| format!("{:?} {}", needs.object_store, needs.object_store_version))),
            or_dash(needs.map(|needs| needs.mlmd.clone())),
            or_dash(needs.and_then(|needs| {
                let range = needs.kubernetes.as_ref()?;
                Some(format!("{} to {}", range.oldest, range.newest))
            })),
            needs.map_or_else(
                || "–".to_owned(),
                |_| catalog.advisories_of(release.version).len().to_string(),
            ),
        ]
    });
    *page += "\n## All releases\n\nThe versions beside a release are those that upstream ships with it; Kubernetes is what upstream's \
              own tests ran on.\n";
    *page += &markdown::table(
        [
            "KFP",
            "Released",
            "State",
            "Argo",
            "MySQL",
            "Object store",
            "ML Metadata",
            "Kubernetes",
            "Advisories",
        ],
        rows,
    );
    *page += "\n## Why a state is what it is\n";
    *page += &markdown::table(
        ["KFP", "State", "Why"],
        catalog.releases().rev().map(|release| {
            [
                release.version.to_string(),
                format!("{:?}", release.support.state),
                release.support.reason.clone(),
            ]
        }),
    );
}

fn installable(page: &mut String, release: &Release) {
    let Some(install) = release.installable() else {
        return;
    };
    // Writing into a String cannot fail.
    let _ = write!(
        page,
        "\n## Components of {}\n\n`replicas` is the most that can run at once. A component starts when those under *after* are \
         ready. A database that names no engine gets {:?}.\n",
        release.version, install.default_engine
    );
    *page += &markdown::table(
        [
            "Component",
            "Role",
            "Runs by default",
            "Replicas",
            "Why not more",
            "After",
        ],
        install.components.iter().map(|component| {
            let runs = match (component.required, component.enabled) {
                (true, _) => "always",
                (false, true) => "yes",
                (false, false) => "no",
            };
            [
                format!("`{}`", component.name),
                format!("{:?}", component.role),
                runs.to_owned(),
                component.replicas.most.to_string(),
                component.replicas.why.clone(),
                markdown::codes(&component.after),
            ]
        }),
    );
    *page += "\nImages:\n";
    *page += &markdown::table(
        ["For", "Image"],
        install
            .images
            .iter()
            .map(|(name, image)| [name.clone(), format!("`{image}`")]),
    );
    let Some(needs) = &release.dependencies else {
        return;
    };
    *page += "\nPython packages of the same time:\n";
    *page += &markdown::table(
        ["Package", "Version"],
        [
            ["`kfp`", &needs.sdk.kfp],
            ["`kfp-kubernetes`", &needs.sdk.kfp_kubernetes],
            ["`kfp-pipeline-spec`", &needs.sdk.pipeline_spec],
            ["`kfp-server-api`", &needs.sdk.server_api],
        ]
        .map(|row| row.map(str::to_owned)),
    );
}

fn hops(page: &mut String, catalog: &Catalog) {
    *page += "\n## Hops\n\nA hop is a step from one release to a newer one that is understood: what it takes, what can go wrong, and \
              how it is taken back. This version of the operator does not carry hops out; it refuses a changed version \
              (`UpgradeNotSupported`).\n";
    for edge in catalog.edges() {
        let steps: Vec<String> = edge.steps.iter().map(|step| format!("{step:?}")).collect();
        let _ = write!(
            page,
            "\n### {} to {}\n\nSteps: {}.\n",
            edge.from,
            edge.to,
            steps.join(", ")
        );
        *page += &markdown::table(
            ["Hazard", "What happens", "What is done against it", "Source"],
            edge.hazards.iter().map(|hazard| {
                [
                    format!("{:?}", hazard.kind),
                    hazard.what.clone(),
                    hazard.guard.clone(),
                    hazard.source.clone(),
                ]
            }),
        );
        let _ = write!(
            page,
            "\nTaken back by **{:?}**. Proof: {}\n",
            edge.undo.way, edge.undo.proof
        );
    }
}

fn advisories(page: &mut String, catalog: &Catalog) {
    *page += "\n## Advisories\n\nKnown defects of releases, worst first. A number after # is an issue or pull request of \
              kubeflow/pipelines.\n";
    let mut all: Vec<&Advisory> = catalog.advisories().iter().collect();
    all.sort_by_key(|advisory| std::cmp::Reverse(advisory.severity));
    for advisory in all {
        let fixed = advisory.fixed_in.map_or_else(
            || "not fixed yet".to_owned(),
            |version| format!("fixed in {version}"),
        );
        let _ = write!(
            page,
            "\n### {}\n\n{:?}, since {}, {fixed}. {}\n",
            advisory.id, advisory.severity, advisory.since, advisory.summary
        );
        if !advisory.workaround.is_empty() {
            let _ = write!(page, "\nUntil then: {}\n", advisory.workaround);
        }
        let _ = write!(page, "\nSource: {}\n", advisory.source);
    }
}
