//! PEOPLE: `kfpctl backup verify`: asks the operator to verify a backup once more, and waits for the answer where that is asked.

use jiff::Timestamp;
use kfp_api::KfpBackup;
use kfp_api::conditions::ConditionType;
use kfp_api::names::VERIFY_REQUESTED_ANNOTATION;
use kube::Api;
use kube::api::{Patch, PatchParams};
use serde_json::json;

use super::{Place, condition, see, standing};
use crate::failure::Failure;
use crate::follow::{Seen, Waiting, follow};
use crate::output::{self, Format};

/// Which one.
#[derive(clap::Args)]
pub struct Arguments {
    /// Name of the KfpBackup.
    name: String,
    #[command(flatten)]
    follow: Waiting,
    #[command(flatten)]
    place: Place,
    /// How to print; as a table, the name alone.
    #[arg(short, long, value_enum, default_value_t)]
    output: Format,
}

/// Asks.
pub async fn run(arguments: &Arguments) -> Result<(), Failure> {
    let (_, api): (_, Api<KfpBackup>) = arguments.place.open().await?;
    let backup = api.get(&arguments.name).await?;
    if standing(&backup, ConditionType::Complete) != "True" {
        let why = condition(backup.status.as_ref(), ConditionType::Complete)
            .map(|condition| format!(" ({}: {})", condition.reason, condition.message));
        return Err(Failure::NotReady(format!(
            "{} is not complete, so there is nothing to verify{}",
            arguments.name,
            why.unwrap_or_default()
        )));
    }
    let now = Timestamp::now();
    let asked = json!({"metadata": {"annotations": {VERIFY_REQUESTED_ANNOTATION: now.to_string()}}});
    let mut backup = api
        .patch(&arguments.name, &PatchParams::default(), &Patch::Merge(asked))
        .await?;
    if arguments.follow.wait {
        let name = &arguments.name;
        backup = follow(api, name, arguments.follow.timeout, |backup| answer(backup, now)).await?;
    }
    output::print(arguments.output, &backup, |_| format!("{}\n", arguments.name))
}

/// How it stands; an answer that was there before the question is none.
fn answer(backup: &KfpBackup, asked: Timestamp) -> Seen {
    let seen = see(backup);
    let status = backup.status.as_ref();
    let checked = status
        .and_then(|status| status.verification.as_ref())
        .map(|verification| verification.completed_at.0);
    let changed =
        condition(status, ConditionType::Verified).map(|condition| condition.last_transition_time.0);
    let is_new = [checked, changed]
        .into_iter()
        .flatten()
        .any(|time| time.as_second() >= asked.as_second());
    if is_new {
        return seen;
    }
    Seen {
        end: None,
        stage: "waits for the operator".to_owned(),
        ..seen
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::super::tests::{backup, said};
    use super::*;

    #[rstest]
    #[case::of_yesterday("2026-11-24T01:00:00Z", false)]
    #[case::of_now("2026-11-24T03:00:01Z", true)]
    fn an_answer_comes_after_the_question(#[case] checked: &str, #[case] ended: bool) {
        let seen = answer(
            &backup(&format!(
                "completedAt: '2026-11-24T01:00:00Z', verification: {{kind: Restore, completedAt: '{checked}'}}, conditions: [{}, {}]",
                said("Complete", "True", "Taken"),
                said("Verified", "True", "Restored"),
            )),
            "2026-11-24T03:00:00.5Z".parse().unwrap(),
        );
        assert_eq!(seen.end.is_some(), ended);
    }
}
