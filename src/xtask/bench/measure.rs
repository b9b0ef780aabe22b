//! TOOLS: wall time, processor time and peak memory of a program, run several times. Judges nothing.

use std::ffi::OsString;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::Context;
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike as _;

/// What runs of a program took.
#[derive(Clone, Debug)]
pub struct Measured {
    /// Wall times from start to end, shortest first; never empty.
    times: Vec<Duration>,
    /// Most memory that a run held at once, in bytes.
    pub memory: u64,
    /// Processor time of all runs together, of the program and all that it started.
    processor: Duration,
}

impl Measured {
    /// The shortest run.
    pub fn best(&self) -> Duration {
        self.times.first().copied().unwrap_or_default()
    }

    /// The run in the middle.
    pub fn median(&self) -> Duration {
        self.times.get(self.times.len() / 2).copied().unwrap_or_default()
    }

    /// Processor time of a run, on average.
    pub fn processor(&self) -> Duration {
        let runs = u32::try_from(self.times.len()).unwrap_or(u32::MAX);
        self.processor.checked_div(runs).unwrap_or_default()
    }
}

/// A program and what its runs may end with. Run in a process of its own, for the memory of children is summed up for each
/// process, and what a process holds counts for its children up to the moment they begin.
#[derive(clap::Args)]
pub struct Arguments {
    /// How often to run it.
    #[arg(long)]
    runs: usize,
    /// Exit codes that are right.
    #[arg(long, value_delimiter = ',')]
    codes: Vec<i32>,
    /// The program and its arguments.
    #[arg(last = true)]
    program: Vec<OsString>,
}

/// Measures in this process, and prints nanoseconds of each run, kibibytes, and microseconds of processor time.
pub fn here(arguments: &Arguments) -> anyhow::Result<()> {
    let (program, rest) = arguments.program.split_first().context("no program is named")?;
    let mut nanoseconds = Vec::new();
    for _ in 0..arguments.runs {
        let start = Instant::now();
        let status = Command::new(program)
            .args(rest)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .with_context(|| format!("cannot start {}", program.display()))?;
        nanoseconds.push(start.elapsed().as_nanos().to_string());
        let right = status.code().is_some_and(|code| arguments.codes.contains(&code));
        anyhow::ensure!(right, "{} ended with {status}", program.display());
    }
    let used = getrusage(UsageWho::RUSAGE_CHILDREN)?;
    let processor = used.user_time() + used.system_time();
    println!(
        "{} {} {}",
        nanoseconds.join(","),
        used.max_rss(),
        processor.num_microseconds()
    );
    Ok(())
}

/// Runs a program so often, and measures. Each run must end with one of `codes`.
pub fn measure(runs: usize, codes: &[i32], program: &[OsString]) -> anyhow::Result<Measured> {
    let codes: Vec<String> = codes.iter().map(ToString::to_string).collect();
    // Not by its path: cargo may have built another program there since this one began.
    let output = Command::new("/proc/self/exe")
        .args([
            "measure",
            "--runs",
            &runs.to_string(),
            "--codes",
            &codes.join(","),
            "--",
        ])
        .args(program)
        .stderr(Stdio::inherit())
        .output()
        .context("cannot start the measuring process")?;
    anyhow::ensure!(output.status.success(), "a measured program failed");
    let text = String::from_utf8(output.stdout).context("the measuring process wrote no text")?;
    let figures: Vec<&str> = text.trim().split(' ').collect();
    let [times, memory, processor] = figures.as_slice() else {
        anyhow::bail!("the measuring process wrote no figures");
    };
    let mut times = times
        .split(',')
        .map(|time| Ok(Duration::from_nanos(time.parse()?)))
        .collect::<anyhow::Result<Vec<_>>>()?;
    times.sort();
    anyhow::ensure!(!times.is_empty(), "nothing was measured");
    Ok(Measured {
        times,
        memory: memory.parse::<u64>()? * 1024,
        processor: Duration::from_micros(processor.parse()?),
    })
}
