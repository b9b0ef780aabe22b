//! JUDGEMENT: every compiled pipeline on every release, with the reasons, as one page for each SDK.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use kfp_releases::Version;

use super::{corpus, judged, knowledge, sign};
use crate::finding::Finding;

/// Releases as ranges: `2.0.5..2.4.1, 2.14.0`.
fn ranges(releases: &[Version]) -> String {
    let known = knowledge().releases();
    let at = |release: &Version| known.iter().position(|known| known == release).unwrap();
    let mut ranges: Vec<(usize, usize)> = Vec::new();
    for position in releases.iter().map(at) {
        match ranges.last_mut() {
            Some(last) if last.1 + 1 == position => last.1 = position,
            _ => ranges.push((position, position)),
        }
    }
    let words: Vec<String> = ranges
        .iter()
        .map(|(first, last)| {
            if first == last {
                known[*first].to_string()
            } else {
                format!("{}..{}", known[*first], known[*last])
            }
        })
        .collect();
    words.join(", ")
}

/// A finding in one line, without its release.
fn line(finding: &Finding) -> String {
    let task = finding
        .task
        .as_ref()
        .map(|task| format!(" ({task})"))
        .unwrap_or_default();
    let line = finding
        .place
        .map(|place| format!(" line {}", place.line))
        .unwrap_or_default();
    let works = match (finding.works_since, finding.works_until) {
        (Some(since), Some(until)) => format!(" [works {since} to {until}]"),
        (Some(since), None) => format!(" [works since {since}]"),
        _ => String::new(),
    };
    format!(
        "{} {} {}{task}{line}: {}{works}",
        finding.code.0, finding.effect, finding.path, finding.message
    )
}

/// What is said of an SDK's pipelines.
fn page(pipelines: &[(&str, &str)]) -> String {
    let releases = knowledge().releases();
    let mut table = format!("{:24}", "");
    for release in releases {
        let _ = write!(table, " {:6}", release.to_string());
    }
    table.push('\n');
    let mut reasons = String::new();
    for (name, text) in pipelines {
        let verdicts = judged(text);
        let _ = write!(table, "{name:24}");
        let mut lines: Vec<(String, Vec<Version>)> = Vec::new();
        for verdict in &verdicts {
            let _ = write!(table, " {:6}", sign(verdict.outcome));
            for finding in &verdict.findings {
                let line = line(finding);
                match lines.iter_mut().find(|(known, _)| *known == line) {
                    Some((_, releases)) => releases.push(verdict.release),
                    None => lines.push((line, vec![verdict.release])),
                }
            }
        }
        table.push('\n');
        if !lines.is_empty() {
            let _ = writeln!(reasons, "\n{name}");
        }
        for (line, releases) in lines {
            let _ = writeln!(reasons, "  {}\n    {line}", ranges(&releases));
        }
    }
    let trimmed: Vec<&str> = table.lines().map(str::trim_end).collect();
    format!("{}\n{reasons}", trimmed.join("\n"))
}

#[test]
fn every_compiled_pipeline_is_judged_on_every_release_with_its_reasons() {
    let mut sdks: BTreeMap<Version, Vec<(&str, &str)>> = BTreeMap::new();
    for (sdk, name, text) in corpus() {
        sdks.entry(*sdk).or_default().push((name.as_str(), text.as_str()));
    }
    assert!(sdks.len() >= 10, "the corpus is there");
    for (sdk, pipelines) in sdks {
        insta::assert_snapshot!(format!("sdk_{sdk}"), page(&pipelines));
    }
}
