//! Proof: what the shapes promise, over every release of the catalog. Reads files of this repository, calls no server.

#[cfg(test)]
mod choices;
#[cfg(test)]
mod common;
#[cfg(test)]
mod goldens;
#[cfg(test)]
mod namespaces;
#[cfg(test)]
mod network;
#[cfg(test)]
mod objects;
#[cfg(test)]
mod operand_crds;
#[cfg(test)]
mod parity;
#[cfg(test)]
mod pod_security;
#[cfg(test)]
mod reduced;
#[cfg(test)]
mod rights;
#[cfg(test)]
mod sdk_policy;
#[cfg(test)]
mod text;
#[cfg(test)]
mod world;
