//! FACTS: the data files, as compiled in by `build.rs`. Nothing is parsed here.

include!(concat!(env!("OUT_DIR"), "/files.rs"));

/// Facts about versions and their known defects.
pub(crate) const ADVISORIES: &str = include_str!("data/advisories.yaml");
/// The allowed hops.
pub(crate) const EDGES: &str = include_str!("data/edges.yaml");
