//! JUDGEMENT: what tasks take from others and what they are passed by their graph. No decisions here.

use std::collections::{HashMap, HashSet};

use super::{Fact, Finder, Found, below, found_at, has_default, is_optional};
use crate::judge::steps::{Steps, Task, at, field, filled};
use crate::text::{Kind, Pair, Value};

/// Most tasks on the way from an output to the step that makes it that are looked at.
const LONGEST_WAY: usize = 256;

impl<'tree> Finder<'_, 'tree> {
    /// What each input of a task comes from.
    pub(super) fn inputs(&self, task: &Task<'tree>, found: &mut Vec<Found<'tree>>) {
        for kind in [Inputs::Parameters, Inputs::Artifacts] {
            let inputs = at(task.pair.value, &["inputs", kind.field()]);
            for pair in inputs.into_iter().flat_map(|inputs| inputs.entries()) {
                let mut add = |fact| {
                    let above = format!("{}.inputs.{}", task.path(), kind.field());
                    found.push(found_at(fact, pair, below(&above, pair.key)));
                };
                self.taken(task, pair.value, kind, &mut add);
                let passed = at(pair.value, &[kind.graph_field()]).and_then(|name| name.as_str());
                if let Some(passed) = passed.filter(|passed| !passed.is_empty()) {
                    match kind {
                        Inputs::Parameters => self.passed_parameter(task, pair.key, passed, &mut add),
                        Inputs::Artifacts => self.passed_artifact(task, passed, &mut add),
                    }
                }
                if kind == Inputs::Parameters {
                    constant(task, pair, &mut add);
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
        let Some(output) = at(input, &[kind.task_field()]) else {
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
        self.collects(producer, key, kind).into_iter().for_each(&mut *add);
        if producer.shown_name() != Some(producer.pair.key) {
            add(Fact::TakesFromRenamed);
        }
        if self.same_names.contains(&task.parent) {
            add(Fact::TakesAmongSameNames);
        }
    }

    /// What is on the way from an output of a task to the step that makes it.
    fn collects(&self, producer: &Task<'tree>, key: &'tree str, kind: Inputs) -> Vec<Fact> {
        let (mut from_loop, mut under_condition, mut is_lost) = (false, false, false);
        let (mut from_renamed_loop, mut through_renamed) = (false, false);
        let mut visited = HashSet::new();
        let mut next = vec![(*producer, key)];
        while let Some((task, key)) = next.pop() {
            let Some(component) = task.component else { continue };
            if visited.len() > LONGEST_WAY || !visited.insert((component.key, task.pair.key, key)) {
                continue;
            }
            let conditional = at(task.pair.value, &["triggerPolicy", "condition"]).is_some_and(filled);
            under_condition |= from_loop && conditional;
            from_loop |= task.is_loop();
            let renamed = task.shown_name() != Some(task.pair.key);
            from_renamed_loop |= renamed && task.is_loop();
            through_renamed |= renamed && visited.len() > 1;
            if !task.is_graph() {
                let made = at(component.value, &["outputDefinitions", kind.field()]);
                is_lost |= made.and_then(|made| made.get(key)).is_none();
                continue;
            }
            let outputs = at(component.value, &["dag", "outputs", kind.field()]);
            let output = outputs.and_then(|outputs| outputs.get(key));
            let sources = output.map(|output| kind.sources(output)).unwrap_or_default();
            is_lost |= sources.is_empty();
            for (subtask, key) in sources {
                let source = self.steps.position(Some(component.key), subtask);
                let source = source.and_then(|position| self.steps.tasks.get(position));
                is_lost |= source.is_none();
                next.extend(source.map(|task| (*task, key)));
            }
        }
        [
            (from_loop, Fact::TakesFromLoop),
            (under_condition, Fact::TakesFromLoopUnderCondition),
            (from_renamed_loop, Fact::TakesFromRenamedLoop),
            (through_renamed, Fact::TakesThroughRenamed),
            (is_lost, Fact::OutputMissing),
        ]
        .into_iter()
        .filter_map(|(is_so, fact)| is_so.then_some(fact))
        .collect()
    }

    /// Parameters that the component wants and the task is not given, and what the task loops over.
    pub(super) fn looping(&self, task: &Task<'tree>, found: &mut Vec<Found<'tree>>) {
        let given = at(task.pair.value, &["inputs", "parameters"]);
        let is_given = |name: &str| given.is_some_and(|given| given.get(name).is_some());
        let iterator = field(task.pair.value, "parameterIterator");
        let text = |path: &[&str]| at(iterator?.value, path)?.as_str();
        let item = text(&["itemInput"]);
        let wanted = task
            .component
            .and_then(|component| self.wanted.get(component.key));
        let mut wanted = wanted.into_iter().flatten();
        if wanted.any(|name| item != Some(name) && !is_given(name)) {
            found.push(found_at(Fact::InputMissing, task.pair, task.path()));
        }
        let Some(iterator) = iterator else { return };
        let path = || format!("{}.parameterIterator", task.path());
        let list = text(&["items", "inputParameter"]).filter(|list| !list.is_empty());
        let raw = text(&["items", "raw"]);
        if list.is_some_and(|list| !is_given(list)) || (list.is_none() && raw.is_none()) {
            found.push(found_at(Fact::LoopItemsMissing, iterator, path()));
        }
        if list.is_none() && raw.is_some_and(|raw| !is_json_list(raw)) {
            found.push(found_at(Fact::LoopItemsNoList, iterator, path()));
        }
    }

    fn passed_parameter(
        &self,
        task: &Task<'tree>,
        name: &str,
        passed: &'tree str,
        add: &mut impl FnMut(Fact),
    ) {
        let definition = |graph: Value<'tree>| definition_of(graph, passed);
        let Some(graph) = task.parent else {
            match at(self.spec, &["root"]).and_then(definition) {
                None => add(Fact::GraphInputMissing),
                Some(input) if is_optional(input) && !has_default(input) => add(Fact::PipelineInputAbsent),
                Some(input) => {
                    let wanted = task
                        .component
                        .and_then(|component| definition_of(component.value, name));
                    let default = at(input, &["defaultValue"]).filter(|default| default.kind() != Kind::Null);
                    if let (Some(wanted), Some(default)) = (wanted, default)
                        && !takes(type_of(wanted), default.kind())
                    {
                        add(Fact::ConstantOfOtherType);
                    }
                }
            }
            return;
        };
        let reach = self.given.parameter(graph, passed);
        if reach.is_list {
            add(Fact::LoopItemsInsideLoop);
        }
        if reach.is_left_out {
            let component = self.steps.components.get(graph);
            let input = component.and_then(|component| definition(component.value));
            add(if input.is_some_and(is_optional) {
                Fact::GraphInputAbsent
            } else {
                Fact::GraphInputMissing
            });
        }
    }

    fn passed_artifact(&self, task: &Task<'tree>, passed: &'tree str, add: &mut impl FnMut(Fact)) {
        match task.parent {
            None => add(Fact::PipelineArtifact),
            Some(graph) if !self.given.has_artifact(graph, passed) => add(Fact::GraphArtifactAbsent),
            Some(_) => {}
        }
    }
}

/// The parameters that each component wants and has no default for.
pub(super) fn wanted<'tree>(steps: &Steps<'tree>) -> HashMap<&'tree str, Vec<&'tree str>> {
    let mut all = HashMap::new();
    for component in steps.tasks.iter().filter_map(|task| task.component) {
        all.entry(component.key).or_insert_with(|| {
            let definitions = at(component.value, &["inputDefinitions", "parameters"]);
            let definitions = definitions
                .into_iter()
                .flat_map(|definitions| definitions.entries());
            let wanted = definitions.filter(|input| !is_optional(input.value) && !has_default(input.value));
            wanted.map(|input| input.key).collect()
        });
    }
    all
}

/// An input that is written down.
fn constant(task: &Task<'_>, pair: Pair<'_>, add: &mut impl FnMut(Fact)) {
    let Some(runtime) = at(pair.value, &["runtimeValue"]) else {
        return;
    };
    if ["constantValue", "runtimeParameter"]
        .iter()
        .any(|form| at(runtime, &[form]).is_some())
    {
        add(Fact::ConstantUnread);
    }
    let definition = task
        .component
        .and_then(|component| definition_of(component.value, pair.key));
    let (Some(value), Some(definition)) = (at(runtime, &["constant"]), definition) else {
        return;
    };
    let wanted = type_of(definition);
    let picked = at(pair.value, &["parameterExpressionSelector"]).is_some_and(filled);
    if !picked && !takes(wanted, value.kind()) {
        add(Fact::ConstantOfOtherType);
    }
    let mut literals = at(definition, &["literals"])
        .into_iter()
        .flat_map(|literals| literals.items())
        .peekable();
    if literals.peek().is_some() && !literals.any(|literal| is_same(literal, value)) {
        add(Fact::ConstantNotNamed);
    }
}

/// What a component says of one of its parameters.
fn definition_of<'tree>(component: Value<'tree>, name: &str) -> Option<Value<'tree>> {
    at(component, &["inputDefinitions", "parameters"])?.get(name)
}

/// The type that a parameter has, by name; empty where it stands as a number.
fn type_of(definition: Value<'_>) -> Option<&str> {
    Some(at(definition, &["parameterType"])?.as_str().unwrap_or_default())
}

/// A parameter of that type takes a value of that kind. Texts take everything but nothing, as JSON.
fn takes(wanted: Option<&str>, kind: Kind) -> bool {
    match wanted {
        Some("STRING") => kind != Kind::Null,
        Some("NUMBER_DOUBLE" | "NUMBER_INTEGER") => kind == Kind::Number,
        Some("BOOLEAN") => kind == Kind::Bool,
        Some("LIST") => kind == Kind::Sequence,
        Some("STRUCT" | "TASK_FINAL_STATUS") => kind == Kind::Mapping,
        None => false,
        // Drivers make a TASK_CONFIG themselves. A number stands for a type, and what is no type at all is told where
        // fields are looked at.
        Some(_) => true,
    }
}

fn is_same(left: Value<'_>, right: Value<'_>) -> bool {
    match (left.kind(), right.kind()) {
        (Kind::Text, Kind::Text) => left.as_str() == right.as_str(),
        (Kind::Number, Kind::Number) => {
            left.as_number() == right.as_number() || left.as_f64() == right.as_f64()
        }
        (Kind::Bool, Kind::Bool) => left.as_bool() == right.as_bool(),
        // Lists and mappings are not told apart here.
        (left, right) => left == right,
    }
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

    const fn graph_field(self) -> &'static str {
        match self {
            Self::Parameters => "componentInputParameter",
            Self::Artifacts => "componentInputArtifact",
        }
    }

    const fn task_field(self) -> &'static str {
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

/// A text is a list as JSON writes it.
fn is_json_list(text: &str) -> bool {
    serde_json::from_str::<Vec<serde::de::IgnoredAny>>(text).is_ok()
}
