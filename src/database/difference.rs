//! LEDGER: what differs between two schemas, part by part, and in words for a person. Pure.

use std::collections::BTreeMap;

use kfp_releases::schema::{Column, Definition, LogicalSchema, ObjectKey, Part};

/// How many differences are named at most; more are counted in the last one. A status is no log.
pub const MAX_DIFFERENCES: usize = 20;

/// How many characters of a name or a definition are shown: an `enum` can fill pages.
const MAX_TEXT: usize = 120;

/// The parts of a schema by their keys.
pub(crate) type Objects = BTreeMap<ObjectKey, Definition>;

/// One part that is not the same in two schemas.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Difference<'a> {
    /// The part.
    pub object: &'a ObjectKey,
    /// What was found; `None` where it is missing.
    pub found: Option<&'a Definition>,
    /// What should have been; `None` where nothing should.
    pub wanted: Option<&'a Definition>,
}

/// Every part that differs, in the order of the parts.
pub(crate) fn differing<'a>(found: &'a Objects, wanted: &'a Objects) -> Vec<Difference<'a>> {
    let mut differing: Vec<Difference<'a>> = Vec::new();
    for (object, definition) in found {
        let other = wanted.get(object);
        if other != Some(definition) {
            differing.push(Difference {
                object,
                found: Some(definition),
                wanted: other,
            });
        }
    }
    for (object, definition) in wanted.iter().filter(|(object, _)| !found.contains_key(object)) {
        differing.push(Difference {
            object,
            found: None,
            wanted: Some(definition),
        });
    }
    differing.sort_by(|one, other| one.object.cmp(other.object));
    differing
}

/// What differs between `found` and the schema that `release` leaves, one text a part, ordered by table and part. A table
/// that is there on one side only is one difference. At most [`MAX_DIFFERENCES`] texts.
#[must_use]
pub fn differences(found: &LogicalSchema, wanted: &LogicalSchema, release: &str) -> Vec<String> {
    describe(&differing(&found.objects(), &wanted.objects()), release)
}

pub(crate) fn describe(differing: &[Difference<'_>], release: &str) -> Vec<String> {
    let whole = |table: &str| {
        differing
            .iter()
            .any(|other| other.object.table == table && other.object.part == Part::Table)
    };
    let mut texts: Vec<String> = differing
        .iter()
        .filter(|difference| difference.object.part == Part::Table || !whole(&difference.object.table))
        .map(|difference| text(*difference, release))
        .collect();
    if texts.len() > MAX_DIFFERENCES {
        let more = texts.len() - (MAX_DIFFERENCES - 1);
        texts.truncate(MAX_DIFFERENCES - 1);
        texts.push(format!("and {more} more"));
    }
    texts
}

fn text(difference: Difference<'_>, release: &str) -> String {
    let object = shown(&difference.object.to_string());
    match (difference.found, difference.wanted) {
        (Some(Definition::Table), _) => format!("{object}: not in {release}"),
        (_, Some(Definition::Table)) => format!("{object}: missing"),
        (Some(found), Some(wanted)) => {
            let (found, wanted) = contrast(found, wanted);
            format!(
                "{object}: found {}, {release} has {}",
                shown(&found),
                shown(&wanted)
            )
        }
        (Some(found), None) => format!("{object}: found {}, not in {release}", shown(&found.to_string())),
        (None, Some(wanted)) => format!("{object}: missing, {release} has {}", shown(&wanted.to_string())),
        (None, None) => object,
    }
}

/// Two definitions in words. Columns that differ in their type alone are told by the type alone.
fn contrast(found: &Definition, wanted: &Definition) -> (String, String) {
    if let (Definition::Column(found), Definition::Column(wanted)) = (found, wanted) {
        let rest = |column: &Column| (column.nullable, column.default.clone(), column.extra.clone());
        if rest(found) == rest(wanted) {
            return (found.data_type.clone(), wanted.data_type.clone());
        }
    }
    (found.to_string(), wanted.to_string())
}

/// A text from a server as it may stand in a status: one line, no control characters, not endless.
fn shown(text: &str) -> String {
    let clean = text.chars().map(|character| {
        if character.is_control() {
            '\u{fffd}'
        } else {
            character
        }
    });
    let mut shown: String = clean.clone().take(MAX_TEXT).collect();
    if clean.count() > MAX_TEXT {
        shown.push('…');
    }
    shown
}

#[cfg(test)]
mod tests {
    use kfp_releases::schema::{Column, Definition, ObjectKey, Part};
    use rstest::rstest;

    use super::{MAX_DIFFERENCES, Objects, describe, differing};

    fn column(data_type: &str, nullable: bool) -> Definition {
        Definition::Column(Column {
            data_type: data_type.to_owned(),
            nullable,
            default: None,
            extra: String::new(),
        })
    }

    fn objects(parts: &[(Part, Definition)]) -> Objects {
        let key = |part: &Part| ObjectKey {
            table: "tasks".to_owned(),
            part: part.clone(),
        };
        parts
            .iter()
            .map(|(part, definition)| (key(part), definition.clone()))
            .collect()
    }

    fn texts(found: &Objects, wanted: &Objects) -> Vec<String> {
        describe(&differing(found, wanted), "2.16.1")
    }

    fn uuid() -> Part {
        Part::Column("UUID".to_owned())
    }

    #[rstest]
    #[case(&[(uuid(), column("varchar(255)", false))], &[(uuid(), column("varchar(191)", false))],
        "tasks.UUID: found varchar(255), 2.16.1 has varchar(191)")]
    #[case(&[(uuid(), column("longtext", true))], &[(uuid(), column("longtext", false))],
        "tasks.UUID: found longtext null, 2.16.1 has longtext not null")]
    #[case(&[(uuid(), column("longtext", true))], &[], "tasks.UUID: found longtext null, not in 2.16.1")]
    #[case(&[], &[(uuid(), column("longtext", true))], "tasks.UUID: missing, 2.16.1 has longtext null")]
    #[case(&[], &[(Part::Table, Definition::Table), (uuid(), column("longtext", true))], "table tasks: missing")]
    #[case(&[(Part::Table, Definition::Table), (uuid(), column("longtext", true))], &[], "table tasks: not in 2.16.1")]
    fn a_difference_is_told_in_one_line(
        #[case] found: &[(Part, Definition)],
        #[case] wanted: &[(Part, Definition)],
        #[case] text: &str,
    ) {
        assert_eq!(texts(&objects(found), &objects(wanted)), [text]);
    }

    #[test]
    fn many_differences_are_counted_in_the_last_text() {
        let found: Vec<_> = (0..30)
            .map(|at| (Part::Column(format!("c{at:02}")), column("int", true)))
            .collect();
        let texts = texts(&objects(&found), &Objects::new());
        assert_eq!(texts.len(), MAX_DIFFERENCES);
        assert_eq!(texts.last().unwrap(), "and 11 more");
    }

    #[test]
    fn hostile_names_stay_in_one_short_line() {
        let name = format!("a\nb\u{1b}[31m{}", "x".repeat(500));
        let found = objects(&[(Part::Column(name), column(&"y".repeat(5000), true))]);
        let texts = texts(&found, &Objects::new());
        assert!(
            texts[0].chars().count() < 300 && !texts[0].contains(['\n', '\u{1b}']),
            "{texts:?}"
        );
    }
}
