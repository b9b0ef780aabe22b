//! EYES: sets in a destination: which there are, and the manifest of one, held against its digest. Nothing is written.

use jiff::Timestamp;
use kfp_backup::layout::{Home, MANIFEST, SetId};
use kfp_backup::manifest::{Manifest, ManifestError, Purpose};

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

/// Reads a set's manifest; an error names what is wrong with it. `expected` is the digest that was noted elsewhere when the set
/// was taken: whoever can change a destination can change a manifest and the digest beside it.
pub async fn manifest(
    place: &Place,
    home: &Home,
    set: &SetId,
    expected: Option<&str>,
) -> Result<Found, Trouble> {
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
    if expected.is_some_and(|expected| expected != sha256) {
        return Err(Trouble::lasting(
            "ManifestSwapped",
            format!(
                "the manifest of set {set} is not the one that was written when the set was taken: another SHA-256 was noted then; \
                 use another set"
            ),
        ));
    }
    Ok(Found {
        manifest: Manifest::read(set, &text)?,
        sha256,
    })
}

/// The newest set of a time, and what was passed over.
#[derive(Clone, Debug, PartialEq)]
pub struct Newest {
    /// Its manifest, if there is one.
    pub manifest: Option<Manifest>,
    /// Everything that looks like a set.
    pub names: usize,
    /// Sets that were passed over because they were taken before a restore, to undo it.
    pub safety: usize,
}

/// The newest complete set that holds this moment or an earlier one. What was taken because of a restore undoes that one, and is
/// chosen by name only.
pub async fn newest(place: &Place, home: &Home, limit: Timestamp) -> Result<Newest, Trouble> {
    let names = names(place, home).await?;
    let mut newest = Newest {
        manifest: None,
        names: names.len(),
        safety: 0,
    };
    // A set is named by when it was asked for, which is never after the moment that it holds.
    for set in names.into_iter().rev().filter(|set| set.moment() <= limit) {
        if !complete(place, home, &set).await? {
            continue;
        }
        let found = manifest(place, home, &set, None).await?.manifest;
        if found.purpose == Purpose::Safety {
            newest.safety += 1;
        } else if found.instant <= limit {
            newest.manifest = Some(found);
            break;
        }
    }
    Ok(newest)
}

/// The line of a manifest's digest, as `sha256sum` writes and checks it.
#[must_use]
pub fn digest_line(sha256: &str) -> String {
    format!("{sha256}  {MANIFEST}\n")
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use object_store::memory::InMemory;
    use rstest::rstest;
    use serde_json::json;

    use super::*;
    use crate::backup::trouble::Side;

    fn home() -> Home {
        Home {
            prefix: "p".into(),
            namespace: "team".into(),
            installation: "kfp".into(),
        }
    }

    async fn write(place: &Place, hour: u8, purpose: Option<&str>) {
        let set = id(hour);
        let instant = format!("2026-11-24T{hour:02}:00:30Z");
        let mut text = json!({
            "format": kfp_backup::manifest::FORMAT, "formatVersion": 1, "set": set.as_str(), "attempt": "x7k2ma",
            "source": {"namespace": "team", "installation": "kfp", "release": "2.16.1"},
            "started": instant, "instant": instant, "finished": instant,
            "databases": {
                "server": {"kind": "MariaDB", "version": "10.11"},
                "snapshot": {"takenAt": instant, "method": "SingleReader", "readers": 1},
                "databases": [],
            },
            "roles": {}, "schemas": [], "objects": [], "parts": [],
        });
        if let Some(purpose) = purpose {
            text["purpose"] = json!(purpose);
        }
        let text = text.to_string();
        let digest = digest_line(&sha256(text.as_bytes()));
        place.put(&home().manifest_digest(&set), digest).await.unwrap();
        place.put(&home().manifest(&set), text).await.unwrap();
    }

    fn id(hour: u8) -> SetId {
        format!("20261124T{hour:02}0000Z-1a2b3c").parse().unwrap()
    }

    #[rstest]
    #[case::the_newest("2026-11-24T12:00:00Z", Some(3), 1)]
    #[case::of_a_time("2026-11-24T02:30:00Z", Some(2), 0)]
    #[case::the_moment_itself("2026-11-24T02:00:30Z", Some(2), 0)]
    #[case::asked_for_before_and_taken_after("2026-11-24T02:00:29Z", Some(1), 0)]
    #[case::none_so_old("2026-11-23T00:00:00Z", None, 0)]
    #[tokio::test]
    async fn the_newest_set_of_a_time_is_complete_and_was_not_taken_to_undo_a_restore(
        #[case] limit: &str,
        #[case] expected: Option<u8>,
        #[case] safety: usize,
    ) {
        let place = Place::test(Arc::new(InMemory::new()), Side::Destination).unwrap();
        write(&place, 1, None).await;
        write(&place, 2, Some("Backup")).await;
        write(&place, 3, Some("Backup")).await;
        write(&place, 4, Some("Safety")).await;
        place
            .put(&format!("{}/x7k2ma/part", home().set(&id(5))), "x")
            .await
            .unwrap();
        let newest = newest(&place, &home(), limit.parse().unwrap()).await.unwrap();
        assert_eq!(newest.manifest.map(|manifest| manifest.set), expected.map(id));
        assert_eq!((newest.names, newest.safety), (5, safety));
    }
}
