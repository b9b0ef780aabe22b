//! WORDS, tests: conditions keep their times, reasons explain themselves.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

use std::str::FromStr as _;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use k8s_openapi::jiff::Timestamp;
use kfp_api::conditions::{self, ConditionStatus, ConditionType, Reason};
use kfp_api::guide::Recovery;
use rstest::rstest;

fn at(second: i64) -> Time {
    Time(Timestamp::from_second(second).unwrap())
}

fn set(conditions: &mut Vec<Condition>, status: ConditionStatus, reason: Reason, message: &str, second: i64) {
    conditions::set(
        conditions,
        ConditionType::Ready,
        status,
        reason,
        message,
        Some(second),
        &at(second),
    );
}

#[rstest]
#[case::the_same_again(ConditionStatus::True, Reason::AllReady, "fine", 1)]
#[case::another_message(ConditionStatus::True, Reason::AllReady, "still fine", 1)]
#[case::another_reason(ConditionStatus::True, Reason::Paused, "fine", 1)]
#[case::another_status(ConditionStatus::False, Reason::Progressing, "fine", 2)]
fn the_time_of_the_last_transition_moves_only_with_the_status(
    #[case] status: ConditionStatus,
    #[case] reason: Reason,
    #[case] message: &str,
    #[case] expected: i64,
) {
    let mut conditions = Vec::new();
    set(
        &mut conditions,
        ConditionStatus::True,
        Reason::AllReady,
        "fine",
        1,
    );
    set(&mut conditions, status, reason, message, 2);
    let ready = conditions::find(&conditions, ConditionType::Ready).unwrap();
    assert_eq!(ready.last_transition_time, at(expected));
    assert_eq!(
        (
            ready.status.as_str(),
            ready.reason.as_str(),
            ready.message.as_str()
        ),
        (status.as_str(), reason.as_str(), message)
    );
    assert_eq!(ready.observed_generation, Some(2));
    assert_eq!(conditions.len(), 1);
}

#[test]
fn a_condition_set_again_the_same_is_the_same_value_whatever_the_time() {
    let mut conditions = Vec::new();
    let again = |conditions: &mut Vec<Condition>, second| {
        conditions::set(
            conditions,
            ConditionType::Ready,
            true.into(),
            Reason::AllReady,
            "fine",
            Some(1),
            &at(second),
        );
    };
    again(&mut conditions, 1);
    let before = conditions.clone();
    again(&mut conditions, 99);
    assert_eq!(conditions, before);
}

#[test]
fn conditions_stand_in_one_order_and_those_of_others_stay_behind_them() {
    let mut conditions = vec![Condition {
        type_: "example.com/Other".to_owned(),
        status: "True".to_owned(),
        reason: "Theirs".to_owned(),
        message: String::new(),
        observed_generation: None,
        last_transition_time: at(0),
    }];
    for condition_type in ConditionType::ALL.iter().rev() {
        conditions::set(
            &mut conditions,
            *condition_type,
            ConditionStatus::Unknown,
            Reason::NotProbed,
            "",
            None,
            &at(1),
        );
    }
    let types: Vec<&str> = conditions
        .iter()
        .map(|condition| condition.type_.as_str())
        .collect();
    let expected: Vec<&str> = ConditionType::ALL
        .iter()
        .map(|known| known.as_str())
        .chain(["example.com/Other"])
        .collect();
    assert_eq!(types, expected);
}

#[test]
fn a_cleared_condition_is_gone_and_the_others_stay() {
    let mut conditions = Vec::new();
    for condition_type in [ConditionType::Ready, ConditionType::Stalled] {
        conditions::set(
            &mut conditions,
            condition_type,
            true.into(),
            Reason::InvalidSpec,
            "",
            None,
            &at(1),
        );
    }
    conditions::clear(&mut conditions, ConditionType::Stalled);
    assert!(conditions::find(&conditions, ConditionType::Stalled).is_none());
    assert!(conditions::find(&conditions, ConditionType::Ready).is_some());
}

#[test]
fn every_type_and_reason_is_found_by_its_name_and_by_nothing_else() {
    for condition_type in ConditionType::ALL {
        assert_eq!(
            ConditionType::from_str(condition_type.as_str()),
            Ok(*condition_type)
        );
        assert_eq!(
            serde_json::to_value(condition_type).unwrap(),
            condition_type.as_str()
        );
    }
    for reason in Reason::ALL {
        assert_eq!(Reason::from_str(reason.as_str()), Ok(*reason));
        assert_eq!(serde_json::to_value(reason).unwrap(), reason.as_str());
    }
    assert!(Reason::from_str("allready").is_err());
}

#[test]
fn every_type_and_reason_fits_the_schema_and_has_texts_in_whole_sentences() {
    let word = |name: &str| name.len() <= 64 && name.chars().all(|letter| letter.is_ascii_alphabetic());
    let sentence = |text: &str| text.ends_with(['.', ')']) && !text.contains("  ") && !text.contains('\n');
    for condition_type in ConditionType::ALL {
        assert!(
            word(condition_type.as_str()) && sentence(condition_type.meaning()),
            "{condition_type}"
        );
    }
    for reason in Reason::ALL {
        assert!(
            word(reason.as_str()) && sentence(reason.meaning()) && sentence(reason.next_step()),
            "{reason}"
        );
    }
}

#[test]
fn only_reasons_without_trouble_ask_for_nothing() {
    for reason in Reason::ALL {
        assert_eq!(
            reason.recovery() == Recovery::NotNeeded,
            reason.next_step() == "Nothing.",
            "{reason}"
        );
    }
}

#[test]
fn no_two_reasons_say_the_same() {
    let mut meanings: Vec<&str> = Reason::ALL.iter().map(|reason| reason.meaning()).collect();
    meanings.sort_unstable();
    meanings.dedup();
    assert_eq!(meanings.len(), Reason::ALL.len());
}
