//! SETS: which sets may go, and why each of the others stays. Pure: it names sets and deletes none; the present is an
//! argument.
//!
//! A set stays when any rule asks for it. Beside the rules, these never go: the newest verified set (without one, the newest
//! complete set), a set that is being written, and a set that something holds. Sets that failed, or were found damaged, take
//! the place of no good one: they are counted apart.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

/// What is to be kept. A rule that is unset asks for nothing; without any rule every complete set stays.
#[derive(Clone, Debug)]
pub struct Retention {
    /// The newest so many complete sets.
    pub last: Option<u32>,
    /// Every complete set younger than this.
    pub within: Option<Duration>,
    /// One set for each of the newest so many days that have one.
    pub daily: Option<u32>,
    /// One set for each of the newest so many weeks (from Monday, ISO 8601) that have one.
    pub weekly: Option<u32>,
    /// One set for each of the newest so many months that have one.
    pub monthly: Option<u32>,
    /// One set for each of the newest so many years that have one.
    pub yearly: Option<u32>,
    /// The newest so many sets that failed or are damaged.
    pub failed: u32,
    /// Where a day begins and ends: the schedule's time zone.
    pub zone: TimeZone,
}

impl Default for Retention {
    /// Every complete set, and the newest three that failed: enough to see what went wrong.
    fn default() -> Self {
        Self {
            last: None,
            within: None,
            daily: None,
            weekly: None,
            monthly: None,
            yearly: None,
            failed: 3,
            zone: TimeZone::UTC,
        }
    }
}

/// How a set fares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SetState {
    /// It is being written, verified or restored.
    InProgress,
    /// It has no manifest, and nobody writes it any more.
    Failed,
    /// Its manifest is there, and a verification found that it cannot be trusted.
    Damaged,
    /// Its manifest is there.
    Complete,
    /// Its manifest is there, and a verification found it good.
    Verified,
}

/// A set as it is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetSeen {
    /// Its name, unique among those judged together.
    pub id: String,
    /// The moment that it holds; of a set without a manifest, when it was begun.
    pub taken: Timestamp,
    /// How it fares.
    pub state: SetState,
    /// Why it may not go, whatever the rules say, in words after "held: "; such as "KfpRestore team/back reads it".
    pub held: Option<String>,
}

/// A set that may go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expired {
    /// The set.
    pub id: String,
    /// Why.
    pub why: WhyExpired,
}

/// Why a set may go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhyExpired {
    /// No rule asks for it.
    NoRule,
    /// It failed or is damaged, and so many newer such sets are kept.
    FailedBeyond(u32),
}

/// A set that stays.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// The set.
    pub id: String,
    /// Why, at least one reason.
    pub because: Vec<WhyKept>,
}

/// Why a set stays.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WhyKept {
    /// Somebody works on it.
    InProgress,
    /// Something holds it; in words.
    Held(String),
    /// It is the newest verified one.
    LastVerified,
    /// It is the newest complete one, and none is verified.
    LastComplete,
    /// There is no rule.
    NoRules,
    /// It is one of the newest so many.
    Last(u32),
    /// It is younger than this.
    Within(Duration),
    /// It stands for this day.
    Daily(Date),
    /// It stands for the week that begins with this day.
    Weekly(Date),
    /// It stands for the month that begins with this day.
    Monthly(Date),
    /// It stands for the year that begins with this day.
    Yearly(Date),
    /// It is one of the newest so many that failed or are damaged.
    LastFailed(u32),
}

/// The sets that may go at `now`, oldest first, each with the reason.
#[must_use]
pub fn expired(policy: &Retention, sets: &[SetSeen], now: Timestamp) -> Vec<Expired> {
    let reasons = reasons(policy, sets, now);
    oldest_first(sets)
        .into_iter()
        .filter(|set| !reasons.contains_key(set.id.as_str()))
        .map(|set| Expired {
            id: set.id.clone(),
            why: if is_good(set) {
                WhyExpired::NoRule
            } else {
                WhyExpired::FailedBeyond(policy.failed)
            },
        })
        .collect()
}

/// The sets that stay at `now`, newest first, each with every reason.
#[must_use]
pub fn kept(policy: &Retention, sets: &[SetSeen], now: Timestamp) -> Vec<Kept> {
    let mut reasons = reasons(policy, sets, now);
    oldest_first(sets)
        .into_iter()
        .rev()
        .filter_map(|set| {
            let because = reasons.remove(set.id.as_str())?;
            Some(Kept {
                id: set.id.clone(),
                because,
            })
        })
        .collect()
}

/// Why each set stays that does, by its name.
fn reasons<'a>(policy: &Retention, sets: &'a [SetSeen], now: Timestamp) -> BTreeMap<&'a str, Vec<WhyKept>> {
    let mut reasons: BTreeMap<&str, Vec<WhyKept>> = BTreeMap::new();
    let mut keep = |set: &'a SetSeen, why: WhyKept| reasons.entry(&set.id).or_default().push(why);
    let mut newest = oldest_first(sets);
    newest.reverse();
    for set in &newest {
        if set.state == SetState::InProgress {
            keep(set, WhyKept::InProgress);
        }
        if let Some(words) = &set.held {
            keep(set, WhyKept::Held(words.clone()));
        }
    }
    let good: Vec<&SetSeen> = newest.iter().copied().filter(|set| is_good(set)).collect();
    match good.iter().find(|set| set.state == SetState::Verified) {
        Some(set) => keep(set, WhyKept::LastVerified),
        None => {
            if let Some(set) = good.first() {
                keep(set, WhyKept::LastComplete);
            }
        }
    }
    if policy.has_no_rule() {
        for set in &good {
            keep(set, WhyKept::NoRules);
        }
    }
    if let Some(last) = policy.last {
        for set in good.iter().take(limit(last)) {
            keep(set, WhyKept::Last(last));
        }
    }
    if let Some(within) = policy.within {
        // What a clock that was wrong calls the future is young.
        let is_old =
            |set: &SetSeen| Duration::try_from(now.duration_since(set.taken)).is_ok_and(|age| age >= within);
        for set in good.iter().filter(|set| !is_old(set)) {
            keep(set, WhyKept::Within(within));
        }
    }
    for (number, begin, why) in policy.generations() {
        for (period, set) in representatives(&good, &policy.zone, begin, number) {
            keep(set, why(period));
        }
    }
    let failed = newest
        .iter()
        .filter(|set| matches!(set.state, SetState::Failed | SetState::Damaged));
    for set in failed.take(limit(policy.failed)) {
        keep(set, WhyKept::LastFailed(policy.failed));
    }
    reasons
}

/// The first day of the period that a day lies in.
type Begin = fn(Date) -> Date;
/// What a set stands for, of the first day of a period.
type Stands = fn(Date) -> WhyKept;

impl Retention {
    fn has_no_rule(&self) -> bool {
        self.last.is_none() && self.within.is_none() && self.generations().is_empty()
    }

    /// The rules of grandfather, father and son that are set.
    fn generations(&self) -> Vec<(u32, Begin, Stands)> {
        let all: [(Option<u32>, Begin, Stands); 4] = [
            (self.daily, |day| day, WhyKept::Daily),
            (self.weekly, monday, WhyKept::Weekly),
            (self.monthly, Date::first_of_month, WhyKept::Monthly),
            (self.yearly, Date::first_of_year, WhyKept::Yearly),
        ];
        all.into_iter()
            .filter_map(|(number, begin, why)| Some((number?, begin, why)))
            .collect()
    }
}

/// The Monday on or before a day.
fn monday(day: Date) -> Date {
    let days = i64::from(day.weekday().to_monday_zero_offset());
    day.checked_sub(jiff::Span::new().days(days)).unwrap_or(day)
}

/// For each of the newest `number` periods that have a good set: the newest verified set of the period, or, without one, its
/// newest.
fn representatives<'a>(
    good: &[&'a SetSeen],
    zone: &TimeZone,
    begin: Begin,
    number: u32,
) -> Vec<(Date, &'a SetSeen)> {
    let mut periods: BTreeMap<Date, &SetSeen> = BTreeMap::new();
    for set in good {
        let period = begin(set.taken.to_zoned(zone.clone()).date());
        let best = periods.entry(period).or_insert(set);
        if best.state != SetState::Verified && set.state == SetState::Verified {
            *best = set;
        }
    }
    periods.into_iter().rev().take(limit(number)).collect()
}

/// A set that can be restored, as far as is known.
fn is_good(set: &SetSeen) -> bool {
    matches!(set.state, SetState::Complete | SetState::Verified)
}

/// By the moment they hold; of one moment, by their names. A name that is given twice counts once.
fn oldest_first(sets: &[SetSeen]) -> Vec<&SetSeen> {
    let mut sorted: Vec<&SetSeen> = sets.iter().collect();
    sorted.sort_by(|one, other| (one.taken, &one.id).cmp(&(other.taken, &other.id)));
    let mut names = BTreeSet::new();
    sorted.retain(|set| names.insert(set.id.as_str()));
    sorted
}

fn limit(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

impl fmt::Display for WhyExpired {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoRule => to.write_str("no rule of the retention asks for it"),
            Self::FailedBeyond(0) => to.write_str("it failed, and none that failed is kept"),
            Self::FailedBeyond(number) => {
                write!(to, "it failed, and the newest {number} that failed are kept")
            }
        }
    }
}

impl fmt::Display for WhyKept {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InProgress => to.write_str("in progress"),
            Self::Held(words) => write!(to, "held: {words}"),
            Self::LastVerified => to.write_str("newest verified"),
            Self::LastComplete => to.write_str("newest complete, none is verified"),
            Self::NoRules => to.write_str("no rule lets it go"),
            Self::Last(number) => write!(to, "one of the newest {number}"),
            Self::Within(age) => write!(to, "younger than {}", days(*age)),
            Self::Daily(day) => write!(to, "day {day}"),
            Self::Weekly(day) => write!(to, "week of {day}"),
            Self::Monthly(day) => write!(to, "month {}", day.strftime("%Y-%m")),
            Self::Yearly(day) => write!(to, "year {}", day.year()),
            Self::LastFailed(number) => write!(to, "one of the newest {number} that failed"),
        }
    }
}

/// An age as people give it: whole days where it is some, else jiff's short form.
fn days(age: Duration) -> String {
    const DAY: u64 = 24 * 60 * 60;
    match age.as_secs() {
        seconds if seconds >= DAY && seconds.is_multiple_of(DAY) => format!("{}d", seconds / DAY),
        _ => jiff::SignedDuration::try_from(age).map_or_else(|_| "ever".to_owned(), |age| format!("{age:#}")),
    }
}

#[cfg(test)]
mod tests;
