//! EYES AND HANDS: digests, written out, and that of a rendered object, which its annotation carries. Pure; no I/O.

use std::fmt::Write as _;

use serde_json::Value;
use sha2::{Digest, Sha256};

/// SHA-256 of the object's JSON with sorted keys, as the first 32 hexadecimal digits: enough to tell two renderings
/// apart, short enough to read.
#[must_use]
pub fn of(object: &Value) -> String {
    let mut hash = Sha256::new();
    feed(object, &mut hash);
    hex(&hash.finalize()[..16])
}

/// Lower-case hexadecimal digits.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        // Writing into a String cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// Key order is made the same here, so that no feature of the JSON library can change the digest.
fn feed(value: &Value, hash: &mut Sha256) {
    match value {
        Value::Object(map) => {
            let mut keys: Vec<&String> = map.keys().collect();
            keys.sort();
            hash.update(b"{");
            for key in keys {
                hash.update(Value::from(key.as_str()).to_string());
                hash.update(b":");
                feed(&map[key], hash);
                hash.update(b",");
            }
            hash.update(b"}");
        }
        Value::Array(list) => {
            hash.update(b"[");
            for element in list {
                feed(element, hash);
                hash.update(b",");
            }
            hash.update(b"]");
        }
        leaf => hash.update(leaf.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn key_order_does_not_count_and_list_order_does() {
        let one: Value = serde_json::from_str(r#"{"a": 1, "b": [1, 2]}"#).unwrap();
        let two: Value = serde_json::from_str(r#"{"b": [1, 2], "a": 1}"#).unwrap();
        assert_eq!(of(&one), of(&two));
        assert_ne!(of(&one), of(&json!({"a": 1, "b": [2, 1]})));
        assert_eq!(of(&one).len(), 32);
    }

    #[test]
    fn a_removed_field_changes_the_digest() {
        assert_ne!(of(&json!({"a": 1, "b": 2})), of(&json!({"a": 1})));
    }
}
