//! PEOPLE: `kfpctl check`: do these pipelines and pinned SDKs run on those releases? Reads, asks the judge, reports;
//! decides nothing.

mod backends;
mod collect;
pub(crate) mod endpoint;
mod environment;
mod examine;
mod excerpt;
mod findings;
mod github;
mod human;
mod inputs;
pub(crate) mod installation;
mod junit;
mod matrix;
mod output;
mod packages;
mod policy;
pub mod report;
#[cfg(test)]
mod sample;
mod sarif;
pub(crate) mod targets;

use std::path::PathBuf;

use kfp_compat::{Knowledge, Packages, Severity};
use kfp_releases::Version;

use crate::failure::Failure;
use crate::output::Format;
use crate::upgrade_to;
use examine::Bench;
pub use findings::effect_words;
use report::Report;

const EXAMPLES: &str = "\
Examples:
  kfpctl check pipeline.yaml --backend 2.16.1
  kfpctl check pipelines requirements.txt --backend-range '>=2.15, <2.18' --fail-on warning
  kfpctl check pipelines --backend 2.16.1 --output github --output-file sarif=kfp.sarif
  kfpctl check --matrix pipeline.yaml

Exit codes: 0 every backend takes and runs it (warnings alone are 0, unless --fail-on warning); 1 an upload or a run would be
refused or would fail, or a policy makes an error of something; 2 the command line or a file cannot be used.";

/// What to check, and for which releases.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// Compiled pipelines (YAML, JSON, their .zip and .tar.gz), files that pin Python packages, folders that hold such,
    /// patterns (`pipelines/**/*.yaml`), or `-` for standard input.
    ///
    /// Files that pin packages are known by name: requirements*.txt, requirements*.in, constraints*.txt, pyproject.toml,
    /// uv.lock, poetry.lock, pdm.lock, pylock.toml, Pipfile, Pipfile.lock.
    ///
    /// In folders, other files, hidden ones and other people's (`node_modules`, virtual environments) are passed over.
    #[arg(required_unless_present_any = ["installed_sdk", "upgrade_to"])]
    paths: Vec<PathBuf>,
    /// Release that will run it, for example `2.16.1`. May be given several times, or several apart by commas.
    #[arg(short, long, value_name = "RELEASE", value_delimiter = ',')]
    backend: Vec<String>,
    /// All releases of a range, for example `>=2.15, <2.18`.
    #[arg(long, value_name = "RANGE")]
    backend_range: Option<String>,
    #[command(flatten)]
    installation: installation::Named,
    /// What of the pipelines stored in the installation will not run, or will run differently, on this release, and whose it
    /// is. Reads what the operator wrote down about them.
    #[arg(
        long,
        value_name = "RELEASE",
        requires = "installation",
        conflicts_with_all = ["paths", "backend", "backend_range", "endpoint", "installed_sdk", "matrix", "output_file"]
    )]
    upgrade_to: Option<String>,
    #[command(flatten)]
    endpoint: endpoint::Server,
    /// Check the SDK of this Python environment too: `$VIRTUAL_ENV`, `$CONDA_PREFIX`, `./.venv`, or that of python3 on the
    /// path.
    /// Python is not started.
    #[arg(long)]
    installed_sdk: bool,
    /// Judge for every release there is and draw how each file fares; exit code 0 unless a backend is named.
    #[arg(long)]
    matrix: bool,
    /// Least severity that makes exit code 1. Without it the policy's, else error.
    #[arg(long, value_name = "SEVERITY")]
    fail_on: Option<FailOn>,
    /// Policy file; without one, `.kfpctl.yaml` of the current folder or the nearest above it, up to the repository's root.
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    /// How to print.
    #[arg(short, long, value_enum, default_value_t)]
    output: output::Form,
    /// Write this too, for example `sarif=kfp.sarif`. May be given several times.
    #[arg(long, value_name = "FORM=FILE", value_parser = output::file)]
    output_file: Vec<output::Target>,
    /// Colour.
    #[arg(long, value_enum, default_value_t)]
    color: output::Colour,
    /// Draw with ASCII alone. Without it, what the locale can show.
    #[arg(long)]
    ascii: bool,
}

/// Least severity that fails a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum FailOn {
    /// It does not run.
    Error,
    /// It does not run as written.
    Warning,
}

impl From<FailOn> for Severity {
    fn from(fail_on: FailOn) -> Self {
        match fail_on {
            FailOn::Error => Self::Error,
            FailOn::Warning => Self::Warning,
        }
    }
}

/// Checks.
pub fn run(arguments: &Arguments) -> Result<(), Failure> {
    if let (Some(target), Some(name)) = (&arguments.upgrade_to, &arguments.installation.installation) {
        return arguments.upgrade(target, name);
    }
    let unusable = |error: &dyn std::fmt::Display| Failure::Failed(error.to_string());
    let knowledge = Knowledge::builtin().map_err(|error| unusable(&error))?;
    let packages = Packages::builtin().map_err(|error| unusable(&error))?;
    let policy = policy::find(arguments.policy.as_deref())?;
    let asked = backends::of(arguments, policy.as_ref(), knowledge)?;
    let releases: Vec<Version> = asked.backends.iter().map(|backend| backend.release).collect();
    let bench = Bench {
        releases: &releases,
        knowledge,
        packages,
        policy: policy.as_ref().map(|policy| &policy.policy),
        installed: asked.policy.as_ref(),
    };
    let mut report = collect::report(arguments, asked.backends.clone(), bench)?;
    if let Some(policy) = &policy {
        policy::apply(policy, policy::today(), &mut report);
    }
    report.sum();
    let fail_on = arguments.fail_on.map(Severity::from);
    let fail_on = fail_on
        .or_else(|| policy.as_ref()?.policy.fail_on)
        .unwrap_or(Severity::Error);
    let style = arguments.style(fail_on);
    output::print(&report, arguments.output, &arguments.output_file, style)?;
    verdict(&report, fail_on, arguments.matrix && arguments.names_no_backend())
}

impl Arguments {
    fn upgrade(&self, target: &str, name: &str) -> Result<(), Failure> {
        let form = match self.output {
            output::Form::Human => Format::Table,
            output::Form::Json => Format::Json,
            _ => {
                return Err(Failure::Usage(
                    "--upgrade-to is about what is stored, not about files: it is printed as human or json"
                        .to_owned(),
                ));
            }
        };
        let fail_on = self.fail_on.map_or(Severity::Error, Severity::from);
        let installation::Named {
            namespace,
            connection,
            ..
        } = &self.installation;
        upgrade_to::run(target, name, namespace.as_deref(), connection, form, fail_on)
    }

    fn names_no_backend(&self) -> bool {
        let named = self.backend_range.is_some()
            || self.installation.installation.is_some()
            || self.endpoint.endpoint.is_some();
        self.backend.is_empty() && !named
    }

    fn style(&self, fail_on: Severity) -> output::Style {
        output::Style {
            fail_on,
            matrix: self.matrix,
            colour: self.color,
            ascii: self.ascii,
        }
    }
}

/// How the check ends; everything was said before.
fn verdict(report: &Report, fail_on: Severity, picture: bool) -> Result<(), Failure> {
    if !report.unreadable.is_empty() {
        return Err(Failure::Unreadable);
    }
    if !picture && report.counted().any(|(_, finding)| finding.severity >= fail_on) {
        return Err(Failure::Findings);
    }
    Ok(())
}
