//! PEOPLE: how far something is, drawn on standard error: a bar on a terminal, lines elsewhere.

use std::time::{Duration, Instant};

use console::Term;
use indicatif::{HumanBytes, HumanCount, ProgressBar, ProgressDrawTarget, ProgressStyle};
use kfp_api::backup_status::JobProgress;

use super::{Seen, span, unsigned};

/// Longest silence of a log while something is under way.
const QUIET: Duration = Duration::from_secs(15);

/// Draws a bar, or writes lines.
pub(super) struct Screen {
    bar: Option<ProgressBar>,
    last: Option<(String, Instant)>,
}

impl Screen {
    pub(super) fn new() -> Self {
        let bar = Term::stderr()
            .is_term()
            .then(|| ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr()));
        Self { bar, last: None }
    }

    pub(super) fn show(&mut self, seen: &Seen) {
        match &self.bar {
            Some(bar) => draw(bar, seen),
            None => self.write(seen),
        }
    }

    /// A log gets a line for each stage, and one now and then.
    fn write(&mut self, seen: &Seen) {
        let stage = stage(seen);
        let is_due = self
            .last
            .as_ref()
            .is_none_or(|(last, when)| *last != stage || when.elapsed() >= QUIET);
        if is_due && seen.end.is_none() {
            eprintln!("{}", line(seen));
            self.last = Some((stage, Instant::now()));
        }
    }

    pub(super) fn close(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

fn draw(bar: &ProgressBar, seen: &Seen) {
    let progress = seen.progress.as_ref();
    let total = progress
        .and_then(|progress| progress.total_bytes)
        .filter(|total| *total > 0);
    let template = match total {
        Some(_) => "{prefix}  {bar:24}  {percent:>3} %  {msg}",
        None => "{prefix}  {spinner}  {msg}",
    };
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style.progress_chars("█▌░"));
    }
    if let Some(total) = total {
        bar.set_length(unsigned(total));
    }
    bar.set_prefix(stage(seen));
    bar.set_position(progress.map_or(0, |progress| unsigned(progress.bytes)));
    bar.set_message(progress.map(amounts).unwrap_or_default());
    bar.tick();
}

/// What it is at.
fn stage(seen: &Seen) -> String {
    seen.progress
        .as_ref()
        .map(|progress| progress.stage.clone())
        .filter(|stage| !stage.is_empty())
        .unwrap_or_else(|| seen.stage.clone())
}

/// A line of a log.
fn line(seen: &Seen) -> String {
    let stage = stage(seen);
    let Some(progress) = &seen.progress else {
        return stage;
    };
    let percent = progress.total_bytes.filter(|total| *total > 0).map(|total| {
        format!(
            "{} %, ",
            (progress.bytes.saturating_mul(100) / total).clamp(0, 100)
        )
    });
    format!("{stage}: {}{}", percent.unwrap_or_default(), amounts(progress))
}

/// Bytes, rows, rate and time left, as far as they are known.
fn amounts(progress: &JobProgress) -> String {
    let done = HumanBytes(unsigned(progress.bytes));
    let mut words = vec![match progress.total_bytes.filter(|total| *total > 0) {
        Some(total) => format!("{done} of {}", HumanBytes(unsigned(total))),
        None => done.to_string(),
    }];
    if progress.rows > 0 {
        words.push(format!("{} rows", HumanCount(unsigned(progress.rows))));
    }
    if let Some(rate) = progress.bytes_per_second.filter(|rate| *rate > 0) {
        words.push(format!("{}/s", HumanBytes(unsigned(rate))));
    }
    if let Some(left) = progress.seconds_left.filter(|left| *left > 0) {
        words.push(format!("{} left", span(unsigned(left))));
    }
    words.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn midway() -> Seen {
        Seen {
            progress: Some(JobProgress {
                stage: "Databases".into(),
                bytes: 3 << 30,
                total_bytes: Some(4 << 30),
                rows: 1_234_567,
                bytes_per_second: Some(180 << 20),
                seconds_left: Some(95),
            }),
            ..Seen::default()
        }
    }

    #[test]
    fn a_line_says_bytes_rows_rate_and_time_left() {
        insta::assert_snapshot!(
            line(&midway()),
            @"Databases: 75 %, 3.00 GiB of 4.00 GiB, 1,234,567 rows, 180.00 MiB/s, 1m35s left"
        );
    }

    #[test]
    fn what_is_not_known_is_not_said() {
        let mut seen = midway();
        seen.progress = seen.progress.map(|progress| JobProgress {
            total_bytes: None,
            rows: 0,
            bytes_per_second: None,
            seconds_left: None,
            ..progress
        });
        assert_eq!(line(&seen), "Databases: 3.00 GiB");
        seen.progress = None;
        seen.stage = "waits for kfp/other".into();
        assert_eq!(line(&seen), "waits for kfp/other");
    }
}
