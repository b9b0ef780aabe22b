//! PEOPLE: `kfpctl check`: do these pipelines and pinned SDKs run on those releases? Reads, asks the judge, reports;
//! decides nothing.

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
use examine::{Bench, Examined};
pub(crate) use findings::effect_words;
use report::{Backend, FileReport, Kind, Report, SCHEMA_VERSION, Summary};

const EXAMPLES: &str = "\
Examples:
  kfpctl check pipeline.yaml --backend 2.16.1
  kfpctl check pipelines requirements.txt --backend-range '>=2.15, <2.18' --fail-on warning
  kfpctl check pipelines --backend 2.16.1 --output github --output-file sarif=kfp.sarif
  kfpctl check --matrix pipeline.yaml
  kfpctl check --upgrade-to 2.17.0 --installation kfp -n kubeflow

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
    /// Check what is stored in the installation instead of files: what will not run on this release, what will run
    /// differently, and whose it is. Read from what the operator wrote down; the database is not asked. Takes the outputs
    /// human and json.
    #[arg(
        long,
        value_name = "RELEASE",
        requires = "installation",
        conflicts_with_all = ["paths", "backend", "backend_range", "endpoint", "installed_sdk", "matrix", "policy", "output_file"]
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
    if let Some(target) = &arguments.upgrade_to {
        return arguments.upgrade_to(target);
    }
    let unusable = |error: &dyn std::fmt::Display| Failure::Failed(error.to_string());
    let knowledge = Knowledge::builtin().map_err(|error| unusable(&error))?;
    let packages = Packages::builtin().map_err(|error| unusable(&error))?;
    let policy = policy::find(arguments.policy.as_deref())?;
    let backends = backends(arguments, policy.as_ref(), knowledge)?;
    let releases: Vec<Version> = backends.iter().map(|backend| backend.release).collect();
    let bench = Bench {
        releases: &releases,
        knowledge,
        packages,
        policy: policy.as_ref().map(|policy| &policy.policy),
    };
    let mut report = examine(arguments, backends.clone(), bench)?;
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
    fn upgrade_to(&self, target: &str) -> Result<(), Failure> {
        let form = match self.output {
            output::Form::Human => Format::Table,
            output::Form::Json => Format::Json,
            _ => {
                return Err(Failure::Usage(
                    "--upgrade-to prints for eyes (human) or for programs (json)".into(),
                ));
            }
        };
        let fail_on = self.fail_on.map_or(Severity::Error, Severity::from);
        let installation = &self.installation;
        let name = installation.installation.as_deref().unwrap_or_default();
        upgrade_to::run(
            target,
            name,
            installation.namespace.as_deref(),
            &installation.connection,
            form,
            fail_on,
        )
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

/// The releases to judge for: those of the command line, else all for a matrix, else those of the policy.
fn backends(
    arguments: &Arguments,
    policy: Option<&policy::Found>,
    knowledge: &Knowledge,
) -> Result<Vec<Backend>, Failure> {
    let known = kfp_releases::known::known().map_err(|error| Failure::Failed(error.to_string()))?;
    let mut backends = Vec::new();
    for text in &arguments.backend {
        targets::add(&mut backends, [targets::release(text, known)?], "--backend");
    }
    if let Some(range) = &arguments.backend_range {
        targets::add(
            &mut backends,
            targets::range(range, knowledge)?,
            "--backend-range",
        );
    }
    if let Some(name) = &arguments.installation.installation {
        let running = arguments.installation.look(name)?;
        let release = targets::release(&running.release, known)?;
        targets::add(
            &mut backends,
            [release],
            &format!("installation {}", running.name),
        );
    }
    if let Some(url) = &arguments.endpoint.endpoint {
        let release = targets::release(&arguments.endpoint.ask(url)?, known)?;
        targets::add(&mut backends, [release], url);
    }
    if backends.is_empty() && arguments.matrix {
        targets::add(&mut backends, knowledge.releases().iter().copied(), "--matrix");
    }
    if let Some(found) = policy.filter(|_| backends.is_empty()) {
        for text in &found.policy.backends {
            targets::add(&mut backends, [targets::release(text, known)?], &found.name);
        }
        if let Some(range) = &found.policy.backend_range {
            targets::add(&mut backends, targets::range(range, knowledge)?, &found.name);
        }
    }
    if backends.is_empty() {
        let newest = knowledge
            .releases()
            .last()
            .map_or_else(String::new, ToString::to_string);
        return Err(Failure::Usage(format!(
            "say which KFP release will run it: --backend {newest}, --backend-range, --installation NAME or --endpoint URL; \
             `backends:` in .kfpctl.yaml is taken when none is given, and --matrix shows all"
        )));
    }
    Ok(backends)
}

fn examine(arguments: &Arguments, backends: Vec<Backend>, bench: Bench<'_>) -> Result<Report, Failure> {
    let gathered = inputs::gather(&arguments.paths);
    let mut report = Report {
        schema_version: SCHEMA_VERSION,
        kfpctl_version: env!("CARGO_PKG_VERSION"),
        backends,
        policy: None,
        files: Vec::new(),
        unreadable: gathered.unreadable,
        passed_over: gathered.passed_over,
        notices: Vec::new(),
        summary: Summary::default(),
    };
    for examined in examine::all(&gathered.inputs, bench) {
        match examined {
            Examined::Judged(file) => report.files.push(*file),
            Examined::Other => report.passed_over += 1,
            Examined::Unreadable(file) => report.unreadable.push(*file),
        }
    }
    if arguments.installed_sdk {
        report.files.push(installed(bench)?);
    }
    if report.files.is_empty() && report.unreadable.is_empty() {
        let places: Vec<String> = arguments
            .paths
            .iter()
            .map(|path| path.display().to_string())
            .collect();
        return Err(Failure::Usage(format!(
            "no compiled pipeline and no file that pins kfp in {} ({} other files passed over)",
            excerpt::plain(&places.join(", ")),
            report.passed_over
        )));
    }
    report.notices.extend(notes(&report));
    Ok(report)
}

/// The Python environment of this folder, as a report.
fn installed(bench: Bench<'_>) -> Result<FileReport, Failure> {
    let here = std::env::current_dir()
        .map_err(|error| Failure::Usage(format!("the current folder cannot be read: {error}")))?;
    let found = environment::find(|name| std::env::var_os(name), &here)?;
    let name = format!("{} ({})", found.folder.display(), found.found_by);
    Ok(packages::report(
        &name,
        Kind::Environment,
        &found.packages,
        &[],
        bench,
    ))
}

/// What limits the verdicts, each said once.
fn notes(report: &Report) -> Vec<String> {
    let mut notes: Vec<String> = Vec::new();
    for verdict in report.files.iter().flat_map(|file| &file.verdicts) {
        if let Some(note) = verdict.note.as_ref().filter(|note| !notes.contains(note)) {
            notes.push(note.clone());
        }
    }
    notes
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
