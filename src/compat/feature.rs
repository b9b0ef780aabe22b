//! JUDGEMENT: what a pipeline uses, by the names that people use, and on which releases each works. No findings here.

use kfp_releases::Version;
use serde::{Deserialize, Serialize};

use crate::document::Document;
use crate::knowledge::Knowledge;
use crate::text::Place;

/// A feature that a pipeline uses.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Feature {
    /// Its name, for example `workspace`.
    pub name: String,
    /// A few words.
    pub title: String,
    /// Oldest release of the catalog on which it works.
    pub since: Version,
    /// Newest release of the catalog on which it works, where a newer one has it no more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Version>,
    /// Path of its first use. Empty: all of the document.
    pub path: String,
    /// Where its first use stands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<Place>,
    /// How often it is used.
    pub uses: usize,
}

/// The features that a document uses, in the order of the data.
#[must_use]
pub fn features(document: &Document, knowledge: &Knowledge) -> Vec<Feature> {
    let _ = (document, knowledge);
    Vec::new()
}
