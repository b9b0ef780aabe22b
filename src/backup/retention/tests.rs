//! SETS: the retention's tables and properties.

use proptest::prelude::*;
use rstest::rstest;

use super::*;

const DAY: i64 = 86_400;

fn days_long(number: u64) -> Duration {
    Duration::from_hours(24 * number)
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// One set a day at 02:00 UTC, `n` of them, the newest on 2026-11-24 (a Tuesday); verified, named by their day.
fn nightly(n: u32) -> Vec<SetSeen> {
    let newest = at("2026-11-24T02:00:00Z");
    (0..i64::from(n))
        .map(|age| {
            let taken = Timestamp::from_second(newest.as_second() - age * DAY).unwrap();
            SetSeen {
                id: taken.strftime("%Y-%m-%d").to_string(),
                taken,
                state: SetState::Verified,
                held: None,
            }
        })
        .collect()
}

fn now() -> Timestamp {
    at("2026-11-24T12:00:00Z")
}

fn ids(kept: &[Kept]) -> Vec<&str> {
    kept.iter().map(|kept| kept.id.as_str()).collect()
}

#[rstest]
#[case::no_rule(Retention::default(), 400, 400)]
#[case::last(Retention { last: Some(7), ..Retention::default() }, 400, 7)]
#[case::fewer_than_asked_for(Retention { last: Some(7), ..Retention::default() }, 3, 3)]
#[case::within(Retention { within: Some(days_long(30)), ..Retention::default() }, 400, 30)]
#[case::last_or_within(
    Retention { last: Some(3), within: Some(days_long(2)), ..Retention::default() }, 400, 3
)]
#[case::nothing_but_the_last_verified(Retention { last: Some(0), ..Retention::default() }, 400, 1)]
#[case::daily(Retention { daily: Some(7), ..Retention::default() }, 400, 7)]
#[case::weekly(Retention { weekly: Some(4), ..Retention::default() }, 400, 4)]
#[case::monthly(Retention { monthly: Some(12), ..Retention::default() }, 400, 12)]
#[case::yearly(Retention { yearly: Some(5), ..Retention::default() }, 400, 2)]
fn a_rule_keeps_so_many(#[case] policy: Retention, #[case] sets: u32, #[case] stay: usize) {
    let sets = nightly(sets);
    assert_eq!(kept(&policy, &sets, now()).len(), stay);
    assert_eq!(expired(&policy, &sets, now()).len(), sets.len() - stay);
}

fn generations() -> Retention {
    Retention {
        daily: Some(3),
        weekly: Some(3),
        monthly: Some(3),
        yearly: Some(2),
        ..Retention::default()
    }
}

#[test]
fn grandfather_father_and_son_say_what_each_set_stands_for() {
    let lines: Vec<String> = kept(&generations(), &nightly(400), now())
        .iter()
        .map(|kept| {
            let because: Vec<String> = kept.because.iter().map(ToString::to_string).collect();
            format!("{}  {}", kept.id, because.join(", "))
        })
        .collect();
    insta::assert_snapshot!(lines.join("\n"));
}

#[test]
fn a_day_is_that_of_the_schedules_zone() {
    let mut sets = nightly(2);
    sets[0].taken = at("2026-11-24T22:00:00Z");
    sets[1].taken = at("2026-11-24T23:30:00Z");
    let mut policy = Retention {
        daily: Some(5),
        ..Retention::default()
    };
    assert_eq!(kept(&policy, &sets, now()).len(), 1);
    policy.zone = crate::schedule::zone("Europe/Berlin").unwrap();
    assert_eq!(kept(&policy, &sets, now()).len(), 2);
}

#[test]
fn a_verified_set_stands_for_its_day_before_a_newer_one_that_is_not() {
    let mut sets = nightly(3);
    sets[0].taken = at("2026-11-23T20:00:00Z");
    sets[0].state = SetState::Complete;
    let policy = Retention {
        daily: Some(2),
        ..Retention::default()
    };
    assert_eq!(ids(&kept(&policy, &sets, now())), ["2026-11-23", "2026-11-22"]);
}

#[test]
fn without_a_verified_set_the_newest_complete_one_stays() {
    let mut sets = nightly(3);
    for set in &mut sets {
        set.state = SetState::Complete;
    }
    let none = Retention {
        last: Some(0),
        failed: 0,
        ..Retention::default()
    };
    assert_eq!(
        kept(&none, &sets, now()),
        [Kept {
            id: "2026-11-24".into(),
            because: vec![WhyKept::LastComplete]
        }]
    );
    sets[0].state = SetState::Damaged;
    assert_eq!(ids(&kept(&none, &sets, now())), ["2026-11-23"]);
}

#[test]
fn what_failed_takes_no_good_sets_place_and_goes_by_its_own_limit() {
    let mut sets = nightly(10);
    for set in &mut sets[..6] {
        set.state = SetState::Failed;
    }
    let policy = Retention {
        last: Some(2),
        failed: 1,
        ..Retention::default()
    };
    assert_eq!(
        ids(&kept(&policy, &sets, now())),
        ["2026-11-24", "2026-11-18", "2026-11-17"]
    );
    let gone = expired(&policy, &sets, now());
    assert_eq!(gone[0].why, WhyExpired::NoRule);
    assert_eq!(
        gone.last().unwrap().why.to_string(),
        "it failed, and the newest 1 that failed are kept"
    );
}

#[test]
fn what_is_held_or_in_progress_stays() {
    let mut sets = nightly(5);
    sets[4].held = Some("KfpRestore team/back reads it".into());
    sets[3].state = SetState::InProgress;
    let policy = Retention {
        last: Some(1),
        failed: 0,
        ..Retention::default()
    };
    let stay = kept(&policy, &sets, now());
    assert_eq!(ids(&stay), ["2026-11-24", "2026-11-21", "2026-11-20"]);
    assert_eq!(
        stay[2].because[0].to_string(),
        "held: KfpRestore team/back reads it"
    );
}

#[rstest]
#[case(30 * 86_400, "younger than 30d")]
#[case(90_000, "younger than 25h")]
#[case(3_600, "younger than 1h")]
fn an_age_is_said_in_days_where_it_is_some(#[case] seconds: u64, #[case] said: &str) {
    assert_eq!(WhyKept::Within(Duration::from_secs(seconds)).to_string(), said);
}

fn any_state() -> impl Strategy<Value = SetState> {
    prop::sample::select(vec![
        SetState::InProgress,
        SetState::Failed,
        SetState::Damaged,
        SetState::Complete,
        SetState::Verified,
    ])
}

fn any_sets() -> impl Strategy<Value = Vec<SetSeen>> {
    let set = (0_i64..1_000 * DAY, any_state(), prop::bool::weighted(0.1));
    prop::collection::vec(set, 0..40).prop_map(|sets| {
        let begin = at("2024-03-01T00:00:00Z").as_second();
        let named = sets.into_iter().enumerate();
        named
            .map(|(number, (second, state, held))| SetSeen {
                id: format!("set-{number}"),
                taken: Timestamp::from_second(begin + second).unwrap(),
                state,
                held: held.then(|| "a restore reads it".to_owned()),
            })
            .collect()
    })
}

fn any_policy() -> impl Strategy<Value = Retention> {
    let number = || prop::option::of(0_u32..6);
    let zone = prop::sample::select(vec!["UTC", "Europe/Berlin", "Pacific/Kiritimati"]);
    let within = prop::option::of(0_u64..400 * 86_400);
    (
        number(),
        within,
        number(),
        number(),
        number(),
        number(),
        0_u32..4,
        zone,
    )
        .prop_map(
            |(last, within, daily, weekly, monthly, yearly, failed, zone)| Retention {
                last,
                within: within.map(Duration::from_secs),
                daily,
                weekly,
                monthly,
                yearly,
                failed,
                zone: crate::schedule::zone(zone).unwrap(),
            },
        )
}

proptest! {
    /// Each set stays, with a reason, or goes, with a reason.
    #[test]
    fn every_set_is_judged_once(policy in any_policy(), sets in any_sets()) {
        let stay = kept(&policy, &sets, now());
        let gone = expired(&policy, &sets, now());
        let mut all: Vec<&str> = ids(&stay);
        all.extend(gone.iter().map(|gone| gone.id.as_str()));
        all.sort_unstable();
        let mut wanted: Vec<&str> = sets.iter().map(|set| set.id.as_str()).collect();
        wanted.sort_unstable();
        prop_assert_eq!(all, wanted);
        prop_assert!(stay.iter().all(|kept| !kept.because.is_empty()));
    }

    /// The last verified set never goes, nor the last complete one where none is verified, nor what is in progress or held.
    #[test]
    fn what_must_stay_stays(policy in any_policy(), sets in any_sets()) {
        let gone: BTreeSet<String> = expired(&policy, &sets, now()).into_iter().map(|gone| gone.id).collect();
        let newest = |state: SetState| {
            sets.iter().filter(|set| set.state == state).max_by(|one, other| (one.taken, &one.id).cmp(&(other.taken, &other.id)))
        };
        let last = newest(SetState::Verified).or_else(|| newest(SetState::Complete));
        prop_assert!(last.is_none_or(|set| !gone.contains(&set.id)));
        for set in &sets {
            if set.state == SetState::InProgress || set.held.is_some() {
                prop_assert!(!gone.contains(&set.id));
            }
        }
    }

    /// What was let go leaves nothing else to go, and the order of the list says nothing.
    #[test]
    fn a_second_look_finds_no_more(policy in any_policy(), sets in any_sets()) {
        let gone = expired(&policy, &sets, now());
        let mut left: Vec<SetSeen> = sets.iter().filter(|set| gone.iter().all(|gone| gone.id != set.id)).cloned().collect();
        left.reverse();
        prop_assert_eq!(expired(&policy, &left, now()), []);
    }

    /// A rule asks for no more than it says.
    #[test]
    fn no_more_stays_than_the_rules_ask_for(policy in any_policy(), mut sets in any_sets()) {
        for set in &mut sets {
            set.held = None;
        }
        let stay = kept(&policy, &sets, now());
        let count = |fits: fn(&WhyKept) -> bool| stay.iter().filter(|kept| kept.because.iter().any(fits)).count();
        let limit = |number: Option<u32>| number.unwrap_or(0) as usize;
        prop_assert!(count(|why| matches!(why, WhyKept::Last(_))) <= limit(policy.last));
        prop_assert!(count(|why| matches!(why, WhyKept::Daily(_))) <= limit(policy.daily));
        prop_assert!(count(|why| matches!(why, WhyKept::Weekly(_))) <= limit(policy.weekly));
        prop_assert!(count(|why| matches!(why, WhyKept::Monthly(_))) <= limit(policy.monthly));
        prop_assert!(count(|why| matches!(why, WhyKept::Yearly(_))) <= limit(policy.yearly));
        prop_assert!(count(|why| matches!(why, WhyKept::LastFailed(_))) <= policy.failed as usize);
        prop_assert!(count(|why| matches!(why, WhyKept::LastVerified | WhyKept::LastComplete)) <= 1);
    }

    /// Applied night after night, each rule has as many sets as it asks for, as soon as that many periods have passed.
    #[test]
    fn night_after_night_no_generation_thins_out(
        daily in 1_u32..8,
        weekly in 0_u32..5,
        monthly in 0_u32..4,
        nights in 1_u32..200,
    ) {
        let policy = Retention { daily: Some(daily), weekly: Some(weekly), monthly: Some(monthly), ..Retention::default() };
        let mut left: Vec<SetSeen> = Vec::new();
        let all = nightly(nights);
        for set in all.iter().rev() {
            left.push(set.clone());
            let gone = expired(&policy, &left, set.taken);
            left.retain(|set| gone.iter().all(|gone| gone.id != set.id));
        }
        let thinned = kept(&policy, &left, now());
        let whole = kept(&policy, &all, now());
        prop_assert_eq!(thinned, whole);
    }
}
