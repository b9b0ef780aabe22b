//! JUDGEMENT: bytes to characters, as far as the servers' reader takes them. Reads no YAML.
//!
//! Source: gopkg.in/yaml.v3 3.0.1, readerc.go.

use std::borrow::Cow;

use super::Place;
use crate::document::Unreadable;

/// Longest text that is read, in bytes. Twice what servers take as an upload (32 MiB: kubeflow/pipelines 2.0.5 to 2.17.0,
/// backend/src/apiserver/common/const.go).
pub const MAX_BYTES: usize = 64 << 20;

const AS_UTF_8: &str = "Save it as UTF-8.";

/// The characters of a text: UTF-8, or UTF-16 that begins with a byte-order mark. The mark is not part of them.
///
/// # Errors
/// An empty text, one longer than [`MAX_BYTES`], one in another encoding, and control characters.
pub fn decode(bytes: &[u8]) -> Result<Cow<'_, str>, Unreadable> {
    if bytes.len() > MAX_BYTES {
        return Err(Unreadable::new(
            None,
            format!(
                "the text has {} bytes; at most {MAX_BYTES} (64 MiB) are read",
                bytes.len()
            ),
            "Servers take uploads of at most 32 MiB. Move large values out of the pipeline, into an image or the object store.",
        ));
    }
    let text = match bytes {
        [0xef, 0xbb, 0xbf, rest @ ..] => Cow::Borrowed(utf_8(rest)?),
        [0xff, 0xfe, 0, 0, ..] | [0, 0, 0xfe, 0xff, ..] => return Err(foreign("UTF-32")),
        [0xff, 0xfe, rest @ ..] => Cow::Owned(utf_16(rest, u16::from_le_bytes)?),
        [0xfe, 0xff, rest @ ..] => Cow::Owned(utf_16(rest, u16::from_be_bytes)?),
        [0, byte, ..] | [byte, 0, ..] if *byte != 0 => {
            return Err(foreign("UTF-16 without a byte-order mark"));
        }
        _ => Cow::Borrowed(utf_8(bytes)?),
    };
    if text.trim_ascii().is_empty() {
        return Err(Unreadable::new(
            None,
            "the text is empty".to_owned(),
            "Compile the pipeline into it.",
        ));
    }
    match forbidden(&text) {
        Some((offset, character)) => Err(Unreadable::new(
            Some(place_at(&text, offset, character.len_utf8())),
            format!(
                "the control character U+{:04X} may not stand in YAML or JSON",
                u32::from(character)
            ),
            "Remove it, or write it as an escape in double quotes.",
        )),
        None => Ok(text),
    }
}

fn foreign(encoding: &str) -> Unreadable {
    Unreadable::new(
        None,
        format!("the text is in {encoding}; servers read UTF-8"),
        AS_UTF_8,
    )
}

fn utf_8(bytes: &[u8]) -> Result<&str, Unreadable> {
    std::str::from_utf8(bytes).map_err(|error| {
        let readable = bytes
            .get(..error.valid_up_to())
            .and_then(|part| std::str::from_utf8(part).ok())
            .unwrap_or("");
        let byte = bytes.get(error.valid_up_to()).copied().unwrap_or_default();
        if bytes.iter().take(8000).any(|byte| *byte == 0) {
            return Unreadable::new(
                None,
                "this is no text".to_owned(),
                "Give the compiled pipeline, in YAML or JSON.",
            );
        }
        Unreadable::new(
            Some(place_at(readable, readable.len(), 0)),
            format!("the text is not in UTF-8: byte 0x{byte:02X}; it may be in Latin-1 or Windows-1252"),
            AS_UTF_8,
        )
    })
}

fn utf_16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> Result<String, Unreadable> {
    let (pairs, rest) = bytes.as_chunks::<2>();
    let broken = || {
        Unreadable::new(
            None,
            "the text begins as UTF-16 and does not go on so".to_owned(),
            AS_UTF_8,
        )
    };
    if !rest.is_empty() {
        return Err(broken());
    }
    char::decode_utf16(pairs.iter().copied().map(unit))
        .collect::<Result<_, _>>()
        .map_err(|_| broken())
}

/// The first character that may not stand in a text, with its offset.
fn forbidden(text: &str) -> Option<(usize, char)> {
    let bytes = text.as_bytes();
    let mut from = 0;
    // Nearly every byte is printable ASCII: only the others are looked at as characters.
    while let Some(next) = bytes
        .get(from..)?
        .iter()
        .position(|byte| !matches!(byte, b'\t' | b'\n' | b'\r' | b' '..=b'~'))
    {
        let offset = from + next;
        let character = text.get(offset..)?.chars().next()?;
        match character {
            '\u{85}' | '\u{a0}'..='\u{fffd}' | '\u{10000}'.. => from = offset + character.len_utf8(),
            _ => return Some((offset, character)),
        }
    }
    None
}

/// The place of some bytes from an offset on.
pub(super) fn place_at(text: &str, offset: usize, length: usize) -> Place {
    let before = text.get(..offset).unwrap_or(text);
    let line = before.bytes().filter(|byte| *byte == b'\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or("").chars().count() + 1;
    Place {
        line: small(line),
        column: small(column),
        start: small(offset),
        end: small(offset + length),
    }
}

/// Offsets in a text fit into 32 bits: [`MAX_BYTES`].
pub(super) fn small(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
