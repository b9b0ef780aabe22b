//! JUDGEMENT: what a field may hold, and which message each part of a document is parsed as.

use strum::VariantArray;

/// A part of a compiled pipeline that a server parses on its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, VariantArray)]
pub enum Root {
    /// The first document.
    PipelineSpec,
    /// The second document.
    PlatformSpec,
    /// What stands at `deploymentSpec` of the first document, which as a part of that is any struct.
    PipelineDeploymentConfig,
    /// What stands at each executor below `platforms.kubernetes.deploymentSpec` of the second document, which as a part
    /// of that is any struct.
    KubernetesExecutorConfig,
}

/// Whether a field holds one value, a list or a map.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Shape {
    /// One value.
    Single,
    /// A list.
    Repeated,
    /// An object whose keys are written as strings and read as this.
    Map(Scalar),
}

/// What a value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A plain value.
    Scalar(Scalar),
    /// An object with the fields of the message of this whole name.
    Message(&'static str),
    /// A value of the enum of this whole name.
    Enum(&'static str),
    /// A type of protobuf's own, with its own form in JSON.
    WellKnown(WellKnown),
}

/// A plain value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scalar {
    /// `true` or `false`.
    Bool,
    /// Base64.
    Bytes,
    /// A number.
    Double,
    /// A number.
    Float,
    /// A whole number, also as a string.
    Int32,
    /// A whole number, also as a string.
    Int64,
    /// A string.
    String,
    /// A whole number that is not negative, also as a string.
    Uint32,
    /// A whole number that is not negative, also as a string.
    Uint64,
}

/// A type of protobuf's own. Inside a struct, a value or a list everything is allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum WellKnown {
    /// Any message, named by `@type`.
    Any,
    /// Seconds with an `s`, such as `3.5s`.
    Duration,
    /// Any list.
    ListValue,
    /// Any object.
    Struct,
    /// A time in RFC 3339.
    Timestamp,
    /// Anything.
    Value,
    /// An error: an object with `code`, `message` and `details`.
    Status,
}

impl Root {
    /// Whole name of the message.
    #[must_use]
    pub const fn message(self) -> &'static str {
        match self {
            Self::PipelineSpec => "ml_pipelines.PipelineSpec",
            Self::PlatformSpec => "ml_pipelines.PlatformSpec",
            Self::PipelineDeploymentConfig => "ml_pipelines.PipelineDeploymentConfig",
            Self::KubernetesExecutorConfig => "kfp_kubernetes.KubernetesExecutorConfig",
        }
    }
}
