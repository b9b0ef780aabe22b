//! SETS: what a backup is: its manifest, its parts and their checksums, what a Job is told and what it tells, when one is due
//! and when one may go. Pure: no I/O, no clock.

pub mod retention;
pub mod schedule;
