//! JUDGEMENT: findings of one walk, bounded in number, and what of them each release gets. Decides nothing.

use std::collections::HashMap;

use kfp_releases::Version;

use crate::finding::{Code, Effect, Finding};
use crate::judge::releases::Releases;
use crate::text::Place;

/// Most findings of one code that a release is told one by one; the rest is summed up. A text of any size thus has a
/// bounded answer.
pub(crate) const MOST_OF_A_CODE: usize = 50;

/// One thing told about one place on some releases.
#[derive(Clone, Debug)]
pub(crate) struct Raw<'data> {
    pub(crate) code: &'data str,
    pub(crate) effect: Effect,
    pub(crate) releases: Releases,
    /// Releases on which it works; none where it is not a matter of age.
    pub(crate) works: Releases,
    pub(crate) path: String,
    pub(crate) task: Option<String>,
    pub(crate) place: Option<Place>,
    pub(crate) message: String,
    pub(crate) help: String,
}

/// What is told of a code beyond [`MOST_OF_A_CODE`].
#[derive(Clone, Copy, Debug)]
struct Rest {
    count: usize,
    worst: Effect,
}

/// Findings as they come.
#[derive(Debug)]
pub(crate) struct Report<'data> {
    raws: Vec<Raw<'data>>,
    told: HashMap<&'data str, Vec<usize>>,
    rests: HashMap<(&'data str, usize), Rest>,
}

impl<'data> Report<'data> {
    pub(crate) fn new() -> Self {
        Self {
            raws: Vec::new(),
            told: HashMap::new(),
            rests: HashMap::new(),
        }
    }

    /// Those of `releases` that can still be told a finding of this code; for the others it is counted. Asked before a
    /// finding is put into words.
    pub(crate) fn room(&mut self, code: &'data str, effect: Effect, releases: Releases) -> Releases {
        let told = self.told.entry(code).or_insert_with(|| vec![0; 64]);
        let mut room = Releases::NONE;
        for position in releases.positions() {
            match told.get_mut(position) {
                Some(count) if *count < MOST_OF_A_CODE => {
                    *count += 1;
                    room = room.or(Releases::only(position));
                }
                _ => {
                    let rest = self.rests.entry((code, position)).or_insert(Rest {
                        count: 0,
                        worst: effect,
                    });
                    rest.count += 1;
                    rest.worst = rest.worst.max(effect);
                }
            }
        }
        room
    }

    /// Adds a finding for which [`Self::room`] was asked.
    pub(crate) fn add(&mut self, raw: Raw<'data>) {
        if !raw.releases.is_empty() {
            self.raws.push(raw);
        }
    }

    /// Puts findings into the order of the text, worst first at one place.
    pub(crate) fn sort(&mut self) {
        self.raws.sort_by(|left, right| {
            let key = |raw: &Raw<'_>| {
                (
                    raw.place.map_or(0, |place| place.start),
                    std::cmp::Reverse(raw.effect),
                )
            };
            key(left)
                .cmp(&key(right))
                .then_with(|| left.code.cmp(right.code))
                .then_with(|| left.path.cmp(&right.path))
                .then_with(|| left.message.cmp(&right.message))
        });
    }

    /// What the release at `position` of `versions` is told, as the release `asked`.
    pub(crate) fn findings(&self, position: usize, asked: Version, versions: &[Version]) -> Vec<Finding> {
        let mut findings: Vec<Finding> = self
            .raws
            .iter()
            .filter(|raw| raw.releases.has(position))
            .map(|raw| finding(raw, asked, versions))
            .collect();
        let mut rests: Vec<_> = self.rests.iter().filter(|((_, of), _)| *of == position).collect();
        rests.sort_by_key(|((code, _), _)| *code);
        findings.extend(rests.into_iter().map(|((code, _), rest)| Finding {
            code: Code((*code).to_owned()),
            effect: rest.worst,
            severity: rest.worst.severity(),
            release: asked,
            path: String::new(),
            task: None,
            place: None,
            message: format!(
                "{} more findings of this kind are not listed one by one",
                rest.count
            ),
            works_since: None,
            works_until: None,
            help: "Mend those above and check again.".to_owned(),
        }));
        findings
    }
}

fn finding(raw: &Raw<'_>, asked: Version, versions: &[Version]) -> Finding {
    let version = |position: Option<usize>| position.and_then(|position| versions.get(position)).copied();
    let newest = version(raw.works.positions().next_back());
    Finding {
        code: Code(raw.code.to_owned()),
        effect: raw.effect,
        severity: raw.effect.severity(),
        release: asked,
        path: raw.path.clone(),
        task: raw.task.clone(),
        place: raw.place,
        message: raw.message.clone(),
        works_since: version(raw.works.positions().next()),
        works_until: newest.filter(|newest| versions.last() != Some(newest)),
        help: raw.help.clone(),
    }
}
