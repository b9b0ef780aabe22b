//! PROOF (real databases): looks at real servers, each case on each of them. `cargo test -p kfp-tests --test database`.
//!
//! MariaDB and MySQL come from the test tools, unless `KFP_TEST_DATABASE_SERVERS` names servers as
//! `user:password@host:port`, separated by spaces; the user must be allowed everything.

mod database_backup;
mod database_cases;
mod database_changes;
mod database_damage;
mod database_hostile;
mod database_inventory;
mod database_moment;
mod database_parts;
mod database_scan;
mod database_start;
mod database_unsteady;

use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context, Result};
use kfp_database::{Credentials, Engine, Target, probe};
use kfp_e2e::cache::Cache;
use kfp_e2e::progress::Progress;
use kfp_e2e::tools::{Tool, Tools};
use libtest_mimic::Arguments;
use tokio::runtime::Runtime;

use crate::database_start::Server;

/// Names servers to test instead of those of the test tools.
const SERVERS: &str = "KFP_TEST_DATABASE_SERVERS";

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    match run(&arguments) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("the database servers of the tests do not start: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<ExitCode> {
    if arguments.list {
        let runtime = Arc::new(Runtime::new().context("no runtime")?);
        let nowhere = parse("nobody:@nowhere:0")?;
        return Ok(libtest_mimic::run(
            arguments,
            database_cases::all(&runtime, &[("a server".to_owned(), nowhere)]),
        )
        .exit_code());
    }
    let runtime = Arc::new(Runtime::new().context("no runtime")?);
    let servers = match std::env::var(SERVERS) {
        Ok(list) => list.split_whitespace().map(parse).collect::<Result<Vec<_>>>()?,
        Err(_) => Vec::new(),
    };
    let started = if servers.is_empty() {
        runtime.block_on(start())?
    } else {
        Vec::new()
    };
    let mut targets: Vec<(String, Target)> = Vec::new();
    for target in servers
        .into_iter()
        .chain(started.iter().map(|server| server.target.clone()))
    {
        let facts = runtime.block_on(probe(&target))?;
        println!(
            "{:?} {} at {}",
            facts.engine,
            facts.server_version,
            target.address()
        );
        targets.push((format!("{:?} {}", facts.engine, facts.server_version), target));
    }
    let code = libtest_mimic::run(arguments, database_cases::all(&runtime, &targets)).exit_code();
    drop(started);
    Ok(code)
}

/// Both servers at once. MySQL may be impossible to get, which is said aloud; MariaDB may not.
async fn start() -> Result<Vec<Server>> {
    let tools = Tools::ensure(&Cache::locate()?, &[Tool::MariaDb, Tool::MySql], &Progress::new())?;
    let mysql = async {
        match tools.missing(Tool::MySql) {
            Some(why) => {
                println!("MySQL IS LEFT OUT of these tests: {why}");
                Ok(None)
            }
            None => Server::start(&tools, Engine::MySql).await.map(Some),
        }
    };
    let (mariadb, mysql) = tokio::join!(Server::start(&tools, Engine::MariaDb), mysql);
    Ok([mariadb?].into_iter().chain(mysql?).collect())
}

fn parse(text: &str) -> Result<Target> {
    let read = || {
        let (login, address) = text.rsplit_once('@')?;
        let (username, password) = login.split_once(':')?;
        let (host, port) = address.rsplit_once(':')?;
        let credentials = Credentials {
            username: username.to_owned(),
            password: password.to_owned(),
        };
        Some(Target {
            host: host.to_owned(),
            port: port.parse().ok()?,
            credentials,
        })
    };
    read().with_context(|| format!("{SERVERS} has an entry that is not `user:password@host:port`"))
}
