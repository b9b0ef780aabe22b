//! Room e2e/standin: waits until another program takes TCP connections. Sends nothing.

use std::time::{Duration, Instant};

use tokio::net::TcpStream;

use crate::breach::Breach;
use crate::contract::PeerContract;
use crate::facts::Facts;
use crate::template::go_duration;
use crate::voice::Voice;

/// Time for one connection.
const LIMIT: Duration = Duration::from_secs(3);
/// Pause between two tries.
const PAUSE: Duration = Duration::from_secs(1);

/// Tries a peer until it answers or `patience` (at most the contract's own) ends.
pub async fn reach(peer: &PeerContract, facts: &Facts, patience: Duration, voice: &Voice) -> Option<Breach> {
    let address = peer.address.expand(facts).text;
    let own = go_duration(&peer.wait_for.expand(facts).text).unwrap_or_default();
    let end = Instant::now() + own.min(patience);
    let mut told = false;
    loop {
        let reason = match tokio::time::timeout(LIMIT, TcpStream::connect(&address)).await {
            Ok(Ok(_)) => {
                voice.say(&format!("{} answers at {address}", peer.what));
                return None;
            }
            Ok(Err(error)) => error.to_string(),
            Err(_) => format!("no connection within {} s", LIMIT.as_secs()),
        };
        if Instant::now() >= end {
            return Some(Breach::new(
                format!("peer {}", peer.what),
                reason,
                address,
                &peer.why,
            ));
        }
        if !told {
            voice.say(&format!("waiting for {} at {address} ({reason})", peer.what));
            told = true;
        }
        tokio::time::sleep(PAUSE).await;
    }
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;
    use crate::contract::{PeerFailure, Role, When};
    use crate::template::Template;

    fn peer(address: &str) -> PeerContract {
        PeerContract {
            what: "test".to_owned(),
            address: Template(address.to_owned()),
            when: When::BeforeServing,
            wait_for: Template("5s".to_owned()),
            failure: PeerFailure::Exit,
            why: "[S] a test".to_owned(),
        }
    }

    #[tokio::test]
    async fn a_peer_that_listens_is_reached_and_one_that_does_not_is_named() {
        let voice = Voice::new(Role::Frontend, "2.16.1");
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let facts = Facts::default();
        assert_eq!(reach(&peer(&address), &facts, Duration::ZERO, &voice).await, None);
        drop(listener);
        let breach = reach(&peer(&address), &facts, Duration::ZERO, &voice)
            .await
            .unwrap();
        assert!(breach.to_string().contains(&address), "{breach}");
    }
}
