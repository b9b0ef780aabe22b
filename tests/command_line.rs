//! PROOF (real API server): `kfpctl` as a process of its own, without a terminal, asking the API server as the
//! administrator where nothing else is said.

use std::path::Path;
use std::process::{Output, Stdio};

use anyhow::{Context, Result, ensure};
use serde::de::DeserializeOwned;
use tokio::process::Command;

use crate::world::World;

/// How a command ended and what it said.
#[derive(Debug)]
pub struct Said {
    /// Exit code.
    pub code: i32,
    /// What it wrote for programs and people.
    pub out: String,
    /// What it wrote beside.
    pub err: String,
}

impl Said {
    /// The same, if it ended like this.
    pub fn ended(self, code: i32) -> Result<Self> {
        ensure!(self.code == code, "it did not end with {code}: {self:#?}");
        Ok(self)
    }

    /// What it wrote, as data.
    pub fn data<T: DeserializeOwned>(&self) -> Result<T> {
        serde_json::from_str(&self.out).with_context(|| format!("no data: {self:#?}"))
    }
}

/// Runs `kfpctl` with these words in a namespace.
pub async fn kfpctl(world: &World, namespace: &str, words: &[&str]) -> Result<Said> {
    kfpctl_as(world, world.control_plane.kubeconfig(), namespace, words).await
}

/// The same, as the one of this kubeconfig.
pub async fn kfpctl_as(world: &World, kubeconfig: &Path, namespace: &str, words: &[&str]) -> Result<Said> {
    let output = Command::new(&world.programs.kfpctl)
        .args(words)
        .args(["--namespace", namespace])
        .env_clear()
        .env("KUBECONFIG", kubeconfig)
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output()
        .await
        .context("cannot start kfpctl")?;
    Ok(said(&output))
}

fn said(output: &Output) -> Said {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Said {
        code: output.status.code().unwrap_or(-1),
        out: text(&output.stdout),
        err: text(&output.stderr),
    }
}
