//! EYES: how long to rest after a step, so that a scan takes a small part of a database's time. Pure but for the clock that a
//! step is timed with.

use std::time::{Duration, Instant};

use super::sweep::Cost;

/// Rests for each second that a step took: a scan uses a quarter of one connection's time at most.
const REST: u32 = 3;
/// Rows a second at most. Keys come from an index, a few dozen bytes each.
const ROWS_PER_SECOND: f64 = 2_000.0;
/// Bytes of texts a second at most: a small part of what a disk gives.
const BYTES_PER_SECOND: f64 = 4.0 * 1024.0 * 1024.0;
/// Shortest rest: other sessions come first.
const SHORTEST: Duration = Duration::from_millis(20);

/// A step under way.
#[derive(Debug)]
pub struct Pace {
    begun: Instant,
}

impl Pace {
    /// Begins to time a step.
    #[must_use]
    pub fn begin() -> Self {
        Self {
            begun: Instant::now(),
        }
    }

    /// The rest after it.
    #[must_use]
    pub fn pause(&self, cost: Cost) -> Duration {
        rest(self.begun.elapsed(), cost)
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "rows and bytes of one step are far below 2^52"
)]
fn rest(took: Duration, cost: Cost) -> Duration {
    let rows = Duration::from_secs_f64(cost.rows as f64 / ROWS_PER_SECOND);
    let bytes = Duration::from_secs_f64(cost.bytes as f64 / BYTES_PER_SECOND);
    let by_rate = rows.max(bytes).saturating_sub(took);
    by_rate.max(took.saturating_mul(REST)).max(SHORTEST)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::nothing(0, 0, 0, 20)]
    #[case::a_page_of_keys(5, 500, 0, 245)]
    #[case::texts(100, 50, 4 * 1024 * 1024, 900)]
    #[case::a_busy_server(2_000, 500, 0, 6_000)]
    fn a_step_is_followed_by_the_longest_rest_that_is_due(
        #[case] took: u64,
        #[case] rows: usize,
        #[case] bytes: u64,
        #[case] rest: u64,
    ) {
        let found = super::rest(Duration::from_millis(took), Cost { rows, bytes });
        assert_eq!(found, Duration::from_millis(rest));
    }
}
