//! PROOF (real databases): servers of the test tools as targets of our own sessions.

use std::net::Ipv4Addr;
use std::time::Duration;

use anyhow::{Context, Result};
use kfp_database::{Credentials, Engine, Target, probe};
use kfp_e2e::cache::Cache;
use kfp_e2e::database::{self, PASSWORD, USER};
use kfp_e2e::progress::Progress;
use kfp_e2e::tools::Tools;

/// A running server, stopped when dropped.
pub struct Server {
    /// Where it is and who logs in.
    pub target: Target,
    _server: database::Server,
}

fn engine(engine: Engine) -> database::Engine {
    match engine {
        Engine::MariaDb => database::Engine::MariaDb,
        Engine::MySql => database::Engine::MySql,
    }
}

impl Server {
    /// Starts a server with little memory, and logs in once.
    pub async fn start(tools: &Tools, kind: Engine) -> Result<Self> {
        let mut server = database::Server::launch(tools, engine(kind), &["--innodb-buffer-pool-size=64M"])?;
        while !server.answers()? {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        let target = Target {
            host: Ipv4Addr::LOCALHOST.to_string(),
            port: server.port,
            credentials: Credentials {
                username: USER.to_owned(),
                password: PASSWORD.to_owned(),
            },
        };
        probe(&target).await?;
        Ok(Self {
            target,
            _server: server,
        })
    }
}

/// Gives compressed statements to the server's own client, as a person does it who restores by hand.
pub fn client(target: &Target, kind: Engine, database: &str, compressed: &[u8]) -> Result<()> {
    let kind = engine(kind);
    let tools = Tools::ensure(&Cache::locate()?, &[kind.tool()], &Progress::new())?;
    let statements = zstd::decode_all(compressed).context("the parts are not what zstd wrote")?;
    database::run_statements(&tools, kind, target.port, database, &statements)
}
