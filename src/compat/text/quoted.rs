//! JUDGEMENT: what the servers' reader of YAML refuses and ours takes: some escapes, and breaks of lines that Unicode has.
//!
//! Source: gopkg.in/yaml.v3 3.0.1, scannerc.go, and runs of it.

use std::iter::Peekable;
use std::ops::Range;
use std::str::MatchIndices;

use super::decode::place_at;
use super::{Oddity, OddityKind};

/// Characters that end a line for servers, and are like any other for the parser used here.
pub(super) const BREAKS: [char; 3] = ['\u{85}', '\u{2028}', '\u{2029}'];

/// What is to be looked at in one text. Almost always nothing.
pub(super) struct Strictness<'text> {
    text: &'text str,
    escapes: bool,
    /// Breaks that are not known to stand in quotes.
    breaks: Peekable<MatchIndices<'text, [char; 3]>>,
    /// The first one of each kind: one is enough for a refusal.
    pub(super) found: Vec<Oddity>,
}

impl<'text> Strictness<'text> {
    pub(super) fn of(text: &'text str) -> Self {
        let escapes = ["\\/", "\\u", "\\U"].iter().any(|escape| text.contains(escape));
        // Nearly every text is ASCII, where there is nothing to look for.
        let searched = if text.is_ascii() { "" } else { text };
        let breaks = searched.match_indices(BREAKS).peekable();
        Self {
            text,
            escapes,
            breaks,
            found: Vec::new(),
        }
    }

    /// Looks at a scalar in quotes, at these bytes.
    pub(super) fn quoted(&mut self, bytes: &Range<usize>, double: bool) {
        while let Some((offset, found)) = self.breaks.next_if(|(offset, _)| *offset < bytes.end) {
            if offset < bytes.start {
                self.note(OddityKind::BreakOfLine, offset, found.len());
            }
        }
        if !(double && self.escapes) {
            return;
        }
        let raw = self.text.get(bytes.clone()).unwrap_or("").as_bytes();
        let mut at = 0;
        while let Some(next) = raw
            .get(at..)
            .and_then(|rest| rest.iter().position(|byte| *byte == b'\\'))
        {
            at += next;
            if let Some((kind, length)) = refused(raw.get(at + 1..).unwrap_or(&[])) {
                self.note(kind, bytes.start + at, length);
            }
            at += 2;
        }
    }

    /// Nothing of the text is left.
    pub(super) fn end(&mut self) {
        if let Some((offset, found)) = self.breaks.next() {
            self.note(OddityKind::BreakOfLine, offset, found.len());
        }
    }

    pub(super) fn note(&mut self, kind: OddityKind, offset: usize, length: usize) {
        if self.found.iter().all(|oddity| oddity.kind != kind) {
            let place = place_at(self.text, offset, length);
            self.found.push(Oddity { kind, place });
        }
    }
}

/// The escape that servers refuse, with its length; `rest` is what follows the backslash.
fn refused(rest: &[u8]) -> Option<(OddityKind, usize)> {
    match rest {
        [b'/', ..] => Some((OddityKind::EscapedSlash, 2)),
        [b'u', b'd' | b'D', b'8'..=b'9' | b'a'..=b'f' | b'A'..=b'F', ..] => {
            Some((OddityKind::PairOfSurrogates, 6))
        }
        _ => None,
    }
}
