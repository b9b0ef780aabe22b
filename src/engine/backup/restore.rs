//! HANDS: putting a set back: databases, what lies in the bucket, Secrets, Kubernetes objects, and then what must agree between
//! them. KFP's server and agents are stopped meanwhile; that, and what may be overwritten, is decided elsewhere. Interrupted
//! anywhere, it can be run again.

mod bucket;

use std::sync::Arc;

use futures::{StreamExt as _, TryStreamExt as _};

use kfp_backup::layout;
use kfp_backup::manifest::{EncryptionScope, Manifest, Role};
use kfp_backup::order::{DatabaseServer, Parts as What, Restore};
use kfp_backup::progress::{NAMED, Phase, Restored};
use kfp_backup::restore_plan::SetFacts;
use kfp_database::load::{DEAD, Database, Options, end};
use kfp_database::repair::Repair;

use super::destination::Place;
use super::lines::LinesIn;
use super::meter::Meter;
use super::parts::Parts;
use super::put_back::Ids;
use super::seal::Recipients;
use super::source::SetReader;
use super::trouble::Trouble;
use super::{Surroundings, put_back, runs, scratch, seal, sets, target_of, verify};

/// Puts a set back.
///
/// `id` is the same whenever this restore is started again, and no other's.
pub async fn restore(
    id: &str,
    order: &Restore,
    surroundings: &Surroundings,
    meter: &Arc<Meter>,
) -> Result<Restored, Trouble> {
    let place = Place::destination(&order.destination, surroundings.patience)?;
    let home = &order.destination.home;
    let expected = order.manifest_sha256.as_deref();
    let manifest = sets::manifest(&place, home, &order.set, expected).await?.manifest;
    let identity = order.identity.as_ref().map(seal::identity).transpose()?;
    let source = SetReader::new(
        place.clone(),
        home.attempt(&order.set, &manifest.attempt),
        manifest.parts.clone(),
        identity,
    );
    let work = Work {
        id,
        order,
        surroundings,
        meter,
        place,
        manifest: &manifest,
        source,
    };
    work.readable()?;
    work.whole().await?;
    let mut restored = Restored::default();
    if order.parts != What::Schedules {
        work.databases(&mut restored).await?;
        work.bucket(&mut restored).await?;
    }
    let ids = work.objects(&mut restored).await?;
    work.rows(&ids, &mut restored).await?;
    Ok(restored)
}

struct Work<'a> {
    id: &'a str,
    order: &'a Restore,
    surroundings: &'a Surroundings,
    meter: &'a Arc<Meter>,
    place: Place,
    manifest: &'a Manifest,
    source: SetReader,
}

impl Work<'_> {
    /// Refuses before anything is changed what would fail in the middle.
    fn readable(&self) -> Result<(), Trouble> {
        let sealed = |part: &&kfp_backup::part::Part| {
            !self.source.readable(part) && part.path != layout::encrypted(layout::SECRETS)
        };
        match self.manifest.parts.iter().find(sealed) {
            Some(part) => Err(Trouble::lasting(
                "IdentityMissing",
                format!(
                    "part {} is encrypted and no key was given; name the Secret with the age identity",
                    part.path
                ),
            )),
            None => Ok(()),
        }
    }

    /// Reads every part before anything is changed: a set that is damaged takes nothing away.
    async fn whole(&self) -> Result<(), Trouble> {
        let checks = self
            .manifest
            .parts
            .iter()
            .map(|part| self.source.check(&part.path));
        let mut done = futures::stream::iter(checks).buffer_unordered(verify::AT_ONCE);
        while done.try_next().await?.is_some() {}
        Ok(())
    }

    async fn databases(&self, restored: &mut Restored) -> Result<(), Trouble> {
        let Some(server) = &self.order.server else {
            return Ok(());
        };
        let mut databases = Vec::new();
        for (role, into) in &self.order.databases {
            let Some(recorded) = self.manifest.roles.get(role) else {
                note(
                    &mut restored.warnings,
                    format!("the set has no database for {role:?}; {into} stays as it is"),
                );
                continue;
            };
            databases.push(Database {
                recorded: recorded.clone(),
                into: into.clone(),
            });
        }
        let options = Options {
            id: format!("{}/{}", self.order.set, self.manifest.attempt),
            databases,
            writers: scratch::WRITERS,
            replace: self.order.replace,
            patience: DEAD,
            keep_mark: true,
        };
        let names: Vec<String> = options
            .databases
            .iter()
            .map(|database| database.into.clone())
            .collect();
        let target = target_of(server);
        if self.put_right_before(server).await? {
            let databases = options.databases.iter();
            let records =
                databases.filter_map(|database| self.manifest.databases.database(&database.recorded));
            for table in records.flat_map(|record| &record.tables) {
                restored.tables += 1;
                restored.rows += table.rows.rows;
                restored.bytes += table.rows.bytes;
            }
            restored.databases = options.databases.len() as u64;
            return Ok(end(&target, &names).await?);
        }
        let loaded = scratch::loading(
            &target,
            &self.manifest.databases,
            &options,
            &self.source,
            self.surroundings,
            self.meter,
        )
        .await?;
        restored.databases = options.databases.len() as u64;
        restored.tables = loaded.verified.tables;
        restored.rows = loaded.verified.rows;
        restored.bytes = loaded.verified.bytes;
        if let Some(database) = self.order.databases.get(&Role::Pipelines) {
            let mut repair = Repair::open(&target, database).await?;
            let begun = repair.begin(self.id).await;
            repair.close().await;
            begun?;
        }
        // Only now: at no moment does a database that is not through look as if it were.
        Ok(end(&target, &names).await?)
    }

    /// Whether an earlier start of this restore had loaded and compared everything, and had begun to put rows right, so that
    /// they are no longer what the set holds.
    async fn put_right_before(&self, server: &DatabaseServer) -> Result<bool, Trouble> {
        let Some(database) = self.order.databases.get(&Role::Pipelines) else {
            return Ok(false);
        };
        let mut repair = Repair::open(&target_of(server), database).await?;
        let begun = repair.is_begun(self.id).await;
        repair.close().await;
        Ok(begun?)
    }

    async fn objects(&self, restored: &mut Restored) -> Result<Ids, Trouble> {
        let secrets = self.order.parts == What::All && !self.manifest.secrets.is_empty();
        if self.order.parts == What::Database || (self.manifest.objects.is_empty() && !secrets) {
            return Ok(Ids::default());
        }
        self.meter.enter(Phase::Objects);
        let client = self.surroundings.client()?;
        if secrets {
            put_back::secrets(client, self.order, self.manifest, &self.source, restored).await?;
        }
        put_back::objects(
            client,
            (self.id, self.order),
            self.manifest,
            &self.source,
            restored,
        )
        .await
    }

    /// What rows say of objects, made to agree with the objects that are there now.
    async fn rows(&self, ids: &Ids, restored: &mut Restored) -> Result<(), Trouble> {
        let (Some(server), Some(database)) = (&self.order.server, self.order.databases.get(&Role::Pipelines))
        else {
            if !ids.renamed.is_empty() {
                note(
                    &mut restored.warnings,
                    format!(
                        "{} objects have new ids, and no database was named whose rows could be told",
                        ids.renamed.len()
                    ),
                );
            }
            return Ok(());
        };
        self.meter.enter(Phase::Runs);
        let mut repair = Repair::open(&target_of(server), database).await?;
        let mut done = self.repair(&mut repair, ids, restored).await;
        if done.is_ok() && self.order.parts != What::Schedules {
            done = repair.end().await.map_err(Trouble::from);
        }
        repair.close().await;
        done
    }

    async fn repair(&self, repair: &mut Repair, ids: &Ids, restored: &mut Restored) -> Result<(), Trouble> {
        let (from, to) = (&self.manifest.source.namespace, &self.order.target.namespace);
        if self.order.parts != What::Schedules && from != to {
            repair.move_namespace(from, to).await?;
        }
        repair.rename(&ids.renamed).await?;
        let known: Vec<String> = ids.schedules.keys().cloned().collect();
        let known = repair.recurring(&known).await?;
        for (_, name) in ids.schedules.iter().filter(|(uid, _)| !known.contains(*uid)) {
            note(
                &mut restored.warnings,
                format!(
                    "ScheduledWorkflow {name} is back, and the row of its recurring run is not, so KFP starts nothing for it: restore \
                     all parts, or make the recurring run anew"
                ),
            );
        }
        if !self.order.reconcile_runs || self.order.parts == What::Schedules {
            return Ok(());
        }
        let client = self.surroundings.client()?;
        let facts = self.facts().await?;
        let why = format!(
            "closed when backup {} was restored: its Workflow is gone",
            self.order.set
        );
        let folder = format!("{}/set-aside", self.order.aside.home.folder());
        let file = format!("{}-{}.jsonl.zst", self.order.set, self.meter.attempt());
        let recipients = self.recipients()?;
        let place = Place::destination(&self.order.aside, self.surroundings.patience)?;
        let parts = Parts::new(place, folder.clone(), recipients);
        let wanted = self.order.parts.into();
        let export = || parts.lines(&file);
        let settled = runs::settle(client, to, repair, &facts, wanted, &why, export).await?;
        restored.runs_closed = settled.runs_closed;
        restored.runs = settled.runs;
        restored.workflows_set_aside = settled.set_aside_count;
        restored.workflows = settled.set_aside;
        restored.workflows_export = parts.kept().first().map(|part| format!("{folder}/{}", part.path));
        Ok(())
    }

    /// What is exported of an installation whose sets are encrypted is encrypted likewise.
    fn recipients(&self) -> Result<Option<Recipients>, Trouble> {
        self.manifest
            .encryption
            .as_ref()
            .filter(|encryption| encryption.scope == EncryptionScope::All)
            .map(|encryption| Recipients::read(&encryption.recipients))
            .transpose()
    }

    async fn facts(&self) -> Result<SetFacts, Trouble> {
        let mut schedules = None;
        if let Some(record) = self
            .manifest
            .objects
            .iter()
            .find(|record| record.kind == "ScheduledWorkflow")
        {
            let mut lines = LinesIn::open(&self.source, &record.part).await?;
            let mut names = std::collections::BTreeSet::new();
            while let Some(object) = lines.json::<serde_json::Value>().await? {
                names.extend(object["metadata"]["name"].as_str().map(str::to_owned));
            }
            schedules = Some(names);
        }
        Ok(SetFacts {
            id: self.order.set.to_string(),
            taken: self.manifest.instant,
            schedules,
            ..SetFacts::default()
        })
    }
}

fn note(list: &mut Vec<String>, line: String) {
    if list.len() < NAMED {
        list.push(line);
    }
}
