//! PROOF: a row in an installation's database, written and read with the database's own client in its own pod.

use anyhow::{Result, ensure};

use crate::lane::Lane;
use crate::stage::Stage;

/// An experiment that nothing else makes: its table has had these columns since before 2.5.0.
const ROW: &str = "e2e-row";

/// Writes the row; one that is there stays.
pub fn write(stage: &Stage, lane: Lane) -> Result<()> {
    let database = &lane.install()?.databases.pipelines;
    let statement = format!(
        "INSERT IGNORE INTO {database}.experiments (UUID, Name, Description, CreatedAtInSec, LastRunCreatedAtInSec, Namespace, StorageState) \
         VALUES ('{ROW}', '{ROW}', 'written by a test', 1, 1, '', 'AVAILABLE')"
    );
    ask(stage, lane, &statement).map(drop)
}

/// Fails unless the row is there.
pub fn is_there(stage: &Stage, lane: Lane) -> Result<()> {
    let database = &lane.install()?.databases.pipelines;
    let found = ask(
        stage,
        lane,
        &format!("SELECT Description FROM {database}.experiments WHERE UUID = '{ROW}'"),
    )?;
    ensure!(
        found.trim() == "written by a test",
        "the row that was written is gone; the database says {found:?}"
    );
    Ok(())
}

/// As the components' user, whose password the pod's environment holds.
pub fn ask(stage: &Stage, lane: Lane, statement: &str) -> Result<String> {
    let command =
        format!("exec mysql --batch --skip-column-names --user=\"$MYSQL_USER\" --execute=\"{statement}\"");
    let command = format!("MYSQL_PWD=\"$MYSQL_PASSWORD\"; export MYSQL_PWD; {command}");
    stage.kubectl(
        lane,
        &[
            "exec",
            "deployment/mysql",
            "-c",
            "mysql",
            "--",
            "sh",
            "-c",
            &command,
        ],
    )
}
