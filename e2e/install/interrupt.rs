//! PROOF: whoever interrupts the tests is left with no cluster.

use std::sync::Arc;

use tokio::runtime::Builder;
use tokio::signal::unix::{SignalKind, signal};

use crate::stage::Stage;

/// Exit status of programs that an interrupt ended.
const INTERRUPTED: i32 = 130;

/// On an interrupt or a request to end, takes the cluster away and ends the program.
pub fn ends_the_cluster(stage: &Arc<Stage>) {
    let stage = Arc::clone(stage);
    std::thread::spawn(move || {
        let Ok(runtime) = Builder::new_current_thread().enable_io().build() else {
            return;
        };
        let asked = runtime.block_on(async {
            let mut terminate = signal(SignalKind::terminate())?;
            tokio::select! {
                asked = tokio::signal::ctrl_c() => asked,
                _ = terminate.recv() => Ok(()),
            }
        });
        if asked.is_ok() {
            if let Err(error) = stage.end() {
                eprintln!("the cluster is not gone: {error:#}");
            }
            std::process::exit(INTERRUPTED);
        }
    });
}
