//! PROOF (real API server): every test of this folder, one control plane for all. `cargo test -p kfp-tests -- FILTER`.

mod cases;

use std::process::ExitCode;
use std::sync::Arc;

use kfp_tests::programs::Programs;
use kfp_tests::{World, isolation};
use libtest_mimic::{Arguments, Trial};
use tokio::runtime::Runtime;

/// Tests at the same time. Five keep two cores busy: all took 509 s, and 551 s with twelve, each of which then took twice as long
/// and was the sooner out of patience.
const AT_ONCE: usize = 5;

fn main() -> ExitCode {
    if !isolation::is_isolated() {
        let programs = World::prepare().and_then(|_| Programs::build());
        let Err(error) = programs.and_then(|programs| programs.isolate());
        eprintln!("{error:#}");
        return ExitCode::FAILURE;
    }
    let mut arguments = Arguments::from_args();
    arguments.test_threads.get_or_insert(AT_ONCE);
    let runtime = match Runtime::new() {
        Ok(runtime) => Arc::new(runtime),
        Err(error) => {
            eprintln!("cannot start the runtime: {error}");
            return ExitCode::FAILURE;
        }
    };
    if arguments.list {
        let mut trials = cases::all(&runtime, None);
        trials.extend(afterwards(&runtime, None));
        return libtest_mimic::run(&arguments, trials).exit_code();
    }
    let world = match runtime.block_on(World::start()) {
        Ok(world) => Arc::new(world),
        Err(error) => {
            eprintln!("the world of the tests does not start: {error:#}");
            return ExitCode::FAILURE;
        }
    };
    let conclusion = libtest_mimic::run(&arguments, cases::all(&runtime, Some(&world)));
    let judgement = libtest_mimic::run(&arguments, afterwards(&runtime, Some(&world)));
    if conclusion.has_failed() || judgement.has_failed() {
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

/// What is judged of all the requests that the tests brought about.
fn afterwards(runtime: &Arc<Runtime>, world: Option<&Arc<World>>) -> Vec<Trial> {
    let cases = cases::rights::cases();
    cases
        .into_iter()
        .map(|case| case.into_trial(runtime, world))
        .collect()
}
