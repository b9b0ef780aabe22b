//! JUDGEMENT: which inputs the graphs of components are given by the tasks that run them. No decisions here.

use std::collections::{HashMap, HashSet};

use crate::judge::steps::{Steps, Task, at};

/// What graphs are given, by component.
#[derive(Debug, Default)]
pub(super) struct Given<'tree> {
    graphs: HashMap<&'tree str, Graph<'tree>>,
}

/// What one graph is given.
#[derive(Debug, Default)]
struct Graph<'tree> {
    /// Tasks that run it.
    callers: usize,
    /// Parameter → how many of them make it known inside.
    parameters: HashMap<&'tree str, usize>,
    /// Artifact → how many of them give it.
    artifacts: HashMap<&'tree str, usize>,
    /// Parameter → how many of them loop over it, so that it is not known inside.
    lists: HashMap<&'tree str, usize>,
}

/// How a parameter reaches a graph.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Reach {
    /// Somebody loops over it.
    pub(super) is_list: bool,
    /// Somebody leaves it out.
    pub(super) is_left_out: bool,
}

impl<'tree> Given<'tree> {
    pub(super) fn new(steps: &Steps<'tree>) -> Self {
        let mut given = Self::default();
        for task in &steps.tasks {
            if let Some(component) = task.component.filter(|_| task.is_graph()) {
                given.graphs.entry(component.key).or_default().add(task);
            }
        }
        given
    }

    /// How a parameter reaches the graph of a component.
    pub(super) fn parameter(&self, component: &str, name: &str) -> Reach {
        let Some(graph) = self.graphs.get(component) else {
            return Reach::default();
        };
        let count = |of: &HashMap<&str, usize>| of.get(name).copied().unwrap_or_default();
        let (known, lists) = (count(&graph.parameters), count(&graph.lists));
        Reach {
            is_list: lists > 0,
            is_left_out: known + lists < graph.callers,
        }
    }

    /// Everybody who runs the component gives it the artifact.
    pub(super) fn has_artifact(&self, component: &str, name: &str) -> bool {
        let graph = self.graphs.get(component);
        graph.is_none_or(|graph| graph.artifacts.get(name).copied().unwrap_or_default() >= graph.callers)
    }
}

impl<'tree> Graph<'tree> {
    fn add(&mut self, task: &Task<'tree>) {
        self.callers += 1;
        let names = |kind: &str| -> HashSet<&'tree str> {
            let inputs = at(task.pair.value, &["inputs", kind]);
            inputs
                .into_iter()
                .flat_map(|inputs| inputs.entries())
                .map(|pair| pair.key)
                .collect()
        };
        let iterator = |path: &[&str]| {
            let iterator = at(task.pair.value, &["parameterIterator"])?;
            at(iterator, path)?.as_str()
        };
        let mut known = names("parameters");
        let list = iterator(&["items", "inputParameter"]);
        if let Some(list) = list.filter(|list| known.remove(list)) {
            *self.lists.entry(list).or_default() += 1;
        }
        known.extend(iterator(&["itemInput"]));
        for name in known {
            *self.parameters.entry(name).or_default() += 1;
        }
        for name in names("artifacts") {
            *self.artifacts.entry(name).or_default() += 1;
        }
    }
}
