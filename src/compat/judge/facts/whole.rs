//! JUDGEMENT: what is true of a pipeline as a whole: circles of components, graphs without tasks, pod metadata. No decisions
//! here.

use std::collections::{HashMap, HashSet};

use crate::judge::steps::{Steps, at};
use crate::text::{Kind, Value};

/// What graph a component has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Graph {
    /// None.
    None,
    /// One without tasks.
    WithoutTasks,
    /// One whose tasks all wait for others to end in whatever way.
    OfExitTasks,
    /// One with tasks.
    Filled,
}

/// What graph a component has.
pub(super) fn graph_of(component: Value<'_>) -> Graph {
    let Some(dag) = at(component, &["dag"]).filter(|dag| dag.kind() == Kind::Mapping) else {
        return Graph::None;
    };
    let is_exit = |task: Value<'_>| {
        let strategy = at(task, &["triggerPolicy", "strategy"]);
        strategy.and_then(|strategy| strategy.as_str()) == Some("ALL_UPSTREAM_TASKS_COMPLETED")
    };
    let mut tasks = at(dag, &["tasks"])
        .into_iter()
        .flat_map(|tasks| tasks.entries())
        .peekable();
    if tasks.peek().is_none() {
        Graph::WithoutTasks
    } else if tasks.all(|task| is_exit(task.value)) {
        Graph::OfExitTasks
    } else {
        Graph::Filled
    }
}

/// What stands there twice.
pub(super) fn twice<T: Copy + Eq + std::hash::Hash>(all: impl Iterator<Item = T>) -> HashSet<T> {
    let mut seen = HashSet::new();
    all.filter(|one| !seen.insert(*one)).collect()
}

/// Positions of tasks that wait for themselves, by themselves or through others of their graph, and of those that wait for
/// such.
pub(super) fn in_circle(steps: &Steps<'_>) -> HashSet<usize> {
    let mut waiting: Vec<usize> = vec![0; steps.tasks.len()];
    let mut waited: Vec<Vec<usize>> = vec![Vec::new(); steps.tasks.len()];
    for (position, task) in steps.tasks.iter().enumerate() {
        let producers: HashSet<usize> = steps.waits_for(task).into_iter().collect();
        if let Some(count) = waiting.get_mut(position) {
            *count = producers.len();
        }
        for producer in producers {
            if let Some(waited) = waited.get_mut(producer) {
                waited.push(position);
            }
        }
    }
    let free = |waiting: &[usize], position: &usize| waiting.get(*position) == Some(&0);
    let mut ready: Vec<usize> = (0..steps.tasks.len())
        .filter(|position| free(&waiting, position))
        .collect();
    let mut left: HashSet<usize> = (0..steps.tasks.len()).collect();
    while let Some(position) = ready.pop() {
        left.remove(&position);
        for next in waited.get(position).into_iter().flatten() {
            if let Some(count) = waiting.get_mut(*next) {
                *count = count.saturating_sub(1);
                if *count == 0 {
                    ready.push(*next);
                }
            }
        }
    }
    left
}

/// Components that stand inside themselves, at any depth.
pub(super) fn circular<'tree>(steps: &Steps<'tree>) -> HashSet<&'tree str> {
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
pub(super) fn metadata_differs(steps: &Steps<'_>) -> bool {
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
