//! LEDGER: where a database server is, who logs in, and how long either may take. No connection is made here.

use std::fmt;
use std::time::Duration;

/// How long looking up the name, connecting, logging in and setting up the session may take together. A server in the
/// same cluster needs milliseconds; three seconds bear one lost SYN (sent again after one second) and still leave a
/// reconcile pass short.
pub const CONNECT_LIMIT: Duration = Duration::from_secs(3);

/// How long all queries of one look may take together. The schema of the largest release is read in under 0.1 s on an idle
/// server; past five seconds the server is too busy for its answer to be worth waiting for in a reconcile pass.
pub const QUERY_LIMIT: Duration = Duration::from_secs(5);

/// Who logs in.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// Database user.
    pub username: String,
    /// Its password, which `Debug` does not show.
    pub password: String,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Credentials")
            .field("username", &self.username)
            .finish_non_exhaustive()
    }
}

/// A MySQL or MariaDB server and who logs in to it. The connection is plain TCP, as that of KFP's own servers to an
/// embedded database is: a `caching_sha2_password` is sent encrypted with the server's public key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// Host name or address.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// Who logs in.
    pub credentials: Credentials,
}

impl Target {
    /// `host:port`, for messages.
    #[must_use]
    pub fn address(&self) -> String {
        if self.host.contains(':') {
            format!("[{}]:{}", self.host, self.port)
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::{Credentials, Target};

    fn target(host: &str) -> Target {
        let credentials = Credentials {
            username: "kfp".to_owned(),
            password: "hunter2".to_owned(),
        };
        Target {
            host: host.to_owned(),
            port: 3306,
            credentials,
        }
    }

    #[test]
    fn debug_output_keeps_the_password() {
        let shown = format!("{:?} {:#?}", target("mysql"), target("mysql"));
        assert!(shown.contains("kfp") && !shown.contains("hunter2"), "{shown}");
    }

    #[rstest]
    #[case("mysql.kubeflow.svc", "mysql.kubeflow.svc:3306")]
    #[case("fd00::1", "[fd00::1]:3306")]
    fn an_address_is_written_as_a_url_writes_it(#[case] host: &str, #[case] address: &str) {
        assert_eq!(target(host).address(), address);
    }
}
