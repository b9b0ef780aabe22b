//! TOOLS: the bytes that generated Python and Go code carry as text. Nothing is run.

use anyhow::{Context, bail};

/// The serialized descriptor inside a `_pb2.py`: the first bytes literal handed to `AddSerializedFile`, or in code of
/// old compilers to `serialized_pb=`.
pub fn of_python(text: &str) -> anyhow::Result<Vec<u8>> {
    let from = ["AddSerializedFile(b", "serialized_pb=b"]
        .iter()
        .find_map(|mark| Some(text.find(mark)? + mark.len()))
        .context("no serialized descriptor in it")?;
    let text = text.get(from..).unwrap_or_default();
    let quote = text.chars().next().context("it ends inside the descriptor")?;
    let text = text.get(quote.len_utf8()..).unwrap_or_default();
    let end = closing(text, quote).context("the descriptor's literal has no end")?;
    unescaped(text.get(..end).unwrap_or_default())
}

/// The serialized descriptor inside a `.pb.go`: `…_rawDesc`, a slice of bytes (old compilers) or joined strings.
pub fn of_go(text: &str) -> anyhow::Result<Vec<u8>> {
    if let Some((_, bytes)) = text.split_once("_rawDesc = []byte{") {
        let (bytes, _) = bytes
            .split_once('}')
            .context("the descriptor's bytes have no end")?;
        return bytes
            .split(',')
            .map(str::trim)
            .filter(|word| !word.is_empty())
            .map(|word| {
                let digits = word
                    .strip_prefix("0x")
                    .with_context(|| format!("`{word}` is no byte"))?;
                u8::from_str_radix(digits, 16).with_context(|| format!("`{word}` is no byte"))
            })
            .collect();
    }
    let (_, mut rest) = text
        .split_once("_rawDesc = \"\"")
        .context("no raw descriptor in it")?;
    let mut bytes = Vec::new();
    while let Some(literal) = rest
        .trim_start()
        .strip_prefix('+')
        .and_then(|next| next.trim_start().strip_prefix('"'))
    {
        let end = closing(literal, '"').context("the descriptor's literal has no end")?;
        bytes.extend(unescaped(literal.get(..end).unwrap_or_default())?);
        rest = literal.get(end + 1..).unwrap_or_default();
    }
    Ok(bytes)
}

/// Where the quote stands that ends the literal.
fn closing(text: &str, quote: char) -> Option<usize> {
    let mut escaped = false;
    text.char_indices().find_map(|(at, character)| {
        let ends = character == quote && !escaped;
        escaped = character == '\\' && !escaped;
        ends.then_some(at)
    })
}

/// What the escapes stand for that Python and Go share, which are all that their protobuf compilers write.
fn unescaped(text: &str) -> anyhow::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut rest = text.chars();
    while let Some(character) = rest.next() {
        if character != '\\' {
            bytes.extend(character.encode_utf8(&mut [0; 4]).bytes());
            continue;
        }
        let escape = rest.next().context("a backslash ends the literal")?;
        bytes.push(match escape {
            'x' => number(&mut rest, 2, 16, None)?,
            '0'..='7' => number(&mut rest, 2, 8, Some(escape))?,
            'a' => 7,
            'b' => 8,
            't' => b'\t',
            'n' => b'\n',
            'v' => 11,
            'f' => 12,
            'r' => b'\r',
            '\\' | '\'' | '"' => u8::try_from(escape)?,
            other => bail!("the escape \\{other} is not known"),
        });
    }
    Ok(bytes)
}

/// A number of up to `digits` digits more than `first`.
fn number(
    rest: &mut std::str::Chars<'_>,
    digits: usize,
    radix: u32,
    first: Option<char>,
) -> anyhow::Result<u8> {
    let mut word: String = first.into_iter().collect();
    for _ in 0..digits {
        match rest.as_str().chars().next() {
            Some(digit) if digit.is_digit(radix) => {
                word.push(digit);
                rest.next();
            }
            _ => break,
        }
    }
    u8::from_str_radix(&word, radix).with_context(|| format!("`{word}` is no byte"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_python_literal_is_read_with_every_kind_of_escape_and_quote() {
        let text = r#"X = _pool.Default().AddSerializedFile(b'\n\x13p\"\'\\\0z\x8a\1')"#;
        assert_eq!(of_python(text).unwrap(), b"\n\x13p\"'\\\0z\x8a\x01");
        assert_eq!(
            of_python("  serialized_pb=b\"it's\\tso\"\n").unwrap(),
            b"it's\tso"
        );
    }

    #[test]
    fn both_ways_in_which_go_code_carries_bytes_are_read() {
        let old = "var file_a_rawDesc = []byte{\n\t0x0a, 0x13, 0x70,\n\t0xff,\n}\n";
        assert_eq!(of_go(old).unwrap(), [0x0a, 0x13, 0x70, 0xff]);
        let new = "const file_a_rawDesc = \"\" +\n\t\"\\n\" +\n\t\"\\x13p\\\"é\\xff\\v\"\n\nvar x = \"y\"";
        assert_eq!(of_go(new).unwrap(), b"\n\x13p\"\xc3\xa9\xff\x0b");
    }

    #[test]
    fn what_carries_no_descriptor_is_refused() {
        assert!(of_python("import sys").is_err());
        assert!(of_python("AddSerializedFile(b'abc").is_err());
        assert!(of_go("package main").is_err());
        assert!(of_go("x_rawDesc = []byte{0x0a, 10}").is_err());
    }
}
