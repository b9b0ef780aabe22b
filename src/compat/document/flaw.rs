//! JUDGEMENT: what servers make of how a pipeline is written, whatever their release. Holds nothing against a release.
//!
//! Source: gopkg.in/yaml.v3 3.0.1 and Go's encoding/json, which every backend from 2.0.5 to 2.17.0 reads an upload with, and
//! runs of both.

use super::Form;
use crate::finding::Effect;
use crate::text::{Oddity, OddityKind, Place, Tree};

/// Something written so that every server, whatever its release, makes something else of it than it looks like.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flaw {
    /// Where it stands.
    pub place: Place,
    /// What happens.
    pub effect: Effect,
    /// What is there and what happens, one sentence without the place.
    pub message: &'static str,
    /// What to do.
    pub help: &'static str,
}

/// Which part of a pipeline something stands in.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Whole,
    Spec,
    Platform,
}

/// Flaws of a pipeline, in the order of the text; `of_text` are those of the text as a whole.
pub(super) fn flaws(spec: &Tree, platform: Option<&Tree>, form: Form, of_text: &[Oddity]) -> Vec<Flaw> {
    let mut flaws: Vec<Flaw> = (of_text.iter().map(|oddity| (*oddity, Part::Whole)))
        .chain(spec.oddities().map(|oddity| (oddity, Part::Spec)))
        .chain(
            platform
                .into_iter()
                .flat_map(Tree::oddities)
                .map(|oddity| (oddity, Part::Platform)),
        )
        .filter_map(|(oddity, part)| flaw(oddity, part, form))
        .collect();
    flaws.sort_by_key(|flaw| flaw.place);
    flaws
}

fn flaw(oddity: Oddity, part: Part, form: Form) -> Option<Flaw> {
    let uploaded = form == Form::Upload;
    let (effect, message, help) = match (oddity.kind, part) {
        (OddityKind::KeyIsNoText, Part::Spec) if uploaded => (
            Effect::RefusedAtUpload,
            "this key is no text, so servers do not take the document for a pipeline",
            "Put the key in quotes.",
        ),
        // A platform spec, and a manifest, go through another reader before, which makes a text of the key.
        (OddityKind::KeyIsNoText, _) => return None,
        (OddityKind::NotFinite, Part::Platform) if uploaded => (
            Effect::Dropped,
            "JSON has no such number, so servers pass over the whole platform spec",
            "Write a finite number, or a text in quotes.",
        ),
        (OddityKind::NotFinite, _) => (
            Effect::RefusedAtUpload,
            "JSON has no such number, so servers do not take the document for a pipeline",
            "Write a finite number, or a text in quotes.",
        ),
        (OddityKind::KeyIsNull, _) => (
            Effect::Dropped,
            "the key of this entry is null, and servers drop the entry",
            "Name the entry, or remove it.",
        ),
        (OddityKind::BreakOfLine, _) => (
            Effect::RefusedAtUpload,
            "this character (U+0085, U+2028 or U+2029) ends the line for servers, and they cannot read what follows",
            "Remove the character, from the description or the default it comes from; in a comment too.",
        ),
        (OddityKind::EscapedSlash, _) => (
            Effect::RefusedAtUpload,
            "servers refuse the escape \\/, though JSON has it",
            "Write / without the backslash.",
        ),
        (OddityKind::PairOfSurrogates, _) => (
            Effect::RefusedAtUpload,
            "servers refuse a character written as a pair of surrogates, though JSON has them",
            "Write the character itself in UTF-8, for example with ensure_ascii=False in Python's json.",
        ),
        (OddityKind::YamlVersion, _) => (
            Effect::RefusedAtUpload,
            "servers read YAML 1.1, and the text says it is of another version",
            "Remove the line that begins with %YAML.",
        ),
    };
    Some(Flaw {
        place: oddity.place,
        effect,
        message,
        help,
    })
}
