//! LEDGER: everything that is said to a database server, in SQL. It knows releases, and nothing of Kubernetes; it decides
//! nothing and never writes to a database that it was only asked to look at.
//!
//! * [`probe`] and [`inspect`] look at a server within time limits; each [`ProbeError`] has a stable reason.
//! * [`judge`] holds a schema against every release of a [`kfp_releases::schema::SchemaCatalog`]. Pure.
//! * [`create_statements`] writes a schema out as SQL. Pure.
//! * [`Scan`] reads stored pipelines page by page, as the account that [`make_reader`] makes.

mod bulk;
mod ddl;
mod definition;
mod difference;
pub mod dump;
mod error;
mod judge;
pub mod load;
pub mod parts;
mod probe;
mod progress;
mod read;
mod reader;
pub mod repair;
mod scan;
mod session;
mod spelling;
mod target;

pub use bulk::{Difference, TransferError};
pub use ddl::create_statements;
pub use difference::{MAX_DIFFERENCES, differences};
pub use error::{ProbeError, ProbeReason};
pub use judge::{Midway, State, Verdict, judge};
pub use probe::{Inspection, inspect, probe, read_schema};
pub use progress::{Progress, Tell};
pub use reader::make_reader;
pub use scan::{Entry, Experiment, MAX_PAGE, Mark, RecurringRun, Scan, Source, Text};
pub use session::{Engine, ServerFacts, Session};
pub use target::{CONNECT_LIMIT, Credentials, QUERY_LIMIT, Target};
