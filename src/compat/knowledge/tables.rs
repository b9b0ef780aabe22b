//! JUDGEMENT: the field tables of all releases laid over each other. No decisions here.

use kfp_releases::Version;
use strum::VariantArray as _;

use crate::fields::{self, Exactness, Fields, Kind, Package, Scalar as Written, Shape as Form, WellKnown};
use crate::judge::number::Scalar;
use crate::judge::releases::Releases;
use crate::knowledge::schema::{self, Schema, Shape};

/// Every release of the tables, oldest first.
pub(crate) fn releases() -> Vec<Version> {
    fields::releases().collect()
}

/// What all releases parse.
pub(crate) fn schema() -> Schema {
    let mut schema = Schema::default();
    for (at, release) in fields::releases().enumerate() {
        if let Some(fields) = Fields::of(release) {
            add(&mut schema, fields, Releases::only(at));
        }
    }
    schema
}

fn add(schema: &mut Schema, release: Fields, bit: Releases) {
    for message in release.messages() {
        let id = schema.message_id(message.name());
        for field in message.fields() {
            let single = single(schema, release, field.kind, bit);
            let shape = match field.shape {
                Form::Single => single,
                Form::Repeated => Shape::Repeated(Box::new(single)),
                Form::Map(_) => Shape::Map(Box::new(single)),
            };
            let form = schema::Form {
                releases: bit,
                shape,
                oneof: field.oneof,
            };
            if let Some(message) = schema.message_mut(id) {
                message.add(field.json, field.name, form);
            }
        }
    }
}

fn single(schema: &mut Schema, release: Fields, kind: Kind, bit: Releases) -> Shape {
    match kind {
        Kind::Message(name) => Shape::Message(schema.message_id(name)),
        Kind::Enum(name) => {
            let id = schema.enum_id(name);
            let values = release.enumeration(name);
            if let Some(known) = schema.values_mut(id) {
                for value in values.into_iter().flat_map(fields::Enumeration::values) {
                    let releases = known.names.entry(value.name).or_default();
                    *releases = releases.or(bit);
                }
            }
            Shape::Enum(id)
        }
        Kind::Scalar(scalar) => Shape::Scalar(match scalar {
            Written::Bool => Scalar::Bool,
            Written::Bytes => Scalar::Bytes,
            Written::Double => Scalar::Double,
            Written::Float => Scalar::Float,
            Written::Int32 => Scalar::Int32,
            Written::Int64 => Scalar::Int64,
            Written::String => Scalar::Text,
            Written::Uint32 => Scalar::Uint32,
            Written::Uint64 => Scalar::Uint64,
        }),
        Kind::WellKnown(WellKnown::Struct) => Shape::Struct,
        Kind::WellKnown(WellKnown::ListValue) => Shape::List,
        Kind::WellKnown(WellKnown::Duration) => Shape::Scalar(Scalar::Duration),
        Kind::WellKnown(WellKnown::Timestamp) => Shape::Scalar(Scalar::Timestamp),
        Kind::WellKnown(WellKnown::Value | WellKnown::Any | WellKnown::Status) => Shape::Any,
    }
}

/// Newest version of the packages that an SDK writes with.
pub(crate) fn newest_sdk() -> Option<Version> {
    Package::VARIANTS
        .iter()
        .filter_map(|package| package.versions().last())
        .max()
        .copied()
}

/// What a verdict says of a release for which no published package is exact.
pub(crate) fn note(release: Version) -> Option<String> {
    let fields = Fields::of(release)?;
    let derived: Vec<String> = Package::VARIANTS
        .iter()
        .filter_map(|package| match fields.exactness(*package) {
            Exactness::Exact { .. } => None,
            Exactness::Nearest {
                package: nearest,
                plus,
                minus,
            } => Some(format!(
                "{package} {nearest} with {} fields more and {} less",
                plus.len(),
                minus.len()
            )),
        })
        .collect();
    (!derived.is_empty()).then(|| {
        format!(
            "no published package knows just what {release} parses; taken: {}",
            derived.join(", ")
        )
    })
}
