//! THOUGHT: the single thoughts of a pass, one a file, in the order in which they are had. None touches the world.

pub mod components;
pub mod deletion;
pub mod entry;
pub mod foundations;
pub mod kubernetes;
pub mod paused;
pub mod probes;
pub mod prune;
pub mod restore;
pub mod schema;
pub mod workloads;
