//! JUDGEMENT: what a text is: a compiled pipeline, a pipeline of the v1 SDK, or neither. Reads; judges nothing.
//!
//! How servers tell one from the other: kubeflow/pipelines 2.0.5 to 2.17.0,
//! `backend/src/apiserver/template/template.go` and `v2_template.go`.

mod flaw;
mod foreign;
mod package;
#[cfg(test)]
mod tests;

use std::borrow::Cow;

use crate::text::{Kind, Oddity, Place, Text, Tree, Value, decode};

pub use flaw::Flaw;
pub use package::unpack;

/// A text that was read.
#[derive(Clone, Debug)]
pub enum Document {
    /// A pipeline compiled to IR by an SDK of the second generation.
    Pipeline(Pipeline),
    /// An Argo Workflow as the v1 SDK compiled it.
    Workflow(Workflow),
}

/// A compiled pipeline.
#[derive(Clone, Debug)]
pub struct Pipeline {
    /// The pipeline spec: the document itself, or what stands under `pipelineSpec` where a text wraps it so.
    pub spec: Tree,
    /// The platform spec: the second document, where there is one.
    pub platform: Option<Tree>,
    /// `sdkVersion` as written, for example `kfp-2.15.2`.
    pub sdk: Option<String>,
    /// Name of the pipeline: `pipelineInfo.name`.
    pub name: Option<String>,
    /// How the text carries it.
    pub form: Form,
    /// Further documents of an upload, in the order of the text. Servers refuse a second pipeline spec and a second platform
    /// spec, and pass over other mappings; what is no mapping they pass over up to 2.14.4, and refuse from 2.15.0 on.
    pub others: Vec<Tree>,
    /// What in how it is written every server makes something else of than it looks like, whatever its release.
    pub flaws: Vec<Flaw>,
    /// Size of the text in bytes.
    pub bytes: usize,
}

/// How a text carries a compiled pipeline.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Form {
    /// As the SDK writes it: what is uploaded.
    Upload,
    /// Under `pipelineSpec` and `platformSpec`, as the API's answers and stored rows have it. Servers take no such upload.
    Wrapped,
    /// A Kubernetes manifest of the kind `PipelineVersion`.
    Manifest,
}

/// An Argo Workflow of the v1 SDK.
#[derive(Clone, Debug)]
pub struct Workflow {
    /// The document.
    pub spec: Tree,
    /// Version of the SDK from the annotation `pipelines.kubeflow.org/kfp_sdk_version`.
    pub sdk: Option<String>,
    /// `metadata.name`, or else `metadata.generateName`.
    pub name: Option<String>,
    /// Size of the text in bytes.
    pub bytes: usize,
}

/// A text that cannot be judged, and why.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Unreadable {
    /// Where reading stopped.
    pub place: Option<Place>,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub help: String,
}

impl Unreadable {
    pub(crate) fn new(place: Option<Place>, message: String, help: &str) -> Self {
        Self {
            place,
            message,
            help: help.to_owned(),
        }
    }
}

/// Keys that only a pipeline spec has at its top.
const OF_PIPELINE_SPEC: [&str; 9] = [
    "pipelineInfo",
    "pipeline_info",
    "deploymentSpec",
    "deployment_spec",
    "schemaVersion",
    "schema_version",
    "sdkVersion",
    "sdk_version",
    "root",
];

impl Document {
    /// Reads a text that holds one pipeline: IR in YAML or JSON (with its platform spec before or behind it, or both in one
    /// mapping as the API and `PipelineVersion` objects have them), or an Argo Workflow of the v1 SDK. Also the packages that
    /// servers take, .zip and .tar.gz.
    ///
    /// # Errors
    /// What servers cannot read either, what is beyond the limits of [`Tree::read`], and what is no pipeline.
    pub fn read(bytes: &[u8]) -> Result<Self, Unreadable> {
        let mut all = Self::read_each(bytes)?;
        let count = all.len();
        match all.pop() {
            Some(document) if count == 1 => Ok(document),
            _ => Err(Unreadable::new(
                None,
                format!("the text holds {count} pipeline versions"),
                "Give one file for each of them.",
            )),
        }
    }

    /// Reads a text that holds one pipeline, or several manifests of the kind `PipelineVersion`. Never empty.
    ///
    /// # Errors
    /// As [`Document::read`].
    pub fn read_each(bytes: &[u8]) -> Result<Vec<Self>, Unreadable> {
        let bytes: Cow<'_, [u8]> = unpack(bytes)?;
        let text = decode(&bytes)?;
        let read = Text::read(&text).and_then(|read| recognize(read, bytes.len()));
        read.map_err(|error| foreign::python(&text).unwrap_or(error))
    }

    /// Version of the SDK that compiled it, as written.
    #[must_use]
    pub fn sdk(&self) -> Option<&str> {
        match self {
            Self::Pipeline(pipeline) => pipeline.sdk.as_deref(),
            Self::Workflow(workflow) => workflow.sdk.as_deref(),
        }
    }

    /// Name of the pipeline.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        match self {
            Self::Pipeline(pipeline) => pipeline.name.as_deref(),
            Self::Workflow(workflow) => workflow.name.as_deref(),
        }
    }
}

/// What is known of a text besides its documents.
struct About {
    oddities: Vec<Oddity>,
    bytes: usize,
}

fn recognize(text: Text, bytes: usize) -> Result<Vec<Document>, Unreadable> {
    let Text { documents, oddities } = text;
    let about = About { oddities, bytes };
    if let Some(workflow) = documents
        .first()
        .filter(|tree| is_of(tree, "argoproj.io/", "Workflow"))
    {
        return Ok(vec![Document::Workflow(self::workflow(workflow.clone(), bytes))]);
    }
    let (manifests, rest): (Vec<_>, Vec<_>) = documents
        .into_iter()
        .partition(|tree| is_of(tree, "pipelines.kubeflow.org/", "PipelineVersion"));
    if !manifests.is_empty() {
        return manifests.into_iter().map(|tree| manifest(tree, &about)).collect();
    }
    let document = match rest.iter().find(|tree| wrapper(tree.root()).is_some()) {
        Some(tree) => Ok(wrapped(tree, Form::Wrapped, &about)),
        None => upload(rest, &about),
    };
    document.map(|document| vec![document])
}

fn is_of(tree: &Tree, group: &str, kind: &str) -> bool {
    let text = |key| tree.root().get(key).and_then(|value| value.as_str());
    text("apiVersion").is_some_and(|version| version.starts_with(group)) && text("kind") == Some(kind)
}

fn workflow(spec: Tree, bytes: usize) -> Workflow {
    let text = |path: &[&str]| {
        spec.root()
            .at(path)
            .and_then(|value| value.as_str())
            .map(str::to_owned)
    };
    Workflow {
        sdk: text(&[
            "metadata",
            "annotations",
            "pipelines.kubeflow.org/kfp_sdk_version",
        ]),
        name: text(&["metadata", "name"]).or_else(|| text(&["metadata", "generateName"])),
        spec,
        bytes,
    }
}

fn manifest(tree: Tree, about: &About) -> Result<Document, Unreadable> {
    let tree = tree.with_words_of_yaml_1_1();
    match tree.part(&["spec"]) {
        Some(spec) if wrapper(spec.root()).is_some() => Ok(wrapped(&spec, Form::Manifest, about)),
        _ => Err(Unreadable::new(
            Some(tree.root().place()),
            "this PipelineVersion has no spec.pipelineSpec".to_owned(),
            "Put the compiled pipeline there.",
        )),
    }
}

/// The keys under which a mapping holds a pipeline spec and a platform spec.
fn wrapper(value: Value<'_>) -> Option<(&'static str, &'static str)> {
    [
        ("pipelineSpec", "platformSpec"),
        ("pipeline_spec", "platform_spec"),
    ]
    .into_iter()
    .find(|(spec, _)| value.get(spec).is_some_and(|spec| spec.kind() == Kind::Mapping))
}

fn wrapped(tree: &Tree, form: Form, about: &About) -> Document {
    let mut tree = tree.clone();
    let mut platform = None;
    // The API's answers hold both specs in one mapping, which itself is called a pipeline spec.
    while let Some((spec_key, platform_key)) = wrapper(tree.root()) {
        let beside = tree.part(&[platform_key]);
        platform = beside
            .filter(|beside| beside.root().kind() != Kind::Null)
            .or(platform);
        match tree.part(&[spec_key]) {
            Some(spec) => tree = spec,
            None => break,
        }
    }
    pipeline(tree, platform, form, Vec::new(), about)
}

fn upload(trees: Vec<Tree>, about: &About) -> Result<Document, Unreadable> {
    let (mut spec, mut platform, mut others) = (None, None, Vec::new());
    let described = foreign::no_pipeline(&trees);
    for tree in trees {
        let root = tree.root();
        if spec.is_none() && OF_PIPELINE_SPEC.iter().any(|key| root.get(key).is_some()) {
            spec = Some(tree);
        } else if platform.is_none() && root.get("platforms").is_some() {
            platform = Some(tree);
        } else {
            others.push(tree);
        }
    }
    match spec {
        Some(spec) => Ok(pipeline(spec, platform, Form::Upload, others, about)),
        None => Err(described),
    }
}

fn pipeline(spec: Tree, platform: Option<Tree>, form: Form, others: Vec<Tree>, about: &About) -> Document {
    let first = |paths: [&[&str]; 2]| {
        paths
            .iter()
            .find_map(|path| spec.root().at(path)?.as_str())
            .map(str::to_owned)
    };
    Document::Pipeline(Pipeline {
        sdk: first([&["sdkVersion"], &["sdk_version"]]),
        name: first([&["pipelineInfo", "name"], &["pipeline_info", "name"]]),
        flaws: flaw::flaws(&spec, platform.as_ref(), form, &about.oddities),
        spec,
        platform,
        form,
        others,
        bytes: about.bytes,
    })
}
