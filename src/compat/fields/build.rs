//! JUDGEMENT: the field tables of packages and what each release has more or less than they, written as Rust. Runs while the
//! crate is built.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::table::{Backends, Line, Nearest, Owner, Table};

type Result<T> = std::result::Result<T, String>;

/// A message or an enum, with the versions that know it: packages and releases as bits by position.
struct Made {
    package: &'static str,
    packages: u64,
    releases: u64,
    lines: Vec<MadeLine>,
}

struct MadeLine {
    line: Line,
    packages: u64,
    releases: u64,
}

/// Messages or enums, by whole name.
type Owners = BTreeMap<String, Made>;

/// The Rust text.
pub fn tables(pipeline_spec: &str, kubernetes: &str, backends: &str) -> Result<String> {
    let backends: Backends = read("backends.yaml", backends)?;
    let mut releases: Vec<(&String, [u16; 3])> = Vec::new();
    for release in backends.releases.keys() {
        releases.push((release, numbers(release)?));
    }
    releases.sort_by_key(|(_, numbers)| *numbers);
    if releases.len() > 64 {
        return Err("backends.yaml: 64 releases at most".to_owned());
    }
    let mut messages = Owners::new();
    let mut enums = Owners::new();
    let mut versions = String::new();
    for (package, text) in [("KfpPipelineSpec", pipeline_spec), ("KfpKubernetes", kubernetes)] {
        let table: Table = read(package, text)?;
        add_package(&mut messages, package, &table, &table.messages)?;
        add_package(&mut enums, package, &table, &table.enums)?;
        for (at, (release, _)) in releases.iter().enumerate() {
            let backend = &backends.releases[*release];
            let nearest = if package == "KfpKubernetes" {
                &backend.kubernetes
            } else {
                &backend.pipeline_spec
            };
            let bit = table.bits(Some(&nearest.package), Some(&nearest.package), u64::MAX);
            bit.and_then(|bit| {
                add_release(&mut enums, package, bit, 1 << at, &Nearest::exactly(nearest))?;
                add_release(&mut messages, package, bit, 1 << at, nearest)
            })
            .map_err(|error| format!("backends.yaml, {release}: {error}"))?;
        }
        let listed: Result<Vec<String>> = table.versions.iter().map(|text| version(text)).collect();
        let name = if package == "KfpKubernetes" {
            "KUBERNETES_VERSIONS"
        } else {
            "PIPELINE_SPEC_VERSIONS"
        };
        line(
            &mut versions,
            format_args!(
                "pub(super) static {name}: &[Version] = &[{}];",
                listed?.join(", ")
            ),
        );
    }
    let mut text = versions;
    write_releases(&mut text, &backends, &releases)?;
    write_messages(&mut text, &messages, &enums)?;
    write_enums(&mut text, &enums);
    Ok(text)
}

/// Takes over what a table says of packages.
fn add_package(
    owners: &mut Owners,
    package: &'static str,
    table: &Table,
    listed: &BTreeMap<String, Owner>,
) -> Result<()> {
    for (name, owner) in listed {
        let packages = table.bits(owner.since.as_ref(), owner.until.as_ref(), u64::MAX)?;
        let mut lines = Vec::new();
        for line in owner.fields.iter().chain(&owner.values) {
            lines.push(MadeLine {
                line: line.clone(),
                packages: table.bits(line.since.as_ref(), line.until.as_ref(), packages)?,
                releases: 0,
            });
        }
        let made = Made {
            package,
            packages,
            releases: 0,
            lines,
        };
        if owners.insert(name.clone(), made).is_some() {
            return Err(format!("{name} is in both tables"));
        }
    }
    Ok(())
}

/// Marks what a release has: all that the package version `bit` has, but for what is listed.
fn add_release(owners: &mut Owners, package: &str, bit: u64, release: u64, nearest: &Nearest) -> Result<()> {
    let mut unused: Vec<&String> = nearest.minus.iter().collect();
    let mut is_minus = |name: &str| {
        unused.retain(|minus| *minus != name);
        nearest.minus.iter().any(|minus| minus == name)
    };
    for (name, owner) in owners.iter_mut().filter(|(_, owner)| owner.package == package) {
        if owner.packages & bit == 0 || is_minus(name) {
            continue;
        }
        owner.releases |= release;
        for line in owner.lines.iter_mut().filter(|line| line.packages & bit != 0) {
            let is_other = |plus: &&crate::table::Plus| plus.message == *name && plus.name == line.line.name;
            if !is_minus(&format!("{name}.{}", line.line.name))
                && !nearest.plus.iter().any(|plus| is_other(&plus))
            {
                line.releases |= release;
            }
        }
    }
    if let Some(name) = unused.first() {
        return Err(format!("the package has no {name} to be without"));
    }
    for plus in &nearest.plus {
        let owner = owners
            .get_mut(&plus.message)
            .ok_or_else(|| format!("no package has a message {}", plus.message))?;
        let line = plus.line();
        match owner.lines.iter_mut().find(|listed| listed.line.is_same(&line)) {
            Some(listed) if listed.packages & bit != 0 => {
                return Err(format!("the package itself has {}.{}", plus.message, plus.name));
            }
            Some(listed) => listed.releases |= release,
            None => owner.lines.push(MadeLine {
                line,
                packages: 0,
                releases: release,
            }),
        }
        owner.releases |= release;
    }
    Ok(())
}

fn write_releases(text: &mut String, backends: &Backends, releases: &[(&String, [u16; 3])]) -> Result<()> {
    line(
        text,
        format_args!("pub(super) static RELEASES: &[ReleaseRow] = &["),
    );
    for (release, _) in releases {
        let backend = &backends.releases[*release];
        let mut origins = Vec::new();
        for nearest in [&backend.pipeline_spec, &backend.kubernetes] {
            let plus: Vec<String> = nearest
                .plus
                .iter()
                .map(|plus| format!("{}.{}", plus.message, plus.name))
                .collect();
            origins.push(format!(
                "Origin {{ package: {}, plus: &{plus:?}, minus: &{:?}, source: {:?} }}",
                version(&nearest.package)?,
                nearest.minus,
                nearest.source
            ));
        }
        line(
            text,
            format_args!(
                "ReleaseRow {{ release: {}, origins: [{}] }},",
                version(release)?,
                origins.join(", ")
            ),
        );
    }
    line(text, format_args!("];"));
    Ok(())
}

fn write_messages(text: &mut String, messages: &Owners, enums: &Owners) -> Result<()> {
    line(
        text,
        format_args!("pub(super) static MESSAGES: &[MessageRow] = &["),
    );
    for (name, made) in messages {
        line(
            text,
            format_args!(
                "MessageRow {{ name: {name:?}, package: Package::{}, packages: {}, releases: {}, fields: &[",
                made.package,
                bits(made.packages),
                bits(made.releases)
            ),
        );
        for MadeLine {
            line: field,
            packages,
            releases,
        } in &made.lines
        {
            let json = field.json.clone().unwrap_or_else(|| json_name(&field.name));
            let (shape, kind) = kind(field.kind.as_deref().unwrap_or_default(), messages, enums)
                .map_err(|error| format!("{name}.{}: {error}", field.name))?;
            line(
                text,
                format_args!(
                    "Field {{ message: {name:?}, name: {:?}, json: {json:?}, number: {}, shape: {shape}, kind: {kind}, \
                     oneof: {:?}, packages: {}, releases: {} }},",
                    field.name,
                    field.number,
                    field.oneof,
                    bits(*packages),
                    bits(*releases)
                ),
            );
        }
        line(text, format_args!("] }},"));
    }
    line(text, format_args!("];"));
    Ok(())
}

fn write_enums(text: &mut String, enums: &Owners) {
    line(text, format_args!("pub(super) static ENUMS: &[EnumRow] = &["));
    for (name, made) in enums {
        line(
            text,
            format_args!(
                "EnumRow {{ name: {name:?}, package: Package::{}, releases: {}, values: &[",
                made.package,
                bits(made.releases)
            ),
        );
        for value in &made.lines {
            line(
                text,
                format_args!(
                    "EnumValue {{ name: {:?}, number: {}, packages: {}, releases: {} }},",
                    value.line.name,
                    value.line.number,
                    bits(value.packages),
                    bits(value.releases)
                ),
            );
        }
        line(text, format_args!("] }},"));
    }
    line(text, format_args!("];"));
}

/// Shape and kind, as Rust.
fn kind(text: &str, messages: &Owners, enums: &Owners) -> Result<(String, String)> {
    if let Some(pair) = text.strip_prefix("map<").and_then(|rest| rest.strip_suffix('>')) {
        let (key, value) = pair.split_once(", ").ok_or("a map has a key and a value")?;
        let key = scalar(key).ok_or_else(|| format!("{key} is no key of a map"))?;
        return Ok((
            format!("Shape::Map(Scalar::{key})"),
            single(value, messages, enums)?,
        ));
    }
    match text.strip_prefix("repeated ") {
        Some(element) => Ok(("Shape::Repeated".to_owned(), single(element, messages, enums)?)),
        None => Ok(("Shape::Single".to_owned(), single(text, messages, enums)?)),
    }
}

fn single(text: &str, messages: &Owners, enums: &Owners) -> Result<String> {
    if let Some(scalar) = scalar(text) {
        return Ok(format!("Kind::Scalar(Scalar::{scalar})"));
    }
    if messages.contains_key(text) {
        return Ok(format!("Kind::Message({text:?})"));
    }
    if enums.contains_key(text) {
        return Ok(format!("Kind::Enum({text:?})"));
    }
    let known = match text {
        "google.protobuf.Any" => "Any",
        "google.protobuf.Duration" => "Duration",
        "google.protobuf.ListValue" => "ListValue",
        "google.protobuf.Struct" => "Struct",
        "google.protobuf.Timestamp" => "Timestamp",
        "google.protobuf.Value" => "Value",
        "google.rpc.Status" => "Status",
        _ => return Err(format!("the type {text} is in no table")),
    };
    Ok(format!("Kind::WellKnown(WellKnown::{known})"))
}

fn scalar(text: &str) -> Option<&'static str> {
    Some(match text {
        "bool" => "Bool",
        "bytes" => "Bytes",
        "double" => "Double",
        "float" => "Float",
        "int32" => "Int32",
        "int64" => "Int64",
        "string" => "String",
        "uint32" => "Uint32",
        "uint64" => "Uint64",
        _ => return None,
    })
}

/// What protobuf's rule makes of a name: underscores go, what follows them is upper case.
fn json_name(name: &str) -> String {
    let mut words = name.split('_');
    let mut json = words.next().unwrap_or_default().to_owned();
    for word in words {
        let mut letters = word.chars();
        json.extend(letters.next().map(|letter| letter.to_ascii_uppercase()));
        json.push_str(letters.as_str());
    }
    json
}

fn numbers(version: &str) -> Result<[u16; 3]> {
    let numbers: std::result::Result<Vec<u16>, _> = version.split('.').map(str::parse).collect();
    numbers
        .ok()
        .and_then(|numbers| numbers.try_into().ok())
        .ok_or_else(|| format!("`{version}` is no version of three numbers"))
}

fn version(text: &str) -> Result<String> {
    let [major, minor, patch] = numbers(text)?;
    Ok(format!(
        "Version {{ major: {major}, minor: {minor}, patch: {patch} }}"
    ))
}

fn read<T: serde::de::DeserializeOwned>(what: &str, text: &str) -> Result<T> {
    serde_saphyr::from_str(text).map_err(|error| format!("{what}: {error}"))
}

/// Bits, in groups of sixteen.
fn bits(bits: u64) -> String {
    let group = |at: u32| bits >> (16 * at) & 0xffff;
    format!(
        "0x{:04x}_{:04x}_{:04x}_{:04x}",
        group(3),
        group(2),
        group(1),
        group(0)
    )
}

/// Writing to a string cannot fail.
fn line(text: &mut String, words: std::fmt::Arguments<'_>) {
    let _ = writeln!(text, "{words}");
}
