//! PROOF (real API server): a wire between operator and API server that can be cut or held. Bytes pass unread.

use std::net::{Ipv4Addr, SocketAddr};

use anyhow::{Context, Result};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch::{Receiver, Sender, channel};
use tokio::task::JoinHandle;

use crate::world::World;

/// What becomes of bytes and connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Bytes pass.
    Pass,
    /// Connections break, and new ones break at once.
    Cut,
    /// Connections stay and are taken, and nothing passes.
    Stall,
}

/// A running proxy; it ends when dropped, and its connections with it.
pub struct Proxy {
    address: SocketAddr,
    mode: Sender<Mode>,
    task: JoinHandle<()>,
}

impl Proxy {
    /// Listens on a free port of loopback for connections to `target`.
    pub async fn start(target: SocketAddr) -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .await
            .context("no free port")?;
        let address = listener.local_addr()?;
        let (mode, modes) = channel(Mode::Pass);
        let task = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(serve(client, target, modes.clone()));
            }
        });
        Ok(Self { address, mode, task })
    }

    /// Stands before the API server.
    pub async fn before(world: &World) -> Result<Self> {
        let server = world.control_plane.server().trim_start_matches("https://");
        Self::start(server.parse().with_context(|| server.to_owned())?).await
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Changes what becomes of all connections, old and new.
    pub fn set(&self, mode: Mode) {
        self.mode.send_replace(mode);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.set(Mode::Cut);
        self.task.abort();
    }
}

async fn serve(client: TcpStream, target: SocketAddr, mut modes: Receiver<Mode>) {
    if *modes.borrow() == Mode::Cut {
        return;
    }
    let Ok(server) = TcpStream::connect(target).await else {
        return;
    };
    let (client_reads, client_writes) = client.into_split();
    let (server_reads, server_writes) = server.into_split();
    let (up, down) = (modes.clone(), modes.clone());
    tokio::select! {
        () = copy(client_reads, server_writes, up) => {}
        () = copy(server_reads, client_writes, down) => {}
        // The sender is gone when the proxy is: that cuts as well.
        _ = modes.wait_for(|mode| *mode == Mode::Cut) => {}
    }
}

/// Passes bytes on while the mode says so; ends with either side.
async fn copy(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, mut modes: Receiver<Mode>) {
    let mut bytes = vec![0; 16 * 1024];
    loop {
        let Ok(count) = from.read(&mut bytes).await else {
            return;
        };
        if count == 0 || modes.wait_for(|mode| *mode == Mode::Pass).await.is_err() {
            return;
        }
        if to.write_all(&bytes[..count]).await.is_err() {
            return;
        }
    }
}
