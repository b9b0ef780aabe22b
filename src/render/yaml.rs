//! SHAPES: rendered objects as YAML text, the same bytes for the same input. No I/O.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::{Object, RenderError, Rendered};

/// Longest line that is ever folded. Folding changes nothing but the look of a value, so no value is folded.
const NEVER_FOLD: usize = 1 << 20;

/// Every object of a rendering as one YAML stream, in the order in which it is applied.
///
/// Generated Secrets stand with their keys and empty values: applied by hand they would be empty, which their
/// annotation says.
///
/// # Errors
/// When a value has no YAML form, which typed Kubernetes objects never cause.
pub fn to_yaml(rendered: &Rendered) -> Result<String, RenderError> {
    stream(&rendered.objects().iter().map(Object::to_json).collect::<Vec<_>>())
}

/// Values as one YAML stream of documents, each begun by `---`.
///
/// # Errors
/// When a value has no YAML form.
pub fn stream(documents: &[Value]) -> Result<String, RenderError> {
    let mut text = String::new();
    for document in documents {
        text.push_str("---\n");
        text.push_str(&document_text(document)?);
    }
    Ok(text)
}

/// One value as YAML. Keys are sorted by name, whatever features the JSON library was built with. Strings that a YAML 1.1 reader would take for another type are quoted, and
/// texts of several lines are literal blocks.
///
/// # Errors
/// When the value has no YAML form.
pub fn document_text(value: &Value) -> Result<String, RenderError> {
    let options = serde_saphyr::ser_options! {
        folded_wrap_chars: NEVER_FOLD,
        yaml_12: false,
    };
    let mut text = String::new();
    serde_saphyr::to_fmt_writer_with_options(&mut text, &sorted(value), options).map_err(|source| {
        RenderError::Yaml {
            why: source.to_string(),
        }
    })?;
    if !text.ends_with('\n') {
        text.push('\n');
    }
    Ok(text)
}

fn sorted(value: &Value) -> Value {
    match value {
        Value::Object(fields) => {
            let sorted_fields: BTreeMap<&String, &Value> = fields.iter().collect();
            Value::Object(
                sorted_fields
                    .into_iter()
                    .map(|(key, value)| (key.clone(), sorted(value)))
                    .collect(),
            )
        }
        Value::Array(items) => Value::Array(items.iter().map(sorted).collect()),
        leaf => leaf.clone(),
    }
}
