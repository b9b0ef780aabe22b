//! PEOPLE: a report as annotations of GitHub Actions: workflow commands on standard output, which the runner hangs on the
//! lines of a pull request. Draws; decides nothing.

use std::fmt::Write as _;

use kfp_compat::Severity;

use super::findings::{list, many, works};
use super::report::{FileFinding, Report, Span};

/// Annotations of one kind that GitHub shows of a step; it drops the rest without a word
/// (docs.github.com, "Workflow commands for GitHub Actions" and "Usage limits").
const SHOWN: usize = 10;

/// The whole report: errors first, for there is room for few.
#[must_use]
pub fn draw(report: &Report) -> String {
    let mut text = String::new();
    for file in &report.unreadable {
        let message = format!("{}\n{}", file.message, file.help);
        command(
            &mut text,
            "error",
            &file.path,
            file.place,
            "cannot be read",
            &message,
        );
    }
    for (severity, word) in [
        (Severity::Error, "error"),
        (Severity::Warning, "warning"),
        (Severity::Note, "notice"),
    ] {
        let mut count = if severity == Severity::Error {
            report.unreadable.len()
        } else {
            0
        };
        for (file, finding) in report
            .counted()
            .filter(|(_, finding)| finding.severity == severity)
        {
            count += 1;
            command(
                &mut text,
                word,
                &file.path,
                finding.place,
                &title(finding),
                &message(finding),
            );
        }
        if count > SHOWN {
            let _ = writeln!(
                text,
                "{count} {word}s, of which GitHub shows {SHOWN} on the lines of the pull request; all are in this log."
            );
        }
    }
    for notice in &report.notices {
        let _ = writeln!(text, "::notice::{}", data(notice));
    }
    let summary = report.summary;
    let _ = writeln!(
        text,
        "{} judged: {}, {}, {}; {} ignored by the policy, {} passed over.",
        many(summary.files, "file"),
        many(summary.errors, "error"),
        many(summary.warnings, "warning"),
        many(summary.notes, "note"),
        summary.ignored,
        many(report.passed_over, "file")
    );
    text
}

fn title(finding: &FileFinding) -> String {
    format!("{} on {}", finding.code, list(&finding.releases))
}

fn message(finding: &FileFinding) -> String {
    let mut message = finding.message.clone();
    for more in [works(finding), finding.help.clone()] {
        if !more.is_empty() {
            message.push('\n');
            message += &more;
        }
    }
    message
}

fn command(text: &mut String, word: &str, path: &str, place: Option<Span>, title: &str, message: &str) {
    let _ = write!(text, "::{word} file={}", property(path));
    if let Some(span) = place {
        let _ = write!(text, ",line={},endLine={}", span.line, span.end_line);
        // GitHub takes columns only for a place on one line.
        if span.line == span.end_line {
            let _ = write!(text, ",col={},endColumn={}", span.column, span.end_column);
        }
    }
    let _ = writeln!(text, ",title={}::{}", property(title), data(message));
}

/// Escapes what ends a command (actions/toolkit, packages/core/src/command.ts), and lets no other control character through.
fn data(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '%' => escaped += "%25",
            '\r' => escaped += "%0D",
            '\n' => escaped += "%0A",
            control if control.is_control() => escaped.push('\u{fffd}'),
            letter => escaped.push(letter),
        }
    }
    escaped
}

/// Escapes what ends a command or one of its properties.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::sample;

    #[test]
    fn the_drawing_is_known() {
        insta::assert_snapshot!(draw(&sample::report()));
    }

    #[test]
    fn no_name_and_no_message_ends_a_command_or_begins_another() {
        let mut report = sample::report();
        report.files[0].path = "a,line=1::b\n::error::x%.yaml".to_owned();
        report.files[0].findings[0].message = "one\r\n::set-output name=a::b".to_owned();
        report.sum();
        let drawn = draw(&report);
        assert!(
            !drawn
                .lines()
                .any(|line| line.starts_with("::set-output") || line.starts_with("::error::x")),
            "{drawn}"
        );
        assert!(
            drawn.contains("file=a%2Cline=1%3A%3Ab%0A%3A%3Aerror%3A%3Ax%25.yaml,"),
            "{drawn}"
        );
    }

    #[test]
    fn more_than_github_shows_is_said() {
        let mut report = sample::report();
        let one = report.files[0].findings[0].clone();
        report.files[0].findings.extend(std::iter::repeat_n(one, 10));
        report.sum();
        assert!(draw(&report).contains("12 errors, of which GitHub shows 10"));
    }
}
