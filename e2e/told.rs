//! PROOF: failures of tests, told when they happen: the harness tells of all together at its end, which may be far away and may
//! never come.

/// How much of an error is shown at once, in characters; the end of logs that may follow it comes with the harness's report.
const SHOWN: usize = 600;

/// The whole error in words, the first of which are shown now.
#[must_use]
pub fn told(test: &str, error: &anyhow::Error) -> String {
    let words = format!("{error:#}");
    eprintln!("FAILED {test}: {}", beginning(&words));
    words
}

fn beginning(text: &str) -> &str {
    let lines = text.match_indices('\n').nth(3).map_or(text.len(), |(end, _)| end);
    let characters = text.char_indices().nth(SHOWN).map_or(text.len(), |(end, _)| end);
    &text[..lines.min(characters)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shown_at_once_is_short() {
        assert_eq!(beginning("why"), "why");
        assert_eq!(beginning("1\n2\n3\n4\n5"), "1\n2\n3\n4");
        assert_eq!(beginning(&"ä".repeat(1000)).chars().count(), SHOWN);
    }
}
