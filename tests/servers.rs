//! PROOF (real API server): the processes behind pods that the operator asks: a real MariaDB, and the stand-in of KFP's API
//! server. Each listens where its Service points to, as if a kube-proxy were there.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use k8s_openapi::api::core::v1::{ConfigMap, PersistentVolumeClaim, Pod};
use kfp_e2e::tools::Tool;
use kube::Api;
use serde_json::json;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::process::{Child, Command};

use crate::operator::token;
use crate::pods::{claim, container, environment, services};
use crate::site::Site;
use crate::store::Store;
use crate::world::eventually;

/// Port of the databases.
const DATABASE_PORT: u16 = 3306;
/// Port of the API servers' REST API.
const API_PORT: u16 = 8888;
/// What upstream's image brings beside the program, as far as its start depends on it (backend/src/apiserver/config).
const API_CONFIG: &str = r#"{"DBDriverName": "mysql", "DBConfig": {"MySQLConfig": {"DBName": "mlpipeline"}, "ConMaxLifeTime": "120s"},
 "ObjectStoreConfig": {"BucketName": "mlpipeline", "PipelinePath": "pipelines"}, "InitConnectionTimeout": "6m"}"#;

/// What stands behind a pod.
pub enum Server {
    /// A process of its own.
    Own(Box<Child>, String, u16),
    /// The object store that all share.
    Shared,
}

impl Server {
    /// An error when it has ended.
    pub fn runs(&mut self) -> Result<()> {
        if let Self::Own(child, address, port) = self
            && let Some(status) = child.try_wait()?
        {
            bail!("the server at {address}:{port} ended with {status}");
        }
        Ok(())
    }

    /// Whether it takes connections.
    pub async fn serves(&self) -> Result<bool> {
        let Self::Own(_, address, port) = self else {
            return Ok(true);
        };
        let connect = TcpStream::connect((address.as_str(), *port));
        Ok(matches!(
            tokio::time::timeout(Duration::from_secs(1), connect).await,
            Ok(Ok(_))
        ))
    }
}

/// Starts what this pod's label `app` calls for; `None` for pods that nobody asks anything. `seed` is what stands in the
/// pipelines database before KFP's API server comes, as SQL.
pub async fn start(site: &Site, pod: &Pod, seed: &[String]) -> Result<Option<Server>> {
    let labels = pod.metadata.labels.clone().unwrap_or_default();
    let app = labels.get("app").map(String::as_str);
    match app {
        Some("mysql") => {
            let at = address(site, "mysql").await?;
            Ok(Some(Server::Own(
                Box::new(database(site, pod, &at, seed).await?),
                at,
                DATABASE_PORT,
            )))
        }
        Some("seaweedfs" | "minio") => {
            object_store(site, pod).await?;
            Ok(Some(Server::Shared))
        }
        Some("ml-pipeline") => {
            let at = address(site, "ml-pipeline").await?;
            Ok(Some(Server::Own(
                Box::new(api_server(site, pod, &at).await?),
                at,
                API_PORT,
            )))
        }
        _ => Ok(None),
    }
}

async fn address(site: &Site, service: &str) -> Result<String> {
    let found = services(site).await?.remove(service);
    found.with_context(|| format!("the Service {service} has no address"))
}

/// A log of this site.
fn log(site: &Site, name: &str) -> Result<[Stdio; 2]> {
    let file = File::options()
        .create(true)
        .append(true)
        .open(site.folder.join(format!("{name}.log")))?;
    Ok([file.try_clone()?.into(), file.into()])
}

fn spawn(site: &Site, command: &mut Command, name: &str) -> Result<Child> {
    let [out, error] = log(site, name)?;
    command
        .stdin(Stdio::null())
        .stdout(out)
        .stderr(error)
        .kill_on_drop(true);
    let child = command.spawn().with_context(|| format!("cannot start {name}"))?;
    site.world.control_plane.adopt(child.id().unwrap_or_default())?;
    Ok(child)
}

/// MariaDB on the volume of the pod's claim: a new volume is initialized as the image does, an old one is taken as it is.
async fn database(site: &Site, pod: &Pod, address: &str, seed: &[String]) -> Result<Child> {
    let volume = volume(site, pod).await?;
    let data = volume.join("data");
    let mut command = mariadb(site, &data)?;
    if !data.join("mysql").exists() {
        initialize(site, &data).await?;
        let script = volume.join("first.sql");
        fs::write(&script, first_words(site, pod, seed).await?)?;
        command.arg(format!("--init-file={}", script.display()));
    }
    command
        .arg(format!("--bind-address={address}"))
        .arg(format!("--port={DATABASE_PORT}"))
        // Beside the data, where the server stands: a longer path than the system takes for a socket is easily made.
        .args(["--socket=mariadb.sock", "--pid-file=mariadb.pid"])
        .args([
            "--skip-name-resolve",
            "--character-set-server=utf8mb4",
            "--collation-server=utf8mb4_general_ci",
        ]);
    spawn(site, &mut command, "mariadb")
}

/// The server that lives beside a Job's program and takes connections of nobody else, with nothing in it but `root`.
pub(crate) async fn scratch(site: &Site, folder: &Path, password: &str) -> Result<Child> {
    let data = folder.join("scratch");
    fs::create_dir_all(&data)?;
    let mut command = mariadb(site, &data)?;
    if !data.join("mysql").exists() {
        initialize(site, &data).await?;
    }
    let script = folder.join("scratch.sql");
    let words = format!(
        "CREATE OR REPLACE USER root@'127.0.0.1' IDENTIFIED BY '{password}';\nGRANT ALL ON *.* TO root@'127.0.0.1' WITH GRANT \
         OPTION;\n"
    );
    fs::write(&script, words)?;
    command
        .arg(format!("--init-file={}", script.display()))
        .args([
            "--bind-address=127.0.0.1",
            "--skip-name-resolve",
            "--max-allowed-packet=1G",
        ])
        .arg(format!("--port={DATABASE_PORT}"))
        .args(["--socket=scratch.sock", "--pid-file=scratch.pid"]);
    let child = spawn(site, &mut command, "scratch")?;
    eventually("the scratch server takes connections", || async {
        Ok(TcpStream::connect(("127.0.0.1", DATABASE_PORT))
            .await
            .is_ok()
            .then_some(()))
    })
    .await?;
    Ok(child)
}

/// The folder of the claim that a pod mounts: one for the life of the claim.
async fn volume(site: &Site, pod: &Pod) -> Result<PathBuf> {
    let name = claim(pod).context("the database's pod mounts no claim")?;
    let claims: Api<PersistentVolumeClaim> = Api::namespaced(site.world.client.clone(), &site.name);
    let uid = claims
        .get(name)
        .await?
        .metadata
        .uid
        .context("a claim without uid")?;
    let folder = site.folder.join("volumes").join(uid);
    fs::create_dir_all(folder.join("data"))?;
    Ok(folder)
}

/// The server with its own C library, so that it runs on a host of another Debian.
fn mariadb(site: &Site, data: &Path) -> Result<Command> {
    let root = site.world.tools.root(Tool::MariaDb)?;
    let libraries = ["lib/x86_64-linux-gnu", "usr/lib/x86_64-linux-gnu"]
        .map(|folder| root.join(folder).display().to_string());
    let mut command = Command::new(root.join("lib64/ld-linux-x86-64.so.2"));
    command
        .args(["--library-path", &libraries.join(":")])
        .arg(root.join("usr/sbin/mariadbd"))
        .args([
            "--no-defaults",
            "--user=root",
            "--skip-log-bin",
            "--innodb-flush-method=fsync",
        ])
        .args([
            "--innodb-buffer-pool-size=32M",
            "--innodb-log-file-size=8M",
            "--innodb-flush-log-at-trx-commit=0",
        ])
        .arg(format!("--datadir={}", data.display()))
        .arg(format!("--tmpdir={}", data.display()))
        .arg(format!(
            "--lc-messages-dir={}",
            root.join("usr/share/mysql").display()
        ))
        .arg(format!(
            "--character-sets-dir={}",
            root.join("usr/share/mysql/charsets").display()
        ));
    Ok(command)
}

/// The system tables, as `mariadb-install-db` makes them.
async fn initialize(site: &Site, data: &Path) -> Result<()> {
    let share = site.world.tools.root(Tool::MariaDb)?.join("usr/share/mysql");
    let mut words = String::from("CREATE DATABASE mysql;\nUSE mysql;\n");
    for file in [
        "mysql_system_tables",
        "mysql_performance_tables",
        "mysql_system_tables_data",
        "maria_add_gis_sp_bootstrap",
    ] {
        words.push_str(&fs::read_to_string(share.join(format!("{file}.sql")))?);
    }
    let [out, error] = log(site, "mariadb")?;
    let mut command = mariadb(site, data)?;
    command
        .arg("--bootstrap")
        .stdin(Stdio::piped())
        .stdout(out)
        .stderr(error)
        .kill_on_drop(true);
    let mut child = command.spawn().context("cannot start mariadbd")?;
    let mut input = child.stdin.take().context("no way to talk to mariadbd")?;
    input.write_all(words.as_bytes()).await?;
    drop(input);
    let status = child.wait().await?;
    ensure!(status.success(), "mariadbd --bootstrap ended with {status}");
    Ok(())
}

/// What a new server runs first: the users of the pod's environment, and the scripts that the pod mounts for this, with a shell
/// whose `docker_process_sql` writes down what it is given.
async fn first_words(site: &Site, pod: &Pod, seed: &[String]) -> Result<String> {
    let environment = environment(site, pod).await?;
    let get = |name: &str| {
        environment
            .get(name)
            .with_context(|| format!("the database's pod has no {name}"))
    };
    let mut words = format!(
        "CREATE USER '{}'@'%' IDENTIFIED BY '{}';\nCREATE USER root@'%' IDENTIFIED BY '{}';\nGRANT ALL ON *.* TO root@'%' WITH GRANT \
         OPTION;\n",
        get("MYSQL_USER")?,
        get("MYSQL_PASSWORD")?,
        get("MYSQL_ROOT_PASSWORD")?
    );
    for script in scripts(site, pod).await? {
        let output = Command::new("bash")
            .args(["-euc", &format!("docker_process_sql() {{ cat; }}\n{script}")])
            .envs(&environment)
            .output()
            .await?;
        ensure!(
            output.status.success(),
            "{script}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        words.push_str(&String::from_utf8(output.stdout)?);
    }
    words.push_str("USE mlpipeline;\n");
    for statement in seed {
        // The server reads one statement a line.
        words.extend([statement.replace('\n', " ").trim_end_matches(';'), ";\n"]);
    }
    Ok(words)
}

/// The scripts that the database's image would run, from the ConfigMaps that the pod mounts.
async fn scripts(site: &Site, pod: &Pod) -> Result<Vec<String>> {
    let maps: Api<ConfigMap> = Api::namespaced(site.world.client.clone(), &site.name);
    let volumes = pod.spec.iter().filter_map(|spec| spec.volumes.clone()).flatten();
    let mounted: Vec<_> = volumes.filter_map(|volume| volume.config_map).collect();
    let mut scripts = Vec::new();
    for map in mounted {
        let mut data = maps.get(&map.name).await?.data.unwrap_or_default();
        if let Some(items) = &map.items {
            data.retain(|key, _| items.iter().any(|item| item.key == *key));
        }
        scripts.extend(
            data.into_iter()
                .filter(|(key, _)| {
                    Path::new(key)
                        .extension()
                        .is_some_and(|extension| extension == "sh")
                })
                .map(|(_, text)| text),
        );
    }
    ensure!(
        !scripts.is_empty(),
        "the database's pod mounts no script that makes its databases"
    );
    Ok(scripts)
}

/// Lets the installation into the shared object store with the keys of its pod's environment.
async fn object_store(site: &Site, pod: &Pod) -> Result<()> {
    let store = site
        .world
        .store
        .get_or_try_init(|| Store::start(&site.world))
        .await?;
    let environment = environment(site, pod).await?;
    let one_of = |names: [&str; 2]| names.iter().find_map(|name| environment.get(*name));
    let access =
        one_of(["accesskey", "MINIO_ACCESS_KEY"]).context("the object store's pod has no access key")?;
    let secret =
        one_of(["secretkey", "MINIO_SECRET_KEY"]).context("the object store's pod has no secret key")?;
    store.admit(&site.name, access, secret).await
}

/// The stand-in of KFP's API server, in the pod's environment and under its ServiceAccount's rights.
async fn api_server(site: &Site, pod: &Pod, address: &str) -> Result<Child> {
    let image = container(pod)?.image.clone().unwrap_or_default();
    let release = image
        .rsplit_once(':')
        .map(|(_, tag)| tag)
        .context("an image without a tag")?;
    let account = pod
        .spec
        .as_ref()
        .and_then(|spec| spec.service_account_name.clone())
        .context("no account")?;
    let root = site.folder.join("api-server-root");
    let held = root.join("var/run/secrets/kubernetes.io/serviceaccount");
    fs::create_dir_all(&held)?;
    fs::create_dir_all(root.join("config"))?;
    fs::write(root.join("config/config.json"), API_CONFIG)?;
    fs::write(root.join("config/sample_config.json"), json!([]).to_string())?;
    fs::write(
        held.join("token"),
        token(&site.world, &site.name, &account).await?,
    )?;
    fs::write(held.join("namespace"), &site.name)?;
    fs::copy(
        site.world.control_plane.folder().join("pki/ca.crt"),
        held.join("ca.crt"),
    )?;
    let mut variables: BTreeMap<String, String> = environment(site, pod).await?;
    let server = site.world.control_plane.server().trim_start_matches("https://");
    let (host, port) = server.rsplit_once(':').context("the API server has no port")?;
    variables.insert("KUBERNETES_SERVICE_HOST".into(), host.into());
    variables.insert("KUBERNETES_SERVICE_PORT".into(), port.into());
    let mut command = Command::new(&site.world.programs.stand_in);
    command
        .args([
            "run",
            "--role",
            "apiserver",
            "--release",
            release,
            "--bind",
            address,
            "--root",
        ])
        .arg(&root)
        .args([
            "--",
            "--config=/config",
            "--sampleconfig=/config/sample_config.json",
            "--logLevel=info",
        ])
        .env_clear()
        .envs(variables);
    spawn(site, &mut command, "api-server")
}
