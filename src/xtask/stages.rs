//! TOOLS: stages of a long chore: run in order, timed, counted, and told in one table at the end.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::Context;
use comfy_table::{CellAlignment, Table, presets};

/// Checks that passed and failed in one stage.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Checks that passed.
    pub passed: u32,
    /// Checks that failed.
    pub failed: u32,
}

impl Counts {
    /// One check, passed or not.
    pub fn one(passed: bool) -> Self {
        Self {
            passed: u32::from(passed),
            failed: u32::from(!passed),
        }
    }

    fn add(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
    }
}

/// Runs stages and remembers how each went.
#[derive(Default)]
pub struct Stages {
    done: Vec<(String, Counts, Duration)>,
}

impl Stages {
    /// Runs one stage. An error counts as one failed check and is printed; later stages still run, so that one look tells all.
    pub fn run(&mut self, name: &str, stage: impl FnOnce() -> anyhow::Result<Counts>) {
        println!("\n── {name} ──");
        let start = Instant::now();
        let counts = stage().unwrap_or_else(|error| {
            println!("{name}: {error:#}");
            Counts::one(false)
        });
        self.done.push((name.to_owned(), counts, start.elapsed()));
    }

    /// Prints the table and the closing line, and fails if any check did.
    pub fn close(self) -> anyhow::Result<()> {
        let mut table = Table::new();
        table
            .load_style(presets::UTF8_HORIZONTAL_ONLY)
            .set_header(["stage", "passed", "failed", "seconds"]);
        let (mut total, mut time) = (Counts::default(), Duration::ZERO);
        for (name, counts, elapsed) in &self.done {
            total.add(*counts);
            time += *elapsed;
            table.add_row([
                name.clone(),
                counts.passed.to_string(),
                counts.failed.to_string(),
                seconds(*elapsed),
            ]);
        }
        table.add_row([
            "all".to_owned(),
            total.passed.to_string(),
            total.failed.to_string(),
            seconds(time),
        ]);
        for column in table.column_iter_mut().skip(1) {
            column.set_cell_alignment(CellAlignment::Right);
        }
        println!("\n{table}\n\n{} passed, {} failed", total.passed, total.failed);
        anyhow::ensure!(total.failed == 0, "{} checks failed; see above", total.failed);
        Ok(())
    }
}

/// Runs one stage by itself.
pub fn only(name: &str, stage: impl FnOnce() -> anyhow::Result<Counts>) -> anyhow::Result<()> {
    let mut stages = Stages::default();
    stages.run(name, stage);
    stages.close()
}

fn seconds(duration: Duration) -> String {
    format!("{:.1}", duration.as_secs_f64())
}

/// Runs a command to its end; its exit status is one check.
pub fn check(command: &mut Command) -> anyhow::Result<Counts> {
    let status = command
        .status()
        .with_context(|| format!("cannot start {}", command.get_program().display()))?;
    Ok(Counts::one(status.success()))
}

/// Runs `cargo test …`, passing its output through, and counts the tests by its result lines. A run that fails without a
/// failed test (it does not compile, say) is one failed check.
pub fn cargo_test(arguments: &[&str], environment: &[(&str, &OsStr)]) -> anyhow::Result<Counts> {
    let mut child = Command::new(env!("CARGO"))
        .args(["test", "--no-fail-fast"])
        .args(arguments)
        .envs(environment.iter().copied())
        .stdout(Stdio::piped())
        .spawn()
        .context("cannot start cargo test")?;
    let mut counts = Counts::default();
    if let Some(output) = child.stdout.take() {
        for line in BufReader::new(output).lines() {
            let line = line.context("cannot read what cargo test prints")?;
            println!("{line}");
            counts.add(parse_result(&line).unwrap_or_default());
        }
    }
    let status = child.wait().context("cannot wait for cargo test")?;
    if !status.success() && counts.failed == 0 {
        counts.failed = 1;
    }
    anyhow::ensure!(
        counts != Counts::default(),
        "cargo test {} ran no test",
        arguments.join(" ")
    );
    Ok(counts)
}

/// `test result: ok. 3 passed; 0 failed; …` as counts.
fn parse_result(line: &str) -> Option<Counts> {
    let (_, tail) = line.strip_prefix("test result: ")?.split_once(". ")?;
    let number = |what: &str| {
        tail.split("; ")
            .find_map(|part| part.trim().strip_suffix(what)?.trim().parse().ok())
    };
    Some(Counts {
        passed: number(" passed")?,
        failed: number(" failed")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_result_line_of_cargo_test_is_counted() {
        let line = "test result: FAILED. 12 passed; 3 failed; 0 ignored; 0 measured; 1 filtered out; finished in 0.05s";
        assert_eq!(
            parse_result(line),
            Some(Counts {
                passed: 12,
                failed: 3
            })
        );
    }

    #[test]
    fn other_lines_are_not_counted() {
        assert_eq!(parse_result("test plan::settles ... ok"), None);
    }

    #[test]
    fn a_stage_that_errs_counts_as_one_failure_and_the_chore_fails() {
        let mut stages = Stages::default();
        stages.run("fine", || Ok(Counts { passed: 2, failed: 0 }));
        stages.run("broken", || anyhow::bail!("no server"));
        assert!(stages.close().is_err());
    }
}
