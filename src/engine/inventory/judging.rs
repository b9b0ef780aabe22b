//! EYES: a compiled pipeline as it is stored becomes a row's verdicts. Pure: nothing is read or written here.

use kfp_compat::inventory::{Fare, cut, fares};
use kfp_compat::{Document, Knowledge, SdkVersion, judge};
use kfp_releases::Version;

/// Longest reason kept of a text that cannot be judged, in characters.
const UNREAD_MAX: usize = 200;

/// What a text was found to be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Judged {
    /// Version of the SDK that compiled it, where it names one that can be read.
    pub sdk: Option<String>,
    /// Why it could not be judged.
    pub unread: Option<String>,
    /// How it fares where it does not simply run.
    pub fares: Vec<Fare>,
}

/// A judge for some releases.
#[derive(Clone, Debug)]
pub struct Judge {
    knowledge: &'static Knowledge,
    releases: Vec<Version>,
}

impl Judge {
    /// A judge who knows what is compiled in; the error is a defect of the build.
    pub fn new(releases: Vec<Version>) -> Result<Self, String> {
        let knowledge = Knowledge::builtin().map_err(|error| error.to_string())?;
        Ok(Self { knowledge, releases })
    }

    /// Reads a text and judges it on every release.
    #[must_use]
    pub fn text(&self, text: &str) -> Judged {
        let document = match Document::read(text.as_bytes()) {
            Ok(document) => document,
            Err(error) => return unread(&error.to_string()),
        };
        let sdk = match &document {
            Document::Pipeline(pipeline) => pipeline.sdk.as_deref(),
            Document::Workflow(workflow) => workflow.sdk.as_deref(),
        };
        Judged {
            sdk: sdk
                .and_then(|sdk| sdk.parse::<SdkVersion>().ok())
                .map(|sdk| sdk.to_string()),
            unread: None,
            fares: fares(&judge(&document, &self.releases, self.knowledge)),
        }
    }
}

/// What cannot be judged, and why.
#[must_use]
pub fn unread(why: &str) -> Judged {
    Judged {
        unread: Some(cut(why, UNREAD_MAX)),
        ..Judged::default()
    }
}
