//! TOOLS: a table shaped like KFP's `run_details`: about 49 KB of text a row, in texts that repeat as manifests of runs of the
//! same pipelines do, with names, digests, times and numbers of their own. Measures nothing.

use std::fmt::Write as _;
use std::io::{BufWriter, Write};
use std::process::Stdio;

use anyhow::Context;
use kfp_e2e::database::{self, Engine, Server};
use kfp_e2e::tools::Tools;

/// Database with the table.
pub const SOURCE: &str = "bench_source";
/// Database with one huge row.
pub const HUGE: &str = "bench_huge";
/// Bytes of the huge row.
pub const HUGE_BYTES: u64 = 64 << 20;

/// Bytes of a row, nearly.
const ROW: u64 = 49_200;
/// Rows whose texts are made here; the rest are copies under other names, made by the server, for no compressor looks so far
/// back.
const OWN_ROWS: u64 = 10_400;

/// The table of 2.16.1 (kubeflow/pipelines, `backend/src/apiserver/model/run.go`) with the columns that hold most bytes.
const TABLE: &str = "CREATE TABLE run_details (UUID varchar(191) NOT NULL, ExperimentUUID varchar(64) NOT NULL, DisplayName varchar(255) NOT NULL, \
Name varchar(255) NOT NULL, StorageState varchar(255) NOT NULL, Namespace varchar(63) NOT NULL, ServiceAccount varchar(255) NOT NULL, \
CreatedAtInSec bigint NOT NULL, FinishedAtInSec bigint DEFAULT 0, Conditions varchar(125) NOT NULL, State varchar(255) DEFAULT NULL, \
PipelineSpecManifest longtext, WorkflowSpecManifest longtext NOT NULL, RuntimeParameters longtext, WorkflowRuntimeManifest longtext NOT NULL, \
PRIMARY KEY (UUID), KEY experimentuuid_createatinsec (ExperimentUUID, CreatedAtInSec), \
KEY experimentuuid_conditions_finishedatinsec (ExperimentUUID, Conditions, FinishedAtInSec), KEY namespace_createatinsec (Namespace, CreatedAtInSec), \
KEY namespace_conditions_finishedatinsec (Namespace, Conditions, FinishedAtInSec)) DEFAULT CHARSET=utf8mb4;";

/// Fills a server with so many bytes, and one huge row beside them.
pub fn fill(tools: &Tools, server: &Server, bytes: u64) -> anyhow::Result<()> {
    let program = match server.engine {
        Engine::MariaDb => "usr/bin/mariadb",
        Engine::MySql => "usr/bin/mysql",
    };
    let mut child = database::client(tools, server.engine, program, server.port)?
        .arg("--max-allowed-packet=1G")
        .stdin(Stdio::piped())
        .spawn()
        .context("cannot start the server's client")?;
    let input = child.stdin.take().context("the client reads nothing")?;
    write_all(BufWriter::with_capacity(1 << 20, input), bytes / ROW).context("the client stopped reading")?;
    anyhow::ensure!(child.wait()?.success(), "the client could not fill the server");
    Ok(())
}

fn write_all(mut out: impl Write, rows: u64) -> std::io::Result<()> {
    writeln!(
        out,
        "CREATE DATABASE {SOURCE}; USE {SOURCE}; {TABLE} SET autocommit = 0;"
    )?;
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    for number in 0..rows.min(OWN_ROWS) {
        writeln!(out, "{}", row(&mut random, number))?;
        if number % 500 == 499 {
            writeln!(out, "COMMIT;")?;
        }
    }
    writeln!(out, "COMMIT;")?;
    let columns = "ExperimentUUID, DisplayName, Name, StorageState, Namespace, ServiceAccount, CreatedAtInSec, FinishedAtInSec, \
                   Conditions, State, PipelineSpecManifest, WorkflowSpecManifest, RuntimeParameters, WorkflowRuntimeManifest";
    let mut there = rows.min(OWN_ROWS);
    while there < rows {
        let more = (rows - there).min(OWN_ROWS);
        writeln!(
            out,
            "INSERT INTO run_details (UUID, {columns}) SELECT UUID(), {columns} FROM run_details WHERE UUID LIKE 'own-%' LIMIT {more}; COMMIT;"
        )?;
        there += more;
    }
    writeln!(
        out,
        "CREATE DATABASE {HUGE}; CREATE TABLE {HUGE}.huge (id int PRIMARY KEY, text longtext); \
         INSERT INTO {HUGE}.huge VALUES (1, REPEAT('a line of a manifest\\n', {})), (2, 'x'); COMMIT;",
        HUGE_BYTES / 21
    )?;
    out.flush()
}

/// The numbers of George Marsaglia's xorshift: the same each time.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }

    fn hex(&mut self, digits: usize) -> String {
        format!("{:016x}", self.next()).chars().take(digits).collect()
    }

    fn uuid(&mut self) -> String {
        format!(
            "{}-{}-4{}-{}{}",
            self.hex(8),
            self.hex(4),
            self.hex(3),
            self.hex(4),
            self.hex(12)
        )
    }

    fn time(&mut self) -> String {
        format!(
            "2026-{:02}-{:02}T{:02}:{:02}:{:02}Z",
            1 + self.below(12),
            1 + self.below(28),
            self.below(24),
            self.below(60),
            self.below(60)
        )
    }
}

fn row(random: &mut Random, number: u64) -> String {
    let run = random.hex(5);
    let nodes: Vec<String> = (0..22).map(|step| node(random, &run, step)).collect();
    let runtime = format!(
        r#"{{"kind":"Workflow","metadata":{{"name":"train-pipeline-{run}"}},"status":{{"nodes":{{{}}}}}}}"#,
        nodes.join(",")
    );
    let steps: String = (0..40).map(|step| step_spec(random, &run, step)).collect();
    let workflow: String = steps.chars().take(7_000).collect();
    let values = [
        format!("own-{}", random.uuid()),
        random.uuid(),
        format!("run {number}"),
        format!("train-pipeline-{run}"),
        "AVAILABLE".to_owned(),
        format!("team-{}", number % 20),
        "pipeline-runner".to_owned(),
        (1_760_000_000 + number).to_string(),
        (1_760_000_900 + number).to_string(),
        "SUCCEEDED".to_owned(),
        "SUCCEEDED".to_owned(),
        format!("spec:\n{steps}"),
        format!("kind: Workflow\n{workflow}"),
        "{}".to_owned(),
        runtime,
    ];
    let values: Vec<String> = values.iter().map(|value| quoted(value)).collect();
    format!("INSERT INTO run_details VALUES ({});", values.join(","))
}

fn node(random: &mut Random, run: &str, step: u64) -> String {
    let mut text = String::new();
    // Writing to a String cannot fail.
    let _ = write!(
        text,
        r#""train-pipeline-{run}-{id}":{{"id":"train-pipeline-{run}-{id}","name":"train-pipeline-{run}.step-{step}","displayName":"step-{step}","type":"Pod","templateName":"system-container-impl","templateScope":"local/train-pipeline-{run}","phase":"Succeeded","boundaryID":"train-pipeline-{run}","startedAt":"{}","finishedAt":"{}","progress":"1/1","resourcesDuration":{{"cpu":{},"memory":{}}},"inputs":{{"parameters":[{{"name":"executor-input","value":"{{\"inputs\":{{\"parameterValues\":{{\"learning_rate\":0.{:08},\"path\":\"gs://bucket/{}/data\"}}}},\"outputs\":{{\"outputFile\":\"/tmp/kfp/outputs/output_metadata.json\"}}}}"}},{{"name":"pod-spec-patch","value":"{{\"containers\":[{{\"name\":\"main\",\"image\":\"registry.example.com/team/train:{}\",\"command\":[\"python3\",\"-m\",\"kfp.dsl.executor_main\"],\"resources\":{{\"limits\":{{\"cpu\":\"2\",\"memory\":\"4Gi\"}}}}}}]}}"}}]}},"outputs":{{"artifacts":[{{"name":"main-logs","s3":{{"key":"artifacts/train-pipeline-{run}/{}/main.log"}}}}],"exitCode":"0"}},"children":["train-pipeline-{run}-{}"],"hostNodeName":"node-{}"}}"#,
        random.time(),
        random.time(),
        random.below(500),
        random.below(900),
        random.below(100_000_000),
        random.uuid(),
        random.hex(12),
        random.hex(16),
        random.below(4_000_000_000),
        random.below(40),
        id = random.below(4_000_000_000),
    );
    text
}

fn step_spec(random: &mut Random, run: &str, step: u64) -> String {
    format!(
        "  - name: step-{step}\n    container:\n      image: registry.example.com/team/step-{step}:{}\n      command: [python3, -m, kfp.dsl.executor_main]\n      \
         args: [--executor_input, '{{{{$}}}}', --function_to_execute, step_{step}]\n      env:\n      - {{name: RUN, value: \"{run}\"}}\n      resources: {{cpuLimit: {}.0}}\n    \
         inputs:\n      parameters:\n      - {{name: learning_rate, default: 0.{:06}}}\n      - {{name: path, default: gs://bucket/{}}}\n    dependentTasks: [step-{}]\n",
        random.hex(12),
        1 + random.below(8),
        random.below(1_000_000),
        random.uuid(),
        random.below(step + 1)
    )
}

fn quoted(text: &str) -> String {
    let escaped = text
        .replace('\\', "\\\\")
        .replace('\'', "\\'")
        .replace('\n', "\\n");
    format!("'{escaped}'")
}
