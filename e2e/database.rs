//! PROOF (real databases): MariaDB and MySQL of the test tools on loopback, each with a fresh folder of its own, and their
//! clients. What is asked of them stands elsewhere.

use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use tempfile::TempDir;

use crate::child::{Child, bound, free_ports};
use crate::tools::{Tool, Tools};

/// How long a server may take from its start to its first answer. It takes 3 s on two idle cores.
const START_LIMIT: Duration = Duration::from_secs(90);
/// How often to ask whether it answers.
const PERIOD: Duration = Duration::from_millis(100);

/// The account that a server has; it is allowed everything.
pub const USER: &str = "tester";
/// Its password.
pub const PASSWORD: &str = "s3cret of the tests";

/// Kind of server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    /// MariaDB.
    MariaDb,
    /// MySQL.
    MySql,
}

impl Engine {
    /// The tool that it comes from.
    #[must_use]
    pub fn tool(self) -> Tool {
        match self {
            Self::MariaDb => Tool::MariaDb,
            Self::MySql => Tool::MySql,
        }
    }
}

/// A running server, stopped when dropped.
pub struct Server {
    /// Kind of server.
    pub engine: Engine,
    /// TCP port on 127.0.0.1.
    pub port: u16,
    launched: Instant,
    child: Child,
    // Dropped last, when nothing writes to it any more.
    folder: TempDir,
}

impl Server {
    /// Makes an empty data folder, starts the server on it with these further arguments, and waits until it answers.
    pub fn start(tools: &Tools, engine: Engine, arguments: &[&str]) -> Result<Self> {
        let mut server = Self::launch(tools, engine, arguments)?;
        while !server.answers()? {
            std::thread::sleep(PERIOD);
        }
        Ok(server)
    }

    /// The same without the wait. The server ends with the thread that calls this, however that ends.
    pub fn launch(tools: &Tools, engine: Engine, arguments: &[&str]) -> Result<Self> {
        let root = tools.root(engine.tool())?;
        let folder = TempDir::new().context("cannot make a folder for the database")?;
        let data = folder.path().join("data");
        fs::create_dir(&data).with_context(|| format!("cannot make {}", data.display()))?;
        initialize(&root, engine, &data)?;
        let accounts = folder.path().join("accounts.sql");
        let sql = format!(
            "CREATE USER {USER} IDENTIFIED BY '{PASSWORD}';\nGRANT ALL ON *.* TO {USER} WITH GRANT OPTION;\n"
        );
        fs::write(&accounts, sql).with_context(|| format!("cannot write {}", accounts.display()))?;
        let [port] = free_ports()?;
        let mut command = server(&root, engine, &data);
        command
            .arg(format!("--port={port}"))
            .arg(format!("--socket={}", folder.path().join("socket").display()))
            .arg(format!("--pid-file={}", folder.path().join("pid").display()))
            .arg(format!("--init-file={}", accounts.display()))
            .args(["--bind-address=127.0.0.1", "--skip-log-bin"])
            .args(arguments);
        if engine == Engine::MySql {
            command.args([
                "--mysqlx=OFF",
                "--performance-schema=OFF",
                "--secure-file-priv=NULL",
            ]);
        }
        let child = Child::start(&mut command, folder.path().join("log"))?;
        Ok(Self {
            engine,
            port,
            launched: Instant::now(),
            child,
            folder,
        })
    }

    /// The id of the server's process.
    #[must_use]
    pub fn process(&self) -> u32 {
        self.child.id()
    }

    /// The folder that goes with the server.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Whether it answers; an error when it has ended, or took too long.
    pub fn answers(&mut self) -> Result<bool> {
        if greets(self.port) {
            return Ok(true);
        }
        let ended = self.child.ended()?;
        if ended.is_some() || self.launched.elapsed() > START_LIMIT {
            bail!(
                "{} does not start; ended: {ended:?}; its log:\n{}",
                self.engine.tool().name(),
                self.child.said()
            );
        }
        Ok(false)
    }
}

/// Whether a server says its first word; before that it may listen already, and have no accounts yet.
fn greets(port: u16) -> bool {
    let Ok(mut stream) = TcpStream::connect((Ipv4Addr::LOCALHOST, port)) else {
        return false;
    };
    let mut head = [0; 5];
    // Version 10 of the protocol, after the length and number of the packet.
    stream.set_read_timeout(Some(Duration::from_secs(1))).is_ok()
        && stream.read_exact(&mut head).is_ok()
        && head[4] == 10
}

/// A client program of the server's own kind, told where the server is and who logs in.
pub fn client(tools: &Tools, engine: Engine, program: &str, port: u16) -> Result<Command> {
    let mut command = program_of(&tools.root(engine.tool())?, program);
    command
        .args(["--no-defaults", "--protocol=tcp", "--host=127.0.0.1"])
        .arg(format!("--port={port}"))
        .arg(format!("--user={USER}"))
        .env("MYSQL_PWD", PASSWORD);
    Ok(command)
}

/// Gives statements to the server's own client, as a person does it who restores by hand.
pub fn run_statements(
    tools: &Tools,
    engine: Engine,
    port: u16,
    database: &str,
    statements: &[u8],
) -> Result<()> {
    let program = match engine {
        Engine::MariaDb => "usr/bin/mariadb",
        Engine::MySql => "usr/bin/mysql",
    };
    let mut child = client(tools, engine, program, port)?
        .args(["--max-allowed-packet=1G", database])
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .context("cannot start the server's client")?;
    if let Some(mut input) = child.stdin.take() {
        input
            .write_all(statements)
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

/// A program of a tool with its own C library, wherever the host keeps its own. It ends with the thread that starts it, however
/// that ends.
#[must_use]
pub fn program_of(root: &Path, program: &str) -> Command {
    let libraries = [
        "lib/x86_64-linux-gnu",
        "usr/lib/x86_64-linux-gnu",
        "usr/lib/mysql/private",
    ];
    let libraries: Vec<String> = libraries
        .iter()
        .map(|folder| root.join(folder).display().to_string())
        .collect();
    let mut command = bound(root.join("lib64/ld-linux-x86-64.so.2"));
    command
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
