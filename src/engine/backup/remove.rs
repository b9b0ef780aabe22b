//! HANDS: removing sets, remains of broken attempts, and shared copies that no set needs any more. What may go is decided
//! elsewhere.

use std::collections::BTreeSet;

use futures::StreamExt as _;
use kfp_backup::layout::{Attempt, Home, SHARED, SetId};
use kfp_backup::order::Remove;
use kfp_backup::progress::{NAMED, Phase, Removed};

use super::Surroundings;
use super::destination::Place;
use super::lines::LinesIn;
use super::meter::Meter;
use super::sets;
use super::source::SetReader;
use super::trouble::Trouble;

/// Deletions at the same time.
const AT_ONCE: usize = 8;

/// Removes what the order names.
pub async fn remove(order: &Remove, surroundings: &Surroundings, meter: &Meter) -> Result<Removed, Trouble> {
    let place = Place::destination(&order.destination, surroundings.patience)?;
    let home = &order.destination.home;
    meter.enter(Phase::Removing);
    let mut removed = Removed::default();
    for set in &order.sets {
        // The manifest first: what is left of a removal that is cut off is no set any more. While the store holds on to it,
        // the rest stays too.
        for key in [home.manifest(set), home.manifest_digest(set)] {
            if let Some(meta) = place.look(&key).await? {
                one(&place, &key, meta.size, &mut removed, meter).await?;
            }
        }
        if place.look(&home.manifest(set)).await?.is_none() {
            below(&place, &home.set(set), |_| true, &mut removed, meter).await?;
            removed.sets.push(set.clone());
        }
    }
    if !removed.sets.is_empty() {
        copies(&place, home, &mut removed, meter).await?;
    }
    for set in &order.remains {
        remains(&place, home, set, &mut removed, meter).await?;
    }
    Ok(removed)
}

/// Removes the files of attempts other than the one that the manifest names.
async fn remains(
    place: &Place,
    home: &Home,
    set: &SetId,
    removed: &mut Removed,
    meter: &Meter,
) -> Result<(), Trouble> {
    let kept: Option<Attempt> = if sets::complete(place, home, set).await? {
        Some(sets::manifest(place, home, set, None).await?.manifest.attempt)
    } else {
        None
    };
    let folder = home.set(set);
    let prefix = format!("{folder}/");
    below(
        place,
        &folder,
        |key| {
            let Some(first) = key.strip_prefix(&prefix).and_then(|rest| rest.split('/').next()) else {
                return false;
            };
            match &kept {
                // Files beside the attempts' folders are the manifest's own.
                Some(kept) => first.parse::<Attempt>().is_ok_and(|attempt| attempt != *kept),
                None => true,
            }
        },
        removed,
        meter,
    )
    .await
}

/// Names of the shared copies that a set needs; none for a set that keeps no copies or is not complete.
async fn shared(place: &Place, home: &Home, set: &SetId) -> Result<BTreeSet<String>, Trouble> {
    if !sets::complete(place, home, set).await? {
        return Ok(BTreeSet::new());
    }
    let manifest = sets::manifest(place, home, set, None).await?.manifest;
    if manifest.part(SHARED).is_none() {
        return Ok(BTreeSet::new());
    }
    let folder = home.attempt(set, &manifest.attempt);
    let source = SetReader::new(place.clone(), folder, manifest.parts, None);
    let mut lines = LinesIn::open(&source, SHARED).await?;
    let mut names = BTreeSet::new();
    while let Some(line) = lines.line().await? {
        names.insert(String::from_utf8_lossy(&line).into_owned());
    }
    Ok(names)
}

/// Removes the copies that no set needs, those of earlier removals that were cut off among them. No set is being taken meanwhile.
/// While there is a set of which it cannot be told, all copies stay.
async fn copies(place: &Place, home: &Home, removed: &mut Removed, meter: &Meter) -> Result<(), Trouble> {
    let mut needed = BTreeSet::new();
    for set in sets::names(place, home).await? {
        match shared(place, home, &set).await {
            Ok(names) => needed.extend(names),
            Err(trouble) if trouble.retry => return Err(trouble),
            Err(trouble) => {
                tracing::warn!(%set, %trouble, "which copies a set needs cannot be told, so all copies stay");
                return Ok(());
            }
        }
    }
    let folder = format!("{}/", home.shared_folder());
    below(
        place,
        &home.shared_folder(),
        |key| {
            key.strip_prefix(&folder)
                .is_some_and(|name| !needed.contains(name))
        },
        removed,
        meter,
    )
    .await
}

async fn below(
    place: &Place,
    folder: &str,
    goes: impl Fn(&str) -> bool,
    removed: &mut Removed,
    meter: &Meter,
) -> Result<(), Trouble> {
    let mut found = Vec::new();
    place
        .list(folder, |meta| {
            if goes(meta.location.as_ref()) {
                found.push((meta.location.to_string(), meta.size));
            }
            Ok(())
        })
        .await?;
    let mut deletions = futures::stream::iter(found)
        .map(|(key, bytes)| async move { (place.delete(&key).await, key, bytes) })
        .buffer_unordered(AT_ONCE);
    while let Some((deleted, key, bytes)) = deletions.next().await {
        count(deleted?, &key, bytes, removed, meter);
    }
    Ok(())
}

async fn one(
    place: &Place,
    key: &str,
    bytes: u64,
    removed: &mut Removed,
    meter: &Meter,
) -> Result<(), Trouble> {
    let deleted = place.delete(key).await?;
    count(deleted, key, bytes, removed, meter);
    Ok(())
}

fn count(deleted: bool, key: &str, bytes: u64, removed: &mut Removed, meter: &Meter) {
    if deleted {
        removed.files += 1;
        removed.bytes += bytes;
        meter.add(bytes, 0);
    } else if removed.held.len() < NAMED {
        removed.held.push(key.to_owned());
    }
}
