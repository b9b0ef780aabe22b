//! PEOPLE: the plan of a restore drawn for a person. Pure: a plan in, text out.

use std::fmt::Write as _;

use indicatif::HumanCount;
use kfp_backup::restore_plan::{Change, Refusal, RestorePlan};

use crate::output::table;

/// The whole plan: what is lost comes first.
pub fn draw(plan: &RestorePlan) -> String {
    let about = if plan.approximate { "about " } else { "" };
    let mut text = format!(
        "Set {} holds {about}{}: what was done since then is lost.\n",
        plan.set, plan.taken
    );
    for refusal in &plan.refused {
        let _ = writeln!(text, "REFUSED: {}", refused(refusal, plan));
    }
    for note in &plan.notes {
        let _ = writeln!(text, "Note: {note}.");
    }
    if plan.safety_backup {
        text += "What is there is backed up first.\n";
    }
    if !plan.databases.is_empty() {
        text.push('\n');
        let rows = plan.databases.iter().map(|database| {
            let then = if database.change == Change::Leave {
                "-".to_owned()
            } else {
                count(database.rows_then)
            };
            [
                database.name.clone(),
                word(database.change).to_owned(),
                count(database.rows_now),
                then,
            ]
        });
        text += &table(["DATABASE", "IS", "ROWS NOW", "ROWS THEN"], rows);
    }
    if !plan.objects.is_empty() {
        text.push('\n');
        let rows = plan
            .objects
            .iter()
            .map(|(kind, number)| [kind.clone(), count(*number)]);
        text += &table(["PUT IN PLACE", "OBJECTS"], rows);
    }
    text += &workflows(plan);
    text += &runs(plan);
    text
}

/// A number, or that it is not known.
fn count(number: Option<u64>) -> String {
    number.map_or_else(|| "?".to_owned(), |number| HumanCount(number).to_string())
}

fn refused(refusal: &Refusal, plan: &RestorePlan) -> String {
    match refusal {
        Refusal::SetDamaged => format!(
            "a verification found set {} damaged (SetDamaged); restore another one: `kfpctl backup list` says which are verified",
            plan.set
        ),
        Refusal::KeyMissing => format!(
            "set {} is encrypted; name the Secret of the operator's namespace that opens it: --key",
            plan.set
        ),
        Refusal::ReleaseDiffers { of_set, of_target } => format!(
            "the set is of KFP {of_set} and the installation of {of_target}, which has another schema (ReleaseDiffers); restore into one \
             whose spec.version is {of_set}"
        ),
        Refusal::NotEmpty { databases } => format!(
            "{} would be overwritten; say --overwrite if that is what you want",
            databases.join(", ")
        ),
        Refusal::NothingWanted { missing } => format!("the set does not hold {missing}"),
    }
}

const fn word(change: Change) -> &'static str {
    match change {
        Change::Create => "made",
        Change::Overwrite => "overwritten",
        Change::Put => "made or overwritten",
        Change::Leave => "left alone",
    }
}

fn workflows(plan: &RestorePlan) -> String {
    let mut text = String::new();
    if !plan.set_aside.is_empty() {
        text += "\nSet aside, because the set has no run of them and the server would delete them:\n";
        let rows = plan.set_aside.iter().map(|aside| {
            let state = if aside.running { "ended by it" } else { "finished" };
            [
                aside.workflow.clone(),
                aside.created.to_string(),
                aside.run.clone(),
                state.to_owned(),
            ]
        });
        text += &table(["WORKFLOW", "CREATED", "RUN", "STATE"], rows);
    }
    if !plan.schedules_set_aside.is_empty() {
        let _ = writeln!(
            text,
            "\nRecurring runs that the set does not have, set aside: {}",
            plan.schedules_set_aside.join(", ")
        );
    }
    text
}

fn runs(plan: &RestorePlan) -> String {
    let mut text = String::new();
    match plan.close.as_deref() {
        None => {
            text += "\nRuns that were under way at that moment are closed as failed. Which, is known once their rows are read: KFP's API server cannot be\nasked from here.\n";
        }
        Some([]) => {}
        Some(closed) => {
            text += "\nClosed as failed, because nothing carries them out any more:\n";
            let rows = closed
                .iter()
                .map(|closed| [closed.run.clone(), closed.name.clone(), closed.state.clone()]);
            text += &table(["RUN", "NAME", "STATE UNTIL THEN"], rows);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use kfp_backup::restore_plan::{Closed, DatabaseChange, SetAside};

    use super::*;

    fn plan() -> RestorePlan {
        RestorePlan {
            set: "20261124T014900Z-1a2b3c".into(),
            taken: "2026-11-24T01:49:00Z".parse().unwrap(),
            approximate: false,
            refused: vec![Refusal::NotEmpty {
                databases: vec!["mlpipeline".into()],
            }],
            safety_backup: true,
            databases: vec![
                DatabaseChange {
                    name: "mlpipeline".into(),
                    rows_now: None,
                    rows_then: Some(1_234_567),
                    change: Change::Overwrite,
                },
                DatabaseChange {
                    name: "other".into(),
                    rows_now: Some(5),
                    rows_then: None,
                    change: Change::Leave,
                },
            ],
            objects: [("ScheduledWorkflow".to_owned(), Some(2))].into(),
            set_aside: vec![SetAside {
                workflow: "train-x2k9f".into(),
                created: "2026-11-24T08:00:00Z".parse().unwrap(),
                run: "5f1c".into(),
                running: true,
            }],
            schedules_set_aside: vec!["hourly".into()],
            close: Some(vec![Closed {
                run: "77aa".into(),
                name: "train".into(),
                state: "RUNNING".into(),
            }]),
            notes: vec!["the set was never verified: whether it can be restored is not known".into()],
        }
    }

    #[test]
    fn a_plan_says_first_what_is_lost() {
        insta::assert_snapshot!(draw(&plan()));
    }

    #[test]
    fn a_plan_into_nothing_is_short() {
        let empty = RestorePlan {
            refused: Vec::new(),
            safety_backup: false,
            databases: Vec::new(),
            objects: std::collections::BTreeMap::new(),
            set_aside: Vec::new(),
            schedules_set_aside: Vec::new(),
            close: None,
            notes: Vec::new(),
            ..plan()
        };
        insta::assert_snapshot!(draw(&empty));
    }

    #[test]
    fn what_is_not_known_and_what_stands_against_it_is_said() {
        let vague = RestorePlan {
            approximate: true,
            refused: vec![
                Refusal::SetDamaged,
                Refusal::KeyMissing,
                Refusal::ReleaseDiffers {
                    of_set: "2.14.4".into(),
                    of_target: "2.16.1".into(),
                },
                Refusal::NothingWanted {
                    missing: "a recurring run".into(),
                },
            ],
            databases: Vec::new(),
            objects: [("ScheduledWorkflow".to_owned(), None)].into(),
            set_aside: Vec::new(),
            schedules_set_aside: Vec::new(),
            close: Some(Vec::new()),
            notes: Vec::new(),
            ..plan()
        };
        insta::assert_snapshot!(draw(&vague));
    }
}
