//! PROOF: container images, made from files without an engine or a registry. Each carries the name that a release asks
//! for and the shape of the official image, as `tools/images.md` and `tools/components.yaml` list them.

mod component;
mod layer;
mod server;
mod small;

use std::collections::BTreeMap;
use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::cache::{Cache, hex};
use crate::progress::Progress;
use crate::tools::{Tool, Tools};
use layer::{Layer, LayerFile};

pub use component::{Component, Role, components};

/// The image of every pod's process 1, as the cluster's containerd is told.
pub const PAUSE: &str = "registry.k8s.io/pause:3.10.1";
/// The image of the cluster's DNS server.
pub const COREDNS: &str = "registry.k8s.io/coredns/coredns:v1.12.4";

/// What an image is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// The operator: one static program, as the project's Dockerfile has it.
    Operator {
        /// The built `kfp-operator`.
        program: PathBuf,
    },
    /// MySQL's official image, around the newest MySQL that Debian carries.
    MySql,
    /// MariaDB's official image.
    MariaDb,
    /// SeaweedFS's official image.
    SeaweedFs,
    /// A stand-in for MinIO: S3 by SeaweedFS on MinIO's port, with MinIO's arguments and variables.
    MinIo,
    /// Argo's workflow-controller.
    WorkflowController,
    /// Argo's executor.
    ArgoExec,
    /// Alpine or busybox: a shell and small tools.
    Shell,
    /// Process 1 of pods.
    Pause,
    /// The cluster's DNS server.
    CoreDns,
    /// The contract checker in the place of one of KFP's own components. It reads its role and release from
    /// `KFP_STANDIN_ROLE` and `KFP_STANDIN_RELEASE`.
    StandIn {
        /// The built `kfp-standin`.
        program: PathBuf,
        /// Whose place it takes.
        role: Role,
        /// The release that it stands for, as in `2.16.1`.
        release: String,
    },
    /// A real component, see [`components`].
    Real(Component),
}

/// An image that somebody will ask the cluster for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WantedImage {
    /// Its name as a pod says it, with a tag.
    pub name: String,
    /// What it is made of.
    pub kind: Kind,
}

impl WantedImage {
    /// The two images that the cluster itself runs on.
    #[must_use]
    pub fn of_cluster() -> Vec<Self> {
        vec![
            Self {
                name: PAUSE.into(),
                kind: Kind::Pause,
            },
            Self {
                name: COREDNS.into(),
                kind: Kind::CoreDns,
            },
        ]
    }
}

/// The tools needed to make images of these kinds.
#[must_use]
pub fn tools_for(wanted: &[WantedImage]) -> Vec<Tool> {
    let mut tools: Vec<Tool> = wanted
        .iter()
        .flat_map(|image| tools_of(&image.kind))
        .copied()
        .collect();
    tools.sort();
    tools.dedup();
    tools
}

fn tools_of(kind: &Kind) -> &'static [Tool] {
    match kind {
        Kind::Operator { .. } => &[],
        Kind::MySql => &[Tool::MySql, Tool::Base],
        Kind::MariaDb => &[Tool::MariaDb, Tool::Base],
        Kind::SeaweedFs | Kind::MinIo => &[Tool::SeaweedFs, Tool::Base],
        Kind::WorkflowController | Kind::ArgoExec => &[Tool::Argo, Tool::Base],
        Kind::Shell | Kind::StandIn { .. } => &[Tool::Base],
        Kind::Pause => &[Tool::Pause],
        Kind::CoreDns => &[Tool::CoreDns, Tool::Base],
        Kind::Real(_) => &[Tool::Components, Tool::Base],
    }
}

/// How a container is started, in the words of the image format.
#[derive(Debug, Clone, Default, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Start {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    env: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    entrypoint: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    cmd: Vec<String>,
    #[serde(skip_serializing_if = "String::is_empty")]
    user: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    working_dir: String,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    volumes: BTreeMap<String, BTreeMap<String, String>>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    labels: BTreeMap<String, String>,
}

/// The search path that images without one of their own get, as Docker sets it.
const PATH: &str = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

impl Start {
    fn entrypoint(words: &[&str]) -> Self {
        Self {
            env: vec![PATH.to_owned()],
            entrypoint: words.iter().map(|&word| word.to_owned()).collect(),
            ..Self::default()
        }
    }
}

/// Layers from the bottom up, how to start, and what is really inside.
struct Draft {
    layers: Vec<Layer>,
    start: Start,
    actual: String,
}

/// An image that can be imported.
#[derive(Debug, Clone)]
pub struct BuiltImage {
    /// Its full name, registry and tag included.
    pub name: String,
    /// What is really inside, as in `MySQL 9.7.4`.
    pub actual: String,
    /// `sha256:` and the digest of the configuration: the image's id.
    pub id: String,
    config: Vec<u8>,
    layers: Vec<LayerFile>,
}

impl BuiltImage {
    /// Bytes of all layers, those shared with other images included.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.layers.iter().map(|layer| layer.size).sum()
    }
}

/// How long a layer that no image asks for stays in the cache.
const LAYERS_KEPT: Duration = Duration::from_hours(48);

/// Makes images; layers that are in the cache already are taken from there.
pub fn build(wanted: &[WantedImage], tools: &Tools, progress: &Progress) -> Result<Vec<BuiltImage>> {
    let mut built = Vec::new();
    progress.stage(&format!("make {} images", wanted.len()), |stage| {
        for image in wanted {
            stage.detail(&image.name);
            built.push(
                build_one(image, tools).with_context(|| format!("cannot make the image {}", image.name))?,
            );
        }
        Ok(())
    })?;
    // Every build of the operator leaves a layer of its own behind; only the disk would tell.
    tools.cache().prune("layers", LAYERS_KEPT)?;
    Ok(built)
}

fn build_one(wanted: &WantedImage, tools: &Tools) -> Result<BuiltImage> {
    let name = full_name(&wanted.name)?;
    let draft = match &wanted.kind {
        Kind::Operator { program } => small::operator(program)?,
        Kind::MySql => server::mysql(tools)?,
        Kind::MariaDb => server::mariadb(tools)?,
        Kind::SeaweedFs => server::seaweedfs(tools)?,
        Kind::MinIo => server::minio(tools)?,
        Kind::WorkflowController => small::workflow_controller(tools)?,
        Kind::ArgoExec => small::argoexec(tools)?,
        Kind::Shell => small::shell(tools)?,
        Kind::Pause => small::pause(tools)?,
        Kind::CoreDns => small::coredns(tools)?,
        Kind::StandIn {
            program,
            role,
            release,
        } => component::stand_in(program, *role, release, tools)?,
        Kind::Real(component) => component::real(component, tools)?,
    };
    finish(name, draft, tools.cache())
}

fn finish(name: String, mut draft: Draft, cache: &Cache) -> Result<BuiltImage> {
    draft
        .start
        .labels
        .insert("kfpops.dev/actual".into(), draft.actual.clone());
    let layers: Vec<LayerFile> = draft
        .layers
        .iter()
        .map(|layer| layer.store(cache))
        .collect::<Result<_>>()?;
    let epoch = "1970-01-01T00:00:00Z";
    let steps: Vec<_> = layers
        .iter()
        .map(|_| serde_json::json!({"created": epoch, "created_by": "kfp-e2e"}))
        .collect();
    let config = serde_json::to_vec(&serde_json::json!({
        "architecture": "amd64",
        "os": "linux",
        "created": epoch,
        "config": draft.start,
        "rootfs": {"type": "layers", "diff_ids": layers.iter().map(|layer| &layer.diff_id).collect::<Vec<_>>()},
        "history": steps,
    }))?;
    let id = format!("sha256:{}", hex(&Sha256::digest(&config)));
    Ok(BuiltImage {
        name,
        actual: draft.actual,
        id,
        config,
        layers,
    })
}

/// Writes images as one docker-archive, each layer once: what `ctr images import` and `docker load` read.
pub fn write_archive(images: &[BuiltImage], output: impl Write) -> Result<()> {
    let mut archive = tar::Builder::new(output);
    let mut manifest = Vec::new();
    let mut layers: BTreeMap<&str, &LayerFile> = BTreeMap::new();
    let mut configs: BTreeMap<&str, &BuiltImage> = BTreeMap::new();
    for image in images {
        manifest.push(serde_json::json!({
            "Config": format!("{}.json", bare(&image.id)),
            "RepoTags": [image.name],
            "Layers": image.layers.iter().map(|layer| format!("{}.tar", bare(&layer.diff_id))).collect::<Vec<_>>(),
        }));
        configs.insert(&image.id, image);
        layers.extend(image.layers.iter().map(|layer| (layer.diff_id.as_str(), layer)));
    }
    append(&mut archive, "manifest.json", &serde_json::to_vec(&manifest)?)?;
    for (id, image) in configs {
        append(&mut archive, &format!("{}.json", bare(id)), &image.config)?;
    }
    for (id, layer) in layers {
        let mut header = header(layer.size);
        archive.append_data(
            &mut header,
            format!("{}.tar", bare(id)),
            std::fs::File::open(&layer.path)?,
        )?;
    }
    archive.into_inner()?.flush()?;
    Ok(())
}

fn append<W: Write>(archive: &mut tar::Builder<W>, name: &str, content: &[u8]) -> Result<()> {
    Ok(archive.append_data(&mut header(content.len() as u64), name, content)?)
}

fn header(size: u64) -> tar::Header {
    let mut header = tar::Header::new_gnu();
    header.set_mode(0o644);
    header.set_mtime(0);
    header.set_size(size);
    header
}

fn bare(digest: &str) -> &str {
    digest.trim_start_matches("sha256:")
}

/// The full form of an image's name, as containerd stores it: the default registry and its `library` are written out.
pub fn full_name(name: &str) -> Result<String> {
    if name.contains('@') {
        bail!("the image {name:?} is named by digest: a locally made image cannot have a given digest");
    }
    let last = name.rsplit('/').next().unwrap_or(name);
    let Some((_, tag)) = last
        .split_once(':')
        .filter(|(repository, tag)| !repository.is_empty() && !tag.is_empty())
    else {
        bail!("the image {name:?} has no tag");
    };
    if tag == "latest" {
        bail!("the image {name:?} is a moving target: pods would ask a registry for it each time");
    }
    Ok(match name.split_once('/') {
        None => format!("docker.io/library/{name}"),
        Some((first, _)) if first.contains('.') || first.contains(':') || first == "localhost" => {
            match name.strip_prefix("docker.io/") {
                Some(rest) if !rest.contains('/') => format!("docker.io/library/{rest}"),
                _ => name.to_owned(),
            }
        }
        Some(_) => format!("docker.io/{name}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("mysql:8.4", "docker.io/library/mysql:8.4")]
    #[case("docker.io/alpine:3.23", "docker.io/library/alpine:3.23")]
    #[case("chrislusf/seaweedfs:4.00", "docker.io/chrislusf/seaweedfs:4.00")]
    #[case("gcr.io/ml-pipeline/mysql:8.0.26", "gcr.io/ml-pipeline/mysql:8.0.26")]
    #[case("localhost:5000/a:1", "localhost:5000/a:1")]
    fn a_short_image_name_is_written_out_as_containerd_does(#[case] short: &str, #[case] full: &str) {
        assert_eq!(full_name(short).unwrap(), full);
    }

    #[rstest]
    #[case("mysql")]
    #[case("localhost:5000/mysql")]
    #[case("mysql:latest")]
    #[case("mysql@sha256:00")]
    fn an_image_that_cannot_be_preloaded_is_refused(#[case] name: &str) {
        assert!(full_name(name).is_err());
    }

    #[test]
    fn two_images_on_one_layer_share_it_in_the_archive() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::at(folder.path()).unwrap();
        let mut layer = Layer::default();
        layer.text("hello", "world");
        let image = |name: &str| {
            let draft = Draft {
                layers: vec![layer.clone()],
                start: Start::entrypoint(&[name]),
                actual: "test".into(),
            };
            finish(full_name(name).unwrap(), draft, &cache).unwrap()
        };
        let images = [image("one:1"), image("two:1")];
        let (mut first, mut second) = (Vec::new(), Vec::new());
        write_archive(&images, &mut first).unwrap();
        write_archive(&images, &mut second).unwrap();
        assert_eq!(first, second);
        let mut archive = tar::Archive::new(first.as_slice());
        let names: Vec<String> = archive
            .entries()
            .unwrap()
            .map(|entry| entry.unwrap().path().unwrap().display().to_string())
            .collect();
        assert_eq!(names.len(), 1 + 2 + 1, "{names:?}");
        assert_ne!(images[0].id, images[1].id);
    }
}
