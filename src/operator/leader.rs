//! LOOP: one leader at a time, by a Lease. Writes the Lease and nothing else.
//!
//! A foreign lease counts as expired when this process has seen it unchanged for its whole duration by its own
//! monotonic clock, so clocks of nodes need not agree. Every write carries the resource version that was read, so two
//! candidates cannot both win.

use std::time::{Duration, Instant};

use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use k8s_openapi::jiff::Timestamp;
use kube::api::{ObjectMeta, PostParams};
use kube::{Api, Client};
use thiserror::Error;
use tokio_util::sync::CancellationToken;

/// How long a lease holds without renewal; as in Kubernetes' own controllers (client-go's default).
pub const DURATION: Duration = Duration::from_secs(15);
/// The leader stops by itself when it could not renew for this long, well before another may take over.
pub const RENEW_DEADLINE: Duration = Duration::from_secs(10);
/// Pause between attempts to take or to renew.
pub const RETRY: Duration = Duration::from_secs(2);
/// Time limit of one request.
const REQUEST_LIMIT: Duration = Duration::from_secs(5);

/// Why leadership ended.
#[derive(Debug, PartialEq, Eq, Error)]
pub enum Ended {
    /// We were asked to stop; the Lease is still ours until released.
    #[error("shutting down")]
    Cancelled,
    /// Another replica holds the Lease, or it could not be renewed in time.
    #[error("leadership lost: {0}")]
    Lost(String),
}

/// A candidate for, or holder of, one Lease.
pub struct Candidate {
    api: Api<Lease>,
    name: String,
    identity: String,
    /// The foreign lease as last seen to change, and when.
    seen: Option<(Option<LeaseSpec>, Instant)>,
}

/// What to do about a Lease as it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// It is ours: renew it.
    Renew,
    /// It is nobody's, or its holder is gone: take it.
    Take,
    /// It is somebody's.
    Wait,
}

/// The step for a Lease that has been unchanged for `unchanged`.
fn step(spec: Option<&LeaseSpec>, identity: &str, unchanged: Duration) -> Step {
    let holder = spec
        .and_then(|spec| spec.holder_identity.as_deref())
        .unwrap_or_default();
    let seconds = spec
        .and_then(|spec| spec.lease_duration_seconds)
        .unwrap_or_default();
    let duration = u64::try_from(seconds).map_or(DURATION, Duration::from_secs);
    match holder {
        "" => Step::Take,
        holder if holder == identity => Step::Renew,
        _ if unchanged >= duration => Step::Take,
        _ => Step::Wait,
    }
}

/// The Lease's next content.
fn next(old: Option<&LeaseSpec>, step: Step, identity: &str, now: Timestamp) -> LeaseSpec {
    let transitions = old.and_then(|spec| spec.lease_transitions).unwrap_or_default();
    let taken = step == Step::Take;
    let acquired = old.and_then(|spec| spec.acquire_time.clone()).filter(|_| !taken);
    LeaseSpec {
        holder_identity: Some(identity.into()),
        lease_duration_seconds: i32::try_from(DURATION.as_secs()).ok(),
        acquire_time: Some(acquired.unwrap_or(MicroTime(now))),
        renew_time: Some(MicroTime(now)),
        lease_transitions: Some(transitions + i32::from(taken && old.is_some())),
        ..LeaseSpec::default()
    }
}

impl Candidate {
    /// A candidate named `identity` for the Lease `name` in `namespace`.
    #[must_use]
    pub fn new(client: Client, namespace: &str, name: &str, identity: &str) -> Self {
        Self {
            api: Api::namespaced(client, namespace),
            name: name.into(),
            identity: identity.into(),
            seen: None,
        }
    }

    /// Waits until the Lease is ours; `Err(Cancelled)` when asked to stop before.
    pub async fn acquire(&mut self, cancel: &CancellationToken) -> Result<(), Ended> {
        let mut told = false;
        loop {
            match self.attempt().await {
                Ok(true) => return Ok(()),
                Ok(false) if !told => {
                    told = true;
                    tracing::info!(lease = %self.name, "another replica leads; standing by");
                }
                Ok(false) => {}
                Err(error) => tracing::warn!(lease = %self.name, %error, "cannot take the Lease"),
            }
            pause(cancel).await?;
        }
    }

    /// Renews until asked to stop or until leadership is lost.
    pub async fn hold(&mut self, cancel: &CancellationToken) -> Ended {
        let mut renewed = Instant::now();
        loop {
            if let Err(ended) = pause(cancel).await {
                return ended;
            }
            match self.attempt().await {
                Ok(true) => renewed = Instant::now(),
                Ok(false) => return Ended::Lost("another replica holds the Lease".into()),
                Err(error) if renewed.elapsed() >= RENEW_DEADLINE => {
                    return Ended::Lost(format!("the Lease could not be renewed: {error}"));
                }
                Err(error) => tracing::warn!(lease = %self.name, %error, "cannot renew the Lease"),
            }
        }
    }

    /// Gives the Lease up, so that another replica need not wait for it to expire.
    pub async fn release(&mut self) -> Result<(), String> {
        let lease = limited(self.api.get_opt(&self.name)).await?;
        let Some(mut lease) = lease else { return Ok(()) };
        if step(lease.spec.as_ref(), &self.identity, Duration::ZERO) != Step::Renew {
            return Ok(());
        }
        if let Some(spec) = lease.spec.as_mut() {
            spec.holder_identity = None;
            spec.lease_duration_seconds = Some(1);
            spec.renew_time = Some(MicroTime(Timestamp::now()));
        }
        limited(self.api.replace(&self.name, &PostParams::default(), &lease))
            .await
            .map(drop)
    }

    /// One attempt to take or to renew; `Ok(false)` when somebody else holds it.
    async fn attempt(&mut self) -> Result<bool, String> {
        let params = PostParams::default();
        let Some(mut lease) = limited(self.api.get_opt(&self.name)).await? else {
            let lease = Lease {
                metadata: ObjectMeta {
                    name: Some(self.name.clone()),
                    ..ObjectMeta::default()
                },
                spec: Some(next(None, Step::Take, &self.identity, Timestamp::now())),
            };
            return written(limited_raw(self.api.create(&params, &lease)).await);
        };
        let unchanged = match &self.seen {
            Some((spec, since)) if *spec == lease.spec => since.elapsed(),
            _ => {
                self.seen = Some((lease.spec.clone(), Instant::now()));
                Duration::ZERO
            }
        };
        let step = step(lease.spec.as_ref(), &self.identity, unchanged);
        if step == Step::Wait {
            return Ok(false);
        }
        lease.spec = Some(next(lease.spec.as_ref(), step, &self.identity, Timestamp::now()));
        written(limited_raw(self.api.replace(&self.name, &params, &lease)).await)
    }
}

async fn pause(cancel: &CancellationToken) -> Result<(), Ended> {
    tokio::select! {
        () = cancel.cancelled() => Err(Ended::Cancelled),
        () = tokio::time::sleep(RETRY) => Ok(()),
    }
}

/// A write that met a newer version means that somebody else was quicker.
fn written(result: Result<Lease, Option<kube::Error>>) -> Result<bool, String> {
    match result {
        Ok(_) => Ok(true),
        Err(Some(kube::Error::Api(status))) if status.code == 409 => Ok(false),
        Err(Some(error)) => Err(error.to_string()),
        Err(None) => Err(no_answer()),
    }
}

async fn limited_raw<T>(request: impl Future<Output = kube::Result<T>>) -> Result<T, Option<kube::Error>> {
    match tokio::time::timeout(REQUEST_LIMIT, request).await {
        Ok(answer) => answer.map_err(Some),
        Err(_) => Err(None),
    }
}

async fn limited<T>(request: impl Future<Output = kube::Result<T>>) -> Result<T, String> {
    limited_raw(request)
        .await
        .map_err(|error| error.map_or_else(no_answer, |error| error.to_string()))
}

fn no_answer() -> String {
    format!(
        "no answer from the Kubernetes API server within {} s",
        REQUEST_LIMIT.as_secs()
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    fn held_by(holder: &str, seconds: i32) -> LeaseSpec {
        LeaseSpec {
            holder_identity: Some(holder.into()),
            lease_duration_seconds: Some(seconds),
            lease_transitions: Some(3),
            acquire_time: Some(MicroTime(Timestamp::UNIX_EPOCH)),
            ..LeaseSpec::default()
        }
    }

    #[rstest]
    #[case::ours(held_by("me", 15), 0, Step::Renew)]
    #[case::ours_although_expired(held_by("me", 15), 60, Step::Renew)]
    #[case::released(LeaseSpec::default(), 0, Step::Take)]
    #[case::held_and_fresh(held_by("other", 15), 14, Step::Wait)]
    #[case::held_and_expired(held_by("other", 15), 15, Step::Take)]
    #[case::held_for_longer_than_our_own_duration(held_by("other", 60), 30, Step::Wait)]
    fn a_lease_is_taken_only_when_it_is_free_or_expired(
        #[case] spec: LeaseSpec,
        #[case] unchanged: u64,
        #[case] wanted: Step,
    ) {
        assert_eq!(step(Some(&spec), "me", Duration::from_secs(unchanged)), wanted);
    }

    #[test]
    fn taking_counts_a_transition_and_renewing_does_not() {
        let old = held_by("other", 15);
        let now = Timestamp::from_second(1_800_000_000).unwrap();
        let taken = next(Some(&old), Step::Take, "me", now);
        assert_eq!(
            (taken.lease_transitions, taken.acquire_time.clone()),
            (Some(4), Some(MicroTime(now)))
        );
        let renewed = next(
            Some(&taken),
            Step::Renew,
            "me",
            now + jiff::Span::new().seconds(2),
        );
        assert_eq!(
            (renewed.lease_transitions, renewed.acquire_time),
            (Some(4), taken.acquire_time)
        );
    }

    #[test]
    fn the_leader_gives_up_before_another_may_take_over() {
        assert!(RENEW_DEADLINE + REQUEST_LIMIT <= DURATION && RETRY < RENEW_DEADLINE);
    }
}
