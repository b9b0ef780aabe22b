//! PROOF (real stores, database and API server): what a set holds, that it is what its manifest says, and that it can be read
//! without us.

use age::secrecy::ExposeSecret as _;
use age::x25519::Identity;
use anyhow::{Context, Result, ensure};
use kfp_backup::manifest::{ArtifactsMode, Manifest, Role};
use kfp_backup::order::{KeptSecret, Take};
use kfp_backup::progress::{Depth, Immutability};

use crate::Case;
use crate::backup_stores::{ADMIN, WRITER};
use crate::backup_yard::{Stage, failed, kubectl};
use crate::database_start::client;

pub fn cases() -> Vec<Case> {
    vec![
        (
            "plain",
            "a set that only writing keys took is what it should be",
            |stage| Box::pin(plain(stage)),
        ),
        ("sealed", "an encrypted set opens with its key only", |stage| {
            Box::pin(sealed(stage))
        }),
        (
            "byhand",
            "a set is restored with zstd and a database client alone",
            |stage| Box::pin(by_hand(stage)),
        ),
        (
            "modes",
            "artifacts are listed, told with versions, or left alone, as is asked",
            |stage| Box::pin(modes(stage)),
        ),
        ("removal", "what is removed is what no other set needs", |stage| {
            Box::pin(removal(stage))
        }),
    ]
}

pub async fn manifest(stage: &Stage, hour: u8) -> Result<(Manifest, Vec<u8>)> {
    let key = stage.home().manifest(&Stage::set(hour));
    let text = stage
        .yard
        .outside
        .get(&stage.backups(), &key)
        .await?
        .context("no manifest")?;
    Ok((Manifest::read(&Stage::set(hour), &text)?, text))
}

async fn plain(stage: Stage) -> Result<()> {
    let config = [
        "create",
        "configmap",
        "kfp-launcher",
        "--from-literal=a=b",
        "-n",
        &stage.name,
    ];
    kubectl(&stage.yard.cluster, &config)?;
    let taken = stage.take(stage.take_order(1)?).await?;
    ensure!(taken.rows == 3_000 + 1 + 3 + 5 + 3, "{taken:?}");
    ensure!((taken.specs, taken.specs_missing) == (2, 1), "{taken:?}");
    ensure!((taken.artifacts, taken.artifacts_missing) == (3, 1), "{taken:?}");
    ensure!(taken.objects == 1 && taken.objects_changed == 0, "{taken:?}");
    ensure!(
        matches!(taken.immutability, Immutability::Unknown { .. }),
        "{taken:?}"
    );
    let (manifest, text) = manifest(&stage, 1).await?;
    ensure!(
        manifest.schemas.iter().any(|schema| schema.verdict == "Exact"),
        "{:?}",
        manifest.schemas
    );
    ensure!(!String::from_utf8_lossy(&text).contains("CANARY"));

    // The keys that wrote it may not read it.
    let mut verify = stage.verify_order(1);
    verify.destination = stage.destination(WRITER);
    failed(stage.verify(verify).await, "DestinationDenied")?;

    let verified = stage.verify(stage.verify_order(1)).await?;
    ensure!(
        verified.depth == Depth::Checksums && verified.rows == taken.rows,
        "{verified:?}"
    );
    ensure!(
        verified.sealed_parts == 0 && verified.bucket_sampled >= 4,
        "{verified:?}"
    );
    ensure!(verified.bucket_missing.is_empty(), "{verified:?}");

    let mut verify = stage.verify_order(1);
    verify.scratch = Some(stage.scratch());
    stage.yard.own.delete(&stage.name, "v2/artifacts/model").await?;
    let verified = stage.verify(verify).await?;
    ensure!(
        verified.depth == Depth::Restore && verified.databases_restored == 3,
        "{verified:?}"
    );
    ensure!(verified.bucket_missing == ["v2/artifacts/model"], "{verified:?}");
    let left = format!(
        "SELECT COUNT(*) FROM information_schema.SCHEMATA WHERE SCHEMA_NAME LIKE 'scratch\\_{}%'",
        "plain"
    );
    ensure!(stage.one(&left).await? == "0");
    Ok(())
}

fn secret(stage: &Stage) -> KeptSecret {
    KeptSecret {
        name: format!("{}-mysql-secret", stage.name),
        r#type: "Opaque".into(),
        keys: vec!["password".into()],
        values: Some([("password".to_owned(), "Q0FOQVJZLXBhc3N3b3Jk".into())].into()),
    }
}

async fn sealed(stage: Stage) -> Result<()> {
    let identity = Identity::generate();
    let mut order = Take {
        secrets: vec![secret(&stage)],
        ..stage.take_order(1)?
    };
    failed(stage.take(order.clone()).await, "RecipientMissing")?;
    order.encryption = Some(Stage::encryption("age1nonsense"));
    failed(stage.take(order.clone()).await, "RecipientInvalid")?;
    order.encryption = Some(Stage::encryption(&identity.to_public().to_string()));
    let shown = format!("{order:?}");
    ensure!(
        !shown.contains("CANARY") && !shown.contains("Q0FOQVJZ"),
        "{shown}"
    );
    let taken = stage.take(order).await?;
    ensure!(taken.encrypted && taken.secrets_kept == 1, "{taken:?}");

    // Nothing of what was sealed can be found in what lies there.
    for key in stage.yard.outside.keys(&stage.backups()).await? {
        let stored = stage
            .yard
            .outside
            .get(&stage.backups(), &key)
            .await?
            .context("gone")?;
        let sealed = key.rsplit('.').next() == Some("age") && stored.starts_with(b"age-encryption.org/v1\n");
        let open =
            key.ends_with("/manifest.json") || key.ends_with(".sha256") || key.ends_with("/shared.txt.zst");
        ensure!(sealed || open || key == "probe", "{key}");
        let text = String::from_utf8_lossy(&stored);
        for canary in ["CANARY", "Q0FOQVJZ", "Run 17 ", "the text of v2", "a model"] {
            ensure!(!text.contains(canary), "{canary} in {key}");
        }
    }

    let verified = stage.verify(stage.verify_order(1)).await?;
    ensure!(verified.sealed_parts > 0 && verified.rows == 0, "{verified:?}");
    let mut verify = stage.verify_order(1);
    verify.identity = Some(Identity::generate().to_string().expose_secret().into());
    failed(stage.verify(verify.clone()).await, "IdentityWrong")?;
    verify.identity = Some(identity.to_string().expose_secret().into());
    verify.scratch = Some(stage.scratch());
    let verified = stage.verify(verify).await?;
    ensure!(
        verified.sealed_parts == 0 && verified.rows == taken.rows,
        "{verified:?}"
    );

    let namespace = format!("{}-2", stage.name);
    kubectl(&stage.yard.cluster, &["create", "namespace", &namespace])?;
    stage.yard.own.make_bucket(&namespace).await?;
    let mut restore = stage.restore_order(1, &namespace, &namespace);
    failed(stage.restore(restore.clone()).await, "IdentityMissing")?;
    restore.identity = Some(identity.to_string().expose_secret().into());
    let restored = stage.restore(restore).await?;
    ensure!(
        (restored.rows, restored.secrets, restored.specs) == (taken.rows, 1, 2),
        "{restored:?}"
    );
    let model = stage.yard.own.get(&namespace, "v2/artifacts/model").await?;
    ensure!(
        restored.artifacts == 3 && model.as_deref() == Some(b"a model".as_slice()),
        "{restored:?}"
    );
    let name = secret(&stage).name;
    let value = [
        "get",
        "secret",
        &name,
        "-n",
        &namespace,
        "-o",
        "jsonpath={.data.password}",
    ];
    ensure!(kubectl(&stage.yard.cluster, &value)? == "Q0FOQVJZLXBhc3N3b3Jk");
    Ok(())
}

/// What docs/how-to/restore-by-hand.md says, with the database's own client.
async fn by_hand(stage: Stage) -> Result<()> {
    stage.take(stage.take_order(1)?).await?;
    let (manifest, _) = manifest(&stage, 1).await?;
    let folder = stage.home().attempt(&Stage::set(1), &manifest.attempt);
    for database in &manifest.databases.databases {
        let into = format!("{}_2", database.name);
        stage.sql(&[&format!("CREATE DATABASE {into}")]).await?;
        let mut compressed = Vec::new();
        let chunks = database
            .tables
            .iter()
            .flat_map(|table| &table.chunks)
            .map(|chunk| &chunk.part);
        for path in std::iter::once(&database.schema)
            .chain(chunks)
            .chain([&database.indexes])
        {
            let key = format!("{folder}/{path}");
            let stored = stage
                .yard
                .outside
                .get(&stage.backups(), &key)
                .await?
                .context("no part")?;
            compressed.extend(stored);
        }
        // Frames of zstd one after the other are a stream of zstd.
        client(stage.target(), stage.engine, &into, &compressed)?;
        for table in &database.tables {
            let sum = async |name: &str| {
                stage
                    .one(&format!("SELECT COUNT(*) FROM {name}.{}", table.name))
                    .await
            };
            ensure!(sum(&database.name).await? == sum(&into).await?, "{}", table.name);
        }
    }
    let (one, other) = (
        stage.database(Role::Pipelines),
        format!("{}_2", stage.database(Role::Pipelines)),
    );
    let different = format!(
        "SELECT COUNT(*) FROM {one}.run_details a JOIN {other}.run_details b USING (UUID) WHERE a.DisplayName <=> b.DisplayName \
         AND a.WorkflowRuntimeManifest <=> b.WorkflowRuntimeManifest"
    );
    ensure!(stage.one(&different).await? == "3000");
    Ok(())
}

async fn modes(stage: Stage) -> Result<()> {
    for (hour, mode) in [
        (1, ArtifactsMode::None),
        (2, ArtifactsMode::Manifest),
        (3, ArtifactsMode::Versioning),
    ] {
        let order = Take {
            artifacts: mode,
            ..stage.take_order(hour)?
        };
        let taken = stage.take(order).await?;
        let expected = if mode == ArtifactsMode::None {
            (0, 0)
        } else {
            (3, 1)
        };
        ensure!(
            (taken.artifacts, taken.artifacts_missing) == expected,
            "{mode:?} {taken:?}"
        );
        let (manifest, _) = manifest(&stage, hour).await?;
        let record = manifest.bucket.context("no bucket")?.artifacts;
        if mode == ArtifactsMode::Versioning {
            ensure!(
                record.versioned == Some(false)
                    && taken.warnings.iter().any(|warning| warning.contains("versions")),
                "{taken:?}"
            );
        }
        if mode != ArtifactsMode::None {
            ensure!(record.elsewhere.first == ["gs://elsewhere/x"], "{record:?}");
        }
        stage.verify(stage.verify_order(hour)).await?;
    }
    ensure!(
        !stage
            .stored()
            .await?
            .iter()
            .any(|key| key.starts_with("artifacts/"))
    );
    Ok(())
}

async fn removal(stage: Stage) -> Result<()> {
    let first = stage
        .take(Take {
            destination: stage.destination(ADMIN),
            ..stage.take_order(1)?
        })
        .await?;
    ensure!(first.artifacts_copied_bytes > 0);
    stage
        .yard
        .own
        .put(&stage.name, "v2/artifacts/model", b"a better model".to_vec())
        .await?;
    let second = stage
        .take(Take {
            destination: stage.destination(ADMIN),
            ..stage.take_order(2)?
        })
        .await?;
    ensure!(
        second.artifacts_copied_bytes == "a better model".len() as u64,
        "{second:?}"
    );
    // What a killed attempt left behind, and a set that was never finished.
    let outside = &stage.yard.outside;
    let left = |hour: u8, path: &str| format!("{}/{path}", stage.home().set(&Stage::set(hour)));
    outside
        .put(
            &stage.backups(),
            &left(2, "zzzzzz/databases/x/y.0.sql.zst"),
            vec![1; 10],
        )
        .await?;
    outside
        .put(
            &stage.backups(),
            &left(3, "yyyyyy/databases/x/y.0.sql.zst"),
            vec![1; 10],
        )
        .await?;
    let removed = stage.remove(&[], &[2, 3]).await?;
    ensure!(removed.files == 2 && removed.bytes == 20, "{removed:?}");
    stage.verify(stage.verify_order(2)).await?;

    let copies = async || {
        anyhow::Ok(
            stage
                .stored()
                .await?
                .into_iter()
                .filter(|key| key.starts_with("artifacts/"))
                .count(),
        )
    };
    ensure!(copies().await? == 4);
    let removed = stage.remove(&[1], &[]).await?;
    ensure!(removed.sets == [Stage::set(1)], "{removed:?}");
    ensure!(
        copies().await? == 3,
        "the model's first content was needed by the first set only"
    );
    stage.verify(stage.verify_order(2)).await?;
    failed(stage.verify(stage.verify_order(1)).await, "SetMissing")?;
    stage.remove(&[2], &[]).await?;
    ensure!(stage.stored().await?.is_empty(), "{:?}", stage.stored().await?);
    // Again: nothing is there, and that is fine.
    stage.remove(&[2], &[1]).await?;
    Ok(())
}
