//! TOOLS: Kubernetes objects as committed YAML: plain, in a stable order, whole numbers without fractions.

use anyhow::Context;
use serde::Serialize;
use serde_json::{Number, Value};

/// One YAML document under the line that says that it is generated.
pub fn document<T: Serialize>(object: &T) -> anyhow::Result<String> {
    let mut value = serde_json::to_value(object).context("the object cannot be serialised")?;
    whole_numbers(&mut value);
    let body = serde_saphyr::to_string(&value).context("the object cannot be written as YAML")?;
    Ok(format!("# {}; do not edit.\n{body}", super::MARK))
}

/// Bounds of a schema are floating-point numbers in its type; `minimum: 1.0` would only puzzle readers.
fn whole_numbers(value: &mut Value) {
    match value {
        Value::Number(number) => {
            if let Some(whole) = number.as_f64().filter(|_| number.is_f64()).and_then(whole) {
                *number = whole;
            }
        }
        Value::Array(items) => items.iter_mut().for_each(whole_numbers),
        Value::Object(fields) => fields.values_mut().for_each(whole_numbers),
        Value::Null | Value::Bool(_) | Value::String(_) => {}
    }
}

fn whole(number: f64) -> Option<Number> {
    format!("{number}").parse::<i64>().ok().map(Number::from)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn whole_numbers_lose_their_fraction_and_others_keep_it() {
        let mut value = json!({ "minimum": -1.0, "list": [60.0, 0.5], "text": "1.0" });
        whole_numbers(&mut value);
        assert_eq!(value, json!({ "minimum": -1, "list": [60, 0.5], "text": "1.0" }));
    }
}
