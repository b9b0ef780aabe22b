//! PEOPLE: one backup or restore drawn for a person: whose it is, what is known of it, what its conditions say. Pure.

use std::fmt::Write as _;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use kube::api::ObjectMeta;

use crate::follow::{span, unsigned};

/// The whole card. `facts` are names with values; those without a value are not known and not drawn.
pub fn draw<const N: usize>(
    meta: &ObjectMeta,
    of: &str,
    facts: [(&str, Option<String>); N],
    conditions: &[Condition],
) -> String {
    let mut text = format!(
        "{}/{}  of {of}\n",
        meta.namespace.as_deref().unwrap_or("default"),
        meta.name.as_deref().unwrap_or_default(),
    );
    if conditions.is_empty() {
        text += "the operator has not looked at it yet; is it running?\n";
        return text;
    }
    for (name, value) in facts {
        if let Some(value) = value {
            let _ = writeln!(text, "  {name:12} {value}");
        }
    }
    text.push('\n');
    for condition in conditions {
        let said = format!(
            "  {}={} {}: {}",
            condition.type_, condition.status, condition.reason, condition.message
        );
        text += said.trim_end_matches([':', ' ']);
        text.push('\n');
    }
    text
}

/// How long something took, once it is over.
pub fn took(begun: Option<&Time>, ended: Option<&Time>) -> Option<String> {
    let (begun, ended) = begun.zip(ended)?;
    Some(span(unsigned(ended.0.duration_since(begun.0).as_secs())))
}
