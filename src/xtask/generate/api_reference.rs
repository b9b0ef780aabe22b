//! TOOLS: `docs/reference/api.md`: every field of our kinds, read from the CustomResourceDefinitions themselves.

use std::fmt::{self, Write as _};

use anyhow::Context;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    CustomResourceDefinition, CustomResourceDefinitionVersion,
};
use serde_json::{Map, Value};

use super::{File, MARK, markdown::cell};

/// The page about the API.
pub fn files() -> anyhow::Result<Vec<File>> {
    let mut page = format!("<!-- {MARK}; do not edit. -->\n# API reference\n");
    for crd in kfp_api::schema::crds() {
        for version in &crd.spec.versions {
            let schema = version
                .schema
                .as_ref()
                .and_then(|schema| schema.open_api_v3_schema.as_ref());
            let schema = serde_json::to_value(schema).context("the schema cannot be serialised")?;
            kind(&mut page, &crd, version, &schema).context("the page cannot be written")?;
        }
    }
    Ok(vec![File {
        path: "docs/reference/api.md".to_owned(),
        content: page,
    }])
}

fn kind(
    page: &mut String,
    crd: &CustomResourceDefinition,
    version: &CustomResourceDefinitionVersion,
    schema: &Value,
) -> fmt::Result {
    let names = &crd.spec.names;
    writeln!(page, "\n## {}\n\n{}\n", names.kind, text(schema, "description"))?;
    let short = names
        .short_names
        .iter()
        .flatten()
        .map(|name| format!(", `kubectl get {name}`"))
        .collect::<Vec<_>>()
        .concat();
    writeln!(
        page,
        "`apiVersion: {}/{}`, {}; `kubectl get {}`{short}.\n",
        crd.spec.group,
        version.name,
        crd.spec.scope.to_lowercase(),
        names.plural
    )?;
    writeln!(
        page,
        "| Column of `kubectl get` | Taken from | Shown with |\n| --- | --- | --- |"
    )?;
    for column in version.additional_printer_columns.iter().flatten() {
        let shown = if column.priority.unwrap_or_default() == 0 {
            "always"
        } else {
            "`-o wide`"
        };
        writeln!(page, "| {} | `{}` | {shown} |", column.name, column.json_path)?;
    }
    for field in version.selectable_fields.iter().flatten() {
        writeln!(
            page,
            "\n`kubectl get {} --field-selector {}=…` selects by that field.",
            names.plural,
            &field.json_path[1..]
        )?;
    }
    rules(page, &checks(schema))?;
    for part in ["spec", "status"] {
        if let Some(part_schema) = schema.pointer(&format!("/properties/{part}")) {
            section(page, part, part_schema)?;
        }
    }
    Ok(())
}

/// A heading, a table of the fields, the rules, then the same for every field that has fields of its own.
fn section(page: &mut String, path: &str, schema: &Value) -> fmt::Result {
    let Some(fields) = schema.get("properties").and_then(Value::as_object) else {
        return Ok(());
    };
    let required: Vec<&str> = schema
        .get("required")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    let (first, rest): (Vec<_>, Vec<_>) = fields
        .iter()
        .partition(|(name, _)| required.contains(&name.as_str()));
    writeln!(
        page,
        "\n### `{path}`\n\n| Field | Type | Default | What it is |\n| --- | --- | --- | --- |"
    )?;
    for (name, field) in first.into_iter().chain(rest) {
        let default = match field.get("default") {
            Some(default) => format!("`{default}`"),
            None if required.contains(&name.as_str()) => "required".to_owned(),
            None => String::new(),
        };
        writeln!(
            page,
            "| `{name}` | {} | {default} | {} |",
            cell(&kind_of(field)),
            cell(text(field, "description"))
        )?;
    }
    rules(page, &checks(schema))?;
    for (name, field) in fields {
        match field.get("items") {
            Some(items) if is_ours(items) => section(page, &format!("{path}.{name}[]"), items)?,
            None if is_ours(field) => section(page, &format!("{path}.{name}"), field)?,
            _ => {}
        }
    }
    Ok(())
}

/// The rules on a schema and on those of its fields that get no section of their own, with the field that each blames.
fn checks(schema: &Value) -> Vec<(String, &Value)> {
    let mut found = standing_on(schema, "");
    for (name, field) in schema
        .get("properties")
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
    {
        match field.get("items") {
            Some(items) if !is_ours(items) => found.extend(standing_on(items, &format!("{name}[]"))),
            None if !is_ours(field) => found.extend(standing_on(field, name)),
            _ => {}
        }
    }
    found
}

fn standing_on<'schema>(schema: &'schema Value, field: &str) -> Vec<(String, &'schema Value)> {
    schema
        .get("x-kubernetes-validations")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .map(|rule| {
            (
                format!("{field}{}", text(rule, "fieldPath"))
                    .trim_start_matches('.')
                    .to_owned(),
                rule,
            )
        })
        .collect()
}

/// What the API server checks beyond types and bounds.
fn rules(page: &mut String, checks: &[(String, &Value)]) -> fmt::Result {
    if checks.is_empty() {
        return Ok(());
    }
    writeln!(
        page,
        "\n| Checked | When | What the API server says otherwise | Rule |\n| --- | --- | --- | --- |"
    )?;
    for (field, rule) in checks {
        let field = if field.is_empty() {
            "the object".to_owned()
        } else {
            format!("`{field}`")
        };
        let expression = text(rule, "rule");
        let when = if expression.contains("oldSelf") {
            "on a change"
        } else {
            "always"
        };
        writeln!(
            page,
            "| {field} | {when} | {} | `{}` |",
            cell(text(rule, "message")),
            cell(expression)
        )?;
    }
    Ok(())
}

/// Fields of embedded Kubernetes types carry no texts: Kubernetes' own reference describes them.
fn is_ours(schema: &Value) -> bool {
    schema
        .get("properties")
        .and_then(Value::as_object)
        .is_some_and(|fields| fields.values().any(|field| field.get("description").is_some()))
}

/// The type of a field with its bounds, in words.
fn kind_of(field: &Value) -> String {
    let Some(field) = field.as_object() else {
        return String::new();
    };
    if field.get("x-kubernetes-int-or-string") == Some(&Value::Bool(true)) {
        return "quantity".to_owned();
    }
    let name = field.get("type").and_then(Value::as_str).unwrap_or_default();
    match name {
        "string" => string(field),
        "array" => {
            let items = field.get("items").map(kind_of).unwrap_or_default();
            let items = if items.contains(',') {
                format!("({items})")
            } else {
                items
            };
            let keys = field
                .get("x-kubernetes-list-map-keys")
                .and_then(Value::as_array)
                .into_iter()
                .flatten();
            let keyed = keys
                .filter_map(Value::as_str)
                .map(|key| format!(", each `{key}` once"))
                .collect::<Vec<_>>()
                .concat();
            format!(
                "list of {items}{}{keyed}",
                bounds(field, "minItems", "maxItems", " entries")
            )
        }
        "object" => field.get("additionalProperties").map_or_else(
            || "object".to_owned(),
            |values| {
                let most = bounds(field, "minProperties", "maxProperties", " entries");
                format!("map of ({}){most}", kind_of(values))
            },
        ),
        "integer" => format!("integer{}", bounds(field, "minimum", "maximum", "")),
        other => other.to_owned(),
    }
}

fn string(field: &Map<String, Value>) -> String {
    if let Some(values) = field.get("enum").and_then(Value::as_array) {
        return values
            .iter()
            .filter_map(Value::as_str)
            .map(|value| format!("`{value}`"))
            .collect::<Vec<_>>()
            .join(" or ");
    }
    if field.get("format").and_then(Value::as_str) == Some("date-time") {
        return "time".to_owned();
    }
    let pattern = field
        .get("pattern")
        .and_then(Value::as_str)
        .map(|pattern| format!(", `{pattern}`"));
    format!(
        "string{}{}",
        bounds(field, "minLength", "maxLength", " characters"),
        pattern.unwrap_or_default()
    )
}

/// `, 1 to 32`, `, at most 32`, `, at least 1`, or nothing.
fn bounds(field: &Map<String, Value>, minimum: &str, maximum: &str, unit: &str) -> String {
    let number = |key: &str| field.get(key).and_then(Value::as_f64);
    match (number(minimum), number(maximum)) {
        (Some(minimum), Some(maximum)) => format!(", {minimum} to {maximum}{unit}"),
        (Some(minimum), None) => format!(", at least {minimum}{unit}"),
        (None, Some(maximum)) => format!(", at most {maximum}{unit}"),
        (None, None) => String::new(),
    }
}

fn text<'value>(value: &'value Value, key: &str) -> &'value str {
    value.get(key).and_then(Value::as_str).unwrap_or_default()
}
