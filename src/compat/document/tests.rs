//! Tests: what a text is taken for.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;
use rstest::rstest;

use super::package::unpack_within;
use super::{Document, Form, Pipeline};
use crate::finding::Effect;

const SPEC: &str =
    "pipelineInfo:\n  name: demo\nroot:\n  dag: {}\nschemaVersion: 2.1.0\nsdkVersion: kfp-2.15.2\n";
const PLATFORM: &str = "platforms:\n  kubernetes:\n    deploymentSpec:\n      executors: {}\n";

fn pipeline(text: impl AsRef<[u8]>) -> Pipeline {
    match Document::read(text.as_ref()).unwrap() {
        Document::Pipeline(pipeline) => pipeline,
        Document::Workflow(workflow) => panic!("{workflow:?}"),
    }
}

fn refusal(text: impl AsRef<[u8]>) -> String {
    let error = Document::read(text.as_ref()).unwrap_err();
    format!("{} ({})", error.message, error.help)
}

fn indented(text: &str, by: usize) -> String {
    let blanks = " ".repeat(by);
    text.lines().flat_map(|line| [&blanks, line, "\n"]).collect()
}

#[rstest]
#[case::alone(SPEC.to_owned(), false, Form::Upload)]
#[case::with_its_platform_behind(format!("{SPEC}---\n{PLATFORM}"), true, Form::Upload)]
#[case::with_its_platform_before(format!("{PLATFORM}---\n{SPEC}"), true, Form::Upload)]
#[case::behind_empty_documents(format!("---\n---\n# nothing\n---\n{SPEC}"), false, Form::Upload)]
#[case::under_a_key(format!("pipelineSpec:\n{}", indented(SPEC, 2)), false, Form::Wrapped)]
#[case::with_its_platform_under_keys(
    format!("pipelineSpec:\n{}platformSpec:\n{}", indented(SPEC, 2), indented(PLATFORM, 2)),
    true,
    Form::Wrapped
)]
#[case::as_the_api_answers(
    format!(
        "display_name: x\npipeline_spec:\n  pipeline_spec:\n{}  platform_spec:\n{}",
        indented(SPEC, 4),
        indented(PLATFORM, 4)
    ),
    true,
    Form::Wrapped
)]
#[case::without_a_platform_that_is_null(
    format!("platformSpec: null\npipelineSpec:\n{}", indented(SPEC, 2)),
    false,
    Form::Wrapped
)]
#[case::as_a_manifest(
    format!(
        "apiVersion: pipelines.kubeflow.org/v2beta1\nkind: PipelineVersion\nspec:\n  pipelineName: demo\n  pipelineSpec:\n{}  \
         platformSpec:\n{}",
        indented(SPEC, 4),
        indented(PLATFORM, 4)
    ),
    true,
    Form::Manifest
)]
fn a_pipeline_is_found(#[case] text: String, #[case] with_platform: bool, #[case] form: Form) {
    let pipeline = pipeline(&text);
    assert_eq!(pipeline.name.as_deref(), Some("demo"));
    assert_eq!(pipeline.sdk.as_deref(), Some("kfp-2.15.2"));
    assert_eq!(pipeline.form, form);
    assert_eq!(pipeline.bytes, text.len());
    assert!(pipeline.others.is_empty());
    let platforms = pipeline
        .platform
        .as_ref()
        .and_then(|platform| platform.root().get("platforms"));
    assert_eq!(platforms.is_some(), with_platform);
}

#[test]
fn further_documents_are_kept_in_their_order() {
    let text = format!("{SPEC}---\nnote: x\n---\n{SPEC}---\n{PLATFORM}---\n- y\n");
    let pipeline = pipeline(text);
    let firsts: Vec<_> = pipeline
        .others
        .iter()
        .map(|other| other.root().entries().next().map(|pair| pair.key))
        .collect();
    assert_eq!(firsts, [Some("note"), Some("pipelineInfo"), None]);
}

#[test]
fn names_in_the_other_spelling_count_too() {
    let pipeline = pipeline("pipeline_info: {name: demo}\nsdk_version: kfp-2.0.1\n");
    assert_eq!(pipeline.name.as_deref(), Some("demo"));
    assert_eq!(pipeline.sdk.as_deref(), Some("kfp-2.0.1"));
}

#[test]
fn a_workflow_of_the_v1_sdk_is_found() {
    let text = "apiVersion: argoproj.io/v1alpha1\nkind: Workflow\nmetadata:\n  generateName: demo-\n  annotations:\n    \
                pipelines.kubeflow.org/kfp_sdk_version: 1.8.22\n";
    let document = Document::read(text.as_bytes()).unwrap();
    assert!(matches!(document, Document::Workflow(_)));
    assert_eq!((document.sdk(), document.name()), (Some("1.8.22"), Some("demo-")));
}

#[test]
fn each_manifest_of_a_file_is_a_document() {
    let one = |name: &str| {
        format!(
            "apiVersion: pipelines.kubeflow.org/v2beta1\nkind: PipelineVersion\nmetadata: {{name: x}}\nspec:\n  pipelineSpec: \
             {{pipelineInfo: {{name: {name}}}}}\n---\n"
        )
    };
    let text = format!(
        "apiVersion: pipelines.kubeflow.org/v2beta1\nkind: Pipeline\n---\n{}{}",
        one("one"),
        one("two")
    );
    let documents = Document::read_each(text.as_bytes()).unwrap();
    let names: Vec<_> = documents.iter().map(Document::name).collect();
    assert_eq!(names, [Some("one"), Some("two")]);
    assert!(refusal(text).contains("holds 2 pipeline versions"));
}

#[test]
fn kubectl_reads_yes_as_a_truth_and_servers_do_not() {
    let spec = "root: {dag: {enabled: yes}}";
    let manifest = format!(
        "apiVersion: pipelines.kubeflow.org/v2beta1\nkind: PipelineVersion\nspec: {{pipelineSpec: {{{spec}}}}}"
    );
    let enabled = |pipeline: &Pipeline| {
        pipeline
            .spec
            .root()
            .at(&["root", "dag", "enabled"])
            .unwrap()
            .as_bool()
    };
    assert_eq!(enabled(&pipeline(manifest)), Some(true));
    assert_eq!(enabled(&pipeline(spec)), None);
}

#[test]
fn what_is_no_pipeline_is_called_by_its_name() {
    let manifest =
        "apiVersion: pipelines.kubeflow.org/v2beta1\nkind: PipelineVersion\nspec: {pipelineName: x}\n";
    let texts: &[(&str, &str)] = &[
        (
            "a program",
            "# comment\nfrom kfp import dsl\n\n@dsl.component\ndef f(): ...\n",
        ),
        ("a program that is YAML", "from kfp import dsl\n"),
        ("a manifest", "apiVersion: apps/v1\nkind: Deployment\n"),
        ("a manifest without a pipeline", manifest),
        (
            "a component of v1",
            "name: x\nimplementation: {container: {image: y}}\n",
        ),
        ("a platform spec", PLATFORM),
        ("a mapping", "a: 1\nb: 2\n"),
        ("an empty mapping", "{}"),
        ("a sequence", "- a\n"),
        ("a word", "hello"),
        ("a comment", "# x\n---\n~\n"),
    ];
    let told: Vec<String> = (texts.iter())
        .map(|(what, text)| format!("{what}: {}", refusal(text)))
        .collect();
    insta::assert_snapshot!(told.join("\n"));
}

#[rstest]
#[case::a_key_that_is_a_number(format!("{SPEC}a: {{1: x}}"), &[Effect::RefusedAtUpload])]
#[case::a_key_that_is_a_number_in_the_platform(format!("{SPEC}---\n{PLATFORM}a: {{1: x}}"), &[])]
#[case::infinity(format!("{SPEC}a: .inf"), &[Effect::RefusedAtUpload])]
#[case::infinity_in_the_platform(format!("{SPEC}---\n{PLATFORM}a: .inf"), &[Effect::Dropped])]
#[case::infinity_in_another_document(format!("{SPEC}---\na: .inf"), &[])]
#[case::a_key_that_is_null(format!("{SPEC}~: x"), &[Effect::Dropped])]
#[case::a_break_of_line_in_a_comment(format!("# a\u{2028}b\n{SPEC}"), &[Effect::RefusedAtUpload])]
#[case::another_version_of_yaml(format!("%YAML 1.2\n---\n{SPEC}"), &[Effect::RefusedAtUpload])]
#[case::nothing_unusual(SPEC.to_owned(), &[])]
fn what_is_written_so_that_servers_read_it_otherwise_is_a_flaw(
    #[case] text: String,
    #[case] effects: &[Effect],
) {
    let told: Vec<Effect> = pipeline(text).flaws.iter().map(|flaw| flaw.effect).collect();
    assert_eq!(told, effects);
}

fn zip(files: &[(&str, &str)]) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, text) in files {
        writer
            .start_file(*name, zip::write::SimpleFileOptions::default())
            .unwrap();
        writer.write_all(text.as_bytes()).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

fn tar_gz(files: &[(&str, &str)]) -> Vec<u8> {
    let mut builder = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
    for (name, text) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(text.len() as u64);
        header.set_mode(0o644);
        builder.append_data(&mut header, name, text.as_bytes()).unwrap();
    }
    builder.into_inner().unwrap().finish().unwrap()
}

#[rstest]
#[case::a_zip(zip)]
#[case::a_tarball(tar_gz)]
fn a_package_is_opened_as_servers_open_it(#[case] pack: fn(&[(&str, &str)]) -> Vec<u8>) {
    let other = "other: x";
    for files in [
        &[("pipeline.yaml", SPEC)][..],
        &[("other.yaml", other), ("pipeline.yaml", SPEC)],
        &[("first.yml", SPEC), ("other.yaml", other)],
    ] {
        assert_eq!(pipeline(pack(files)).name.as_deref(), Some("demo"));
    }
    let told = refusal(pack(&[("first.json", SPEC), ("second.yaml", SPEC)]));
    assert!(
        told.contains("has no pipeline.yaml, and its first file is first.json"),
        "{told}"
    );
    assert!(refusal(pack(&[])).contains("first file is absent"));
}

#[test]
fn a_zip_that_is_cut_is_refused_wherever_it_ends() {
    let package = zip(&[("pipeline.yaml", SPEC)]);
    for end in 3..package.len() {
        let _refused = Document::read(&package[..end]).unwrap_err();
    }
}

#[test]
fn a_tarball_that_is_cut_is_refused_unless_the_file_in_it_is_whole() {
    let package = tar_gz(&[("pipeline.yaml", SPEC)]);
    for end in 3..package.len() {
        if let Ok(document) = Document::read(&package[..end]) {
            assert_eq!(document.sdk(), Some("kfp-2.15.2"));
        }
    }
}

#[rstest]
#[case::a_zip(zip)]
#[case::a_tarball(tar_gz)]
fn a_package_that_unpacks_to_more_than_is_read_is_refused(#[case] pack: fn(&[(&str, &str)]) -> Vec<u8>) {
    let package = pack(&[("pipeline.yaml", &" ".repeat(100_000))]);
    assert_eq!(unpack_within(&package, 100_000).unwrap().len(), 100_000);
    let error = unpack_within(&package, 99_999).unwrap_err();
    assert!(error.message.contains("more than 99999 bytes"), "{error}");
}
