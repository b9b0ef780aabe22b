//! JUDGEMENT: what holds for every pipeline: known fields are no findings, unknown ones are, the order of releases is nothing.

use std::collections::BTreeSet;

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::{corpus, judged, knowledge, read};
use crate::fields::{Fields, Kind, Message, Scalar, Shape, WellKnown};
use crate::finding::Effect;
use crate::judge::{Outcome, judge};

/// Codes of findings about fields.
const OF_FIELDS: [&str; 5] = ["KFP001", "KFP002", "KFP003", "KFP004", "KFP005"];

/// Choices that a document is made by; the same choices make the same document.
struct Choices<'bytes> {
    bytes: &'bytes [u8],
    at: usize,
}

impl Choices<'_> {
    fn of(&mut self, count: usize) -> usize {
        let byte = self
            .bytes
            .get(self.at % self.bytes.len().max(1))
            .copied()
            .unwrap_or_default();
        self.at += 1;
        // The position is mixed in, so that few bytes make no monotonous document.
        (usize::from(byte) + self.at * 7) % count.max(1)
    }
}

fn message(fields: Fields, message: Message, choices: &mut Choices<'_>, depth: usize) -> Value {
    let mut object = Map::new();
    let mut oneofs: BTreeSet<&str> = BTreeSet::new();
    for field in message.fields() {
        let taken = field.oneof.is_some_and(|oneof| oneofs.contains(oneof));
        if taken || depth == 0 || choices.of(3) != 0 {
            continue;
        }
        if let Some(oneof) = field.oneof {
            oneofs.insert(oneof);
        }
        let value = match field.shape {
            Shape::Single => single(fields, field.kind, choices, depth - 1),
            Shape::Repeated => json!([single(fields, field.kind, choices, depth - 1)]),
            Shape::Map(_) => json!({"key": single(fields, field.kind, choices, depth - 1)}),
        };
        let name = if choices.of(2) == 0 {
            field.json
        } else {
            field.name
        };
        object.insert(name.to_owned(), value);
    }
    Value::Object(object)
}

fn single(fields: Fields, kind: Kind, choices: &mut Choices<'_>, depth: usize) -> Value {
    match kind {
        Kind::Message(name) => message(fields, fields.message(name).unwrap(), choices, depth),
        Kind::Enum(name) => {
            let values: Vec<_> = fields.enumeration(name).unwrap().values().collect();
            let value = values[choices.of(values.len())];
            if choices.of(2) == 0 {
                json!(value.name)
            } else {
                json!(value.number)
            }
        }
        Kind::Scalar(Scalar::Bool) => json!(choices.of(2) == 0),
        Kind::Scalar(Scalar::String) => json!("text"),
        Kind::Scalar(Scalar::Bytes) => json!("aGk="),
        Kind::Scalar(Scalar::Double | Scalar::Float) => {
            [json!(1.5), json!("2.5"), json!(3)][choices.of(3)].clone()
        }
        Kind::Scalar(_) => [json!(7), json!("7"), json!(7.0)][choices.of(3)].clone(),
        Kind::WellKnown(WellKnown::Duration) => json!("3.5s"),
        Kind::WellKnown(WellKnown::Timestamp) => json!("2026-01-01T00:00:00Z"),
        Kind::WellKnown(WellKnown::ListValue) => json!([1, "a"]),
        Kind::WellKnown(WellKnown::Value | WellKnown::Any) => json!({"any": [1, null]}),
        Kind::WellKnown(WellKnown::Struct | WellKnown::Status) => json!({"any": "thing"}),
    }
}

/// A pipeline of fields that the release at `position` knows, all of them in use.
fn pipeline(position: usize, bytes: &[u8]) -> (Value, Value) {
    let release = knowledge().releases()[position];
    let fields = Fields::of(release).unwrap();
    let choices = &mut Choices { bytes, at: 0 };
    let part =
        |name: &str, choices: &mut Choices<'_>| message(fields, fields.message(name).unwrap(), choices, 5);
    let mut spec = part("ml_pipelines.PipelineSpec", choices);
    let mut deployment = part("ml_pipelines.PipelineDeploymentConfig", choices);
    let mut config = part("kfp_kubernetes.KubernetesExecutorConfig", choices);
    // What a field of a struct holds is read later, so it is put there by name; every executor is one that a task runs.
    let object = spec.as_object_mut().unwrap();
    for name in ["deployment_spec", "deploymentSpec", "components", "root"] {
        object.remove(name);
    }
    let task = json!({"componentRef": {"name": "c"}, "taskInfo": {"name": "t"}});
    object.insert("root".to_owned(), json!({"dag": {"tasks": {"t": task}}}));
    object.insert("components".to_owned(), json!({"c": {"executorLabel": "key"}}));
    object.insert("deploymentSpec".to_owned(), deployment.take());
    let platform =
        json!({"platforms": {"kubernetes": {"deploymentSpec": {"executors": {"key": config.take()}}}}});
    (spec, platform)
}

fn text(spec: &Value, platform: &Value) -> String {
    format!("{spec}\n---\n{platform}\n")
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn a_pipeline_of_fields_that_a_release_knows_is_never_reported_on_it(
        position in 0..knowledge().releases().len(),
        bytes in proptest::collection::vec(any::<u8>(), 1..64),
    ) {
        let (spec, platform) = pipeline(position, &bytes);
        let verdicts = judged(&text(&spec, &platform));
        let of_fields = verdicts[position].findings.iter().find(|finding| OF_FIELDS.contains(&finding.code.0.as_str()));
        prop_assert!(of_fields.is_none(), "{of_fields:?}\n{spec}\n{platform}");
    }

    #[test]
    fn an_unknown_field_is_always_reported_where_the_parser_is_strict(
        position in 0..knowledge().releases().len(),
        bytes in proptest::collection::vec(any::<u8>(), 1..64),
        pick in any::<prop::sample::Index>(),
    ) {
        let (mut spec, platform) = pipeline(position, &bytes);
        // Every message of the pipeline spec that is not read later as something else.
        let mut pointers = vec![String::new(), "/root".to_owned(), "/root/dag/tasks/t".to_owned(), "/components/c".to_owned()];
        pointers.retain(|pointer| spec.pointer(pointer).is_some_and(Value::is_object));
        let pointer = pick.get(&pointers);
        let object = spec.pointer_mut(pointer).unwrap().as_object_mut().unwrap();
        object.insert("zzUnknown".to_owned(), json!(1));
        for verdict in judged(&text(&spec, &platform)) {
            prop_assert_eq!(verdict.outcome, Outcome::RefusedAtUpload);
            let told = verdict.findings.iter().any(|finding| {
                finding.code.0 == "KFP002"
                    && finding.effect == Effect::RefusedAtUpload
                    && finding.path.ends_with("zzUnknown")
                    && finding.place.is_some()
            });
            prop_assert!(told);
        }
    }

    #[test]
    fn cut_and_changed_texts_are_judged_or_refused(
        pick in any::<prop::sample::Index>(),
        from in any::<prop::sample::Index>(),
        length in 0_usize..200,
        put in "[ -~\n]{0,12}",
    ) {
        let (_, _, text) = pick.get(corpus());
        let mut bytes = text.as_bytes().to_vec();
        let start = from.index(bytes.len());
        let end = (start + length).min(bytes.len());
        bytes.splice(start..end, put.bytes());
        if let Ok(document) = crate::document::Document::read(&bytes) {
            let verdicts = judge(&document, knowledge().releases(), knowledge());
            prop_assert_eq!(verdicts.len(), knowledge().releases().len());
        }
    }
}

#[test]
fn a_release_has_the_same_verdict_alone_as_among_others_in_any_order() {
    let known = knowledge().releases();
    let backwards: Vec<_> = known.iter().rev().copied().collect();
    for (_, name, text) in corpus().iter().step_by(11) {
        let document = read(text);
        let together = judge(&document, known, knowledge());
        let mut reversed = judge(&document, &backwards, knowledge());
        reversed.reverse();
        assert_eq!(together, reversed, "{name}");
        for (release, verdict) in known.iter().zip(&together) {
            assert_eq!(
                judge(&document, &[*release], knowledge()),
                std::slice::from_ref(verdict),
                "{name} on {release}"
            );
        }
    }
}

#[test]
fn a_text_full_of_unknown_fields_has_a_bounded_answer() {
    let fields: Map<String, Value> = (0..5_000)
        .map(|number| (format!("unknown{number}"), json!(1)))
        .collect();
    let mut spec =
        json!({"pipelineInfo": {"name": "a"}, "root": {"dag": {"tasks": {}}}, "schemaVersion": "2.1.0"});
    spec.as_object_mut().unwrap().extend(fields);
    for verdict in judged(&spec.to_string()) {
        assert!(verdict.findings.len() < 100, "{}", verdict.findings.len());
        let rest = verdict
            .findings
            .iter()
            .find(|finding| finding.message.contains("4950 more"));
        assert!(rest.is_some(), "the rest is summed up");
    }
}

#[test]
fn a_release_that_is_not_known_is_judged_as_the_nearest_older_one_and_says_so() {
    let (_, _, text) = corpus().last().unwrap();
    let releases = ["2.15.1", "2.99.0", "1.8.0", "2.15.0"].map(|release| release.parse().unwrap());
    let verdicts = judge(&read(text), &releases, knowledge());
    let notes: Vec<Option<&str>> = verdicts.iter().map(|verdict| verdict.note.as_deref()).collect();
    assert!(notes[0].unwrap().ends_with("judged as 2.15.0"));
    assert!(notes[1].unwrap().contains("newer than every release"));
    assert!(notes[2].unwrap().ends_with("judged as 2.0.5"));
    assert_eq!(notes[3], None);
}
