//! EYES AND HANDS: what stored pipelines are and how they fare: read from the database a little at a time, judged once, kept in
//! ConfigMaps. When and for whom is the loop's business; what it means is the plan's.

mod access;
mod bucket;
pub mod judging;
pub mod memory;
mod objects;
pub mod pace;
mod shards;
pub mod sweep;
#[cfg(test)]
mod tests;
pub mod totals;

use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use k8s_openapi::jiff::Timestamp;
use kfp_api::installation::PipelineStoreType;
use kfp_api::sdk::ScanProgress;
use kfp_compat::inventory::{DIGEST, Head, Kind, Row, pack};
use kfp_database::Scan;
use kfp_plan::InventorySeen;
use kfp_releases::Version;

pub use access::Trouble;
use bucket::Bucket;
use judging::Judge;
use memory::Memory;
use pace::Pace;
use shards::Shards;
use sweep::{Cost, Reach, Sweep};
pub use totals::{Lot, OTHER_SDKS, Tally, UNKNOWN_SDK};

use crate::Engine;

/// Rows that may be judged and not yet written down: what a restart in a long first scan costs at most.
const UNSAVED_MAX: u64 = 2_000;
/// How long a first scan goes on before what it found so far is told.
const TELL_EVERY: Duration = Duration::from_secs(15);

/// What is to be looked through for one installation, and by which measure.
#[derive(Clone, Debug, PartialEq)]
pub struct Order {
    /// Namespace of the installation.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// The uid of its resource, which owns the ConfigMaps.
    pub uid: String,
    /// The release that runs.
    pub running: Version,
    /// Where it keeps pipelines.
    pub store: PipelineStoreType,
    /// Releases to judge on: the one that runs, then those that it may go to.
    pub releases: Vec<Version>,
    /// How many of the newest runs are looked at.
    pub recent_runs: usize,
    /// From the end of one full scan to the beginning of the next.
    pub interval: Duration,
    /// Which SDKs are allowed.
    pub policy: kfp_releases::sdk::SdkPolicy,
}

/// What a look did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Looked {
    /// It went through all keys.
    pub full: bool,
    /// Rows that the database returned.
    pub rows: u64,
}

/// What is known of one installation's stored pipelines.
#[derive(Debug, Default)]
pub struct Inventory {
    memory: Memory,
    head: Head,
    shards: Option<Shards>,
    unsaved: u64,
    last: Option<i64>,
    beyond: bool,
    left_out: usize,
}

impl Inventory {
    /// Whether the next look goes through all keys.
    #[must_use]
    pub fn full_due(&self, order: &Order, now: Timestamp) -> bool {
        let interval = i64::try_from(order.interval.as_secs()).unwrap_or(i64::MAX);
        self.head.releases != order.releases
            || self
                .head
                .scanned
                .is_none_or(|scanned| now.as_second().saturating_sub(scanned) >= interval)
    }

    /// Looks, at a pace that leaves the database to others. `tell` is called while a full scan goes on.
    pub async fn look(
        &mut self,
        engine: &Engine,
        order: &Order,
        tell: &(dyn Fn(InventorySeen) + Send + Sync),
    ) -> Result<Looked, Trouble> {
        let judge = Arc::new(Judge::new(order.releases.clone()).map_err(Trouble::broken)?);
        if self.remember(engine, order).await? {
            tell(self.seen(order, None));
        }
        let started = Timestamp::now();
        let full = self.full_due(order, started);
        let reach = if full {
            Reach::Full
        } else {
            self.small(order, started.as_second())
        };
        let mut sweep = Sweep::new(reach, order.recent_runs);
        let mut listed = 0;
        if order.store == PipelineStoreType::Kubernetes {
            let found = objects::look(engine, order, &mut self.memory, &judge).await?;
            listed = found.rows;
            sweep = sweep.without_versions(found.ids, found.beyond);
        }
        let mut scan = access::open(engine, order).await?;
        let went = self
            .go(
                engine,
                order,
                &mut sweep,
                &mut scan,
                &judge,
                full.then_some((started, tell)),
            )
            .await;
        scan.close().await;
        went?;
        self.last = Some(started.as_second());
        if full {
            self.beyond = sweep.beyond();
            self.head.scanned = Some(Timestamp::now().as_second());
        }
        self.save(engine, order).await?;
        Ok(Looked {
            full,
            rows: listed + sweep.rows(),
        })
    }

    async fn go(
        &mut self,
        engine: &Engine,
        order: &Order,
        sweep: &mut Sweep,
        scan: &mut Scan,
        judge: &Arc<Judge>,
        tell: Option<(Timestamp, &(dyn Fn(InventorySeen) + Send + Sync))>,
    ) -> Result<(), Trouble> {
        let mut told = tokio::time::Instant::now();
        let mut bucket: Option<Result<Bucket, String>> = None;
        loop {
            let pace = Pace::begin();
            let Some(cost) = sweep.step(scan, &mut self.memory, judge).await? else {
                return Ok(());
            };
            if cost.bytes > 0 {
                self.unsaved += cost.rows as u64;
            }
            if self.unsaved >= UNSAVED_MAX {
                self.save(engine, order).await?;
            }
            if let Some((started, tell)) = tell.filter(|_| told.elapsed() >= TELL_EVERY) {
                told = tokio::time::Instant::now();
                tell(self.seen(order, Some((started, sweep.rows()))));
            }
            tokio::time::sleep(pace.pause(cost)).await;
            while let Some(entry) = sweep.next_in_bucket() {
                let pace = Pace::begin();
                let bucket = match &mut bucket {
                    Some(bucket) => bucket,
                    none => none.insert(Bucket::of(engine, order).await),
                };
                let text = match bucket {
                    Ok(bucket) => bucket.text(&entry).await,
                    Err(why) => Err(format!("its compiled pipeline lies in the bucket alone: {why}")),
                };
                let bytes = text.as_ref().map_or(0, String::len) as u64;
                sweep.from_bucket(entry, text, &mut self.memory, judge).await;
                tokio::time::sleep(pace.pause(Cost { rows: 1, bytes })).await;
            }
        }
    }

    /// Takes up what the ConfigMaps hold, once, and forgets verdicts of another judge or on other releases. True when they held
    /// all that a full scan had found.
    async fn remember(&mut self, engine: &Engine, order: &Order) -> Result<bool, Trouble> {
        let first = self.shards.is_none();
        if first {
            let (shards, found) = Shards::load(&engine.cluster, order).await?;
            self.shards = Some(shards);
            if let Some((head, rows)) = found {
                self.head = head;
                self.memory = Memory::of(rows);
            }
        }
        let head = Head {
            judged_by: DIGEST.to_owned(),
            releases: order.releases.clone(),
            scanned: None,
        };
        if (&self.head.judged_by, &self.head.releases) != (&head.judged_by, &head.releases) {
            self.head = head;
            self.memory = Memory::default();
        }
        Ok(first && self.head.scanned.is_some())
    }

    fn small(&self, order: &Order, now: i64) -> Reach {
        let outside = outside(order);
        let troubled = self
            .memory
            .rows()
            .filter(|row| row.kind != Kind::RecurringRun)
            .filter(|row| totals::trouble(row, order.running, &outside).is_some())
            .map(|row| (row.kind, row.id.clone()));
        let since = self.last.or(self.head.scanned).unwrap_or(now);
        Reach::Small {
            since,
            troubled: troubled.collect(),
        }
    }

    async fn save(&mut self, engine: &Engine, order: &Order) -> Result<(), Trouble> {
        let rows: Vec<&Row> = self.memory.rows().collect();
        let packed = pack(&self.head, &rows);
        self.left_out = packed.left_out;
        let shards = self.shards.get_or_insert_default();
        let touched = shards.save(&engine.cluster, order, packed.texts).await?;
        self.unsaved = 0;
        if touched > 0 {
            tracing::debug!(
                namespace = order.namespace,
                name = order.name,
                touched,
                "wrote the inventory down"
            );
        }
        Ok(())
    }

    /// What is known, counted for metrics.
    #[must_use]
    pub fn tally(&self, order: &Order, seen: &InventorySeen) -> Tally {
        totals::tally(self.memory.rows(), &order.releases, &seen.status)
    }

    /// What is known, as the status and the condition want it. `under_way` is when a full scan began and how many rows it
    /// has read.
    #[must_use]
    pub fn seen(&self, order: &Order, under_way: Option<(Timestamp, u64)>) -> InventorySeen {
        let outside = outside(order);
        let mut status = totals::count(self.memory.rows(), &order.releases, &outside);
        status.last_full_scan = self
            .head
            .scanned
            .and_then(|second| Timestamp::from_second(second).ok())
            .map(Time);
        status.shards = self
            .shards
            .as_ref()
            .map(|shards| shards.names(order))
            .unwrap_or_default();
        status.progress = under_way.map(|(started, rows)| ScanProgress {
            started: Time(started),
            scanned: i64::try_from(rows).unwrap_or(i64::MAX),
        });
        status.beyond_limits = self.beyond || self.left_out > 0;
        InventorySeen {
            status,
            complete: self.head.scanned.is_some(),
            examples: totals::examples(self.memory.rows(), order.running, &outside),
        }
    }
}

fn outside(order: &Order) -> impl Fn(&Row) -> bool + '_ {
    |row: &Row| {
        let sdk = row.sdk.as_ref().and_then(|sdk| sdk.parse().ok());
        // What could not be read says nothing of its SDK.
        row.unread.is_none()
            && order.policy.standing(&row.pipeline, sdk.as_ref()) == kfp_releases::sdk::Standing::Outside
    }
}
