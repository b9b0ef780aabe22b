//! EYES: what is known of one installation's stored pipelines between two looks. Pure: nothing is read or written here.

use std::collections::{BTreeMap, BTreeSet};

use kfp_compat::inventory::{Kind, Row};

/// Rows by kind and key, and the versions of each pipeline by age.
#[derive(Clone, Debug, Default)]
pub struct Memory {
    rows: BTreeMap<(Kind, String), Row>,
    versions: BTreeMap<String, BTreeSet<(i64, String)>>,
}

impl Memory {
    /// A memory of these rows.
    #[must_use]
    pub fn of(rows: Vec<Row>) -> Self {
        let mut memory = Self::default();
        for row in rows {
            memory.insert(row);
        }
        memory
    }

    /// Every row, by kind and key.
    pub fn rows(&self) -> impl Iterator<Item = &Row> {
        self.rows.values()
    }

    /// How many rows of a kind there are.
    #[must_use]
    pub fn count(&self, kind: Kind) -> usize {
        self.of_kind(kind).count()
    }

    /// The rows of a kind.
    pub fn of_kind(&self, kind: Kind) -> impl Iterator<Item = &Row> {
        self.rows
            .range((kind, String::new())..)
            .take_while(move |((found, _), _)| *found == kind)
            .map(|(_, row)| row)
    }

    /// A row.
    #[must_use]
    pub fn get(&self, kind: Kind, id: &str) -> Option<&Row> {
        self.rows.get(&(kind, id.to_owned()))
    }

    /// Adds a row, or puts it in the place of the one of its key.
    pub fn insert(&mut self, row: Row) {
        self.remove(row.kind, &row.id.clone());
        if row.kind == Kind::PipelineVersion {
            let versions = self.versions.entry(row.pipeline_id.clone()).or_default();
            versions.insert((row.created, row.id.clone()));
        }
        self.rows.insert((row.kind, row.id.clone()), row);
    }

    /// Takes a row away.
    pub fn remove(&mut self, kind: Kind, id: &str) {
        let Some(row) = self.rows.remove(&(kind, id.to_owned())) else {
            return;
        };
        if kind == Kind::PipelineVersion
            && let Some(versions) = self.versions.get_mut(&row.pipeline_id)
        {
            versions.remove(&(row.created, row.id));
            if versions.is_empty() {
                self.versions.remove(&row.pipeline_id);
            }
        }
    }

    /// Keeps of a kind only what is named.
    pub fn keep_only(&mut self, kind: Kind, ids: &BTreeSet<String>) {
        let gone: Vec<String> = self
            .of_kind(kind)
            .filter(|row| !ids.contains(&row.id))
            .map(|row| row.id.clone())
            .collect();
        for id in gone {
            self.remove(kind, &id);
        }
    }

    /// Keeps of a kind the newest rows only.
    pub fn keep_newest(&mut self, kind: Kind, count: usize) {
        let mut marks: Vec<(i64, String)> = self
            .of_kind(kind)
            .map(|row| (row.created, row.id.clone()))
            .collect();
        if marks.len() <= count {
            return;
        }
        marks.sort_unstable();
        for (_, id) in marks.iter().take(marks.len() - count) {
            self.remove(kind, id);
        }
    }

    /// The newest version of a pipeline that was there at a time (seconds since 1970).
    #[must_use]
    pub fn newest_version(&self, pipeline_id: &str, at: i64) -> Option<&Row> {
        let versions = self.versions.get(pipeline_id)?;
        let (_, id) = versions.iter().rev().find(|(created, _)| *created <= at)?;
        self.get(Kind::PipelineVersion, id)
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::row;
    use super::*;

    fn version(id: &str, pipeline: &str, created: i64) -> Row {
        Row {
            pipeline_id: pipeline.into(),
            created,
            ..row(Kind::PipelineVersion, id)
        }
    }

    #[test]
    fn the_newest_version_is_the_last_one_that_was_there_and_has_not_gone() {
        let mut memory = Memory::of(vec![
            version("a", "p", 1),
            version("b", "p", 5),
            version("c", "q", 9),
        ]);
        let newest = |memory: &Memory, at| memory.newest_version("p", at).map(|row| row.id.clone());
        assert_eq!(newest(&memory, i64::MAX).as_deref(), Some("b"));
        assert_eq!(newest(&memory, 4).as_deref(), Some("a"));
        assert_eq!(newest(&memory, 0), None);
        memory.remove(Kind::PipelineVersion, "b");
        assert_eq!(newest(&memory, i64::MAX).as_deref(), Some("a"));
        memory.insert(version("a", "other", 1));
        assert_eq!(newest(&memory, i64::MAX), None);
    }

    #[test]
    fn only_what_is_named_or_newest_is_kept_and_other_kinds_stay() {
        let mut memory = Memory::of(vec![
            version("a", "p", 1),
            version("b", "p", 2),
            row(Kind::Run, "a"),
        ]);
        memory.keep_newest(Kind::PipelineVersion, 1);
        assert_eq!(
            (memory.count(Kind::PipelineVersion), memory.count(Kind::Run)),
            (1, 1)
        );
        assert!(memory.get(Kind::PipelineVersion, "b").is_some());
        memory.keep_only(Kind::PipelineVersion, &BTreeSet::new());
        assert_eq!(
            (memory.count(Kind::PipelineVersion), memory.count(Kind::Run)),
            (0, 1)
        );
    }
}
