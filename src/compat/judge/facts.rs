//! JUDGEMENT: what is true of each task whatever the release, found by following the pipeline's graph. The rules say on which
//! releases that matters, and what happens there. No decisions here.

use std::collections::{HashMap, HashSet};

use strum::{Display, EnumString};

use crate::judge::steps::{Steps, Task, at, filled};
use crate::judge::trail::{Step, add};
use crate::text::{Kind, Pair, Place, Value};

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
    /// Component → positions of the tasks that run it.
    callers: HashMap<&'tree str, Vec<usize>>,
    /// Components that stand inside themselves.
    circular: HashSet<&'tree str>,
    /// Pod metadata of containers differ.
    metadata_differs: bool,
}

impl<'a, 'tree> Finder<'a, 'tree> {
    fn new(spec: Value<'tree>, steps: &'a Steps<'tree>) -> Self {
        let mut callers: HashMap<&str, Vec<usize>> = HashMap::new();
        for (position, task) in steps.tasks.iter().enumerate() {
            if let Some(component) = task.component {
                callers.entry(component.key).or_default().push(position);
            }
        }
        Self {
            spec,
            steps,
            callers,
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

    fn inputs(&self, task: &Task<'tree>, found: &mut Vec<Found<'tree>>) {
        for kind in [Inputs::Parameters, Inputs::Artifacts] {
            let inputs = at(task.pair.value, &["inputs", kind.field()]);
            for pair in inputs.into_iter().flat_map(|inputs| inputs.entries()) {
                let path = below(&format!("{}.inputs.{}", task.path(), kind.field()), pair.key);
                let mut add = |fact| found.push(found_at(fact, pair, path.clone()));
                self.taken(task, pair.value, kind, &mut add);
                let passed = at(pair.value, &[kind.from_graph()]).and_then(|name| name.as_str());
                if let Some(passed) = passed.filter(|passed| !passed.is_empty()) {
                    match kind {
                        Inputs::Parameters => self.passed_parameter(task, passed, &mut add),
                        Inputs::Artifacts => self.passed_artifact(task, passed, &mut add),
                    }
                }
                let over = at(task.pair.value, &["parameterIterator", "items", "inputParameter"]);
                if over.and_then(|over| over.as_str()) == Some(pair.key)
                    && at(pair.value, &["parameterExpressionSelector"]).is_some_and(filled)
                {
                    add(Fact::LoopsOverPart);
                }
            }
        }
    }

    /// An input that is the output of another task.
    fn taken(&self, task: &Task<'tree>, input: Value<'tree>, kind: Inputs, add: &mut impl FnMut(Fact)) {
        let Some(output) = at(input, &[kind.from_task()]) else {
            return;
        };
        let text = |field| {
            at(output, &[field])
                .and_then(|value| value.as_str())
                .unwrap_or("")
        };
        let (name, key) = (text("producerTask"), text(kind.output_key()));
        let Some(producer) = self.steps.beside(task, name) else {
            add(Fact::ProducerMissing);
            return;
        };
        if producer.is_loop() {
            add(Fact::WaitsForLoop);
        } else if producer.is_graph() {
            add(Fact::TakesFromGraph);
        }
        let collects = self.collects(producer, key, kind);
        if collects.from_loop {
            add(Fact::TakesFromLoop);
        }
        if collects.under_condition {
            add(Fact::TakesFromLoopUnderCondition);
        }
        let shown = at(producer.pair.value, &["taskInfo", "name"]).and_then(|name| name.as_str());
        if shown != Some(producer.pair.key) {
            add(Fact::TakesFromRenamed);
        }
    }

    /// What is on the way from an output of a task to the step that makes it.
    fn collects(&self, producer: &Task<'tree>, key: &'tree str, kind: Inputs) -> Collects {
        let mut collects = Collects::default();
        let mut visited = HashSet::new();
        let mut next = vec![(*producer, key)];
        while let Some((task, key)) = next.pop() {
            let Some(component) = task.component else { continue };
            if !visited.insert((component.key, task.pair.key, key)) {
                continue;
            }
            let conditional = at(task.pair.value, &["triggerPolicy", "condition"]).is_some_and(filled);
            collects.under_condition |= collects.from_loop && conditional;
            collects.from_loop |= task.is_loop();
            let outputs = at(component.value, &["dag", "outputs", kind.field()]);
            let Some(output) = outputs.and_then(|outputs| outputs.get(key)) else {
                continue;
            };
            for (subtask, key) in kind.sources(output) {
                if let Some(position) = self.steps.position(Some(component.key), subtask) {
                    next.extend(self.steps.tasks.get(position).map(|task| (*task, key)));
                }
            }
        }
        collects
    }

    fn passed_parameter(&self, task: &Task<'tree>, passed: &'tree str, add: &mut impl FnMut(Fact)) {
        let Some(graph) = task.parent else {
            let input = at(self.spec, &["root", "inputDefinitions", "parameters"])
                .and_then(|inputs| inputs.get(passed));
            match input {
                None => add(Fact::GraphInputMissing),
                Some(input) if is_optional(input) && !has_default(input) => add(Fact::PipelineInputAbsent),
                Some(_) => {}
            }
            return;
        };
        let component = self.steps.components.get(graph);
        let input = component
            .and_then(|component| at(component.value, &["inputDefinitions", "parameters"])?.get(passed));
        for caller in self.callers_of(graph) {
            let iterator = at(caller.pair.value, &["parameterIterator"]);
            let text = |path: &[&str]| iterator.and_then(|iterator| at(iterator, path)?.as_str());
            if text(&["itemInput"]) == Some(passed) {
                continue;
            }
            if text(&["items", "inputParameter"]) == Some(passed) {
                add(Fact::LoopItemsInsideLoop);
                continue;
            }
            let given =
                at(caller.pair.value, &["inputs", "parameters"]).and_then(|inputs| inputs.get(passed));
            match (given, input) {
                (Some(_), _) => {}
                (None, Some(input)) if is_optional(input) => add(Fact::GraphInputAbsent),
                (None, _) => add(Fact::GraphInputMissing),
            }
        }
    }

    fn passed_artifact(&self, task: &Task<'tree>, passed: &'tree str, add: &mut impl FnMut(Fact)) {
        let Some(graph) = task.parent else {
            add(Fact::PipelineArtifact);
            return;
        };
        for caller in self.callers_of(graph) {
            let given = at(caller.pair.value, &["inputs", "artifacts"]).and_then(|inputs| inputs.get(passed));
            if given.is_none() {
                add(Fact::GraphArtifactAbsent);
            }
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

    fn callers_of(&self, component: &str) -> impl Iterator<Item = &Task<'tree>> {
        let positions = self.callers.get(component).map(Vec::as_slice).unwrap_or_default();
        positions
            .iter()
            .filter_map(|position| self.steps.tasks.get(*position))
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

#[derive(Clone, Copy, Default)]
struct Collects {
    from_loop: bool,
    under_condition: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Inputs {
    Parameters,
    Artifacts,
}

impl Inputs {
    const fn field(self) -> &'static str {
        match self {
            Self::Parameters => "parameters",
            Self::Artifacts => "artifacts",
        }
    }

    const fn from_graph(self) -> &'static str {
        match self {
            Self::Parameters => "componentInputParameter",
            Self::Artifacts => "componentInputArtifact",
        }
    }

    const fn from_task(self) -> &'static str {
        match self {
            Self::Parameters => "taskOutputParameter",
            Self::Artifacts => "taskOutputArtifact",
        }
    }

    const fn output_key(self) -> &'static str {
        match self {
            Self::Parameters => "outputParameterKey",
            Self::Artifacts => "outputArtifactKey",
        }
    }

    /// The tasks of a graph that an output of it comes from, each with the output's key there.
    fn sources<'tree>(self, output: Value<'tree>) -> Vec<(&'tree str, &'tree str)> {
        let source = |from: Value<'tree>| {
            let text = |field| at(from, &[field]).and_then(|value| value.as_str());
            Some((text("producerSubtask")?, text(self.output_key())?))
        };
        let selectors = match self {
            Self::Artifacts => at(output, &["artifactSelectors"]),
            Self::Parameters => at(output, &["valueFromOneof", "parameterSelectors"]),
        };
        let one = at(output, &["valueFromParameter"]).filter(|_| self == Self::Parameters);
        let many = selectors.into_iter().flat_map(|selectors| selectors.items());
        one.into_iter().chain(many).filter_map(source).collect()
    }
}

fn found_at<'tree>(fact: Fact, pair: Pair<'tree>, path: String) -> Found<'tree> {
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

/// A graph whose tasks all wait for others to end in whatever way, or that has none.
fn is_graph_empty(component: Value<'_>) -> bool {
    let Some(dag) = at(component, &["dag"]) else {
        return false;
    };
    let strategy = |task: Value<'_>| {
        at(task, &["triggerPolicy", "strategy"]).and_then(|value| value.as_str().map(str::to_owned))
    };
    let mut tasks = at(dag, &["tasks"]).into_iter().flat_map(|tasks| tasks.entries());
    tasks.all(|task| strategy(task.value).as_deref() == Some("ALL_UPSTREAM_TASKS_COMPLETED"))
}

/// Components that stand inside themselves, at any depth.
fn circular<'tree>(steps: &Steps<'tree>) -> HashSet<&'tree str> {
    let mut inside: HashMap<&str, Vec<&'tree str>> = HashMap::new();
    for task in &steps.tasks {
        if let (Some(parent), Some(component)) = (task.parent, task.component) {
            inside.entry(parent).or_default().push(component.key);
        }
    }
    // Components without others inside, and then those with only such inside, are in no circle.
    let mut left: HashMap<&str, usize> = inside.iter().map(|(parent, all)| (*parent, all.len())).collect();
    let mut around: HashMap<&str, Vec<&'tree str>> = HashMap::new();
    for task in &steps.tasks {
        if let (Some(parent), Some(component)) = (task.parent, task.component) {
            around.entry(component.key).or_default().push(parent);
        }
    }
    let all: HashSet<&'tree str> = steps
        .tasks
        .iter()
        .filter_map(|task| Some(task.component?.key))
        .collect();
    let mut done: Vec<&'tree str> = all
        .iter()
        .copied()
        .filter(|name| !left.contains_key(name))
        .collect();
    let mut straight: HashSet<&'tree str> = done.iter().copied().collect();
    while let Some(name) = done.pop() {
        for parent in around.get(name).into_iter().flatten() {
            if let Some(count) = left.get_mut(parent) {
                *count = count.saturating_sub(1);
                if *count == 0 && straight.insert(parent) {
                    done.push(parent);
                }
            }
        }
    }
    all.into_iter().filter(|name| !straight.contains(name)).collect()
}

/// Containers of a pipeline have different pod labels or annotations.
fn metadata_differs(steps: &Steps<'_>) -> bool {
    let mut seen: Option<String> = None;
    for task in &steps.tasks {
        let container = task
            .executor
            .and_then(|executor| at(executor.value, &["container"]));
        if container.is_none() {
            continue;
        }
        let metadata = task.config.and_then(|config| at(config.value, &["podMetadata"]));
        let written = metadata.map(flat).unwrap_or_default();
        match &seen {
            Some(seen) if *seen != written => return true,
            Some(_) => {}
            None => seen = Some(written),
        }
    }
    false
}

/// Labels and annotations as one text.
fn flat(metadata: Value<'_>) -> String {
    let mut all: Vec<String> = Vec::new();
    for kind in ["labels", "annotations"] {
        for pair in at(metadata, &[kind]).into_iter().flat_map(|map| map.entries()) {
            all.push(format!(
                "{kind} {} {}",
                pair.key,
                pair.value.as_str().unwrap_or_default()
            ));
        }
    }
    all.sort();
    all.join("\n")
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
