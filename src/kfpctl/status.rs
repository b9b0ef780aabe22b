//! PEOPLE: `kfpctl status`: one look, a watch, or a wait. Reads the resource alone; the operator does the looking.

use std::io::IsTerminal;
use std::time::Duration;

use console::Term;
use futures::TryStreamExt;
use kfp_api::KfpInstallation;
use kube::Api;
use kube::api::ListParams;

use crate::cluster::{Connection, block_on};
use crate::failure::Failure;
use crate::output::{self, Format};
use crate::view;
use crate::watch::{Heard, changes};

/// What to look at, and how long.
#[derive(clap::Args)]
pub struct Arguments {
    /// Name of the KfpInstallation; without one, every installation of the namespace.
    name: Option<String>,
    /// Namespace; without one, the kubeconfig's.
    #[arg(short, long)]
    namespace: Option<String>,
    /// Every namespace.
    #[arg(short = 'A', long, conflicts_with_all = ["namespace", "name"])]
    all_namespaces: bool,
    /// Draw anew at each change, until interrupted.
    #[arg(short, long, requires = "name", conflicts_with = "output")]
    watch: bool,
    /// Draw anew at each change, until ready (exit code 0), stalled or timed out (exit code 3).
    #[arg(long, requires = "name", conflicts_with_all = ["watch", "output"])]
    wait: bool,
    /// Seconds that `--wait` waits.
    #[arg(long, default_value_t = 600, requires = "wait")]
    timeout: u64,
    #[command(flatten)]
    connection: Connection,
    /// How to print.
    #[arg(short, long, value_enum, default_value_t)]
    output: Format,
}

/// Looks, watches or waits.
pub fn run(arguments: &Arguments) -> Result<(), Failure> {
    block_on(look(arguments))
}

async fn look(arguments: &Arguments) -> Result<(), Failure> {
    let client = arguments.connection.client().await?;
    let api: Api<KfpInstallation> = if arguments.all_namespaces {
        Api::all(client)
    } else {
        match &arguments.namespace {
            Some(namespace) => Api::namespaced(client, namespace),
            None => Api::default_namespaced(client),
        }
    };
    let Some(name) = &arguments.name else {
        return list(&api, arguments.output).await;
    };
    let installation = api.get(name).await?;
    if arguments.watch {
        return follow(api, name, None).await;
    }
    if arguments.wait {
        return follow(api, name, Some(Duration::from_secs(arguments.timeout))).await;
    }
    output::print(arguments.output, &installation, view::draw)?;
    ready(&installation)
}

fn ready(installation: &KfpInstallation) -> Result<(), Failure> {
    if view::is_ready(installation) {
        return Ok(());
    }
    let name = installation.metadata.name.as_deref().unwrap_or_default();
    let reason = view::reason(installation).unwrap_or("REASON");
    Err(Failure::NotReady(format!(
        "{name} is not ready; `kfpctl explain {reason}` says what to do"
    )))
}

async fn list(api: &Api<KfpInstallation>, format: Format) -> Result<(), Failure> {
    let all = api.list(&ListParams::default()).await?.items;
    if all.is_empty() && format == Format::Table {
        return Err(Failure::NotFound(
            "no KfpInstallation here; apply one (config/samples has a minimal one), or look elsewhere with -n or -A".into(),
        ));
    }
    output::print(format, &all, |all| {
        all.iter().map(view::draw).collect::<Vec<_>>().join("\n")
    })?;
    all.iter().try_for_each(ready)
}

/// Draws at each change. With a limit it ends: well when ready, with exit code 3 when stalled or out of time.
async fn follow(api: Api<KfpInstallation>, name: &str, limit: Option<Duration>) -> Result<(), Failure> {
    let mut changes = changes(api, name);
    let mut canvas = Canvas::default();
    let mut picture = String::new();
    let drawing = async {
        while let Some(heard) = changes.try_next().await? {
            let installation = match heard {
                Heard::There(installation) => installation,
                Heard::Gone => continue,
                Heard::Silence(why) => {
                    canvas.draw(&format!("{picture}{why}\n"));
                    continue;
                }
            };
            picture = view::draw(&installation);
            canvas.draw(&picture);
            if limit.is_some() && view::is_ready(&installation) {
                return Ok(());
            }
            if limit.is_some() && view::is_stalled(&installation) {
                return ready(&installation);
            }
        }
        Ok(())
    };
    match limit {
        None => drawing.await,
        Some(limit) => tokio::time::timeout(limit, drawing).await.unwrap_or_else(|_| {
            Err(Failure::NotReady(format!(
                "{name} was not ready within {} s",
                limit.as_secs()
            )))
        }),
    }
}

/// Draws over the last picture on a terminal, below it elsewhere.
#[derive(Default)]
struct Canvas {
    lines: usize,
    last: String,
}

impl Canvas {
    fn draw(&mut self, picture: &str) {
        if picture == self.last {
            return;
        }
        let terminal = Term::stdout();
        if std::io::stdout().is_terminal() {
            // A terminal that went away shows nothing; the command goes on.
            let _ = terminal.clear_last_lines(self.lines);
            print!("{picture}");
            let width = usize::from(terminal.size().1).max(1);
            self.lines = picture
                .lines()
                .map(|line| console::measure_text_width(line).div_ceil(width).max(1))
                .sum();
        } else {
            // A log keeps what changed, not the whole picture again.
            for line in picture
                .lines()
                .filter(|line| !self.last.lines().any(|old| old == *line))
            {
                println!("{line}");
            }
        }
        picture.clone_into(&mut self.last);
    }
}
