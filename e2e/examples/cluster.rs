//! PROOF: the library by hand: `cluster tools|lock|up|down|status|import|diagnose`. The project's own door is `cargo xtask`.

use std::path::Path;

use anyhow::{Result, bail};
use kfp_e2e::cache::Cache;
use kfp_e2e::cluster::Cluster;
use kfp_e2e::images::{Kind, WantedImage, build, components, tools_for};
use kfp_e2e::light::{ControlPlane, Options};
use kfp_e2e::progress::Progress;
use kfp_e2e::tools::{Tool, Tools, new_debian_lock};

fn main() -> Result<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let cache = Cache::locate()?;
    let progress = Progress::new();
    match words.as_slice() {
        ["tools"] => {
            for [name, version, remark] in Tools::ensure(&cache, Tool::ALL, &progress)?.table() {
                println!("{name:28} {version:12} {remark}");
            }
        }
        ["lock"] => print!("{}", new_debian_lock(&cache)?),
        ["up", name] => {
            let tools = Tools::ensure(&cache, Tool::CLUSTER, &progress)?;
            let cluster = Cluster::up(name, &tools, &progress)?;
            println!("export KUBECONFIG={}", cluster.kubeconfig().display());
        }
        ["down", name] => println!(
            "{}",
            if Cluster::down(&cache, name, &progress)? {
                "gone"
            } else {
                "there was none"
            }
        ),
        ["status"] => {
            for status in Cluster::list(&cache)? {
                println!("{status:?}");
            }
        }
        ["light"] => {
            let tools = Tools::ensure(&cache, Tool::LIGHT, &progress)?;
            let plane = progress.stage("start a control plane", |_| {
                ControlPlane::start(
                    &tools,
                    Options {
                        controller_manager: true,
                        ..Options::default()
                    },
                )
            })?;
            println!("{} {}", plane.server(), plane.kubeconfig().display());
        }
        ["diagnose", name, folder] => {
            let tools = Tools::ensure(&cache, Tool::CLUSTER, &progress)?;
            Cluster::find(name, &tools, &progress)?.diagnose(Path::new(folder))?;
        }
        ["import", name, images @ ..] => import(name, images, &cache, &progress)?,
        _ => bail!(
            "usage: cluster tools | lock | light | status | up NAME | down NAME | diagnose NAME FOLDER | import NAME KIND=IMAGE…"
        ),
    }
    Ok(())
}

fn import(name: &str, images: &[&str], cache: &Cache, progress: &Progress) -> Result<()> {
    let mut wanted = Vec::new();
    for image in images {
        let Some((kind, name)) = image.split_once('=') else {
            bail!("{image}: expected KIND=IMAGE")
        };
        let kind = match kind {
            "mysql" => Kind::MySql,
            "mariadb" => Kind::MariaDb,
            "seaweedfs" => Kind::SeaweedFs,
            "minio" => Kind::MinIo,
            "shell" => Kind::Shell,
            "controller" => Kind::WorkflowController,
            "argoexec" => Kind::ArgoExec,
            folder => {
                let Some(component) = components(Path::new(folder))?.into_iter().next() else {
                    bail!("{folder} is empty")
                };
                Kind::Real(component)
            }
        };
        wanted.push(WantedImage {
            name: name.into(),
            kind,
        });
    }
    let mut needed = tools_for(&wanted);
    needed.extend(Tool::CLUSTER);
    let tools = Tools::ensure(cache, &needed, progress)?;
    let built = build(&wanted, &tools, progress)?;
    for image in &built {
        println!("{} is {} ({} MB)", image.name, image.actual, image.size() >> 20);
    }
    Cluster::find(name, &tools, progress)?.import(&built)
}
