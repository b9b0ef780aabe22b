//! kfp-standin: the program. Under a real program's name it lives that program's life; under its own it answers
//! questions about images and pods. All work is in the library.

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use kfp_standin::rbac::PolicyRule;
use kfp_standin::run::{Start, identity, run};
use kfp_standin::voice::version;
use kfp_standin::{PodView, Role, check_pod};
use serde_json::Value;

/// Stands in for programs of Kubeflow Pipelines and checks what their pods give them. It is none of them.
#[derive(Debug, Parser)]
#[command(name = "kfp-standin", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Live the life of a role here, as in its image.
    Run {
        /// Whom to stand for.
        #[arg(long)]
        role: Role,
        /// Of which release.
        #[arg(long)]
        release: String,
        /// Where files are looked for.
        #[arg(long, default_value = "/")]
        root: PathBuf,
        /// The one address to listen on.
        #[arg(long)]
        bind: Option<IpAddr>,
        /// The arguments of the real program.
        #[arg(last = true)]
        arguments: Vec<String>,
    },
    /// Judge a rendered pod without a cluster: exit 0 when it keeps the contract, 1 when it does not.
    CheckPod {
        /// Whom the container stands for.
        #[arg(long)]
        role: Role,
        /// Of which release.
        #[arg(long)]
        release: String,
        /// A Pod, or an object with a pod template, as JSON.
        #[arg(long)]
        pod: PathBuf,
        /// The container; the first one if not given.
        #[arg(long)]
        container: Option<String>,
        /// The namespace; `metadata.namespace` if not given.
        #[arg(long)]
        namespace: Option<String>,
        /// A JSON list of the RBAC rules of its service account.
        #[arg(long)]
        rules: Option<PathBuf>,
        /// A JSON list of the ConfigMaps, Secrets and service accounts rendered beside it.
        #[arg(long)]
        objects: Option<PathBuf>,
    },
}

fn main() -> ExitCode {
    let words: Vec<_> = std::env::args().collect();
    let own_name = words
        .first()
        .and_then(|program| Path::new(program).file_name())
        .is_some_and(|name| name == "kfp-standin");
    if own_name {
        return answer(Cli::parse().command);
    }
    let whom = identity(Path::new("/"));
    if words.get(1).is_some_and(|word| word == "--standin-version") {
        println!(
            "{}",
            version(
                whom.as_ref()
                    .ok()
                    .map(|(role, release)| (*role, release.as_str()))
            )
        );
        return ExitCode::SUCCESS;
    }
    match whom {
        Ok((role, release)) => {
            let arguments = words.into_iter().skip(1).collect();
            live(Start {
                role,
                release,
                arguments,
                root: PathBuf::from("/"),
                bind: None,
            })
        }
        Err(error) => fail(&error.to_string()),
    }
}

fn answer(command: Command) -> ExitCode {
    match command {
        Command::Run {
            role,
            release,
            root,
            bind,
            arguments,
        } => live(Start {
            role,
            release,
            arguments,
            root,
            bind,
        }),
        Command::CheckPod {
            role,
            release,
            pod,
            container,
            namespace,
            rules,
            objects,
        } => {
            let judged = (|| {
                let pod: Value = read(&pod)?;
                let rules: Vec<PolicyRule> = rules.map_or_else(|| Ok(Vec::new()), |path| read(&path))?;
                let objects: Vec<Value> = objects.map_or_else(|| Ok(Vec::new()), |path| read(&path))?;
                let view = PodView {
                    pod: &pod,
                    container: container.as_deref(),
                    namespace: namespace.as_deref(),
                    rules: &rules,
                    objects: &objects,
                };
                check_pod(role, &release, &view).map_err(|error| error.to_string())
            })();
            match judged {
                Err(problem) => fail(&problem),
                Ok(report) => {
                    report.breaches.iter().for_each(|breach| println!("{breach}"));
                    if report.breaches.is_empty() {
                        ExitCode::SUCCESS
                    } else {
                        ExitCode::FAILURE
                    }
                }
            }
        }
    }
}

fn read<T: serde::de::DeserializeOwned>(path: &Path) -> Result<T, String> {
    let text =
        std::fs::read_to_string(path).map_err(|error| format!("cannot read {}: {error}", path.display()))?;
    serde_json::from_str(&text)
        .map_err(|error| format!("{} is not what it should be: {error}", path.display()))
}

fn live(start: Start) -> ExitCode {
    match tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime.block_on(run(start)),
        Err(error) => fail(&format!("cannot start: {error}")),
    }
}

/// Says why nothing was judged; 2 as for wrong usage.
fn fail(problem: &str) -> ExitCode {
    eprintln!("kfp-standin: {problem}");
    ExitCode::from(2)
}
