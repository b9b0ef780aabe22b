//! PROOF (real servers): a single-node Kubernetes and the images that run on it, made from pinned recipes.
//!
//! Nothing here is installed on the host, and nothing but [`lab`] knows what an installation is: callers say which tools,
//! images and cluster they want. The order of use is [`tools::Tools::ensure`], [`images::build`], [`cluster::Cluster::up`],
//! [`cluster::Cluster::import`]; tests that need no pods start a [`light::ControlPlane`] instead.

pub mod cache;
pub mod child;
pub mod cluster;
pub mod database;
pub mod images;
pub mod lab;
pub mod light;
pub mod process;
pub mod progress;
pub mod told;
pub mod tools;

mod elf;
mod kubernetes;
mod pki;
