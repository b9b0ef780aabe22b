//! LEDGER: what holds for every verdict, whatever the schema. No server.

use kfp_releases::schema::{ObjectKey, Part};
use proptest::prelude::*;

use super::tests::{CATALOG, column, set};
use super::{State, judge};

prop_compose! {
    /// Two different schemas of the catalog, and which of the parts that differ are still the older one's.
    fn two_and_choice()(one in 0..6_usize, other in 0..6_usize, choice in proptest::collection::vec(any::<bool>(), 300))
        -> (usize, usize, Vec<bool>) {
        (one.min(other), one.max(other), choice)
    }
}

proptest! {
    #[test]
    fn any_mixture_of_two_releases_is_explained((older, newer, choice) in two_and_choice()) {
            let older = CATALOG.schemas()[older].schema.objects();
        let mut schema = CATALOG.schemas()[newer].schema.clone();
        let newer = schema.objects();
        let changed: Vec<&ObjectKey> = older.keys().chain(newer.keys().filter(|key| !older.contains_key(*key)))
            .filter(|key| older.get(*key) != newer.get(*key) && key.part != Part::Table).collect();
        for (object, old) in changed.iter().zip(&choice) {
            let whole_table = older.contains_key(&ObjectKey { table: object.table.clone(), part: Part::Table });
            if *old && whole_table {
                set(&mut schema, object, older.get(*object));
            }
        }
        let verdict = judge(&schema, &CATALOG);
        prop_assert!(verdict.state != State::Foreign, "{:#?}", verdict);
        prop_assert!(!verdict.matches.is_empty());
        prop_assert_eq!(&judge(&schema, &CATALOG), &verdict);
    }

    #[test]
    fn a_part_of_no_release_is_foreign_whatever_its_name(
        at in 0..6_usize, table in "\\PC{0,80}", name in ".{1,80}", data_type in ".{0,200}"
    ) {
            let mut schema = CATALOG.schemas()[at].schema.clone();
        let own: Vec<String> = schema.tables.keys().cloned().collect();
        for table in [table, own[0].clone()] {
            let key = ObjectKey { table, part: Part::Column(name.clone()) };
            prop_assume!(!schema.objects().contains_key(&key));
            set(&mut schema, &key, Some(&column(&data_type, true, Some(&name))));
            let verdict = judge(&schema, &CATALOG);
            prop_assert_eq!(verdict.state, State::Foreign);
            prop_assert!(verdict.differences.iter().all(|text| text.lines().count() <= 1 && text.chars().count() < 600));
        }
    }
}
