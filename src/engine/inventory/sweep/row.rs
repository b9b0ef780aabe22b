//! EYES: rows of the database as rows of the inventory, and what is known of them already. Asks nobody.

use kfp_compat::inventory::{Kind, Row};
use kfp_database::{Entry, Source};

use super::{Judged, Memory, TEXT_BYTES, unread};

/// What one step cost the database.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cost {
    /// Rows that it returned.
    pub rows: usize,
    /// Bytes of texts that it returned.
    pub bytes: u64,
}

pub(super) fn rows(rows: usize) -> Cost {
    Cost { rows, bytes: 0 }
}

pub(super) fn kind(source: Source) -> Kind {
    match source {
        Source::PipelineVersion => Kind::PipelineVersion,
        Source::RecurringRun => Kind::RecurringRun,
        Source::Run => Kind::Run,
    }
}

pub(super) fn source(kind: Kind) -> Source {
    match kind {
        Kind::PipelineVersion => Source::PipelineVersion,
        Kind::RecurringRun => Source::RecurringRun,
        Kind::Run => Source::Run,
    }
}

/// What is known of a row before its text is read, and whether it follows its pipeline's newest version: it runs a version
/// that was judged, or it has no text, or one that is too long.
pub(super) fn known(source: Source, entry: &Entry, memory: &Memory) -> Option<(Judged, bool)> {
    if source != Source::PipelineVersion {
        if let Some(version) = memory.get(Kind::PipelineVersion, &entry.version) {
            return Some((same(version), false));
        }
        // A recurring run without a version takes the newest one; what such a run holds itself is the Workflow that was made
        // of it (kubeflow/pipelines 2.16.1, resource_manager.go, CreateJob and ReportWorkflowResource).
        if entry.version.is_empty() && entry.workflow && !entry.pipeline_id.is_empty() {
            let (at, newest) = match source {
                Source::Run => (entry.created, false),
                _ => (i64::MAX, true),
            };
            let version = memory.newest_version(&entry.pipeline_id, at);
            let judged = version.map_or_else(|| unread("its pipeline has no version that is known"), same);
            return Some((judged, newest));
        }
    }
    if entry.bytes == 0 && entry.uri.is_empty() {
        return Some((unread("its row holds no compiled pipeline"), false));
    }
    if entry.bytes == 0 {
        let why = format!("its compiled pipeline lies in the bucket alone, at {}", entry.uri);
        return Some((unread(&why), false));
    }
    if entry.bytes > TEXT_BYTES {
        let why = format!(
            "its compiled pipeline has {} bytes, more than the {TEXT_BYTES} that are judged",
            entry.bytes
        );
        return Some((unread(&why), false));
    }
    None
}

fn same(version: &Row) -> Judged {
    Judged {
        sdk: version.sdk.clone(),
        unread: version.unread.clone(),
        fares: version.fares.clone(),
    }
}

/// Notes whether a known recurring run starts runs.
pub(super) fn refresh(memory: &mut Memory, id: &str, enabled: bool) {
    let changed = memory
        .get(Kind::RecurringRun, id)
        .filter(|row| row.enabled != enabled);
    if let Some(row) = changed.cloned() {
        memory.insert(Row { enabled, ..row });
    }
}

/// Gives recurring runs that take the newest version what that version is by now.
pub(super) fn follow_newest(memory: &mut Memory) {
    let following: Vec<Row> = memory
        .of_kind(Kind::RecurringRun)
        .filter(|row| row.newest)
        .cloned()
        .collect();
    for row in following {
        let version = memory.newest_version(&row.pipeline_id, i64::MAX);
        let id = version.map(|version| version.id.clone()).unwrap_or_default();
        let judged = version.map_or_else(|| unread("its pipeline has no version that is known"), same);
        let now = Row {
            version: id,
            sdk: judged.sdk,
            unread: judged.unread,
            fares: judged.fares,
            ..row.clone()
        };
        if now != row {
            memory.insert(now);
        }
    }
}
