//! PROOF (real API server): the world of the tests in this folder: an etcd, a kube-apiserver and a few of Kubernetes' own
//! controllers in a network namespace of their own, our CRDs and rights in them, and the operator as a process under its own
//! ServiceAccount.
//!
//! No kubelet runs: where a test needs ready pods, [`hand`] plays it, and can start real servers for those that the operator
//! asks.

pub mod audit;
mod backups;
pub mod command_line;
pub mod hand;
pub mod isolation;
pub mod jobs;
pub mod operator;
pub mod pods;
pub mod programs;
pub mod proxy;
pub mod servers;
pub mod site;
pub mod store;
pub mod world;

pub use site::Site;
pub use world::World;
