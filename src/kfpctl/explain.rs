//! PEOPLE: `kfpctl explain`: what a condition's reason or a finding's code means and what to do next.

use std::fmt::Write as _;

use kfp_api::conditions::Reason;
use kfp_compat::{CodeMeaning, Effect, Knowledge};
use serde::Serialize;

use crate::check::effect_words;
use crate::failure::Failure;
use crate::output::{self, Format};

/// What to explain.
#[derive(clap::Args)]
pub struct Arguments {
    /// A reason as conditions and events show it, for example `UpgradeNotSupported`, or a code as `kfpctl check` shows it, for
    /// example `KFP010`; without one, all are listed.
    word: Option<String>,
    /// How to print.
    #[arg(short, long, value_enum, default_value_t)]
    output: Format,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Explanation {
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    title: Option<&'static str>,
    meaning: &'static str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    effects: Vec<Effect>,
    next_step: &'static str,
}

impl From<Reason> for Explanation {
    fn from(reason: Reason) -> Self {
        Self {
            reason: Some(reason.as_str()),
            code: None,
            title: None,
            meaning: reason.meaning(),
            effects: Vec::new(),
            next_step: reason.next_step(),
        }
    }
}

impl From<&'static CodeMeaning> for Explanation {
    fn from(meaning: &'static CodeMeaning) -> Self {
        Self {
            reason: None,
            code: Some(&meaning.code.0),
            title: Some(&meaning.title),
            meaning: &meaning.meaning,
            effects: meaning.effects.clone(),
            next_step: &meaning.help,
        }
    }
}

impl Explanation {
    fn word(&self) -> &'static str {
        self.code.or(self.reason).unwrap_or_default()
    }

    fn draw(&self) -> String {
        let mut text = self.word().to_owned();
        if let Some(title) = self.title {
            text += ": ";
            text += title;
        }
        let _ = writeln!(text, "\n\n  {}", self.meaning);
        if !self.effects.is_empty() {
            let effects: Vec<&str> = self.effects.iter().map(|effect| effect_words(*effect)).collect();
            let _ = writeln!(text, "\n  On a backend: {}.", effects.join("; or "));
        }
        text + &format!("\n  Next: {}\n", self.next_step)
    }
}

/// Prints one explanation, or all.
pub fn run(arguments: &Arguments) -> Result<(), Failure> {
    let knowledge = Knowledge::builtin().map_err(|error| Failure::Failed(error.to_string()))?;
    let reasons = Reason::ALL.iter().map(|reason| Explanation::from(*reason));
    let all = || {
        reasons
            .clone()
            .chain(knowledge.codes().iter().map(Explanation::from))
    };
    let Some(wanted) = &arguments.word else {
        return output::print(arguments.output, &all().collect::<Vec<_>>(), |all| {
            output::table(
                ["REASON", "MEANING"],
                all.iter()
                    .map(|one| [one.word().to_owned(), one.title.unwrap_or(one.meaning).to_owned()]),
            )
        });
    };
    let found = all()
        .find(|one| one.word().eq_ignore_ascii_case(wanted))
        .ok_or_else(|| {
            Failure::NotFound(format!(
                "no reason and no finding is called {wanted:?}; `kfpctl explain` lists all"
            ))
        })?;
    output::print(arguments.output, &found, Explanation::draw)
}
