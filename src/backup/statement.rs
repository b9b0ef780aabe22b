//! SETS: rows read back from the statements of a part, so that their checksum can be computed without a database server. Pure.
//!
//! It understands what parts hold and nothing more: ``INSERT INTO `t` (`a`,`b`) VALUES (…),(…);`` with values that are `NULL`,
//! a number as it is, `'…'` with backslashes, `_utf8mb4'…'`, `x'…'` in hexadecimal, or `FROM_BASE64('…')`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::rows::Rows;

/// A statement that is not what a part holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no statement of a part: byte {at} is not {wanted}")]
pub struct StatementError {
    at: usize,
    wanted: &'static str,
}

/// Counts the rows of a line into `rows`. Lines that insert nothing, such as those that set a session up, count nothing.
/// `scratch` is memory that is used again.
pub fn count(line: &[u8], rows: &mut Rows, scratch: &mut Vec<u8>) -> Result<(), StatementError> {
    if !line.starts_with(b"INSERT INTO ") {
        return Ok(());
    }
    let mut reader = Reader { line, at: 12 };
    reader.identifier()?;
    reader.expect(b" (", "the beginning of columns")?;
    let mut columns = 0_usize;
    loop {
        reader.identifier()?;
        columns += 1;
        if !reader.take(b',') {
            break;
        }
    }
    reader.expect(b") VALUES ", "the beginning of values")?;
    let mut ends: Vec<Option<usize>> = Vec::with_capacity(columns);
    loop {
        scratch.clear();
        ends.clear();
        reader.expect(b"(", "the beginning of a row")?;
        for place in 0..columns {
            if place > 0 {
                reader.expect(b",", "a comma")?;
            }
            let is_value = reader.value(scratch)?;
            ends.push(is_value.then_some(scratch.len()));
        }
        reader.expect(b")", "the end of a row")?;
        let mut from = 0;
        rows.add(ends.iter().map(|end| {
            end.map(|end| {
                let value = &scratch[from..end];
                from = end;
                value
            })
        }));
        if !reader.take(b',') {
            break;
        }
    }
    reader.expect(b";", "the end of the statement")?;
    if reader.at == line.len() {
        Ok(())
    } else {
        Err(reader.not("the end of the line"))
    }
}

struct Reader<'a> {
    line: &'a [u8],
    at: usize,
}

impl Reader<'_> {
    fn not(&self, wanted: &'static str) -> StatementError {
        StatementError { at: self.at, wanted }
    }

    fn rest(&self) -> &[u8] {
        &self.line[self.at..]
    }

    fn take(&mut self, byte: u8) -> bool {
        let is = self.rest().first() == Some(&byte);
        self.at += usize::from(is);
        is
    }

    fn expect(&mut self, text: &[u8], wanted: &'static str) -> Result<(), StatementError> {
        if self.rest().starts_with(text) {
            self.at += text.len();
            return Ok(());
        }
        Err(self.not(wanted))
    }

    /// An identifier in backticks, whose own are doubled.
    fn identifier(&mut self) -> Result<(), StatementError> {
        self.expect(b"`", "a name in backticks")?;
        loop {
            let end = memchr::memchr(b'`', self.rest()).ok_or_else(|| self.not("the end of a name"))?;
            self.at += end + 1;
            if !self.take(b'`') {
                return Ok(());
            }
        }
    }

    /// Appends a value's bytes; `false` for NULL.
    fn value(&mut self, out: &mut Vec<u8>) -> Result<bool, StatementError> {
        match self.rest() {
            [b'\'', ..] => {
                self.at += 1;
                self.quoted(out)?;
            }
            [b'x', b'\'', ..] => {
                self.at += 2;
                self.hexadecimal(out)?;
            }
            rest if rest.starts_with(b"NULL") => {
                self.at += 4;
                return Ok(false);
            }
            rest if rest.starts_with(b"_utf8mb4'") => {
                self.at += 9;
                self.quoted(out)?;
            }
            rest if rest.starts_with(b"FROM_BASE64('") => {
                self.at += 13;
                self.base64(out)?;
            }
            rest => {
                let plain = |byte: &u8| byte.is_ascii_digit() || matches!(byte, b'-' | b'.');
                let length = rest.iter().take_while(|byte| plain(byte)).count();
                if length == 0 {
                    return Err(self.not("a value"));
                }
                out.extend_from_slice(&rest[..length]);
                self.at += length;
            }
        }
        Ok(true)
    }

    fn quoted(&mut self, out: &mut Vec<u8>) -> Result<(), StatementError> {
        loop {
            let rest = &self.line[self.at..];
            let end = memchr::memchr2(b'\'', b'\\', rest).ok_or_else(|| self.not("the end of a text"))?;
            out.extend_from_slice(&rest[..end]);
            self.at += end + 1;
            if rest[end] == b'\'' {
                return Ok(());
            }
            out.push(match rest.get(end + 1) {
                Some(b'0') => 0,
                Some(b'n') => b'\n',
                Some(b'r') => b'\r',
                Some(b'Z') => 0x1a,
                Some(byte @ (b'\'' | b'\\')) => *byte,
                _ => return Err(self.not("what may follow a backslash")),
            });
            self.at += 1;
        }
    }

    fn hexadecimal(&mut self, out: &mut Vec<u8>) -> Result<(), StatementError> {
        loop {
            match self.rest() {
                [b'\'', ..] => {
                    self.at += 1;
                    return Ok(());
                }
                [high, low, ..] => {
                    let digit = |byte: u8| {
                        char::from(byte)
                            .to_digit(16)
                            .and_then(|digit| u8::try_from(digit).ok())
                    };
                    let (Some(high), Some(low)) = (digit(*high), digit(*low)) else {
                        return Err(self.not("two hexadecimal digits"));
                    };
                    out.push(high << 4 | low);
                    self.at += 2;
                }
                _ => return Err(self.not("the end of a hexadecimal value")),
            }
        }
    }

    fn base64(&mut self, out: &mut Vec<u8>) -> Result<(), StatementError> {
        let rest = &self.line[self.at..];
        let end = memchr::memchr(b'\'', rest).ok_or_else(|| self.not("the end of a base64 value"))?;
        STANDARD
            .decode_vec(&rest[..end], out)
            .map_err(|_| self.not("base64"))?;
        self.at += end + 1;
        self.expect(b")", "the end of FROM_BASE64")
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn counted(line: &str) -> Result<Rows, StatementError> {
        let mut rows = Rows::default();
        count(line.as_bytes(), &mut rows, &mut Vec::new()).map(|()| rows)
    }

    #[test]
    fn every_form_of_a_value_gives_its_bytes() {
        let line = "INSERT INTO `t``x` (`a`,`b``,(`,`c`,`d`,`e`,`f`) VALUES \
                    (-1.5,'a\\'\\\\\\n\\r\\0\\Z,)ü',x'00fF',FROM_BASE64('aGk='),NULL,_utf8mb4'{}'),(1,'',x'',FROM_BASE64(''),NULL,'');";
        let mut wanted = Rows::default();
        let first: [Option<&[u8]>; 6] = [
            Some(b"-1.5"),
            Some("a'\\\n\r\0\u{1a},)ü".as_bytes()),
            Some(b"\x00\xff"),
            Some(b"hi"),
            None,
            Some(b"{}"),
        ];
        wanted.add(first);
        let second: [Option<&[u8]>; 6] = [Some(b"1"), Some(b""), Some(b""), Some(b""), None, Some(b"")];
        wanted.add(second);
        assert_eq!(counted(line).unwrap(), wanted);
    }

    #[rstest]
    #[case("SET NAMES binary;")]
    #[case("")]
    fn other_lines_count_nothing(#[case] line: &str) {
        assert_eq!(counted(line).unwrap(), Rows::default());
    }

    #[rstest]
    #[case("INSERT INTO `t` (`a`) VALUES (1)")]
    #[case("INSERT INTO `t` (`a`) VALUES (1,2);")]
    #[case("INSERT INTO `t` (`a`,`b`) VALUES (1);")]
    #[case("INSERT INTO `t` (`a`) VALUES ('x);")]
    #[case("INSERT INTO `t` (`a`) VALUES ('\\q');")]
    #[case("INSERT INTO `t` (`a`) VALUES (x'0');")]
    #[case("INSERT INTO `t` (`a`) VALUES (x'")]
    #[case("INSERT INTO `t` (`a`) VALUES (SLEEP(9));")]
    #[case("INSERT INTO `t` (`a`) VALUES (1); DROP DATABASE x;")]
    #[case("INSERT INTO t (`a`) VALUES (1);")]
    #[case("INSERT INTO ")]
    fn what_is_no_statement_of_a_part_is_refused(#[case] line: &str) {
        assert!(counted(line).is_err());
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_at_all_break_the_reader(tail in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..64)) {
            let mut line = b"INSERT INTO `t` (`a`) VALUES (".to_vec();
            line.extend(tail);
            let _ = count(&line, &mut Rows::default(), &mut Vec::new());
        }
    }
}
