//! JUDGEMENT: the data hold together: codes are documented, rules are met by some pipeline, features work since their release.

use std::collections::{BTreeMap, BTreeSet};

use super::{corpus, judged, knowledge, read};
use crate::document::Document;
use crate::feature::features;
use crate::finding::Effect;
use crate::judge::facts::facts;
use crate::judge::releases::Releases;
use crate::judge::steps::{Steps, platform_of};
use crate::rules::Each;
use crate::rules::apply::{Subject, met};
use crate::text::Tree;

#[test]
fn every_code_is_documented_with_every_effect_that_it_can_have() {
    let knowledge = knowledge();
    let mut used: BTreeMap<String, BTreeSet<Effect>> = BTreeMap::new();
    for rule in &knowledge.rules().all {
        for case in &rule.cases {
            used.entry(rule.code.clone()).or_default().insert(case.effect);
        }
    }
    for treatment in knowledge
        .parsers()
        .all
        .iter()
        .flat_map(|parser| &parser.treatments)
    {
        for code in ["KFP001", "KFP002"] {
            used.entry(code.to_owned()).or_default().insert(treatment.unknown);
        }
        for code in ["KFP003", "KFP004"] {
            used.entry(code.to_owned())
                .or_default()
                .insert(treatment.malformed);
        }
        used.entry("KFP005".to_owned())
            .or_default()
            .insert(treatment.twice);
    }
    for (code, effects) in used {
        let meaning = knowledge
            .code(&code)
            .unwrap_or_else(|| panic!("{code} is not documented"));
        let said: BTreeSet<Effect> = meaning.effects.iter().copied().collect();
        assert_eq!(said, effects, "effects of {code}");
        let worst_first: Vec<Effect> = said.iter().rev().copied().collect();
        assert_eq!(meaning.effects, worst_first, "effects of {code}, worst first");
    }
}

#[test]
fn what_no_data_say_is_documented_too() {
    let used = [
        ("KFP006", vec![Effect::RefusedAtUpload, Effect::Dropped]),
        ("KFP016", vec![Effect::RefusedAtUpload]),
        ("KFP090", vec![Effect::Note]),
    ];
    for (code, effects) in used {
        assert_eq!(knowledge().code(code).unwrap().effects, effects, "{code}");
    }
}

#[test]
fn codes_stand_once_and_in_order() {
    let codes: Vec<&String> = knowledge()
        .codes()
        .iter()
        .map(|meaning| &meaning.code.0)
        .collect();
    assert!(codes.is_sorted_by(|left, right| left < right), "{codes:?}");
}

#[test]
fn every_backend_of_the_catalog_is_known() {
    let catalog = kfp_releases::Catalog::builtin().unwrap();
    for release in catalog
        .releases()
        .filter(|release| release.dependencies.is_some())
    {
        assert!(
            knowledge().releases().contains(&release.version),
            "{} is not known",
            release.version
        );
    }
}

#[test]
fn every_rule_is_met_by_a_compiled_pipeline_or_by_a_case() {
    let mut unmet: BTreeSet<&str> = knowledge()
        .rules()
        .all
        .iter()
        .map(|rule| rule.name.as_str())
        .collect();
    let texts = corpus()
        .iter()
        .map(|(_, _, text)| text.clone())
        .chain(super::cases::texts());
    for text in texts {
        for name in rules_met_by(&read(&text)) {
            unmet.remove(name);
        }
    }
    assert!(unmet.is_empty(), "no pipeline meets {unmet:?}");
}

fn rules_met_by(document: &Document) -> Vec<&'static str> {
    let (spec, root, others, each) = match document {
        Document::Pipeline(pipeline) => (
            pipeline.spec.root(),
            pipeline.platform.as_ref().map(Tree::root),
            pipeline.others.as_slice(),
            [Each::Pipeline, Each::Step],
        ),
        Document::Workflow(workflow) => (workflow.spec.root(), None, [].as_slice(), [Each::Workflow; 2]),
    };
    let platform = platform_of(root);
    let steps = Steps::new(spec, platform);
    let facts = facts(spec, &steps);
    let subject = Subject {
        spec,
        platform,
        steps: &steps,
        facts: &facts,
        sdk: None,
        without_platform: Releases::NONE,
    };
    let mut names = met(&each, subject, knowledge());
    if let Some(spec) = root {
        names.extend(met(&[Each::Platform], Subject { spec, ..subject }, knowledge()));
    }
    for other in others {
        let spec = other.root();
        names.extend(met(&[Each::Other], Subject { spec, ..subject }, knowledge()));
    }
    names
}

#[test]
fn a_feature_is_recognised_in_the_corpus_and_is_taken_by_the_release_it_works_since() {
    let knowledge = knowledge();
    let mut unseen: BTreeSet<&str> = knowledge
        .features()
        .iter()
        .map(|known| known.name.as_str())
        .collect();
    for (sdk, name, text) in corpus() {
        let document = read(text);
        let used = features(&document, knowledge);
        let newest = used.iter().map(|feature| feature.since).max();
        for feature in &used {
            unseen.remove(feature.name.as_str());
        }
        for verdict in judged(text) {
            let runs = verdict.outcome <= crate::judge::Outcome::RunsWithWarnings;
            let old = newest.is_some_and(|newest| verdict.release < newest);
            assert!(
                !runs || !old || verdict.outcome != crate::judge::Outcome::Runs,
                "{name} of {sdk} runs on {} without a word, but uses {used:?}",
                verdict.release
            );
        }
    }
    for text in super::cases::texts() {
        for feature in features(&read(&text), knowledge) {
            unseen.remove(feature.name.as_str());
        }
    }
    assert!(unseen.is_empty(), "no pipeline has {unseen:?}");
}
