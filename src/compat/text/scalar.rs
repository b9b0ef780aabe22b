//! JUDGEMENT: what a scalar means to the servers' reader of YAML. Judges nothing.
//!
//! Source: gopkg.in/yaml.v3 3.0.1, resolve.go and decode.go.

use super::{Kind, number};

/// What a scalar is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Meaning {
    pub(super) kind: Kind,
    pub(super) truth: bool,
}

const TEXT: Meaning = Meaning {
    kind: Kind::Text,
    truth: false,
};

/// What a scalar means. None when the reader refuses it, for its tag says what it is not.
pub(super) fn meaning(written: &str, is_plain: bool, tag: Option<&str>) -> Option<Meaning> {
    match tag {
        Some(tag) => match tag.strip_prefix("tag:yaml.org,2002:") {
            Some(own) => tagged(own, written),
            None => Some(TEXT),
        },
        None if is_plain => Some(plain(written)),
        None => Some(TEXT),
    }
}

/// What a scalar without quotes and without a tag means.
fn plain(written: &str) -> Meaning {
    let kind = match written.as_bytes().first() {
        None => Kind::Null,
        Some(b'~' | b'n' | b'N' | b't' | b'T' | b'f' | b'F') => match written {
            "~" | "null" | "Null" | "NULL" => Kind::Null,
            "true" | "True" | "TRUE" => {
                return Meaning {
                    kind: Kind::Bool,
                    truth: true,
                };
            }
            "false" | "False" | "FALSE" => Kind::Bool,
            _ => Kind::Text,
        },
        Some(b'.' | b'+' | b'-' | b'0'..=b'9') if number::read(written).is_some() => Kind::Number,
        Some(_) => Kind::Text,
    };
    Meaning { kind, truth: false }
}

/// What a scalar with a tag of YAML's own means (`int` of `!!int`), quoted or not. None when the reader refuses it.
fn tagged(tag: &str, written: &str) -> Option<Meaning> {
    let meaning = plain(written);
    let wanted = match tag {
        "null" => Kind::Null,
        "bool" => Kind::Bool,
        "int" | "float" => Kind::Number,
        // Dates among them: they are texts here.
        _ => return Some(TEXT),
    };
    let whole = || matches!(number::read(written), Some(number::Number::Integer(_)));
    (meaning.kind == wanted && (tag != "int" || whole())).then_some(meaning)
}

/// The words that are truth values in YAML 1.1 alone. Source: sigs.k8s.io/yaml 1.4.0, goyaml.v2/resolve.go.
pub(super) fn truth_of_yaml_1_1(written: &str) -> Option<bool> {
    match written {
        "y" | "Y" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" => Some(true),
        "n" | "N" | "no" | "No" | "NO" | "off" | "Off" | "OFF" => Some(false),
        _ => None,
    }
}
