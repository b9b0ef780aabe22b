//! PEOPLE: `kfpctl releases`: the catalog for a person: which releases there are, what one is made of, what is wrong with it.

use std::fmt::Write as _;
use std::sync::Arc;

use clap::Subcommand;
use kfp_releases::{Advisory, Catalog, Release, Version};
use serde::Serialize;

use crate::failure::Failure;
use crate::output::{self, Format};

/// What to know.
#[derive(clap::Args)]
pub struct Arguments {
    #[command(subcommand)]
    question: Option<Question>,
    /// How to print.
    #[arg(short, long, value_enum, default_value_t, global = true)]
    output: Format,
}

#[derive(Subcommand)]
enum Question {
    /// Every release, newest first (the default).
    List,
    /// One release: dependencies, components, images, hops.
    Show {
        /// Version, for example `2.16.1`.
        version: String,
    },
    /// What is known to be wrong, and what to do about it.
    Advisories {
        /// Version; without one, every release's.
        version: Option<String>,
    },
}

/// Answers.
pub fn run(arguments: &Arguments) -> Result<(), Failure> {
    let catalog = Catalog::builtin().map_err(|error| Failure::Failed(error.to_string()))?;
    match &arguments.question {
        None | Some(Question::List) => list(catalog, arguments.output),
        Some(Question::Show { version }) => show(catalog, find(catalog, version)?, arguments.output),
        Some(Question::Advisories { version }) => advisories(catalog, version.as_deref(), arguments.output),
    }
}

/// The release of this version, or a failure that names those there are.
fn find<'a>(catalog: &'a Catalog, version: &str) -> Result<&'a Arc<Release>, Failure> {
    catalog.release(version).ok_or_else(|| {
        let known: Vec<String> = catalog
            .releases()
            .map(|release| release.version.to_string())
            .collect();
        Failure::NotFound(format!("no KFP release {version:?}; known: {}", known.join(", ")))
    })
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Row {
    version: Version,
    released: String,
    state: String,
    argo: Option<String>,
    mysql: Option<String>,
    object_store: Option<String>,
    kubernetes: Option<String>,
    sdk: Option<String>,
    advisories: usize,
}

fn list(catalog: &Catalog, format: Format) -> Result<(), Failure> {
    let row = |release: &Arc<Release>| {
        let needs = release.dependencies.as_ref();
        Row {
            version: release.version,
            released: release.released.clone(),
            state: format!("{:?}", release.support.state),
            argo: needs.map(|needs| needs.argo.clone()),
            mysql: needs.map(|needs| needs.mysql.clone()),
            object_store: needs
                .map(|needs| format!("{:?} {}", needs.object_store, needs.object_store_version)),
            kubernetes: needs
                .and_then(|needs| needs.kubernetes.as_ref())
                .map(|range| format!("{}-{}", range.oldest, range.newest)),
            sdk: needs.map(|needs| needs.sdk.kfp.clone()),
            advisories: known(catalog, release).len(),
        }
    };
    let rows: Vec<Row> = catalog.releases().rev().map(row).collect();
    output::print(format, &rows, |rows| {
        let or_dash = |value: &Option<String>| value.clone().unwrap_or_else(|| "-".into());
        output::table(
            [
                "VERSION",
                "RELEASED",
                "STATE",
                "ARGO",
                "MYSQL",
                "OBJECT STORE",
                "KUBERNETES",
                "SDK",
                "ADVISORIES",
            ],
            rows.iter().map(|row| {
                [
                    row.version.to_string(),
                    row.released.clone(),
                    row.state.clone(),
                    or_dash(&row.argo),
                    or_dash(&row.mysql),
                    or_dash(&row.object_store),
                    or_dash(&row.kubernetes),
                    or_dash(&row.sdk),
                    row.advisories.to_string(),
                ]
            }),
        )
    })
}

fn show(catalog: &Catalog, release: &Arc<Release>, format: Format) -> Result<(), Failure> {
    output::print(format, release.as_ref(), |release| draw(catalog, release))
}

fn draw(catalog: &Catalog, release: &Release) -> String {
    let mut text = format!(
        "KFP {}  released {}  {:?}: {}\n",
        release.version, release.released, release.support.state, release.support.reason
    );
    if let Some(needs) = &release.dependencies {
        let kubernetes = needs.kubernetes.as_ref().map_or_else(
            || "nothing said".into(),
            |range| format!("{} to {}", range.oldest, range.newest),
        );
        let rows = [
            ["Argo Workflows", &needs.argo],
            ["ML Metadata", &needs.mlmd],
            ["MySQL", &needs.mysql],
            [
                "Object store",
                &format!("{:?} {}", needs.object_store, needs.object_store_version),
            ],
            ["Tested on Kubernetes", &kubernetes],
            ["kfp", &needs.sdk.kfp],
            ["kfp-kubernetes", &needs.sdk.kfp_kubernetes],
            ["kfp-pipeline-spec", &needs.sdk.pipeline_spec],
            ["kfp-server-api", &needs.sdk.server_api],
        ];
        text += "\n";
        text += &output::table(["GOES WITH", "VERSION"], rows.map(|row| row.map(String::from)));
    }
    if let Some(install) = release.installable() {
        let rows = install.components.iter().map(|component| {
            [
                component.name.clone(),
                format!("{:?}", component.role),
                if component.enabled { "on" } else { "off" }.into(),
                component.replicas.most.to_string(),
                component.after.join(", "),
            ]
        });
        text += "\n";
        text += &output::table(["COMPONENT", "ROLE", "DEFAULT", "MOST REPLICAS", "AFTER"], rows);
    }
    let hops: Vec<_> = catalog
        .edges()
        .iter()
        .filter(|edge| edge.from == release.version || edge.to == release.version)
        .collect();
    if !hops.is_empty() {
        text += "\n";
        text += &output::table(
            ["FROM", "TO", "HAZARDS", "UNDONE BY"],
            hops.iter().map(|edge| {
                let hazards: Vec<String> = edge
                    .hazards
                    .iter()
                    .map(|hazard| format!("{:?}", hazard.kind))
                    .collect();
                [
                    edge.from.to_string(),
                    edge.to.to_string(),
                    hazards.join(", "),
                    format!("{:?}", edge.undo.way),
                ]
            }),
        );
    }
    let known = known(catalog, release);
    if !known.is_empty() {
        let _ = writeln!(
            text,
            "\n{} advisories; `kfpctl releases advisories {}` shows them.",
            known.len(),
            release.version
        );
    }
    text
}

fn advisories(catalog: &Catalog, version: Option<&str>, format: Format) -> Result<(), Failure> {
    let found: Vec<&Advisory> = match version {
        Some(version) => known(catalog, find(catalog, version)?),
        None => catalog.advisories().iter().collect(),
    };
    output::print(format, &found, |found| {
        if found.is_empty() {
            return "No advisory is known.\n".into();
        }
        found
            .iter()
            .map(|advisory| paragraph(advisory))
            .collect::<Vec<_>>()
            .join("\n")
    })
}

/// The advisories of a release; the number of an SDK alone has none, because they are about backends.
fn known<'a>(catalog: &'a Catalog, release: &Release) -> Vec<&'a Advisory> {
    if release.dependencies.is_none() {
        return Vec::new();
    }
    catalog.advisories_of(release.version)
}

fn paragraph(advisory: &Advisory) -> String {
    let fixed = advisory
        .fixed_in
        .map_or_else(|| "not fixed yet".into(), |version| format!("fixed in {version}"));
    let mut text = format!(
        "{:?}  {}  since {}, {fixed}\n",
        advisory.severity, advisory.id, advisory.since
    );
    let _ = writeln!(text, "  {}", advisory.summary);
    if !advisory.workaround.is_empty() {
        let _ = writeln!(text, "  Until then: {}", advisory.workaround);
    }
    let _ = writeln!(text, "  Source: {}", advisory.source);
    text
}
