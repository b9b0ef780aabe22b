//! TOOLS: every chore of the project behind one door, `cargo xtask`. Product behaviour lives elsewhere.

mod bench;
mod demo;
mod dist;
mod e2e;
mod files;
mod fuzz;
mod generate;
mod linters;
mod purity;
mod sdks;
mod stages;
mod test;

use clap::{Parser, Subcommand};

/// Chores of the kfp-operator project.
#[derive(Parser)]
#[command(name = "cargo xtask", disable_version_flag = true)]
struct Arguments {
    #[command(subcommand)]
    chore: Chore,
}

#[derive(Subcommand)]
enum Chore {
    /// Measure what is promised, beside what people do today.
    Bench(bench::Arguments),
    /// Show the main job: an installation becoming ready on a real Kubernetes.
    Demo(demo::Arguments),
    /// Pack `kfpctl` as a release consists of it.
    Dist(dist::Arguments),
    /// Run the tests on a real cluster alone.
    E2e(e2e::Arguments),
    /// Check links, manifests in pages, first lines, lengths and words of committed files.
    Files,
    /// Judge any bytes, found by libFuzzer.
    Fuzz(fuzz::Arguments),
    /// Run linters of other projects over committed files; the first time downloads them.
    Linters,
    /// Write every committed file that is made from code.
    Gen(generate::Arguments),
    /// Run a program and print what it took; `bench` starts this.
    #[command(hide = true)]
    Measure(bench::measure::Arguments),
    /// Ask cargo about each room alone whether it depends on what it may not.
    Purity,
    /// Run every check and test there is, with a table of what took how long.
    Test(test::Arguments),
}

fn main() -> anyhow::Result<()> {
    match Arguments::parse().chore {
        Chore::Bench(arguments) => bench::run(&arguments),
        Chore::Demo(arguments) => demo::run(&arguments),
        Chore::Dist(arguments) => dist::run(&arguments),
        Chore::E2e(arguments) => stages::only("on a real cluster", || e2e::run(&arguments)),
        Chore::Files => stages::only("files", files::run),
        Chore::Fuzz(arguments) => fuzz::run(&arguments),
        Chore::Linters => stages::only("linters", linters::run),
        Chore::Gen(arguments) => generate::run(&arguments),
        Chore::Measure(arguments) => bench::measure::here(&arguments),
        Chore::Purity => stages::only("purity", purity::run),
        Chore::Test(arguments) => test::run(&arguments),
    }
}
