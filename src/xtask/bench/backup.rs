//! TOOLS: `cargo xtask bench backup`: what dumping, loading and verifying a database costs, beside what people do today. Prints
//! goals and misses.

mod data;
mod rivals;

use std::ffi::OsString;
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context;
use comfy_table::{CellAlignment, Table, presets};
use kfp_e2e::cache::Cache;
use kfp_e2e::database::{self, Engine, PASSWORD, Server, USER};
use kfp_e2e::lab::{programs, root};
use kfp_e2e::progress::Progress;
use kfp_e2e::tools::{Tool, Tools};

use self::data::{HUGE, HUGE_BYTES, SOURCE};
use self::rivals::{pipe, quoted, rival, size, words};
use super::measure::{Measured, measure};

/// Goals: bytes of values a second, and the share of a load's time that the comparison at its end takes.
const DUMP_GOAL: f64 = 180e6;
const LOAD_GOAL: f64 = 54e6;
const LOAD_AIM: f64 = 80e6;
const VERIFY_GOAL: f64 = 0.10;
/// Most memory: so much and three times the largest row.
const MEMORY_GOAL: u64 = (64 << 20) + 3 * HUGE_BYTES;

/// Database that is loaded.
const LOADED: &str = "bench_loaded";

/// How to measure.
#[derive(clap::Args)]
pub struct Arguments {
    /// Gigabytes of values in the table.
    #[arg(long, default_value_t = 0.5)]
    size: f64,
    /// Measure against MySQL instead of MariaDB.
    #[arg(long)]
    mysql: bool,
    /// Runs for each figure.
    #[arg(long, default_value_t = 3)]
    runs: usize,
}

/// Builds, fills a server, measures, and prints. Fails when a goal is missed.
pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let engine = if arguments.mysql {
        Engine::MySql
    } else {
        Engine::MariaDb
    };
    let transfer = programs::release_example("kfp-database", "transfer")?;
    let wanted = [Tool::MariaDb, Tool::MySql, Tool::MyDumper];
    let tools = Tools::ensure(&Cache::locate()?, &wanted, &Progress::new())?;
    let server = Server::start(
        &tools,
        engine,
        &["--innodb-buffer-pool-size=1G", "--max-allowed-packet=256M"],
    )?;
    println!("filling the server");
    data::fill(&tools, &server, bytes(arguments.size))?;
    let bench = Bench {
        tools,
        server,
        transfer,
        folder: root().join("target/bench/backup"),
        runs: arguments.runs,
    };
    drop(fs::remove_dir_all(&bench.folder));
    fs::create_dir_all(&bench.folder)?;
    let done = bench.all();
    drop(fs::remove_dir_all(&bench.folder));
    done
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a few gigabytes"
)]
fn bytes(gigabytes: f64) -> u64 {
    (gigabytes * 1e9) as u64
}

struct Bench {
    tools: Tools,
    server: Server,
    transfer: PathBuf,
    folder: PathBuf,
    runs: usize,
}

/// A way to do something.
struct Way {
    name: &'static str,
    measured: Measured,
    /// Bytes that it leaves in files.
    stored: Option<u64>,
}

impl Bench {
    fn all(&self) -> anyhow::Result<()> {
        let values = self.values()?;
        let dumps = self.dumps()?;
        let loads = self.loads()?;
        let verify = self.ours("verify", "ours", &format!("{SOURCE}={LOADED}"), self.runs)?;
        let memory = self.huge()?;
        println!("{}", table("dump", &dumps, values));
        println!("{}", table("load", &loads, values));
        let (Some(dump), Some(load)) = (dumps.first(), loads.first()) else {
            anyhow::bail!("nothing was measured");
        };
        let whole = load.measured.best();
        let share = verify.best().as_secs_f64() / (whole.saturating_sub(verify.best())).as_secs_f64();
        let goals = [
            (
                format!(
                    "dump {:.0} MB/s, goal 180",
                    rate(values, dump.measured.best()) / 1e6
                ),
                rate(values, dump.measured.best()) >= DUMP_GOAL,
            ),
            (
                format!(
                    "load {:.0} MB/s with verification, goal 54, aim 80{}",
                    rate(values, whole) / 1e6,
                    if rate(values, whole) >= LOAD_AIM {
                        " (met)"
                    } else {
                        ""
                    }
                ),
                rate(values, whole) >= LOAD_GOAL,
            ),
            (
                format!(
                    "verification {:.1} s, {:.0} MB/s, {:.0} % of the load, goal 10",
                    verify.best().as_secs_f64(),
                    rate(values, verify.best()) / 1e6,
                    share * 100.0
                ),
                share <= VERIFY_GOAL,
            ),
            (
                format!(
                    "memory with a row of {} MiB: {} MiB, goal {}",
                    HUGE_BYTES >> 20,
                    memory >> 20,
                    MEMORY_GOAL >> 20
                ),
                memory <= MEMORY_GOAL,
            ),
        ];
        for (text, met) in &goals {
            println!("{} {text}", if *met { "✓" } else { "✗" });
        }
        let missed: Vec<&str> = goals
            .iter()
            .filter(|(_, met)| !met)
            .map(|(text, _)| text.as_str())
            .collect();
        anyhow::ensure!(missed.is_empty(), "missed: {}", missed.join("; "));
        Ok(())
    }

    /// Bytes of values in the table.
    fn values(&self) -> anyhow::Result<u64> {
        let record = self.ours("dump", "first", SOURCE, 1).and_then(|_| {
            let text = fs::read_to_string(self.folder.join("first/manifest.json"))?;
            Ok(serde_json::from_str::<serde_json::Value>(&text)?)
        })?;
        let tables = record["databases"][0]["tables"].as_array().context("no tables")?;
        Ok(tables.iter().filter_map(|table| table["bytes"].as_u64()).sum())
    }

    /// Our own program, so often.
    fn ours(&self, what: &str, folder: &str, database: &str, runs: usize) -> anyhow::Result<Measured> {
        let words = [
            OsString::from("env"),
            format!("MYSQL_PWD={PASSWORD}").into(),
            self.transfer.clone().into(),
            what.into(),
            "127.0.0.1".into(),
            self.server.port.to_string().into(),
            USER.into(),
            self.folder.join(folder).into(),
            database.into(),
        ];
        measure(runs, &[0], &words).with_context(|| format!("our own {what}"))
    }

    fn dumps(&self) -> anyhow::Result<Vec<Way>> {
        let mysqldump = self.client(match self.server.engine {
            Engine::MariaDb => "usr/bin/mariadb-dump",
            Engine::MySql => "usr/bin/mysqldump",
        })?;
        let dump = format!("{mysqldump} --single-transaction --max-allowed-packet=1G {SOURCE}");
        let mydumper = self.mydumper("mydumper", &format!("-B {SOURCE} -o {}", self.shown("mydumper")))?;
        let mut ways = vec![Way {
            name: "ours",
            measured: self.ours("dump", "ours", SOURCE, self.runs)?,
            stored: Some(size(&self.folder.join("ours"))?),
        }];
        for (name, script, file) in [
            ("mysqldump | gzip", format!("{dump} | gzip"), "dump.gz"),
            ("mysqldump | zstd", format!("{dump} | zstd -q"), "dump.zst"),
            ("mydumper -t 2 -c", format!("{mydumper} -c"), "mydumper"),
        ] {
            let script = if file == "mydumper" {
                format!("rm -rf {}; {script}", self.shown(file))
            } else {
                format!("{script} > {}", self.shown(file))
            };
            if let Some(measured) = rival(name, || pipe(&script, self.runs)) {
                ways.push(Way {
                    name,
                    measured,
                    stored: Some(size(&self.folder.join(file))?),
                });
            }
        }
        Ok(ways)
    }

    fn loads(&self) -> anyhow::Result<Vec<Way>> {
        let client = self.client(match self.server.engine {
            Engine::MariaDb => "usr/bin/mariadb",
            Engine::MySql => "usr/bin/mysql",
        })?;
        let client = format!("{client} --max-allowed-packet=1G {LOADED}");
        let myloader = self.mydumper("myloader", &format!("-B {LOADED} -d {}", self.shown("mydumper")))?;
        let scripts = [
            (
                "mysql < (zstd)",
                format!("zstd -qdc {} | {client}", self.shown("dump.zst")),
            ),
            (
                "mysql < (gzip)",
                format!("gzip -dc {} | {client}", self.shown("dump.gz")),
            ),
            ("myloader -t 2", myloader),
        ];
        let mut ways = Vec::new();
        for (name, script) in scripts {
            if let Some(measured) = rival(name, || self.fresh(true, || pipe(&script, 1))) {
                ways.push(Way {
                    name,
                    measured,
                    stored: None,
                });
            }
        }
        // The last, for what it loaded is verified next.
        let load = || self.ours("load", "ours", &format!("{SOURCE}={LOADED}"), 1);
        ways.insert(
            0,
            Way {
                name: "ours, verified",
                measured: self.fresh(false, load)?,
                stored: None,
            },
        );
        Ok(ways)
    }

    /// Measures several loads, each into nothing, or into an empty database. The best of them.
    fn fresh(&self, made: bool, load: impl Fn() -> anyhow::Result<Measured>) -> anyhow::Result<Measured> {
        let mut best: Option<Measured> = None;
        for _ in 0..self.runs {
            let create = if made {
                format!("CREATE DATABASE {LOADED};")
            } else {
                String::new()
            };
            let sql = format!("DROP DATABASE IF EXISTS {LOADED}; {create}");
            database::run_statements(
                &self.tools,
                self.server.engine,
                self.server.port,
                "",
                sql.as_bytes(),
            )?;
            let measured = load()?;
            if best.as_ref().is_none_or(|best| measured.best() < best.best()) {
                best = Some(measured);
            }
        }
        best.context("nothing was measured")
    }

    /// Most memory that dumping, loading and verifying a huge row takes.
    fn huge(&self) -> anyhow::Result<u64> {
        let into = format!("{HUGE}={HUGE}_loaded");
        let dump = self.ours("dump", "huge", HUGE, 1)?;
        let load = self.ours("load", "huge", &into, 1)?;
        let verify = self.ours("verify", "huge", &into, 1)?;
        Ok(dump.memory.max(load.memory).max(verify.memory))
    }

    fn shown(&self, file: &str) -> String {
        quoted(&self.folder.join(file).to_string_lossy())
    }

    /// A client program with all that it needs, as words of a shell.
    fn client(&self, program: &str) -> anyhow::Result<String> {
        let command = database::client(&self.tools, self.server.engine, program, self.server.port)?;
        Ok(format!("MYSQL_PWD={} {}", quoted(PASSWORD), words(&command)))
    }

    fn mydumper(&self, program: &str, rest: &str) -> anyhow::Result<String> {
        let root = self.tools.root(Tool::MyDumper)?;
        let command = database::program_of(&root, &format!("usr/bin/{program}"));
        Ok(format!(
            "{} -h 127.0.0.1 -P {} -u {USER} -p {} -t 2 -v 0 {rest}",
            words(&command),
            self.server.port,
            quoted(PASSWORD)
        ))
    }
}

#[expect(clippy::cast_precision_loss, reason = "a few gigabytes")]
fn rate(bytes: u64, time: Duration) -> f64 {
    bytes as f64 / time.as_secs_f64()
}

#[expect(clippy::cast_precision_loss, reason = "a few gigabytes")]
fn table(what: &str, ways: &[Way], values: u64) -> Table {
    let mut table = Table::new();
    table.load_style(presets::UTF8_HORIZONTAL_ONLY).set_header([
        what,
        "best",
        "MB/s",
        "client CPU s",
        "MiB",
        "stored MB",
        "ours is",
    ]);
    let own = ways
        .first()
        .map(|way| way.measured.best().as_secs_f64())
        .unwrap_or_default();
    for way in ways {
        let best = way.measured.best();
        table.add_row([
            way.name.to_owned(),
            format!("{:.2} s", best.as_secs_f64()),
            format!("{:.0}", rate(values, best) / 1e6),
            format!("{:.1}", way.measured.processor().as_secs_f64()),
            (way.measured.memory >> 20).to_string(),
            way.stored
                .map(|stored| {
                    format!(
                        "{:.0} (÷{:.1})",
                        stored as f64 / 1e6,
                        values as f64 / stored as f64
                    )
                })
                .unwrap_or_default(),
            format!("{:.1}×", best.as_secs_f64() / own),
        ]);
    }
    for column in 1..7 {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table
}
