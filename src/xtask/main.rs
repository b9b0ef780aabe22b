//! TOOLS: every chore of the project behind one door, `cargo xtask`. Product behaviour lives elsewhere.

mod demo;
mod dist;
mod e2e;
mod files;
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
    /// Show the main job: an installation becoming ready on a real Kubernetes.
    Demo(demo::Arguments),
    /// Pack `kfpctl` as a release consists of it.
    Dist(dist::Arguments),
    /// Run the tests on a real cluster alone.
    E2e(e2e::Arguments),
    /// Check links, manifests in pages, first lines, lengths and words of committed files.
    Files,
    /// Run linters of other projects over committed files; the first time downloads them.
    Linters,
    /// Write every committed file that is made from code.
    Gen(generate::Arguments),
    /// Ask cargo about each room alone whether it depends on what it may not.
    Purity,
    /// Run every check and test there is, with a table of what took how long.
    Test(test::Arguments),
}

fn main() -> anyhow::Result<()> {
    match Arguments::parse().chore {
        Chore::Demo(arguments) => demo::run(&arguments),
        Chore::Dist(arguments) => dist::run(&arguments),
        Chore::E2e(arguments) => stages::only("on a real cluster", || e2e::run(&arguments)),
        Chore::Files => stages::only("files", files::run),
        Chore::Linters => stages::only("linters", linters::run),
        Chore::Gen(arguments) => generate::run(&arguments),
        Chore::Purity => stages::only("purity", purity::run),
        Chore::Test(arguments) => test::run(&arguments),
    }
}
