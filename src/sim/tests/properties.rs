//! PROOF: from any beginning, whatever users do and whatever fails, nothing forbidden happens; and once the faults end
//! and what only a person can mend is mended, the installation comes to rest.

use kfp_api::installation::DeletionPolicy;
use kfp_plan::{Next, RestoreState};
use kfp_sim::{Content, Event, Faults, Report, SimError, Start, World, pass, settle};
use proptest::prelude::*;

/// Passes in which a mended world comes to rest at the latest: a deletion with its time limit, then an installation in
/// which every wave of components takes its pace.
const LIMIT: usize = 120;

fn releases() -> BoxedStrategy<String> {
    prop_oneof![4 => Just("2.16.1"), 1 => Just("2.17.0"), 1 => Just("2.5.0")]
        .prop_map(ToOwned::to_owned)
        .boxed()
}

fn starts() -> BoxedStrategy<Start> {
    let content = prop_oneof![
        2 => releases().prop_map(Content::Of),
        1 => Just(Content::Foreign),
        1 => Just(Content::Empty),
        1 => releases().prop_map(Content::Making),
    ];
    prop_oneof![
        4 => Just(Start::Nothing),
        2 => content.clone().prop_map(Start::Data),
        1 => content.prop_map(Start::UnlabelledData),
        1 => Just(Start::NoCrds),
        1 => Just(Start::Occupied),
        1 => Just(Start::OthersData),
    ]
    .boxed()
}

fn events() -> BoxedStrategy<Event> {
    let policies = prop_oneof![Just(DeletionPolicy::Retain), Just(DeletionPolicy::Delete)];
    prop_oneof![
        1 => any::<bool>().prop_map(Event::Pause),
        1 => releases().prop_map(Event::Version),
        1 => policies.prop_map(Event::Policy),
        1 => any::<bool>().prop_map(Event::Cache),
        1 => Just(Event::Delete),
        2 => Just(Event::Create),
        2 => any::<usize>().prop_map(Event::Edit),
        2 => any::<usize>().prop_map(Event::Remove),
        1 => any::<usize>().prop_map(Event::Scale),
        1 => any::<usize>().prop_map(Event::Kill),
        1 => Just(Event::BreakPassword),
        1 => Just(Event::LosePassword),
        1 => any::<bool>().prop_map(Event::Crds),
        1 => Just(Event::StoreTooNew("train/v2".to_owned())),
        1 => Just(Event::DeletePipeline("train/v2".to_owned())),
        1 => Just(Event::RestoreForeign),
        1 => Just(Event::Restore(Some(RestoreState::UnderWay))),
        1 => Just(Event::Restore(Some(RestoreState::Incomplete))),
        1 => Just(Event::Restore(None)),
    ]
    .boxed()
}

prop_compose! {
    fn faults()(
        kind in 0..6_u8,
        (first, second, third) in any::<(u64, u64, u64)>(),
        crash in 0..25_usize,
        crash_after in 0..4_usize,
        (lost, refused) in any::<(u32, u32)>(),
    ) -> Faults {
        let none = Faults::default();
        match kind {
            0 => Faults { blind: first & second & third, ..none },
            1 => Faults { stale: true, ..none },
            2 => Faults { crash: Some(crash), crash_after, ..none },
            3 => Faults { lost: lost & refused, refused: refused & !lost, ..none },
            4 => Faults { blind: first & second, stale: third & 1 == 0, crash: Some(crash), crash_after, lost, refused },
            _ => none,
        }
    }
}

fn turns() -> BoxedStrategy<Vec<(Option<Event>, Faults)>> {
    let event = prop_oneof![3 => Just(None), 1 => events().prop_map(Some)];
    proptest::collection::vec((event, faults()), 0..50).boxed()
}

/// Plays the turns; a lagging cache never hides what happened in the same turn.
fn play(world: &mut World, turns: &[(Option<Event>, Faults)]) -> Result<(), SimError> {
    let mut last: Option<Report> = None;
    for (event, faults) in turns {
        if let Some(event) = event {
            world.happen(event);
            last = None;
        }
        last = pass(world, faults, last.as_ref())?;
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(192) })]

    #[test]
    fn nothing_forbidden_happens_and_a_mended_world_comes_to_rest(
        start in starts(),
        version in releases(),
        pace in 1..4_u32,
        turns in turns(),
    ) {
        let mut world = World::begin(&start, &version, pace).unwrap();
        play(&mut world, &turns).unwrap();
        prop_assert_eq!(&world.violations, &Vec::<String>::new());

        // A deletion that is under way ends, then everything that asks for a person gets one.
        for _ in 0..LIMIT {
            if world.resource.as_ref().is_none_or(|resource| resource.deleting_since.is_none()) {
                break;
            }
            pass(&mut world, &Faults::default(), None).unwrap();
        }
        world.mend().unwrap();
        let reports = settle(&mut world, LIMIT).unwrap();
        let last = reports.last().unwrap();
        prop_assert_eq!(&last.decision.next, &Next::Settled, "{:#?}", last.decision);
        prop_assert_eq!(&world.violations, &Vec::<String>::new());

        let rest = world.clone();
        for _ in 0..3 {
            let report = pass(&mut world, &Faults::default(), None).unwrap().unwrap();
            prop_assert_eq!(report.decision.next, Next::Settled);
            prop_assert_eq!(&report.status, &last.status, "a status that moves at rest is a write at rest");
        }
        prop_assert!(rest.same_objects(&world), "objects moved at rest");
    }

    #[test]
    fn a_fault_without_an_event_needs_no_person(version in releases(), pace in 1..4_u32, faults in proptest::collection::vec(faults(), 0..60)) {
        let mut world = World::begin(&Start::Nothing, &version, pace).unwrap();
        let turns: Vec<_> = faults.into_iter().map(|faults| (None, faults)).collect();
        play(&mut world, &turns).unwrap();
        let reports = settle(&mut world, LIMIT).unwrap();
        prop_assert_eq!(&reports.last().unwrap().decision.next, &Next::Settled, "{:#?}", reports.last().unwrap().decision);
        prop_assert_eq!(&world.violations, &Vec::<String>::new());
        prop_assert!(reports.iter().all(|report| !matches!(report.decision.next, Next::AskUser(_) | Next::Refuse(_))));
    }

    #[test]
    fn volumes_and_passwords_survive_a_deletion_that_retains(version in releases(), pace in 1..4_u32, before in 0..60_usize) {
        let mut world = World::begin(&Start::Nothing, &version, pace).unwrap();
        for _ in 0..before {
            pass(&mut world, &Faults::default(), None).unwrap();
        }
        let kept = world.data();
        world.happen(&Event::Delete);
        prop_assert_eq!(world.resource.as_ref(), None);
        prop_assert_eq!(&world.data(), &kept);
        world.happen(&Event::Create);
        world.happen(&Event::Version(version));
        let reports = settle(&mut world, LIMIT).unwrap();
        if !matches!(reports.last().unwrap().decision.next, Next::AskUser(_)) {
            prop_assert_eq!(&reports.last().unwrap().decision.next, &Next::Settled);
        }
        prop_assert!(kept.iter().all(|(name, numbers)| world.data().get(name) == Some(numbers)));
        prop_assert_eq!(&world.violations, &Vec::<String>::new());
    }

    #[test]
    fn a_deletion_that_deletes_leaves_no_data_and_never_hangs(pace in 1..4_u32, before in 0..60_usize, faults in proptest::collection::vec(faults(), 0..30)) {
        let mut world = World::begin(&Start::Nothing, "2.16.1", pace).unwrap();
        world.happen(&Event::Policy(DeletionPolicy::Delete));
        for _ in 0..=before {
            pass(&mut world, &Faults::default(), None).unwrap();
        }
        world.happen(&Event::Delete);
        let hidden = faults.iter().any(|faults| !faults.none());
        for faults in &faults {
            pass(&mut world, faults, None).unwrap();
        }
        settle(&mut world, LIMIT).unwrap();
        prop_assert_eq!(world.resource.as_ref(), None);
        // Data may stay only when it could not be removed within the time limit.
        prop_assert!(hidden || world.data().is_empty(), "{:?}", world.data());
        prop_assert_eq!(&world.violations, &Vec::<String>::new());
    }
}
