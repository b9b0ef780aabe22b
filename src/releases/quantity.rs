//! FACTS: Kubernetes quantities as numbers, so that sizes can be compared. No I/O.

use k8s_openapi::apimachinery::pkg::api::resource::Quantity;

/// Nano-units in one unit: the finest that Kubernetes keeps.
const NANO: i128 = 1_000_000_000;

/// A quantity in nano-units, exactly as Kubernetes reads it; nothing for a text that is no quantity, is finer than a
/// nano-unit or does not fit.
#[must_use]
pub fn nano(quantity: &Quantity) -> Option<i128> {
    let text = quantity.0.as_str();
    let (negative, text) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let end = text
        .find(|letter: char| !letter.is_ascii_digit() && letter != '.')
        .unwrap_or(text.len());
    let (number, suffix) = text.split_at(end);
    let (numerator, denominator) = scale(suffix)?;
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if (whole.is_empty() && fraction.is_empty()) || fraction.contains('.') {
        return None;
    }
    let digits: i128 = format!("{whole}{fraction}").parse().ok()?;
    let denominator = denominator.checked_mul(power(10, u32::try_from(fraction.len()).ok()?)?)?;
    let scaled = digits.checked_mul(numerator)?.checked_mul(NANO)?;
    (scaled % denominator == 0).then(|| {
        if negative {
            -(scaled / denominator)
        } else {
            scaled / denominator
        }
    })
}

/// A whole, positive number of bytes.
#[must_use]
pub fn bytes(quantity: &Quantity) -> Option<u128> {
    let nano = nano(quantity)?;
    if nano <= 0 || nano % NANO != 0 {
        None
    } else {
        u128::try_from(nano / NANO).ok()
    }
}

/// What a suffix multiplies by, as a fraction.
fn scale(suffix: &str) -> Option<(i128, i128)> {
    let decimal = |exponent: i32| match u32::try_from(exponent) {
        Ok(exponent) => Some((power(10, exponent)?, 1)),
        Err(_) => Some((1, power(10, exponent.unsigned_abs())?)),
    };
    let position = |letters: &str, letter: &str| letters.find(letter).and_then(|at| i32::try_from(at).ok());
    match suffix {
        "" => Some((1, 1)),
        "n" | "u" | "m" => decimal(3 * (position("num", suffix)? - 3)),
        "k" | "M" | "G" | "T" | "P" | "E" => decimal(3 * (position("kMGTPE", suffix)? + 1)),
        _ => match suffix.strip_suffix('i') {
            Some(letter @ ("K" | "M" | "G" | "T" | "P" | "E")) => {
                let exponent = u32::try_from(position("KMGTPE", letter)? + 1).ok()?;
                Some((power(1024, exponent)?, 1))
            }
            _ => decimal(suffix.strip_prefix(['e', 'E'])?.parse().ok()?),
        },
    }
}

fn power(base: i128, exponent: u32) -> Option<i128> {
    base.checked_pow(exponent)
}

#[cfg(test)]
mod tests {
    use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
    use rstest::rstest;

    use super::{bytes, nano};

    #[rstest]
    #[case("1", 1_000_000_000)]
    #[case("250m", 250_000_000)]
    #[case("1.5", 1_500_000_000)]
    #[case(".5", 500_000_000)]
    #[case("1n", 1)]
    #[case("3u", 3_000)]
    #[case("-2", -2_000_000_000)]
    #[case("1e3", 1_000_000_000_000)]
    #[case("12E-3", 12_000_000)]
    #[case("1E", 1_000_000_000_000_000_000_000_000_000)]
    fn quantities_are_read_exactly(#[case] text: &str, #[case] wanted: i128) {
        assert_eq!(nano(&Quantity(text.to_owned())), Some(wanted));
    }

    #[rstest]
    #[case("20Gi", 21_474_836_480)]
    #[case("1Ki", 1_024)]
    #[case("1.5Ki", 1_536)]
    #[case("1Ei", 1_152_921_504_606_846_976)]
    #[case("20G", 20_000_000_000)]
    fn sizes_are_whole_bytes(#[case] text: &str, #[case] wanted: u128) {
        assert_eq!(bytes(&Quantity(text.to_owned())), Some(wanted));
    }

    #[rstest]
    #[case("")]
    #[case("Gi")]
    #[case("1 Gi")]
    #[case("1gi")]
    #[case("1.2.3")]
    #[case("0.1n")]
    #[case("1e400")]
    #[case("--1")]
    fn what_is_no_quantity_is_nothing(#[case] text: &str) {
        assert_eq!(nano(&Quantity(text.to_owned())), None);
    }

    #[rstest]
    #[case("0")]
    #[case("-1Gi")]
    #[case("1m")]
    fn what_is_no_size_is_nothing(#[case] text: &str) {
        assert_eq!(bytes(&Quantity(text.to_owned())), None);
    }
}
