//! EYES AND HANDS: random credentials. The random source is an argument; nothing is read or written here.

use crate::error::Error;

/// Length of a generated password. 32 characters of 62 are 190 bits, above the 128 that we promise.
pub const PASSWORD_LENGTH: usize = 32;
/// Letters and digits: safe in DSNs, URLs, shell words, INI files and SQL strings without any quoting.
const ALPHANUMERIC: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
/// Lower-case letters and digits, for names.
const LOWER: &[u8; 36] = b"abcdefghijklmnopqrstuvwxyz0123456789";

/// Fills a buffer with random bytes, or fails.
pub type Fill<'a> = &'a mut dyn FnMut(&mut [u8]) -> Result<(), Error>;

/// Random bytes of the operating system's cryptographic generator.
pub fn system(buffer: &mut [u8]) -> Result<(), Error> {
    getrandom::fill(buffer).map_err(|error| Error::Generate {
        what: "a random value".into(),
        why: format!("the operating system's random generator failed: {error}"),
    })
}

/// A password of [`PASSWORD_LENGTH`] letters and digits.
pub fn password(fill: Fill<'_>) -> Result<String, Error> {
    text(PASSWORD_LENGTH, ALPHANUMERIC, fill)
}

/// `prefix` followed by lower-case letters and digits, `length` characters in all.
pub fn name(prefix: &str, length: usize, fill: Fill<'_>) -> Result<String, Error> {
    let random = length.saturating_sub(prefix.chars().count());
    Ok(format!("{prefix}{}", text(random, LOWER, fill)?))
}

/// Draws characters with equal chances: bytes beyond the largest multiple of the alphabet's size are thrown away.
fn text(length: usize, alphabet: &[u8], fill: Fill<'_>) -> Result<String, Error> {
    let usable = 256 - 256 % alphabet.len();
    let mut drawn = String::with_capacity(length);
    let mut buffer = [0_u8; 64];
    while drawn.len() < length {
        fill(&mut buffer)?;
        let characters = buffer
            .iter()
            .map(|byte| usize::from(*byte))
            .filter(|byte| *byte < usable)
            .map(|byte| char::from(alphabet[byte % alphabet.len()]));
        drawn.extend(characters.take(length - drawn.len()));
    }
    Ok(drawn)
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::*;

    #[test]
    fn a_password_has_the_promised_length_and_alphabet() {
        for _ in 0..200 {
            let password = password(&mut system).unwrap();
            assert_eq!(password.len(), PASSWORD_LENGTH);
            assert!(
                password.bytes().all(|byte| byte.is_ascii_alphanumeric()),
                "{password}"
            );
        }
    }

    #[test]
    fn a_password_carries_at_least_128_bits() {
        #[allow(clippy::cast_precision_loss)]
        let bits = PASSWORD_LENGTH as f64 * (ALPHANUMERIC.len() as f64).log2();
        assert!(bits >= 128.0, "{bits}");
        assert_eq!(
            ALPHANUMERIC.iter().collect::<BTreeSet<_>>().len(),
            ALPHANUMERIC.len()
        );
    }

    #[test]
    fn every_character_is_equally_likely() {
        // A source that counts through all bytes must give each character exactly equally often.
        let mut next = 0_u8;
        let mut count = |buffer: &mut [u8]| {
            for byte in buffer {
                *byte = next;
                next = next.wrapping_add(1);
            }
            Ok(())
        };
        let drawn = text(62 * 4 * 8, ALPHANUMERIC, &mut count).unwrap();
        let mut frequency = BTreeMap::new();
        for character in drawn.chars() {
            *frequency.entry(character).or_insert(0) += 1;
        }
        assert_eq!(frequency.len(), 62);
        assert_eq!(frequency.values().collect::<BTreeSet<_>>().len(), 1);
    }

    #[test]
    fn two_draws_differ() {
        assert_ne!(password(&mut system).unwrap(), password(&mut system).unwrap());
        assert_ne!(
            name("kfp_", 16, &mut system).unwrap(),
            name("kfp_", 16, &mut system).unwrap()
        );
    }

    #[test]
    fn a_source_that_fails_gives_an_error_and_no_value() {
        let mut broken = |_: &mut [u8]| {
            Err(Error::Generate {
                what: "a random value".into(),
                why: "no entropy".into(),
            })
        };
        assert!(password(&mut broken).is_err());
    }
}
