//! PROOF (real API server): our own programs, built before the tests lose the network, and where they lie afterwards.
//! Whoever names all by these variables has other ones tested, and none built.

use std::convert::Infallible;
use std::path::PathBuf;

use anyhow::{Context, Result};
use kfp_e2e::lab::programs::build;

use crate::isolation::isolate;

/// Names the operator; set in the second life of the test program.
const OPERATOR: &str = "KFP_TESTS_OPERATOR";
/// Names the stand-in, likewise.
const STAND_IN: &str = "KFP_TESTS_STAND_IN";
/// Names the command line, likewise.
const KFPCTL: &str = "KFP_TESTS_KFPCTL";

/// Paths of our programs.
#[derive(Clone, Debug)]
pub struct Programs {
    /// The operator.
    pub operator: PathBuf,
    /// What takes the place of KFP's API server.
    pub stand_in: PathBuf,
    /// The command line.
    pub kfpctl: PathBuf,
}

impl Programs {
    /// Builds what changed, unless programs were named. Needs the network when a dependency is not there yet.
    pub fn build() -> Result<Self> {
        if let Ok(named) = Self::found() {
            return Ok(named);
        }
        let [operator, stand_in, kfpctl] = build(["kfp-operator", "kfp-standin", "kfpctl"])?;
        Ok(Self {
            operator,
            stand_in,
            kfpctl,
        })
    }

    /// Starts the test program again where these can be found by [`Programs::found`]. Returns only on failure.
    pub fn isolate(&self) -> Result<Infallible> {
        isolate(&[
            (OPERATOR, &self.operator),
            (STAND_IN, &self.stand_in),
            (KFPCTL, &self.kfpctl),
        ])
    }

    /// The programs that were named, or that the first life built.
    pub fn found() -> Result<Self> {
        let path = |name| named(name).with_context(|| format!("{name} is not set"));
        Ok(Self {
            operator: path(OPERATOR)?,
            stand_in: path(STAND_IN)?,
            kfpctl: path(KFPCTL)?,
        })
    }
}

/// The operator alone, which is also the program of Jobs: the one that was named, else built.
pub fn operator() -> Result<PathBuf> {
    if let Some(path) = named(OPERATOR) {
        return Ok(path);
    }
    let [operator] = build(["kfp-operator"])?;
    Ok(operator)
}

fn named(name: &str) -> Option<PathBuf> {
    std::env::var_os(name).map(PathBuf::from)
}
