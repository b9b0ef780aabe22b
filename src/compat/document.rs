//! JUDGEMENT: what a text is: a compiled pipeline, a pipeline of the v1 SDK, or neither. Reads; judges nothing.

use crate::text::{Place, Tree};

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
}

/// An Argo Workflow of the v1 SDK.
#[derive(Clone, Debug)]
pub struct Workflow {
    /// The document.
    pub spec: Tree,
    /// Version of the SDK from the annotation `pipelines.kubeflow.org/kfp_sdk_version`.
    pub sdk: Option<String>,
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
