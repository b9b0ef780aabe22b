//! PROOF (real stores, both databases and API server): a set of one engine, restored into another of its family.

use anyhow::{Result, ensure};
use kfp_backup::manifest::Role;
use kfp_backup::order::Restore;
use kfp_database::Engine;

use crate::Case;
use crate::backup_yard::{Stage, failed};

pub fn cases() -> Vec<Case> {
    vec![(
        "other",
        "another engine is restored into where its tables fit, and refused before a change where not",
        |stage| Box::pin(other_engine(stage)),
    )]
}

/// KFP's tables as MariaDB has them fit MySQL; those of MySQL have collations that MariaDB does not know.
async fn other_engine(stage: Stage) -> Result<()> {
    if !stage.yard.databases.contains_key(&Engine::MySql) {
        println!("LEFT OUT: there is no MySQL");
        return Ok(());
    }
    let mysql = Stage {
        name: stage.name.clone(),
        engine: Engine::MySql,
        yard: stage.yard.clone(),
        stop: stage.stop.clone(),
        patience: stage.patience,
    };
    let taken = stage.take(stage.take_order(1)?).await?;
    let new = format!("{}-2", stage.name);
    stage.yard.own.make_bucket(&new).await?;
    let restored = mysql.restore(mysql.restore_order(1, &stage.name, &new)).await?;
    ensure!(restored.rows == taken.rows, "{restored:?}");

    let table = format!("{}_2.of_mysql", stage.database(Role::Cache));
    let make = format!("CREATE TABLE {table} (a varchar(9) COLLATE utf8mb4_0900_ai_ci PRIMARY KEY)");
    mysql.sql(&[&make]).await?;
    let mut order = mysql.take_order(2)?;
    for name in order.databases.values_mut() {
        name.push_str("_2");
    }
    mysql.take(order).await?;
    let back = Restore {
        replace: true,
        databases: stage.databases(),
        ..stage.restore_order(2, &stage.name, &stage.name)
    };
    let trouble = failed(stage.restore(back).await, "CollationMissing")?;
    ensure!(trouble.message.contains("utf8mb4_0900_ai_ci"), "{trouble}");
    let kept = format!(
        "SELECT COUNT(*) FROM {}.run_details",
        stage.database(Role::Pipelines)
    );
    ensure!(stage.one(&kept).await? == "3000", "rows are gone");
    Ok(())
}
