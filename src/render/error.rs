//! SHAPES: what can be wrong with a rendering. Only catalog data or a request outside its limits can cause these.

/// A rendering that cannot be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RenderError {
    /// Catalog data names something that the release does not have.
    #[error("{at}: the release has no {what} named `{name}`; mend the release's data file")]
    Missing {
        /// Object and place in it, such as `Deployment/ml-pipeline, environment`.
        at: String,
        /// What was looked for: `image`, `setting`, `Service`, …
        what: &'static str,
        /// The name that was looked for.
        name: String,
    },
    /// A value without a YAML form.
    #[error("an object cannot be written as YAML: {why}; please report this")]
    Yaml {
        /// What the YAML writer says.
        why: String,
    },
}
