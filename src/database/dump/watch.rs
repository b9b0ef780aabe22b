//! LEDGER: notices another session that waits to change a table which is being read. The dump goes out of its way, for behind
//! such a session every reader of the table waits.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::bulk::{Answer, Bulk, Leash, TransferError};
use crate::target::Target;

/// How often to look.
const PERIOD: Duration = Duration::from_millis(500);
/// How long to wait before the server is asked again after it could not be.
const AFTER_FAILURE: Duration = Duration::from_secs(5);
/// Characters of a statement that are shown.
const SHOWN: usize = 120;

/// Sessions that wait for a lock on a table, or for a table to be closed. Texts are cut: one may hold megabytes.
const WAITING: &str = "SELECT DB, LEFT(INFO, 4000) FROM information_schema.PROCESSLIST \
     WHERE (STATE LIKE 'Waiting for table metadata lock%' OR STATE LIKE 'Waiting for table flush%') AND INFO IS NOT NULL";

/// Statements that want a table for themselves.
const CHANGES: [&str; 10] = [
    "alter", "analyze", "create", "drop", "flush", "lock", "optimize", "rename", "repair", "truncate",
];

/// Which reader holds which table.
#[derive(Default)]
pub(crate) struct HeldTables(Mutex<BTreeMap<usize, (String, String)>>);

impl HeldTables {
    /// Notes that a reader begins with a table.
    pub(crate) fn begin(&self, reader: usize, database: &str, table: &str) {
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        held.insert(reader, (database.to_owned(), table.to_owned()));
    }

    /// Notes that a reader holds no table.
    pub(crate) fn end(&self, reader: usize) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(&reader);
    }

    /// The held table that a statement of a session, which stands in `current`, would change.
    fn wanted_by(&self, current: Option<&str>, statement: &str) -> Option<String> {
        if !changes(statement) {
            return None;
        }
        let held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        held.values()
            .find(|(database, table)| names(statement, current, database, table))
            .map(|(database, table)| format!("{database}.{table}"))
    }
}

/// Ends when another session waits to change a held table. Without the right to see other sessions it never ends.
pub(crate) async fn watch(target: &Target, leash: &Leash, held: &HeldTables) -> TransferError {
    let mut session: Option<Bulk> = None;
    loop {
        tokio::time::sleep(PERIOD).await;
        let answers = match &mut session {
            Some(bulk) => bulk.query("looking for waiting sessions", WAITING).await,
            None => match Bulk::open(target, leash).await {
                Ok(bulk) => {
                    session
                        .insert(bulk)
                        .query("looking for waiting sessions", WAITING)
                        .await
                }
                Err(error) => Err(error),
            },
        };
        let Ok(answers) = answers else {
            // Locks go with each chunk all the same; looking goes on when the server can be asked again.
            session = None;
            tokio::time::sleep(AFTER_FAILURE).await;
            continue;
        };
        if let Some(error) = answers.iter().find_map(|answer| judge(answer, held)) {
            if let Some(bulk) = session {
                bulk.close().await;
            }
            return error;
        }
    }
}

fn judge(answer: &Answer, held: &HeldTables) -> Option<TransferError> {
    let statement = answer.text(1);
    let table = held.wanted_by(answer.optional(0).as_deref(), &statement)?;
    let shown = statement
        .chars()
        .map(|letter| if letter.is_control() { ' ' } else { letter });
    Some(TransferError::GaveWay {
        table,
        statement: shown.take(SHOWN).collect(),
    })
}

/// Whether a statement wants a table for itself, comments before it aside.
fn changes(statement: &str) -> bool {
    let mut rest = statement.trim_start();
    while let Some(comment) = rest.strip_prefix("/*") {
        rest = comment
            .split_once("*/")
            .map_or("", |(_, after)| after)
            .trim_start();
    }
    let word: String = rest
        .chars()
        .take_while(char::is_ascii_alphabetic)
        .map(|letter| letter.to_ascii_lowercase())
        .collect();
    CHANGES.contains(&word.as_str())
}

/// Whether a statement names a table: as a whole word, in quotes or without, after the name of its database, or alone in a
/// session that stands in it. `FLUSH TABLES` names them all.
fn names(statement: &str, current: Option<&str>, database: &str, table: &str) -> bool {
    let lower = statement.to_lowercase();
    if lower.trim_start().starts_with("flush") {
        return true;
    }
    let table = table.to_lowercase().replace('`', "``");
    let here = current.is_none_or(|current| current.eq_ignore_ascii_case(database));
    lower.match_indices(&table).any(|(at, found)| {
        let (before, after) = (&lower[..at], &lower[at + found.len()..]);
        let whole = !before.chars().next_back().is_some_and(part_of_name)
            && !after.chars().next().is_some_and(part_of_name);
        whole
            && qualifier(before).map_or(here, |qualifier| {
                qualifier == database.to_lowercase().replace('`', "``")
            })
    })
}

fn part_of_name(letter: char) -> bool {
    letter.is_alphanumeric() || matches!(letter, '_' | '$')
}

/// The name before a dot at the end of a text, which may be followed by an opening quote.
fn qualifier(before: &str) -> Option<&str> {
    let before = before.strip_suffix('`').unwrap_or(before).trim_end();
    let name = before.strip_suffix('.')?.trim_end();
    match name.strip_suffix('`') {
        Some(quoted) => Some(quoted.rsplit_once(['`']).map_or(quoted, |(_, name)| name)),
        None => Some(name.rsplit(|letter| !part_of_name(letter)).next().unwrap_or(name)),
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::HeldTables;

    #[rstest]
    #[case("ALTER TABLE `pipelines` ADD COLUMN x int", true)]
    #[case("alter table mlpipeline.Pipelines add x int", true)]
    #[case("alter table `mlpipeline` . `pipelines` add x int", true)]
    #[case("/* gorm */ TRUNCATE pipelines", true)]
    #[case("RENAME TABLE a TO b, pipelines TO c", true)]
    #[case("CREATE INDEX i ON pipelines(a)", true)]
    #[case("FLUSH TABLES WITH READ LOCK", true)]
    #[case("ALTER TABLE pipelines_old ADD x int", false)]
    #[case("ALTER TABLE old_pipelines ADD x int", false)]
    #[case("ALTER TABLE other.pipelines ADD x int", false)]
    #[case("ALTER TABLE `other`.`pipelines` ADD x int", false)]
    #[case("SELECT * FROM pipelines", false)]
    #[case("INSERT INTO x VALUES ('ALTER TABLE pipelines')", false)]
    #[case("/* ALTER TABLE pipelines", false)]
    #[case("", false)]
    fn a_change_of_a_held_table_is_noticed(#[case] statement: &str, #[case] noticed: bool) {
        let held = HeldTables::default();
        let wanted = |held: &HeldTables| held.wanted_by(Some("mlpipeline"), statement);
        assert_eq!(wanted(&held), None);
        held.begin(1, "mlpipeline", "pipelines");
        assert_eq!(wanted(&held), noticed.then(|| "mlpipeline.pipelines".to_owned()));
        held.end(1);
        assert_eq!(wanted(&held), None);
    }

    #[rstest]
    #[case(Some("mlpipeline"), "ALTER TABLE pipelines ADD x int", true)]
    #[case(None, "ALTER TABLE pipelines ADD x int", true)]
    #[case(Some("other"), "ALTER TABLE pipelines ADD x int", false)]
    #[case(Some("other"), "ALTER TABLE mlpipeline.pipelines ADD x int", true)]
    fn a_table_of_another_database_is_not_meant(
        #[case] current: Option<&str>,
        #[case] statement: &str,
        #[case] noticed: bool,
    ) {
        let held = HeldTables::default();
        held.begin(1, "mlpipeline", "pipelines");
        assert_eq!(held.wanted_by(current, statement).is_some(), noticed);
    }
}
