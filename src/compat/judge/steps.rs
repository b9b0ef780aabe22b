//! JUDGEMENT: what a pipeline runs: its tasks, each with its component, its executor and the executor's configuration.
//! Reads the shape of a pipeline; judges nothing.

use std::collections::{HashMap, HashSet};

use crate::judge::trail::{Step, add};
use crate::knowledge::PLATFORM;
use crate::text::{Kind, Pair, Value};

/// A task of a pipeline.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Task<'tree> {
    /// Component whose graph it stands in; none: the root.
    pub(crate) parent: Option<&'tree str>,
    /// Its name and itself.
    pub(crate) pair: Pair<'tree>,
    /// Component that it runs, by name, if there is such a component.
    pub(crate) component: Option<Pair<'tree>>,
    /// Executor of that component, if there is one.
    pub(crate) executor: Option<Pair<'tree>>,
    /// What the platform spec says of that executor.
    pub(crate) config: Option<Pair<'tree>>,
}

/// What a pipeline runs.
#[derive(Debug, Default)]
pub(crate) struct Steps<'tree> {
    /// Tasks of the root and of every component that is reached from it, in that order.
    pub(crate) tasks: Vec<Task<'tree>>,
    /// Components by name.
    pub(crate) components: HashMap<&'tree str, Pair<'tree>>,
    /// Executor → first task that runs it.
    executors: HashMap<&'tree str, &'tree str>,
    /// Executor → image of its container.
    images: HashMap<&'tree str, &'tree str>,
    /// Component → first task that runs it.
    component_tasks: HashMap<&'tree str, &'tree str>,
    /// (graph, task) → position.
    positions: HashMap<(Option<&'tree str>, &'tree str), usize>,
}

impl<'tree> Task<'tree> {
    /// It runs its component once for each item of a list.
    pub(crate) fn is_loop(&self) -> bool {
        ["parameterIterator", "artifactIterator"].iter().any(|iterator| {
            at(self.pair.value, &[iterator]).is_some_and(|value| value.kind() == Kind::Mapping)
        })
    }

    /// Its component is a graph.
    pub(crate) fn is_graph(&self) -> bool {
        let dag = self.component.and_then(|component| at(component.value, &["dag"]));
        dag.is_some_and(|dag| dag.kind() == Kind::Mapping)
    }

    /// Its shown name: `taskInfo.name`.
    pub(crate) fn shown_name(&self) -> Option<&'tree str> {
        at(self.pair.value, &["taskInfo", "name"])?.as_str()
    }

    /// Its path in the document.
    pub(crate) fn path(&self) -> String {
        let mut path = String::new();
        match self.parent {
            Some(parent) => {
                add(&mut path, Step::Key("components"));
                add(&mut path, Step::Key(parent));
            }
            None => add(&mut path, Step::Key("root")),
        }
        for key in ["dag", "tasks", self.pair.key] {
            add(&mut path, Step::Key(key));
        }
        path
    }
}

/// Whose a place of the document is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Owner<'tree> {
    /// A task's.
    Task(&'tree str),
    /// An executor's or a component's that no task runs.
    Idle,
    /// The pipeline's.
    Pipeline,
}

impl<'tree> Owner<'tree> {
    pub(crate) const fn task(self) -> Option<&'tree str> {
        match self {
            Self::Task(name) => Some(name),
            Self::Idle | Self::Pipeline => None,
        }
    }

    pub(crate) fn is_idle(self) -> bool {
        self == Self::Idle
    }
}

/// The entry of a mapping under a field's name, in either spelling.
pub(crate) fn field<'tree>(value: Value<'tree>, json: &str) -> Option<Pair<'tree>> {
    value.entries().filter(|pair| is_name(pair.key, json)).last()
}

/// A key is the field of this JSON name, in either spelling.
pub(crate) fn is_name(key: &str, json: &str) -> bool {
    if key == json {
        return true;
    }
    let mut written = key.chars();
    let same = json.chars().all(|wanted| {
        if wanted.is_ascii_uppercase() {
            written.next() == Some('_') && written.next() == Some(wanted.to_ascii_lowercase())
        } else {
            written.next() == Some(wanted)
        }
    });
    same && written.next().is_none()
}

/// The value at a path of fields.
pub(crate) fn at<'tree>(value: Value<'tree>, path: &[&str]) -> Option<Value<'tree>> {
    path.iter()
        .try_fold(value, |value, json| field(value, json).map(|pair| pair.value))
}

/// What a platform spec says of the platform that servers read.
pub(crate) fn platform_of(root: Option<Value<'_>>) -> Option<Value<'_>> {
    at(root?, &["platforms"])?.get(PLATFORM)
}

fn by_name(value: Option<Value<'_>>) -> HashMap<&str, Pair<'_>> {
    let entries = value.into_iter().flat_map(|value| value.entries());
    entries.map(|pair| (pair.key, pair)).collect()
}

impl<'tree> Steps<'tree> {
    /// Reads what a pipeline runs. `platform` is the platform's part of the platform spec.
    pub(crate) fn new(spec: Value<'tree>, platform: Option<Value<'tree>>) -> Self {
        let components = by_name(at(spec, &["components"]));
        let executors = by_name(at(spec, &["deploymentSpec", "executors"]));
        let configs = by_name(platform.and_then(|platform| at(platform, &["deploymentSpec", "executors"])));
        let mut steps = Self {
            components,
            ..Self::default()
        };
        for (label, executor) in &executors {
            let image = at(executor.value, &["container", "image"]).and_then(|image| image.as_str());
            steps.images.extend(image.map(|image| (*label, image)));
        }
        let mut visited: HashSet<&str> = HashSet::new();
        let mut graphs = vec![(None, at(spec, &["root"]))];
        while let Some((parent, component)) = graphs.pop() {
            let tasks = component.and_then(|component| at(component, &["dag", "tasks"]));
            for pair in tasks.into_iter().flat_map(|tasks| tasks.entries()) {
                let name = at(pair.value, &["componentRef", "name"]).and_then(|name| name.as_str());
                let component = name.and_then(|name| steps.components.get(name)).copied();
                let label = component.and_then(|component| at(component.value, &["executorLabel"])?.as_str());
                let task = Task {
                    parent,
                    pair,
                    component,
                    executor: label.and_then(|label| executors.get(label)).copied(),
                    config: label.and_then(|label| configs.get(label)).copied(),
                };
                steps.add(task, label);
                if let Some(component) = component.filter(|component| visited.insert(component.key)) {
                    graphs.push((Some(component.key), Some(component.value)));
                }
            }
        }
        steps
    }

    fn add(&mut self, task: Task<'tree>, label: Option<&'tree str>) {
        let name = task.pair.key;
        if let Some(label) = label {
            self.executors.entry(label).or_insert(name);
        }
        if let Some(component) = task.component {
            self.component_tasks.entry(component.key).or_insert(name);
        }
        self.positions.insert((task.parent, name), self.tasks.len());
        self.tasks.push(task);
    }

    /// The executor's container has one of these images.
    pub(crate) fn has_image(&self, label: &str, images: &[String]) -> bool {
        self.images
            .get(label)
            .is_some_and(|image| images.iter().any(|one| one == image))
    }

    /// A task runs this executor.
    pub(crate) fn is_run(&self, label: &str) -> bool {
        self.executors.contains_key(label)
    }

    /// Position of a task by its graph and its name.
    pub(crate) fn position(&self, graph: Option<&'tree str>, name: &'tree str) -> Option<usize> {
        self.positions.get(&(graph, name)).copied()
    }

    /// The task of this name in the same graph.
    pub(crate) fn beside(&self, task: &Task<'tree>, name: &'tree str) -> Option<&Task<'tree>> {
        self.tasks.get(self.position(task.parent, name)?)
    }

    /// The tasks of the same graph whose outputs a task takes.
    pub(crate) fn producers(&self, task: &Task<'tree>) -> Vec<&Task<'tree>> {
        let inputs = at(task.pair.value, &["inputs"]);
        let taken = ["parameters", "artifacts"].into_iter().flat_map(|kind| {
            let taken = inputs.and_then(|inputs| at(inputs, &[kind]));
            taken.into_iter().flat_map(|taken| taken.entries())
        });
        let mut producers = Vec::new();
        for pair in taken {
            for from in ["taskOutputParameter", "taskOutputArtifact"] {
                let name = at(pair.value, &[from, "producerTask"]).and_then(|name| name.as_str());
                if let Some(producer) = name.and_then(|name| self.beside(task, name)) {
                    producers.push(producer);
                }
            }
        }
        producers
    }

    /// Positions of the tasks of the same graph that a task waits for.
    pub(crate) fn waits_for(&self, task: &Task<'tree>) -> Vec<usize> {
        let named = at(task.pair.value, &["dependentTasks"]);
        let named = named.into_iter().flat_map(|named| named.items());
        let named = named.filter_map(|name| self.position(task.parent, name.as_str()?));
        let producers = self.producers(task);
        let taken = producers
            .iter()
            .filter_map(|producer| self.position(task.parent, producer.pair.key));
        named.chain(taken).collect()
    }

    /// Whose a place is, by the steps to it.
    pub(crate) fn owner(&self, steps: &[Step<'tree>]) -> Owner<'tree> {
        let key = |at: usize| match steps.get(at) {
            Some(Step::Key(key)) => Some(*key),
            _ => None,
        };
        let idle_or = |task: Option<&&'tree str>| task.map_or(Owner::Idle, |task| Owner::Task(task));
        match (key(0), key(1), key(2), key(3), key(4)) {
            (Some("root"), Some("dag"), Some("tasks"), Some(task), _)
            | (Some("components"), _, Some("dag"), Some("tasks"), Some(task)) => Owner::Task(task),
            (Some("components"), Some(name), ..) => idle_or(self.component_tasks.get(name)),
            (Some("deploymentSpec" | "deployment_spec"), Some("executors"), Some(label), ..) => {
                idle_or(self.executors.get(label))
            }
            (
                Some("platforms"),
                _,
                Some("deploymentSpec" | "deployment_spec"),
                Some("executors"),
                Some(label),
            ) => idle_or(self.executors.get(label)),
            _ => Owner::Pipeline,
        }
    }
}

/// The mapping, if it is one with something in it.
pub(crate) fn filled(value: Value<'_>) -> bool {
    match value.kind() {
        Kind::Mapping => value.entries().next().is_some(),
        Kind::Sequence => value.items().next().is_some(),
        Kind::Null => false,
        Kind::Text => value.as_str().is_some_and(|text| !text.is_empty()),
        Kind::Bool | Kind::Number => true,
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::is_name;

    #[rstest]
    #[case("componentRef", "componentRef", true)]
    #[case("component_ref", "componentRef", true)]
    #[case("component_Ref", "componentRef", false)]
    #[case("component", "componentRef", false)]
    #[case("component_ref_", "componentRef", false)]
    fn a_field_has_two_spellings(#[case] key: &str, #[case] json: &str, #[case] same: bool) {
        assert_eq!(is_name(key, json), same);
    }
}
