//! PEOPLE: waits for a backup or a restore: a bar on a terminal, lines elsewhere, both on standard error. Decides nothing: how
//! the resource stands is told by whoever waits.

mod screen;

use std::time::Duration;

use futures::TryStreamExt;
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kfp_api::backup_status::JobProgress;
use kube::Api;
use kube::core::NamespaceResourceScope;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::failure::Failure;
use crate::output::{self, Format};
use crate::place::Place;
use crate::watch::{Heard, changes};
use screen::Screen;

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
    /// It is there no more; in words.
    Gone(String),
}

/// The end of what a condition says is not so, and that will not change without a person. What has not `ended` goes on once the
/// person has acted.
pub fn stopped(name: &str, condition: &Condition, ended: bool) -> End {
    let said = format!("{name}: {}: {}", condition.reason, condition.message);
    if ended {
        return End::Failed(said);
    }
    let said = said.trim_end_matches('.');
    End::Failed(format!(
        "{said}; it goes on by itself once that is mended; make no other one"
    ))
}

/// A kind whose resources are waited for.
pub trait Followed:
    kube::Resource<DynamicType = ()> + Clone + std::fmt::Debug + Serialize + DeserializeOwned + Send + 'static
{
    /// The command whose `show` shows one.
    const COMMAND: &'static str;
}

impl Followed for kfp_api::KfpBackup {
    const COMMAND: &'static str = "kfpctl backup";
}

impl Followed for kfp_api::KfpRestore {
    const COMMAND: &'static str = "kfpctl restore";
}

/// Which resource is shown, and how.
#[derive(clap::Args)]
pub struct Showing {
    /// Its name.
    pub name: String,
    #[command(flatten)]
    pub answer: Answer,
}

/// Where to ask, whether to wait for the end, and how the answer is printed.
#[derive(clap::Args)]
pub struct Answer {
    #[command(flatten)]
    follow: Waiting,
    #[command(flatten)]
    pub place: Place,
    /// How to print.
    #[arg(short, long, value_enum, default_value_t)]
    output: Format,
}

impl Answer {
    /// Prints a resource, at once or once it ended, well or not.
    pub async fn give<K: Followed>(
        &self,
        api: Api<K>,
        object: K,
        see: impl Fn(&K) -> Seen,
        table: impl FnOnce(&K) -> String,
    ) -> Result<(), Failure> {
        shown(api, object, &self.follow, see, self.output, table).await
    }
}

impl Showing {
    /// Shows it, at once or once it ended.
    pub async fn run<K>(
        &self,
        see: impl Fn(&K) -> Seen,
        table: impl FnOnce(&K) -> String,
    ) -> Result<(), Failure>
    where
        K: Followed + kube::Resource<Scope = NamespaceResourceScope>,
    {
        let (_, api): (_, Api<K>) = self.answer.place.open().await?;
        let object = api.get(&self.name).await?;
        self.answer.give(api, object, see, table).await
    }
}

/// Waits where that is asked, prints the resource as it is then, well or not, and says how it ended.
pub async fn shown<K: Followed>(
    api: Api<K>,
    object: K,
    waiting: &Waiting,
    see: impl Fn(&K) -> Seen,
    format: Format,
    table: impl FnOnce(&K) -> String,
) -> Result<(), Failure> {
    let (object, ended) = if waiting.wait {
        let meta = object.meta();
        let name = meta.name.clone().unwrap_or_default();
        let namespace = meta.namespace.clone().unwrap_or_default();
        let command = K::COMMAND;
        eprintln!(
            "Whoever stops waiting takes it up again with `{command} show {name} -n {namespace} --wait`."
        );
        let gone = || Seen {
            end: Some(End::Gone(format!("{name} was deleted"))),
            ..Seen::default()
        };
        follow(api, object, waiting.timeout, |seen| seen.map_or_else(gone, &see)).await
    } else {
        (object, Ok(()))
    };
    output::print(format, &object, table)?;
    ended
}

/// Shows how far a resource is until it ended; `see` is asked about none once it is not there. The resource as it was last.
pub async fn follow<K: Followed>(
    api: Api<K>,
    object: K,
    seconds: u64,
    see: impl Fn(Option<&K>) -> Seen,
) -> (K, Result<(), Failure>) {
    let name = object.meta().name.clone().unwrap_or_default();
    let mut changes = changes(api, &name);
    let mut screen = Screen::new();
    let mut last = object;
    let looking = async {
        while let Some(heard) = changes.try_next().await? {
            let seen = match heard {
                Heard::There(object) => {
                    last = object;
                    see(Some(&last))
                }
                Heard::Gone => see(None),
                Heard::Silence(why) => Seen {
                    stage: why,
                    ..Seen::default()
                },
            };
            screen.show(&seen);
            match seen.end {
                Some(End::Done) => return Ok(()),
                Some(End::Failed(why)) => return Err(Failure::Failed(why)),
                Some(End::Gone(why)) => return Err(Failure::NotFound(why)),
                None => {}
            }
        }
        Err(Failure::Failed("the watch ended".into()))
    };
    let limit = Duration::from_secs(seconds);
    let ended = tokio::time::timeout(limit, looking).await;
    screen.close();
    let ended = ended.unwrap_or_else(|_| {
        Err(Failure::NotReady(format!(
            "{name} did not end within {seconds} s; it goes on without anybody who waits"
        )))
    });
    (last, ended)
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

/// How long ago it was, as far as it is known.
#[must_use]
pub fn age(moment: Option<Timestamp>, now: Timestamp) -> String {
    moment
        .map(|moment| span(unsigned(now.duration_since(moment).as_secs())))
        .unwrap_or_default()
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
