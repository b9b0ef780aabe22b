//! JUDGEMENT: lines and columns for offsets into a text. Reads; judges nothing.

use std::ops::Range;

use crate::document::Unreadable;
use crate::text::Place;

/// Where a range of bytes stands in `text`. A range outside the text is taken to its end.
pub(super) fn place(text: &str, range: Range<usize>) -> Place {
    let start = floor(text, range.start);
    let end = floor(text, range.end).max(start);
    let before = &text[..start];
    let line_start = before.rfind('\n').map_or(0, |at| at + 1);
    let count = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
    Place {
        line: count(before.bytes().filter(|byte| *byte == b'\n').count() + 1),
        column: count(before[line_start..].chars().count() + 1),
        start: count(start),
        end: count(end),
    }
}

/// The nearest border of a letter at or before `at`.
fn floor(text: &str, at: usize) -> usize {
    (0..=at.min(text.len()))
        .rev()
        .find(|at| text.is_char_boundary(*at))
        .unwrap_or(0)
}

/// A text that cannot be understood at a place.
pub(super) fn unreadable(text: &str, range: Range<usize>, message: String, help: &str) -> Unreadable {
    Unreadable {
        place: Some(place(text, range)),
        message,
        help: help.to_owned(),
    }
}
