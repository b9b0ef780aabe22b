//! JUDGEMENT: the field tables as they were made while the crate was built. Nothing is decided here.

use kfp_releases::Version;

use super::kind::{Kind, Scalar, Shape, WellKnown};
use super::origin::{Origin, Package};
use super::{EnumValue, Field};

/// A backend release; its place in the table is its bit in `releases`.
#[derive(Debug)]
pub(super) struct ReleaseRow {
    pub(super) release: Version,
    /// By package.
    pub(super) origins: [Origin; 2],
}

/// A message. Bits in `packages` are versions of its package by place, bits in `releases` backend releases by place.
#[derive(Debug)]
pub(super) struct MessageRow {
    pub(super) name: &'static str,
    pub(super) package: Package,
    pub(super) packages: u64,
    pub(super) releases: u64,
    pub(super) fields: &'static [Field],
}

/// An enum.
#[derive(Debug)]
pub(super) struct EnumRow {
    pub(super) name: &'static str,
    pub(super) package: Package,
    pub(super) releases: u64,
    pub(super) values: &'static [EnumValue],
}

include!(concat!(env!("OUT_DIR"), "/fields.rs"));
