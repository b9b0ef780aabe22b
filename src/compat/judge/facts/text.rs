//! JUDGEMENT: what stands in the texts of a task and of its container: placeholders and variables. No decisions here.

use super::{Fact, Finder, Found, below, found_at, has_default, is_optional};
use crate::judge::steps::{Task, at, field};
use crate::judge::trail::{Step, TOP, Trail, written};
use crate::text::{Kind, Value};

impl<'tree> Finder<'_, 'tree> {
    /// A task is given a parameter, unless it is one that the pipeline itself may be without.
    fn is_given(&self, task: &Task<'tree>, given: Option<Value<'tree>>, name: &str) -> bool {
        let Some(input) = given.and_then(|given| given.get(name)) else {
            return false;
        };
        let passed = at(input, &["componentInputParameter"]).and_then(|passed| passed.as_str());
        let (Some(passed), None) = (passed, task.parent) else {
            return true;
        };
        let of_root = at(self.spec, &["root", "inputDefinitions", "parameters"]);
        let of_root = of_root.and_then(|inputs| inputs.get(passed));
        !of_root.is_some_and(|input| is_optional(input) && !has_default(input))
    }

    /// Names in the configuration of an executor that are outputs of tasks: drivers look for those in the task's own graph.
    pub(super) fn names(&self, task: &Task<'tree>, found: &mut Vec<Found<'tree>>) {
        let Some(config) = task.config else { return };
        let above = below("platforms.kubernetes.deploymentSpec.executors", config.key);
        let is_elsewhere = |output: Value<'tree>| {
            let producer = at(output, &["producerTask"]).and_then(|producer| producer.as_str());
            producer.is_some_and(|producer| self.steps.beside(task, producer).is_none())
        };
        for setting in config.value.entries() {
            let items = setting.value.items().chain(std::iter::once(setting.value));
            for item in items.filter(|item| item.kind() == Kind::Mapping) {
                let path = || below(&above, setting.key);
                if let Some(output) = field(item, OLD_NAME).filter(|output| is_elsewhere(output.value)) {
                    found.push(found_at(Fact::ClaimOfOtherGraph, output, path()));
                }
                for pair in item.entries() {
                    let by_parameter = field(pair.value, OLD_NAME);
                    if let Some(output) = by_parameter.filter(|output| is_elsewhere(output.value)) {
                        found.push(found_at(Fact::NameOfOtherGraph, output, path()));
                    }
                }
            }
        }
    }

    /// What the container of a task says.
    pub(super) fn container(&self, task: &Task<'tree>, found: &mut Vec<Found<'tree>>) {
        let Some(executor) = task.executor else {
            return;
        };
        let address = at(executor.value, &["importer", "artifactUri", "runtimeParameter"]);
        if let Some(name) = address.and_then(|address| address.as_str()) {
            let input = at(task.pair.value, &["inputs", "parameters"]).and_then(|inputs| inputs.get(name));
            if input.is_none_or(|input| at(input, &["componentInputParameter"]).is_none()) {
                found.push(found_at(Fact::ImporterAddressUnread, task.pair, task.path()));
            }
        }
        let Some(container) = at(executor.value, &["container"]) else {
            return;
        };
        if self.metadata_differs
            && let Some(config) = task.config
            && let Some(metadata) = field(config.value, "podMetadata")
        {
            let path = below("platforms.kubernetes.deploymentSpec.executors", config.key);
            found.push(found_at(
                Fact::PodMetadataDiffers,
                metadata,
                format!("{path}.podMetadata"),
            ));
        }
        let given = at(task.pair.value, &["inputs", "parameters"]);
        let item = at(task.pair.value, &["parameterIterator", "itemInput"]).and_then(|item| item.as_str());
        for field in ["command", "args"] {
            let words = at(container, &[field]);
            for (index, word) in words.into_iter().flat_map(|words| words.items()).enumerate() {
                let Some(text) = word.as_str() else { continue };
                let absent = |name: &str| item != Some(name) && !self.is_given(task, given, name);
                if placeholders(text, &absent) {
                    let path = below("deploymentSpec.executors", executor.key);
                    let path = format!("{path}.container.{field}[{index}]");
                    found.push(Found {
                        fact: Fact::PlaceholderAbsent,
                        value: word,
                        place: word.place(),
                        path,
                    });
                }
            }
        }
    }
}

/// Variables of Argo in the task and in the container's words, which stand in the compiled workflow.
pub(super) fn variables<'tree>(task: &Task<'tree>, found: &mut Vec<Found<'tree>>) {
    let mut look = |value: Value<'tree>, above: &str| {
        if let Some((value, path)) = first_variable(value) {
            let path = if path.is_empty() {
                above.to_owned()
            } else {
                format!("{above}.{path}")
            };
            found.push(Found {
                fact: Fact::ArgoVariable,
                value,
                place: value.place(),
                path,
            });
        }
    };
    look(task.pair.value, &task.path());
    if let Some(executor) = task.executor {
        look(executor.value, &below("deploymentSpec.executors", executor.key));
    }
}

/// Fields of a configuration that name something by an output, as of old. Source: kfp_kubernetes.PvcMount and DeletePvc.
const OLD_NAME: &str = "taskOutputParameter";

/// The first text below a value that holds a variable which Argo does not know, and its path from there.
fn first_variable(value: Value<'_>) -> Option<(Value<'_>, String)> {
    let mut trail = Trail::new();
    let mut stack = vec![(value, TOP)];
    while let Some((value, mark)) = stack.pop() {
        match value.kind() {
            Kind::Text if value.as_str().is_some_and(has_unknown_variable) => {
                return Some((value, written(&trail.steps(mark))));
            }
            Kind::Mapping => {
                for pair in value.entries() {
                    stack.push((pair.value, trail.step(mark, Step::Key(pair.key))));
                }
            }
            Kind::Sequence => {
                for (index, item) in value.items().enumerate() {
                    stack.push((item, trail.step(mark, Step::Index(index))));
                }
            }
            Kind::Null | Kind::Bool | Kind::Number | Kind::Text => {}
        }
    }
    None
}

/// Variables of a workflow that Argo knows everywhere. Source: argoproj/argo-workflows, docs/variables.md.
const KNOWN_OF_WORKFLOW: [&str; 14] = [
    "name",
    "namespace",
    "mainEntrypoint",
    "serviceAccountName",
    "uid",
    "priority",
    "duration",
    "status",
    "failures",
    "creationTimestamp",
    "scheduledTime",
    "labels",
    "annotations",
    "parameters",
];

/// A text holds `{{workflow.…}}` of a name that Argo does not know, which Argo refuses to leave as it is.
fn has_unknown_variable(text: &str) -> bool {
    text.split("{{workflow.").skip(1).any(|rest| {
        let Some((name, _)) = rest.split_once("}}") else {
            return false;
        };
        let first = name.split('.').next().unwrap_or_default().trim();
        !KNOWN_OF_WORKFLOW.contains(&first)
    })
}

/// The text has a placeholder of a parameter that is absent, outside of what is only there if a parameter is.
fn placeholders(text: &str, absent: &impl Fn(&str) -> bool) -> bool {
    const OPEN: &str = "{{$.inputs.parameters['";
    if text.contains("$.outputs") || text.trim_start().starts_with("{\"IfPresent\":") {
        return false;
    }
    text.split(OPEN).skip(1).any(|rest| {
        let name = rest.split_once("']}}").map(|(name, _)| name);
        name.is_some_and(absent)
    })
}
