//! PROOF (real API server): the world of the tests in this folder: an etcd and a kube-apiserver in a network namespace of
//! their own, our CRDs and rights in them, and the operator as a process under its own ServiceAccount.
//!
//! No kubelet runs: where a test needs ready workloads it plays the kubelet by hand, and says so.

pub mod hand;
pub mod isolation;
pub mod operator;
pub mod proxy;
pub mod world;

pub use world::World;
