//! PROOF (real API server): every test of this folder, one control plane for all. `cargo test -p kfp-tests -- FILTER`.

mod cases;

use std::process::ExitCode;
use std::sync::Arc;

use kfp_tests::{World, isolation, operator};
use libtest_mimic::{Arguments, Trial};
use tokio::runtime::Runtime;

fn main() -> ExitCode {
    if !isolation::is_isolated() {
        let Err(error) = World::prepare().and_then(|_| operator::build()).and_then(|()| isolation::isolate());
        eprintln!("{error:#}");
        return ExitCode::FAILURE;
    }
    let arguments = Arguments::from_args();
    let runtime = Arc::new(Runtime::new().expect("a runtime"));
    if arguments.list {
        return libtest_mimic::run(&arguments, cases::all(&runtime, None)).exit_code();
    }
    let world = match runtime.block_on(World::start()) {
        Ok(world) => Arc::new(world),
        Err(error) => {
            eprintln!("the world of the tests does not start: {error:#}");
            return ExitCode::FAILURE;
        }
    };
    let trials: Vec<Trial> = cases::all(&runtime, Some(&world));
    let conclusion = libtest_mimic::run(&arguments, trials);
    conclusion.exit_code()
}
