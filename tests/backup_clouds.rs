//! PROOF (stand-ins of stores, real database and API server): sets are taken into, checked in, put back from and removed from
//! what speaks like Google's and Microsoft's stores, and what is wrong with a bucket or a key is named.

use anyhow::{Result, ensure};
use kfp_backup::layout::SetId;
use kfp_backup::manifest::Role;
use kfp_backup::order::{Destination, Remove, Restore, Scratch, Store, Take, Task, Verify};
use kfp_backup::progress::{Depth, Done, Immutability, Taken, Verified};
use kfp_engine::backup::destination::Place;
use kfp_engine::backup::{Trouble, sets};

use crate::Case;
use crate::backup_cloud_stores::{Azure, Cloud, Gcs, Who};
use crate::backup_yard::{Stage, failed, kubectl};

/// Bytes of a piece of an upload.
const PIECE: u64 = 6 * 1024 * 1024;

pub fn cases() -> Vec<Case> {
    vec![
        (
            "google",
            "sets are kept in what speaks like Google Cloud Storage",
            |stage| Box::pin(google(stage)),
        ),
        (
            "microsoft",
            "sets are kept in what speaks like Azure Blob Storage",
            |stage| Box::pin(microsoft(stage)),
        ),
    ]
}

async fn google(stage: Stage) -> Result<()> {
    let cloud = Gcs::start(&stage.yard.tools).await?;
    whole(&stage, &cloud).await?;
    let no_key = Store::Gcs {
        bucket: stage.backups(),
        service_account: Some(r#"{"type": "external_account"}"#.into()),
        endpoint: None,
    };
    failed(names(&stage, no_key).await, "DestinationInvalid").map(drop)
}

async fn microsoft(stage: Stage) -> Result<()> {
    let cloud = Azure::start(&stage.yard.tools).await?;
    whole(&stage, &cloud).await?;

    // With a shared access signature of the container instead of the account's key.
    let shared = cloud.shared(&stage.backups(), Who::Owner)?;
    let taken = take(&stage, &shared, 4).await?;
    ensure!(taken.immutability == Immutability::None, "{taken:?}");
    verify(&stage, &shared, 4, None).await?;
    remove(&stage, &shared, 4).await?;
    ensure!(cloud.keys(&stage.backups()).await?.is_empty());
    let stranger = cloud.shared(&stage.backups(), Who::Stranger)?;
    refused(&stage, &stranger, "DestinationDenied").await
}

fn destination(stage: &Stage, store: &Store) -> Destination {
    Destination {
        store: store.clone(),
        home: stage.home(),
    }
}

async fn take(stage: &Stage, store: &Store, hour: u8) -> Result<Taken, Trouble> {
    let order = stage
        .take_order(hour)
        .map_err(|error| Trouble::lasting("NoOrder", format!("{error:#}")))?;
    let order = Take {
        destination: destination(stage, store),
        ..order
    };
    Box::pin(stage.take(order)).await
}

async fn verify(
    stage: &Stage,
    store: &Store,
    hour: u8,
    scratch: Option<Scratch>,
) -> Result<Verified, Trouble> {
    let order = Verify {
        destination: destination(stage, store),
        scratch,
        ..stage.verify_order(hour)
    };
    Box::pin(stage.verify(order)).await
}

async fn remove(stage: &Stage, store: &Store, hour: u8) -> Result<Done, Trouble> {
    let order = Remove {
        destination: destination(stage, store),
        sets: vec![Stage::set(hour)],
        remains: Vec::new(),
    };
    Box::pin(stage.run(Task::Remove(Box::new(order)))).await
}

async fn names(stage: &Stage, store: Store) -> Result<Vec<SetId>, Trouble> {
    let place = Place::destination(&destination(stage, &store), stage.patience)?;
    sets::names(&place, &stage.home()).await
}

/// The life of two sets.
async fn whole(stage: &Stage, cloud: &impl Cloud) -> Result<()> {
    let missing = cloud.store("no-such-bucket", Who::Owner)?;
    refused(stage, &missing, "DestinationBucketMissing").await?;
    cloud.make(&stage.backups()).await?;
    let stranger = cloud.store(&stage.backups(), Who::Stranger)?;
    refused(stage, &stranger, "DestinationDenied").await?;
    ensure!(cloud.keys(&stage.backups()).await?.is_empty());

    // A row and an artifact that are uploaded in pieces.
    let rows = format!(
        "INSERT INTO execution_caches SELECT 4, GROUP_CONCAT(RANDOM_BYTES(1000) SEPARATOR '') FROM seq_1_to_{}",
        PIECE / 1000 + 500
    );
    let database = format!("USE {}", stage.database(Role::Cache));
    let room = "SET SESSION group_concat_max_len = 16000000";
    stage.sql(&[&database, room, &rows]).await?;
    let large: Vec<u8> = (0..13_000_000_u32)
        .map(|at| at.wrapping_mul(2_654_435_761).to_le_bytes()[3])
        .collect();
    let key = "v2/artifacts/data/2";
    stage.yard.own.put(&stage.name, key, large.clone()).await?;

    let owner = cloud.store(&stage.backups(), Who::Owner)?;
    let taken = taken_and_checked(stage, cloud, &owner).await?;
    let bucket = format!("{}-2", stage.name);
    stage.yard.own.make_bucket(&bucket).await?;
    kubectl(&stage.yard.cluster, &["create", "namespace", &bucket])?;
    let restore = Restore {
        destination: destination(stage, &owner),
        ..stage.restore_order(2, &bucket, &bucket)
    };
    let restored = Box::pin(stage.restore(restore)).await?;
    ensure!(
        (restored.rows, restored.specs, restored.artifacts) == (taken.rows, 2, 3),
        "{restored:?}"
    );
    ensure!(stage.yard.own.get(&bucket, key).await?.as_ref() == Some(&large));
    removed(stage, cloud, &owner).await
}

/// Two sets, the second of which needs the first one's copies.
async fn taken_and_checked(stage: &Stage, cloud: &impl Cloud, owner: &Store) -> Result<Taken> {
    let first = take(stage, owner, 1).await?;
    ensure!((first.artifacts, first.artifacts_missing) == (3, 1), "{first:?}");
    ensure!(first.immutability == Immutability::None, "{first:?}");
    let stored = cloud.keys(&stage.backups()).await?;
    for folder in ["databases", "artifacts"] {
        let large = |(key, size): &(String, u64)| *size > PIECE && key.contains(&format!("/{folder}/"));
        ensure!(stored.iter().any(large), "no piece of {folder}: {stored:?}");
    }
    let second = take(stage, owner, 2).await?;
    ensure!(second.artifacts_copied_bytes == 0, "{second:?}");

    let verified = verify(stage, owner, 1, None).await?;
    ensure!(
        verified.depth == Depth::Checksums && verified.rows == first.rows,
        "{verified:?}"
    );
    let verified = verify(stage, owner, 2, Some(stage.scratch())).await?;
    ensure!(
        verified.depth == Depth::Restore && verified.databases_restored == 3,
        "{verified:?}"
    );

    let found = names(stage, owner.clone()).await?;
    ensure!(found == [Stage::set(1), Stage::set(2)], "{found:?}");
    let place = Place::destination(&destination(stage, owner), stage.patience)?;
    let newest = sets::manifest(&place, &stage.home(), &Stage::set(2), None).await?;
    ensure!(newest.sha256 == second.manifest_sha256);
    failed(
        sets::manifest(&place, &stage.home(), &Stage::set(3), None).await,
        "SetMissing",
    )?;
    Ok(second)
}

async fn removed(stage: &Stage, cloud: &impl Cloud, owner: &Store) -> Result<()> {
    remove(stage, owner, 1).await?;
    ensure!(names(stage, owner.clone()).await? == [Stage::set(2)]);
    verify(stage, owner, 2, None).await?;
    failed(verify(stage, owner, 1, None).await, "SetMissing")?;
    remove(stage, owner, 2).await?;
    let left = cloud.keys(&stage.backups()).await?;
    ensure!(left.is_empty(), "{left:?}");
    // Again, and a single object: nothing is there, and that is fine.
    remove(stage, owner, 2).await?;
    let place = Place::destination(&destination(stage, owner), stage.patience)?;
    ensure!(place.delete("kfp/nothing").await?);
    Ok(())
}

/// Whatever is asked fails with this reason.
async fn refused(stage: &Stage, store: &Store, reason: &str) -> Result<()> {
    failed(take(stage, store, 1).await, reason)?;
    failed(verify(stage, store, 1, None).await, reason)?;
    failed(names(stage, store.clone()).await, reason)?;
    failed(remove(stage, store, 1).await, reason)?;
    Ok(())
}
