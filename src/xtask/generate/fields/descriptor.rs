//! TOOLS: a serialized protobuf file descriptor as a set of entries that can be compared between versions.

use std::collections::BTreeSet;

use anyhow::{Context, bail};
use prost::Message as _;
use prost_types::field_descriptor_proto::{Label, Type};
use prost_types::{DescriptorProto, EnumDescriptorProto, FieldDescriptorProto, FileDescriptorProto};

/// One thing that a descriptor says.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Entry {
    /// Whole name of the message or the enum.
    pub owner: String,
    /// What it says about it.
    pub what: What,
}

/// What is said.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum What {
    /// There is such a message.
    Message,
    /// The message has this field.
    Field {
        /// Number in the binary form.
        number: i32,
        /// Name in the proto file.
        name: String,
        /// Type: `string`, `ml_pipelines.X`, `repeated …` or `map<string, …>`.
        kind: String,
        /// Name in JSON, where it is not the one that protobuf's rule makes.
        json: Option<String>,
        /// Group of fields of which one at most may be set.
        oneof: Option<String>,
    },
    /// There is such an enum.
    Enum,
    /// The enum has this value.
    Value {
        /// Number in the binary form.
        number: i32,
        /// Name.
        name: String,
    },
}

/// Everything a serialized `FileDescriptorProto` says.
pub fn entries(bytes: &[u8]) -> anyhow::Result<BTreeSet<Entry>> {
    let file = FileDescriptorProto::decode(bytes).context("it is no file descriptor")?;
    let mut entries = BTreeSet::new();
    for message in &file.message_type {
        add_message(&mut entries, message, file.package())?;
    }
    for one in &file.enum_type {
        add_enum(&mut entries, one, file.package());
    }
    Ok(entries)
}

fn add_message(entries: &mut BTreeSet<Entry>, message: &DescriptorProto, within: &str) -> anyhow::Result<()> {
    if is_map_entry(message) {
        return Ok(());
    }
    let owner = format!("{within}.{}", message.name());
    for field in &message.field {
        let what = what(field, message).with_context(|| format!("{owner}.{}", field.name()))?;
        entries.insert(Entry {
            owner: owner.clone(),
            what,
        });
    }
    for nested in &message.nested_type {
        add_message(entries, nested, &owner)?;
    }
    for nested in &message.enum_type {
        add_enum(entries, nested, &owner);
    }
    entries.insert(Entry {
        owner,
        what: What::Message,
    });
    Ok(())
}

fn add_enum(entries: &mut BTreeSet<Entry>, one: &EnumDescriptorProto, within: &str) {
    let owner = format!("{within}.{}", one.name());
    for value in &one.value {
        entries.insert(Entry {
            owner: owner.clone(),
            what: What::Value {
                number: value.number(),
                name: value.name().to_owned(),
            },
        });
    }
    entries.insert(Entry {
        owner,
        what: What::Enum,
    });
}

fn is_map_entry(message: &DescriptorProto) -> bool {
    message
        .options
        .as_ref()
        .is_some_and(prost_types::MessageOptions::map_entry)
}

fn what(field: &FieldDescriptorProto, message: &DescriptorProto) -> anyhow::Result<What> {
    let single = kind(field)?;
    let kind = if field.label() == Label::Repeated {
        let last = single.rsplit('.').next().unwrap_or_default();
        match message
            .nested_type
            .iter()
            .find(|nested| nested.name() == last && is_map_entry(nested))
        {
            Some(entry) => {
                let of = |number| {
                    let field = entry.field.iter().find(|field| field.number() == number);
                    self::kind(field.context("a map without key or value")?)
                };
                format!("map<{}, {}>", of(1)?, of(2)?)
            }
            None => format!("repeated {single}"),
        }
    } else {
        single
    };
    // A field that is merely `optional` is wrapped in a oneof of its own, which says nothing.
    let oneof = match field.oneof_index {
        Some(index) if !field.proto3_optional() => {
            let oneof = message.oneof_decl.get(usize::try_from(index)?);
            Some(oneof.context("a oneof that is not declared")?.name().to_owned())
        }
        _ => None,
    };
    let json = field
        .json_name
        .clone()
        .filter(|json| *json != json_name(field.name()));
    Ok(What::Field {
        number: field.number(),
        name: field.name().to_owned(),
        kind,
        json,
        oneof,
    })
}

/// Name that protobuf's rule makes: underscores go, what follows them is upper case.
fn json_name(name: &str) -> String {
    let mut upper = false;
    let mut json = String::new();
    for character in name.chars() {
        if character == '_' {
            upper = true;
        } else if std::mem::take(&mut upper) {
            json.push(character.to_ascii_uppercase());
        } else {
            json.push(character);
        }
    }
    json
}

fn kind(field: &FieldDescriptorProto) -> anyhow::Result<String> {
    Ok(match field.r#type() {
        Type::Message | Type::Enum => field.type_name().trim_start_matches('.').to_owned(),
        Type::Double => "double".to_owned(),
        Type::Float => "float".to_owned(),
        Type::Int64 => "int64".to_owned(),
        Type::Int32 => "int32".to_owned(),
        Type::Uint64 => "uint64".to_owned(),
        Type::Uint32 => "uint32".to_owned(),
        Type::Bool => "bool".to_owned(),
        Type::String => "string".to_owned(),
        Type::Bytes => "bytes".to_owned(),
        other => bail!("fields of type {} are not known here", other.as_str_name()),
    })
}

#[cfg(test)]
mod tests {
    use prost_types::{MessageOptions, OneofDescriptorProto};

    use super::*;

    fn field(number: i32, name: &str, of: Type, label: Label) -> FieldDescriptorProto {
        FieldDescriptorProto {
            name: Some(name.to_owned()),
            number: Some(number),
            label: Some(label.into()),
            r#type: Some(of.into()),
            ..FieldDescriptorProto::default()
        }
    }

    fn kinds(message: DescriptorProto) -> Vec<(String, String, Option<String>)> {
        let file = FileDescriptorProto {
            package: Some("a".to_owned()),
            message_type: vec![message],
            ..FileDescriptorProto::default()
        };
        let found = entries(&file.encode_to_vec()).unwrap();
        let of_field = |entry: Entry| match entry.what {
            What::Field {
                name, kind, oneof, ..
            } => Some((name, kind, oneof)),
            _ => None,
        };
        found.into_iter().filter_map(of_field).collect()
    }

    #[test]
    fn a_map_is_told_from_a_list_and_a_choice_from_what_is_merely_optional() {
        let mut pairs = field(1, "pairs", Type::Message, Label::Repeated);
        pairs.type_name = Some(".a.A.PairsEntry".to_owned());
        let mut maybe = field(3, "maybe", Type::Bool, Label::Optional);
        (maybe.oneof_index, maybe.proto3_optional) = (Some(1), Some(true));
        let mut either = field(4, "either", Type::Int64, Label::Optional);
        either.oneof_index = Some(0);
        let oneof = |name: &str| OneofDescriptorProto {
            name: Some(name.to_owned()),
            options: None,
        };
        let entry = DescriptorProto {
            name: Some("PairsEntry".to_owned()),
            field: vec![
                field(1, "key", Type::String, Label::Optional),
                field(2, "value", Type::Double, Label::Optional),
            ],
            options: Some(MessageOptions {
                map_entry: Some(true),
                ..MessageOptions::default()
            }),
            ..DescriptorProto::default()
        };
        let found = kinds(DescriptorProto {
            name: Some("A".to_owned()),
            field: vec![
                pairs,
                field(2, "many", Type::String, Label::Repeated),
                maybe,
                either,
            ],
            nested_type: vec![entry],
            oneof_decl: vec![oneof("choice"), oneof("_maybe")],
            ..DescriptorProto::default()
        });
        let wanted = [
            ("pairs", "map<string, double>", None),
            ("many", "repeated string", None),
            ("maybe", "bool", None),
            ("either", "int64", Some("choice")),
        ];
        let plain = |(name, kind, oneof): &(String, String, Option<String>)| {
            wanted.contains(&(name.as_str(), kind.as_str(), oneof.as_deref()))
        };
        assert_eq!(found.len(), wanted.len());
        assert!(found.iter().all(plain), "{found:?}");
    }

    #[test]
    fn what_is_no_descriptor_is_refused() {
        assert!(entries(b"\xff\xff\xff").is_err());
    }
}
