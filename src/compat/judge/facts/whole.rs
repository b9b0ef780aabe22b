//! JUDGEMENT: what is true of a pipeline as a whole: circles of components, graphs without tasks, pod metadata. No decisions
//! here.

use std::collections::{HashMap, HashSet};

use crate::judge::steps::{Steps, at};
use crate::text::Value;

/// A graph whose tasks all wait for others to end in whatever way, or that has none.
pub(super) fn is_graph_empty(component: Value<'_>) -> bool {
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
