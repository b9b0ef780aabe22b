//! EYES: one way through the stored pipelines, a step at a time: one page of keys, or one batch of new rows, in each. What is
//! known already is not read again. Decides nothing about what is found.

mod reading;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use kfp_compat::inventory::{Kind, cut};
use kfp_database::{Entry, Experiment, Mark, ProbeError, Scan, Source};

use super::judging::Judge;
use super::memory::Memory;
use reading::{NAME_MAX, follow_newest, refresh};

/// Keys of one page.
pub const PAGE: usize = 500;
/// Longest text that is judged, in bytes. A pipeline of 500 tasks has one megabyte; Argo cannot run one of this length.
pub const TEXT_BYTES: u64 = 4 * 1024 * 1024;
/// Pipeline versions that are kept, the newest. Older ones are not looked at.
pub const VERSIONS_MAX: usize = 15_000;
/// Recurring runs that are kept, in the order of their keys.
pub const RECURRING_RUNS_MAX: usize = 3_000;
/// Experiments whose runs are looked at.
const EXPERIMENTS_MAX: usize = 5_000;
/// Rows that are asked for again in a small look, to see whether they are still there.
const TROUBLED_MAX: usize = 1_000;
/// Seconds that clocks of API servers may be behind.
const SLACK: i64 = 120;

/// How far a look goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reach {
    /// Through all keys: what is not met is gone.
    Full,
    /// New rows, every recurring run, and those rows that are in trouble.
    Small {
        /// Runs made since then are looked for, in seconds since 1970.
        since: i64,
        /// Pipeline versions and runs that are in trouble.
        troubled: Vec<(Kind, String)>,
    },
}

/// What one step cost the database.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cost {
    /// Rows that it returned.
    pub rows: usize,
    /// Bytes of texts that it returned.
    pub bytes: u64,
}

/// Where a sweep stands.
#[derive(Debug)]
enum Stage {
    Troubled(Vec<(Kind, String)>),
    Versions(Option<Mark>),
    Experiments(Option<String>),
    RecurringRuns(Option<String>),
    Runs(VecDeque<Experiment>),
    Done,
}

/// One way through.
#[derive(Debug)]
pub struct Sweep {
    reach: Reach,
    recent_runs: usize,
    stage: Stage,
    met: BTreeMap<Kind, BTreeSet<String>>,
    disabled: BTreeSet<String>,
    unknown: VecDeque<(Source, String)>,
    texts: VecDeque<(Source, Entry)>,
    in_bucket: VecDeque<Entry>,
    objects: bool,
    experiments: BTreeMap<String, String>,
    active: Vec<Experiment>,
    runs: Vec<Mark>,
    beyond: bool,
    rows: u64,
}

impl Sweep {
    /// A way that begins.
    #[must_use]
    pub fn new(reach: Reach, recent_runs: usize) -> Self {
        let stage = match &reach {
            Reach::Full => Stage::Versions(None),
            Reach::Small { troubled, .. } => {
                Stage::Troubled(troubled.iter().take(TROUBLED_MAX).cloned().collect())
            }
        };
        Self {
            reach,
            recent_runs,
            stage,
            met: BTreeMap::new(),
            disabled: BTreeSet::new(),
            unknown: VecDeque::new(),
            texts: VecDeque::new(),
            in_bucket: VecDeque::new(),
            objects: false,
            experiments: BTreeMap::new(),
            active: Vec::new(),
            runs: Vec::new(),
            beyond: false,
            rows: 0,
        }
    }

    /// A way past the table of pipeline versions, which are kept as Kubernetes objects: these are all that there are.
    #[must_use]
    pub fn without_versions(mut self, ids: BTreeSet<String>, beyond: bool) -> Self {
        self.objects = true;
        self.beyond = beyond;
        self.met.insert(Kind::PipelineVersion, ids);
        self.stage = match self.stage {
            Stage::Troubled(mut ids) => {
                ids.retain(|(kind, _)| *kind != Kind::PipelineVersion);
                Stage::Troubled(ids)
            }
            _ => Stage::Experiments(None),
        };
        self
    }

    /// Rows that the database returned so far.
    #[must_use]
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// There is more than is kept.
    #[must_use]
    pub fn beyond(&self) -> bool {
        self.beyond
    }

    /// One query and what follows from it; `None` when the way has ended.
    pub async fn step(
        &mut self,
        scan: &mut Scan,
        memory: &mut Memory,
        judge: &Arc<Judge>,
    ) -> Result<Option<Cost>, ProbeError> {
        let cost = if !self.texts.is_empty() {
            self.read_texts(scan, memory, judge).await?
        } else if !self.unknown.is_empty() {
            self.read_entries(scan, memory).await?
        } else {
            match std::mem::replace(&mut self.stage, Stage::Done) {
                Stage::Troubled(ids) => self.troubled(scan, memory, ids).await?,
                Stage::Versions(after) => self.versions(scan, memory, after).await?,
                Stage::Experiments(after) => self.experiments(scan, after).await?,
                Stage::RecurringRuns(after) => self.recurring_runs(scan, memory, after).await?,
                Stage::Runs(left) => self.runs(scan, memory, left).await?,
                Stage::Done => {
                    self.end(memory);
                    return Ok(None);
                }
            }
        };
        self.rows += cost.rows as u64;
        Ok(Some(cost))
    }

    async fn troubled(
        &mut self,
        scan: &mut Scan,
        memory: &mut Memory,
        ids: Vec<(Kind, String)>,
    ) -> Result<Cost, ProbeError> {
        let Some(kind) = ids.first().map(|(kind, _)| *kind) else {
            self.stage = if self.objects {
                Stage::Experiments(None)
            } else {
                Stage::Versions(None)
            };
            return Ok(Cost::default());
        };
        let (these, rest): (Vec<_>, Vec<_>) = ids.into_iter().partition(|(found, _)| *found == kind);
        let these: Vec<String> = these.into_iter().map(|(_, id)| id).collect();
        let left: BTreeSet<String> = scan.there(source(kind), &these).await?.into_iter().collect();
        for id in these.iter().filter(|id| !left.contains(*id)) {
            memory.remove(kind, id);
        }
        self.stage = Stage::Troubled(rest);
        Ok(rows(left.len()))
    }

    async fn versions(
        &mut self,
        scan: &mut Scan,
        memory: &Memory,
        after: Option<Mark>,
    ) -> Result<Cost, ProbeError> {
        let mut page = scan.versions(after.as_ref(), PAGE).await?;
        let (count, last) = (page.len(), page.last().cloned());
        let met = self.met.entry(Kind::PipelineVersion).or_default();
        let room = VERSIONS_MAX.saturating_sub(met.len());
        self.beyond |= page.len() > room;
        page.truncate(room);
        met.extend(page.iter().map(|mark| mark.id.clone()));
        let full_of_news = self.note_unknown(
            Source::PipelineVersion,
            memory,
            page.into_iter().map(|mark| mark.id),
        );
        let onwards = count == PAGE && room > count && (self.reach == Reach::Full || full_of_news);
        self.stage = if onwards {
            Stage::Versions(last)
        } else {
            Stage::Experiments(None)
        };
        Ok(rows(count))
    }

    async fn experiments(&mut self, scan: &mut Scan, after: Option<String>) -> Result<Cost, ProbeError> {
        let page = scan.experiments(after.as_deref(), PAGE).await?;
        let (count, last) = (page.len(), page.last().map(|experiment| experiment.id.clone()));
        let since = match &self.reach {
            Reach::Full => 1,
            Reach::Small { since, .. } => since.saturating_sub(SLACK).max(1),
        };
        for experiment in page {
            let name = cut(&experiment.name, NAME_MAX);
            self.experiments.insert(experiment.id.clone(), name);
            if experiment.last_run >= since {
                self.active.push(experiment);
            }
        }
        let onwards = count == PAGE && self.experiments.len() < EXPERIMENTS_MAX;
        self.stage = if onwards {
            Stage::Experiments(last)
        } else {
            Stage::RecurringRuns(None)
        };
        Ok(rows(count))
    }

    async fn recurring_runs(
        &mut self,
        scan: &mut Scan,
        memory: &mut Memory,
        after: Option<String>,
    ) -> Result<Cost, ProbeError> {
        let mut page = scan.recurring_runs(after.as_deref(), PAGE).await?;
        let (count, last) = (page.len(), page.last().map(|run| run.id.clone()));
        let met = self.met.entry(Kind::RecurringRun).or_default();
        let room = RECURRING_RUNS_MAX.saturating_sub(met.len());
        self.beyond |= page.len() > room;
        page.truncate(room);
        met.extend(page.iter().map(|run| run.id.clone()));
        for run in &page {
            refresh(memory, &run.id, run.enabled);
            if !run.enabled {
                self.disabled.insert(run.id.clone());
            }
        }
        self.note_unknown(Source::RecurringRun, memory, page.into_iter().map(|run| run.id));
        self.stage = if count == PAGE && room > count {
            Stage::RecurringRuns(last)
        } else {
            // The most recently active first, so that the newest runs of all are found in few queries.
            self.active
                .sort_by_key(|experiment| std::cmp::Reverse(experiment.last_run));
            Stage::Runs(std::mem::take(&mut self.active).into())
        };
        Ok(rows(count))
    }

    async fn runs(
        &mut self,
        scan: &mut Scan,
        memory: &Memory,
        mut left: VecDeque<Experiment>,
    ) -> Result<Cost, ProbeError> {
        let oldest = self
            .runs
            .get(self.recent_runs.wrapping_sub(1))
            .map(|mark| mark.created);
        let next = left
            .pop_front()
            .filter(|next| self.recent_runs > 0 && oldest.is_none_or(|oldest| next.last_run >= oldest));
        let Some(experiment) = next else {
            let ids: Vec<String> = self.runs.iter().map(|mark| mark.id.clone()).collect();
            self.met.entry(Kind::Run).or_default().extend(ids.iter().cloned());
            self.note_unknown(Source::Run, memory, ids.into_iter());
            return Ok(Cost::default());
        };
        let since = match &self.reach {
            Reach::Full => 0,
            Reach::Small { since, .. } => since.saturating_sub(SLACK),
        };
        let found = scan.runs(&experiment.id, since, self.recent_runs).await?;
        let count = found.len();
        self.runs.extend(found);
        self.runs.sort_unstable_by(|one, other| other.cmp(one));
        self.runs.truncate(self.recent_runs);
        self.stage = Stage::Runs(left);
        Ok(rows(count))
    }

    /// Remembers what is to be read; true when nothing of it was known.
    fn note_unknown(&mut self, source: Source, memory: &Memory, ids: impl Iterator<Item = String>) -> bool {
        let kind = kind(source);
        let mut all = true;
        for id in ids {
            if memory.get(kind, &id).is_some() {
                all = false;
            } else {
                self.unknown.push_back((source, id));
            }
        }
        all
    }

    /// Forgets what a way through all keys did not meet.
    fn end(&mut self, memory: &mut Memory) {
        let complete: &[Kind] = match self.reach {
            Reach::Full => &[Kind::PipelineVersion, Kind::RecurringRun, Kind::Run],
            Reach::Small { .. } if self.objects => &[Kind::PipelineVersion, Kind::RecurringRun],
            Reach::Small { .. } => &[Kind::RecurringRun],
        };
        for kind in complete {
            memory.keep_only(*kind, &self.met.remove(kind).unwrap_or_default());
        }
        memory.keep_newest(Kind::PipelineVersion, VERSIONS_MAX);
        memory.keep_newest(Kind::Run, self.recent_runs);
        follow_newest(memory);
    }
}

fn rows(rows: usize) -> Cost {
    Cost { rows, bytes: 0 }
}

fn kind(source: Source) -> Kind {
    match source {
        Source::PipelineVersion => Kind::PipelineVersion,
        Source::RecurringRun => Kind::RecurringRun,
        Source::Run => Kind::Run,
    }
}

fn source(kind: Kind) -> Source {
    match kind {
        Kind::PipelineVersion => Source::PipelineVersion,
        Kind::RecurringRun => Source::RecurringRun,
        Kind::Run => Source::Run,
    }
}
