//! JUDGEMENT, proof: the tables say what the Go code says that each release is built with, field by field.

use std::collections::{BTreeMap, BTreeSet};

use kfp_releases::Version;
use strum::VariantArray;

use super::{of, version};
use crate::fields::form::{Line, Table};
use crate::fields::tables::ENUMS;
use crate::fields::{Field, Fields, Kind, Package, Scalar, Shape, WellKnown, releases};

const PROOFS: [&str; 2] = [
    include_str!("../../data/proved/pipeline-spec.yaml"),
    include_str!("../../data/proved/kubernetes.yaml"),
];

/// `message number name kind oneof` of every field and `enum number name` of every value.
type Words = BTreeSet<String>;

fn words(owner: &str, line: &Line) -> String {
    format!(
        "{owner} {} {} {:?} {:?} {:?}",
        line.number, line.name, line.kind, line.json, line.oneof
    )
}

/// What the proofs say of each release.
fn proved() -> BTreeMap<Version, Words> {
    let mut proved: BTreeMap<Version, Words> = BTreeMap::new();
    for text in PROOFS {
        let table: Table = serde_saphyr::from_str(text).unwrap();
        for (name, owner) in table.messages.iter().chain(&table.enums) {
            let whole = table
                .bits(owner.since.as_ref(), owner.until.as_ref(), u64::MAX)
                .unwrap();
            let lines = owner.fields.iter().chain(&owner.values);
            let lines = lines.map(|line| {
                let bits = table.bits(line.since.as_ref(), line.until.as_ref(), whole);
                (words(name, line), bits.unwrap())
            });
            for (word, bits) in lines.chain([(name.clone(), whole)]) {
                for (at, release) in table.versions.iter().enumerate() {
                    if bits >> at & 1 == 1 {
                        proved.entry(version(release)).or_default().insert(word.clone());
                    }
                }
            }
        }
    }
    proved
}

/// What the tables say of a release, in the same words.
fn said(fields: Fields) -> Words {
    let mut said = Words::new();
    for message in fields.messages() {
        said.insert(message.name().to_owned());
        for field in message.fields() {
            let line = Line {
                number: field.number,
                name: field.name.to_owned(),
                kind: Some(kind(field)),
                oneof: field.oneof.map(str::to_owned),
                ..Line::default()
            };
            said.insert(words(message.name(), &line));
        }
    }
    for row in ENUMS {
        let Some(one) = fields.enumeration(row.name) else {
            continue;
        };
        said.insert(row.name.to_owned());
        for value in one.values() {
            let line = Line {
                number: value.number,
                name: value.name.to_owned(),
                ..Line::default()
            };
            said.insert(words(row.name, &line));
        }
    }
    said
}

fn kind(field: &Field) -> String {
    let scalar = |scalar: Scalar| format!("{scalar:?}").to_lowercase();
    let single = match field.kind {
        Kind::Scalar(of) => scalar(of),
        Kind::Message(name) | Kind::Enum(name) => name.to_owned(),
        Kind::WellKnown(WellKnown::Status) => "google.rpc.Status".to_owned(),
        Kind::WellKnown(known) => format!("google.protobuf.{known:?}"),
    };
    match field.shape {
        Shape::Single => single,
        Shape::Repeated => format!("repeated {single}"),
        Shape::Map(key) => format!("map<{}, {single}>", scalar(key)),
    }
}

#[test]
fn every_release_parses_what_the_go_code_says_that_it_is_built_with() {
    let proved = proved();
    assert_eq!(
        proved.keys().copied().collect::<Vec<_>>(),
        releases().collect::<Vec<_>>()
    );
    for (release, proved) in proved {
        let said = said(Fields::of(release).unwrap());
        let difference: Vec<_> = said.symmetric_difference(&proved).collect();
        assert_eq!(difference, Vec::<&String>::new(), "{release}");
    }
}

#[test]
fn every_release_names_the_commit_that_its_proof_was_read_from() {
    for (package, text) in Package::VARIANTS.iter().zip(PROOFS) {
        let table: Table = serde_saphyr::from_str(text).unwrap();
        for (release, commit) in table.sources {
            let source = of(&release).source(*package);
            let named = if commit == "tag" {
                "from the same tree"
            } else {
                &commit
            };
            assert!(source.contains(named), "{release}: {source}");
            assert!(
                source.contains(&format!("kubeflow/pipelines {release},")),
                "{source}"
            );
        }
    }
}
