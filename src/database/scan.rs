//! LEDGER: reads stored pipelines page by page: keys first, by an index and with a limit; texts only of the rows asked for, up
//! to a size. Each query is a transaction of its own within the session's limits; what a text says is not judged here.

use std::fmt::Write as _;

use sqlx::mysql::{MySqlArguments, MySqlRow};
use sqlx::query::Query;
use sqlx::{AssertSqlSafe, Executor, FromRow, MySql, Row};

use crate::error::ProbeError;
use crate::session::{Session, bounded, quoted};
use crate::target::{QUERY_LIMIT, Target};

/// Rows of one query at most, whatever a caller asks for: at about a hundred bytes a key, and half a kilobyte a row without
/// its text, a page stays below a megabyte.
pub const MAX_PAGE: usize = 1_000;

/// A table that holds compiled pipelines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Source {
    /// `pipeline_versions`.
    PipelineVersion,
    /// `jobs`.
    RecurringRun,
    /// `run_details`.
    Run,
}

impl Source {
    fn table(self) -> &'static str {
        match self {
            Self::PipelineVersion => "pipeline_versions",
            Self::RecurringRun => "jobs",
            Self::Run => "run_details",
        }
    }

    /// The column with the compiled pipeline. Servers write `PipelineSpecManifest` for pipelines of the second generation and
    /// `WorkflowSpecManifest` for those of the first (kubeflow/pipelines 2.5.0, 2.16.1 and 2.17.0,
    /// `backend/src/apiserver/resource/resource_manager.go`); a row may hold both once the agent has reported on it, and then
    /// the pipeline's is the one that it was made from.
    fn text(self) -> &'static str {
        match self {
            Self::PipelineVersion => "t.PipelineSpec",
            Self::RecurringRun | Self::Run => {
                "IF(OCTET_LENGTH(t.PipelineSpecManifest) > 0, t.PipelineSpecManifest, t.WorkflowSpecManifest)"
            }
        }
    }
}

/// A row's key, and the place after which a listing goes on.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Mark {
    /// Seconds since 1970 at which it was made.
    pub created: i64,
    /// Primary key.
    pub id: String,
}

/// A recurring run's key and what can change of it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RecurringRun {
    /// Primary key.
    pub id: String,
    /// It starts runs.
    pub enabled: bool,
}

/// An experiment.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Experiment {
    /// Primary key.
    pub id: String,
    /// Name.
    pub name: String,
    /// Namespace; empty in an installation for one user.
    pub namespace: String,
    /// Seconds since 1970 at which its last run was made; 0 when it has none.
    pub last_run: i64,
}

/// A row without its text. What the row does not tell is empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Entry {
    /// Primary key.
    pub id: String,
    /// Name that people gave it.
    pub name: String,
    /// Seconds since 1970 at which it was made.
    pub created: i64,
    /// Namespace.
    pub namespace: String,
    /// Primary key of its experiment.
    pub experiment: String,
    /// Service account that its runs run as.
    pub service_account: String,
    /// Name of its pipeline.
    pub pipeline: String,
    /// Primary key of its pipeline.
    pub pipeline_id: String,
    /// Primary key of the pipeline version that it runs.
    pub version: String,
    /// Bytes of its compiled pipeline; 0 when the row has none.
    pub bytes: u64,
    /// That text is a Workflow, as the server keeps it for pipelines of the first generation, and for every run of a schedule
    /// that takes its pipeline's newest version.
    pub workflow: bool,
    /// Key in the bucket where the compiled pipeline lies as well, or instead.
    pub uri: String,
}

/// A compiled pipeline as the row holds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Text {
    /// Primary key of its row.
    pub id: String,
    /// The text; unset when it is longer than was asked for.
    pub text: Option<String>,
}

/// A session that reads stored pipelines out of one database.
#[derive(Debug)]
pub struct Scan {
    session: Session,
    database: String,
}

impl Scan {
    /// Logs in, and goes to the database.
    pub async fn open(target: &Target, database: &str) -> Result<Self, ProbeError> {
        let mut session = Session::open(target).await?;
        let (connection, context) = session.parts("opening the database", database);
        let entering = connection.execute(AssertSqlSafe(format!("USE {}", quoted(database))));
        match bounded(QUERY_LIMIT, entering).await {
            Ok(Ok(_)) => {}
            Ok(Err(error)) => return Err(context.classify(&error)),
            Err(cut) => return Err(context.cut(cut)),
        }
        let database = database.to_owned();
        Ok(Self { session, database })
    }

    /// Says goodbye.
    pub async fn close(self) {
        self.session.close().await;
    }

    /// Keys of pipeline versions, the newest first, after `after`. Answered by the index on `CreatedAtInSec` alone, which
    /// carries the primary key.
    pub async fn versions(&mut self, after: Option<&Mark>, limit: usize) -> Result<Vec<Mark>, ProbeError> {
        let order = format!("ORDER BY CreatedAtInSec DESC, UUID DESC LIMIT {}", page(limit));
        let columns = "CreatedAtInSec AS created, UUID AS id";
        match after {
            None => {
                let sql = format!("SELECT {columns} FROM pipeline_versions {order}");
                self.rows(sqlx::query(AssertSqlSafe(sql))).await
            }
            Some(mark) => {
                let sql = format!(
                    "SELECT {columns} FROM pipeline_versions WHERE CreatedAtInSec <= ? \
                     AND (CreatedAtInSec < ? OR UUID < ?) {order}"
                );
                let query = sqlx::query(AssertSqlSafe(sql));
                self.rows(query.bind(mark.created).bind(mark.created).bind(&mark.id))
                    .await
            }
        }
    }

    /// Keys of recurring runs in their own order, after `after`.
    pub async fn recurring_runs(
        &mut self,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<RecurringRun>, ProbeError> {
        let sql = format!(
            "SELECT UUID AS id, COALESCE(Enabled, 0) <> 0 AS enabled FROM jobs WHERE UUID > ? ORDER BY UUID LIMIT {}",
            page(limit)
        );
        let query = sqlx::query(AssertSqlSafe(sql));
        self.rows(query.bind(after.unwrap_or_default())).await
    }

    /// Experiments in the order of their keys, after `after`.
    pub async fn experiments(
        &mut self,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<Experiment>, ProbeError> {
        let sql = format!(
            "SELECT UUID AS id, {} AS name, {} AS namespace, COALESCE(LastRunCreatedAtInSec, 0) AS last_run \
             FROM experiments WHERE UUID > ? ORDER BY UUID LIMIT {}",
            plain("Name"),
            plain("Namespace"),
            page(limit)
        );
        let query = sqlx::query(AssertSqlSafe(sql));
        self.rows(query.bind(after.unwrap_or_default())).await
    }

    /// Keys of an experiment's newest runs made since `since` (seconds since 1970), the newest first. Answered by the index
    /// on `ExperimentUUID` and `CreatedAtInSec`.
    pub async fn runs(
        &mut self,
        experiment: &str,
        since: i64,
        limit: usize,
    ) -> Result<Vec<Mark>, ProbeError> {
        let sql = format!(
            "SELECT CreatedAtInSec AS created, UUID AS id FROM run_details WHERE ExperimentUUID = ? \
             AND CreatedAtInSec >= ? ORDER BY CreatedAtInSec DESC, UUID DESC LIMIT {}",
            page(limit)
        );
        let query = sqlx::query(AssertSqlSafe(sql));
        self.rows(query.bind(experiment).bind(since)).await
    }

    /// These rows without their texts; rows that are gone are left out.
    pub async fn entries(&mut self, source: Source, ids: &[String]) -> Result<Vec<Entry>, ProbeError> {
        let columns = match source {
            Source::PipelineVersion => format!(
                "{} AS namespace, '' AS experiment, '' AS service_account, {} AS pipeline, {} AS pipeline_id, \
                 '' AS version, 0 AS workflow, {} AS uri, {} AS name",
                plain("p.Namespace"),
                plain("p.Name"),
                plain("t.PipelineId"),
                plain("t.PipelineSpecURI"),
                plain("t.Name"),
            ),
            Source::RecurringRun | Source::Run => format!(
                "{} AS namespace, {} AS experiment, {} AS service_account, {} AS pipeline, {} AS pipeline_id, \
                 {} AS version, COALESCE(OCTET_LENGTH(t.PipelineSpecManifest), 0) = 0 AS workflow, '' AS uri, {} AS name",
                plain("t.Namespace"),
                plain("t.ExperimentUUID"),
                plain("t.ServiceAccount"),
                plain("t.PipelineName"),
                plain("t.PipelineId"),
                plain("t.PipelineVersionId"),
                plain("t.DisplayName"),
            ),
        };
        let join = match source {
            Source::PipelineVersion => "LEFT JOIN pipelines p ON p.UUID = t.PipelineId",
            Source::RecurringRun | Source::Run => "",
        };
        let sql = format!(
            "SELECT t.UUID AS id, COALESCE(t.CreatedAtInSec, 0) AS created, COALESCE(OCTET_LENGTH({}), 0) AS bytes, \
             {columns} FROM {} t {join} WHERE t.UUID IN ({})",
            source.text(),
            source.table(),
            places(ids)
        );
        self.rows(bind(sqlx::query(AssertSqlSafe(sql)), ids)).await
    }

    /// Those of these rows that are still there.
    pub async fn there(&mut self, source: Source, ids: &[String]) -> Result<Vec<String>, ProbeError> {
        let sql = format!(
            "SELECT UUID AS id FROM {} WHERE UUID IN ({})",
            source.table(),
            places(ids)
        );
        let found: Vec<Key> = self.rows(bind(sqlx::query(AssertSqlSafe(sql)), ids)).await?;
        Ok(found.into_iter().map(|key| key.0).collect())
    }

    /// The compiled pipelines of these rows, each of `longest` bytes at most; rows that are gone are left out. All of them
    /// together are held in memory.
    pub async fn texts(
        &mut self,
        source: Source,
        ids: &[String],
        longest: u64,
    ) -> Result<Vec<Text>, ProbeError> {
        let text = source.text();
        let sql = format!(
            "SELECT t.UUID AS id, IF(OCTET_LENGTH({text}) <= {longest}, CONVERT({text} USING utf8mb4), NULL) AS text \
             FROM {} t WHERE t.UUID IN ({})",
            source.table(),
            places(ids)
        );
        self.rows(bind(sqlx::query(AssertSqlSafe(sql)), ids)).await
    }

    async fn rows<T>(&mut self, query: Query<'_, MySql, MySqlArguments>) -> Result<Vec<T>, ProbeError>
    where
        T: for<'r> FromRow<'r, MySqlRow>,
    {
        let (connection, context) = self.session.parts("reading stored pipelines", &self.database);
        let reading = async {
            let rows = connection.fetch_all(query.persistent(false)).await?;
            rows.iter().map(T::from_row).collect::<Result<Vec<T>, _>>()
        };
        match bounded(QUERY_LIMIT, reading).await {
            Ok(Ok(rows)) => Ok(rows),
            Ok(Err(error)) => Err(context.classify(&error)),
            Err(cut) => Err(context.cut(cut)),
        }
    }
}

fn page(limit: usize) -> usize {
    limit.clamp(1, MAX_PAGE)
}

/// A column's text, in UTF-8 whatever its character set, and empty where there is none.
fn plain(column: &str) -> String {
    format!("CONVERT(COALESCE({column}, '') USING utf8mb4)")
}

/// A question mark for each of the first [`MAX_PAGE`] keys; one that matches nothing where there are none.
fn places(ids: &[String]) -> String {
    let mut places = String::from("NULL");
    for _ in ids.iter().take(MAX_PAGE) {
        // Writing into a String cannot fail.
        let _ = write!(places, ", ?");
    }
    places
}

fn bind<'q>(
    mut query: Query<'q, MySql, MySqlArguments>,
    ids: &'q [String],
) -> Query<'q, MySql, MySqlArguments> {
    for id in ids.iter().take(MAX_PAGE) {
        query = query.bind(id);
    }
    query
}

/// A primary key.
struct Key(String);

impl FromRow<'_, MySqlRow> for Key {
    fn from_row(row: &MySqlRow) -> Result<Self, sqlx::Error> {
        Ok(Self(row.try_get("id")?))
    }
}

impl FromRow<'_, MySqlRow> for Mark {
    fn from_row(row: &MySqlRow) -> Result<Self, sqlx::Error> {
        Ok(Self {
            created: row.try_get("created")?,
            id: row.try_get("id")?,
        })
    }
}

impl FromRow<'_, MySqlRow> for RecurringRun {
    fn from_row(row: &MySqlRow) -> Result<Self, sqlx::Error> {
        Ok(Self {
            id: row.try_get("id")?,
            enabled: row.try_get::<i64, _>("enabled")? != 0,
        })
    }
}

impl FromRow<'_, MySqlRow> for Experiment {
    fn from_row(row: &MySqlRow) -> Result<Self, sqlx::Error> {
        Ok(Self {
            id: row.try_get("id")?,
            name: row.try_get("name")?,
            namespace: row.try_get("namespace")?,
            last_run: row.try_get("last_run")?,
        })
    }
}

impl FromRow<'_, MySqlRow> for Entry {
    fn from_row(row: &MySqlRow) -> Result<Self, sqlx::Error> {
        Ok(Self {
            id: row.try_get("id")?,
            name: row.try_get("name")?,
            created: row.try_get("created")?,
            namespace: row.try_get("namespace")?,
            experiment: row.try_get("experiment")?,
            service_account: row.try_get("service_account")?,
            pipeline: row.try_get("pipeline")?,
            pipeline_id: row.try_get("pipeline_id")?,
            version: row.try_get("version")?,
            bytes: u64::try_from(row.try_get::<i64, _>("bytes")?).unwrap_or(0),
            workflow: row.try_get::<i64, _>("workflow")? != 0,
            uri: row.try_get("uri")?,
        })
    }
}

impl FromRow<'_, MySqlRow> for Text {
    fn from_row(row: &MySqlRow) -> Result<Self, sqlx::Error> {
        Ok(Self {
            id: row.try_get("id")?,
            text: row.try_get("text")?,
        })
    }
}

#[cfg(test)]
mod tests;
