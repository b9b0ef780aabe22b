//! PEOPLE: a report as `JUnit` XML, for the test pages of CI systems: a suite for each file, a case for each release. Draws;
//! decides nothing.

use kfp_compat::Severity;
use kfp_releases::Version;
use quick_junit::{NonSuccessKind, Report as Junit, TestCase, TestCaseStatus, TestSuite};

use super::excerpt::plain;
use super::findings::works;
use super::report::{FileFinding, FileReport, Report, UnreadableFile};

/// The whole report. A case fails by a finding that is at least as bad as `fail_on`; what is less is in its output.
pub fn draw(report: &Report, fail_on: Severity) -> Result<String, String> {
    let mut junit = Junit::new("kfpctl check");
    for file in &report.files {
        let mut suite = TestSuite::new(plain(&file.path));
        for verdict in &file.verdicts {
            suite.add_test_case(case(file, verdict.release, fail_on));
        }
        junit.add_test_suite(suite);
    }
    for file in &report.unreadable {
        let mut suite = TestSuite::new(plain(&file.path));
        suite.add_test_case(unreadable(file));
        junit.add_test_suite(suite);
    }
    junit.to_string().map_err(|error| error.to_string())
}

fn case(file: &FileReport, release: Version, fail_on: Severity) -> TestCase {
    let here = |finding: &&FileFinding| finding.ignored.is_none() && finding.releases.contains(&release);
    let (bad, rest): (Vec<&FileFinding>, Vec<&FileFinding>) = file
        .findings
        .iter()
        .filter(here)
        .partition(|finding| finding.severity >= fail_on);
    let text = |findings: &[&FileFinding]| {
        findings
            .iter()
            .map(|finding| line(file, finding))
            .collect::<Vec<_>>()
            .join("\n")
    };
    let status = match bad.first() {
        None => TestCaseStatus::success(),
        Some(first) => {
            let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
            status
                .set_type(first.code.as_str())
                .set_message(first.message.as_str())
                .set_description(text(&bad));
            status
        }
    };
    let mut case = TestCase::new(format!("KFP {release}"), status);
    case.set_classname(plain(&file.path));
    if !rest.is_empty() {
        case.set_system_out(text(&rest));
    }
    case
}

fn line(file: &FileReport, finding: &FileFinding) -> String {
    let place = finding
        .place
        .map_or_else(String::new, |span| format!(":{}:{}", span.line, span.column));
    let mut line = format!(
        "{}{place}: {}[{}]: {}",
        plain(&file.path),
        finding.severity,
        finding.code,
        finding.message
    );
    for more in [works(finding), finding.help.clone()] {
        if !more.is_empty() {
            line += "; ";
            line += &more;
        }
    }
    line
}

fn unreadable(file: &UnreadableFile) -> TestCase {
    let mut status = TestCaseStatus::non_success(NonSuccessKind::Error);
    status
        .set_type("unreadable")
        .set_message(file.message.as_str())
        .set_description(file.help.as_str());
    let mut case = TestCase::new("readable", status);
    case.set_classname(plain(&file.path));
    case
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::sample;

    #[test]
    fn the_drawing_is_known_and_reads_back() {
        let drawn = draw(&sample::report(), Severity::Error).unwrap();
        let back = Junit::deserialize_from_str(&drawn).unwrap();
        // One finding, on two releases.
        assert_eq!((back.failures, back.errors), (2, 1));
        insta::assert_snapshot!(drawn);
    }

    #[test]
    fn a_warning_fails_a_case_only_when_it_is_asked_to() {
        let drawn = draw(&sample::report(), Severity::Warning).unwrap();
        assert_eq!(Junit::deserialize_from_str(&drawn).unwrap().failures, 4);
    }
}
