//! PEOPLE: which output a report takes and where it goes. Draws nothing itself.

use std::path::PathBuf;

use kfp_compat::{Knowledge, Severity};

use super::report::Report;
use super::{github, human, junit, matrix, sarif};
use crate::failure::Failure;
use crate::output::write;

/// Shapes of a report.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Form {
    /// For eyes, with the lines meant.
    #[default]
    Human,
    /// For programs; docs/reference/check-report.schema.json describes it.
    Json,
    /// SARIF 2.1.0, for code scanning.
    Sarif,
    /// `JUnit` XML, for test pages.
    Junit,
    /// Annotations of GitHub Actions.
    Github,
}

/// Another output, into a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    form: Form,
    path: PathBuf,
}

/// When to colour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Colour {
    /// On a terminal, unless `NO_COLOR` is set.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// How to draw for eyes.
#[derive(Clone, Copy, Debug)]
pub struct Style {
    /// As a grid of files and releases.
    pub matrix: bool,
    /// Colour.
    pub colour: Colour,
    /// ASCII alone.
    pub ascii: bool,
    /// Least severity that fails a check.
    pub fail_on: Severity,
}

/// Reads `FORM=FILE`.
pub fn file(text: &str) -> Result<Target, String> {
    let (form, path) = text
        .split_once('=')
        .ok_or("write FORM=FILE, for example sarif=kfp.sarif")?;
    if path.is_empty() {
        return Err("name a file after the `=`".to_owned());
    }
    Ok(Target {
        form: <Form as clap::ValueEnum>::from_str(form, false)?,
        path: path.into(),
    })
}

/// Prints the report and writes the files.
pub fn print(report: &Report, form: Form, files: &[Target], style: Style) -> Result<(), Failure> {
    for target in files {
        let text = draw(
            report,
            target.form,
            Style {
                colour: Colour::Never,
                ..style
            },
        )?;
        std::fs::write(&target.path, text).map_err(|error| {
            let path = super::excerpt::plain(&target.path.display().to_string());
            Failure::Usage(format!("{path} cannot be written: {error}"))
        })?;
    }
    write(&draw(report, form, style)?)
}

fn draw(report: &Report, form: Form, style: Style) -> Result<String, Failure> {
    match form {
        Form::Human if style.matrix => Ok(matrix::draw(report, style.look())),
        Form::Human => Ok(human::draw(report, style.has_colour())),
        Form::Json => json(report),
        Form::Sarif => {
            let knowledge = Knowledge::builtin().map_err(|error| Failure::Failed(error.to_string()))?;
            json(&sarif::draw(report, knowledge))
        }
        Form::Junit => junit::draw(report, style.fail_on).map_err(|why| unprintable(&why)),
        Form::Github => Ok(github::draw(report)),
    }
}

fn json<T: serde::Serialize>(data: &T) -> Result<String, Failure> {
    serde_json::to_string_pretty(data)
        .map(|text| text + "\n")
        .map_err(|error| unprintable(&error.to_string()))
}

fn unprintable(why: &str) -> Failure {
    Failure::Failed(format!("the report cannot be printed: {why}"))
}

impl Style {
    fn look(self) -> matrix::Look {
        matrix::Look {
            colour: self.has_colour(),
            ascii: self.ascii || !shows_unicode(),
        }
    }

    fn has_colour(self) -> bool {
        match self.colour {
            Colour::Auto => console::colors_enabled(),
            Colour::Always => true,
            Colour::Never => false,
        }
    }
}

/// The locale says UTF-8, in the order that POSIX looks at its variables.
fn shows_unicode() -> bool {
    let set = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().find_map(set);
    locale.is_some_and(|locale| {
        let locale = locale.to_ascii_lowercase();
        locale.contains("utf-8") || locale.contains("utf8")
    })
}
