//! PROOF (real stores, databases and API server): lines to stores and databases that are cut for a while, or for ever.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Result, ensure};
use kfp_backup::order::{Restore, Take};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use crate::Case;
use crate::backup_faults::grow;
use crate::backup_stores::ADMIN;
use crate::backup_yard::{Stage, failed};

pub fn cases() -> Vec<Case> {
    vec![
        (
            "line",
            "a line to the destination that is cut for a while is borne, for ever it is told",
            |stage| Box::pin(destination(stage)),
        ),
        (
            "own",
            "a line to the installation's bucket that is cut is told, and no copy is half there",
            |stage| Box::pin(bucket(stage)),
        ),
        (
            "wire",
            "a line to the database that is cut is told, and a restore goes on where it was",
            |stage| Box::pin(database(stage)),
        ),
    ]
}

/// A line to a server that can be cut.
struct Line {
    port: u16,
    cut: Arc<AtomicBool>,
    passed: Arc<AtomicU64>,
}

impl Line {
    async fn to(port: u16) -> Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let line = Self {
            port: listener.local_addr()?.port(),
            cut: Arc::default(),
            passed: Arc::default(),
        };
        let (cut, passed) = (line.cut.clone(), line.passed.clone());
        tokio::spawn(async move {
            while let Ok((mut near, _)) = listener.accept().await {
                let (cut, passed) = (cut.clone(), passed.clone());
                tokio::spawn(async move {
                    let Ok(mut far) = TcpStream::connect(("127.0.0.1", port)).await else {
                        return;
                    };
                    let (mut up, mut down) = ([0; 16_384], [0; 16_384]);
                    while !cut.load(Ordering::Relaxed) {
                        let (from_near, read) = tokio::select! {
                            read = near.read(&mut up) => (true, read),
                            read = far.read(&mut down) => (false, read),
                            () = tokio::time::sleep(Duration::from_millis(50)) => continue,
                        };
                        let Ok(read @ 1..) = read else { return };
                        passed.fetch_add(read as u64, Ordering::Relaxed);
                        let written = if from_near {
                            far.write_all(&up[..read]).await
                        } else {
                            near.write_all(&down[..read]).await
                        };
                        if written.is_err() {
                            return;
                        }
                    }
                });
            }
        });
        Ok(line)
    }

    fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    async fn cut_after(&self, bytes: u64) {
        while self.passed.load(Ordering::Relaxed) < bytes {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        self.cut.store(true, Ordering::Relaxed);
    }

    async fn cut_for(&self, bytes: u64, pause: Duration) {
        self.cut_after(bytes).await;
        tokio::time::sleep(pause).await;
        self.cut.store(false, Ordering::Relaxed);
    }
}

async fn destination(mut stage: Stage) -> Result<()> {
    grow(&stage, 5_000).await?;
    let line = Line::to(stage.yard.outside.port).await?;
    let order = Take {
        destination: stage.destination_at(&line.endpoint(), ADMIN),
        ..stage.take_order(1)?
    };
    let (taken, ()) = tokio::join!(stage.take(order.clone()), line.cut_after(3_000_000));
    failed(taken, "DestinationUnreachable")?;

    let line = Line::to(stage.yard.outside.port).await?;
    let order = Take {
        destination: stage.destination_at(&line.endpoint(), ADMIN),
        ..order
    };
    stage.patience = Duration::from_secs(30);
    let cut = line.cut_for(3_000_000, Duration::from_millis(700));
    let (taken, ()) = tokio::join!(stage.take(order.clone()), cut);
    let taken = taken?;
    stage.verify(stage.verify_order(1)).await?;
    ensure!(taken.stored_bytes > 20_000_000, "{taken:?}");

    // Reading is taken up where it was cut.
    let line = Line::to(stage.yard.outside.port).await?;
    let mut verify = stage.verify_order(1);
    verify.destination = stage.destination_at(&line.endpoint(), ADMIN);
    let cut = line.cut_for(8_000_000, Duration::from_millis(300));
    let (verified, ()) = tokio::join!(stage.verify(verify), cut);
    ensure!(verified?.rows == taken.rows);
    Ok(())
}

async fn bucket(stage: Stage) -> Result<()> {
    let key = "v2/artifacts/data/large";
    stage.yard.own.put(&stage.name, key, vec![7; 30_000_000]).await?;
    let line = Line::to(stage.yard.own.port).await?;
    let mut order = stage.take_order(1)?;
    if let Some(bucket) = &mut order.bucket {
        bucket.endpoint = line.endpoint();
    }
    let (taken, ()) = tokio::join!(stage.take(order), line.cut_after(10_000_000));
    failed(taken, "BucketUnreachable")?;
    stage.has_no_set().await?;

    let taken = stage.take(stage.take_order(1)?).await?;
    ensure!(taken.artifacts == 4, "{taken:?}");
    stage.yard.own.delete(&stage.name, key).await?;
    let new = format!("{}-2", stage.name);
    stage.yard.own.make_bucket(&new).await?;
    stage.restore(stage.restore_order(1, &stage.name, &new)).await?;
    let large = stage.yard.own.get(&new, key).await?;
    ensure!(large.is_some_and(|large| large == vec![7; 30_000_000]));
    Ok(())
}

async fn database(stage: Stage) -> Result<()> {
    grow(&stage, 5_000).await?;
    let line = Line::to(stage.target().port).await?;
    let mut order = stage.take_order(1)?;
    order.server.port = line.port;
    let (taken, ()) = tokio::join!(stage.take(order), line.cut_after(3_000_000));
    failed(taken, "DatabaseUnreachable")?;
    stage.has_no_set().await?;

    let taken = stage.take(stage.take_order(1)?).await?;
    let new = format!("{}-2", stage.name);
    stage.yard.own.make_bucket(&new).await?;
    let order = stage.restore_order(1, &stage.name, &new);
    let line = Line::to(stage.target().port).await?;
    let mut cut = order.clone();
    if let Some(server) = &mut cut.server {
        server.port = line.port;
    }
    let (restored, ()) = tokio::join!(stage.restore(cut), line.cut_after(12_000_000));
    failed(restored, "DatabaseUnreachable")?;
    // What is half there is taken for nobody's, and for the beginning of this restore.
    let other = Restore {
        set: Stage::set(2),
        ..order.clone()
    };
    stage
        .take(Take {
            set: Stage::set(2),
            ..stage.take_order(2)?
        })
        .await?;
    failed(stage.restore(other).await, "DatabaseNotEmpty")?;
    let restored = stage.restore(order).await?;
    ensure!(restored.rows == taken.rows, "{restored:?}");
    Ok(())
}
