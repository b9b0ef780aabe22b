//! PEOPLE: what was found on several releases told once, with the lines it stands on. No I/O.

use std::collections::HashMap;

use kfp_compat::{Effect, Finding};

use super::excerpt::{excerpt, span};
use super::report::FileFinding;

/// Findings of one file that carry their lines; of more, only the place is kept.
const EXCERPTS: usize = 500;

/// Releases whose help is told one by one.
const HELPS: usize = 3;
/// Stands for the help on further releases.
const OTHERS: &str = "others for other releases, which a check for those alone tells";

/// What makes findings on two releases one finding.
#[derive(PartialEq, Eq, Hash)]
struct Sameness {
    code: String,
    effect: Effect,
    path: String,
    start: Option<u32>,
    message: String,
}

/// Joins findings that differ by release, or by what helps there, alone; the order is that of the text, worst first at one place.
pub fn merge(findings: impl Iterator<Item = Finding>, text: &[u8]) -> Vec<FileFinding> {
    let mut merged: Vec<(Option<u32>, FileFinding)> = Vec::new();
    let mut known: HashMap<Sameness, usize> = HashMap::new();
    for finding in findings {
        let start = finding.place.map(|place| place.start);
        let same = Sameness {
            code: finding.code.0.clone(),
            effect: finding.effect,
            path: finding.path.clone(),
            start,
            message: finding.message.clone(),
        };
        if let Some((_, one)) = known.get(&same).and_then(|at| merged.get_mut(*at)) {
            // What holds for the newest release is what helps from then on.
            if one.releases.iter().all(|release| *release < finding.release) {
                one.works_since = finding.works_since;
                one.works_until = finding.works_until;
            }
            if !one.releases.contains(&finding.release) {
                one.releases.push(finding.release);
            }
            add_help(&mut one.help, &finding.help);
            continue;
        }
        known.insert(same, merged.len());
        let shown = merged.len() < EXCERPTS;
        merged.push((
            start,
            FileFinding {
                code: finding.code.0,
                effect: finding.effect,
                severity: finding.severity,
                releases: vec![finding.release],
                path: finding.path,
                task: finding.task,
                place: finding.place.map(|place| span(text, place)),
                message: finding.message,
                works_since: finding.works_since,
                works_until: finding.works_until,
                help: finding.help,
                ignored: None,
                excerpt: finding
                    .place
                    .filter(|_| shown)
                    .and_then(|place| excerpt(text, place)),
            },
        ));
    }
    for (_, one) in &mut merged {
        one.releases.sort();
    }
    merged.sort_by(|(left, a), (right, b)| {
        left.cmp(right)
            .then(b.effect.cmp(&a.effect))
            .then(a.code.cmp(&b.code))
    });
    merged.into_iter().map(|(_, one)| one).collect()
}

/// What helps on one release after what helps on another.
fn add_help(all: &mut String, more: &str) {
    let known: Vec<&str> = all.split("; ").collect();
    if all == more || known.contains(&more) || known.contains(&OTHERS) {
        return;
    }
    let more = if known.len() < HELPS { more } else { OTHERS };
    if !all.is_empty() {
        all.push_str("; ");
    }
    all.push_str(more);
}

/// What happens, in words that follow the name of a place.
#[must_use]
pub const fn effect_words(effect: Effect) -> &'static str {
    match effect {
        Effect::Note => "for information",
        Effect::Discouraged => "works, but is advised against",
        Effect::RunsDifferently => "runs, but does something else",
        Effect::Dropped => "accepted and ignored",
        Effect::FailsAtRun => "accepted, then its run fails",
        Effect::RefusedAtRun => "refused when a run is created",
        Effect::RefusedAtUpload => "refused at upload",
    }
}

/// Since or until when it works; empty when age is not what matters.
#[must_use]
pub fn works(finding: &FileFinding) -> String {
    match (finding.works_since, finding.works_until) {
        (Some(since), None) => format!("works since {since}"),
        (None, Some(until)) => format!("works up to {until}"),
        (Some(since), Some(until)) => format!("works from {since} to {until}"),
        (None, None) => String::new(),
    }
}

/// Releases apart by commas.
#[must_use]
pub fn list(releases: &[kfp_releases::Version]) -> String {
    let words: Vec<String> = releases.iter().map(ToString::to_string).collect();
    words.join(", ")
}

/// A count with its word.
#[must_use]
pub fn many(count: usize, word: &str) -> String {
    if count == 1 {
        format!("1 {word}")
    } else {
        format!("{count} {word}s")
    }
}

#[cfg(test)]
mod tests {
    use kfp_compat::Code;
    use kfp_compat::text::Place;

    use super::*;

    fn finding(release: &str, start: u32, message: &str) -> Finding {
        Finding {
            code: Code("KFP010".to_owned()),
            effect: Effect::RefusedAtUpload,
            severity: Effect::RefusedAtUpload.severity(),
            release: release.parse().unwrap(),
            path: "a".to_owned(),
            task: None,
            place: Some(Place {
                line: 1,
                column: start + 1,
                start,
                end: start + 1,
            }),
            message: message.to_owned(),
            works_since: None,
            works_until: None,
            help: String::new(),
        }
    }

    #[test]
    fn the_same_finding_on_several_releases_is_told_once_in_the_order_of_the_text() {
        let findings = [
            finding("2.14.4", 3, "late"),
            finding("2.14.4", 0, "early"),
            finding("2.5.0", 3, "late"),
            finding("2.5.0", 3, "other"),
        ];
        let merged = merge(findings.into_iter(), b"a: b\n");
        let told: Vec<(&str, String)> = merged
            .iter()
            .map(|one| (one.message.as_str(), list(&one.releases)))
            .collect();
        assert_eq!(
            told,
            [
                ("early", "2.14.4".to_owned()),
                ("late", "2.5.0, 2.14.4".to_owned()),
                ("other", "2.5.0".to_owned())
            ]
        );
    }
}
