//! PROOF (real databases): what a case of sets asks its databases, as their administrator.

use anyhow::{Context, Result};
use kfp_database::{Credentials, Engine, Target};
use sqlx::mysql::{MySqlConnectOptions, MySqlConnection, MySqlSslMode};
use sqlx::{AssertSqlSafe, ConnectOptions, Executor};

use crate::backup_yard::Stage;

impl Stage {
    /// The server that its databases are on.
    pub fn target(&self) -> &Target {
        &self.yard.databases[&self.engine].target
    }

    /// A connection of the administrator.
    pub async fn connection(&self) -> Result<MySqlConnection> {
        let Target {
            host,
            port,
            credentials: Credentials { username, password },
        } = self.target();
        let options = MySqlConnectOptions::new()
            .host(host)
            .port(*port)
            .username(username)
            .password(password);
        let mut connection = options.ssl_mode(MySqlSslMode::Disabled).connect().await?;
        connection.execute("SET SESSION sql_mode = ''").await?;
        if self.engine == Engine::MySql {
            connection
                .execute("SET SESSION cte_max_recursion_depth = 1000000")
                .await?;
        }
        Ok(connection)
    }

    pub async fn sql(&self, statements: &[&str]) -> Result<()> {
        let mut connection = self.connection().await?;
        for statement in statements {
            connection
                .execute(AssertSqlSafe((*statement).to_owned()))
                .await
                .with_context(|| (*statement).to_owned())?;
        }
        Ok(())
    }

    pub async fn one(&self, query: &str) -> Result<String> {
        let mut connection = self.connection().await?;
        let row = connection
            .fetch_one(AssertSqlSafe(query.to_owned()))
            .await
            .with_context(|| query.to_owned())?;
        let bytes: Option<Vec<u8>> = sqlx::Row::try_get_unchecked(&row, 0)?;
        Ok(String::from_utf8_lossy(&bytes.unwrap_or_default()).into_owned())
    }

    /// The numbers from 1 as `seq`, as what stands behind FROM.
    pub fn numbers(&self, last: u32) -> String {
        match self.engine {
            Engine::MariaDb => format!("seq_1_to_{last}"),
            Engine::MySql => format!(
                "(WITH RECURSIVE numbers (seq) AS (SELECT 1 UNION ALL SELECT seq + 1 FROM numbers WHERE seq < {last}) \
                 SELECT seq FROM numbers) numbers"
            ),
        }
    }
}
