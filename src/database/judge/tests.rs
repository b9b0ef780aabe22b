//! LEDGER: verdicts, by tables of schemas and by properties of all of them. No server.

use std::sync::LazyLock;

use kfp_releases::Version;
use kfp_releases::schema::{Column, Definition, Index, LogicalSchema, ObjectKey, Part, SchemaCatalog};
use rstest::rstest;

use super::{Midway, State, Verdict, judge};

const FOREIGN_KEYS: [&str; 3] = [
    "foreign key pipeline_versions.pipeline_versions_PipelineId_pipelines_UUID_foreign",
    "foreign key run_metrics.run_metrics_RunUUID_run_details_UUID_foreign",
    "foreign key tasks.tasks_RunUUID_run_details_UUID_foreign",
];
const UNFINISHED: [&str; 4] = [
    "run_metrics.Name",
    "run_metrics.NodeID",
    "run_metrics.RunUUID",
    "tasks.UUID",
];

pub(super) static CATALOG: LazyLock<SchemaCatalog> = LazyLock::new(|| SchemaCatalog::load().unwrap());

fn version(text: &str) -> Version {
    text.parse().unwrap()
}

fn schema_of(release: &str) -> LogicalSchema {
    CATALOG.of_release(version(release)).unwrap().schema.clone()
}

fn object(text: &str) -> ObjectKey {
    text.parse().unwrap()
}

/// Puts one part into a schema, or takes it out.
pub(super) fn set(schema: &mut LogicalSchema, object: &ObjectKey, definition: Option<&Definition>) {
    if object.part == Part::Table {
        match definition {
            Some(_) => drop(schema.tables.entry(object.table.clone()).or_default()),
            None => drop(schema.tables.remove(&object.table)),
        }
        return;
    }
    if definition.is_none() && !schema.tables.contains_key(&object.table) {
        return;
    }
    let table = schema.tables.entry(object.table.clone()).or_default();
    match (&object.part, definition) {
        (Part::Column(name), Some(Definition::Column(column))) => {
            table.columns.insert(name.clone(), column.clone());
        }
        (Part::Index(name), Some(Definition::Index(index))) => {
            table.indexes.insert(name.clone(), index.clone());
        }
        (Part::ForeignKey(name), Some(Definition::ForeignKey(key))) => {
            table.foreign_keys.insert(name.clone(), key.clone());
        }
        (Part::Column(name), None) => {
            table.columns.shift_remove(name);
        }
        (Part::Index(name), None) => {
            table.indexes.remove(name);
        }
        (Part::ForeignKey(name), None) => {
            table.foreign_keys.remove(name);
        }
        (part, definition) => panic!("{part:?} can't be {definition:?}"),
    }
}

/// `release`, with parts as in `other`.
fn mixed(release: &str, other: &str, parts: &[&str]) -> LogicalSchema {
    let mut schema = schema_of(release);
    let other = schema_of(other).objects();
    for part in parts {
        set(&mut schema, &object(part), other.get(&object(part)));
    }
    schema
}

fn without(mut schema: LogicalSchema, parts: &[&str]) -> LogicalSchema {
    for part in parts {
        set(&mut schema, &object(part), None);
    }
    schema
}

pub(super) fn column(data_type: &str, nullable: bool, default: Option<&str>) -> Definition {
    Definition::Column(Column {
        data_type: data_type.to_owned(),
        nullable,
        default: default.map(str::to_owned),
        extra: String::new(),
    })
}

fn with(mut schema: LogicalSchema, part: &str, definition: &Definition) -> LogicalSchema {
    set(&mut schema, &object(part), Some(definition));
    schema
}

fn matches(verdict: &Verdict) -> String {
    verdict
        .matches
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(" ")
}

fn midway(from: Option<&str>, to: &str) -> Midway {
    let (from, to) = (from.map(version), version(to));
    Midway { from, to }
}

#[rstest]
#[case("2.3.0", "2.0.5 2.1.0 2.2.0 2.3.0")]
#[case("2.4.1", "2.4.0 2.4.1")]
#[case("2.5.0", "2.5.0")]
#[case("2.14.4", "2.14.0 2.14.3 2.14.4")]
#[case("2.15.0", "2.15.0 2.16.0 2.16.1")]
#[case("2.16.1", "2.15.0 2.16.0 2.16.1")]
#[case("2.17.0", "2.17.0")]
fn a_fresh_schema_matches_every_release_that_leaves_it(#[case] release: &str, #[case] releases: &str) {
    let verdict = judge(&schema_of(release), &CATALOG);
    assert_eq!(verdict.state, State::Exact);
    assert_eq!(matches(&verdict), releases);
    assert!(verdict.differences.is_empty() && verdict.causes.is_empty() && verdict.midway.is_none());
}

#[test]
fn a_database_without_tables_is_empty() {
    let verdict = judge(&LogicalSchema::default(), &CATALOG);
    assert_eq!(
        (verdict.state, verdict.matches.len(), verdict.differences.len()),
        (State::Empty, 0, 0)
    );
}

#[rstest]
#[case::born_before_2_5(
    "2.5.0",
    "run_details.WorkflowSpecManifest",
    column("longtext", false, None),
    "run_details.WorkflowSpecManifest: found longtext not null, 2.5.0 has longtext null"
)]
#[case::born_before_2_5(
    "2.14.4",
    "run_details.WorkflowSpecManifest",
    column("longtext", false, None),
    "run_details.WorkflowSpecManifest: found longtext not null, 2.14.0 has longtext null"
)]
#[case::rolled_back_to_2_14("2.16.1", "index pipelines.name_namespace_index",
    Definition::Index(Index { unique: true, columns: vec!["Name".to_owned(), "Namespace".to_owned()] }),
    "index pipelines.name_namespace_index: found unique (Name, Namespace), not in 2.15.0")]
#[case::rolled_back_to_2_14("2.17.0", "index pipelines.name_namespace_index",
    Definition::Index(Index { unique: true, columns: vec!["Name".to_owned(), "Namespace".to_owned()] }),
    "index pipelines.name_namespace_index: found unique (Name, Namespace), not in 2.17.0")]
#[case::prepared_for_rollback(
    "2.14.4",
    "pipelines.DisplayName",
    column("varchar(255)", false, Some("")),
    "pipelines.DisplayName: found varchar(255) not null default '', 2.14.0 has varchar(255) not null"
)]
fn known_leftovers_are_tolerated_and_named(
    #[case] release: &str,
    #[case] part: &str,
    #[case] left: Definition,
    #[case] difference: &str,
) {
    let verdict = judge(&with(schema_of(release), part, &left), &CATALOG);
    assert_eq!(verdict.state, State::Tolerated);
    assert!(verdict.matches.contains(&version(release)));
    assert_eq!(verdict.differences, [difference]);
    assert_eq!(verdict.causes.len(), 1);
}

#[rstest]
#[case::killed_in_the_first_column_of_run_details(
    &["run_details.Conditions", "run_details.ExperimentUUID", "run_details.Namespace", "run_details.WorkflowSpecManifest",
        "run_metrics.Name", "run_metrics.NodeID", "run_metrics.RunUUID", "tasks.RunUUID", "tasks.UUID"],
    &FOREIGN_KEYS, 12)]
#[case::killed_in_the_third_column_of_run_details(
    &["run_details.Conditions", "run_metrics.Name", "run_metrics.NodeID", "run_metrics.RunUUID", "tasks.RunUUID", "tasks.UUID"],
    &FOREIGN_KEYS, 9)]
#[case::killed_before_the_foreign_keys_are_back(&[], &FOREIGN_KEYS, 3)]
#[case::killed_and_started_again(&UNFINISHED, &[], 4)]
fn an_interrupted_upgrade_to_2_15_is_half_migrated(
    #[case] old: &[&str],
    #[case] gone: &[&str],
    #[case] count: usize,
) {
    let mut schema = without(mixed("2.15.0", "2.14.4", old), gone);
    if old.contains(&"run_details.WorkflowSpecManifest") {
        set(
            &mut schema,
            &object("run_details.WorkflowSpecManifest"),
            Some(&column("longtext", false, None)),
        );
    }
    let verdict = judge(&schema, &CATALOG);
    assert_eq!(verdict.state, State::HalfMigrated);
    assert_eq!(verdict.midway, Some(midway(Some("2.14.0"), "2.15.0")));
    assert_eq!(matches(&verdict), "2.15.0 2.16.0 2.16.1");
    assert_eq!(verdict.differences.len(), count, "{:#?}", verdict.differences);
}

#[test]
fn columns_that_no_start_ever_shrinks_are_named_with_the_cause() {
    let verdict = judge(&mixed("2.16.1", "2.14.4", &UNFINISHED), &CATALOG);
    assert_eq!(
        verdict.differences,
        [
            "run_metrics.Name: found varchar(255), 2.15.0 has varchar(191)",
            "run_metrics.NodeID: found varchar(255), 2.15.0 has varchar(191)",
            "run_metrics.RunUUID: found varchar(255), 2.15.0 has varchar(191)",
            "tasks.UUID: found varchar(255), 2.15.0 has varchar(191)",
        ]
    );
    assert_eq!(verdict.causes.len(), 1);
    assert!(
        verdict.causes[0].contains("no start of any server shrinks this column"),
        "{:?}",
        verdict.causes
    );
}

#[test]
fn unfinished_columns_are_found_behind_a_later_upgrade_too() {
    let verdict = judge(&mixed("2.17.0", "2.14.4", &UNFINISHED), &CATALOG);
    assert_eq!(
        (verdict.state, verdict.differences.len()),
        (State::HalfMigrated, 4)
    );
    assert_eq!(
        (matches(&verdict), verdict.midway),
        ("2.17.0".to_owned(), Some(midway(Some("2.14.0"), "2.17.0")))
    );
}

#[test]
fn an_upgrade_killed_early_is_told_against_the_older_release() {
    let verdict = judge(
        &without(
            schema_of("2.14.4"),
            &["index pipelines.name_namespace_index", FOREIGN_KEYS[0]],
        ),
        &CATALOG,
    );
    assert_eq!(verdict.state, State::HalfMigrated);
    assert_eq!(matches(&verdict), "2.14.0 2.14.3 2.14.4");
}

#[test]
fn a_prepared_upgrade_stands_between_its_releases() {
    let columns = [
        "run_details.UUID",
        "run_details.Namespace",
        "run_details.ExperimentUUID",
        "run_details.Conditions",
    ];
    let verdict = judge(&mixed("2.14.4", "2.15.0", &columns), &CATALOG);
    assert_eq!(
        (verdict.state, verdict.midway),
        (State::HalfMigrated, Some(midway(Some("2.14.0"), "2.15.0")))
    );
    assert_eq!(
        (matches(&verdict).as_str(), verdict.differences.len()),
        ("2.14.0 2.14.3 2.14.4", 4)
    );
}

#[test]
fn a_display_name_being_filled_is_half_migrated() {
    let schema = with(
        schema_of("2.5.0"),
        "pipelines.DisplayName",
        &column("varchar(255)", true, None),
    );
    let verdict = judge(&schema, &CATALOG);
    assert_eq!(
        (verdict.state, verdict.midway),
        (State::HalfMigrated, Some(midway(Some("2.5.0"), "2.14.0")))
    );
}

#[test]
fn the_first_tables_of_an_install_may_become_any_release_that_has_them() {
    let mut schema = schema_of("2.16.1");
    schema
        .tables
        .retain(|name, _| ["db_statuses", "default_experiments"].contains(&name.as_str()));
    let verdict = judge(&schema, &CATALOG);
    assert_eq!(
        (verdict.state, verdict.midway),
        (State::HalfMigrated, Some(midway(None, "2.15.0")))
    );
    assert_eq!(matches(&verdict), "2.15.0 2.16.0 2.16.1 2.17.0");
    assert_eq!(verdict.differences.len(), 8);
    assert!(verdict.differences.contains(&"table tasks: missing".to_owned()));
}

#[rstest]
#[case::older_servers_add_keys_after_the_tables("2.14.4", State::HalfMigrated)]
#[case::newer_ones_make_them_at_once("2.17.0", State::Foreign)]
fn a_missing_index_is_an_unfinished_install_only_where_installs_go_by_steps(
    #[case] release: &str,
    #[case] state: State,
) {
    let schema = without(schema_of(release), &["index run_details.namespace_createatinsec"]);
    assert_eq!(judge(&schema, &CATALOG).state, state);
}

#[rstest]
#[case::column(
    "tasks.Colour",
    column("int", true, None),
    "tasks.Colour: found int null, not in 2.15.0"
)]
#[case::table("wp_posts.ID", column("bigint", false, None), "table wp_posts: not in 2.15.0")]
#[case::index("index tasks.mine", Definition::Index(Index { unique: false, columns: vec!["Name".to_owned()] }),
    "index tasks.mine: found (Name), not in 2.15.0")]
#[case::type_of_no_release(
    "tasks.UUID",
    column("varchar(200)", false, None),
    "tasks.UUID: found varchar(200), 2.15.0 has varchar(191)"
)]
fn what_no_release_has_is_foreign(
    #[case] part: &str,
    #[case] definition: Definition,
    #[case] difference: &str,
) {
    let verdict = judge(&with(schema_of("2.16.1"), part, &definition), &CATALOG);
    assert_eq!(
        (verdict.state, matches(&verdict).as_str()),
        (State::Foreign, "2.15.0 2.16.0 2.16.1")
    );
    assert_eq!(verdict.differences, [difference]);
}

#[test]
fn a_database_of_something_else_is_foreign_and_near_to_nothing() {
    let verdict = judge(
        &with(
            LogicalSchema::default(),
            "wp_posts.ID",
            &column("bigint", false, None),
        ),
        &CATALOG,
    );
    assert_eq!((verdict.state, verdict.matches.len()), (State::Foreign, 0));
    assert_eq!(verdict.differences, ["table wp_posts: not in any release"]);
}

#[test]
fn every_tolerated_state_of_the_catalog_is_judged_so() {
    for release in CATALOG.schemas() {
        let objects = release.schema.objects();
        for state in &release.tolerated {
            let found = state.found.clone().unwrap_or_default();
            let definition = match (&state.object.part, objects.get(&state.object)) {
                (Part::Column(_), Some(Definition::Column(fresh))) => {
                    let default = found
                        .split_once(" default '")
                        .map(|(_, rest)| rest.trim_end_matches('\'').to_owned());
                    Definition::Column(Column {
                        nullable: !found.contains("not null"),
                        default,
                        ..fresh.clone()
                    })
                }
                (Part::Index(_), None) => {
                    let columns = found
                        .trim_start_matches("unique (")
                        .trim_end_matches(')')
                        .split(", ")
                        .map(str::to_owned);
                    Definition::Index(Index {
                        unique: found.starts_with("unique"),
                        columns: columns.collect(),
                    })
                }
                other => panic!("teach this test about {other:?}"),
            };
            assert!(
                state.explains(&state.object, Some(&definition)),
                "{definition} is not `{found}`"
            );
            let mut schema = release.schema.clone();
            set(&mut schema, &state.object, Some(&definition));
            let verdict = judge(&schema, &CATALOG);
            assert_eq!(verdict.state, State::Tolerated, "{}", state.object);
            assert!(release.releases.keys().eq(&verdict.matches), "{}", state.object);
        }
    }
}
