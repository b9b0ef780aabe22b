//! PEOPLE: `kfpctl sdk`: which Python packages go with a release. Prints what the judgement's room says.

use std::fmt::Write as _;

use clap::Subcommand;
use kfp_compat::Packages;
use kfp_compat::packages::{Recommendation, recommend};

use crate::check::{endpoint, installation, targets};
use crate::failure::Failure;
use crate::output::{self, Format};

/// What to know.
#[derive(clap::Args)]
pub struct Arguments {
    #[command(subcommand)]
    question: Question,
}

#[derive(Subcommand)]
enum Question {
    /// Which SDK to pin for a release, why, and what not to install beside it.
    Recommend(Recommend),
}

#[derive(clap::Args)]
struct Recommend {
    /// Release that will run the pipelines, for example `2.16.1`. May be given several times, or several apart by commas.
    #[arg(short, long, value_name = "RELEASE", value_delimiter = ',')]
    backend: Vec<String>,
    #[command(flatten)]
    installation: installation::Named,
    #[command(flatten)]
    endpoint: endpoint::Server,
    /// How to print.
    #[arg(short, long, value_enum, default_value_t)]
    output: Format,
}

/// Answers.
pub fn run(arguments: &Arguments) -> Result<(), Failure> {
    let Question::Recommend(question) = &arguments.question;
    let known = kfp_releases::known::known().map_err(|error| Failure::Failed(error.to_string()))?;
    let packages = Packages::builtin().map_err(|error| Failure::Failed(error.to_string()))?;
    let mut releases = question.backend.clone();
    if let Some(name) = &question.installation.installation {
        releases.push(question.installation.look(name)?.release);
    }
    if let Some(url) = &question.endpoint.endpoint {
        releases.push(question.endpoint.ask(url)?);
    }
    if releases.is_empty() {
        return Err(Failure::Usage(
            "say which KFP release will run the pipelines: --backend RELEASE, --installation NAME or --endpoint URL".to_owned(),
        ));
    }
    let mut found = Vec::new();
    for text in &releases {
        let release = targets::release(text, known)?;
        found.extend(recommend(release, packages));
    }
    output::print(question.output, &found, |found| {
        found.iter().map(draw).collect::<Vec<_>>().join("\n")
    })
}

fn draw(found: &Recommendation) -> String {
    let mut text = format!("For KFP {}\n\n", found.backend);
    text += &output::table(
        ["PACKAGE", "PIN"],
        [
            ["kfp".to_owned(), found.kfp.to_string()],
            ["kfp-kubernetes".to_owned(), found.kfp_kubernetes.to_string()],
        ],
    );
    let _ = writeln!(text, "\n  {}\n  {}\n\nWhy", found.pip, found.uv);
    for why in &found.why {
        let _ = writeln!(text, "  {why}");
    }
    if !found.avoid.is_empty() {
        text += "\nAvoid\n";
        for avoid in &found.avoid {
            let _ = writeln!(
                text,
                "  {} {}: {} ({})",
                avoid.package, avoid.versions, avoid.why, avoid.source
            );
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recommendation_is_drawn_with_its_reasons() {
        let packages = Packages::builtin().unwrap();
        insta::assert_snapshot!(draw(&recommend("2.14.4".parse().unwrap(), packages).unwrap()));
    }
}
