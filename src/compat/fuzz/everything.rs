//! JUDGEMENT of any bytes, and what must hold of its answer. Used by the fuzz target and by the test of kept inputs.

use kfp_compat::{Document, Knowledge, Unreadable, features, judge as verdicts, text};

/// Reads bytes and judges each document in them on every release.
///
/// # Panics
/// When a place is not one of the text, a verdict is missing, or a refusal says nothing.
#[allow(clippy::expect_used, reason = "a fault is to be found")]
pub fn judge(bytes: &[u8]) {
    let knowledge = Knowledge::builtin().expect("the knowledge can be read");
    let releases = knowledge.releases();
    let documents = match Document::read_each(bytes) {
        Ok(documents) => documents,
        Err(refusal) => return sound(&refusal, bytes),
    };
    assert!(!documents.is_empty(), "a text that was read holds a document");
    let unpacked = kfp_compat::document::unpack(bytes).expect("it was read");
    let text = text::decode(&unpacked).expect("it was read");
    for document in documents {
        let verdicts = verdicts(&document, releases, knowledge);
        assert_eq!(verdicts.len(), releases.len(), "each release has a verdict");
        for finding in verdicts.iter().flat_map(|verdict| &verdict.findings) {
            assert!(
                !finding.message.is_empty() && !finding.help.is_empty(),
                "{finding:?}"
            );
            if let Some(place) = finding.place {
                within(place, &text);
            }
        }
        for feature in features(&document, knowledge) {
            assert!(!feature.name.is_empty(), "{feature:?}");
        }
    }
}

fn sound(refusal: &Unreadable, bytes: &[u8]) {
    assert!(
        !refusal.message.is_empty() && !refusal.help.is_empty(),
        "{refusal:?}"
    );
    let unpacked = kfp_compat::document::unpack(bytes);
    if let (Some(place), Some(Ok(text))) = (refusal.place, unpacked.as_deref().ok().map(text::decode)) {
        within(place, &text);
    }
}

fn within(place: text::Place, text: &str) {
    let found = text.get(place.start as usize..place.end as usize);
    assert!(
        found.is_some() && place.line >= 1 && place.column >= 1,
        "{place:?} is no place of the text"
    );
}
