//! THOUGHT: tests of thinking as a whole; a world is described here, never made.

mod deletion;
mod drift;
mod entry;
mod install;
mod properties;
mod restore;
mod sdk;
mod status;
mod world;
