//! FACTS: reads Kubernetes' own types out of data files without losing a misspelt field. No I/O.

use serde::de::{DeserializeOwned, Error};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

/// Deserializes a Kubernetes type and refuses fields that it does not have: k8s-openapi types skip what they don't know.
pub(crate) fn strict<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: DeserializeOwned + Serialize,
{
    let given = Value::deserialize(deserializer)?;
    let typed: T = serde_json::from_value(given.clone()).map_err(D::Error::custom)?;
    let kept = serde_json::to_value(&typed).map_err(D::Error::custom)?;
    match first_loss("", &given, &kept) {
        Some(path) => Err(D::Error::custom(format!(
            "`{path}` is no field of this Kubernetes type; look for a spelling mistake"
        ))),
        None => Ok(typed),
    }
}

/// As [`strict`], for a field that may be absent.
pub(crate) fn strict_option<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: DeserializeOwned + Serialize,
{
    strict(deserializer).map(Some)
}

/// Path of the first thing in `given` that is not in `kept`. Empty lists and maps may vanish.
fn first_loss(path: &str, given: &Value, kept: &Value) -> Option<String> {
    match (given, kept) {
        (Value::Object(given), Value::Object(kept)) => given.iter().find_map(|(key, value)| {
            let path = if path.is_empty() {
                key.clone()
            } else {
                format!("{path}.{key}")
            };
            match kept.get(key) {
                Some(kept) => first_loss(&path, value, kept),
                None if is_empty(value) => None,
                None => Some(path),
            }
        }),
        (Value::Array(given), Value::Array(kept)) if given.len() == kept.len() => given
            .iter()
            .zip(kept)
            .enumerate()
            .find_map(|(index, (given, kept))| first_loss(&format!("{path}[{index}]"), given, kept)),
        (given, kept) if given == kept => None,
        _ => Some(path.to_owned()),
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::core::v1::Probe;
    use serde_json::json;

    use super::strict;

    #[test]
    fn a_misspelt_field_is_named() {
        let error = strict::<_, Probe>(json!({"httpGet": {"port": 8888, "pth": "/"}})).unwrap_err();
        assert!(error.to_string().contains("`httpGet.pth`"), "{error}");
    }

    #[test]
    fn a_right_one_is_kept() {
        let probe: Probe = strict(json!({"tcpSocket": {"port": "grpc-api"}, "periodSeconds": 5})).unwrap();
        assert_eq!(probe.period_seconds, Some(5));
    }
}
