//! TOOLS: many versions of a descriptor as one page that a person can read: each line with the versions that have it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use anyhow::bail;
use kfp_releases::Version;

use super::descriptor::{Entry, What};

/// First and last version, by position, in which something is there without a gap.
type Range = (usize, usize);

/// The page: `head` are its first lines, `versions` what each version's descriptor says.
pub fn page(head: &str, versions: &BTreeMap<Version, BTreeSet<Entry>>) -> anyhow::Result<String> {
    let names: Vec<String> = versions.keys().map(Version::to_string).collect();
    let mut text = format!("{head}versions: [{}]\n", names.join(", "));
    let found = ranges(versions);
    for (section, is_whole) in [
        ("messages", (|what| *what == What::Message) as fn(&What) -> bool),
        ("enums", |what| *what == What::Enum),
    ] {
        let owners: Vec<_> = found.iter().filter(|(entry, _)| is_whole(&entry.what)).collect();
        if owners.is_empty() {
            continue;
        }
        let _ = writeln!(text, "{section}:");
        for (owner, ranges) in owners {
            let [range] = ranges.as_slice() else {
                bail!(
                    "{} went and came back, which the page has no words for",
                    owner.owner
                );
            };
            write_owner(&mut text, &names, &found, &owner.owner, *range);
        }
    }
    Ok(text)
}

/// Where each entry is there.
fn ranges(versions: &BTreeMap<Version, BTreeSet<Entry>>) -> BTreeMap<&Entry, Vec<Range>> {
    let mut found: BTreeMap<&Entry, Vec<Range>> = BTreeMap::new();
    for (at, entries) in versions.values().enumerate() {
        for entry in entries {
            let ranges = found.entry(entry).or_default();
            match ranges.last_mut() {
                Some(last) if last.1 + 1 == at => last.1 = at,
                _ => ranges.push((at, at)),
            }
        }
    }
    found
}

fn write_owner(
    text: &mut String,
    names: &[String],
    found: &BTreeMap<&Entry, Vec<Range>>,
    owner: &str,
    range: Range,
) {
    let _ = writeln!(text, "  {owner}:");
    for (key, at) in bounds((0, names.len().saturating_sub(1)), range) {
        let _ = writeln!(text, "    {key}: {}", names[at]);
    }
    let mut lines: Vec<(Range, &What)> = Vec::new();
    for (entry, ranges) in found {
        if entry.owner == owner && !matches!(entry.what, What::Message | What::Enum) {
            lines.extend(ranges.iter().map(|range| (*range, &entry.what)));
        }
    }
    lines.sort_by_key(|(range, what)| (number(what), *range));
    let is_enum = lines.iter().any(|(_, what)| matches!(what, What::Value { .. }));
    let word = if is_enum { "values" } else { "fields" };
    if lines.is_empty() {
        let _ = writeln!(text, "    {word}: []");
        return;
    }
    let _ = writeln!(text, "    {word}:");
    for (inner, what) in lines {
        let mut words = words(what);
        words.extend(bounds(range, inner).map(|(key, at)| format!("{key}: {}", names[at])));
        let _ = writeln!(text, "      - {{{}}}", words.join(", "));
    }
}

/// What must be said of `inner`, if `outer` is known.
fn bounds(outer: Range, inner: Range) -> impl Iterator<Item = (&'static str, usize)> {
    let since = (inner.0 != outer.0).then_some(("since", inner.0));
    let until = (inner.1 != outer.1).then_some(("until", inner.1));
    since.into_iter().chain(until)
}

fn number(what: &What) -> i32 {
    match what {
        What::Field { number, .. } | What::Value { number, .. } => *number,
        What::Message | What::Enum => 0,
    }
}

fn words(what: &What) -> Vec<String> {
    match what {
        What::Message | What::Enum => Vec::new(),
        What::Value { number, name } => vec![format!("number: {number}"), format!("name: {name}")],
        What::Field {
            number,
            name,
            kind,
            json,
            oneof,
        } => {
            let kind = if kind.contains(',') {
                format!("{kind:?}")
            } else {
                kind.clone()
            };
            let mut words = vec![
                format!("number: {number}"),
                format!("name: {name}"),
                format!("kind: {kind}"),
            ];
            words.extend(json.iter().map(|json| format!("json: {json}")));
            words.extend(oneof.iter().map(|oneof| format!("oneof: {oneof}")));
            words
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(owner: &str, number: i32, name: &str, kind: &str) -> Entry {
        Entry {
            owner: owner.to_owned(),
            what: What::Field {
                number,
                name: name.to_owned(),
                kind: kind.to_owned(),
                json: None,
                oneof: None,
            },
        }
    }

    fn message(owner: &str) -> Entry {
        Entry {
            owner: owner.to_owned(),
            what: What::Message,
        }
    }

    #[test]
    fn a_line_says_since_and_until_only_where_its_message_does_not() {
        let versions = BTreeMap::from([
            (
                "1.0.0".parse().unwrap(),
                BTreeSet::from([message("a.A"), field("a.A", 1, "old", "string")]),
            ),
            (
                "1.2.0".parse().unwrap(),
                BTreeSet::from([
                    message("a.A"),
                    field("a.A", 1, "new", "map<string, a.B>"),
                    message("a.B"),
                    field("a.B", 1, "x", "bool"),
                ]),
            ),
        ]);
        let wanted = "# Head\n\
            versions: [1.0.0, 1.2.0]\n\
            messages:\n  \
              a.A:\n    \
                fields:\n      \
                  - {number: 1, name: old, kind: string, until: 1.0.0}\n      \
                  - {number: 1, name: new, kind: \"map<string, a.B>\", since: 1.2.0}\n  \
              a.B:\n    \
                since: 1.2.0\n    \
                fields:\n      \
                  - {number: 1, name: x, kind: bool}\n";
        assert_eq!(page("# Head\n", &versions).unwrap(), wanted);
    }

    #[test]
    fn a_message_that_went_and_came_back_is_refused() {
        let versions = BTreeMap::from([
            ("1.0.0".parse().unwrap(), BTreeSet::from([message("a.A")])),
            ("1.1.0".parse().unwrap(), BTreeSet::new()),
            ("1.2.0".parse().unwrap(), BTreeSet::from([message("a.A")])),
        ]);
        assert!(page("", &versions).is_err());
    }
}
