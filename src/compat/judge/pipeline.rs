//! JUDGEMENT: the parts of a pipeline, each by its walk, and then the rules. Decides in which order, and nothing else.

use crate::document::{Flaw, Pipeline, Workflow};
use crate::finding::Effect;
use crate::judge::facts::facts;
use crate::judge::releases::Releases;
use crate::judge::report::{Raw, Report};
use crate::judge::steps::{Steps, at, platform_of};
use crate::judge::walk::Walk;
use crate::knowledge::{Knowledge, tables};
use crate::rules::Each;
use crate::rules::apply::{Subject, apply};
use crate::sdk::SdkVersion;
use crate::text::Tree;

/// Judges a compiled pipeline.
pub(super) fn pipeline<'data>(
    document: &Pipeline,
    knowledge: &'data Knowledge,
    releases: Releases,
    report: &mut Report<'data>,
) {
    let spec = document.spec.root();
    let whole_platform = document.platform.as_ref().map(Tree::root);
    let platform = platform_of(whole_platform);
    let steps = Steps::new(spec, platform);
    let parsers = knowledge.parsers();
    size(document.bytes, knowledge, releases, report);
    flaws(&document.flaws, releases, report);
    Walk::new(knowledge, &steps, report).document(spec, parsers.spec, releases);
    let mut without_platform = Releases::NONE;
    if let Some(root) = whole_platform {
        without_platform = Walk::new(knowledge, &steps, report).document(root, parsers.platform, releases);
    }
    let sdk: Option<SdkVersion> = document.sdk.as_ref().and_then(|written| written.parse().ok());
    let facts = facts(spec, &steps);
    let subject = Subject {
        spec,
        platform,
        steps: &steps,
        facts: &facts,
        sdk: sdk.as_ref(),
        without_platform,
    };
    apply(
        &[Each::Pipeline, Each::Step],
        subject,
        knowledge,
        releases,
        report,
    );
    let others = document.others.iter().map(|other| (Each::Other, other.root()));
    let further = whole_platform
        .map(|platform| (Each::Platform, platform))
        .into_iter()
        .chain(others);
    for (each, spec) in further {
        apply(&[each], Subject { spec, ..subject }, knowledge, releases, report);
    }
    if let Some(sdk) = sdk {
        newer_sdk(&sdk, document, releases, report);
    }
}

/// Judges a workflow of the v1 SDK.
pub(super) fn workflow<'data>(
    document: &Workflow,
    knowledge: &'data Knowledge,
    releases: Releases,
    report: &mut Report<'data>,
) {
    size(document.bytes, knowledge, releases, report);
    let sdk: Option<SdkVersion> = document.sdk.as_ref().and_then(|written| written.parse().ok());
    let subject = Subject {
        spec: document.spec.root(),
        platform: None,
        steps: &Steps::default(),
        facts: &Vec::new(),
        sdk: sdk.as_ref(),
        without_platform: Releases::NONE,
    };
    apply(&[Each::Workflow], subject, knowledge, releases, report);
}

/// Tells that a text is larger than servers take.
fn size(bytes: usize, knowledge: &Knowledge, releases: Releases, report: &mut Report<'_>) {
    let most = knowledge.parsers().largest_upload;
    if bytes <= most {
        return;
    }
    let room = report.room("KFP016", Effect::RefusedAtUpload, releases);
    report.add(Raw {
        code: "KFP016",
        effect: Effect::RefusedAtUpload,
        releases: room,
        works: Releases::NONE,
        path: String::new(),
        task: None,
        place: None,
        message: format!(
            "the text has {bytes} bytes, and servers take {most} at most; the upload is refused"
        ),
        help: "Split the pipeline.".to_owned(),
    });
}

/// Tells what every server makes something else of than it looks like.
fn flaws(flaws: &[Flaw], releases: Releases, report: &mut Report<'_>) {
    for flaw in flaws {
        let room = report.room("KFP006", flaw.effect, releases);
        report.add(Raw {
            code: "KFP006",
            effect: flaw.effect,
            releases: room,
            works: Releases::NONE,
            path: String::new(),
            task: None,
            place: Some(flaw.place),
            message: flaw.message.to_owned(),
            help: flaw.help.to_owned(),
        });
    }
}

/// Notes that an SDK is newer than all releases known: it is judged by what it wrote.
fn newer_sdk(sdk: &SdkVersion, document: &Pipeline, releases: Releases, report: &mut Report<'_>) {
    if tables::newest_sdk().is_none_or(|newest| sdk.release <= newest) {
        return;
    }
    let place = at(document.spec.root(), &["sdkVersion"]).map(|value| value.place());
    let room = report.room("KFP090", Effect::Note, releases);
    report.add(Raw {
        code: "KFP090",
        effect: Effect::Note,
        releases: room,
        works: Releases::NONE,
        path: "sdkVersion".to_owned(),
        task: None,
        place,
        message: format!(
            "the SDK {sdk} is newer than those known here; the pipeline is judged by the fields it uses"
        ),
        help: "A newer version of this tool may know more about it.".to_owned(),
    });
}
