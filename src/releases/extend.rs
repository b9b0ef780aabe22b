//! FACTS: a release file may say only what differs from another release. Plain merging of data, nothing is computed.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

/// The whole of release `name`: its file laid over the one that it names in `extends`, and so on.
///
/// Maps are merged by key, lists of things with a name (`mountPath`, `binding` or `name`) by that name, other lists and
/// texts are replaced. `null` takes a key away; `removed: true` takes a named thing away.
pub(crate) fn extend(name: &str, files: &BTreeMap<String, Value>) -> Result<Value, String> {
    let mut layers: Vec<(&str, Map<String, Value>)> = Vec::new();
    let mut next = Some(name.to_owned());
    while let Some(wanted) = next {
        if layers.iter().any(|(seen, _)| **seen == wanted) {
            return Err(format!("{wanted} extends itself by way of others"));
        }
        let (key, value) = files
            .get_key_value(&wanted)
            .ok_or_else(|| format!("there is no file of a release {wanted} to extend"))?;
        let Value::Object(mut fields) = value.clone() else {
            return Err(format!("the file of {wanted} is no map"));
        };
        next = match fields.remove("extends") {
            None => None,
            Some(Value::String(base)) => Some(base),
            Some(other) => return Err(format!("`{other}` is no version; write it in quotes")),
        };
        layers.push((key, fields));
    }
    let mut whole = Value::Null;
    for (_, layer) in layers.into_iter().rev() {
        whole = merge(whole, Value::Object(layer));
    }
    Ok(whole)
}

/// A value laid over another, as [`extend`] does it.
pub(crate) fn merge(base: Value, over: Value) -> Value {
    match (base, over) {
        (Value::Object(mut base), Value::Object(over)) => {
            for (key, value) in over {
                let merged = merge(base.remove(&key).unwrap_or(Value::Null), value);
                if !merged.is_null() {
                    base.insert(key, merged);
                }
            }
            Value::Object(base)
        }
        (Value::Array(base), Value::Array(over)) if both_named(&base, &over) => merge_named(base, over),
        (Value::Null, Value::Object(over)) => merge(Value::Object(Map::new()), Value::Object(over)),
        (_, over) => over,
    }
}

fn merge_named(mut items: Vec<Value>, over: Vec<Value>) -> Value {
    for item in over {
        let at = items.iter().position(|old| key_of(old) == key_of(&item));
        match (at, item.get("removed") == Some(&Value::Bool(true))) {
            (Some(at), true) => drop(items.remove(at)),
            (Some(at), false) => items[at] = merge(items[at].take(), item),
            // A thing that is not there cannot be taken away: it stays, with a field that its type refuses.
            (None, _) => items.push(item),
        }
    }
    Value::Array(items)
}

fn both_named(base: &[Value], over: &[Value]) -> bool {
    base.iter().chain(over).all(|item| key_of(item).is_some())
}

fn key_of(item: &Value) -> Option<(&'static str, &str)> {
    ["mountPath", "binding", "name"]
        .into_iter()
        .find_map(|key| Some((key, item.get(key)?.as_str()?)))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::json;

    use super::{extend, merge};

    #[test]
    fn maps_and_named_lists_are_merged_and_the_rest_is_replaced() {
        let base = json!({"a": {"x": "1", "y": "2"}, "list": [{"name": "one", "args": ["a", "b"]}, {"name": "two"}]});
        let over = json!({"a": {"y": null, "z": "3"}, "list": [{"name": "one", "args": ["c"]}, {"name": "two", "removed": true}]});
        let wanted = json!({"a": {"x": "1", "z": "3"}, "list": [{"name": "one", "args": ["c"]}]});
        assert_eq!(merge(base, over), wanted);
    }

    #[test]
    fn a_circle_of_releases_is_an_error() {
        let files = BTreeMap::from([
            ("1.0.0".to_owned(), json!({"extends": "2.0.0"})),
            ("2.0.0".to_owned(), json!({"extends": "1.0.0"})),
        ]);
        assert!(extend("1.0.0", &files).unwrap_err().contains("extends itself"));
    }

    #[test]
    fn a_missing_base_is_an_error() {
        let files = BTreeMap::from([("1.0.0".to_owned(), json!({"extends": "9.9.9"}))]);
        assert!(extend("1.0.0", &files).unwrap_err().contains("9.9.9"));
    }
}
