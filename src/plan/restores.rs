//! THOUGHT: what is done next about a restore. Pure: what was looked at is an argument. Everything is derived anew on each pass.

mod facts;

pub use facts::{begun, bootstrap, holding, incomplete, message, over, put_back};
