//! PEOPLE: `kfpctl backup verify`: asks the operator to verify a backup once more, and waits for the answer where that is asked.

use jiff::Timestamp;
use kfp_api::KfpBackup;
use kfp_api::backup::Verify;
use kfp_api::conditions::ConditionType;
use kfp_api::names::VERIFY_REQUESTED_ANNOTATION;
use kube::Api;
use kube::api::{Patch, PatchParams};
use serde_json::json;

use super::{condition, name_alone, see, standing};
use crate::failure::Failure;
use crate::follow::{Seen, Showing};

/// Asks.
pub async fn run(asked: &Showing) -> Result<(), Failure> {
    let (_, api): (_, Api<KfpBackup>) = asked.answer.place.open().await?;
    let backup = api.get(&asked.name).await?;
    if standing(&backup, ConditionType::Complete) != "True" {
        let why = condition(backup.status.as_ref(), ConditionType::Complete)
            .map(|condition| format!(" ({}: {})", condition.reason, condition.message));
        return Err(Failure::NotReady(format!(
            "{} is not complete, so there is nothing to verify{}",
            asked.name,
            why.unwrap_or_default()
        )));
    }
    let now = Timestamp::now();
    let request = json!({"metadata": {"annotations": {VERIFY_REQUESTED_ANNOTATION: now.to_string()}}});
    let backup = api
        .patch(&asked.name, &PatchParams::default(), &Patch::Merge(request))
        .await?;
    if let Some(note) = shallow(&backup) {
        eprintln!("{note}");
    }
    let see = |backup: &KfpBackup| answer(backup, now);
    asked.answer.give(api, backup, see, name_alone).await
}

/// What is said of a check that restores nothing.
fn shallow(backup: &KfpBackup) -> Option<String> {
    (backup.spec.verify == Verify::Checksums).then(|| {
        format!(
            "{}: only checksums are checked, for its spec.verify is Checksums; that it can be restored is not tried.",
            backup.metadata.name.as_deref().unwrap_or_default()
        )
    })
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

    #[test]
    fn a_check_that_restores_nothing_says_so() {
        let mut one = backup("");
        assert_eq!(shallow(&one), None);
        one.spec.verify = Verify::Checksums;
        insta::assert_snapshot!(
            shallow(&one).unwrap(),
            @"nightly: only checksums are checked, for its spec.verify is Checksums; that it can be restored is not tried."
        );
    }

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
