//! LEDGER: which release's schema a database holds. Pure: the same schema and catalog give the same verdict.

use std::collections::BTreeSet;

use kfp_releases::Version;
use kfp_releases::schema::{
    Definition, KnownState, LogicalSchema, ObjectKey, Part, ReleaseSchema, SchemaCatalog,
};

use crate::difference::{Difference, Objects, describe, differing};

/// What a schema is against the releases. An earlier state is preferred to a later one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum State {
    /// No tables at all.
    Empty,
    /// Equal to what a release leaves after a fresh install.
    Exact,
    /// Differs only in ways that the release is known to leave or to bear.
    Tolerated,
    /// In the middle of an install or of an upgrade.
    HalfMigrated,
    /// No release explains it.
    Foreign,
}

/// The two ends between which a database stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Midway {
    /// First release of the schema that was left; `None` for a fresh install.
    pub from: Option<Version>,
    /// First release of the schema that was not reached.
    pub to: Version,
}

/// What a schema is, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// The state.
    pub state: State,
    /// `Exact`, `Tolerated`: the releases whose schema this is, ascending. `HalfMigrated`: those of the nearer end; for an
    /// install, those of every schema it may be becoming, the nearest first. `Foreign`: the nearest, if any table is KFP's.
    pub matches: Vec<Version>,
    /// What differs from the first of `matches`; see [`crate::differences`].
    pub differences: Vec<String>,
    /// The ends, for `HalfMigrated`.
    pub midway: Option<Midway>,
    /// What is known of the differences: what brings them about and what becomes of them. Each cause once.
    pub causes: Vec<String>,
}

/// Holds a schema against every release of the catalog.
#[must_use]
pub fn judge(found: &LogicalSchema, catalog: &SchemaCatalog) -> Verdict {
    let found = found.objects();
    if found.is_empty() {
        return Verdict {
            state: State::Empty,
            matches: Vec::new(),
            differences: Vec::new(),
            midway: None,
            causes: Vec::new(),
        };
    }
    let releases: Vec<Candidate<'_>> = catalog.schemas().iter().map(Candidate::new).collect();
    exact(&found, &releases)
        .or_else(|| tolerated(&found, &releases))
        .or_else(|| half_migrated(&found, &releases))
        .unwrap_or_else(|| foreign(&found, &releases))
}

/// One schema of the catalog and its parts.
struct Candidate<'a> {
    release: &'a ReleaseSchema,
    objects: Objects,
}

impl<'a> Candidate<'a> {
    fn new(release: &'a ReleaseSchema) -> Self {
        Self {
            release,
            objects: release.schema.objects(),
        }
    }

    fn releases(&self) -> impl Iterator<Item = Version> {
        self.release.releases.keys().copied()
    }

    /// First release of this schema. The catalog has no schema without one.
    fn first(&self) -> Option<Version> {
        self.releases().next()
    }

    fn tolerates(&self, object: &ObjectKey, found: Option<&Definition>) -> bool {
        known(&self.release.tolerated, object, found).is_some()
    }

    /// A verdict with the differences from this schema.
    fn verdict(&self, state: State, found: &Objects, known: &[&[KnownState]]) -> Verdict {
        let differing = differing(found, &self.objects);
        let name = self
            .first()
            .map_or_else(|| "the release".to_owned(), |release| release.to_string());
        Verdict {
            state,
            matches: self.releases().collect(),
            differences: describe(&differing, &name),
            midway: None,
            causes: causes(&differing, known),
        }
    }
}

fn known<'a>(
    states: &'a [KnownState],
    object: &ObjectKey,
    found: Option<&Definition>,
) -> Option<&'a KnownState> {
    states.iter().find(|state| state.explains(object, found))
}

/// Why the parts that differ stand as they do, each cause once, in the order of the parts.
fn causes(differing: &[Difference<'_>], states: &[&[KnownState]]) -> Vec<String> {
    let mut seen = BTreeSet::new();
    let known = |difference: &Difference<'_>| {
        states
            .iter()
            .find_map(|states| known(states, difference.object, difference.found))
    };
    let causes = differing
        .iter()
        .filter_map(known)
        .map(|state| state.because.trim().to_owned());
    causes.filter(|cause| seen.insert(cause.clone())).collect()
}

fn exact(found: &Objects, releases: &[Candidate<'_>]) -> Option<Verdict> {
    releases
        .iter()
        .find(|release| release.objects == *found)
        .map(|release| release.verdict(State::Exact, found, &[]))
}

/// The schema with the fewest differences among those that tolerate all of them; the older one of two.
fn tolerated(found: &Objects, releases: &[Candidate<'_>]) -> Option<Verdict> {
    let bears = |release: &&Candidate<'_>| {
        differing(found, &release.objects)
            .iter()
            .all(|difference| release.tolerates(difference.object, difference.found))
    };
    let nearest = releases
        .iter()
        .filter(bears)
        .min_by_key(|release| differing(found, &release.objects).len())?;
    Some(nearest.verdict(State::Tolerated, found, &[&nearest.release.tolerated]))
}

/// The closest pair of ends between which the database stands, or the install in whose middle it is.
fn half_migrated(found: &Objects, releases: &[Candidate<'_>]) -> Option<Verdict> {
    let distance = |release: &Candidate<'_>| differing(found, &release.objects).len();
    let mut installs: Vec<&Candidate<'_>> = releases
        .iter()
        .filter(|release| installs(found, release))
        .collect();
    installs.sort_by_key(|release| distance(release));
    let pairs = releases
        .iter()
        .enumerate()
        .flat_map(|(at, from)| releases[at + 1..].iter().map(move |to| (from, at, to)));
    let upgrade = pairs
        .filter(|(from, at, to)| upgrades(found, from, to, releases.get(at + 1..).unwrap_or_default()))
        .min_by_key(|(from, _, to)| distance(from) + distance(to));
    match (installs.first(), upgrade) {
        (Some(nearest), Some((from, _, to))) if distance(nearest) > distance(from) + distance(to) => {
            between(found, from, to, releases)
        }
        (Some(nearest), _) => {
            let mut verdict = nearest.verdict(State::HalfMigrated, found, &[&nearest.release.installing]);
            verdict.matches = installs.iter().flat_map(|release| release.releases()).collect();
            verdict.midway = nearest.first().map(|to| Midway { from: None, to });
            Some(verdict)
        }
        (None, Some((from, _, to))) => between(found, from, to, releases),
        (None, None) => None,
    }
}

/// The verdict on a database between two schemas, told against the nearer one; against the newer one of two as near.
fn between(
    found: &Objects,
    from: &Candidate<'_>,
    to: &Candidate<'_>,
    releases: &[Candidate<'_>],
) -> Option<Verdict> {
    let distance = |release: &Candidate<'_>| differing(found, &release.objects).len();
    let nearer = if distance(from) < distance(to) { from } else { to };
    let mut states: Vec<&[KnownState]> = passed(to, releases)
        .map(|release| release.release.upgrading.as_slice())
        .collect();
    states.extend([from.release.tolerated.as_slice(), to.release.tolerated.as_slice()]);
    let mut verdict = nearer.verdict(State::HalfMigrated, found, &states);
    verdict.midway = Some(Midway {
        from: from.first(),
        to: to.first()?,
    });
    Some(verdict)
}

/// The schemas that an upgrade to `to` comes through at most, `to` included.
fn passed<'a, 'r>(
    to: &'a Candidate<'r>,
    releases: &'a [Candidate<'r>],
) -> impl Iterator<Item = &'a Candidate<'r>> {
    releases.iter().filter(|release| release.first() <= to.first())
}

/// Each part is as in one of the two schemas, or in a state that is known on the way. `newer` are the schemas after `from`.
fn upgrades(found: &Objects, from: &Candidate<'_>, to: &Candidate<'_>, newer: &[Candidate<'_>]) -> bool {
    let keys: BTreeSet<&ObjectKey> = found
        .keys()
        .chain(from.objects.keys())
        .chain(to.objects.keys())
        .collect();
    keys.into_iter().all(|object| {
        let definition = found.get(object);
        definition == from.objects.get(object)
            || definition == to.objects.get(object)
            || from.tolerates(object, definition)
            || to.tolerates(object, definition)
            || passed(to, newer)
                .any(|release| known(&release.release.upgrading, object, definition).is_some())
    })
}

/// The database is an unfinished fresh install: whole tables are missing or, where the install goes by steps, indexes and
/// foreign keys of tables; what is there is as it should be.
fn installs(found: &Objects, release: &Candidate<'_>) -> bool {
    let keys: BTreeSet<&ObjectKey> = found.keys().chain(release.objects.keys()).collect();
    keys.into_iter().all(|object| {
        let definition = found.get(object);
        let wanted = release.objects.get(object);
        let table = ObjectKey {
            table: object.table.clone(),
            part: Part::Table,
        };
        definition == wanted
            || (definition.is_none() && !found.contains_key(&table))
            || (definition.is_none() && release.release.stepwise && comes_later(&object.part))
            || known(&release.release.installing, object, definition).is_some()
    })
}

/// A part that a statement of its own adds to a table that is there.
fn comes_later(part: &Part) -> bool {
    match part {
        Part::Index(name) => name != "PRIMARY",
        Part::ForeignKey(_) => true,
        Part::Table | Part::Column(_) => false,
    }
}

/// The schema with the fewest differences, the older one of two; none where not one table is named as one of KFP's.
fn foreign(found: &Objects, releases: &[Candidate<'_>]) -> Verdict {
    let tables = |objects: &Objects| {
        objects
            .keys()
            .map(|object| object.table.clone())
            .collect::<BTreeSet<_>>()
    };
    let here = tables(found);
    let related = releases
        .iter()
        .filter(|release| !tables(&release.objects).is_disjoint(&here));
    match related.min_by_key(|release| differing(found, &release.objects).len()) {
        Some(nearest) => nearest.verdict(
            State::Foreign,
            found,
            &[&nearest.release.tolerated, &nearest.release.upgrading],
        ),
        None => Verdict {
            state: State::Foreign,
            matches: Vec::new(),
            differences: describe(&differing(found, &Objects::new()), "any release"),
            midway: None,
            causes: Vec::new(),
        },
    }
}

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
