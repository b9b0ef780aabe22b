//! LEDGER: not more bytes a second than allowed, over all readers.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

/// Bytes that are let through at once, so that small rows need no timer each.
const BURST: u64 = 256 * 1024;

/// A limit that readers share.
pub(crate) struct Pace {
    per_second: Option<u64>,
    state: Mutex<State>,
}

struct State {
    saved: u64,
    next: Instant,
}

impl Pace {
    /// At most so many bytes a second; any number when `None`.
    pub(crate) fn new(per_second: Option<u64>) -> Self {
        Self {
            per_second: per_second.filter(|limit| *limit > 0),
            state: Mutex::new(State {
                saved: 0,
                next: Instant::now(),
            }),
        }
    }

    /// Waits until these bytes are allowed.
    pub(crate) async fn wait(&self, bytes: u64) {
        if let Some(until) = self.until(bytes) {
            sleep_until(until).await;
        }
    }

    fn until(&self, bytes: u64) -> Option<Instant> {
        let limit = self.per_second?;
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.saved = state.saved.saturating_add(bytes);
        if state.saved < BURST.min(limit) {
            return None;
        }
        // Nanoseconds of u64 last for centuries.
        let nanoseconds = u128::from(state.saved) * 1_000_000_000 / u128::from(limit);
        let needed = Duration::from_nanos(u64::try_from(nanoseconds).unwrap_or(u64::MAX));
        state.saved = 0;
        let until = state.next.max(Instant::now()) + needed;
        state.next = until;
        Some(until)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::Instant;

    use super::Pace;

    fn elapsed(limit: Option<u64>, rows: u64, bytes: u64) -> Duration {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .unwrap();
        runtime.block_on(async {
            let pace = Pace::new(limit);
            let start = Instant::now();
            let reader = async {
                for _ in 0..rows {
                    pace.wait(bytes).await;
                }
            };
            let other = async {
                for _ in 0..rows {
                    pace.wait(bytes).await;
                }
            };
            tokio::join!(reader, other);
            start.elapsed()
        })
    }

    #[test]
    fn readers_together_keep_to_the_limit() {
        let took = elapsed(Some(1 << 20), 5_000, 1024).as_secs_f64();
        assert!((9.0..10.5).contains(&took), "{took}");
    }

    #[test]
    fn without_a_limit_nobody_waits() {
        assert!(elapsed(None, 5_000, 1024) < Duration::from_secs(1));
        assert!(elapsed(Some(0), 5_000, 1024) < Duration::from_secs(1));
    }
}
