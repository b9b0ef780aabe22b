//! JUDGEMENT: requirements as pip reads them, line by line. Reads; judges nothing.

use std::ops::Range;

use super::places::{place, unreadable};
use super::specifier::dependency;
use super::{Ask, Package, Requirement, Requirements};
use crate::document::Unreadable;

pub(super) fn read(text: &str) -> Result<Requirements, Unreadable> {
    let mut found = Requirements::default();
    for (range, line) in logical_lines(text) {
        if let Some(file) = included(&line) {
            found.includes.push(file.to_owned());
            continue;
        }
        let asked = match editable(&line) {
            Some(address) => {
                named_in(address).map(|package| (package, Ask::Elsewhere(address.to_owned()), Vec::new()))
            }
            None if line.starts_with('-') => None,
            None if line.contains("://") && !line.contains('@') => {
                named_in(&line).map(|package| (package, Ask::Elsewhere(line.clone()), Vec::new()))
            }
            None => dependency(without_options(&line)).map_err(|why| {
                unreadable(
                    text,
                    range.clone(),
                    format!("this requirement is not understood: {why}"),
                    "write it as pip takes it, for example `kfp==2.16.1`",
                )
            })?,
        };
        if let Some((package, ask, extras)) = asked {
            found.packages.push(Requirement {
                package,
                ask,
                extras,
                path: String::new(),
                place: Some(place(text, range)),
            });
        }
    }
    Ok(found)
}

/// Lines joined at a backslash, without comments and empty ones, with the bytes that the first of them takes.
fn logical_lines(text: &str) -> Vec<(Range<usize>, String)> {
    let mut lines = Vec::new();
    let mut begun: Option<(Range<usize>, String)> = None;
    let mut at = 0;
    for raw in text.split_inclusive('\n') {
        let start = at;
        at += raw.len();
        let line = raw.trim_start_matches('\u{feff}');
        let line = uncommented(line.trim_end_matches(['\n', '\r']));
        let (part, goes_on) = line.strip_suffix('\\').map_or((line, false), |part| (part, true));
        let (_, joined) = begun.get_or_insert_with(|| {
            let shown = start + (raw.len() - raw.trim_start_matches(['\u{feff}', ' ', '\t']).len());
            (shown..(shown + part.trim().len()), String::new())
        });
        joined.push_str(part);
        if !goes_on {
            lines.extend(begun.take());
        }
    }
    lines.extend(begun);
    lines
        .into_iter()
        .map(|(range, line)| (range, line.trim().to_owned()))
        .filter(|(_, line)| !line.is_empty())
        .collect()
}

/// A comment begins at a `#` that begins the line or follows white space.
fn uncommented(line: &str) -> &str {
    let comment = line.char_indices().find(|(at, letter)| {
        *letter == '#' && line[..*at].chars().next_back().is_none_or(char::is_whitespace)
    });
    comment.map_or(line, |(at, _)| line[..at].trim_end())
}

/// The file named by `-r FILE`, `--requirement=FILE`, `-c FILE` and their like.
fn included(line: &str) -> Option<&str> {
    ["--requirement", "--constraint", "-r", "-c"]
        .iter()
        .find_map(|option| {
            let rest = line.strip_prefix(option)?;
            let long = option.starts_with("--");
            let value = rest.strip_prefix(|letter: char| letter == '=' || letter.is_whitespace());
            let value = if long { value? } else { value.unwrap_or(rest) };
            let value = value.trim();
            (!value.is_empty()).then_some(value)
        })
}

/// The address named by `-e` or `--editable`.
fn editable(line: &str) -> Option<&str> {
    ["--editable", "-e"].iter().find_map(|option| {
        let rest = line.strip_prefix(option)?;
        let value = rest.strip_prefix(|letter: char| letter == '=' || letter.is_whitespace())?;
        Some(value.trim())
    })
}

/// The package that an address names after `#egg=`, or that its file is a wheel or an archive of.
fn named_in(address: &str) -> Option<Package> {
    let fragment = address.split_once('#').map_or("", |(_, fragment)| fragment);
    let egg = fragment.split('&').find_map(|part| part.strip_prefix("egg="));
    if let Some(egg) = egg {
        return Package::of_name(egg.split(['[', '=', '<', '>']).next().unwrap_or(egg));
    }
    let file = address.split(['#', '?']).next()?.rsplit('/').next()?;
    let dash = file.char_indices().find(|(at, letter)| {
        *letter == '-' && file[at + 1..].starts_with(|next: char| next.is_ascii_digit())
    })?;
    Package::of_name(&file[..dash.0])
}

/// A requirement without `--hash=…` and its like.
fn without_options(line: &str) -> &str {
    line.find(" --").map_or(line, |at| line[..at].trim_end())
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[test]
    fn a_file_is_read_as_pip_reads_it() {
        let text = "\u{feff}# pinned\r\n-r base.txt\n--constraint=limits.txt\nnumpy==1.2\n  kfp[kubernetes]==2.14.6 \\\n    --hash=sha256:aa \\\n    --hash=sha256:bb\n\
                    kfp-server-api>=2.14 # why\n--extra-index-url https://example.com/#egg=kfp\nhttps://example.com/kfp_kubernetes-2.15.0-py3-none-any.whl\n-e git+https://example.com/pipelines#egg=kfp_pipeline_spec";
        let found = read(text).unwrap();
        assert_eq!(found.includes, ["base.txt", "limits.txt"]);
        let packages: Vec<Package> = found.packages.iter().map(|one| one.package).collect();
        assert_eq!(
            packages,
            [
                Package::Kfp,
                Package::KfpServerApi,
                Package::KfpKubernetes,
                Package::KfpPipelineSpec
            ]
        );
        assert_eq!(found.packages[0].extras, ["kubernetes"]);
        assert!(matches!(found.packages[2].ask, Ask::Elsewhere(_)));
        let place = found.packages[0].place.unwrap();
        assert_eq!((place.line, place.column), (5, 3));
        let bytes = usize::try_from(place.start).unwrap()..usize::try_from(place.end).unwrap();
        assert_eq!(&text[bytes], "kfp[kubernetes]==2.14.6");
    }

    #[rstest]
    #[case("", 0)]
    #[case("\\", 0)]
    #[case("kfp==2.14.6 \\", 1)]
    #[case("kfp\\\n==2.14.6", 1)]
    #[case("-rbase.txt\nkfp", 1)]
    #[case("#kfp\n # kfp", 0)]
    fn odd_lines_are_read(#[case] text: &str, #[case] wanted: usize) {
        assert_eq!(read(text).unwrap().packages.len(), wanted);
    }

    #[test]
    fn a_misspelt_requirement_is_told_with_its_line() {
        let problem = read("numpy\nkfp=2.14.6\n").unwrap_err();
        assert_eq!(problem.place.unwrap().line, 2);
        assert!(problem.message.contains("not understood"), "{problem}");
    }
}
