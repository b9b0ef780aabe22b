//! PEOPLE: the program `kfpctl`. Hands the command line to the library and nothing else.

use std::process::ExitCode;

fn main() -> ExitCode {
    kfpctl::main(std::env::args_os().collect())
}
