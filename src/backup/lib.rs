//! SETS: what a backup is: its manifest, its parts and their checksums, what a Job is told and what it tells, when one is due
//! and when one may go. Pure: no I/O, no clock.

pub mod database;
pub mod hidden;
pub mod layout;
mod listed;
pub mod manifest;
pub mod order;
pub mod part;
pub mod progress;
pub mod restore_plan;
pub mod retention;
pub mod rows;
pub mod schedule;
pub mod statement;
