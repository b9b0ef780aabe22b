//! Rows for the tests of this folder.

use std::sync::Arc;

use kfp_compat::inventory::{Fare, Kind, Row, Told, Why};
use kfp_compat::{Code, Effect, Outcome};

/// A row that runs everywhere.
pub fn row(kind: Kind, id: &str) -> Row {
    Row {
        kind,
        id: id.into(),
        name: id.into(),
        pipeline: "pipeline".into(),
        pipeline_id: "p".into(),
        version: String::new(),
        namespace: "team-a".into(),
        experiment: String::new(),
        service_account: String::new(),
        created: 1_800_000_000,
        newest: false,
        enabled: true,
        sdk: Some("2.16.1".into()),
        unread: None,
        fares: Vec::new(),
    }
}

/// A fate with one finding.
pub fn fare(release: &str, outcome: Outcome) -> Fare {
    let effect = match outcome {
        Outcome::RunsWithWarnings | Outcome::Runs => Effect::Dropped,
        Outcome::Fails => Effect::FailsAtRun,
        Outcome::RefusedAtRun => Effect::RefusedAtRun,
        Outcome::RefusedAtUpload => Effect::RefusedAtUpload,
    };
    let told = Told {
        code: Code("KFP020".into()),
        effect,
        message: "it is not known".into(),
        help: "compile it again".into(),
        works_since: None,
        works_until: None,
    };
    Fare {
        release: release.parse().unwrap(),
        outcome,
        why: vec![Why {
            told: Arc::new(told),
            path: "platforms.x".into(),
        }],
        more: 0,
    }
}
