//! Proof: what the shapes promise, over every release of the catalog. Reads files of this repository, calls no server.

mod common;
mod network;
mod operand_crds;
mod parity;
mod pod_security;
mod reduced;
