//! PROOF: a world that obeys Actions, with faults, under the real validation, rendering, planning and projection. No
//! HTTP is imitated, and nothing here runs in the operator.
//!
//! Time is counted in ticks, one a pass. What the world forbids (a foreign schema migrated, a password changed, a write
//! while paused) is not prevented here: it is noted in [`World::violations`], which tests want empty.

mod act;
mod error;
mod event;
mod fault;
mod inventory;
mod look;
mod pass;
mod resource;
mod story;
mod wanted;
mod world;

pub use error::SimError;
pub use event::{Event, Start};
pub use fault::Faults;
pub use pass::{Report, pass, settle};
pub use resource::{Resource, Wish};
pub use story::Story;
pub use world::{Content, World};
