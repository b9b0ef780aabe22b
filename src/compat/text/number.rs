//! JUDGEMENT: numbers as the servers' reader of YAML has them. Exact; judges nothing.
//!
//! Source: gopkg.in/yaml.v3 3.0.1, resolve.go, and Go's strconv with base 0.

/// A number.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Number {
    /// A whole number without fraction or exponent, from -2⁶³ to 2⁶⁴-1.
    Integer(i128),
    /// Any other; servers hand it on as the nearest number of 64 bits. Not a number and infinite ones are among them.
    Float(f64),
}

impl Number {
    /// The nearest number that 64 bits hold.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "the nearest one is what is asked for")]
    pub const fn as_f64(self) -> f64 {
        match self {
            Self::Integer(number) => number as f64,
            Self::Float(number) => number,
        }
    }
}

/// The number that a plain scalar says; none when it says a text.
pub(super) fn read(written: &str) -> Option<Number> {
    match written.as_bytes().first()? {
        b'.' => special(written).or_else(|| finite(written)).map(Number::Float),
        b'+' | b'-' => special(written).map(Number::Float).or_else(|| digits(written)),
        b'0'..=b'9' => digits(written),
        _ => None,
    }
}

fn special(written: &str) -> Option<f64> {
    match written {
        ".nan" | ".NaN" | ".NAN" => Some(f64::NAN),
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => Some(f64::INFINITY),
        "-.inf" | "-.Inf" | "-.INF" => Some(f64::NEG_INFINITY),
        _ => None,
    }
}

/// What begins with a digit or a sign. Underscores count for nothing wherever they stand.
fn digits(written: &str) -> Option<Number> {
    let without;
    let plain = if written.contains('_') {
        without = written.replace('_', "");
        &without
    } else {
        written
    };
    integer(plain).map(Number::Integer).or_else(|| {
        let shaped = has_shape_of_float(plain);
        shaped.then(|| finite(plain)).flatten().map(Number::Float)
    })
}

/// Go's whole numbers with base 0: `0x`, `0o`, `0b` in either case, and a leading 0 for octal.
fn integer(plain: &str) -> Option<i128> {
    let (sign, unsigned) = match plain.as_bytes().first()? {
        b'-' => (-1, &plain[1..]),
        b'+' => (1, &plain[1..]),
        _ => (1, plain),
    };
    let bytes = unsigned.as_bytes();
    let (base, digits) = match (bytes.first()?, bytes.get(1)) {
        (b'0', Some(b'x' | b'X')) => (16, &unsigned[2..]),
        (b'0', Some(b'o' | b'O')) => (8, &unsigned[2..]),
        (b'0', Some(b'b' | b'B')) => (2, &unsigned[2..]),
        (b'0', Some(_)) => (8, &unsigned[1..]),
        _ => (10, unsigned),
    };
    if !digits.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return None;
    }
    let number = sign * i128::from(u64::from_str_radix(digits, base).ok()?);
    let signed = sign < 0 || plain.starts_with('+');
    let holds = if signed {
        i64::try_from(number).is_ok()
    } else {
        true
    };
    holds.then_some(number)
}

/// `[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?`
fn has_shape_of_float(plain: &str) -> bool {
    let skip_digits = |text: &'_ str| text.bytes().take_while(u8::is_ascii_digit).count();
    let rest = plain.strip_prefix(['-', '+']).unwrap_or(plain);
    let whole = skip_digits(rest);
    let mut rest = &rest[whole..];
    if let Some(after) = rest.strip_prefix('.') {
        let fraction = skip_digits(after);
        if whole == 0 && fraction == 0 {
            return false;
        }
        rest = &after[fraction..];
    } else if whole == 0 {
        return false;
    }
    match rest.strip_prefix(['e', 'E']) {
        None => rest.is_empty(),
        Some(exponent) => {
            let exponent = exponent.strip_prefix(['-', '+']).unwrap_or(exponent);
            !exponent.is_empty() && skip_digits(exponent) == exponent.len()
        }
    }
}

/// A number that 64 bits hold; one beyond them stays a text.
fn finite(plain: &str) -> Option<f64> {
    if !has_shape_of_float(plain) {
        return None;
    }
    plain.parse().ok().filter(|number: &f64| number.is_finite())
}
