//! EYES: sets in a destination: which there are, and the manifest of one, held against its digest. Nothing is written.

use kfp_backup::layout::{Home, MANIFEST, SetId};
use kfp_backup::manifest::{Manifest, ManifestError};

use super::destination::Place;
use super::parts::sha256;
use super::trouble::Trouble;

/// Names of everything that looks like a set, complete or not, oldest first.
pub async fn names(place: &Place, home: &Home) -> Result<Vec<SetId>, Trouble> {
    let folders = place.folders(&home.folder()).await?;
    let mut sets: Vec<SetId> = folders.iter().filter_map(|name| name.parse().ok()).collect();
    sets.sort();
    Ok(sets)
}

/// A manifest and its digest.
#[derive(Clone, Debug, PartialEq)]
pub struct Found {
    /// The manifest.
    pub manifest: Manifest,
    /// SHA-256 of its text.
    pub sha256: String,
}

/// Whether a set is complete: its manifest is there. Nothing of it is read.
pub async fn complete(place: &Place, home: &Home, set: &SetId) -> Result<bool, Trouble> {
    Ok(place.look(&home.manifest(set)).await?.is_some())
}

/// Reads a set's manifest; an error names what is wrong with it.
pub async fn manifest(place: &Place, home: &Home, set: &SetId) -> Result<Found, Trouble> {
    let Some(text) = place.get(&home.manifest(set)).await? else {
        return Err(Trouble::lasting(
            "SetMissing",
            format!(
                "there is no {}: set {set} was never finished, or is not in this destination",
                home.manifest(set)
            ),
        ));
    };
    let damaged = || Trouble::from(ManifestError::Digest { set: set.to_string() });
    let digest = place.get(&home.manifest_digest(set)).await?.ok_or_else(damaged)?;
    let sha256 = sha256(&text);
    let written = String::from_utf8_lossy(&digest);
    if written.split_whitespace().next() != Some(sha256.as_str()) {
        return Err(damaged());
    }
    Ok(Found {
        manifest: Manifest::read(set, &text)?,
        sha256,
    })
}

/// The line of a manifest's digest, as `sha256sum` writes and checks it.
#[must_use]
pub fn digest_line(sha256: &str) -> String {
    format!("{sha256}  {MANIFEST}\n")
}
