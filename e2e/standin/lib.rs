//! kfp-standin: stands for KFP's own programs under their names, and checks their contract with the pod. It never
//! depends on another crate of this workspace, and never says that it is the real thing.
//!
//! The contract of each role and release is data (`data/*.yaml`). One pure function, [`evaluate::evaluate`], judges
//! [`facts::Facts`]; the facts come from the running process ([`live`]) or from a rendered pod ([`offline`]).

pub mod arguments;
pub mod breach;
pub mod bucket;
pub mod contract;
pub mod data;
pub mod database;
pub mod evaluate;
pub mod facts;
pub mod http;
pub mod images;
pub mod kubernetes;
pub mod live;
mod mounts;
pub mod offline;
pub mod outside;
pub mod peers;
pub mod rbac;
pub mod rights;
pub mod role;
pub mod run;
pub mod schema;
pub mod serve;
pub mod template;
pub mod voice;

pub use breach::{Breach, StandinError};
pub use contract::{Contract, Role, Stance};
pub use data::{contract, releases};
pub use images::{Image, images};
pub use offline::{PodView, Report, check_pod};
