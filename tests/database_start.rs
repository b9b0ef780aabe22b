//! PROOF (real databases): starts the MariaDB and MySQL of the test tools on loopback, each with a fresh folder of its own.
//! What is asked of them stands elsewhere.

use std::fs::{self, File};
use std::io::Write as _;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use kfp_database::{Credentials, Engine, Target, probe};
use kfp_e2e::cache::Cache;
use kfp_e2e::progress::Progress;
use kfp_e2e::tools::{Tool, Tools};
use tempfile::TempDir;

/// How long a server may take from its start to its first answer. It takes 3 s on two idle cores.
const START_LIMIT: Duration = Duration::from_secs(90);

/// The account that the cases log in with; it is allowed everything.
const USER: &str = "tester";
const PASSWORD: &str = "s3cret of the tests";

/// A running server, stopped when dropped.
pub struct Server {
    /// Where it is and who logs in.
    pub target: Target,
    child: Child,
    // Dropped last, when nothing writes to it any more.
    _folder: TempDir,
}

impl Server {
    /// Makes an empty data folder, starts the server on it, and waits until it answers.
    pub async fn start(tools: &Tools, engine: Engine) -> Result<Self> {
        let tool = match engine {
            Engine::MariaDb => Tool::MariaDb,
            Engine::MySql => Tool::MySql,
        };
        let root = tools.root(tool)?;
        let folder = TempDir::new().context("cannot make a folder for the database")?;
        let data = folder.path().join("data");
        fs::create_dir(&data).with_context(|| format!("cannot make {}", data.display()))?;
        initialize(&root, engine, &data)?;
        let accounts = folder.path().join("accounts.sql");
        let sql = format!(
            "CREATE USER {USER} IDENTIFIED BY '{PASSWORD}';\nGRANT ALL ON *.* TO {USER} WITH GRANT OPTION;\n"
        );
        fs::write(&accounts, sql).with_context(|| format!("cannot write {}", accounts.display()))?;
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
        let log = folder.path().join("log");
        let mut command = server(&root, engine, &data);
        command
            .arg(format!("--port={port}"))
            .arg(format!("--socket={}", folder.path().join("socket").display()))
            .arg(format!("--pid-file={}", folder.path().join("pid").display()))
            .arg(format!("--init-file={}", accounts.display()))
            .args([
                "--bind-address=127.0.0.1",
                "--skip-log-bin",
                "--innodb-buffer-pool-size=64M",
            ])
            .stdin(Stdio::null())
            .stdout(File::create(&log)?)
            .stderr(File::options().append(true).open(&log)?);
        if engine == Engine::MySql {
            command.args([
                "--mysqlx=OFF",
                "--performance-schema=OFF",
                "--secure-file-priv=NULL",
            ]);
        }
        let child = command
            .spawn()
            .context("cannot start setpriv; it is part of util-linux")?;
        let credentials = Credentials {
            username: USER.to_owned(),
            password: PASSWORD.to_owned(),
        };
        let target = Target {
            host: Ipv4Addr::LOCALHOST.to_string(),
            port,
            credentials,
        };
        let mut server = Self {
            target,
            child,
            _folder: folder,
        };
        server
            .wait(&log)
            .await
            .with_context(|| format!("cannot start {}", tool.name()))?;
        Ok(server)
    }

    async fn wait(&mut self, log: &Path) -> Result<()> {
        let start = Instant::now();
        loop {
            let Err(error) = probe(&self.target).await else {
                return Ok(());
            };
            let ended = self.child.try_wait()?;
            if ended.is_some() || start.elapsed() > START_LIMIT {
                let said = fs::read_to_string(log).unwrap_or_default();
                bail!("{error}; ended: {ended:?}; its log:\n{said}");
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Its data goes with it, so that it need not end in order. A server that has ended already is no matter.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Gives compressed statements to the server's own client, as a person does it who restores by hand.
pub fn client(target: &Target, engine: Engine, database: &str, compressed: &[u8]) -> Result<()> {
    let (tool, program) = match engine {
        Engine::MariaDb => (Tool::MariaDb, "usr/bin/mariadb"),
        Engine::MySql => (Tool::MySql, "usr/bin/mysql"),
    };
    let tools = Tools::ensure(&Cache::locate()?, &[tool], &Progress::new())?;
    let mut child = program_of(&tools.root(tool)?, program)
        .args(["--no-defaults", "--max-allowed-packet=1G", "--protocol=tcp"])
        .arg(format!("--host={}", target.host))
        .arg(format!("--port={}", target.port))
        .arg(format!("--user={}", target.credentials.username))
        .arg(database)
        .env("MYSQL_PWD", &target.credentials.password)
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .context("cannot start the server's client")?;
    let statements = zstd::decode_all(compressed).context("the parts are not what zstd wrote")?;
    if let Some(mut input) = child.stdin.take() {
        input
            .write_all(&statements)
            .context("the client stopped reading")?;
    }
    let output = child.wait_with_output()?;
    if !output.status.success() {
        bail!("the client says: {}", String::from_utf8_lossy(&output.stderr));
    }
    Ok(())
}

/// The server program with its own C library, so that it runs on a host of another Debian, and the folders that it would
/// otherwise look for in the host's `/usr`.
fn server(root: &Path, engine: Engine, data: &Path) -> Command {
    let share = root.join("usr/share/mysql");
    let mut command = program_of(
        root,
        match engine {
            Engine::MariaDb => "usr/sbin/mariadbd",
            Engine::MySql => "usr/sbin/mysqld",
        },
    );
    command
        .args(["--no-defaults", "--user=root"])
        .arg(format!("--basedir={}", root.join("usr").display()))
        .arg(format!("--lc-messages-dir={}", share.display()))
        .arg(format!(
            "--character-sets-dir={}",
            share.join("charsets").display()
        ))
        .arg(format!("--datadir={}", data.display()));
    command
}

/// A program of a tool with its own C library. It ends with this program, however that ends.
fn program_of(root: &Path, program: &str) -> Command {
    let libraries = [
        "lib/x86_64-linux-gnu",
        "usr/lib/x86_64-linux-gnu",
        "usr/lib/mysql/private",
    ];
    let libraries: Vec<String> = libraries
        .iter()
        .map(|folder| root.join(folder).display().to_string())
        .collect();
    let mut command = Command::new("setpriv");
    command
        .args(["--pdeathsig", "KILL", "--"])
        .arg(root.join("lib64/ld-linux-x86-64.so.2"))
        .args(["--library-path", &libraries.join(":")])
        .arg(root.join(program));
    command
}

/// Fills an empty data folder with the server's own tables.
fn initialize(root: &Path, engine: Engine, data: &Path) -> Result<()> {
    let mut command = server(root, engine, data);
    let input = match engine {
        Engine::MySql => {
            command.args(["--initialize-insecure", "--log-error-verbosity=1"]);
            Stdio::null()
        }
        Engine::MariaDb => {
            command.args(["--bootstrap", "--skip-log-bin", "--log-warnings=0"]);
            File::open(bootstrap(root, data)?)?.into()
        }
    };
    let output = command
        .stdin(input)
        .output()
        .context("cannot start setpriv; it is part of util-linux")?;
    if !output.status.success() {
        bail!(
            "cannot initialize {}: {}",
            data.display(),
            String::from_utf8_lossy(&output.stderr)
        );
    }
    Ok(())
}

/// What `mariadb-install-db` feeds to the server: its tables, and no account but root's.
fn bootstrap(root: &Path, data: &Path) -> Result<PathBuf> {
    let mut sql =
        "CREATE DATABASE mysql;\nUSE mysql;\nSET @auth_root_socket = NULL;\nSET @skip_auth_anonymous = 1;\n"
            .to_owned();
    for part in [
        "mysql_system_tables.sql",
        "mysql_performance_tables.sql",
        "mysql_system_tables_data.sql",
    ] {
        let path = root.join("usr/share/mysql").join(part);
        sql += &fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        sql.push('\n');
    }
    let path = data.with_file_name("bootstrap.sql");
    fs::write(&path, sql).with_context(|| format!("cannot write {}", path.display()))?;
    Ok(path)
}
