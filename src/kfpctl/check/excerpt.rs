//! PEOPLE: the few lines of a text that a finding stands on, cut so that they can be shown. No I/O.

use kfp_compat::text::Place;

use super::report::Span;

/// Bytes of a line shown on each side of a place; a longer line is cut there.
const AROUND: usize = 70;
/// Mark of a cut.
const CUT: &str = "…";

/// One line of a text, with what is meant in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Excerpt {
    /// Number of the line, from 1.
    pub line: u32,
    /// The line, or the part of it around the place; free of control characters.
    pub text: String,
    /// The bytes of it that are meant.
    pub start: usize,
    /// After the last of these bytes.
    pub end: usize,
}

/// The line that a place begins on.
#[must_use]
pub fn excerpt(text: &[u8], place: Place) -> Option<Excerpt> {
    let start = usize::try_from(place.start).ok()?.min(text.len());
    let end = usize::try_from(place.end).ok()?.clamp(start, text.len());
    let from = start.saturating_sub(AROUND);
    let line_start = memchr::memrchr(b'\n', text.get(from..start)?).map_or(from, |at| from + at + 1);
    let to = end.min(start + AROUND) + AROUND;
    let to = to.min(text.len());
    let line_end = memchr::memchr(b'\n', text.get(start..to)?).map_or(to, |at| start + at);
    let line_end = if line_end > start && text.get(line_end - 1) == Some(&b'\r') {
        line_end - 1
    } else {
        line_end
    };
    let cut_before = line_start > 0 && text.get(line_start - 1) != Some(&b'\n');
    let cut_after = line_end < text.len() && !matches!(text.get(line_end), Some(b'\n' | b'\r'));
    let end = end.min(line_end);
    let mut shown = if cut_before { CUT.to_owned() } else { String::new() };
    shown += &clean(text.get(line_start..start)?);
    let first = shown.len();
    shown += &clean(text.get(start..end)?);
    let last = shown.len();
    shown += clean(text.get(end..line_end)?).trim_end();
    if cut_after {
        shown += CUT;
    }
    Some(Excerpt {
        line: place.line,
        text: shown,
        start: first,
        end: last,
    })
}

/// Bytes as text without anything that moves a terminal's cursor or turns the direction of writing.
fn clean(bytes: &[u8]) -> String {
    plain(&String::from_utf8_lossy(bytes))
}

/// A text on one line, without anything that moves a terminal's cursor or turns the direction of writing.
#[must_use]
pub fn plain(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '\t' => clean.push(' '),
            '\u{feff}' => {}
            '\u{200b}'..='\u{200f}'
            | '\u{202a}'..='\u{202e}'
            | '\u{2028}'
            | '\u{2029}'
            | '\u{2066}'..='\u{2069}' => {
                clean.push('\u{fffd}');
            }
            control if control.is_control() => clean.push('\u{fffd}'),
            letter => clean.push(letter),
        }
    }
    clean
}

/// The lines and columns of a place.
#[must_use]
pub fn span(text: &[u8], place: Place) -> Span {
    let start = usize::try_from(place.start).unwrap_or(usize::MAX).min(text.len());
    let end = usize::try_from(place.end)
        .unwrap_or(usize::MAX)
        .clamp(start, text.len());
    let meant = text.get(start..end).unwrap_or_default();
    let lines = memchr::memchr_iter(b'\n', meant).count();
    let last = memchr::memrchr(b'\n', meant).map_or(meant, |at| &meant[at + 1..]);
    let columns = u32::try_from(String::from_utf8_lossy(last).chars().count()).unwrap_or(u32::MAX);
    let from = if lines == 0 { place.column } else { 1 };
    Span {
        line: place.line,
        column: place.column,
        end_line: place
            .line
            .saturating_add(u32::try_from(lines).unwrap_or(u32::MAX)),
        end_column: from.saturating_add(columns),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(text: &str, word: &str) -> Place {
        let start = text.find(word).unwrap();
        let before = &text[..start];
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        Place {
            line: u32::try_from(before.matches('\n').count()).unwrap() + 1,
            column: u32::try_from(before[line_start..].chars().count()).unwrap() + 1,
            start: u32::try_from(start).unwrap(),
            end: u32::try_from(start + word.len()).unwrap(),
        }
    }

    #[test]
    fn a_line_is_shown_whole_and_the_place_in_it_is_known() {
        let text = "a: 1\n  über: wort  \nc: 2\n";
        let shown = excerpt(text.as_bytes(), place(text, "wort")).unwrap();
        assert_eq!((shown.line, shown.text.as_str()), (2, "  über: wort"));
        assert_eq!(&shown.text[shown.start..shown.end], "wort");
    }

    #[test]
    fn a_long_line_is_cut_on_both_sides() {
        let text = format!("{{{}\"word\": 1{}}}", "x".repeat(100_000), "y".repeat(100_000));
        let shown = excerpt(text.as_bytes(), place(&text, "\"word\"")).unwrap();
        assert!(shown.text.len() < 200, "{}", shown.text.len());
        assert!(
            shown.text.starts_with("…x") && shown.text.ends_with("y…"),
            "{}",
            shown.text
        );
        assert_eq!(&shown.text[shown.start..shown.end], "\"word\"");
    }

    #[test]
    fn a_cut_through_a_letter_of_many_bytes_is_no_panic() {
        let text = "ü".repeat(300);
        for start in 0..text.len() {
            let place = Place {
                line: 1,
                column: 1,
                start: u32::try_from(start).unwrap(),
                end: u32::try_from(start + 3).unwrap(),
            };
            let shown = excerpt(text.as_bytes(), place).unwrap();
            assert!(shown.text.get(shown.start..shown.end).is_some());
        }
    }

    #[test]
    fn what_would_move_the_cursor_or_turn_the_text_is_replaced() {
        assert_eq!(
            plain("a\u{1b}[2Jb\u{202e}c\td\r\n"),
            "a\u{fffd}[2Jb\u{fffd}c d\u{fffd}\u{fffd}"
        );
    }

    #[test]
    fn the_end_of_a_place_over_several_lines_is_on_the_last_one() {
        let text = "a:\n  b: 1\n  c: 22\nd: 3\n";
        let word = "b: 1\n  c: 22";
        assert_eq!(
            span(text.as_bytes(), place(text, word)),
            Span {
                line: 2,
                column: 3,
                end_line: 3,
                end_column: 8
            }
        );
    }

    #[test]
    fn a_place_outside_the_text_is_taken_to_its_end() {
        let far = Place {
            line: 9,
            column: 9,
            start: 900,
            end: 1000,
        };
        assert!(excerpt(b"short", far).is_some());
        assert_eq!(span(b"short", far).end_line, 9);
    }
}
