//! JUDGEMENT: rules against a pipeline. Every rule is asked at each place it is about; what holds is reported once a place.

use std::collections::HashSet;

use super::condition::Condition;
use super::path::{Ground, Spot};
use super::{Each, Rule};
use crate::judge::facts::Facts;
use crate::judge::releases::Releases;
use crate::judge::report::{Raw, Report};
use crate::judge::steps::Steps;
use crate::knowledge::Knowledge;
use crate::sdk::SdkVersion;
use crate::text::Value;

/// A document that rules are held against.
#[derive(Clone, Copy)]
pub(crate) struct Subject<'a, 'tree> {
    pub(crate) spec: Value<'tree>,
    pub(crate) platform: Option<Value<'tree>>,
    pub(crate) steps: &'a Steps<'tree>,
    /// By position of the task; those of the root at the last.
    pub(crate) facts: &'a Facts<'tree>,
    pub(crate) sdk: Option<&'a SdkVersion>,
    /// Releases on which the platform spec is dropped as a whole.
    pub(crate) without_platform: Releases,
}

/// Reports what the rules that look at one of `each` say of a document on `releases`.
pub(crate) fn apply<'data>(
    each: &[Each],
    subject: Subject<'_, '_>,
    knowledge: &'data Knowledge,
    releases: Releases,
    report: &mut Report<'data>,
) {
    for rule in knowledge
        .rules()
        .all
        .iter()
        .filter(|rule| each.contains(&rule.each))
    {
        let on = rule
            .cases
            .iter()
            .fold(Releases::NONE, |all, case| all.or(case.releases));
        if on.and(releases).is_empty() || !rule.is_about(subject.sdk) {
            continue;
        }
        let ground = Ground {
            spec: subject.spec,
            platform: subject.platform,
            steps: subject.steps,
            task: None,
            facts: subject.facts.last().map(Vec::as_slice).unwrap_or_default(),
        };
        match rule.each {
            Each::Pipeline | Each::Workflow | Each::Platform | Each::Other => {
                if let Some(spot) = holds(rule, ground) {
                    add(rule, &spot, None, subject, releases, report);
                }
            }
            Each::Step => steps(rule, subject, ground, releases, report),
        }
    }
}

/// Asks a rule of each task. What holds for all tasks of a component, or for all tasks, is asked once.
fn steps<'data>(
    rule: &'data Rule,
    subject: Subject<'_, '_>,
    ground: Ground<'_, '_>,
    releases: Releases,
    report: &mut Report<'data>,
) {
    let mut global = rule.when.iter().filter(|condition| condition.is_global());
    if global.any(|condition| condition.holds(ground).is_none()) {
        return;
    }
    let is_shared = rule.when.iter().chain(&rule.unless).all(Condition::is_shared);
    let mut asked = HashSet::new();
    let mut told = HashSet::new();
    for (task, facts) in subject.steps.tasks.iter().zip(subject.facts) {
        let component = task.component.map(|component| component.key);
        if is_shared && !asked.insert(component) {
            continue;
        }
        let ground = Ground {
            task: Some(task),
            facts,
            ..ground
        };
        if let Some(spot) = holds(rule, ground)
            && told.insert(spot.path.clone())
        {
            add(rule, &spot, Some(task.pair.key), subject, releases, report);
        }
    }
}

/// Names of the rules that look at one of `each` and hold somewhere.
#[cfg(test)]
pub(crate) fn met<'data>(
    each: &[Each],
    subject: Subject<'_, '_>,
    knowledge: &'data Knowledge,
) -> Vec<&'data str> {
    let ground = |task, facts| Ground {
        spec: subject.spec,
        platform: subject.platform,
        steps: subject.steps,
        task,
        facts,
    };
    let of_root = subject.facts.last().map(Vec::as_slice).unwrap_or_default();
    let holds_somewhere = |rule: &&Rule| {
        if rule.each == Each::Step {
            let mut tasks = subject.steps.tasks.iter().zip(subject.facts);
            tasks.any(|(task, facts)| holds(rule, ground(Some(task), facts)).is_some())
        } else {
            holds(rule, ground(None, of_root)).is_some()
        }
    };
    let rules = knowledge
        .rules()
        .all
        .iter()
        .filter(|rule| each.contains(&rule.each));
    rules
        .filter(holds_somewhere)
        .map(|rule| rule.name.as_str())
        .collect()
}

/// Where a rule holds, if it does.
fn holds<'tree>(rule: &Rule, ground: Ground<'_, 'tree>) -> Option<Spot<'tree>> {
    let mut first = None;
    for condition in &rule.when {
        // Of a step, what holds for all of them was asked before.
        if ground.task.is_some() && condition.is_global() {
            continue;
        }
        let spot = condition.holds(ground)?;
        first.get_or_insert(spot);
    }
    if rule
        .unless
        .iter()
        .any(|condition| condition.holds(ground).is_some())
    {
        return None;
    }
    let named = rule
        .place
        .as_ref()
        .and_then(|place| place.first(ground, |_| true));
    named.or(first).or_else(|| {
        Some(Spot {
            value: ground.spec,
            place: ground.spec.place(),
            path: String::new(),
        })
    })
}

fn add<'data>(
    rule: &'data Rule,
    spot: &Spot<'_>,
    task: Option<&str>,
    subject: Subject<'_, '_>,
    releases: Releases,
    report: &mut Report<'data>,
) {
    for case in &rule.cases {
        let mut on = releases.and(case.releases);
        if spot.path.starts_with("platforms.") {
            on = on.without(subject.without_platform);
        }
        let room = report.room(&rule.code, case.effect, on);
        if !room.is_empty() {
            report.add(Raw {
                code: &rule.code,
                effect: case.effect,
                releases: room,
                works: rule.works,
                path: spot.path.clone(),
                task: task.map(str::to_owned),
                place: Some(spot.place),
                message: words(&case.says, spot),
                help: rule.help.clone(),
            });
        }
    }
}

/// The sentence, with `{value}` as what stands there.
fn words(says: &str, spot: &Spot<'_>) -> String {
    if !says.contains("{value}") {
        return says.to_owned();
    }
    let value = spot.value.as_str().unwrap_or("something else");
    says.replace("{value}", &crate::judge::says::short(value))
}
