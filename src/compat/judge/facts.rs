//! JUDGEMENT: what is true of each task whatever the release, found by following the pipeline's graph. The rules say on which
//! releases that matters, and what happens there. No decisions here.

mod given;
mod inputs;
mod text;
mod whole;

use std::collections::{HashMap, HashSet};

use strum::{Display, EnumString};

use crate::judge::steps::{Steps, Task, at, field, filled};
use crate::judge::trail::{Step, add};
use crate::text::{Kind, Pair, Place, Value};
use given::Given;
use inputs::wanted;
use text::{Name, Texts, configs, executors};
use whole::{Graph, circular, graph_of, in_circle, metadata_differs, twice};

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
    /// Its component's graph has no task at all.
    GraphWithoutTasks,
    /// Its component's graph has exit tasks alone.
    GraphOfExitTasks,
    /// Its component's graph has a name that Argo takes for no template.
    ComponentNameInvalid,
    /// It has a name that Argo takes for no task.
    TaskNameInvalid,
    /// It waits for itself, by itself or through others.
    WaitsInCircle,
    /// It loops over a component that another loop runs too.
    LoopComponentTwice,
    /// It stands in the graph of a component and has a retry policy.
    RetryOfNested,
    /// It has no shown name.
    ShownNameMissing,
    /// The pipeline itself is no graph.
    RootIsNoGraph,
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
    /// It takes an output of a graph, made by a task in it whose shown name is not its name.
    TakesThroughRenamed,
    /// It takes what a loop collects whose shown name is not its name.
    TakesFromRenamedLoop,
    /// It takes an output in a graph where two tasks have the same shown name.
    TakesAmongSameNames,
    /// Its configuration names a volume claim by an output of a task of another graph.
    ClaimOfOtherGraph,
    /// Its configuration takes a name from an output of a task of another graph, by a field for parameters.
    NameOfOtherGraph,
    /// Its configuration takes a setting from a parameter of the pipeline that is optional and has no default.
    NameAbsent,
    /// Its configuration takes a name from a parameter that its graph does not have.
    NameNotGiven,
    /// It is passed a parameter of the pipeline that is optional, without a default, and thus absent unless a run gives it.
    PipelineInputAbsent,
    /// It is passed an optional parameter of its graph that somebody who runs the graph does not give.
    GraphInputAbsent,
    /// It is passed a parameter of its graph that nobody gives and that has no default.
    GraphInputMissing,
    /// It is passed the list that the loop around it runs over.
    LoopItemsInsideLoop,
    /// It is not given a parameter that its component wants and has no default for.
    InputMissing,
    /// It is given a constant of another type than its component wants.
    ConstantOfOtherType,
    /// It is given a constant that is none of those its component names.
    ConstantNotNamed,
    /// It is given a constant in a form that servers do not read.
    ConstantUnread,
    /// It takes an output that nobody makes.
    OutputMissing,
    /// It loops over a list that it is not given.
    LoopItemsMissing,
    /// It loops over a written list that is none.
    LoopItemsNoList,
    /// One of its texts holds a variable that Argo would have to know and does not.
    ArgoVariable,
    /// It is passed an artifact of the pipeline, which no run can give.
    PipelineArtifact,
    /// It is passed an artifact of its graph that somebody who runs the graph does not give.
    GraphArtifactAbsent,
    /// It loops over a part of what it is passed, picked by an expression.
    LoopsOverPart,
    /// Its command has a placeholder of an optional parameter that it is not given.
    PlaceholderAbsent,
    /// It is an importer whose address is neither written in it nor a parameter of its graph.
    ImporterAddressUnread,
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
    let mut all: Facts<'tree> = steps
        .tasks
        .iter()
        .enumerate()
        .map(|(at, task)| finder.of(at, task))
        .collect();
    let mut of_root = Vec::new();
    if let Some(root) = field(spec, "root").filter(|root| root.value.kind() == Kind::Mapping) {
        let path = || "root".to_owned();
        match graph_of(root.value) {
            Graph::None => of_root.push(found_at(Fact::RootIsNoGraph, root, path())),
            Graph::WithoutTasks => of_root.push(found_at(Fact::GraphWithoutTasks, root, path())),
            Graph::OfExitTasks => of_root.push(found_at(Fact::GraphOfExitTasks, root, path())),
            Graph::Filled => {}
        }
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
    /// Positions of tasks that wait for themselves.
    in_circle: HashSet<usize>,
    /// Graphs in which two tasks have the same shown name.
    same_names: HashSet<Option<&'tree str>>,
    /// Components that two loops run.
    looped_twice: HashSet<&'tree str>,
    /// Texts of executors.
    executors: HashMap<&'tree str, Texts<'tree>>,
    /// What configurations name by outputs.
    configs: HashMap<&'tree str, Vec<Name<'tree>>>,
    /// Parameters that components want and have no default for.
    wanted: HashMap<&'tree str, Vec<&'tree str>>,
}

impl<'a, 'tree> Finder<'a, 'tree> {
    fn new(spec: Value<'tree>, steps: &'a Steps<'tree>) -> Self {
        Self {
            spec,
            steps,
            given: Given::new(steps),
            executors: executors(steps),
            configs: configs(steps),
            wanted: wanted(steps),
            circular: circular(steps),
            metadata_differs: metadata_differs(steps),
            in_circle: in_circle(steps),
            same_names: twice(
                steps
                    .tasks
                    .iter()
                    .filter_map(|task| Some((task.parent, task.shown_name()?))),
            )
            .into_iter()
            .map(|(graph, _)| graph)
            .collect(),
            looped_twice: twice(
                (steps.tasks.iter().filter(|task| task.is_loop()))
                    .filter_map(|task| Some(task.component?.key)),
            ),
        }
    }

    fn of(&self, position: usize, task: &Task<'tree>) -> Vec<Found<'tree>> {
        let mut found = Vec::new();
        self.naming(position, task, &mut found);
        self.structure(task, &mut found);
        self.waiting(task, &mut found);
        self.inputs(task, &mut found);
        self.looping(task, &mut found);
        self.container(task, &mut found);
        self.names(task, &mut found);
        self.variables(task, &mut found);
        found
    }

    fn structure(&self, task: &Task<'tree>, found: &mut Vec<Found<'tree>>) {
        let Some(component) = task.component else {
            found.push(found_at(Fact::ComponentMissing, task.pair, task.path()));
            return;
        };
        if self.circular.contains(component.key) {
            found.push(found_at(Fact::ComponentInItself, task.pair, task.path()));
        }
        let component_path = || below("components", component.key);
        let label = at(component.value, &["executorLabel"]).and_then(|label| label.as_str());
        if label.is_some_and(|label| !label.is_empty()) {
            let runs = |kind: &str| {
                task.executor
                    .is_some_and(|executor| at(executor.value, &[kind]).is_some())
            };
            if !runs("container") && !runs("importer") {
                found.push(found_at(Fact::ExecutorMissing, component, component_path()));
            } else if runs("importer")
                && at(task.pair.value, &["triggerPolicy", "condition"]).is_some_and(filled)
            {
                found.push(found_at(Fact::ConditionOnImporter, task.pair, task.path()));
            }
            return;
        }
        let fact = match graph_of(component.value) {
            Graph::None => Fact::ComponentEmpty,
            Graph::WithoutTasks => Fact::GraphWithoutTasks,
            Graph::OfExitTasks => Fact::GraphOfExitTasks,
            Graph::Filled if is_argo_name(component.key, LONGEST_NAME) => return,
            Graph::Filled => Fact::ComponentNameInvalid,
        };
        found.push(found_at(fact, component, component_path()));
    }

    /// What its name, its shown name and its place say.
    fn naming(&self, position: usize, task: &Task<'tree>, found: &mut Vec<Found<'tree>>) {
        let mut add = |fact| found.push(found_at(fact, task.pair, task.path()));
        // Argo reads names in expressions, where a digit begins a number; "-driver" comes behind.
        let is_digit_first = task.pair.key.starts_with(|first: char| first.is_ascii_digit());
        if is_digit_first || !is_argo_name(task.pair.key, LONGEST_NAME - "-driver".len()) {
            add(Fact::TaskNameInvalid);
        }
        if task.parent.is_some() && at(task.pair.value, &["retryPolicy", "maxRetryCount"]).is_some_and(filled)
        {
            add(Fact::RetryOfNested);
        }
        if self.in_circle.contains(&position) {
            add(Fact::WaitsInCircle);
        }
        if task.shown_name().is_none_or(str::is_empty) {
            add(Fact::ShownNameMissing);
        }
        let is_twice = |component: Pair<'tree>| self.looped_twice.contains(component.key);
        if task.is_loop() && task.component.is_some_and(is_twice) {
            add(Fact::LoopComponentTwice);
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

/// Longest name that Argo takes.
const LONGEST_NAME: usize = 128;

/// A name that Argo takes for a template or a task.
fn is_argo_name(name: &str, longest: usize) -> bool {
    name.starts_with(|first: char| first.is_ascii_alphanumeric())
        && name.len() <= longest
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}
