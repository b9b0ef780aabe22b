//! PROOF (real stores, databases and API server): sets taken, checked, put back and removed, and what may go wrong meanwhile.
//! `cargo test -p kfp-tests --test backup`.

mod backup_cases;
mod backup_cloud_stores;
mod backup_clouds;
mod backup_engines;
mod backup_faults;
mod backup_job;
mod backup_lines;
mod backup_orders;
mod backup_restores;
mod backup_sql;
mod backup_stores;
mod backup_yard;
mod database_start;

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use kfp_database::Engine;
use kfp_e2e::told::told;
use libtest_mimic::{Arguments, Failed, Trial};

use crate::backup_yard::{Stage, Yard};

/// A case under way.
pub type Run = std::pin::Pin<Box<dyn Future<Output = Result<()>>>>;
/// A case: the name of its stage, its own, and what it does.
pub type Case = (&'static str, &'static str, fn(Stage) -> Run);

/// Stages of cases that are run with databases of both engines; the others ask nothing that one of them does otherwise.
const ON_BOTH: [&str; 6] = ["plain", "sealed", "byhand", "refused", "agreement", "wire"];

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    match run(&arguments) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("the servers of the tests do not start: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<ExitCode> {
    // A server ends with the thread that started it.
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .thread_keep_alive(Duration::from_hours(1))
        .build()
        .context("no runtime")?;
    let runtime = Arc::new(runtime);
    let yard = if arguments.list {
        None
    } else {
        Some(Arc::new(runtime.block_on(Yard::start())?))
    };
    let cases = [
        backup_cases::cases(),
        backup_restores::cases(),
        backup_engines::cases(),
        backup_faults::cases(),
        backup_job::cases(),
        backup_lines::cases(),
        backup_clouds::cases(),
    ];
    let has_mysql = yard
        .as_ref()
        .is_none_or(|yard| yard.databases.contains_key(&Engine::MySql));
    let trials = cases.into_iter().flatten().flat_map(|(stage, name, run)| {
        let both = has_mysql && ON_BOTH.contains(&stage);
        let mysql = both.then(|| (format!("{stage}-mysql"), format!("{name} (MySQL)"), Engine::MySql));
        let mariadb = (stage.to_owned(), name.to_owned(), Engine::MariaDb);
        let (runtime, yard) = (&runtime, &yard);
        [Some(mariadb), mysql]
            .into_iter()
            .flatten()
            .map(move |(stage, name, engine)| {
                let (runtime, yard) = (runtime.clone(), yard.clone());
                Trial::test(name.clone(), move || {
                    let yard = yard.ok_or_else(|| Failed::from("no server was started"))?;
                    let run = async move { run(Stage::new(yard, &stage, engine).await?).await };
                    runtime
                        .block_on(run)
                        .map_err(|error| Failed::from(told(&name, &error)))
                })
            })
    });
    Ok(libtest_mimic::run(arguments, trials.collect()).exit_code())
}
