//! PEOPLE: a report as a picture: files down, releases across, and the reasons below. Draws; decides nothing.

use std::fmt::Write as _;

use console::Style;
use kfp_compat::Outcome;
use kfp_releases::Version;

use super::excerpt::plain;
use super::findings::works;
use super::report::{FileFinding, FileReport, Report};

/// Columns of a release.
const CELL: usize = 5;
/// Columns of a file's name; a longer one has a line of its own.
const NAME: usize = 34;
/// Reasons that are told of one file.
const REASONS: usize = 25;

/// How a picture is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Look {
    /// Colour.
    pub colour: bool,
    /// ASCII alone.
    pub ascii: bool,
}

/// Every outcome, best first.
const OUTCOMES: [Outcome; 5] = [
    Outcome::Runs,
    Outcome::RunsWithWarnings,
    Outcome::Fails,
    Outcome::RefusedAtRun,
    Outcome::RefusedAtUpload,
];

/// The whole report.
#[must_use]
pub fn draw(report: &Report, look: Look) -> String {
    let releases: Vec<Version> = report.backends.iter().map(|backend| backend.release).collect();
    let mut text = head(&releases);
    for file in &report.files {
        text += &row(file, &releases, look);
    }
    text.push('\n');
    for outcome in OUTCOMES {
        let _ = writeln!(text, "  {}  {}", symbol(outcome, look), words(outcome));
    }
    for file in &report.files {
        text += &reasons(file, &releases);
    }
    for file in &report.unreadable {
        let _ = writeln!(
            text,
            "\n{}\n  cannot be read: {}; {}",
            plain(&file.path),
            plain(&file.message),
            plain(&file.help)
        );
    }
    for notice in &report.notices {
        let _ = writeln!(text, "\nnote: {}", plain(notice));
    }
    text
}

/// Two lines: `2.14` above the first of its patches, the patches below.
fn head(releases: &[Version]) -> String {
    let mut lines = [" ".repeat(NAME), format!("{:NAME$}", "KFP")];
    let mut last = None;
    for release in releases {
        let line = (release.major, release.minor);
        let above = if last == Some(line) {
            String::new()
        } else {
            format!("{}.{}", line.0, line.1)
        };
        last = Some(line);
        let _ = write!(lines[0], "{above:<CELL$}");
        let _ = write!(lines[1], "{:<CELL$}", format!(".{}", release.patch));
    }
    let [above, below] = lines.map(|line| line.trim_end().to_owned() + "\n");
    above + &below
}

fn row(file: &FileReport, releases: &[Version], look: Look) -> String {
    let name = plain(&file.path);
    let width = console::measure_text_width(&name);
    let mut text = if width < NAME {
        format!("{name}{}", " ".repeat(NAME - width))
    } else {
        format!("{name}\n{}", " ".repeat(NAME))
    };
    for release in releases {
        let outcome = file.verdicts.iter().find(|verdict| verdict.release == *release);
        let cell = outcome.map_or_else(|| " ".to_owned(), |verdict| symbol(verdict.outcome, look));
        text += &cell;
        text += &" ".repeat(CELL - 1);
    }
    text.trim_end().to_owned() + "\n"
}

fn symbol(outcome: Outcome, look: Look) -> String {
    let (ascii, sign, style) = match outcome {
        Outcome::Runs => ("+", "✓", Style::new().green()),
        Outcome::RunsWithWarnings => ("~", "▲", Style::new().yellow()),
        Outcome::Fails => ("F", "✗", Style::new().red()),
        Outcome::RefusedAtRun => ("R", "⊘", Style::new().red()),
        Outcome::RefusedAtUpload => ("U", "■", Style::new().red()),
    };
    let sign = if look.ascii { ascii } else { sign };
    style.force_styling(look.colour).apply_to(sign).to_string()
}

const fn words(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Runs => "runs as written",
        Outcome::RunsWithWarnings => "runs, not all as written or advised",
        Outcome::Fails => "accepted, then its run fails",
        Outcome::RefusedAtRun => "uploaded, then refused when a run is created",
        Outcome::RefusedAtUpload => "refused at upload",
    }
}

fn reasons(file: &FileReport, releases: &[Version]) -> String {
    if file.findings.is_empty() {
        return String::new();
    }
    let mut text = format!("\n{}\n", plain(&file.path));
    for finding in file.findings.iter().take(REASONS) {
        text += &reason(finding, releases);
    }
    if file.findings.len() > REASONS {
        let _ = writeln!(
            text,
            "  {} more; --output json has all",
            file.findings.len() - REASONS
        );
    }
    text
}

fn reason(finding: &FileFinding, releases: &[Version]) -> String {
    let place = finding
        .place
        .map_or_else(String::new, |span| format!(" line {}", span.line));
    let mut text = format!(
        "  {}{place}, on {}: {}",
        finding.code,
        ranges(&finding.releases, releases),
        plain(&finding.message)
    );
    let works = works(finding);
    if !works.is_empty() {
        let _ = write!(text, "; {works}");
    }
    if finding.ignored.is_some() {
        text += "; ignored by the policy";
    }
    text.push('\n');
    text
}

/// Releases as ranges of those that were judged: `2.0.5 to 2.5.0, 2.15.0`.
fn ranges(some: &[Version], all: &[Version]) -> String {
    let mut told: Vec<String> = Vec::new();
    let mut run: Vec<Version> = Vec::new();
    for release in all.iter().map(Some).chain([None]) {
        match release {
            Some(release) if some.contains(release) => run.push(*release),
            _ => {
                match (run.first(), run.last()) {
                    (Some(first), Some(last)) if first != last => told.push(format!("{first} to {last}")),
                    (Some(first), _) => told.push(first.to_string()),
                    _ => {}
                }
                run.clear();
            }
        }
    }
    told.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::sample;

    #[test]
    fn the_drawing_is_known() {
        let plain = Look {
            colour: false,
            ascii: true,
        };
        insta::assert_snapshot!("ascii", draw(&sample::report(), plain));
        insta::assert_snapshot!(
            "signs",
            draw(
                &sample::report(),
                Look {
                    ascii: false,
                    ..plain
                }
            )
        );
    }

    #[test]
    fn ascii_is_ascii() {
        assert!(
            draw(
                &sample::report(),
                Look {
                    colour: true,
                    ascii: true
                }
            )
            .is_ascii()
        );
    }

    #[test]
    fn neighbours_are_told_as_a_range() {
        let all: Vec<Version> = ["2.0.5", "2.1.0", "2.2.0", "2.3.0"]
            .iter()
            .map(|text| text.parse().unwrap())
            .collect();
        assert_eq!(ranges(&[all[0], all[1], all[3]], &all), "2.0.5 to 2.1.0, 2.3.0");
        assert_eq!(ranges(&[], &all), "");
    }
}
