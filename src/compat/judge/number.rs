//! JUDGEMENT: which values protobuf's JSON form takes for its scalars. Says yes or no, and what it wants.
//!
//! Source: google.golang.org/protobuf, encoding/protojson/decode.go (all backends from 2.14.0 on, and every upload before).

use crate::text::{Kind, Value};

/// A scalar of protobuf.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Scalar {
    Text,
    Bytes,
    Bool,
    Int32,
    Int64,
    Uint32,
    Uint64,
    Float,
    Double,
    /// `google.protobuf.Duration`.
    Duration,
    /// `google.protobuf.Timestamp`.
    Timestamp,
}

impl Scalar {
    /// What it wants, in words.
    pub(crate) const fn wanted(self) -> &'static str {
        match self {
            Self::Text => "a text",
            Self::Bytes => "a text in base64",
            Self::Bool => "true or false",
            Self::Int32 => "a whole number of 32 bits",
            Self::Int64 => "a whole number of 64 bits",
            Self::Uint32 => "a whole number of 32 bits, not below 0",
            Self::Uint64 => "a whole number of 64 bits, not below 0",
            Self::Float | Self::Double => "a number",
            Self::Duration => "a duration in seconds, such as \"30s\",",
            Self::Timestamp => "a point in time as RFC 3339 writes it",
        }
    }

    /// Smallest number that it holds, and the first one too great for it.
    const fn bounds(self) -> Option<(f64, f64)> {
        match self {
            Self::Int32 => Some((-2_147_483_648.0, 2_147_483_648.0)),
            Self::Uint32 => Some((0.0, 4_294_967_296.0)),
            Self::Int64 => Some((-9_223_372_036_854_775_808.0, 9_223_372_036_854_775_808.0)),
            Self::Uint64 => Some((0.0, 18_446_744_073_709_551_616.0)),
            _ => None,
        }
    }

    /// It takes the value.
    pub(crate) fn takes(self, value: Value<'_>) -> bool {
        match (self, value.kind()) {
            (Self::Text, Kind::Text) | (Self::Bool, Kind::Bool) => true,
            (Self::Bytes, Kind::Text) => value.as_str().is_some_and(is_base64),
            (Self::Duration, Kind::Text) => value.as_str().is_some_and(is_duration),
            (Self::Timestamp, Kind::Text) => value
                .as_str()
                .is_some_and(|text| text.len() >= "2026-01-01T00:00:00Z".len()),
            (Self::Float | Self::Double, Kind::Number) => {
                value.as_f64().is_some_and(|number| self.holds(number))
            }
            (Self::Float | Self::Double, Kind::Text) => value.as_str().is_some_and(|text| {
                matches!(text, "NaN" | "Infinity" | "-Infinity")
                    || json_number(text).is_some_and(|number| self.holds(number))
            }),
            (Self::Int32 | Self::Int64 | Self::Uint32 | Self::Uint64, Kind::Number) => {
                value.as_f64().is_some_and(|number| self.holds(number))
            }
            (Self::Int32 | Self::Int64 | Self::Uint32 | Self::Uint64, Kind::Text) => value
                .as_str()
                .and_then(json_number)
                .is_some_and(|number| self.holds(number)),
            _ => false,
        }
    }

    fn holds(self, number: f64) -> bool {
        match self.bounds() {
            Some((least, beyond)) => number.fract() == 0.0 && number >= least && number < beyond,
            None if self == Self::Float => number.is_finite() && number.abs() <= f64::from(f32::MAX),
            None => number.is_finite(),
        }
    }
}

/// The number that a text says, as JSON writes numbers and without spaces.
fn json_number(text: &str) -> Option<f64> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let whole = digits.bytes().take_while(u8::is_ascii_digit).count();
    let padded = whole > 1 && digits.starts_with('0');
    let rest = digits.get(whole..)?;
    let fraction = rest.strip_prefix('.');
    let fraction_fits = fraction.is_none_or(|rest| rest.starts_with(|first: char| first.is_ascii_digit()));
    let plain = text
        .bytes()
        .all(|byte| byte.is_ascii_digit() || matches!(byte, b'-' | b'+' | b'.' | b'e' | b'E'));
    (whole > 0 && !padded && fraction_fits && plain)
        .then(|| text.parse().ok())
        .flatten()
}

/// Seconds with at most nine decimals and `s`; protobuf holds 315,576,000,000 seconds.
fn is_duration(text: &str) -> bool {
    let Some(seconds) = text.strip_suffix('s') else {
        return false;
    };
    let unsigned = seconds.strip_prefix(['-', '+']).unwrap_or(seconds);
    let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, "0"));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let fits = whole.parse::<u64>().is_ok_and(|whole| whole <= 315_576_000_000);
    digits(whole) && fits && digits(fraction) && (1..=9).contains(&fraction.len())
}

/// Standard or URL alphabet, padded or not.
fn is_base64(text: &str) -> bool {
    let body = text.trim_end_matches('=');
    let padding = text.len() - body.len();
    let alphabet = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'-' | b'_');
    body.bytes().all(alphabet) && body.len() % 4 != 1 && (padding == 0 || text.len().is_multiple_of(4))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::{is_base64, is_duration, json_number};

    #[rstest]
    #[case("5", Some(5.0))]
    #[case("-0.5e2", Some(-50.0))]
    #[case("05", None)]
    #[case("5.", None)]
    #[case(".5", None)]
    #[case("+5", None)]
    #[case(" 5", None)]
    #[case("", None)]
    #[case("inf", None)]
    fn numbers_in_texts_are_those_of_json(#[case] text: &str, #[case] wanted: Option<f64>) {
        assert_eq!(json_number(text), wanted);
    }

    #[rstest]
    #[case("30s", true)]
    #[case("0.5s", true)]
    #[case("-3s", true)]
    #[case("30", false)]
    #[case("1m", false)]
    #[case("1e3s", false)]
    #[case("s", false)]
    fn durations_are_seconds(#[case] text: &str, #[case] wanted: bool) {
        assert_eq!(is_duration(text), wanted);
    }

    #[rstest]
    #[case("aGk=", true)]
    #[case("aGk", true)]
    #[case("a", false)]
    #[case("a b=", false)]
    fn bytes_are_base64(#[case] text: &str, #[case] wanted: bool) {
        assert_eq!(is_base64(text), wanted);
    }
}
