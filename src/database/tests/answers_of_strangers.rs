//! LEDGER: what a look makes of addresses where no database server, or none that keeps to the protocol, answers. Needs
//! nothing but a loopback interface.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on fails"
)]

use std::time::{Duration, Instant};

use kfp_database::{CONNECT_LIMIT, Credentials, ProbeError, ProbeReason, Target, probe};
use rstest::rstest;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

fn target(port: u16) -> Target {
    let credentials = Credentials {
        username: "kfp".to_owned(),
        password: "hunter2".to_owned(),
    };
    Target {
        host: "127.0.0.1".to_owned(),
        port,
        credentials,
    }
}

/// A server that says the same to everyone and hangs up; it ends when its task is aborted.
async fn server_that_says(words: &'static [u8]) -> (u16, JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = tokio::spawn(async move {
        while let Ok((mut connection, _)) = listener.accept().await {
            if connection.write_all(words).await.is_err() {
                return;
            }
        }
    });
    (port, server)
}

async fn look(target: &Target) -> (ProbeError, Duration) {
    let start = Instant::now();
    let error = probe(target).await.unwrap_err();
    assert!(!format!("{error} {error:?}").contains("hunter2"), "{error:?}");
    (error, start.elapsed())
}

#[tokio::test]
async fn a_closed_port_is_unreachable_at_once() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let (error, took) = look(&target(port)).await;
    assert_eq!(error.reason(), ProbeReason::Unreachable, "{error}");
    assert!(
        error.to_string().contains(&format!("127.0.0.1:{port}")),
        "{error}"
    );
    assert!(took < CONNECT_LIMIT, "{took:?}");
}

#[tokio::test]
async fn a_name_that_nobody_has_is_unreachable() {
    let nowhere = Target {
        host: "mysql.nowhere.invalid".to_owned(),
        ..target(3306)
    };
    let (error, _) = look(&nowhere).await;
    assert!(
        matches!(error.reason(), ProbeReason::Unreachable | ProbeReason::Timeout),
        "{error}"
    );
}

#[tokio::test]
async fn a_server_that_says_nothing_times_out() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = tokio::spawn(async move {
        let mut held = Vec::new();
        while let Ok(connection) = listener.accept().await {
            held.push(connection);
        }
    });
    let (error, took) = look(&target(port)).await;
    server.abort();
    assert_eq!(error.reason(), ProbeReason::Timeout, "{error}");
    assert!(
        took >= CONNECT_LIMIT && took < CONNECT_LIMIT + Duration::from_secs(1),
        "{took:?}"
    );
}

#[rstest]
#[case::closes_at_once(b"")]
#[case::web_server(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n")]
#[case::empty_packet(b"\0\0\0\0")]
#[case::endless_packet(b"\xff\xff\xff\0\x0a8.4.6\0")]
#[case::old_protocol(b"\x05\0\0\0\x098.4\0")]
#[case::truncated_greeting(b"\x0a\0\0\0\x0a8.4.6\0\0\0")]
#[tokio::test]
async fn a_server_of_another_protocol_is_an_error_and_no_panic(#[case] says: &'static [u8]) {
    let (port, server) = server_that_says(says).await;
    let (error, took) = look(&target(port)).await;
    server.abort();
    assert!(took < CONNECT_LIMIT + Duration::from_secs(1), "{took:?}");
    let reasons = [ProbeReason::Other, ProbeReason::Unreachable, ProbeReason::Timeout];
    assert!(reasons.contains(&error.reason()), "{error}");
}

#[rstest]
#[case::too_many(
    b"\x17\0\0\0\xff\x10\x04Too many connections",
    ProbeReason::TooManyConnections
)]
#[case::host_not_allowed(b"\x0b\0\0\0\xff\x6a\x04not from", ProbeReason::AccessDenied)]
#[case::without_a_word(b"\x03\0\0\0\xff\x6a\x04", ProbeReason::AccessDenied)]
#[tokio::test]
async fn a_refusal_in_place_of_a_greeting_has_its_reason(
    #[case] says: &'static [u8],
    #[case] reason: ProbeReason,
) {
    let (port, server) = server_that_says(says).await;
    let (error, _) = look(&target(port)).await;
    server.abort();
    assert_eq!(error.reason(), reason, "{error}");
}
