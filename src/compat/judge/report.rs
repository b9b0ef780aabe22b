//! JUDGEMENT: findings of one walk, bounded in number, and what of them each release gets. Decides nothing.

use std::collections::HashMap;
use std::ops::RangeInclusive;

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
            .map(|raw| finding(raw, position, asked, versions))
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

fn finding(raw: &Raw<'_>, position: usize, asked: Version, versions: &[Version]) -> Finding {
    let version = |position: usize| versions.get(position).copied();
    let works = cure(raw.works, position);
    Finding {
        code: Code(raw.code.to_owned()),
        effect: raw.effect,
        severity: raw.effect.severity(),
        release: asked,
        path: raw.path.clone(),
        task: raw.task.clone(),
        place: raw.place,
        message: raw.message.clone(),
        works_since: works.as_ref().and_then(|works| version(*works.start())),
        works_until: works
            .and_then(|works| version(*works.end()))
            .filter(|newest| versions.last() != Some(newest)),
        help: raw.help.clone(),
    }
}

/// The releases in a row on which it works that matter to the release at `position`: the next newer ones, for nobody mends a
/// pipeline by going back; without any, the last older ones.
fn cure(works: Releases, position: usize) -> Option<RangeInclusive<usize>> {
    let is_newer = |at: &usize| *at > position;
    let first = works.positions().find(is_newer);
    if let Some(first) = first {
        let last = (first..64).take_while(|at| works.has(*at)).last()?;
        return Some(first..=last);
    }
    let last = works.positions().next_back()?;
    let first = (0..=last).rev().take_while(|at| works.has(*at)).last()?;
    Some(first..=last)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::nothing_works(&[], 1, None)]
    #[case::a_newer_one_works(&[3, 4, 5], 1, Some(3..=5))]
    #[case::only_older_ones_work(&[0, 1, 2], 4, Some(0..=2))]
    #[case::between_two_that_work(&[0, 1, 4, 5], 2, Some(4..=5))]
    #[case::the_next_newer_ones_work_and_later_ones_again(&[3, 6], 1, Some(3..=3))]
    #[case::the_last_older_ones(&[0, 2, 3], 5, Some(2..=3))]
    fn a_cure_is_newer_where_one_is(
        #[case] works: &[usize],
        #[case] position: usize,
        #[case] cure_: Option<RangeInclusive<usize>>,
    ) {
        let releases = works
            .iter()
            .fold(Releases::default(), |all, at| all.or(Releases::only(*at)));
        assert_eq!(cure(releases, position), cure_);
    }
}
