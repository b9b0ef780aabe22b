//! TOOLS: `cargo xtask bench check`: what checking a pipeline costs, beside loading it with the real SDK. Prints goals and
//! misses.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;
use comfy_table::{CellAlignment, Table, presets};
use kfp_e2e::lab::{programs, root};

use super::measure::{Measured, measure};
use crate::sdks::{self, Sdk};

/// What Python does at least to look at a pipeline: the SDK parses it and makes its specs.
const LOAD: &str = "import sys
from kfp import components
for path in sys.argv[1:]:
    components.load_component_from_file(path)
";

/// Files of the folder with many.
const MANY: usize = 1_000;

const MIB: u64 = 1 << 20;

/// How to measure.
#[derive(clap::Args)]
pub struct Arguments {
    /// A kfpctl that is built already; else it is built in release mode.
    #[arg(long, value_name = "FILE")]
    program: Option<PathBuf>,
    /// Runs of kfpctl for each figure.
    #[arg(long, default_value_t = 30)]
    runs: usize,
    /// Runs of Python for each figure.
    #[arg(long, default_value_t = 3)]
    python_runs: usize,
    /// Release to check for.
    #[arg(long, default_value = "2.16.1")]
    backend: String,
}

/// Something to check.
struct Case {
    name: String,
    path: PathBuf,
    files: Vec<PathBuf>,
    /// Most wall time of the best run (what else the machine does is not the program's), and most memory.
    goal: (Option<Duration>, u64),
}

/// Builds, makes inputs, measures, and prints. Fails when a goal is missed.
pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let kfpctl = match &arguments.program {
        Some(program) => program.clone(),
        None => programs::release("kfpctl")?,
    };
    let sdk = sdks::newest()?;
    let python = sdk.python()?;
    let folder = root().join("target/bench/check");
    let cases = cases(&sdk, &folder)?;
    let script = folder.join("load.py");
    fs::write(&script, LOAD)?;

    let mut table = Table::new();
    table.load_style(presets::UTF8_HORIZONTAL_ONLY).set_header([
        "input".to_owned(),
        "KiB".to_owned(),
        "kfpctl best".to_owned(),
        "median".to_owned(),
        "MiB".to_owned(),
        format!("kfp {} best", sdk.kfp),
        "median".to_owned(),
        "MiB".to_owned(),
        "ratio".to_owned(),
        "goal".to_owned(),
    ]);
    for column in 1..9 {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    let mut missed = Vec::new();
    for case in &cases {
        let check: Vec<OsString> = [kfpctl.as_os_str(), "check".as_ref(), case.path.as_os_str()]
            .into_iter()
            .chain(["--backend".as_ref(), arguments.backend.as_ref()])
            .map(OsString::from)
            .collect();
        let ours = measure(arguments.runs, &[0, 1], &check)?;
        let load: Vec<OsString> = [python.as_os_str(), script.as_os_str()]
            .into_iter()
            .chain(case.files.iter().map(|file| file.as_os_str()))
            .map(OsString::from)
            .collect();
        let theirs = measure(arguments.python_runs, &[0], &load)?;
        let beyond = misses(case, &ours);
        table.add_row(row(case, &ours, &theirs, beyond.is_empty())?);
        missed.extend(beyond);
    }
    println!(
        "{table}\nOf kfpctl {} runs each, of Python {}. Memory is at least what the measuring process holds.",
        arguments.runs, arguments.python_runs
    );
    anyhow::ensure!(missed.is_empty(), "missed: {}", missed.join("; "));
    Ok(())
}

/// Pipelines of some sizes, compiled by the SDK, and a folder with many small ones.
fn cases(sdk: &Sdk, folder: &Path) -> anyhow::Result<Vec<Case>> {
    let milliseconds = |count| Some(Duration::from_millis(count));
    let sizes = [
        (1, (milliseconds(10), 40 * MIB)),
        (50, (None, 40 * MIB)),
        (200, (None, 40 * MIB)),
        (500, (milliseconds(50), 40 * MIB)),
    ];
    let mut cases = Vec::new();
    for (tasks, goal) in sizes {
        let output = folder.join(format!("{}-{tasks}", sdk.kfp));
        let path = output.join("chain.yaml");
        if !path.exists() {
            fs::create_dir_all(&output)?;
            sdk.compile(&["chain"], &[("count", &tasks.to_string())], &output)?;
        }
        cases.push(Case {
            name: format!("{tasks} tasks"),
            files: vec![path.clone()],
            path,
            goal,
        });
    }
    let one = cases.first().context("there is no small pipeline")?.path.clone();
    let many = folder.join("many");
    fs::create_dir_all(&many)?;
    let files: Vec<PathBuf> = (0..MANY)
        .map(|number| many.join(format!("pipeline-{number}.yaml")))
        .collect();
    for file in &files {
        fs::copy(&one, file)?;
    }
    cases.push(Case {
        name: format!("{MANY} files"),
        path: many,
        files,
        goal: (Some(Duration::from_secs(2)), 40 * MIB),
    });
    Ok(cases)
}

fn misses(case: &Case, ours: &Measured) -> Vec<String> {
    let (time, memory) = case.goal;
    let slow = time.filter(|goal| ours.best() > *goal);
    let slow = slow.map(|goal| {
        format!(
            "{} take {} instead of {}",
            case.name,
            shown(ours.best()),
            shown(goal)
        )
    });
    let large = (ours.memory > memory).then(|| {
        format!(
            "{} take {} MiB instead of {}",
            case.name,
            ours.memory.div_ceil(MIB),
            memory / MIB
        )
    });
    slow.into_iter().chain(large).collect()
}

fn row(case: &Case, ours: &Measured, theirs: &Measured, met: bool) -> anyhow::Result<Vec<String>> {
    let mut bytes = 0;
    for file in &case.files {
        bytes += fs::metadata(file)?.len();
    }
    let ratio = theirs.median().as_secs_f64() / ours.median().as_secs_f64();
    let (time, memory) = case.goal;
    let time = time
        .map(|time| format!("≤ {}, ", shown(time)))
        .unwrap_or_default();
    let mark = if met { "✓" } else { "✗" };
    Ok(vec![
        case.name.clone(),
        (bytes / 1024).to_string(),
        shown(ours.best()),
        shown(ours.median()),
        ours.memory.div_ceil(MIB).to_string(),
        shown(theirs.best()),
        shown(theirs.median()),
        theirs.memory.div_ceil(MIB).to_string(),
        format!("{ratio:.0}×"),
        format!("{mark} {time}≤ {} MiB", memory / MIB),
    ])
}

fn shown(time: Duration) -> String {
    format!("{:.1} ms", time.as_secs_f64() * 1e3)
}
