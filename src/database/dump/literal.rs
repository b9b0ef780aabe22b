//! LEDGER: the bytes of a value as SQL that gives the same bytes on every server, in valid UTF-8 and without an end of line.
//! Pure.

use std::io::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// How a column's values are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Literal {
    /// Digits, as they are.
    Number,
    /// A text or binary value. In a session with `SET NAMES binary` a literal's bytes become the column's, whatever its
    /// character set.
    Bytes,
    /// What servers take only as a text of a character set: JSON and addresses. A MySQL server refuses JSON from binary
    /// literals; MariaDB takes binary literals for UUID and INET6 as their internal form.
    Utf8,
}

impl Literal {
    /// The way for columns of this `DATA_TYPE`.
    pub(crate) fn of(data_type: &str) -> Self {
        match data_type.to_ascii_lowercase().as_str() {
            "tinyint" | "smallint" | "mediumint" | "int" | "bigint" | "decimal" | "year" => Self::Number,
            "json" | "uuid" | "inet4" | "inet6" => Self::Utf8,
            _ => Self::Bytes,
        }
    }
}

/// Bytes from which on binary values are written in base64: four thirds of their size instead of twice, for they pass
/// through memory as a whole. Below, hexadecimal digits are what people can read and compare.
const LARGE: usize = 1 << 20;
/// Bytes of a value that are written at once: a multiple of three, so that base64 can be cut there.
pub(crate) const PIECE: usize = 48 * 1024;

/// How one value is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Plain,
    Quoted,
    Hex,
    Base64,
}

/// A value on its way into a statement.
pub(crate) struct Writing<'a> {
    form: Form,
    rest: &'a [u8],
    started: bool,
    utf8: bool,
}

impl<'a> Writing<'a> {
    pub(crate) fn new(literal: Literal, value: Option<&'a [u8]>) -> Self {
        let Some(value) = value else {
            return Self {
                form: Form::Plain,
                rest: b"NULL",
                started: false,
                utf8: false,
            };
        };
        let plain = |byte: &u8| byte.is_ascii_digit() || matches!(byte, b'-' | b'.');
        let form = match literal {
            Literal::Number if !value.is_empty() && value.iter().all(plain) => Form::Plain,
            _ if std::str::from_utf8(value).is_ok() => Form::Quoted,
            _ if value.len() < LARGE => Form::Hex,
            _ => Form::Base64,
        };
        Self {
            form,
            rest: value,
            started: false,
            utf8: literal == Literal::Utf8,
        }
    }

    /// Appends the next piece; `false` when that was the last one.
    pub(crate) fn step(&mut self, out: &mut Vec<u8>) -> bool {
        if !self.started {
            self.started = true;
            out.extend_from_slice(match self.form {
                Form::Plain => b"",
                Form::Quoted if self.utf8 => b"_utf8mb4'",
                Form::Quoted => b"'",
                Form::Hex => b"x'",
                Form::Base64 => b"FROM_BASE64('",
            });
        }
        let (piece, rest) = self.rest.split_at(self.rest.len().min(PIECE));
        self.rest = rest;
        match self.form {
            Form::Plain => out.extend_from_slice(piece),
            Form::Quoted => escape(out, piece),
            Form::Hex => hex(out, piece),
            Form::Base64 => base64(out, piece),
        }
        if rest.is_empty() {
            out.extend_from_slice(match self.form {
                Form::Plain => b"",
                Form::Quoted | Form::Hex => b"'",
                Form::Base64 => b"')",
            });
        }
        !rest.is_empty()
    }
}

/// Appends a whole value.
pub(crate) fn append(out: &mut Vec<u8>, literal: Literal, value: Option<&[u8]>) {
    let mut writing = Writing::new(literal, value);
    while writing.step(out) {}
}

/// What stands for a byte in a quoted text after a backslash; 0 where the byte stands for itself.
const ESCAPES: [u8; 256] = {
    let mut escapes = [0; 256];
    escapes[0] = b'0';
    escapes[b'\n' as usize] = b'n';
    escapes[b'\r' as usize] = b'r';
    escapes[0x1a] = b'Z';
    escapes[b'\'' as usize] = b'\'';
    escapes[b'\\' as usize] = b'\\';
    escapes
};

fn escape(out: &mut Vec<u8>, value: &[u8]) {
    out.reserve(value.len() + value.len() / 16);
    let mut rest = value;
    while let Some(at) = rest.iter().position(|byte| ESCAPES[usize::from(*byte)] != 0) {
        out.extend_from_slice(&rest[..at]);
        out.extend_from_slice(&[b'\\', ESCAPES[usize::from(rest[at])]]);
        rest = &rest[at + 1..];
    }
    out.extend_from_slice(rest);
}

/// Appends hexadecimal digits.
pub(crate) fn hex(out: &mut Vec<u8>, value: &[u8]) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    out.reserve(value.len() * 2);
    for byte in value {
        out.extend_from_slice(&[DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]);
    }
}

fn base64(out: &mut Vec<u8>, value: &[u8]) {
    let mut text = STANDARD.encode(value).into_bytes();
    out.append(&mut text);
}

/// An identifier of SQL in a statement.
pub(crate) fn identifier(out: &mut Vec<u8>, name: &str) {
    // Writing to a Vec cannot fail.
    let _ = write!(out, "{}", crate::session::quoted(name));
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::{LARGE, Literal, append};

    fn written(literal: Literal, value: Option<&[u8]>) -> String {
        let mut out = Vec::new();
        append(&mut out, literal, value);
        String::from_utf8(out).unwrap()
    }

    #[rstest]
    #[case(Literal::Bytes, None, "NULL")]
    #[case(Literal::Bytes, Some(b"".as_slice()), "''")]
    #[case(Literal::Number, Some(b"-12".as_slice()), "-12")]
    #[case(Literal::Number, Some(b"00012.50".as_slice()), "00012.50")]
    #[case(Literal::Number, Some(b"1); DROP".as_slice()), "'1); DROP'")]
    #[case(Literal::Number, Some(b"".as_slice()), "''")]
    #[case(Literal::Bytes, Some(b"it's\\\n\r\0\x1a\"".as_slice()), r#"'it\'s\\\n\r\0\Z"'"#)]
    #[case(Literal::Bytes, Some("grün \u{1f600}".as_bytes()), "'grün \u{1f600}'")]
    #[case(Literal::Bytes, Some(b"\xe9'".as_slice()), "x'e927'")]
    #[case(Literal::Utf8, Some(b"{\"a\": 1}".as_slice()), "_utf8mb4'{\"a\": 1}'")]
    fn a_value_is_written_as_servers_read_it(
        #[case] literal: Literal,
        #[case] value: Option<&[u8]>,
        #[case] sql: &str,
    ) {
        assert_eq!(written(literal, value), sql);
    }

    #[test]
    fn large_binary_values_take_a_third_more_and_not_twice() {
        let value = vec![0xff; LARGE];
        let sql = written(Literal::Bytes, Some(&value));
        assert!(
            sql.starts_with("FROM_BASE64('////") && sql.ends_with("w==')"),
            "{}",
            sql.len()
        );
        assert!(sql.len() < LARGE * 4 / 3 + 20);
    }

    /// What a server makes of a quoted text.
    fn read(sql: &str) -> Vec<u8> {
        let inner = sql.strip_prefix('\'').unwrap().strip_suffix('\'').unwrap();
        let mut bytes = inner.bytes();
        let mut value = Vec::new();
        while let Some(byte) = bytes.next() {
            value.push(match byte {
                b'\'' => panic!("the text ends early"),
                b'\\' => match bytes.next().unwrap() {
                    b'0' => 0,
                    b'n' => b'\n',
                    b'r' => b'\r',
                    b'Z' => 0x1a,
                    other => other,
                },
                other => other,
            });
        }
        value
    }

    proptest! {
        #[test]
        fn no_text_leaves_its_quotes_or_its_line(text in "[\0-\u{7f}é\u{1f600}]*") {
            let sql = written(Literal::Bytes, Some(text.as_bytes()));
            prop_assert!(!sql.contains(['\n', '\r', '\0']));
            prop_assert_eq!(read(&sql), text.as_bytes());
        }
    }
}
