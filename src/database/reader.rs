//! LEDGER: the account that may read one database and nothing else. The only thing of this room that writes to a server, and
//! nothing but that account.

use std::time::Duration;

use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Executor};

use crate::error::ProbeError;
use crate::session::{bounded, context, options, quoted};
use crate::target::{CONNECT_LIMIT, Credentials, QUERY_LIMIT, Target};

/// Connections that the account may have at once: one that works, and one whose goodbye the server has not noticed.
const CONNECTIONS: u32 = 2;
/// How long logging in and all statements may take together.
const LIMIT: Duration = CONNECT_LIMIT.saturating_add(QUERY_LIMIT);

/// Makes `reader` an account with SELECT on `database` and no other right, whatever it was before, and gives it this password.
/// `target` is the server and an account that may make accounts. Done twice, it changes nothing the second time.
pub async fn make_reader(target: &Target, database: &str, reader: &Credentials) -> Result<(), ProbeError> {
    let address = target.address();
    let context = context(target, &address, "making the account that reads", LIMIT);
    let making = async {
        let mut connection = options(target).connect().await?;
        for statement in statements(database, reader) {
            connection.execute(AssertSqlSafe(statement)).await?;
        }
        connection.close().await
    };
    match bounded(LIMIT, making).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) => Err(context.classify(&error)),
        Err(cut) => Err(context.cut(cut)),
    }
}

fn statements(database: &str, reader: &Credentials) -> Vec<String> {
    let account = format!("{}@'%'", text(&reader.username));
    let password = text(&reader.password);
    // `_` and `%` in the name of a database are wildcards of a GRANT.
    let database = quoted(&database.replace('_', "\\_").replace('%', "\\%"));
    vec![
        // So that backslashes in texts mean what `text` takes them for.
        "SET SESSION sql_mode = ''".to_owned(),
        format!("CREATE USER IF NOT EXISTS {account} IDENTIFIED BY {password}"),
        format!("ALTER USER {account} IDENTIFIED BY {password} WITH MAX_USER_CONNECTIONS {CONNECTIONS}"),
        format!("REVOKE ALL PRIVILEGES, GRANT OPTION FROM {account}"),
        format!("GRANT SELECT ON {database}.* TO {account}"),
    ]
}

/// A text of SQL.
pub(crate) fn text(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "''"))
}

#[cfg(test)]
mod tests {
    use super::statements;
    use crate::target::Credentials;

    #[test]
    fn the_account_may_select_from_one_database_and_names_stay_in_their_quotes() {
        let reader = Credentials {
            username: "reader".to_owned(),
            password: "a'; DROP USER root; --\\".to_owned(),
        };
        assert_eq!(
            statements("kfp_pipelines", &reader),
            [
                "SET SESSION sql_mode = ''",
                "CREATE USER IF NOT EXISTS 'reader'@'%' IDENTIFIED BY 'a''; DROP USER root; --\\\\'",
                "ALTER USER 'reader'@'%' IDENTIFIED BY 'a''; DROP USER root; --\\\\' WITH MAX_USER_CONNECTIONS 2",
                "REVOKE ALL PRIVILEGES, GRANT OPTION FROM 'reader'@'%'",
                "GRANT SELECT ON `kfp\\_pipelines`.* TO 'reader'@'%'",
            ]
        );
    }
}
