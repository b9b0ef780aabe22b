//! FACTS: every KFP release and every allowed hop, as data files and their invariants. No I/O, no clock.

pub mod access;
pub mod advisory;
pub mod catalog;
pub mod component;
pub mod edge;
mod extend;
mod files;
pub mod image;
mod invariants;
pub mod known;
pub mod pod;
pub mod quantity;
pub mod release;
pub mod schema;
pub mod sdk;
pub mod source;
mod strict;
pub mod validate;
pub mod validated;
pub mod version;

pub use advisory::Advisory;
pub use catalog::{Catalog, CatalogError};
pub use component::{Component, Role};
pub use edge::Edge;
pub use known::Known;
pub use release::{Install, Release};
pub use sdk::{SdkPolicy, SdkRange, SdkVersion};
pub use source::{Insert, Part, Text, Value};
pub use validate::validate;
pub use validated::{Finding, References, ValidatedInstallation};
pub use version::Version;
