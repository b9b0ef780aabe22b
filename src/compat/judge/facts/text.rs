//! JUDGEMENT: what stands in the texts of a task, of its container and of its configuration. No decisions here.

use std::collections::HashMap;

use super::{Fact, Finder, Found, below, found_at, has_default, is_optional};
use crate::judge::steps::{Steps, Task, at, field};
use crate::judge::trail::{Step, TOP, Trail, written};
use crate::text::{Kind, Pair, Value};

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
        !self.is_optional_of_pipeline(passed)
    }

    /// The pipeline has such a parameter, which is optional and has no default.
    fn is_optional_of_pipeline(&self, name: &str) -> bool {
        let inputs = at(self.spec, &["root", "inputDefinitions", "parameters"]);
        let input = inputs.and_then(|inputs| inputs.get(name));
        input.is_some_and(|input| is_optional(input) && !has_default(input))
    }

    /// Names in the configuration of an executor that are outputs or inputs: drivers look for those in the task's own graph.
    pub(super) fn names(&self, task: &Task<'tree>, found: &mut Vec<Found<'tree>>) {
        let names = task.config.and_then(|config| self.configs.get(config.key));
        for name in names.into_iter().flatten() {
            let is_absent = match name.from {
                From::Output(producer) | From::OldOutput(producer) => {
                    self.steps.beside(task, producer).is_none()
                }
                From::Input(input) => self.is_absent(task, input),
            };
            if let (From::Input(input), false) = (name.from, is_absent)
                && task.parent.is_none()
                && self.is_optional_of_pipeline(input)
            {
                found.push(found_at(Fact::NameAbsent, name.pair, name.path.clone()));
            }
            if is_absent {
                found.push(found_at(name.from.fact(), name.pair, name.path.clone()));
            }
        }
    }

    /// The graph that a task stands in does not have the parameter.
    fn is_absent(&self, task: &Task<'tree>, name: &str) -> bool {
        let graph = match task.parent {
            None => at(self.spec, &["root"]),
            Some(parent) => self.steps.components.get(parent).map(|component| component.value),
        };
        let definitions = graph.and_then(|graph| at(graph, &["inputDefinitions", "parameters"]));
        match (
            definitions.and_then(|definitions| definitions.get(name)),
            task.parent,
        ) {
            (None, _) => true,
            // Newer releases fill in what is optional.
            (Some(_), None) => false,
            (Some(input), Some(parent)) => {
                !is_optional(input) && self.given.parameter(parent, name).is_left_out
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
        if at(executor.value, &["container"]).is_none() {
            return;
        }
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
        let words = self
            .executors
            .get(executor.key)
            .map(|texts| texts.words.as_slice());
        for word in words.unwrap_or_default() {
            if item != Some(word.name) && !self.is_given(task, given, word.name) {
                found.push(Found {
                    fact: Fact::PlaceholderAbsent,
                    value: word.value,
                    place: word.value.place(),
                    path: word.path.clone(),
                });
                break;
            }
        }
    }

    /// Variables of Argo in the task and in its executor's texts, which stand in the compiled workflow.
    pub(super) fn variables(&self, task: &Task<'tree>, found: &mut Vec<Found<'tree>>) {
        let of_task = first_variable(task.pair.value, || task.path());
        let executor = task
            .executor
            .and_then(|executor| self.executors.get(executor.key));
        let of_executor = executor.and_then(|texts| texts.variable.clone());
        found.extend(of_task.into_iter().chain(of_executor));
    }
}

/// What stands in the texts of an executor; looked at once, however many tasks run it.
#[derive(Debug)]
pub(super) struct Texts<'tree> {
    /// Placeholders of parameters in its command and arguments.
    words: Vec<Word<'tree>>,
    variable: Option<Found<'tree>>,
}

/// A placeholder in a container's words.
#[derive(Debug)]
struct Word<'tree> {
    name: &'tree str,
    value: Value<'tree>,
    path: String,
}

/// Something that a configuration names by an output or an input.
#[derive(Debug)]
pub(super) struct Name<'tree> {
    from: From<'tree>,
    pair: Pair<'tree>,
    path: String,
}

/// What a name comes from.
#[derive(Clone, Copy, Debug)]
enum From<'tree> {
    /// The output of a task, in the form of old.
    OldOutput(&'tree str),
    /// The output of a task.
    Output(&'tree str),
    /// A parameter of the graph.
    Input(&'tree str),
}

impl From<'_> {
    const fn fact(self) -> Fact {
        match self {
            Self::OldOutput(_) => Fact::ClaimOfOtherGraph,
            Self::Output(_) => Fact::NameOfOtherGraph,
            Self::Input(_) => Fact::NameNotGiven,
        }
    }
}

/// Most placeholders of an executor, and most names of a configuration, that each task is held against.
const MOST_OF_AN_EXECUTOR: usize = 256;

/// The texts of every executor that a task runs.
pub(super) fn executors<'tree>(steps: &Steps<'tree>) -> HashMap<&'tree str, Texts<'tree>> {
    let mut all = HashMap::new();
    for executor in steps.tasks.iter().filter_map(|task| task.executor) {
        all.entry(executor.key).or_insert_with(|| {
            let above = below("deploymentSpec.executors", executor.key);
            Texts {
                words: words(executor.value, &above),
                variable: first_variable(executor.value, || above.clone()),
            }
        });
    }
    all
}

fn words<'tree>(executor: Value<'tree>, above: &str) -> Vec<Word<'tree>> {
    let mut all = Vec::new();
    for field in ["command", "args"] {
        let words = at(executor, &["container", field]);
        for (index, value) in words.into_iter().flat_map(|words| words.items()).enumerate() {
            for name in value.as_str().into_iter().flat_map(placeholders) {
                if all.len() == MOST_OF_AN_EXECUTOR {
                    return all;
                }
                let path = format!("{above}.container.{field}[{index}]");
                all.push(Word { name, value, path });
            }
        }
    }
    all
}

/// What each configuration that a task has names by outputs.
pub(super) fn configs<'tree>(steps: &Steps<'tree>) -> HashMap<&'tree str, Vec<Name<'tree>>> {
    let mut all = HashMap::new();
    for config in steps.tasks.iter().filter_map(|task| task.config) {
        all.entry(config.key).or_insert_with(|| names(config));
    }
    all
}

fn names(config: Pair<'_>) -> Vec<Name<'_>> {
    fn producer(output: Pair<'_>) -> Option<&str> {
        at(output.value, &["producerTask"])?.as_str()
    }
    let above = below("platforms.kubernetes.deploymentSpec.executors", config.key);
    let mut all = Vec::new();
    for setting in config.value.entries() {
        let items = setting.value.items().chain(std::iter::once(setting.value));
        for item in items.filter(|item| item.kind() == Kind::Mapping) {
            let of_old = field(item, OUTPUT).and_then(|pair| Some((From::OldOutput(producer(pair)?), pair)));
            let by_parameter = item.entries().filter_map(|pair| {
                let output = field(pair.value, OUTPUT).and_then(producer).map(From::Output);
                let input = || at(pair.value, &[INPUT])?.as_str().map(From::Input);
                Some((output.or_else(input)?, pair))
            });
            for (from, pair) in of_old.into_iter().chain(by_parameter) {
                if all.len() < MOST_OF_AN_EXECUTOR {
                    let path = below(&above, setting.key);
                    all.push(Name { from, pair, path });
                }
            }
        }
    }
    all
}

/// Field of a configuration that names something by a parameter.
const INPUT: &str = "componentInputParameter";

/// Field of a configuration that names something by an output.
const OUTPUT: &str = "taskOutputParameter";

/// Most values below one that are looked at for variables: aliases can make more of them than there are.
const MOST_LOOKED_AT: usize = 100_000;

/// The first text below a value that holds a variable which Argo does not know.
fn first_variable(value: Value<'_>, above: impl Fn() -> String) -> Option<Found<'_>> {
    let mut trail = Trail::new();
    let mut stack = vec![(value, TOP)];
    for _ in 0..MOST_LOOKED_AT {
        let (value, mark) = stack.pop()?;
        match value.kind() {
            Kind::Text if value.as_str().is_some_and(has_unknown_variable) => {
                let below = written(&trail.steps(mark));
                let dot = if below.is_empty() || below.starts_with('[') {
                    ""
                } else {
                    "."
                };
                return Some(Found {
                    fact: Fact::ArgoVariable,
                    value,
                    place: value.place(),
                    path: format!("{}{dot}{below}", above()),
                });
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

/// Names of the parameters whose placeholders a text has, outside of what is only there if a parameter is.
fn placeholders(text: &str) -> impl Iterator<Item = &str> {
    const OPEN: &str = "{{$.inputs.parameters['";
    let is_skipped = text.contains("$.outputs") || text.trim_start().starts_with("{\"IfPresent\":");
    let parts = text.split(OPEN).skip(if is_skipped { usize::MAX } else { 1 });
    parts.filter_map(|rest| rest.split_once("']}}").map(|(name, _)| name))
}
