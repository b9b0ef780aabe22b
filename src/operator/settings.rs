//! LOOP: the command line and the environment. Reads both, and nothing else.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

/// Installs Kubeflow Pipelines from KfpInstallation resources and keeps it as they say.
#[derive(Debug, Parser)]
#[command(name = "kfp-operator", version, about, max_term_width = 100)]
pub struct CommandLine {
    /// What to do; `run` when nothing is said.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// Settings of `run`, when it is not named.
    #[command(flatten)]
    pub run: Settings,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Look after installations until told to stop (the default).
    Run(Settings),
    /// Do one piece of long work, as the operator's Jobs do.
    #[command(subcommand)]
    Job(JobCommand),
}

/// What a Job does.
#[derive(Clone, Debug, Subcommand)]
pub enum JobCommand {
    /// Carry out an order: take, check, put back or remove a backup.
    Run(JobSettings),
}

/// How a Job runs.
#[derive(Clone, Debug, Args)]
pub struct JobSettings {
    /// File with the order, in JSON; it holds credentials.
    #[arg(long, value_name = "FILE")]
    pub order: PathBuf,

    /// Form of the log on standard error.
    #[arg(long, env = "LOG_FORMAT", value_enum, default_value_t = LogFormat::Json)]
    pub log_format: LogFormat,

    /// What is logged: a level (error, warn, info, debug, trace) or directives such as `info,kfp_engine=debug`.
    #[arg(long, env = "LOG", value_name = "FILTER", default_value = "info")]
    pub log: String,
}

/// How to look after installations. Each setting can also come from the environment.
#[derive(Clone, Debug, Args)]
pub struct Settings {
    /// Namespaces to look after, separated by commas; empty means all.
    #[arg(
        long,
        env = "WATCH_NAMESPACES",
        value_delimiter = ',',
        value_name = "NAMESPACES",
        default_value = ""
    )]
    pub watch_namespaces: Vec<String>,

    /// Look after installations with these labels only, so that several operators share a cluster. Give each of them a
    /// Lease of its own.
    #[arg(long, env = "SELECTOR", value_name = "LABEL_SELECTOR")]
    pub selector: Option<String>,

    /// Namespace of the Lease; unset means the one that the kubeconfig or the pod names.
    #[arg(long, env = "POD_NAMESPACE", value_name = "NAMESPACE")]
    pub namespace: Option<String>,

    /// Name of this replica in the Lease and in Events; unset means the host's name and a random ending.
    #[arg(long, env = "POD_NAME", value_name = "NAME")]
    pub identity: Option<String>,

    /// Image of Jobs; unset means that of the operator's own pod.
    #[arg(long, env = "JOB_IMAGE", value_name = "IMAGE")]
    pub job_image: Option<String>,

    /// Name of the Lease that replicas of one operator share.
    #[arg(long, env = "LEASE_NAME", value_name = "NAME", default_value = "kfp-operator")]
    pub lease_name: String,

    /// Passes over different installations at the same time.
    #[arg(long, env = "CONCURRENCY", value_name = "COUNT", default_value_t = 4, value_parser = clap::value_parser!(u16).range(1..=256))]
    pub concurrency: u16,

    /// Address of /metrics (OpenMetrics).
    #[arg(
        long,
        env = "METRICS_ADDRESS",
        value_name = "ADDRESS:PORT",
        default_value = "0.0.0.0:8080"
    )]
    pub metrics_address: SocketAddr,

    /// Address of /healthz and /readyz.
    #[arg(
        long,
        env = "HEALTH_ADDRESS",
        value_name = "ADDRESS:PORT",
        default_value = "0.0.0.0:8081"
    )]
    pub health_address: SocketAddr,

    /// Form of the log on standard error.
    #[arg(long, env = "LOG_FORMAT", value_enum, default_value_t = LogFormat::Json)]
    pub log_format: LogFormat,

    /// What is logged: a level (error, warn, info, debug, trace) or directives such as `info,kfp_engine=debug`.
    #[arg(long, env = "LOG", value_name = "FILTER", default_value = "info")]
    pub log: String,
}

/// Form of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// One JSON object a line.
    Json,
    /// Lines for people.
    Text,
}

/// What this process is for.
#[derive(Clone, Debug)]
pub enum Task {
    /// Look after installations.
    Operate(Box<Settings>),
    /// Carry out one order.
    Job(JobSettings),
}

impl CommandLine {
    /// What to do, wherever its settings were given.
    #[must_use]
    pub fn task(self) -> Task {
        match self.command {
            Some(Command::Run(settings)) => Task::Operate(Box::new(settings)),
            Some(Command::Job(JobCommand::Run(settings))) => Task::Job(settings),
            None => Task::Operate(Box::new(self.run)),
        }
    }
}

impl Settings {
    /// Namespaces to look after, without empty ones; none means all.
    #[must_use]
    pub fn namespaces(&self) -> Vec<String> {
        let trimmed = self.watch_namespaces.iter().map(|namespace| namespace.trim());
        let mut namespaces: Vec<String> = trimmed
            .filter(|name| !name.is_empty())
            .map(str::to_owned)
            .collect();
        namespaces.sort();
        namespaces.dedup();
        namespaces
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;
    use rstest::rstest;

    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        CommandLine::command().debug_assert();
    }

    #[rstest]
    #[case::nothing(&["kfp-operator"], &[])]
    #[case::named(&["kfp-operator", "run", "--watch-namespaces", "b, a,,b"], &["a", "b"])]
    #[case::unnamed(&["kfp-operator", "--watch-namespaces", "a"], &["a"])]
    fn run_is_what_happens_when_nothing_is_said(#[case] line: &[&str], #[case] namespaces: &[&str]) {
        let Task::Operate(settings) = CommandLine::parse_from(line).task() else {
            panic!("{line:?} is a Job's");
        };
        assert_eq!(settings.namespaces(), namespaces);
        assert_eq!(
            (settings.concurrency, settings.lease_name.as_str()),
            (4, "kfp-operator")
        );
    }

    #[test]
    fn a_job_has_an_order() {
        let line = ["kfp-operator", "job", "run", "--order", "/order/order.json"];
        let Task::Job(settings) = CommandLine::parse_from(line).task() else {
            panic!("no Job's");
        };
        assert_eq!(settings.order, PathBuf::from("/order/order.json"));
        assert!(CommandLine::try_parse_from(["kfp-operator", "job", "run"]).is_err());
    }

    #[test]
    fn no_passes_at_once_are_refused() {
        assert!(CommandLine::try_parse_from(["kfp-operator", "--concurrency", "0"]).is_err());
    }
}
