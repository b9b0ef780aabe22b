//! PEOPLE: `kfpctl inventory`: what is stored in an installation, which SDK compiled it, how it fares, whose it is. Reads the
//! resource and the ConfigMaps that the operator writes; the database is never asked.

mod fetch;
mod report;

pub(crate) use fetch::{Inventory, fetch};
use report::Report;
#[cfg(test)]
pub(crate) use report::tests as report_tests;
pub(crate) use report::{Entry, kind_words, verdict_words};

use kfp_api::KfpInstallation;
use kfp_compat::inventory::Row;
use kfp_compat::{Outcome, SdkVersion};
use kfp_releases::sdk::SdkRange;
use kube::api::ListParams;
use kube::{Api, Client};

use crate::cluster::{Connection, block_on};
use crate::failure::Failure;
use crate::output::{self, Format};

const EXAMPLES: &str = "\
Examples:
  kfpctl inventory kfp -n kubeflow
  kfpctl inventory kfp --only problems -o json
  kfpctl inventory kfp --sdk '>=2.15,<2.16'

Exit codes: 0 what is shown runs on the release that runs; 1 some of it is refused there, or its runs fail; 2 usage; 3 not looked
through yet; 4 not found; 5 forbidden.";

/// What to list.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// Name of the KfpInstallation; without one, every installation of the namespace.
    name: Option<String>,
    /// Namespace; without one, the kubeconfig's.
    #[arg(short, long)]
    namespace: Option<String>,
    #[command(flatten)]
    connection: Connection,
    /// Only these.
    #[arg(long, value_enum, value_name = "WHICH")]
    only: Option<Only>,
    /// Only what was compiled by this version of the SDK (`2.15.1`), by a range of them (`>=2.15,<2.16`), or by one that is
    /// not known (`unknown`).
    #[arg(long, value_name = "VERSIONS", value_parser = sdk)]
    sdk: Option<Sdk>,
    /// How to print.
    #[arg(short, long, value_enum, default_value_t)]
    output: Format,
}

/// Which rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Only {
    /// What does not simply run on one of the releases, or could not be judged.
    Problems,
    /// Pipeline versions.
    PipelineVersions,
    /// Recurring runs.
    RecurringRuns,
    /// Runs.
    Runs,
}

/// Which SDKs.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Sdk {
    Unknown,
    One(SdkVersion),
    Range(SdkRange),
}

fn sdk(text: &str) -> Result<Sdk, String> {
    if text == "unknown" {
        return Ok(Sdk::Unknown);
    }
    if let Ok(version) = text.parse() {
        return Ok(Sdk::One(version));
    }
    text.parse()
        .map(Sdk::Range)
        .map_err(|error: kfp_releases::sdk::SdkRangeError| error.to_string())
}

impl Sdk {
    fn fits(&self, row: &Row) -> bool {
        let compiled: Option<SdkVersion> = row.sdk.as_ref().and_then(|sdk| sdk.parse().ok());
        match (self, compiled) {
            (Self::Unknown, compiled) => compiled.is_none(),
            (Self::One(version), Some(compiled)) => *version == compiled,
            (Self::Range(range), Some(compiled)) => range.contains(&compiled),
            (_, None) => false,
        }
    }
}

impl Only {
    fn fits(self, row: &Row) -> bool {
        use kfp_compat::inventory::Kind;
        match self {
            Self::Problems => row.unread.is_some() || !row.fares.is_empty(),
            Self::PipelineVersions => row.kind == Kind::PipelineVersion,
            Self::RecurringRuns => row.kind == Kind::RecurringRun,
            Self::Runs => row.kind == Kind::Run,
        }
    }
}

/// Lists.
pub fn run(arguments: &Arguments) -> Result<(), Failure> {
    let found = block_on(look(arguments))?;
    let fits = |row: &Row| {
        arguments.only.is_none_or(|only| only.fits(row))
            && arguments.sdk.as_ref().is_none_or(|sdk| sdk.fits(row))
    };
    let reports: Vec<Report> = found
        .iter()
        .map(|inventory| Report::of(inventory, fits))
        .collect();
    match reports.as_slice() {
        [one] => output::print(arguments.output, one, report::draw)?,
        all => output::print(arguments.output, &all, |all| {
            all.iter().map(report::draw).collect::<Vec<_>>().join("\n")
        })?,
    }
    let refused = found.iter().any(|inventory| {
        let shown = inventory.rows.iter().filter(|row| fits(row));
        shown
            .filter_map(|row| row.outcome(inventory.running))
            .any(|outcome| outcome >= Outcome::Fails)
    });
    if refused {
        return Err(Failure::Findings);
    }
    Ok(())
}

async fn look(arguments: &Arguments) -> Result<Vec<Inventory>, Failure> {
    let client = arguments.connection.client().await?;
    let api = installations(&client, arguments.namespace.as_deref());
    if let Some(name) = &arguments.name {
        return Ok(vec![fetch(&client, &api.get(name).await?).await?]);
    }
    let all = api.list(&ListParams::default()).await?.items;
    if all.is_empty() {
        return Err(Failure::NotFound(
            "no KfpInstallation here; look elsewhere with -n".into(),
        ));
    }
    let mut found = Vec::with_capacity(all.len());
    for installation in &all {
        found.push(fetch(&client, installation).await?);
    }
    Ok(found)
}

/// Installations of a namespace, or of the kubeconfig's.
pub(crate) fn installations(client: &Client, namespace: Option<&str>) -> Api<KfpInstallation> {
    match namespace {
        Some(namespace) => Api::namespaced(client.clone(), namespace),
        None => Api::default_namespaced(client.clone()),
    }
}

#[cfg(test)]
mod tests {
    use super::report::tests::row;
    use super::*;

    #[test]
    fn sdks_are_named_one_by_one_by_range_or_as_unknown() {
        let compiled = |by: Option<&str>| Row {
            sdk: by.map(str::to_owned),
            ..row("a")
        };
        for (wanted, by, fits) in [
            ("2.15.1", Some("2.15.1"), true),
            ("2.15.1", Some("2.15.2"), false),
            (">=2.15,<2.16", Some("2.15.2"), true),
            (">=2.15,<2.16", None, false),
            ("unknown", None, true),
            ("unknown", Some("2.15.2"), false),
        ] {
            assert_eq!(sdk(wanted).unwrap().fits(&compiled(by)), fits, "{wanted} {by:?}");
        }
        assert!(sdk("newest").is_err());
    }
}
