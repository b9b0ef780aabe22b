//! EYES: rows that are new to a sweep: asked for, and judged by their texts, by those of the version that they run, or by why there
//! is none.

use std::collections::BTreeMap;
use std::sync::Arc;

use kfp_compat::inventory::{Kind, Row, cut};
use kfp_database::{Entry, ProbeError, Scan, Source};

use super::{Cost, Sweep, TEXT_BYTES, kind, rows};
use crate::inventory::judging::{Judge, Judged, unread};
use crate::inventory::memory::Memory;

/// New rows that are asked for at once, without their texts.
const ENTRIES: usize = 100;
/// Texts that are held in memory at once, in bytes, unless one alone is longer.
const BATCH_BYTES: u64 = 4 * 1024 * 1024;
/// Longest name kept, in characters; that of the columns.
pub(super) const NAME_MAX: usize = 255;

impl Sweep {
    /// A pipeline version whose compiled pipeline may lie in the bucket; whoever takes it gives back what was found there.
    pub fn next_in_bucket(&mut self) -> Option<Entry> {
        self.in_bucket.pop_front()
    }

    /// What was found in the bucket, or why nothing was.
    pub async fn from_bucket(
        &self,
        entry: Entry,
        found: Result<String, String>,
        memory: &mut Memory,
        judge: &Arc<Judge>,
    ) {
        let judged = match found {
            Ok(text) => {
                let judge = Arc::clone(judge);
                let judging = tokio::task::spawn_blocking(move || judge.text(&text)).await;
                judging.unwrap_or_else(|error| unread(&format!("the judgement of it broke: {error}")))
            }
            Err(why) => unread(&why),
        };
        memory.insert(self.row(Source::PipelineVersion, entry, judged, false));
    }

    pub(super) async fn read_entries(
        &mut self,
        scan: &mut Scan,
        memory: &mut Memory,
    ) -> Result<Cost, ProbeError> {
        let Some(source) = self.unknown.front().map(|(source, _)| *source) else {
            return Ok(Cost::default());
        };
        let mut ids = Vec::new();
        while ids.len() < ENTRIES && self.unknown.front().is_some_and(|(next, _)| *next == source) {
            ids.extend(self.unknown.pop_front().map(|(_, id)| id));
        }
        let entries = scan.entries(source, &ids).await?;
        let count = entries.len();
        for entry in entries {
            match known(source, &entry, memory) {
                Some((judged, newest)) => {
                    let row = self.row(source, entry, judged, newest);
                    memory.insert(row);
                }
                None if entry.bytes == 0 => self.in_bucket.push_back(entry),
                None => self.texts.push_back((source, entry)),
            }
        }
        Ok(rows(count))
    }

    pub(super) async fn read_texts(
        &mut self,
        scan: &mut Scan,
        memory: &mut Memory,
        judge: &Arc<Judge>,
    ) -> Result<Cost, ProbeError> {
        let mut batch: BTreeMap<String, Entry> = BTreeMap::new();
        let mut bytes = 0;
        let source = self.texts.front().map_or(Source::Run, |(source, _)| *source);
        while let Some((next, entry)) = self.texts.front() {
            if *next != source || !batch.is_empty() && bytes + entry.bytes > BATCH_BYTES {
                break;
            }
            bytes += entry.bytes;
            if let Some((_, entry)) = self.texts.pop_front() {
                batch.insert(entry.id.clone(), entry);
            }
        }
        let ids: Vec<String> = batch.keys().cloned().collect();
        let texts = scan.texts(source, &ids, TEXT_BYTES).await?;
        let count = texts.len();
        let judge = Arc::clone(judge);
        // Judging takes a processor for a while, and other installations' passes shall not wait for it.
        let judging = tokio::task::spawn_blocking(move || {
            let one = |text: kfp_database::Text| match &text.text {
                Some(found) => (text.id, judge.text(found)),
                None => (
                    text.id,
                    unread("its compiled pipeline is gone, or too long by now"),
                ),
            };
            texts.into_iter().map(one).collect::<Vec<_>>()
        });
        let judged = judging.await.unwrap_or_else(|error| {
            let why = format!("the judgement of it broke: {error}");
            ids.iter().map(|id| (id.clone(), unread(&why))).collect()
        });
        for (id, judged) in judged {
            if let Some(entry) = batch.remove(&id) {
                let row = self.row(source, entry, judged, false);
                memory.insert(row);
            }
        }
        Ok(Cost { rows: count, bytes })
    }

    fn row(&self, source: Source, entry: Entry, judged: Judged, newest: bool) -> Row {
        let experiment = self.experiments.get(&entry.experiment);
        let short = |text: &str| cut(text, NAME_MAX);
        Row {
            kind: kind(source),
            name: short(&entry.name),
            pipeline: short(&entry.pipeline),
            namespace: short(&entry.namespace),
            experiment: experiment.cloned().unwrap_or_default(),
            service_account: short(&entry.service_account),
            enabled: source != Source::RecurringRun || !self.disabled.contains(&entry.id),
            id: entry.id,
            pipeline_id: entry.pipeline_id,
            version: entry.version,
            created: entry.created,
            newest,
            sdk: judged.sdk,
            unread: judged.unread,
            fares: judged.fares,
        }
    }
}

/// What is known of a row before its text is read, and whether it follows its pipeline's newest version: it runs a version
/// that was judged, or it has no text, or one that is too long.
fn known(source: Source, entry: &Entry, memory: &Memory) -> Option<(Judged, bool)> {
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
    if entry.bytes == 0 && source != Source::PipelineVersion {
        return Some((unread("its row holds no compiled pipeline"), false));
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
