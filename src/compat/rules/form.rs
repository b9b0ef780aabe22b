//! JUDGEMENT: forms of texts that rules ask for. Says yes or no.

use crate::text::{Kind, Value};

/// Longest name of a pipeline, in characters. Source: kubeflow/pipelines, backend/src/apiserver/common/utils.go.
const LONGEST_PIPELINE_NAME: usize = 128;

/// A name that servers take for a pipeline: lower-case letters, digits and dashes, no dash first.
pub(super) fn is_pipeline_name(text: &str) -> bool {
    text.len() <= LONGEST_PIPELINE_NAME
        && !text.starts_with('-')
        && text
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}

/// A quantity of Kubernetes that is not below zero. Source: k8s.io/apimachinery, pkg/api/resource/quantity.go.
pub(super) fn is_quantity(text: &str) -> bool {
    let unsigned = text.strip_prefix('+').unwrap_or(text);
    let end = unsigned
        .find(|letter: char| !letter.is_ascii_digit() && letter != '.')
        .unwrap_or(unsigned.len());
    let (number, suffix) = unsigned.split_at(end);
    let is_number = number.bytes().any(|byte| byte.is_ascii_digit()) && number.matches('.').count() <= 1;
    let is_exponent = || {
        let digits = suffix.strip_prefix(['e', 'E']).unwrap_or_default();
        let digits = digits.strip_prefix(['+', '-']).unwrap_or(digits);
        !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
    };
    let is_suffix = matches!(
        suffix,
        "" | "n" | "u" | "m" | "k" | "M" | "G" | "T" | "P" | "E" | "Ki" | "Mi" | "Gi" | "Ti" | "Pi" | "Ei"
    );
    is_number && (is_suffix || is_exponent())
}

/// How many bytes a value takes as Go writes it in JSON.
pub(super) fn length(value: Value<'_>) -> usize {
    let mut length = 0_usize;
    let mut stack = vec![value];
    while let Some(value) = stack.pop() {
        length += match value.kind() {
            Kind::Text => value.as_str().map_or(0, escaped) + 3,
            Kind::Mapping | Kind::Sequence => 2,
            Kind::Null | Kind::Bool | Kind::Number => value.written().map_or(4, str::len) + 1,
        };
        for pair in value.entries() {
            length += escaped(pair.key) + 3;
            stack.push(pair.value);
        }
        stack.extend(value.items());
    }
    length
}

/// Bytes of a text inside quotes, as Go's encoding/json escapes it.
fn escaped(text: &str) -> usize {
    let length = |letter: char| match letter {
        '"' | '\\' | '\n' | '\r' | '\t' => 2,
        '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => 6,
        letter if letter.is_ascii_control() => 6,
        letter => letter.len_utf8(),
    };
    text.chars().map(length).sum()
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::{is_pipeline_name, is_quantity};

    #[rstest]
    #[case("1", true)]
    #[case("1.5Gi", true)]
    #[case("500m", true)]
    #[case("1e3", true)]
    #[case("-1Gi", false)]
    #[case("1GB", false)]
    #[case("lots", false)]
    #[case("1.5.0", false)]
    #[case(".", false)]
    #[case("1e", false)]
    fn quantities_are_those_of_kubernetes(#[case] text: &str, #[case] wanted: bool) {
        assert_eq!(is_quantity(text), wanted);
    }

    #[rstest]
    #[case("train-2", true)]
    #[case("2-", true)]
    #[case("-a", false)]
    #[case("Train", false)]
    #[case("a.b", false)]
    fn names_of_pipelines_are_lower_case(#[case] text: &str, #[case] wanted: bool) {
        assert_eq!(is_pipeline_name(text), wanted);
    }
}
