//! PROOF: running programs. Everything started is remembered by process id and start time, and nothing is ever
//! stopped by name.

use std::fs;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use nix::errno::Errno;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde::{Deserialize, Serialize};

/// Runs a program to its end and returns what it wrote to standard output.
///
/// Fails with the program, its arguments, its status and the end of what it wrote to standard error.
pub fn run(command: &mut Command) -> Result<String> {
    let shown = show(command);
    let output = command
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("cannot start {shown}"))?;
    if !output.status.success() {
        let error = String::from_utf8_lossy(&output.stderr);
        let tail: Vec<&str> = error.lines().rev().take(30).collect();
        let tail: Vec<&str> = tail.into_iter().rev().collect();
        bail!("{shown} ended with {}:\n{}", output.status, tail.join("\n"));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// The command line, cut where it gets too long to read.
fn show(command: &Command) -> String {
    let mut line = command.get_program().to_string_lossy().into_owned();
    for argument in command.get_args() {
        line.push(' ');
        line.push_str(&argument.to_string_lossy());
    }
    if let Some((end, _)) = line.char_indices().nth(300) {
        line.truncate(end);
        line.push('…');
    }
    line
}

/// A process that cannot be mistaken for a later one that got the same number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProcessId {
    /// Process id as the host sees it.
    pub pid: i32,
    /// Start time in clock ticks since boot, field 22 of proc(5) `stat`.
    pub started: u64,
}

impl ProcessId {
    /// The process that has this number now, if there is one.
    #[must_use]
    pub fn of(pid: i32) -> Option<Self> {
        Self::from_stat(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
    }

    /// The process that a line of proc(5) `stat` tells of.
    #[must_use]
    pub fn from_stat(stat: &str) -> Option<Self> {
        let pid = stat.split_once(' ')?.0.parse().ok()?;
        Some(Self {
            pid,
            started: start_time(stat)?,
        })
    }

    /// Whether this very process still runs; a zombie no longer does.
    #[must_use]
    pub fn is_alive(self) -> bool {
        let Ok(stat) = fs::read_to_string(format!("/proc/{}/stat", self.pid)) else {
            return false;
        };
        start_time(&stat) == Some(self.started) && state(&stat) != Some('Z')
    }

    /// Sends a signal if this very process still runs.
    pub fn signal(self, signal: Signal) -> Result<()> {
        if !self.is_alive() {
            return Ok(());
        }
        match kill(Pid::from_raw(self.pid), signal) {
            Ok(()) | Err(Errno::ESRCH) => Ok(()),
            Err(error) => Err(error).with_context(|| format!("cannot send {signal} to process {}", self.pid)),
        }
    }

    /// Waits until the process has ended; says whether it has.
    #[must_use]
    pub fn wait_gone(self, limit: Duration) -> bool {
        let start = Instant::now();
        while self.is_alive() {
            if start.elapsed() > limit {
                return false;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        true
    }
}

/// What follows the program's name, which is in parentheses and may itself hold spaces and parentheses.
fn after_name(stat: &str) -> Option<&str> {
    stat.rsplit_once(')').map(|(_, rest)| rest.trim_start())
}

fn state(stat: &str) -> Option<char> {
    after_name(stat)?.chars().next()
}

fn start_time(stat: &str) -> Option<u64> {
    // The state is field 3 of the line, the start time field 22.
    after_name(stat)?
        .split_ascii_whitespace()
        .nth(22 - 3)?
        .parse()
        .ok()
}

/// Asks again and again until the answer is yes; the error says what was waited for and the last reason given.
pub fn wait_for(what: &str, limit: Duration, mut ready: impl FnMut() -> Result<bool>) -> Result<()> {
    let start = Instant::now();
    let mut pause = Duration::from_millis(50);
    loop {
        let answer = ready();
        if let Ok(true) = answer {
            return Ok(());
        }
        if start.elapsed() > limit {
            let waited = format!("waited {} s for {what}", limit.as_secs());
            return match answer {
                Ok(_) => bail!("{waited}: it did not come"),
                Err(error) => Err(error).context(waited),
            };
        }
        std::thread::sleep(pause);
        pause = (pause * 2).min(Duration::from_millis(400));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_start_time_is_found_behind_a_name_with_spaces_and_parentheses() {
        let stat = "12 (a) b (c)) S 1 12 12 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 987654 9 9";
        assert_eq!((start_time(stat), state(stat)), (Some(987_654), Some('S')));
    }

    #[test]
    fn a_recycled_number_is_not_the_process_that_was_remembered() {
        let own = ProcessId::of(i32::try_from(std::process::id()).unwrap()).unwrap();
        assert!(own.is_alive());
        assert!(
            !ProcessId {
                started: own.started + 1,
                ..own
            }
            .is_alive()
        );
    }

    #[test]
    fn a_failed_program_is_reported_with_its_arguments_and_its_last_words() {
        let error = run(Command::new("sh").args(["-c", "echo gone wrong >&2; exit 3"]))
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("sh -c") && error.contains("gone wrong") && error.contains('3'),
            "{error}"
        );
    }
}
