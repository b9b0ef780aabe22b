//! PEOPLE: `kfpctl explain REASON`: what a condition's reason means and what to do next.

use kfp_api::conditions::Reason;
use serde::Serialize;

use crate::failure::Failure;
use crate::output::{self, Format};

/// What to explain.
#[derive(clap::Args)]
pub struct Arguments {
    /// A reason as conditions and events show it, for example `UpgradeNotSupported`; without one, all are listed.
    reason: Option<String>,
    /// How to print.
    #[arg(short, long, value_enum, default_value_t)]
    output: Format,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Explanation {
    reason: &'static str,
    meaning: &'static str,
    next_step: &'static str,
}

impl From<Reason> for Explanation {
    fn from(reason: Reason) -> Self {
        Self {
            reason: reason.as_str(),
            meaning: reason.meaning(),
            next_step: reason.next_step(),
        }
    }
}

/// Prints one explanation, or all.
pub fn run(arguments: &Arguments) -> Result<(), Failure> {
    let Some(wanted) = &arguments.reason else {
        let all: Vec<Explanation> = Reason::ALL.iter().map(|reason| (*reason).into()).collect();
        return output::print(arguments.output, &all, |all| {
            output::table(
                ["REASON", "MEANING"],
                all.iter().map(|one| [one.reason.into(), one.meaning.into()]),
            )
        });
    };
    let reason = Reason::ALL
        .iter()
        .find(|reason| reason.as_str().eq_ignore_ascii_case(wanted))
        .ok_or_else(|| {
            Failure::NotFound(format!(
                "no reason is called {wanted:?}; `kfpctl explain` lists all"
            ))
        })?;
    output::print(arguments.output, &Explanation::from(*reason), |one| {
        format!(
            "{}\n\n  {}\n\n  Next: {}\n",
            one.reason, one.meaning, one.next_step
        )
    })
}
