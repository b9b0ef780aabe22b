//! HANDS: taking a set: objects before, databases at one moment, objects after, the bucket, Secrets, and the manifest last. Each
//! start writes below a folder of its own; credentials that may only write are enough.

use std::sync::Arc;

use jiff::Timestamp;
use kfp_backup::layout;
use kfp_backup::manifest::{
    ArtifactsMode, BucketRecord, EncryptionRecord, EncryptionScope, FORMAT, Manifest, ObjectsRecord, Origin,
    Role, SchemaRecord, SecretRecord, VERSION,
};
use kfp_backup::order::{KeptSecret, Take};
use kfp_backup::progress::{Immutability, NAMED, Phase, Taken};
use kfp_database::dump::{Observer, Options, dump};
use kfp_database::{Progress, Target};
use serde_json::json;

use super::artifacts::{Artifacts, artifacts};
use super::bucket::specs;
use super::copies::Copies;
use super::destination::Place;
use super::meter::Meter;
use super::own_store::outside;
use super::parts::{Parts, sha256};
use super::references::References;
use super::seal::Recipients;
use super::sets::digest_line;
use super::trouble::Trouble;
use super::{Surroundings, objects, schema, target_of};

/// Takes a set.
pub async fn take(order: &Take, surroundings: &Surroundings, meter: &Arc<Meter>) -> Result<Taken, Trouble> {
    let work = Work::prepare(order, surroundings, meter.clone()).await?;
    let references = Arc::new(work.references());
    let (databases, objects) = work.moment(&references).await?;
    let instant = databases
        .snapshot
        .taken_at
        .parse()
        .unwrap_or_else(|_| meter.started());
    let bucket = work.bucket(&references).await?;
    let secrets = work.secrets().await?;
    meter.enter(Phase::Manifest);
    let manifest = Manifest {
        format: FORMAT.to_owned(),
        format_version: VERSION,
        set: order.set.clone(),
        attempt: meter.attempt().clone(),
        source: Origin {
            operator: env!("CARGO_PKG_VERSION").to_owned(),
            ..order.source.clone()
        },
        purpose: order.purpose,
        started: meter.started(),
        instant,
        finished: Timestamp::now(),
        schemas: work.judge(&databases).await,
        databases,
        roles: order.databases.clone(),
        objects,
        bucket,
        secrets,
        encryption: order.encryption.as_ref().map(|encryption| EncryptionRecord {
            format: "age-v1".to_owned(),
            recipients: encryption.recipients.clone(),
            scope: encryption.scope,
        }),
        parts: work.parts.kept(),
    };
    work.finish(&manifest).await
}

/// To whom everything is encrypted, and not Secrets only.
fn of_everything<'a>(order: &Take, recipients: Option<&'a Recipients>) -> Option<&'a Recipients> {
    let scope = order.encryption.as_ref().map(|encryption| encryption.scope);
    recipients.filter(|_| scope == Some(EncryptionScope::All))
}

/// What one taking works with.
struct Work<'a> {
    order: &'a Take,
    surroundings: &'a Surroundings,
    meter: Arc<Meter>,
    destination: Place,
    bucket: Option<Place>,
    recipients: Option<Recipients>,
    parts: Parts,
}

impl<'a> Work<'a> {
    /// Refuses what can be refused before anything is read.
    async fn prepare(
        order: &'a Take,
        surroundings: &'a Surroundings,
        meter: Arc<Meter>,
    ) -> Result<Self, Trouble> {
        outside(
            &order.destination,
            order.bucket.as_ref(),
            &order.own_store,
            &order.source.namespace,
        )
        .await?;
        let recipients = order
            .encryption
            .as_ref()
            .map(|encryption| Recipients::read(&encryption.recipients))
            .transpose()?;
        if recipients.is_none() && order.secrets.iter().any(|secret| secret.values.is_some()) {
            return Err(Trouble::lasting(
                "RecipientMissing",
                "values of Secrets are to be kept and no age recipient is named; name one, or keep Secrets by reference",
            ));
        }
        if order.bucket.is_none() && order.artifacts != ArtifactsMode::None {
            return Err(Trouble::lasting(
                "BucketMissing",
                "artifacts are to be kept and the installation's bucket is not known",
            ));
        }
        let destination = Place::destination(&order.destination, surroundings.patience)?;
        let bucket = order
            .bucket
            .as_ref()
            .map(|bucket| Place::bucket(bucket, surroundings.patience))
            .transpose()?;
        let folder = order.destination.home.attempt(&order.set, meter.attempt());
        let everything = of_everything(order, recipients.as_ref()).cloned();
        Ok(Self {
            order,
            surroundings,
            meter,
            parts: Parts::new(destination.clone(), folder, everything),
            destination,
            bucket,
            recipients,
        })
    }

    fn references(&self) -> References {
        let name = self.order.bucket.as_ref().map_or("", |bucket| &bucket.name);
        References::new(
            &self.order.databases,
            name,
            self.order.artifacts != ArtifactsMode::None,
        )
    }

    /// Objects, databases, and objects again as soon as the databases' moment is over.
    async fn moment(
        &self,
        references: &Arc<References>,
    ) -> Result<(kfp_backup::database::DatabasesRecord, Vec<ObjectsRecord>), Trouble> {
        let namespace = &self.order.source.namespace;
        let client = if self.order.objects.is_empty() {
            None
        } else {
            Some(self.surroundings.client()?)
        };
        self.meter.enter(Phase::Objects);
        let before = match client {
            Some(client) => objects::before(client, namespace, &self.order.objects).await?,
            None => objects::Before::default(),
        };
        self.meter.enter(Phase::Databases);
        let after = async {
            // The first part is begun once the snapshot is there.
            self.parts.begun().await;
            match client {
                Some(client) => {
                    objects::after(client, namespace, &self.order.objects, before, &self.parts).await
                }
                None => Ok(Vec::new()),
            }
        };
        tokio::try_join!(self.dump(references.clone()), after)
    }

    async fn dump(
        &self,
        references: Arc<References>,
    ) -> Result<kfp_backup::database::DatabasesRecord, Trouble> {
        let reading = &self.order.reading;
        let options = Options {
            readers: usize::try_from(reading.readers.max(1)).unwrap_or(1),
            bytes_per_second: (reading.bytes_per_second > 0).then_some(reading.bytes_per_second),
            lock_limit: std::time::Duration::from_secs(reading.lock_wait_seconds),
            observer: self
                .order
                .bucket
                .is_some()
                .then_some(references as Arc<dyn Observer>),
            ..Options::of(self.order.databases.values().cloned().collect())
        };
        let meter = self.meter.clone();
        let tell = Arc::new(move |progress: Progress| {
            meter.expect(progress.expected_bytes.unwrap_or_default(), 0);
            meter.reach(progress.bytes, progress.rows);
        });
        let target: Target = target_of(&self.order.server);
        let sink = Arc::new(self.parts.clone());
        Ok(dump(&target, &options, sink, tell, &self.surroundings.stop).await?)
    }

    async fn bucket(&self, references: &References) -> Result<Option<BucketRecord>, Trouble> {
        let (Some(bucket), Some(order)) = (&self.bucket, &self.order.bucket) else {
            return Ok(None);
        };
        self.meter.enter(Phase::Bucket);
        self.meter.expect(0, 0);
        let (versions, keys, elsewhere) = references.take();
        let specs = Box::pin(specs(bucket, &order.name, &versions, &self.parts, &self.meter)).await?;
        let what = Artifacts {
            bucket,
            name: &order.name,
            copies: Copies {
                destination: &self.destination,
                home: &self.order.destination.home,
                recipients: of_everything(self.order, self.recipients.as_ref()),
            },
            mode: self.order.artifacts,
        };
        Ok(Some(BucketRecord {
            name: order.name.clone(),
            specs,
            artifacts: artifacts(&what, keys, elsewhere, &self.parts, &self.meter).await?,
        }))
    }

    async fn secrets(&self) -> Result<Vec<SecretRecord>, Trouble> {
        let kept: Vec<&KeptSecret> = self
            .order
            .secrets
            .iter()
            .filter(|secret| secret.values.is_some())
            .collect();
        if let (Some(recipients), false) = (&self.recipients, kept.is_empty()) {
            let mut lines = self.parts.lines_for(layout::SECRETS, Some(recipients))?;
            for secret in kept {
                let kind = if secret.r#type.is_empty() {
                    "Opaque"
                } else {
                    &secret.r#type
                };
                let values: serde_json::Map<_, _> = secret
                    .values
                    .iter()
                    .flatten()
                    .map(|(key, value)| (key.clone(), json!(value.reveal())))
                    .collect();
                let object = json!({
                    "apiVersion": "v1", "kind": "Secret", "type": kind,
                    "metadata": {"name": secret.name}, "data": values,
                });
                lines.line(&object).await?;
            }
            lines.end().await?;
        }
        let record = |secret: &KeptSecret| SecretRecord {
            name: secret.name.clone(),
            keys: secret.keys.clone(),
            kept: secret.values.is_some(),
        };
        Ok(self.order.secrets.iter().map(record).collect())
    }

    /// What the schemas are, for people. It is judged beside the snapshot: a set is as good without.
    async fn judge(&self, databases: &kfp_backup::database::DatabasesRecord) -> Vec<SchemaRecord> {
        let target = target_of(&self.order.server);
        let mut records = Vec::new();
        let pipelines = self.order.databases.get(&Role::Pipelines);
        for database in &databases.databases {
            records.push(if Some(&database.name) == pipelines {
                schema::verdict(&target, &database.name, &self.surroundings.schemas).await
            } else {
                schema::unjudged(&database.name)
            });
        }
        records
    }

    /// The manifest, which makes it a set.
    async fn finish(&self, manifest: &Manifest) -> Result<Taken, Trouble> {
        let home = &self.order.destination.home;
        let text = manifest.write().map_err(|error| {
            Trouble::lasting("WriteFailed", format!("the manifest cannot be written: {error}"))
        })?;
        let digest = sha256(&text);
        self.destination
            .put(&home.manifest_digest(&manifest.set), digest_line(&digest))
            .await?;
        let key = home.manifest(&manifest.set);
        self.destination.put(&key, text).await?;
        let immutability = self.destination.immutability(&key).await;
        Ok(taken(manifest, digest, immutability))
    }
}

fn taken(manifest: &Manifest, manifest_sha256: String, immutability: Immutability) -> Taken {
    let tables = manifest
        .databases
        .databases
        .iter()
        .map(|database| database.tables.len() as u64)
        .sum();
    let bucket = manifest.bucket.as_ref();
    Taken {
        set: manifest.set.clone(),
        manifest_sha256,
        instant: manifest.instant,
        stored_bytes: manifest.stored_bytes(),
        logical_bytes: manifest.databases.bytes(),
        tables,
        rows: manifest.databases.rows(),
        objects: manifest.objects.iter().map(|record| record.count).sum(),
        objects_changed: manifest
            .objects
            .iter()
            .map(|record| record.differences.count)
            .sum(),
        specs: bucket.map_or(0, |bucket| bucket.specs.count),
        specs_missing: bucket.map_or(0, |bucket| bucket.specs.missing.count),
        artifacts: bucket.map_or(0, |bucket| bucket.artifacts.count),
        artifacts_missing: bucket.map_or(0, |bucket| bucket.artifacts.missing.count),
        artifacts_copied_bytes: bucket.map_or(0, |bucket| bucket.artifacts.copied_bytes),
        secrets_kept: manifest.secrets.iter().filter(|secret| secret.kept).count() as u64,
        encrypted: manifest
            .encryption
            .as_ref()
            .is_some_and(|encryption| encryption.scope == EncryptionScope::All),
        immutability,
        warnings: warnings(manifest),
    }
}

/// What a person should know of a set that was taken all the same.
fn warnings(manifest: &Manifest) -> Vec<String> {
    let mut warnings = Vec::new();
    if let Some(bucket) = &manifest.bucket {
        if bucket.specs.missing.count > 0 {
            warnings.push(format!(
                "{} pipeline versions have their text neither in their row nor in the bucket",
                bucket.specs.missing.count
            ));
        }
        if bucket.artifacts.missing.count > 0 {
            warnings.push(format!(
                "{} artifacts that rows refer to are not in the bucket",
                bucket.artifacts.missing.count
            ));
        }
        if bucket.artifacts.elsewhere.count > 0 {
            warnings.push(format!(
                "{} artifacts lie in other stores, which this backup does not look at",
                bucket.artifacts.elsewhere.count
            ));
        }
        if bucket.artifacts.versioned == Some(false) && bucket.artifacts.count > 0 {
            warnings.push(
                "the bucket keeps no versions, so an artifact that is overwritten or deleted is lost; switch versioning on, or use IncrementalCopy"
                    .to_owned(),
            );
        }
    }
    for schema in manifest
        .schemas
        .iter()
        .filter(|schema| schema.verdict == "HalfMigrated")
    {
        warnings.push(format!(
            "the schema of {} is half-migrated, and so is its backup",
            schema.database
        ));
    }
    warnings.truncate(NAMED);
    warnings
}
