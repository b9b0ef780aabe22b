//! PEOPLE: waits for a backup or a restore: a bar on a terminal, lines elsewhere, both on standard error. Decides nothing: how
//! the resource stands is told by whoever waits.

use std::time::{Duration, Instant};

use console::Term;
use futures::{StreamExt, TryStreamExt};
use indicatif::{HumanBytes, HumanCount, ProgressBar, ProgressDrawTarget, ProgressStyle};
use kfp_api::backup_status::JobProgress;
use kube::Api;
use kube::runtime::watcher::Event;
use kube::runtime::{WatchStreamExt, watcher};

use crate::failure::Failure;

/// Longest silence of a log while something is under way.
const QUIET: Duration = Duration::from_secs(15);

/// How long to wait.
#[derive(clap::Args)]
pub struct Waiting {
    /// Show how far it is until it ended; exit code 1 when it failed, 3 when out of time.
    #[arg(long)]
    pub wait: bool,
    /// Seconds that `--wait` waits.
    #[arg(long, default_value_t = 86_400, requires = "wait")]
    pub timeout: u64,
}

/// How a resource stands.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Seen {
    /// How far its Job is.
    pub progress: Option<JobProgress>,
    /// What it is at, where its Job says nothing.
    pub stage: String,
    /// How it ended. None: it did not.
    pub end: Option<End>,
}

/// How it ended.
#[derive(Clone, Debug, PartialEq)]
pub enum End {
    /// Well.
    Done,
    /// Otherwise; in words.
    Failed(String),
}

/// Shows a resource until it ended, and returns it as it was then.
pub async fn follow<K>(api: Api<K>, name: &str, seconds: u64, see: impl Fn(&K) -> Seen) -> Result<K, Failure>
where
    K: kube::Resource + Clone + std::fmt::Debug + serde::de::DeserializeOwned + Send + 'static,
    K::DynamicType: Default,
{
    let config = watcher::Config::default().fields(&format!("metadata.name={name}"));
    let mut changes = watcher(api, config).default_backoff().boxed();
    let mut screen = Screen::new();
    let looking = async {
        while let Some(event) = changes
            .try_next()
            .await
            .map_err(|error| Failure::Failed(format!("the watch broke: {error}")))?
        {
            let object = match event {
                Event::Apply(object) | Event::InitApply(object) => object,
                Event::Delete(_) => return Err(Failure::NotFound(format!("{name} was deleted"))),
                Event::Init | Event::InitDone => continue,
            };
            let seen = see(&object);
            screen.show(&seen);
            match seen.end {
                Some(End::Done) => return Ok(object),
                Some(End::Failed(why)) => return Err(Failure::Failed(why)),
                None => {}
            }
        }
        Err(Failure::Failed("the watch ended".into()))
    };
    let limit = Duration::from_secs(seconds);
    let ended = tokio::time::timeout(limit, looking).await;
    screen.close();
    ended.unwrap_or_else(|_| {
        Err(Failure::NotReady(format!(
            "{name} did not end within {seconds} s; it goes on without anybody who waits"
        )))
    })
}

/// Draws a bar, or writes lines.
struct Screen {
    bar: Option<ProgressBar>,
    last: Option<(String, Instant)>,
}

impl Screen {
    fn new() -> Self {
        let bar = Term::stderr()
            .is_term()
            .then(|| ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr()));
        Self { bar, last: None }
    }

    fn show(&mut self, seen: &Seen) {
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

    fn close(&self) {
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

/// A span as kubectl writes ages: its two largest units at most.
#[must_use]
pub fn span(seconds: u64) -> String {
    let (minutes, hours, days) = (seconds / 60, seconds / 3_600, seconds / 86_400);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds}s"),
        (0, 0, minutes) if minutes < 10 => format!("{minutes}m{:02}s", seconds % 60),
        (0, 0, minutes) => format!("{minutes}m"),
        (0, hours, minutes) if hours < 10 => format!("{hours}h{:02}m", minutes % 60),
        (0, hours, _) => format!("{hours}h"),
        (days, hours, _) if days < 10 => format!("{days}d{}h", hours % 24),
        (days, ..) => format!("{days}d"),
    }
}

/// Amounts of a status are never below zero; one that is counts as zero.
#[must_use]
pub fn unsigned(amount: i64) -> u64 {
    u64::try_from(amount).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

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

    #[rstest]
    #[case(0, "0s")]
    #[case(59, "59s")]
    #[case(95, "1m35s")]
    #[case(3_599, "59m")]
    #[case(3_660, "1h01m")]
    #[case(86_399, "23h")]
    #[case(90_000, "1d1h")]
    #[case(1_000_000, "11d")]
    fn a_span_has_two_units_at_most(#[case] seconds: u64, #[case] said: &str) {
        assert_eq!(span(seconds), said);
    }
}
