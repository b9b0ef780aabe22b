//! TOOLS: `cargo xtask demo`: the main job before a person's eyes, on a cluster made on the spot or on one that is there.

use std::io::Write as _;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use comfy_table::{Table, presets};
use kfp_api::KfpInstallation;
use kfp_e2e::cache::Cache;
use kfp_e2e::cluster::Cluster;
use kfp_e2e::lab::{Lab, OPERATOR_IMAGE, OPERATOR_NAMESPACE, http, programs, root};
use kfp_e2e::progress::Progress;

/// Name of the demo's cluster.
const CLUSTER: &str = "demo";
/// Seconds that an installation may take to become ready: minutes on two busy cores with cold caches.
const PATIENCE: u32 = 900;

/// What to show, and where.
#[derive(clap::Args)]
pub struct Arguments {
    /// Take away everything that the demo made.
    #[arg(long, conflicts_with_all = ["cluster", "components"])]
    down: bool,
    /// Folder of real KFP programs, each `ROLE-RELEASE`, that take the place of their stand-ins.
    #[arg(long, value_name = "DIR")]
    components: Option<PathBuf>,
    /// `local` makes a cluster; `current` takes the one of your kubeconfig, with real images.
    #[arg(long, value_enum, default_value_t)]
    cluster: Where,
    /// The operator's image, for `--cluster current`.
    #[arg(long, value_name = "REF", required_if_eq("cluster", "current"))]
    operator_image: Option<String>,
    /// The manifest that is applied.
    #[arg(long, value_name = "FILE", default_value = "config/samples/minimal.yaml")]
    manifest: PathBuf,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
enum Where {
    /// A single-node Kubernetes made on the spot.
    #[default]
    Local,
    /// The cluster of the current kubeconfig.
    Current,
}

/// Shows it, or takes it away.
pub fn run(arguments: &Arguments) -> Result<()> {
    if arguments.down {
        let there = Cluster::down(&Cache::locate()?, CLUSTER, &Progress::new())?;
        println!(
            "{}",
            if there {
                "The demo is gone. What it was built from stays in the cache for the next one; see the README."
            } else {
                "There was no demo."
            }
        );
        return Ok(());
    }
    let path = if arguments.manifest.exists() {
        arguments.manifest.clone()
    } else {
        root().join(&arguments.manifest)
    };
    let manifest =
        std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let wanted = Wanted::read(&manifest).with_context(|| path.display().to_string())?;
    match (arguments.cluster, &arguments.operator_image) {
        (Where::Current, Some(image)) => on_current(&manifest, &wanted, image),
        _ => on_local(&manifest, &wanted, arguments.components.as_deref()),
    }
}

/// The installation that a manifest names.
struct Wanted {
    name: String,
    namespace: String,
    version: String,
}

impl Wanted {
    fn read(manifest: &str) -> Result<Self> {
        let documents: Vec<serde_json::Value> = serde_saphyr::from_multiple(manifest).context("no YAML")?;
        let installation = documents
            .into_iter()
            .find(|document| document["kind"] == "KfpInstallation")
            .context("has no KfpInstallation")?;
        let installation: KfpInstallation = serde_json::from_value(installation)?;
        Ok(Self {
            name: installation
                .metadata
                .name
                .context("the KfpInstallation has no name")?,
            namespace: installation
                .metadata
                .namespace
                .unwrap_or_else(|| "default".into()),
            version: installation.spec.version,
        })
    }

    /// The namespace, held to the Pod Security level that operands pass and users' steps may need.
    fn namespace_manifest(&self) -> String {
        format!(
            "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: {}\n  labels:\n    pod-security.kubernetes.io/enforce: baseline\n    \
             pod-security.kubernetes.io/warn: restricted\n",
            self.namespace
        )
    }
}

fn on_local(manifest: &str, wanted: &Wanted, real: Option<&Path>) -> Result<()> {
    let progress = Progress::new();
    let lab = Lab::up(CLUSTER, &[&wanted.version], real, &progress)?;
    lab.apply(&wanted.namespace_manifest())?;
    lab.apply(manifest)?;
    println!();
    lab.await_ready(&wanted.namespace, &wanted.name, PATIENCE)?;
    let url = format!(
        "http://{}",
        lab.service_address(&wanted.namespace, "ml-pipeline-ui")?
    );
    // The URL that is printed must work.
    let answer = http::get(&url)?.status;
    anyhow::ensure!(answer == 200, "{url} answers {answer}");
    println!("\n{}\n\n{}", lab.versions(), times(&progress));
    println!(
        "\nThe UI  {url}\n\nFor your shell:\n\n  export KUBECONFIG={}\n  export PATH={}:$PATH\n  kubectl get kfpi -A\n\n\
         Take it away: cargo xtask demo --down",
        lab.cluster.kubeconfig().display(),
        commands(&lab)?.display()
    );
    Ok(())
}

/// A folder with kubectl of the cluster's version, kfpctl, and kfpctl as kubectl's plugin, beside the kubeconfig; it goes
/// with the cluster.
fn commands(lab: &Lab) -> Result<PathBuf> {
    let folder = lab.cluster.kubeconfig().with_file_name("commands");
    std::fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    for (name, program) in [
        ("kubectl", lab.tools.kubectl()?),
        ("kfpctl", lab.programs.kfpctl.clone()),
        ("kubectl-kfp_operator", lab.programs.kfpctl.clone()),
    ] {
        let link = folder.join(name);
        if link.is_symlink() {
            std::fs::remove_file(&link).with_context(|| format!("cannot replace {}", link.display()))?;
        }
        symlink(&program, &link).with_context(|| format!("cannot link {}", link.display()))?;
    }
    Ok(folder)
}

fn times(progress: &Progress) -> Table {
    let mut table = Table::new();
    table
        .load_style(presets::NOTHING)
        .set_header(["STAGE", "SECONDS"]);
    for (stage, took) in progress.timings() {
        table.add_row([stage, format!("{:.1}", took.as_secs_f64())]);
    }
    table
}

/// The same on a cluster that is there, with its own images. Not run by our tests: there is no such cluster where they run.
fn on_current(manifest: &str, wanted: &Wanted, operator_image: &str) -> Result<()> {
    let render = kubectl(&["kustomize", &root().join("config/default").display().to_string()])?;
    anyhow::ensure!(
        render.contains(OPERATOR_IMAGE),
        "config/default does not name {OPERATOR_IMAGE}"
    );
    apply(
        &["--server-side", "--force-conflicts"],
        &render.replace(OPERATOR_IMAGE, operator_image),
    )?;
    if kubectl(&[
        "get",
        "crd",
        "workflows.argoproj.io",
        "--ignore-not-found",
        "-o",
        "name",
    ])?
    .is_empty()
    {
        kubectl(&[
            "apply",
            "--server-side",
            "-k",
            &root().join("config/operand-crds/argo").display().to_string(),
        ])?;
    }
    kubectl(&[
        "-n",
        OPERATOR_NAMESPACE,
        "rollout",
        "status",
        "deployment/kfp-operator",
        "--timeout=300s",
    ])?;
    apply(
        &["--server-side", "--field-manager=kfp-demo"],
        &wanted.namespace_manifest(),
    )?;
    apply(&[], manifest)?;
    let [kfpctl] = programs::build(["kfpctl"])?;
    let status = Command::new(kfpctl)
        .args([
            "status",
            &wanted.name,
            "-n",
            &wanted.namespace,
            "--wait",
            "--timeout",
            &PATIENCE.to_string(),
        ])
        .status()?;
    anyhow::ensure!(
        status.success(),
        "{}/{} did not become ready",
        wanted.namespace,
        wanted.name
    );
    println!(
        "\nThe UI  kubectl -n {} port-forward service/ml-pipeline-ui 8080:80",
        wanted.namespace
    );
    Ok(())
}

fn kubectl(arguments: &[&str]) -> Result<String> {
    let output = Command::new("kubectl")
        .args(arguments)
        .output()
        .context("cannot start kubectl; it must be on PATH")?;
    if !output.status.success() {
        bail!(
            "kubectl {}: {}",
            arguments.join(" "),
            String::from_utf8_lossy(&output.stderr)
        );
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

fn apply(options: &[&str], manifest: &str) -> Result<()> {
    let mut child = Command::new("kubectl")
        .arg("apply")
        .args(options)
        .args(["-f", "-"])
        .stdin(Stdio::piped())
        .spawn()
        .context("cannot start kubectl; it must be on PATH")?;
    child
        .stdin
        .take()
        .context("kubectl has no input")?
        .write_all(manifest.as_bytes())?;
    anyhow::ensure!(child.wait()?.success(), "kubectl apply failed");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_installation_of_a_manifest_is_found_among_other_kinds() {
        let wanted = Wanted::read(
            "kind: Namespace\n---\napiVersion: kfpops.dev/v1alpha1\nkind: KfpInstallation\nmetadata: {name: a, namespace: b}\nspec: {version: 2.16.1}\n",
        )
        .unwrap();
        assert_eq!((wanted.name.as_str(), wanted.namespace.as_str()), ("a", "b"));
    }

    #[test]
    fn a_manifest_without_an_installation_is_an_error() {
        assert!(Wanted::read("kind: Namespace\n").is_err());
    }
}
