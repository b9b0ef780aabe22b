//! SETS: one file of a set, and what tells a whole one from a damaged one. Pure: digests are computed elsewhere.

use serde::{Deserialize, Serialize};

/// One file of a set, as it lies in the destination.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Part {
    /// Path below the attempt's folder, for example `databases/mlpipeline/run_details.0.sql.zst`; unique in a set.
    pub path: String,
    /// Bytes as stored, after compression and encryption.
    pub bytes: u64,
    /// SHA-256 of the stored bytes, in lower-case hexadecimal.
    pub sha256: String,
    /// Bytes before compression.
    pub plain_bytes: u64,
}

impl Part {
    /// Whether the part is encrypted; its name says so.
    #[must_use]
    pub fn encrypted(&self) -> bool {
        self.path.ends_with(crate::layout::ENCRYPTED)
    }
}
