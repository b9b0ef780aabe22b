//! JUDGEMENT: what a text looks like that is no pipeline. Names it; judges nothing.

use super::Unreadable;
use crate::text::{Kind, Tree};

/// The text looks like a program in Python.
pub(super) fn python(text: &str) -> Option<Unreadable> {
    let of_python = |line: &str| {
        line.starts_with("import ")
            || line.starts_with("def ")
            || line.starts_with("@dsl.")
            || line.starts_with("@component")
            || (line.starts_with("from ") && line.contains(" import "))
    };
    text.lines().take(500).any(of_python).then(|| {
        Unreadable::new(
            None,
            "this is a program in Python, not a compiled pipeline".to_owned(),
            "Compile it first: kfp dsl compile --py FILE --output pipeline.yaml",
        )
    })
}

/// Why documents hold no pipeline.
pub(super) fn no_pipeline(trees: &[Tree]) -> Unreadable {
    let Some(tree) = trees.first() else {
        return Unreadable::new(
            None,
            "the text holds nothing but comments or nulls".to_owned(),
            "Compile the pipeline into it.",
        );
    };
    let (message, help) = described(tree);
    Unreadable::new(Some(tree.root().place()), message, help)
}

fn described(tree: &Tree) -> (String, &'static str) {
    const GIVE: &str = "Give what the SDK's compiler wrote.";
    let root = tree.root();
    let text = |key| root.get(key).and_then(|value| value.as_str());
    if let (Some(version), Some(kind)) = (text("apiVersion"), text("kind")) {
        return (
            format!("this is a Kubernetes object, {kind} of {version}, not a pipeline"),
            "Give a compiled pipeline, a PipelineVersion, or an Argo Workflow that the v1 SDK compiled.",
        );
    }
    if root.get("implementation").is_some() {
        return (
            "this is a component of the v1 SDK, not a pipeline".to_owned(),
            "Use it in a pipeline (kfp.components.load_component_from_file) and compile that.",
        );
    }
    if root.get("platforms").is_some() {
        return (
            "this is a platform spec without its pipeline spec".to_owned(),
            "Give both in one text, parted by ---, as the SDK's compiler writes them.",
        );
    }
    let message = match root.kind() {
        Kind::Mapping => {
            let keys: Vec<&str> = root.entries().map(|pair| pair.key).take(5).collect();
            match keys.as_slice() {
                [] => "this is an empty mapping, not a pipeline".to_owned(),
                keys => {
                    let keys = crate::text::shortened(&keys.join(", "));
                    format!("this is no compiled pipeline: it has neither pipelineInfo nor root, but {keys}")
                }
            }
        }
        Kind::Sequence => "this is a sequence, not a pipeline".to_owned(),
        _ => "this is plain text, not a compiled pipeline".to_owned(),
    };
    (message, GIVE)
}
