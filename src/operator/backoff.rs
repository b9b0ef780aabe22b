//! LOOP: growing pauses after failures, for each object by itself. Pure but for the counters; randomness is an argument.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// Pause after the first failure.
pub const FIRST: Duration = Duration::from_secs(1);
/// Longest pause: a cured cause is noticed after at most this long, even when nothing else changes.
pub const LONGEST: Duration = Duration::from_mins(5);
/// Pauses are spread by this fraction to both sides, so that many objects do not come back together.
pub const JITTER: f64 = 0.2;

/// The pause after `failures` failures in a row; `random` is in `0.0..1.0`.
#[must_use]
pub fn pause(failures: u32, random: f64) -> Duration {
    let exponent = failures.saturating_sub(1).min(16);
    let plain = FIRST.saturating_mul(1 << exponent).min(LONGEST);
    spread(plain, random)
}

/// A pause made longer or shorter by at most [`JITTER`]; `random` is in `0.0..1.0`.
#[must_use]
pub fn spread(pause: Duration, random: f64) -> Duration {
    pause.mul_f64(1.0 + JITTER * (2.0 * random.clamp(0.0, 1.0) - 1.0))
}

/// A number in `0.0..1.0`; without a random source all pauses lie in the middle of their range.
#[must_use]
pub fn random() -> f64 {
    getrandom::u32().map_or(0.5, |bits| f64::from(bits) / (f64::from(u32::MAX) + 1.0))
}

/// Failures in a row, by object.
#[derive(Debug)]
pub struct Failures<K>(Mutex<HashMap<K, u32>>);

impl<K> Default for Failures<K> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<K: Eq + Hash + Clone> Failures<K> {
    /// Counts one more failure and returns how many there are in a row.
    pub fn add(&self, key: &K) -> u32 {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry(key.clone()).or_insert(0);
        *count = count.saturating_add(1);
        *count
    }

    /// Forgets the failures of an object that did well or is gone.
    pub fn clear(&self, key: &K) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case(1, 1)]
    #[case(2, 2)]
    #[case(5, 16)]
    #[case(9, 256)]
    #[case(10, 300)]
    #[case(u32::MAX, 300)]
    fn pauses_double_up_to_the_longest(#[case] failures: u32, #[case] seconds: u64) {
        assert_eq!(pause(failures, 0.5), Duration::from_secs(seconds));
    }

    #[rstest]
    #[case(0.0, 800)]
    #[case(1.0, 1200)]
    fn jitter_spreads_a_pause_to_both_sides(#[case] random: f64, #[case] milliseconds: u128) {
        assert_eq!(pause(1, random).as_millis(), milliseconds);
    }

    #[test]
    fn one_objects_failures_do_not_slow_another() {
        let failures = Failures::default();
        assert_eq!(
            (failures.add(&"a"), failures.add(&"a"), failures.add(&"b")),
            (1, 2, 1)
        );
        failures.clear(&"a");
        assert_eq!(failures.add(&"a"), 1);
    }

    #[test]
    fn random_numbers_stay_in_range() {
        assert!(
            (0..1000)
                .map(|_| random())
                .all(|number| (0.0..1.0).contains(&number))
        );
    }
}
