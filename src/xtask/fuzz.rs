//! TOOLS: `cargo xtask fuzz`: the judgement of pipelines under libFuzzer, built by stable Rust. Drives; tests nothing itself.

use std::ffi::OsString;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::Context;
use kfp_e2e::lab::root;

use crate::stages::{self, Counts};

/// The fuzz target and what it is built and run from, from the root of the repository.
const FOLDER: &str = "src/compat/fuzz";
/// Inputs that are kept; each is one line of coverage that no other has.
const KEPT: &str = "src/compat/fuzz/corpus/judge";
/// What else a run begins with.
const SEEDS: &str = "src/compat/corpus/compiled";
/// Longest input that is kept, in bytes. Longer ones find nothing that these do not.
const LONGEST_KEPT: u64 = 2048;

/// What `cargo fuzz run --sanitizer none` sets: coverage without the sanitizers, which want an unstable compiler.
const FLAGS: [&str; 8] = [
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
    "-Cllvm-args=-simplifycfg-branch-fold-threshold=0",
    "--cfg",
    "fuzzing",
];

/// How long, and what to do with what is found.
#[derive(clap::Args)]
pub struct Arguments {
    /// Minutes to run.
    #[arg(long, default_value_t = 10)]
    minutes: u64,
    /// Write the smallest set of inputs with the same coverage to the folder of kept inputs afterwards.
    #[arg(long)]
    keep: bool,
}

/// Builds, fuzzes, and prints what libFuzzer saw.
pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let program = build()?;
    let found = root().join("target/fuzz/corpus");
    let artifacts = root().join(FOLDER).join("artifacts/judge/");
    for folder in [&found, &artifacts, &root().join(KEPT)] {
        fs::create_dir_all(folder)?;
    }
    let outcome = watch(
        Command::new(&program)
            .arg(&found)
            .arg(root().join(KEPT))
            .args(seeds(&root().join(SEEDS))?)
            .arg(format!("-max_total_time={}", arguments.minutes * 60))
            .arg(format!(
                "-dict={}",
                root().join(FOLDER).join("judge.dict").display()
            ))
            .arg(format!("-artifact_prefix={}/", artifacts.display()))
            // The reader's own bound is 1 GiB for texts of 64 MiB; these are a thousandth of that.
            .args([
                "-rss_limit_mb=1024",
                "-malloc_limit_mb=256",
                "-timeout=5",
                "-max_len=65536",
            ])
            .args(["-print_final_stats=1", "-verbosity=1"]),
    )?;
    anyhow::ensure!(
        !outcome.coverage.is_empty(),
        "libFuzzer did not begin; it says why above"
    );
    println!("\n{outcome}");
    anyhow::ensure!(
        outcome.whole,
        "an input was found that must not be; it is in {}. Mend the fault, then add the input to {KEPT}",
        artifacts.display()
    );
    if arguments.keep {
        keep(&program, &found)?;
    }
    Ok(())
}

/// Whether the target's lock fits what it depends on. Building it takes minutes; a lock that does not fit is what breaks it.
pub fn check_lock() -> anyhow::Result<Counts> {
    let counts = stages::check(
        Command::new(env!("CARGO"))
            .args(["metadata", "--locked", "--format-version", "1", "--manifest-path"])
            .arg(root().join(FOLDER).join("Cargo.toml"))
            .stdout(Stdio::null()),
    )?;
    if counts.failed > 0 {
        println!("run `cargo metadata --manifest-path {FOLDER}/Cargo.toml` and commit its Cargo.lock");
    }
    Ok(counts)
}

/// Builds the target and says where it lies.
fn build() -> anyhow::Result<PathBuf> {
    let target = root().join("target/fuzz");
    let status = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .args(["build", "--locked", "--release", "--manifest-path"])
        .arg(root().join(FOLDER).join("Cargo.toml"))
        // Naming the host as target keeps these flags away from build scripts.
        .args(["--target", "host-tuple"])
        .current_dir(root().join(FOLDER))
        .env("CARGO_TARGET_DIR", &target)
        .env("RUSTFLAGS", FLAGS.join(" "))
        .status()
        .context("cannot start cargo")?;
    anyhow::ensure!(status.success(), "the fuzz target does not build");
    let mut programs = fs::read_dir(&target)?
        .filter_map(Result::ok)
        .map(|entry| entry.path().join("release/judge"))
        .filter(|program| program.is_file());
    programs.next().context("cargo built no fuzz target")
}

/// Folders with pipelines that SDKs compiled, one a version.
fn seeds(folder: &Path) -> anyhow::Result<Vec<OsString>> {
    let entries = fs::read_dir(folder).with_context(|| format!("cannot list {}", folder.display()))?;
    let mut folders: Vec<OsString> = entries
        .filter_map(Result::ok)
        .filter(|entry| entry.path().is_dir())
        .map(|entry| entry.path().into_os_string())
        .collect();
    folders.sort();
    Ok(folders)
}

/// What a run of libFuzzer came to.
struct Outcome {
    whole: bool,
    coverage: String,
    statistics: Vec<String>,
}

impl std::fmt::Display for Outcome {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(formatter, "last seen: {}", self.coverage)?;
        for statistic in &self.statistics {
            writeln!(formatter, "{statistic}")?;
        }
        let verdict = if self.whole {
            "nothing that must not be"
        } else {
            "a fault"
        };
        write!(formatter, "found: {verdict}")
    }
}

/// Runs libFuzzer and prints about one line of its progress each half minute.
fn watch(command: &mut Command) -> anyhow::Result<Outcome> {
    let mut child = command
        .stderr(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .context("cannot start the fuzz target")?;
    let mut outcome = Outcome {
        whole: false,
        coverage: String::new(),
        statistics: Vec::new(),
    };
    let mut last = std::time::Instant::now();
    let lines = BufReader::new(
        child
            .stderr
            .take()
            .context("the fuzz target has no standard error")?,
    );
    for line in lines.lines() {
        let line = line?;
        if line.starts_with('#') && line.contains("cov: ") {
            if last.elapsed().as_secs() >= 30 {
                println!("{line}");
                last = std::time::Instant::now();
            }
            outcome.coverage = line;
        } else if line.starts_with("stat::") {
            outcome.statistics.push(line);
        } else if !["#", "INFO", "\tNEW_FUNC"]
            .iter()
            .any(|start| line.starts_with(start))
        {
            println!("{line}");
        }
    }
    outcome.whole = child.wait()?.success();
    Ok(outcome)
}

/// Replaces the kept inputs by the smallest set of short ones that covers what all found ones cover.
fn keep(program: &Path, found: &Path) -> anyhow::Result<()> {
    let kept = root().join(KEPT);
    let fresh = root().join("target/fuzz/kept");
    if fresh.exists() {
        fs::remove_dir_all(&fresh)?;
    }
    fs::create_dir_all(&fresh)?;
    let outcome = watch(
        Command::new(program)
            // What is run, not how often: the set gets far smaller.
            .args(["-set_cover_merge=1", "-use_counters=0", "-rss_limit_mb=1024"])
            .arg(format!("-max_len={LONGEST_KEPT}"))
            .arg(&fresh)
            .arg(&kept)
            .arg(found),
    )?;
    anyhow::ensure!(outcome.whole, "the inputs cannot be merged");
    fs::remove_dir_all(&kept)?;
    fs::create_dir_all(&kept)?;
    let (mut count, mut bytes) = (0_u64, 0_u64);
    for entry in fs::read_dir(&fresh)? {
        let entry = entry?;
        bytes += fs::copy(entry.path(), kept.join(entry.file_name()))?;
        count += 1;
    }
    println!("kept {count} inputs, {bytes} bytes, in {KEPT}");
    Ok(())
}
