//! JUDGEMENT: what tasks take from others and what they are passed by their graph. No decisions here.

use std::collections::HashSet;

use super::{Fact, Finder, Found, below, found_at, has_default, is_optional};
use crate::judge::steps::{Task, at, filled};
use crate::text::Value;

/// Most tasks on the way from an output to the step that makes it that are looked at.
const LONGEST_WAY: usize = 256;

impl<'tree> Finder<'_, 'tree> {
    /// What each input of a task comes from.
    pub(super) fn inputs(&self, task: &Task<'tree>, found: &mut Vec<Found<'tree>>) {
        for kind in [Inputs::Parameters, Inputs::Artifacts] {
            let inputs = at(task.pair.value, &["inputs", kind.field()]);
            for pair in inputs.into_iter().flat_map(|inputs| inputs.entries()) {
                let path = below(&format!("{}.inputs.{}", task.path(), kind.field()), pair.key);
                let mut add = |fact| found.push(found_at(fact, pair, path.clone()));
                self.taken(task, pair.value, kind, &mut add);
                let passed = at(pair.value, &[kind.graph_field()]).and_then(|name| name.as_str());
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
            if visited.len() > LONGEST_WAY || !visited.insert((component.key, task.pair.key, key)) {
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
        let definition = |graph: Value<'tree>| at(graph, &["inputDefinitions", "parameters"])?.get(passed);
        let Some(graph) = task.parent else {
            match at(self.spec, &["root"]).and_then(definition) {
                None => add(Fact::GraphInputMissing),
                Some(input) if is_optional(input) && !has_default(input) => add(Fact::PipelineInputAbsent),
                Some(_) => {}
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
