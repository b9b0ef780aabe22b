//! PEOPLE: reads every input on the machine's cores and has it judged. Each text is gone before the next one is read.

use std::borrow::Cow;
use std::fs::File;
use std::io::Read as _;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use kfp_compat::document::unpack;
use kfp_compat::policy::InstalledPolicy;
use kfp_compat::requirements::Format;
use kfp_compat::text::{Place, Tree, decode};
use kfp_compat::{Document, Finding, Knowledge, Packages, Policy, Unreadable, judge, requirements};
use kfp_releases::Version;
use memchr::memmem;

use super::excerpt::{excerpt, span};
use super::findings::merge;
use super::inputs::{Input, Source};
use super::packages;
use super::report::{FileReport, Kind, ReleaseVerdict, UnreadableFile};

/// Largest text that is read, in bytes; the judge takes no larger one.
const LARGEST: u64 = 64 << 20;

/// What came of one input.
#[derive(Debug)]
pub struct Examined {
    /// What it is.
    pub what: What,
    /// Further files that it names.
    pub includes: Vec<Input>,
}

/// What an input is.
#[derive(Debug)]
pub enum What {
    /// It was judged.
    Judged(Box<FileReport>),
    /// It is something else, found in a folder.
    Other,
    /// It cannot be read.
    Unreadable(Box<UnreadableFile>),
}

/// What every input is judged with.
#[derive(Clone, Copy, Debug)]
pub struct Bench<'a> {
    /// The releases.
    pub releases: &'a [Version],
    /// All that the judge knows.
    pub knowledge: &'a Knowledge,
    /// All that is known of Python packages.
    pub packages: &'a Packages,
    /// What was decided.
    pub policy: Option<&'a Policy>,
    /// What the installation allows.
    pub installed: Option<&'a InstalledPolicy>,
}

/// Looks at every input; the answers are in the order of the inputs.
#[must_use]
pub fn all(inputs: &[Input], bench: Bench<'_>) -> Vec<Examined> {
    let workers = thread::available_parallelism()
        .map_or(1, usize::from)
        .min(inputs.len());
    if workers < 2 {
        return inputs.iter().map(|input| one(input, bench)).collect();
    }
    let next = AtomicUsize::new(0);
    let work = || {
        let mut done = Vec::new();
        while let Some((index, input)) = {
            let index = next.fetch_add(1, Ordering::Relaxed);
            inputs.get(index).map(|input| (index, input))
        } {
            done.push((index, one(input, bench)));
        }
        done
    };
    let mut examined: Vec<(usize, Examined)> = thread::scope(|scope| {
        let others: Vec<_> = (1..workers).map(|_| scope.spawn(work)).collect();
        let mut mine = work();
        for other in others {
            // A worker that panicked takes the whole check down: half a report would look like a good one.
            mine.extend(
                other
                    .join()
                    .unwrap_or_else(|panic| std::panic::resume_unwind(panic)),
            );
        }
        mine
    });
    examined.sort_by_key(|(index, _)| *index);
    examined.into_iter().map(|(_, one)| one).collect()
}

fn one(input: &Input, bench: Bench<'_>) -> Examined {
    let mut includes = Vec::new();
    let what = what(input, bench, &mut includes).unwrap_or_else(What::Unreadable);
    Examined { what, includes }
}

fn what(input: &Input, bench: Bench<'_>, includes: &mut Vec<Input>) -> Result<What, Box<UnreadableFile>> {
    let bytes = read(input).map_err(|message| {
        Box::new(UnreadableFile {
            path: input.name.clone(),
            place: None,
            message,
            help: "make it readable, or leave it out".to_owned(),
            excerpt: None,
        })
    })?;
    if input.format.is_none() && !input.named && !may_be_pipeline(&bytes) {
        return Ok(What::Other);
    }
    let text = unpacked(&bytes).map_err(|problem| unreadable(input, &bytes, problem))?;
    let judged = match input.format {
        Some(format) => requirement_file(input, format, &text, bench, includes),
        None => pipeline(input, &text, bench),
    };
    match judged {
        Ok(Some(report)) => Ok(What::Judged(Box::new(report))),
        Ok(None) => Ok(What::Other),
        Err(problem) => Err(unreadable(input, text.as_bytes(), problem)),
    }
}

/// The characters of a file, or of the one inside a package.
fn unpacked(bytes: &[u8]) -> Result<Cow<'_, str>, Unreadable> {
    match unpack(bytes)? {
        Cow::Borrowed(bytes) => decode(bytes),
        Cow::Owned(bytes) => decode(&bytes).map(|text| Cow::Owned(text.into_owned())),
    }
}

fn read(input: &Input) -> Result<Vec<u8>, String> {
    let mut text = Vec::new();
    let said = |error: std::io::Error| error.to_string();
    match &input.source {
        Source::Stdin => std::io::stdin().lock().take(LARGEST + 1).read_to_end(&mut text),
        Source::File(path) => File::open(path).and_then(|file| file.take(LARGEST + 1).read_to_end(&mut text)),
    }
    .map_err(said)?;
    if u64::try_from(text.len()).is_ok_and(|length| length > LARGEST) {
        return Err(format!("it is larger than {} MiB", LARGEST >> 20));
    }
    Ok(text)
}

/// Cheap look at a file of a folder, so that other YAML and JSON is not parsed: every pipeline has one of these words.
fn may_be_pipeline(text: &[u8]) -> bool {
    const WORDS: [&str; 7] = [
        "pipelineInfo",
        "deploymentSpec",
        "pipelineSpec",
        "pipelines.kubeflow.org/",
        "pipeline_info",
        "deployment_spec",
        "pipeline_spec",
    ];
    WORDS
        .iter()
        .any(|word| memmem::find(text, word.as_bytes()).is_some())
}

/// Nothing when it was found in a folder and is something else.
fn pipeline(input: &Input, text: &str, bench: Bench<'_>) -> Result<Option<FileReport>, Unreadable> {
    let documents = match Document::read_each(text.as_bytes()) {
        Ok(documents) => documents,
        // Whatever parses and is no pipeline is none of ours, unless a person says that it is.
        Err(_) if !input.named && Tree::read(text.as_bytes()).is_ok() => return Ok(None),
        Err(problem) => return Err(problem),
    };
    let mut findings: Vec<Finding> = Vec::new();
    let mut verdicts: Vec<ReleaseVerdict> = Vec::new();
    for document in &documents {
        for verdict in judge(document, bench.releases, bench.knowledge) {
            match verdicts.iter_mut().find(|one| one.release == verdict.release) {
                Some(one) => one.outcome = one.outcome.max(verdict.outcome),
                None => verdicts.push(ReleaseVerdict {
                    release: verdict.release,
                    outcome: verdict.outcome,
                    note: verdict.note,
                }),
            }
            findings.extend(verdict.findings);
            let place = sdk_place(document);
            let (name, sdk) = (document.name(), document.sdk());
            findings.extend(
                bench
                    .policy
                    .and_then(|policy| policy.sdk(sdk, place, verdict.release)),
            );
            let installed = bench.installed;
            findings.extend(installed.and_then(|policy| policy.pipeline(name, sdk, place, verdict.release)));
        }
    }
    let first = documents.first();
    Ok(Some(FileReport {
        path: input.name.clone(),
        kind: match first {
            Some(Document::Workflow(_)) => Kind::Workflow,
            _ => Kind::Pipeline,
        },
        sdk: first.and_then(Document::sdk).map(str::to_owned),
        findings: merge(findings.into_iter(), text.as_bytes()),
        verdicts,
    }))
}

/// Where a document names the SDK that compiled it.
fn sdk_place(document: &Document) -> Option<Place> {
    let value = match document {
        Document::Pipeline(pipeline) => pipeline.spec.root().get("sdkVersion")?,
        Document::Workflow(workflow) => workflow.spec.root().at(&[
            "metadata",
            "annotations",
            "pipelines.kubeflow.org/kfp_sdk_version",
        ])?,
    };
    Some(value.place())
}

/// Nothing when it asks for no package of KFP and was found in a folder.
fn requirement_file(
    input: &Input,
    format: Format,
    text: &str,
    bench: Bench<'_>,
    includes: &mut Vec<Input>,
) -> Result<Option<FileReport>, Unreadable> {
    let asked = requirements::read(format, text)?;
    includes.extend(asked.includes.iter().filter_map(|name| input.included(name)));
    if asked.packages.is_empty() && !input.named {
        return Ok(None);
    }
    let mut report = packages::report(&input.name, Kind::Requirements, &asked, text.as_bytes(), bench);
    if let Some(lock) = input.lock_beside().filter(|_| !format.is_lock()) {
        packages::leave_to_lock(&mut report, &lock);
    }
    Ok(Some(report))
}

fn unreadable(input: &Input, text: &[u8], problem: Unreadable) -> Box<UnreadableFile> {
    Box::new(UnreadableFile {
        path: input.name.clone(),
        place: problem.place.map(|place| span(text, place)),
        excerpt: problem.place.and_then(|place| excerpt(text, place)),
        message: problem.message,
        help: problem.help,
    })
}
