//! Room e2e/standin: one life of the stand-in: look, judge, say everything that is wrong, then serve. Decides nothing
//! that the data does not say.

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};

use crate::breach::{Breach, StandinError};
use crate::contract::{Contract, PeerFailure, Role, Sigterm, When};
use crate::evaluate::evaluate;
use crate::facts::Facts;
use crate::voice::{Voice, version};
use crate::{bucket, data, database, live, peers, serve};

/// What a process is told from outside.
#[derive(Debug, Clone)]
pub struct Start {
    /// Whom it stands for.
    pub role: Role,
    /// Of which release.
    pub release: String,
    /// Its arguments, without the program.
    pub arguments: Vec<String>,
    /// Where files are looked for; `/` but in tests.
    pub root: PathBuf,
    /// Where it listens; none is every address.
    pub bind: Option<IpAddr>,
}

/// Reads whom the image stands for: two files that no pod of KFP mounts over.
pub fn identity(root: &Path) -> Result<(Role, String), StandinError> {
    let read = |name: &str| {
        let path = root.join("etc/kfp-standin").join(name);
        std::fs::read_to_string(&path)
            .map(|text| text.trim().to_owned())
            .map_err(|error| StandinError::Identity(format!("cannot read {}: {error}", path.display())))
    };
    let role = read("role")?.parse().map_err(StandinError::Identity)?;
    Ok((role, read("release")?))
}

/// Lives until the contract breaks (1) or a signal ends it (0).
pub async fn run(start: Start) -> ExitCode {
    let voice = Voice::new(start.role, &start.release);
    voice.say(&version(Some((start.role, &start.release))));
    let contract = match data::contract(start.role, &start.release) {
        Ok(contract) => contract,
        Err(error) => {
            voice.say(&error.to_string());
            return ExitCode::FAILURE;
        }
    };
    tokio::select! {
        code = live_on(&start, contract, &voice) => code,
        signal = terminated() => {
            voice.say(&format!("ends on {signal}"));
            ExitCode::SUCCESS
        }
    }
}

/// The name of the signal that ends the program: SIGINT always, SIGTERM until it serves and is one that goes on.
async fn terminated() -> &'static str {
    let (Ok(mut term), Ok(mut interrupt)) =
        (signal(SignalKind::terminate()), signal(SignalKind::interrupt()))
    else {
        return std::future::pending().await;
    };
    loop {
        tokio::select! {
            _ = term.recv() => if !KEEPS_SERVING.load(std::sync::atomic::Ordering::Relaxed) { return "SIGTERM" },
            _ = interrupt.recv() => return "SIGINT",
        }
    }
}

/// Set once a server is up that ignores SIGTERM, as the real one does.
static KEEPS_SERVING: std::sync::atomic::AtomicBool = std::sync::atomic::AtomicBool::new(false);

async fn live_on(start: &Start, mut contract: Contract, voice: &Voice) -> ExitCode {
    let facts = live::facts(&mut contract, &start.arguments, environment(), &start.root).await;
    let mut breaches = evaluate(&contract, &facts);
    for breach in &breaches {
        voice.accuse(breach);
    }
    // What is wrong already will not mend itself: the rest is then tried once, only to be told all at once.
    let patience = if breaches.is_empty() {
        Duration::MAX
    } else {
        Duration::ZERO
    };
    let stores = stores(&contract, &facts, patience, voice).await;
    for breach in &stores {
        voice.accuse(breach);
    }
    breaches.extend(stores);
    if !breaches.is_empty() {
        voice.say(&format!("{} broken promises; exiting with 1", breaches.len()));
        return ExitCode::FAILURE;
    }
    voice.say(&format!(
        "contract kept: {} environment names, {} files, {} rights, {} stores",
        contract.environment.len(),
        contract.files.len(),
        facts.rights.len(),
        usize::from(contract.database.is_some()) + usize::from(contract.bucket.is_some())
    ));
    if matches!(start.role, Role::Driver | Role::Launcher) {
        voice.say(
            "its arguments are sound, but a stand-in cannot do the work of a run's step; exiting with 1",
        );
        return ExitCode::FAILURE;
    }
    serve_on(start, Arc::new(contract), Arc::new(facts), voice).await
}

/// The process's environment; names and values that are not Unicode are left out.
fn environment() -> impl Iterator<Item = (String, String)> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
}

/// Database, bucket and peers, as far as they are looked at before serving.
async fn stores(contract: &Contract, facts: &Facts, patience: Duration, voice: &Voice) -> Vec<Breach> {
    let database = async {
        match &contract.database {
            Some(own) => database::check(own, facts, patience, voice).await,
            None => None,
        }
    };
    let bucket = async {
        match &contract.bucket {
            Some(own) if own.when == When::BeforeServing => bucket::check(own, facts, patience, voice).await,
            _ => None,
        }
    };
    let peers = async {
        let mut breaches = Vec::new();
        for peer in contract
            .peers
            .iter()
            .filter(|peer| peer.when == When::BeforeServing)
        {
            breaches.extend(peers::reach(peer, facts, patience, voice).await);
        }
        breaches
    };
    let (database, bucket, peers) = tokio::join!(database, bucket, peers);
    database.into_iter().chain(bucket).chain(peers).collect()
}

async fn serve_on(start: &Start, contract: Arc<Contract>, facts: Arc<Facts>, voice: &Voice) -> ExitCode {
    let mut work = tokio::task::JoinSet::new();
    for port in &contract.serves {
        match serve::open(port, start.role, &start.release, &facts, start.bind, &start.root).await {
            Ok(opened) => {
                voice.say(&format!("serves {:?} at {}", port.service, opened.address));
                work.spawn(async move { opened.serve().await.err().map(|error| error.to_string()) });
            }
            Err(problem) => {
                voice.say(&problem);
                return ExitCode::FAILURE;
            }
        }
    }
    if contract.sigterm == Sigterm::KeepsServing {
        KEEPS_SERVING.store(true, std::sync::atomic::Ordering::Relaxed);
    }
    for index in 0..contract.peers.len() {
        let (contract, facts, voice) = (Arc::clone(&contract), Arc::clone(&facts), voice.clone());
        work.spawn(async move { later_peer(&contract, index, &facts, &voice).await });
    }
    let (bucket_contract, bucket_facts, bucket_voice) =
        (Arc::clone(&contract), Arc::clone(&facts), voice.clone());
    work.spawn(async move { later_bucket(&bucket_contract, &bucket_facts, &bucket_voice).await });
    while let Some(ended) = work.join_next().await {
        if let Some(problem) = ended.unwrap_or_else(|error| Some(error.to_string())) {
            voice.say(&format!("{problem}; exiting with 1"));
            return ExitCode::FAILURE;
        }
    }
    // Agents have no port: they stay until they are told to end.
    std::future::pending().await
}

/// Looks at a peer that the real program calls only while it serves; some text when that is fatal.
async fn later_peer(contract: &Contract, index: usize, facts: &Facts, voice: &Voice) -> Option<String> {
    let peer = contract
        .peers
        .get(index)
        .filter(|peer| peer.when == When::WhileServing)?;
    let breach = peers::reach(peer, facts, Duration::MAX, voice).await?;
    if peer.failure == PeerFailure::Warn {
        voice.say(&format!("WARNING: {breach}"));
        return None;
    }
    voice.accuse(&breach);
    Some("a peer does not answer".to_owned())
}

async fn later_bucket(contract: &Contract, facts: &Facts, voice: &Voice) -> Option<String> {
    let bucket = contract
        .bucket
        .as_ref()
        .filter(|bucket| bucket.when == When::WhileServing)?;
    let breach = bucket::check(bucket, facts, Duration::MAX, voice).await?;
    voice.accuse(&breach);
    Some("the bucket cannot be used".to_owned())
}
