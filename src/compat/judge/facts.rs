//! JUDGEMENT: what is true of each task whatever the release, found by following the pipeline's graph. The rules say on which
//! releases that matters, and what happens there. No decisions here.

mod given;
mod inputs;
mod whole;

use std::collections::HashSet;

use strum::{Display, EnumString};

use crate::judge::steps::{Steps, Task, at, filled};
use crate::judge::trail::{Step, add};
use crate::text::{Kind, Pair, Place, Value};
use given::Given;
use whole::{circular, is_graph_empty, metadata_differs};

/// Something true of a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Display, EnumString)]
#[strum(serialize_all = "camelCase")]
pub(crate) enum Fact {
    /// It runs no component, or one that is not there.
    ComponentMissing,
    /// Its component has neither a graph nor an executor.
    ComponentEmpty,
    /// Its component's executor is not there, or is none that servers run.
    ExecutorMissing,
    /// Its component stands inside itself.
    ComponentInItself,
    /// Its component's graph has no task that is no exit task.
    GraphEmpty,
    /// It takes an output of a task that is not in its graph, or waits for one.
    ProducerMissing,
    /// It waits for a loop, or takes its output.
    WaitsForLoop,
    /// It takes an output of a graph that is no loop.
    TakesFromGraph,
    /// It takes outputs that a loop collects, from the loop or through graphs around it.
    TakesFromLoop,
    /// It takes outputs that a loop collects of a step that runs under a condition.
    TakesFromLoopUnderCondition,
    /// It takes an output of a task whose shown name is not its name.
    TakesFromRenamed,
    /// It is passed a parameter of the pipeline that is optional, without a default, and thus absent unless a run gives it.
    PipelineInputAbsent,
    /// It is passed an optional parameter of its graph that somebody who runs the graph does not give.
    GraphInputAbsent,
    /// It is passed a parameter of its graph that nobody gives and that has no default.
    GraphInputMissing,
    /// It is passed the list that the loop around it runs over.
    LoopItemsInsideLoop,
    /// It is passed an artifact of the pipeline, which no run can give.
    PipelineArtifact,
    /// It is passed an artifact of its graph that somebody who runs the graph does not give.
    GraphArtifactAbsent,
    /// It loops over a part of what it is passed, picked by an expression.
    LoopsOverPart,
    /// Its command has a placeholder of an optional parameter that it is not given.
    PlaceholderAbsent,
    /// It is an importer under a condition.
    ConditionOnImporter,
    /// Another task that runs a container has other pod labels or annotations than it.
    PodMetadataDiffers,
}

/// Where something is true.
#[derive(Clone, Debug)]
pub(crate) struct Found<'tree> {
    pub(crate) fact: Fact,
    pub(crate) value: Value<'tree>,
    pub(crate) place: Place,
    pub(crate) path: String,
}

/// Facts by the task's position; those of the root at the last.
pub(crate) type Facts<'tree> = Vec<Vec<Found<'tree>>>;

/// Finds the facts of every task.
pub(crate) fn facts<'tree>(spec: Value<'tree>, steps: &Steps<'tree>) -> Facts<'tree> {
    let finder = Finder::new(spec, steps);
    let mut all: Facts<'tree> = steps.tasks.iter().map(|task| finder.of(task)).collect();
    let mut of_root = Vec::new();
    if let Some(root) = crate::judge::steps::field(spec, "root")
        && is_graph_empty(root.value)
    {
        of_root.push(Found {
            fact: Fact::GraphEmpty,
            value: root.value,
            place: root.place,
            path: "root".to_owned(),
        });
    }
    all.push(of_root);
    all
}

struct Finder<'a, 'tree> {
    spec: Value<'tree>,
    steps: &'a Steps<'tree>,
    /// What the graphs of components are given.
    given: Given<'tree>,
    /// Components that stand inside themselves.
    circular: HashSet<&'tree str>,
    /// Pod metadata of containers differ.
    metadata_differs: bool,
}

impl<'a, 'tree> Finder<'a, 'tree> {
    fn new(spec: Value<'tree>, steps: &'a Steps<'tree>) -> Self {
        Self {
            spec,
            steps,
            given: Given::new(steps),
            circular: circular(steps),
            metadata_differs: metadata_differs(steps),
        }
    }

    fn of(&self, task: &Task<'tree>) -> Vec<Found<'tree>> {
        let mut found = Vec::new();
        self.structure(task, &mut found);
        self.waiting(task, &mut found);
        self.inputs(task, &mut found);
        self.container(task, &mut found);
        found
    }

    fn structure(&self, task: &Task<'tree>, found: &mut Vec<Found<'tree>>) {
        let path = task.path();
        let Some(component) = task.component else {
            found.push(found_at(Fact::ComponentMissing, task.pair, path));
            return;
        };
        if self.circular.contains(component.key) {
            found.push(found_at(Fact::ComponentInItself, task.pair, path.clone()));
        }
        let component_path = below("components", component.key);
        let label = at(component.value, &["executorLabel"]).and_then(|label| label.as_str());
        match label.filter(|label| !label.is_empty()) {
            Some(_) => {
                let runs = |kind: &str| {
                    task.executor
                        .is_some_and(|executor| at(executor.value, &[kind]).is_some())
                };
                if !runs("container") && !runs("importer") {
                    found.push(found_at(Fact::ExecutorMissing, component, component_path));
                } else if runs("importer")
                    && at(task.pair.value, &["triggerPolicy", "condition"]).is_some_and(filled)
                {
                    found.push(found_at(Fact::ConditionOnImporter, task.pair, path));
                }
            }
            None if at(component.value, &["dag"]).is_none_or(|dag| dag.kind() != Kind::Mapping) => {
                found.push(found_at(Fact::ComponentEmpty, component, component_path));
            }
            None if is_graph_empty(component.value) => {
                found.push(found_at(Fact::GraphEmpty, component, component_path));
            }
            None => {}
        }
    }

    /// What it waits for by name.
    fn waiting(&self, task: &Task<'tree>, found: &mut Vec<Found<'tree>>) {
        let waits = at(task.pair.value, &["dependentTasks"]);
        for (index, name) in waits.into_iter().flat_map(|waits| waits.items()).enumerate() {
            let Some(text) = name.as_str() else { continue };
            let path = format!("{}.dependentTasks[{index}]", task.path());
            let fact = match self.steps.beside(task, text) {
                None => Fact::ProducerMissing,
                Some(producer) if producer.is_loop() => Fact::WaitsForLoop,
                Some(_) => continue,
            };
            found.push(Found {
                fact,
                value: name,
                place: name.place(),
                path,
            });
        }
    }

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

    fn container(&self, task: &Task<'tree>, found: &mut Vec<Found<'tree>>) {
        let Some(executor) = task.executor else {
            return;
        };
        let Some(container) = at(executor.value, &["container"]) else {
            return;
        };
        if self.metadata_differs
            && let Some(config) = task.config
            && let Some(metadata) = crate::judge::steps::field(config.value, "podMetadata")
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

fn found_at(fact: Fact, pair: Pair<'_>, path: String) -> Found<'_> {
    Found {
        fact,
        value: pair.value,
        place: pair.place,
        path,
    }
}

fn below(above: &str, key: &str) -> String {
    let mut path = above.to_owned();
    add(&mut path, Step::Key(key));
    path
}

fn is_optional(input: Value<'_>) -> bool {
    at(input, &["isOptional"]).and_then(|value| value.as_bool()) == Some(true)
}

fn has_default(input: Value<'_>) -> bool {
    at(input, &["defaultValue"]).is_some_and(|value| value.kind() != Kind::Null)
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
