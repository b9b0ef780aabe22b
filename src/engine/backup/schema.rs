//! EYES: what the schema of a database is, in a word for people. It decides nothing: a set is taken of any schema.

use kfp_backup::manifest::SchemaRecord;
use kfp_database::{State, Target, inspect, judge};
use kfp_releases::schema::SchemaCatalog;

/// Judges the database of pipelines; no catalog knows the schemas of the others.
pub async fn verdict(target: &Target, database: &str, schemas: &SchemaCatalog) -> SchemaRecord {
    let mut record = unjudged(database);
    if let Ok(inspection) = inspect(target, database).await
        && let Some(schema) = inspection.schema
    {
        let verdict = judge(&schema, schemas);
        let word = match verdict.state {
            State::Empty => "Empty",
            State::Exact => "Exact",
            State::Tolerated => "Tolerated",
            State::HalfMigrated => "HalfMigrated",
            State::Foreign => "Foreign",
        };
        word.clone_into(&mut record.verdict);
        record.releases = verdict.matches.iter().map(ToString::to_string).collect();
    }
    record
}

/// A database that was not judged.
#[must_use]
pub fn unjudged(database: &str) -> SchemaRecord {
    SchemaRecord {
        database: database.to_owned(),
        verdict: "Unjudged".to_owned(),
        releases: Vec::new(),
    }
}
