//! SHAPES: the SDK policy as expressions (CEL) that the API server runs. What they say equals what
//! `kfp_releases::sdk::SdkPolicy::standing` says; a table of cases is run on both.
//!
//! Versions become numbers, because Kubernetes' own comparison of versions is newer than our oldest Kubernetes and knows
//! no Python pre-releases: four digits each for major, minor and patch, one for the stage, four for the stage's count.

use kfp_releases::Version;
use kfp_releases::sdk::{Clause, Comparison, Exception, SdkRange, SdkVersion, Stage};

/// One more than the largest number that a part of a version may have.
const PART: u64 = 10_000;
/// Number of stages, rounded up.
const STAGES: u64 = 10;

/// A version of an SDK in the forms that SDKs write, all in small letters.
const VERSION: &str = "^(kfp-)?v?[0-9]+[.][0-9]+([.][0-9]+)?\
    ([-._]*(dev|alpha|a|beta|b|rc|c|preview|pre|post|rev|r)[-._]*[0-9]*([.]dev.*)?|[-._]+[0-9]+([.]dev.*)?)?([+].*)?$";

/// What the verdict and the message are made of, in the order in which they are computed. Each is computed only when it
/// is asked for.
pub(super) fn variables(exceptions: &[Exception]) -> Vec<(&'static str, String)> {
    let read = |object: &str| {
        format!(
            "has({object}.spec) && has({object}.spec.pipelineSpec) && type({object}.spec.pipelineSpec) == map \
             && has({object}.spec.pipelineSpec.sdkVersion) && type({object}.spec.pipelineSpec.sdkVersion) == string \
             ? {object}.spec.pipelineSpec.sdkVersion : ''"
        )
    };
    vec![
        ("written", read("object")),
        (
            "unchanged",
            format!("oldObject != null && variables.written == ({})", read("oldObject")),
        ),
        (
            "pipeline",
            "has(object.spec) && has(object.spec.pipelineName) && type(object.spec.pipelineName) == string \
             ? object.spec.pipelineName : ''"
                .to_owned(),
        ),
        // Longer than any version; what is cut off would make it unreadable anyway.
        (
            "text",
            "variables.written.size() > 64 ? '' : variables.written.trim().lowerAscii()".to_owned(),
        ),
        ("public", "variables.text.split('+')[0]".to_owned()),
        (
            "numbers",
            "variables.public.find('[0-9]+[.][0-9]+([.][0-9]+)?')".to_owned(),
        ),
        ("parts", "variables.numbers.split('.')".to_owned()),
        (
            "readable",
            format!(
                "variables.text.matches({}) && variables.parts.all(part, part.size() <= 4)",
                quoted(VERSION)
            ),
        ),
        (
            "rest",
            "variables.public.substring(variables.public.indexOf(variables.numbers) + variables.numbers.size())"
                .to_owned(),
        ),
        (
            "release",
            format!(
                "!variables.readable ? -1 : (int(variables.parts[0]) * {PART} + int(variables.parts[1])) * {PART} \
                 + (variables.parts.size() > 2 ? int(variables.parts[2]) : 0)"
            ),
        ),
        ("word", "variables.rest.find('[a-z]+')".to_owned()),
        ("count", "variables.rest.find('[0-9]+')".to_owned()),
        ("stage", stage()),
        (
            "sdk",
            format!(
                "!variables.readable ? -1 : (variables.release * {STAGES} + variables.stage) * {PART} \
                 + (variables.count == '' ? 0 : variables.count.size() > 4 ? {} : int(variables.count))",
                PART - 1
            ),
        ),
        ("excepted", excepted(exceptions)),
    ]
}

/// Whether the object may be written.
pub(super) fn verdict(allowed: &SdkRange) -> String {
    let clauses: Vec<String> = allowed.clauses().iter().map(clause).collect();
    format!(
        "variables.unchanged || variables.excepted || (variables.readable && {})",
        clauses.join(" && ")
    )
}

/// What is wrong with the object, with this advice behind it.
pub(super) fn message(advice: &str) -> String {
    format!(
        "(variables.readable ? 'kfp ' + variables.numbers + variables.rest + ' compiled this pipeline, which is not allowed here. ' \
         : variables.written == '' ? 'This pipeline does not say which SDK compiled it (spec.pipelineSpec.sdkVersion). ' \
         : 'What spec.pipelineSpec.sdkVersion says is no version of an SDK. ') + {}",
        quoted(advice)
    )
}

/// The stage as a number, later ones larger: [`rank`] as an expression.
fn stage() -> String {
    let words = [
        ("dev", Stage::Dev(0)),
        ("a", Stage::Alpha(0)),
        ("alpha", Stage::Alpha(0)),
        ("b", Stage::Beta(0)),
        ("beta", Stage::Beta(0)),
        ("c", Stage::Candidate(0)),
        ("rc", Stage::Candidate(0)),
        ("pre", Stage::Candidate(0)),
        ("preview", Stage::Candidate(0)),
    ];
    let entries: Vec<String> = words
        .iter()
        .map(|(word, stage)| format!("'{word}': {}", rank(*stage).0))
        .collect();
    let map = format!("{{{}}}", entries.join(", "));
    format!(
        "variables.rest == '' ? {} : variables.word in {map} ? {map}[variables.word] : {}",
        rank(Stage::Final).0,
        rank(Stage::Post(0)).0
    )
}

/// Place of a stage among the stages, and its count.
const fn rank(stage: Stage) -> (u64, u16) {
    match stage {
        Stage::Dev(count) => (0, count),
        Stage::Alpha(count) => (1, count),
        Stage::Beta(count) => (2, count),
        Stage::Candidate(count) => (3, count),
        Stage::Final => (4, 0),
        Stage::Post(count) => (5, count),
    }
}

/// `major`, `minor` and `patch` as one number.
fn release(version: Version) -> u64 {
    (u64::from(version.major) * PART + u64::from(version.minor)) * PART + u64::from(version.patch)
}

/// The whole version as one number.
fn number(version: &SdkVersion) -> u64 {
    let (stage, count) = rank(version.stage);
    (release(version.release) * STAGES + stage) * PART + u64::from(count)
}

fn clause(clause: &Clause) -> String {
    let sign = match clause.comparison {
        Comparison::AtLeast => ">=",
        Comparison::AtMost => "<=",
        Comparison::Is => "==",
        Comparison::IsNot => "!=",
        Comparison::Above => ">",
        Comparison::Below => "<",
    };
    if clause.by_release() {
        format!("variables.release {sign} {}", release(clause.version.release))
    } else {
        format!("variables.sdk {sign} {}", number(&clause.version))
    }
}

/// Whether one of the exceptions is about the object.
fn excepted(exceptions: &[Exception]) -> String {
    let (mut pipelines, mut versions, mut both) = (Vec::new(), Vec::new(), Vec::new());
    for exception in exceptions {
        let version = exception.sdk_version.as_ref().map(number);
        match (&exception.pipeline, version) {
            (Some(name), None) => pipelines.push(quoted(name)),
            (None, Some(version)) => versions.push(version.to_string()),
            (Some(name), Some(version)) => both.push(quoted(&format!("{version} {name}"))),
            (None, None) => {}
        }
    }
    format!(
        "variables.pipeline in [{}] || variables.sdk in [{}] || (string(variables.sdk) + ' ' + variables.pipeline) in [{}]",
        pipelines.join(", "),
        versions.join(", "),
        both.join(", ")
    )
}

/// A text as CEL writes it, between apostrophes.
fn quoted(text: &str) -> String {
    let mut written = String::from("'");
    for character in text.chars() {
        match character {
            '\\' | '\'' => {
                written.push('\\');
                written.push(character);
            }
            control if control.is_control() => {
                written.extend(format!("\\u{:04x}", u32::from(control)).chars());
            }
            plain => written.push(plain),
        }
    }
    written.push('\'');
    written
}
