//! JUDGEMENT, tests: an inventory is written in bounded texts, and read again as it was.

use std::sync::Arc;

use kfp_releases::Version;
use rstest::rstest;

use super::{
    Fare, Head, Kind, Row, SHARD_BYTES, SHARDS_MAX, ShardError, Told, Why, cut, pack, read, shard_name,
};
use crate::finding::{Code, Effect};
use crate::judge::Outcome;

fn release(text: &str) -> Version {
    text.parse().unwrap()
}

fn row(kind: Kind, id: usize) -> Row {
    let told = Told {
        code: Code("KFP020".to_owned()),
        effect: Effect::RefusedAtRun,
        message: "unknown field".to_owned(),
        help: "compile it again".to_owned(),
        works_since: Some(release("2.17.0")),
        works_until: None,
    };
    let fare = Fare {
        release: release("2.16.1"),
        outcome: Outcome::RefusedAtRun,
        why: vec![Why {
            told: Arc::new(told),
            path: format!("platforms.kubernetes.executors.e{id}"),
        }],
        more: 2,
    };
    Row {
        kind,
        id: format!("00000000-0000-0000-0000-{id:012}"),
        name: format!("v{id}"),
        pipeline: "train".to_owned(),
        pipeline_id: "p1".to_owned(),
        version: String::new(),
        namespace: "team-a".to_owned(),
        experiment: String::new(),
        service_account: "runner".to_owned(),
        created: 1_800_000_000 + i64::try_from(id).unwrap(),
        newest: id.is_multiple_of(5),
        enabled: id.is_multiple_of(2),
        sdk: Some("2.17.0".to_owned()),
        unread: (id.is_multiple_of(3)).then(|| "not YAML".to_owned()),
        fares: if id.is_multiple_of(3) {
            Vec::new()
        } else {
            vec![fare]
        },
    }
}

fn head() -> Head {
    Head {
        judged_by: "digest".to_owned(),
        releases: vec![release("2.16.1"), release("2.17.0")],
        scanned: Some(1_800_000_000),
    }
}

fn packed(rows: &[Row]) -> super::Packed {
    let rows: Vec<&Row> = rows.iter().collect();
    pack(&head(), &rows)
}

#[rstest]
#[case(0)]
#[case(1)]
#[case(5_000)]
fn what_was_written_is_read_again_in_texts_of_bounded_size(#[case] count: usize) {
    let rows: Vec<Row> = (0..count).map(|id| row(Kind::PipelineVersion, id)).collect();
    let texts = packed(&rows).texts;
    assert!(texts.iter().all(|text| text.len() <= SHARD_BYTES) && texts.len().is_power_of_two());
    let (head, mut found) = read(texts.iter().map(String::as_str)).unwrap();
    assert_eq!(head, self::head());
    found.sort_by(|one, other| one.id.cmp(&other.id));
    assert_eq!(found, rows);
}

#[test]
fn the_order_of_the_rows_does_not_show_and_a_changed_row_changes_one_text() {
    let mut rows: Vec<Row> = (0..5_000).map(|id| row(Kind::PipelineVersion, id)).collect();
    let before = packed(&rows).texts;
    rows.reverse();
    assert_eq!(packed(&rows).texts, before);
    rows[17].name = "another".to_owned();
    let after = packed(&rows).texts;
    let changed = before
        .iter()
        .zip(&after)
        .filter(|(one, other)| one != other)
        .count();
    assert!(before.len() > 1 && changed == 1, "{changed} of {}", before.len());
}

#[test]
fn what_has_no_room_is_left_out_runs_first_and_the_oldest_of_them_first() {
    let mut rows: Vec<Row> = (0..2_250).map(|id| row(Kind::PipelineVersion, id)).collect();
    rows.extend((2_250..4_500).map(|id| row(Kind::Run, id)));
    for row in &mut rows {
        row.name = "n".repeat(10_000);
    }
    let packed = packed(&rows);
    assert!(packed.left_out > 0 && packed.texts.len() == SHARDS_MAX);
    let (_, found) = read(packed.texts.iter().map(String::as_str)).unwrap();
    let runs: Vec<&Row> = found.iter().filter(|row| row.kind == Kind::Run).collect();
    assert_eq!(found.len() - runs.len(), 2_250);
    assert_eq!(runs.len(), 2_250 - packed.left_out);
    let oldest = runs.iter().map(|row| row.created).min().unwrap();
    assert_eq!(
        oldest,
        1_800_000_000 + 2_250 + i64::try_from(packed.left_out).unwrap()
    );
}

#[test]
fn shards_that_do_not_belong_together_are_refused() {
    let rows: Vec<Row> = (0..5_000).map(|id| row(Kind::PipelineVersion, id)).collect();
    let texts = packed(&rows).texts;
    let lacking = texts.iter().skip(1).map(String::as_str);
    assert_eq!(read(lacking).unwrap_err(), ShardError::Mixed { index: 0 });
    let short = texts.iter().take(texts.len() - 1).map(String::as_str);
    assert!(matches!(read(short).unwrap_err(), ShardError::Mixed { .. }));
    assert!(matches!(read(["{"]).unwrap_err(), ShardError::Unreadable { .. }));
    let newer = texts[0].replacen("\"format\":1", "\"format\":2", 1);
    assert_eq!(
        read([newer.as_str()]).unwrap_err(),
        ShardError::Format { index: 0, format: 2 }
    );
}

#[rstest]
#[case("größe", 5, "größe")]
#[case("größer", 5, "größ…")]
fn a_long_text_is_cut_between_characters(
    #[case] text: &str,
    #[case] characters: usize,
    #[case] wanted: &str,
) {
    assert_eq!(cut(text, characters), wanted);
}

#[test]
fn shards_are_named_after_the_installation() {
    assert_eq!(shard_name("kfp", 3), "kfp-inventory-3");
}
