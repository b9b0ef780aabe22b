//! EYES AND HANDS: Kubernetes quantities as numbers, to compare `0.5` with `500m`. Pure; no I/O.

/// The quantity in units of 10⁻⁹, or `None` when the text is no quantity or too large to count so.
///
/// Forms are those of the Kubernetes API: decimal suffixes `n u m k M G T P E`, binary ones `Ki Mi Gi Ti Pi Ei`, and
/// exponents (`12e6`). Parts below 10⁻⁹ are rounded up, as the API server does.
#[must_use]
pub fn nanos(text: &str) -> Option<i128> {
    let digits = text
        .find(|c: char| !matches!(c, '0'..='9' | '.' | '+' | '-'))
        .unwrap_or(text.len());
    let (number, suffix) = text.split_at(digits);
    let (factor, exponent) = match suffix {
        "Ki" => (1024_i128, 0),
        "Mi" => (1024_i128.pow(2), 0),
        "Gi" => (1024_i128.pow(3), 0),
        "Ti" => (1024_i128.pow(4), 0),
        "Pi" => (1024_i128.pow(5), 0),
        "Ei" => (1024_i128.pow(6), 0),
        "n" => (1, -9),
        "u" => (1, -6),
        "m" => (1, -3),
        "" => (1, 0),
        "k" => (1, 3),
        "M" => (1, 6),
        "G" => (1, 9),
        "T" => (1, 12),
        "P" => (1, 15),
        "E" => (1, 18),
        _ => (1, suffix.strip_prefix(['e', 'E'])?.parse::<i32>().ok()?),
    };
    scaled(number, factor, exponent)
}

/// `number × factor × 10^(exponent + 9)`, rounded away from zero.
fn scaled(number: &str, factor: i128, exponent: i32) -> Option<i128> {
    let (negative, number) = match number.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, number.strip_prefix('+').unwrap_or(number)),
    };
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if whole.is_empty() && fraction.is_empty() || fraction.contains('.') {
        return None;
    }
    let mantissa: i128 = format!("{whole}{fraction}").parse().ok()?;
    let shift = exponent
        .checked_add(9)?
        .checked_sub(i32::try_from(fraction.len()).ok()?)?;
    let power = 10_i128.checked_pow(shift.unsigned_abs())?;
    let product = mantissa.checked_mul(factor)?;
    let magnitude = if shift >= 0 {
        product.checked_mul(power)?
    } else {
        product / power + i128::from(product % power != 0)
    };
    Some(if negative { -magnitude } else { magnitude })
}

/// True when both texts are quantities of the same value.
#[must_use]
pub fn same(left: &str, right: &str) -> bool {
    left == right || matches!((nanos(left), nanos(right)), (Some(a), Some(b)) if a == b)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rstest::rstest;

    #[rstest]
    #[case("0.5", "500m", true)]
    #[case("1", "1000m", true)]
    #[case("1Gi", "1024Mi", true)]
    #[case("1e3", "1k", true)]
    #[case("1.5Gi", "1536Mi", true)]
    #[case("0", "0Mi", true)]
    #[case("1G", "1Gi", false)]
    #[case("100m", "100M", false)]
    #[case("-1", "1", false)]
    #[case("abc", "1", false)]
    #[case("", "0", false)]
    fn quantities_compare_by_value(#[case] left: &str, #[case] right: &str, #[case] equal: bool) {
        assert_eq!(same(left, right), equal);
    }

    proptest! {
        #[test]
        fn no_text_makes_it_fail(text in "\\PC{0,24}") {
            let _ = nanos(&text);
        }

        #[test]
        fn thousandths_equal_their_decimal_fraction(milli in 0_u64..10_000_000) {
            let decimal = format!("{}.{:03}", milli / 1000, milli % 1000);
            let suffixed = format!("{milli}m");
            prop_assert!(same(&decimal, &suffixed));
        }
    }
}
