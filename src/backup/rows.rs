//! SETS: the checksum of a table's rows, whatever order they come in. Pure: rows are read elsewhere.
//!
//! So that anybody can compute it again:
//!
//! 1. A value is the bytes in which the server's text protocol sends a column, in the column's own character set
//!    (`character_set_results = NULL`), with `time_zone = '+00:00'`; columns of type FLOAT and DOUBLE are asked for as
//!    `column * 1E0`, which has all their digits. Generated columns are left out.
//! 2. A row is its values in the order of the recorded columns, each one as a byte 1, the number of its bytes as 8 bytes with
//!    the least significant first, and its bytes; NULL is a single byte 0.
//! 3. The checksum of a row is the XXH3 of those bytes with 128 bits and seed 0.
//! 4. The checksum of rows is the sum of theirs modulo 2^128, written as 32 digits of lower-case hexadecimal. Of no rows it is 0.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::Xxh3;

/// Checksum of rows in any order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Checksum(pub u128);

impl fmt::Display for Checksum {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:032x}", self.0)
    }
}

impl From<Checksum> for String {
    fn from(checksum: Checksum) -> Self {
        checksum.to_string()
    }
}

/// A text that is no checksum of rows.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no checksum of rows, which has 32 digits of lower-case hexadecimal")]
pub struct ChecksumError(String);

impl FromStr for Checksum {
    type Err = ChecksumError;

    fn from_str(text: &str) -> Result<Self, ChecksumError> {
        let digits = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        if text.len() == 32
            && text.bytes().all(digits)
            && let Ok(sum) = u128::from_str_radix(text, 16)
        {
            return Ok(Self(sum));
        }
        Err(ChecksumError(text.to_owned()))
    }
}

impl TryFrom<String> for Checksum {
    type Error = ChecksumError;

    fn try_from(text: String) -> Result<Self, ChecksumError> {
        text.parse()
    }
}

/// How many rows, how large, and their checksum.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Rows {
    /// Number of rows.
    pub rows: u64,
    /// Bytes of all values, without lengths and NULLs.
    pub bytes: u64,
    /// Checksum of the rows in any order.
    pub checksum: Checksum,
}

impl Rows {
    /// Counts a row. Its bytes.
    pub fn add<'a>(&mut self, values: impl IntoIterator<Item = Option<&'a [u8]>>) -> u64 {
        let mut hasher = Xxh3::new();
        let mut bytes = 0_u64;
        for value in values {
            match value {
                None => hasher.update(&[0]),
                Some(value) => {
                    // A length in memory fits 64 bits.
                    let length = value.len() as u64;
                    let mut head = [1_u8; 9];
                    head[1..].copy_from_slice(&length.to_le_bytes());
                    hasher.update(&head);
                    hasher.update(value);
                    bytes = bytes.saturating_add(length);
                }
            }
        }
        self.merge(Self {
            rows: 1,
            bytes,
            checksum: Checksum(hasher.digest128()),
        });
        bytes
    }

    /// Counts other rows with these.
    pub fn merge(&mut self, other: Self) {
        self.rows = self.rows.saturating_add(other.rows);
        self.bytes = self.bytes.saturating_add(other.bytes);
        self.checksum = Checksum(self.checksum.0.wrapping_add(other.checksum.0));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;
    use xxhash_rust::xxh3::xxh3_128;

    use super::{Checksum, Rows};

    type Row = Vec<Option<Vec<u8>>>;

    fn of(rows: &[Row]) -> Rows {
        let mut counted = Rows::default();
        for row in rows {
            counted.add(row.iter().map(Option::as_deref));
        }
        counted
    }

    #[test]
    fn a_row_is_the_hash_of_its_values_with_their_lengths() {
        let row: Row = vec![Some(b"ab".to_vec()), None, Some(Vec::new())];
        let written = b"\x01\x02\0\0\0\0\0\0\0ab\0\x01\0\0\0\0\0\0\0\0";
        let counted = of(&[row]);
        assert_eq!(counted.checksum.0, xxh3_128(written));
        assert_eq!((counted.rows, counted.bytes), (1, 2));
        assert_eq!(counted.checksum.to_string(), "378bc11f7c9edb2cff6f179649946307");
    }

    #[rstest]
    #[case(&[Some("ab"), Some("c")], &[Some("a"), Some("bc")])]
    #[case(&[None, Some("")], &[Some(""), None])]
    #[case(&[Some("a"), Some("b")], &[Some("b"), Some("a")])]
    fn rows_whose_letters_are_the_same_differ(#[case] one: &[Option<&str>], #[case] other: &[Option<&str>]) {
        let row = |values: &[Option<&str>]| -> Row {
            values
                .iter()
                .map(|value| value.map(|text| text.as_bytes().to_vec()))
                .collect()
        };
        assert_ne!(of(&[row(one)]).checksum, of(&[row(other)]).checksum);
    }

    #[test]
    fn two_equal_rows_are_not_none() {
        let row: Row = vec![Some(b"x".to_vec())];
        assert_ne!(of(&[row.clone(), row]).checksum, Rows::default().checksum);
    }

    #[rstest]
    #[case("")]
    #[case("0")]
    #[case("0000000000000000000000000000000G")]
    #[case("0000000000000000000000000000000A")]
    #[case("+000000000000000000000000000000f")]
    fn what_is_no_checksum_is_refused(#[case] text: &str) {
        assert!(text.parse::<Checksum>().is_err());
        assert!(serde_json::from_str::<Checksum>(&format!("{text:?}")).is_err());
    }

    fn rows() -> impl Strategy<Value = Vec<Row>> {
        let value = proptest::option::of(proptest::collection::vec(any::<u8>(), 0..20));
        proptest::collection::vec(proptest::collection::vec(value, 0..4), 0..10)
    }

    proptest! {
        #[test]
        fn the_order_of_rows_does_not_matter(rows in rows(), cut: usize) {
            let mut turned = rows.clone();
            turned.reverse();
            prop_assert_eq!(of(&turned), of(&rows));
            let (some, rest) = rows.split_at(cut.checked_rem(rows.len()).unwrap_or_default());
            let mut both = of(rest);
            both.merge(of(some));
            prop_assert_eq!(both, of(&rows));
        }

        #[test]
        fn a_checksum_is_read_as_it_was_written(sum: u128) {
            let json = serde_json::to_string(&Checksum(sum)).unwrap();
            prop_assert_eq!(serde_json::from_str::<Checksum>(&json).unwrap(), Checksum(sum));
        }
    }
}
