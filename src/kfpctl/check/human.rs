//! PEOPLE: a report for eyes: each finding with its lines, as a compiler shows them, and a last line with what to do.
//! Draws; decides nothing.

use std::collections::HashMap;
use std::fmt::Write as _;

use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet};
use kfp_compat::Severity;

use super::excerpt::{Excerpt, plain};
use super::findings::{effect_words, list, many, works};
use super::report::{FileFinding, FileReport, Kind, Report, Span, UnreadableFile};

/// Findings of one code that are drawn for a file; the rest is counted.
const EACH: usize = 10;

/// The whole report.
#[must_use]
pub fn draw(report: &Report, colour: bool) -> String {
    let renderer = if colour {
        Renderer::styled()
    } else {
        Renderer::plain()
    };
    let mut text = String::new();
    for file in &report.files {
        let mut drawn: HashMap<&str, usize> = HashMap::new();
        for finding in file.findings.iter().filter(|finding| finding.ignored.is_none()) {
            let count = drawn.entry(&finding.code).or_default();
            *count += 1;
            if *count <= EACH {
                text += &renderer.render(&[group(&file.path, finding)]);
                text += "\n\n";
            }
        }
        let mut more: Vec<_> = drawn.into_iter().filter(|(_, count)| *count > EACH).collect();
        more.sort_unstable();
        for (code, count) in more {
            let _ = writeln!(
                text,
                "{}: {} more of {code}; --output json has all\n",
                plain(&file.path),
                count - EACH
            );
        }
    }
    for file in &report.unreadable {
        text += &renderer.render(&[unreadable(file)]);
        text += "\n\n";
    }
    for notice in &report.notices {
        text += &renderer.render(&[Group::with_title(Level::NOTE.primary_title(plain(notice)))]);
        text += "\n\n";
    }
    text += &last_line(report);
    text
}

fn level(severity: Severity) -> Level<'static> {
    match severity {
        Severity::Note => Level::NOTE,
        Severity::Warning => Level::WARNING,
        Severity::Error => Level::ERROR,
    }
}

fn group<'a>(path: &str, finding: &'a FileFinding) -> Group<'a> {
    let title = level(finding.severity)
        .primary_title(plain(&finding.message))
        .id(finding.code.as_str());
    let happens = format!("{} on {}", effect_words(finding.effect), list(&finding.releases));
    let mut group = place(
        Group::with_title(title),
        path,
        finding.place,
        finding.excerpt.as_ref(),
        &happens,
    );
    if finding.excerpt.is_none() {
        group = group.element(Level::NOTE.message(happens));
    }
    if !finding.path.is_empty() {
        let task = finding
            .task
            .as_ref()
            .map_or_else(String::new, |task| format!(", task {task}"));
        group = group.element(Level::NOTE.message(plain(&format!("at {}{task}", finding.path))));
    }
    let works = works(finding);
    if !works.is_empty() {
        group = group.element(Level::NOTE.message(works));
    }
    if !finding.help.is_empty() {
        group = group.element(Level::HELP.message(plain(&finding.help)));
    }
    group
}

fn unreadable(file: &UnreadableFile) -> Group<'static> {
    let title = Level::ERROR.primary_title(format!("cannot be read: {}", plain(&file.message)));
    let group = place(
        Group::with_title(title),
        &file.path,
        file.place,
        file.excerpt.as_ref(),
        "",
    );
    group.element(Level::HELP.message(plain(&file.help)))
}

/// Adds the lines, or the bare place where no lines are known.
fn place<'a>(
    group: Group<'a>,
    path: &str,
    span: Option<Span>,
    excerpt: Option<&Excerpt>,
    label: &str,
) -> Group<'a> {
    let path = plain(path);
    let Some(excerpt) = excerpt else {
        let mut origin = Origin::path(path);
        if let Some(span) = span {
            origin = origin.line(span.line as usize).char_column(span.column as usize);
        }
        return group.element(origin);
    };
    let mut annotation = AnnotationKind::Primary.span(excerpt.start..excerpt.end);
    if !label.is_empty() {
        annotation = annotation.label(label.to_owned());
    }
    let snippet = Snippet::source(excerpt.text.clone())
        .line_start(excerpt.line as usize)
        .path(path);
    group.element(snippet.annotation(annotation))
}

/// What it comes to, and what to do next.
fn last_line(report: &Report) -> String {
    let summary = report.summary;
    let mut text = String::new();
    let counts = [
        (summary.errors, "error"),
        (summary.warnings, "warning"),
        (summary.notes, "note"),
        (report.unreadable.len(), "unreadable file"),
    ];
    let told: Vec<String> = counts
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, word)| many(*count, word))
        .collect();
    let on = match &report.backends[..] {
        [] => String::new(),
        backends => {
            let releases: Vec<_> = backends.iter().map(|backend| backend.release).collect();
            let mut named: Vec<&str> = backends.iter().map(|backend| backend.named_by.as_str()).collect();
            named.dedup();
            format!(" on KFP {} ({})", list(&releases), plain(&named.join(", ")))
        }
    };
    let files = kinds(&report.files);
    if told.is_empty() {
        let _ = write!(text, "{files}: nothing to tell{on}");
    } else {
        let _ = write!(text, "{files}: {}{on}", told.join(", "));
    }
    if summary.ignored > 0 {
        let _ = write!(text, "; {} ignored by the policy", summary.ignored);
    }
    if report.passed_over > 0 {
        let _ = write!(text, "; {} passed over", many(report.passed_over, "other file"));
    }
    text += ".\n";
    let worst = report
        .counted()
        .filter(|(_, finding)| finding.severity > Severity::Note)
        .max_by_key(|(_, finding)| (finding.severity, std::cmp::Reverse(&finding.code)));
    if let Some((file, finding)) = worst {
        let _ = write!(text, "Next: `kfpctl explain {}` says more", finding.code);
        if matches!(file.kind, Kind::Pipeline | Kind::Workflow) && file.path != "<stdin>" {
            let _ = write!(
                text,
                "; `kfpctl check --matrix {}` shows which releases take it",
                word(&file.path)
            );
        }
        text += ".\n";
    }
    text
}

/// A path as a word of a shell.
fn word(path: &str) -> String {
    let path = plain(path);
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "-._/".contains(letter);
    if path.chars().all(is_plain) {
        path
    } else {
        format!("'{}'", path.replace('\'', "'\\''"))
    }
}

/// `3 pipelines, 1 requirements file`.
fn kinds(files: &[FileReport]) -> String {
    let count = |kind: Kind| files.iter().filter(|file| file.kind == kind).count();
    let told: Vec<String> = [
        (Kind::Pipeline, "pipeline"),
        (Kind::Workflow, "v1 pipeline"),
        (Kind::Requirements, "requirements file"),
        (Kind::Environment, "Python environment"),
    ]
    .into_iter()
    .map(|(kind, word)| (count(kind), word))
    .filter(|(count, _)| *count > 0)
    .map(|(count, word)| many(count, word))
    .collect();
    if told.is_empty() {
        "Nothing judged".to_owned()
    } else {
        told.join(", ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::sample;

    #[test]
    fn the_drawing_is_known() {
        insta::assert_snapshot!(draw(&sample::report(), false));
    }

    #[test]
    fn nothing_of_a_file_reaches_the_terminal_as_a_command() {
        let mut report = sample::report();
        report.files[0].path = "a\u{1b}[2J.yaml".to_owned();
        report.files[0].findings[0].message = "\u{1b}]0;title\u{7}".to_owned();
        report.files[0].findings[0].path = "x\ny".to_owned();
        report.files[0].findings[0].help = "\u{9b}31m".to_owned();
        report.unreadable[0].message = "\u{1b}c".to_owned();
        report.notices.push("\u{8}".to_owned());
        let drawn = draw(&report, false);
        let bad: Vec<char> = drawn
            .chars()
            .filter(|letter| letter.is_control() && *letter != '\n')
            .collect();
        assert_eq!(bad, Vec::<char>::new(), "{drawn}");
    }

    #[test]
    fn colour_is_there_when_it_is_asked_for() {
        assert!(draw(&sample::report(), true).contains("\u{1b}["));
        assert!(!draw(&sample::report(), false).contains('\u{1b}'));
    }

    #[test]
    fn of_many_findings_of_one_code_some_are_drawn_and_the_rest_is_counted() {
        let mut report = sample::report();
        let one = report.files[0].findings[0].clone();
        report.files[0].findings.extend(std::iter::repeat_n(one, 30));
        report.sum();
        let drawn = draw(&report, false);
        assert_eq!(drawn.matches("error[KFP010]").count(), 10);
        assert!(drawn.contains("21 more of KFP010"), "{drawn}");
    }
}
