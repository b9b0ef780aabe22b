//! PROOF (real API server): the list of cases, a file a subject.

mod custom_resource;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use anyhow::Result;
use kfp_tests::World;
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
        Self { name: name.into(), run: Box::new(move |world| Box::pin(run(world))) }
    }

    fn into_trial(self, runtime: &Arc<Runtime>, world: Option<&Arc<World>>) -> Trial {
        let (runtime, world, run) = (Arc::clone(runtime), world.cloned(), self.run);
        Trial::test(self.name, move || {
            let world = world.ok_or_else(|| Failed::from("no world was started"))?;
            runtime.block_on(run(world)).map_err(|error| Failed::from(format!("{error:#}")))
        })
    }
}

/// Every case. Without a world they can be listed, not run.
pub fn all(runtime: &Arc<Runtime>, world: Option<&Arc<World>>) -> Vec<Trial> {
    custom_resource::cases().into_iter().map(|case| case.into_trial(runtime, world)).collect()
}
