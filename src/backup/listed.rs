//! SETS: lists in a manifest, which may be longer than is worth keeping. Pure.

use serde::{Deserialize, Serialize};

/// Names that a list in a manifest holds at most; the count beside it is always whole.
pub const LISTED: usize = 1_000;

/// A list that may be longer than is worth keeping.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Listed<T> {
    /// How many there are.
    pub count: u64,
    /// The first [`LISTED`] of them.
    pub first: Vec<T>,
}

impl<T> Default for Listed<T> {
    fn default() -> Self {
        Self {
            count: 0,
            first: Vec::new(),
        }
    }
}

impl<T> Listed<T> {
    /// Counts one more, and keeps it while there is room.
    pub fn push(&mut self, item: T) {
        self.count += 1;
        if self.first.len() < LISTED {
            self.first.push(item);
        }
    }

    /// Adds what another list counts, and what it names while there is room.
    pub fn append(&mut self, other: Self) {
        let all = self.count + other.count;
        for item in other.first {
            self.push(item);
        }
        self.count = all;
    }
}

impl<T> FromIterator<T> for Listed<T> {
    fn from_iter<I: IntoIterator<Item = T>>(items: I) -> Self {
        let mut listed = Self::default();
        for item in items {
            listed.push(item);
        }
        listed
    }
}
