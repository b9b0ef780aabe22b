//! JUDGEMENT: the file inside a package that servers would take. Unpacks in memory, within the limits of a text.
//!
//! Source: kubeflow/pipelines 2.0.5 to 2.17.0, `backend/src/apiserver/server/util.go`: a file whose name does not end with
//! .yaml, .yml or .json is a package if it begins as one; the member `pipeline.yaml` is taken, or else the first one, whose
//! name must then end with .yaml or .yml.

use std::borrow::Cow;
use std::io::{Cursor, Read};

use flate2::read::MultiGzDecoder;
use zip::ZipArchive;

use super::Unreadable;
use crate::text::MAX_BYTES;

const PACK_AGAIN: &str = "Pack it again, or give the file inside.";

/// The text itself, or the one inside a package (.zip, .tar.gz).
///
/// # Errors
/// A package that cannot be opened or has no pipeline where servers look for it, and a member longer than
/// [`MAX_BYTES`].
pub fn unpack(bytes: &[u8]) -> Result<Cow<'_, [u8]>, Unreadable> {
    unpack_within(bytes, MAX_BYTES as u64)
}

/// As [`unpack`], with at most so many bytes of a member.
pub(super) fn unpack_within(bytes: &[u8], most: u64) -> Result<Cow<'_, [u8]>, Unreadable> {
    match bytes {
        [b'P', b'K', 3..=8, ..] => member_of_zip(bytes, most).map(Cow::Owned),
        [0x1f, 0x8b, ..] => member_of_tar(bytes, most).map(Cow::Owned),
        _ => Ok(Cow::Borrowed(bytes)),
    }
}

fn broken(kind: &str, error: &dyn std::fmt::Display) -> Unreadable {
    Unreadable::new(
        None,
        format!("the {kind} package cannot be opened: {error}"),
        PACK_AGAIN,
    )
}

fn without_pipeline(kind: &str, first: &str) -> Unreadable {
    let first = crate::text::shortened(first);
    Unreadable::new(
        None,
        format!("the {kind} package has no pipeline.yaml, and its first file is {first}"),
        "Servers take pipeline.yaml or, without one, the first file if it is YAML.",
    )
}

fn is_yaml(name: &str) -> bool {
    [".yaml", ".yml"].iter().any(|ending| name.ends_with(ending))
}

/// Reads a member to its end, if that is not too far.
fn whole(kind: &str, member: impl Read, most: u64) -> Result<Vec<u8>, Unreadable> {
    let mut text = Vec::new();
    member
        .take(most + 1)
        .read_to_end(&mut text)
        .map_err(|error| broken(kind, &error))?;
    if text.len() as u64 > most {
        return Err(Unreadable::new(
            None,
            format!("the file in the {kind} package has more than {most} bytes"),
            "Move large values out of the pipeline, into an image or the object store.",
        ));
    }
    Ok(text)
}

fn member_of_zip(bytes: &[u8], most: u64) -> Result<Vec<u8>, Unreadable> {
    const KIND: &str = ".zip";
    let mut archive = ZipArchive::new(Cursor::new(bytes)).map_err(|error| broken(KIND, &error))?;
    let number = if let Some(number) = archive.index_for_name("pipeline.yaml") {
        number
    } else {
        let Some(first) = archive.name_for_index(0) else {
            return Err(without_pipeline(KIND, "absent"));
        };
        let first = first.map_err(|error| broken(KIND, &error))?;
        if !is_yaml(&first) {
            return Err(without_pipeline(KIND, &first));
        }
        0
    };
    let member = archive.by_index(number).map_err(|error| broken(KIND, &error))?;
    whole(KIND, member, most)
}

fn member_of_tar(bytes: &[u8], most: u64) -> Result<Vec<u8>, Unreadable> {
    const KIND: &str = ".tar.gz";
    // Members before the one that is taken are unpacked too.
    let archive = || tar::Archive::new(MultiGzDecoder::new(bytes).take(2 * most));
    let mut first = None;
    for member in archive().entries().map_err(|error| broken(KIND, &error))? {
        let member = member.map_err(|error| broken(KIND, &error))?;
        let name = String::from_utf8_lossy(&member.path_bytes()).into_owned();
        if name == "pipeline.yaml" {
            return whole(KIND, member, most);
        }
        first.get_or_insert(name);
    }
    match first {
        Some(name) if is_yaml(&name) => {}
        name => return Err(without_pipeline(KIND, name.as_deref().unwrap_or("absent"))),
    }
    let mut archive = archive();
    let mut entries = archive.entries().map_err(|error| broken(KIND, &error))?;
    match entries.next() {
        Some(member) => whole(KIND, member.map_err(|error| broken(KIND, &error))?, most),
        None => Err(without_pipeline(KIND, "absent")),
    }
}
