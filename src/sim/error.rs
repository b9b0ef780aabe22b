//! PROOF: why a world could not be made. Not part of what is simulated.

use kfp_releases::Finding;

/// Why a world could not be made.
#[derive(Debug, thiserror::Error)]
pub enum SimError {
    /// The catalog that is compiled in does not parse.
    #[error("could not read the release catalog")]
    Catalog(#[from] kfp_releases::CatalogError),
    /// A wish that does not pass validation; worlds are made of valid ones.
    #[error("the wish is not valid: {0:?}")]
    Invalid(Vec<Finding>),
    /// Rendering failed.
    #[error("could not render the wish")]
    Render(#[from] kfp_render::RenderError),
}
