//! EYES: how far a Job is. Numbers that rooms write and the Job's program reads; nothing is decided here.

use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;
use kfp_backup::layout::Attempt;
use kfp_backup::progress::{Phase, Progress};

const PHASES: [Phase; 10] = [
    Phase::Starting,
    Phase::Objects,
    Phase::Databases,
    Phase::Loading,
    Phase::Comparing,
    Phase::Bucket,
    Phase::Runs,
    Phase::Manifest,
    Phase::Removing,
    Phase::Finished,
];
/// The rate is that of the last so many seconds.
const WINDOW: i64 = 20;

/// How far a Job is. Cheap to write to.
#[derive(Debug)]
pub struct Meter {
    attempt: Attempt,
    started: Timestamp,
    phase: AtomicU8,
    bytes: AtomicU64,
    rows: AtomicU64,
    /// What earlier phases did, which a phase's own counting does not begin with.
    base: (AtomicU64, AtomicU64),
    bytes_total: AtomicU64,
    rows_total: AtomicU64,
    seen: Mutex<Vec<(Timestamp, u64)>>,
}

impl Meter {
    /// Nothing is done yet.
    #[must_use]
    pub fn new(attempt: Attempt, started: Timestamp) -> Self {
        Self {
            attempt,
            started,
            phase: AtomicU8::new(0),
            bytes: AtomicU64::new(0),
            rows: AtomicU64::new(0),
            base: (AtomicU64::new(0), AtomicU64::new(0)),
            bytes_total: AtomicU64::new(0),
            rows_total: AtomicU64::new(0),
            seen: Mutex::default(),
        }
    }

    /// Name of this start of the Job.
    #[must_use]
    pub fn attempt(&self) -> &Attempt {
        &self.attempt
    }

    /// When this attempt began.
    #[must_use]
    pub fn started(&self) -> Timestamp {
        self.started
    }

    /// Goes to the next phase; what it counts is added to what is done.
    pub fn enter(&self, phase: Phase) {
        let number = PHASES.iter().position(|one| *one == phase).unwrap_or_default();
        self.phase
            .store(u8::try_from(number).unwrap_or_default(), Ordering::Relaxed);
        self.base
            .0
            .store(self.bytes.load(Ordering::Relaxed), Ordering::Relaxed);
        self.base
            .1
            .store(self.rows.load(Ordering::Relaxed), Ordering::Relaxed);
    }

    /// Bytes and rows that there are to do in all; 0 while unknown.
    pub fn expect(&self, bytes: u64, rows: u64) {
        self.bytes_total.store(bytes, Ordering::Relaxed);
        self.rows_total.store(rows, Ordering::Relaxed);
    }

    /// More is done.
    pub fn add(&self, bytes: u64, rows: u64) {
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
        self.rows.fetch_add(rows, Ordering::Relaxed);
    }

    /// So much is done of this phase.
    pub fn reach(&self, bytes: u64, rows: u64) {
        self.bytes.store(
            self.base.0.load(Ordering::Relaxed).saturating_add(bytes),
            Ordering::Relaxed,
        );
        self.rows.store(
            self.base.1.load(Ordering::Relaxed).saturating_add(rows),
            Ordering::Relaxed,
        );
    }

    /// How far it is at this moment.
    pub fn read(&self, now: Timestamp) -> Progress {
        let bytes = self.bytes.load(Ordering::Relaxed);
        let rate = self.rate(now, bytes);
        let phase = PHASES[usize::from(self.phase.load(Ordering::Relaxed))];
        let rows = self.rows.load(Ordering::Relaxed);
        // What there was to do was an estimate; at the end it is known.
        let total = |total: &AtomicU64, done: u64| match phase {
            Phase::Finished => Some(done),
            // What was done already can prove it too low.
            _ => Some(total.load(Ordering::Relaxed)).filter(|total| *total > 0 && *total >= done),
        };
        let bytes_total = total(&self.bytes_total, bytes);
        let left = bytes_total.and_then(|total| total.saturating_sub(bytes).checked_div(rate));
        Progress {
            attempt: self.attempt.clone(),
            phase,
            started: self.started,
            updated: now,
            bytes,
            bytes_total,
            rows,
            rows_total: total(&self.rows_total, rows),
            bytes_per_second: rate,
            seconds_left: left,
        }
    }

    fn rate(&self, now: Timestamp, bytes: u64) -> u64 {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.retain(|(at, _)| now.as_second() - at.as_second() <= WINDOW);
        let (since, before) = seen.first().copied().unwrap_or((self.started, 0));
        seen.push((now, bytes));
        let millis = now.as_millisecond().saturating_sub(since.as_millisecond());
        let millis = u64::try_from(millis).unwrap_or_default();
        let moved = u128::from(bytes.saturating_sub(before)) * 1000;
        u64::try_from(moved / u128::from(millis.max(1))).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + second).unwrap()
    }

    #[test]
    fn a_rate_and_the_time_left_follow_from_what_was_seen() {
        let meter = Meter::new(Attempt::of(1), at(0));
        meter.enter(Phase::Databases);
        meter.expect(1_000, 10);
        meter.reach(200, 2);
        let seen = meter.read(at(2));
        assert_eq!(
            (seen.bytes_per_second, seen.seconds_left, seen.percent()),
            (100, Some(8), Some(20))
        );
        meter.reach(400, 4);
        let seen = meter.read(at(4));
        assert_eq!((seen.bytes_per_second, seen.seconds_left), (100, Some(6)));
        meter.enter(Phase::Bucket);
        meter.add(100, 0);
        meter.reach(50, 1);
        let seen = meter.read(at(4));
        assert_eq!((seen.phase, seen.bytes, seen.rows), (Phase::Bucket, 450, 5));
        meter.enter(Phase::Finished);
        assert_eq!(meter.read(at(5)).percent(), Some(100));
    }

    #[test]
    fn an_estimate_that_was_too_low_is_told_no_more() {
        let meter = Meter::new(Attempt::of(1), at(0));
        meter.expect(100, 0);
        meter.reach(101, 1);
        let seen = meter.read(at(1));
        assert_eq!(
            (seen.bytes_total, seen.seconds_left, seen.percent()),
            (None, None, None)
        );
    }

    #[test]
    fn nothing_known_is_nothing_told() {
        let meter = Meter::new(Attempt::of(1), at(0));
        let seen = meter.read(at(0));
        assert_eq!(
            (seen.seconds_left, seen.percent(), seen.bytes_total),
            (None, None, None)
        );
    }
}
