//! JUDGEMENT: what the servers' reader of YAML refuses and ours takes: some escapes, and breaks of lines that Unicode has.
//!
//! Source: gopkg.in/yaml.v3 3.0.1, scannerc.go, and runs of it: it has neither the escape `\/` nor pairs of surrogates,
//! both of which JSON allows, and U+0085, U+2028 and U+2029 end a line (and with it a comment).

use std::ops::Range;

use super::decode::place_at;
use crate::document::Unreadable;

/// What is to be looked at in one text. Almost always nothing.
pub(super) struct Strictness<'text> {
    text: &'text str,
    escapes: bool,
    /// Offsets of breaks that are not known to stand in quotes, last first.
    breaks: Vec<usize>,
}

impl<'text> Strictness<'text> {
    pub(super) fn of(text: &'text str) -> Self {
        let escapes = ["\\/", "\\u", "\\U"].iter().any(|escape| text.contains(escape));
        let mut breaks: Vec<usize> = if text.is_ascii() {
            Vec::new()
        } else {
            text.match_indices(['\u{85}', '\u{2028}', '\u{2029}'])
                .map(|(offset, _)| offset)
                .collect()
        };
        breaks.reverse();
        Self {
            text,
            escapes,
            breaks,
        }
    }

    /// Looks at a scalar in quotes, at these bytes.
    pub(super) fn quoted(&mut self, bytes: &Range<usize>, double: bool) -> Result<(), Unreadable> {
        while let Some(offset) = self.breaks.last().copied().filter(|offset| *offset < bytes.end) {
            if offset < bytes.start {
                return Err(self.broken(offset));
            }
            self.breaks.pop();
        }
        if !(double && self.escapes) {
            return Ok(());
        }
        let raw = self.text.get(bytes.clone()).unwrap_or("").as_bytes();
        let mut at = 0;
        while let Some(next) = raw
            .get(at..)
            .and_then(|rest| rest.iter().position(|byte| *byte == b'\\'))
        {
            at += next;
            if let Some((length, why, help)) = refused(raw.get(at + 1..).unwrap_or(&[])) {
                let place = place_at(self.text, bytes.start + at, length);
                return Err(Unreadable::new(Some(place), why.to_owned(), help));
            }
            at += 2;
        }
        Ok(())
    }

    /// Nothing of the text is left.
    pub(super) fn end(&self) -> Result<(), Unreadable> {
        self.breaks
            .last()
            .map_or(Ok(()), |offset| Err(self.broken(*offset)))
    }

    fn broken(&self, offset: usize) -> Unreadable {
        let character = self.text.get(offset..).and_then(|rest| rest.chars().next());
        let character = character.unwrap_or_default();
        Unreadable::new(
            Some(place_at(self.text, offset, character.len_utf8())),
            format!(
                "U+{:04X} ends the line for servers, here in the midst of one",
                u32::from(character)
            ),
            "Remove it; in a comment too, for the rest of its line is no comment then.",
        )
    }
}

/// Length of an escape that servers refuse, with why and what to do; `rest` is what follows the backslash.
fn refused(rest: &[u8]) -> Option<(usize, &'static str, &'static str)> {
    match rest {
        [b'/', ..] => Some((
            2,
            "servers do not know the escape \\/, though JSON has it",
            "Write / without the backslash.",
        )),
        [b'u', b'd' | b'D', b'8'..=b'9' | b'a'..=b'f' | b'A'..=b'F', ..] => Some((
            6,
            "servers refuse a character written as a pair of surrogates, though JSON has them",
            "Write the character itself in UTF-8, for example with ensure_ascii=False in Python's json.",
        )),
        _ => None,
    }
}
