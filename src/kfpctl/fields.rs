//! PEOPLE: fields of a manifest that its kind does not have. The API server drops such a field, or refuses it, depending on
//! who asks; here it is always told.

use serde_json::Value;

/// The first field of a resource of ours that its CRD does not have, as a path such as `spec.colour`. Kubernetes' own
/// fields (`metadata`) are not looked at.
#[must_use]
pub fn unknown(resource: &Value) -> Option<String> {
    let crds = kfp_api::schema::crds();
    let crd = crds.iter().find(|crd| resource["kind"] == crd.spec.names.kind)?;
    let schema = crd.spec.versions.first()?.schema.as_ref()?;
    let schema = serde_json::to_value(schema.open_api_v3_schema.as_ref()?).ok()?;
    let fields = resource.as_object()?.iter();
    fields
        .filter(|(name, _)| !matches!(name.as_str(), "apiVersion" | "kind" | "metadata"))
        .find_map(|(name, value)| below(name, value, &schema))
}

/// The field `name` of an object with this schema, or the first unknown one below it.
fn below(path: &str, value: &Value, schema: &Value) -> Option<String> {
    let name = path.rsplit('.').next().unwrap_or(path);
    let known = schema
        .get("properties")
        .and_then(|fields| fields.get(name))
        .or_else(|| schema.get("additionalProperties"));
    let open = schema["x-kubernetes-preserve-unknown-fields"] == true;
    match known {
        None if open => None,
        None => Some(path.to_owned()),
        Some(known) => inside(path, value, known),
    }
}

fn inside(path: &str, value: &Value, schema: &Value) -> Option<String> {
    match value {
        // A name may hold dots, in labels for one; such a map has no fields to miss.
        Value::Object(fields) if schema.get("additionalProperties").is_none() => fields
            .iter()
            .find_map(|(name, field)| below(&format!("{path}.{name}"), field, schema)),
        Value::Array(items) => items
            .iter()
            .find_map(|item| inside(&format!("{path}[]"), item, &schema["items"])),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn fields_of_the_crd_pass_and_others_are_named() {
        let manifest = |spec: Value| json!({"apiVersion": "kfpops.dev/v1alpha1", "kind": "KfpInstallation", "metadata": {"x": 1}, "spec": spec});
        let sound = json!({"version": "2.16.1", "components": [{"name": "mysql", "nodeSelector": {"a.b/c": "d"},
            "resources": {"requests": {"cpu": 1}}, "affinity": {"podAntiAffinity": {}}}]});
        assert_eq!(unknown(&manifest(sound)), None);
        for (spec, field) in [
            (json!({"colour": "red"}), "spec.colour"),
            (
                json!({"components": [{"name": "a", "replica": 2}]}),
                "spec.components[].replica",
            ),
            (
                json!({"database": {"embedded": {"storage": {"class": "x"}}}}),
                "spec.database.embedded.storage.class",
            ),
        ] {
            assert_eq!(unknown(&manifest(spec)).as_deref(), Some(field));
        }
    }
}
