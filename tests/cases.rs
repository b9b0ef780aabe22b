//! PROOF (real API server): the list of cases, a file a subject.

mod backup_orders;
mod backup_programs;
mod backups;
mod command_line;
mod custom_resource;
mod deletion;
mod drift;
mod faults;
mod guard;
mod install;
mod inventory;
mod leader;
mod occupied;
mod pause;
mod prune;
mod rest;
mod restores;
pub mod rights;
mod schema;
mod sdk_policy;
mod secrets;
mod surroundings;
mod unparseable;
mod version;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use anyhow::{Result, anyhow};
use kfp_e2e::told::told;
use kfp_tests::{Site, World};
use libtest_mimic::{Failed, Trial};
use tokio::runtime::Runtime;

/// A test under way.
type Run = Pin<Box<dyn Future<Output = Result<()>> + Send>>;

/// A test: its name, a sentence, and what it does with the world.
pub struct Case {
    name: String,
    run: Box<dyn FnOnce(Arc<World>) -> Run + Send>,
}

impl Case {
    /// A case from an async function.
    pub fn new<F>(name: impl Into<String>, run: impl FnOnce(Arc<World>) -> F + Send + 'static) -> Self
    where
        F: Future<Output = Result<()>> + Send + 'static,
    {
        Self {
            name: name.into(),
            run: Box::new(move |world| Box::pin(run(world))),
        }
    }

    /// A case that has a namespace of its own, called `place`. When it fails, the ends of all logs there are shown.
    pub fn at<F>(
        place: &'static str,
        name: impl Into<String>,
        run: impl FnOnce(Arc<Site>) -> F + Send + 'static,
    ) -> Self
    where
        F: Future<Output = Result<()>> + Send + 'static,
    {
        Self::new(name, move |world| async move {
            let site = Site::new(world, place).await?;
            match run(site.clone()).await {
                Ok(()) => Ok(()),
                Err(error) => Err(anyhow!("{error:#}\n{}", site.report().await)),
            }
        })
    }

    /// The case for the harness.
    pub fn into_trial(self, runtime: &Arc<Runtime>, world: Option<&Arc<World>>) -> Trial {
        let (runtime, world, run) = (Arc::clone(runtime), world.cloned(), self.run);
        let name = self.name.clone();
        Trial::test(self.name, move || {
            let world = world.ok_or_else(|| Failed::from("no world was started"))?;
            runtime
                .block_on(run(world))
                .map_err(|error| Failed::from(told(&name, &error)))
        })
    }
}

/// Every case. Without a world they can be listed, not run. The longest come first, since they mostly wait.
pub fn all(runtime: &Arc<Runtime>, world: Option<&Arc<World>>) -> Vec<Trial> {
    let subjects = [
        rest::cases(),
        backups::cases(),
        backup_programs::cases(),
        restores::cases(),
        faults::cases(),
        drift::cases(),
        unparseable::cases(),
        leader::cases(),
        deletion::cases(),
        install::cases(),
        inventory::cases(),
        surroundings::cases(),
        schema::cases(),
        sdk_policy::cases(),
        occupied::cases(),
        secrets::cases(),
        prune::cases(),
        pause::cases(),
        version::cases(),
        guard::cases(),
        command_line::cases(),
        custom_resource::cases(),
    ];
    let cases = subjects.into_iter().flatten();
    cases.map(|case| case.into_trial(runtime, world)).collect()
}
