//! PEOPLE: changes of one resource, for commands that wait for hours. An API server that is away for a while ends no wait: that is
//! told, and asked again.

use futures::{Stream, StreamExt};
use kube::Api;
use kube::runtime::watcher::{self, Event};
use kube::runtime::{WatchStreamExt, watcher as watch};
use serde::de::DeserializeOwned;

use crate::failure::Failure;

/// What is heard of a resource.
pub enum Heard<K> {
    /// It is there, and is this by now.
    There(K),
    /// It is not there.
    Gone,
    /// Nothing, for this reason; it is asked again.
    Silence(String),
}

/// What is heard of the resource of this name, from now on. Ends with an error where asking again would change nothing.
pub fn changes<K>(api: Api<K>, name: &str) -> impl Stream<Item = Result<Heard<K>, Failure>> + Unpin + use<K>
where
    K: kube::Resource + Clone + std::fmt::Debug + DeserializeOwned + Send + 'static,
{
    let config = watcher::Config::default().fields(&format!("metadata.name={name}"));
    let mut listed = false;
    watch(api, config)
        .default_backoff()
        .filter_map(move |event| std::future::ready(heard(event, &mut listed)))
        .boxed()
}

/// What an event says; none where it says nothing. `listed`: the list under way has the resource in it.
fn heard<K>(event: watcher::Result<Event<K>>, listed: &mut bool) -> Option<Result<Heard<K>, Failure>> {
    let heard = match event {
        Ok(Event::Apply(object) | Event::InitApply(object)) => {
            *listed = true;
            Ok(Heard::There(object))
        }
        Ok(Event::Init) => {
            *listed = false;
            return None;
        }
        Ok(Event::InitDone) if *listed => return None,
        Ok(Event::InitDone | Event::Delete(_)) => Ok(Heard::Gone),
        Err(error) => silence(error),
    };
    Some(heard)
}

fn silence<K>(error: watcher::Error) -> Result<Heard<K>, Failure> {
    use watcher::Error::{InitialListFailed, WatchFailed, WatchStartFailed};
    match error {
        InitialListFailed(error) | WatchStartFailed(error) | WatchFailed(error) if is_final(&error) => {
            Err(error.into())
        }
        error => Ok(Heard::Silence(format!(
            "no word from the API server, which is asked again: {error}"
        ))),
    }
}

/// The API server answers, and will answer so again: who asks is not known or may not, or the kind is not there.
fn is_final(error: &kube::Error) -> bool {
    matches!(error, kube::Error::Api(status) if matches!(status.code, 400..=405 | 422))
}

#[cfg(test)]
mod tests {
    use kube::core::Status;
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::not_known(401, true)]
    #[case::not_allowed(403, true)]
    #[case::no_such_kind(404, true)]
    #[case::too_old(410, false)]
    #[case::too_many(429, false)]
    #[case::starting(500, false)]
    #[case::behind_a_balancer(503, false)]
    fn only_what_will_not_pass_ends_a_wait(#[case] code: u16, #[case] ends: bool) {
        let error = Box::new(Status::failure("no", "Refused").with_code(code));
        let heard = silence::<()>(watcher::Error::WatchStartFailed(kube::Error::Api(error)));
        assert_eq!(heard.is_err(), ends);
    }

    #[test]
    fn a_watch_that_ran_out_is_taken_up_again() {
        let error = Box::new(Status::failure("too old resource version", "Expired").with_code(410));
        assert!(silence::<()>(watcher::Error::WatchError(error)).is_ok());
    }
}
