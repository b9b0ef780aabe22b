//! PEOPLE: `kfpctl check` as it is run: files in, exit code and words out. Needs no network and no cluster.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use rstest::rstest;
use serde_json::Value;

/// A pipeline that an SDK compiled.
fn corpus(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../compat/corpus/compiled")
        .join(name)
}

/// A folder with a root of its own, so that no policy above it counts.
struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join(".git")).unwrap();
        Self(folder)
    }

    fn with(self, name: &str, text: impl AsRef<[u8]>) -> Self {
        let path = self.0.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
        self
    }

    fn with_pipeline(self, name: &str, of: &str) -> Self {
        let text = fs::read(corpus(of)).unwrap();
        self.with(name, text)
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_kfpctl"));
        command
            .current_dir(self.0.path())
            .env_clear()
            .env("LANG", "C.UTF-8");
        command.arg("check").args(words);
        command
    }

    fn check(&self, words: &[&str]) -> (i32, String, String) {
        told(&self.command(words).output().unwrap())
    }
}

fn told(output: &Output) -> (i32, String, String) {
    (
        output.status.code().unwrap(),
        String::from_utf8(output.stdout.clone()).unwrap(),
        String::from_utf8(output.stderr.clone()).unwrap(),
    )
}

#[rstest]
#[case(&["fine.yaml", "--backend", "2.14.4"], 0)]
#[case(&["new.yaml", "--backend", "2.17.0"], 0)]
#[case(&["new.yaml", "--backend", "2.14.4"], 1)]
#[case(&["new.yaml", "--backend", "2.17.0", "--backend", "2.14.4"], 1)]
#[case(&["new.yaml", "--backend", "2.17.0,2.14.4"], 1)]
#[case(&["new.yaml", "--backend-range", ">=2.14,<2.15"], 1)]
#[case(&["new.yaml", "--matrix"], 0)]
#[case(&["new.yaml", "--matrix", "--backend", "2.14.4"], 1)]
#[case(&["requirements.txt", "--backend", "2.14.4"], 0)]
#[case(&["requirements.txt", "--backend", "2.14.4", "--fail-on", "warning"], 1)]
#[case(&[".", "--backend", "2.14.4"], 1)]
#[case(&["*.yaml", "--backend", "2.14.4"], 1)]
#[case(&["other.yaml", "--backend", "2.14.4"], 2)]
#[case(&["gone.yaml", "--backend", "2.14.4"], 2)]
#[case(&["gone.yaml", "new.yaml", "--backend", "2.14.4"], 2)]
#[case(&["fine.yaml"], 2)]
#[case(&["fine.yaml", "--backend", "2.14"], 2)]
#[case(&["fine.yaml", "--backend", "2.15.2"], 2)]
#[case(&["fine.yaml", "--backend-range", "newest"], 2)]
#[case(&["fine.yaml", "--backend", "2.14.4", "--output", "xml"], 2)]
#[case(&["fine.yaml", "--backend", "2.14.4", "--policy", "gone.yaml"], 2)]
#[case(&["fine.yaml", "--backend", "2.14.4", "--output-file", "json=no/such/folder.json"], 2)]
#[case(&["--backend", "2.14.4"], 2)]
#[case(&["empty", "--backend", "2.14.4"], 2)]
fn exit_codes_are_those_of_the_help(#[case] words: &[&str], #[case] wanted: i32) {
    let place = Place::new()
        .with_pipeline("fine.yaml", "2.11.0/hello.yaml")
        .with_pipeline("new.yaml", "2.17.0/task_config.yaml")
        .with("requirements.txt", "kfp\n")
        .with("other.yaml", "a: 1\n")
        .with("empty/readme.md", "");
    let (code, out, err) = place.check(words);
    assert_eq!(code, wanted, "{out}{err}");
    assert_eq!(code == 2 && out.is_empty(), !err.is_empty(), "{out}{err}");
}

#[test]
fn a_requirements_file_is_told_as_a_compiler_tells() {
    let place = Place::new().with(
        "requirements.txt",
        "numpy==2.0\nkfp==2.15.1 # why\nkfp-kubernetes\n",
    );
    let (code, out, _) = place.check(&["requirements.txt", "--backend", "2.5.0,2.14.4"]);
    assert_eq!(code, 1);
    insta::assert_snapshot!(out);
}

#[test]
fn a_folder_is_looked_through_and_what_is_none_of_ours_is_counted() {
    let place = Place::new()
        .with_pipeline("a/hello.yaml", "2.17.0/hello.yaml")
        .with_pipeline(".hidden/new.yaml", "2.17.0/task_config.yaml")
        .with("a/values.yaml", "pipelineSpec: true\n")
        .with("a/chart.yaml", "{{ broken }}: [\n")
        .with("a/data.json", "{\"a\": 1}")
        .with("a/readme.md", "")
        .with("pyproject.toml", "[project]\ndependencies = ['numpy']\n");
    let (code, out, err) = place.check(&[".", "--backend", "2.14.4", "--output", "json"]);
    assert_eq!(code, 0, "{out}{err}");
    let report: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(report["files"].as_array().unwrap().len(), 1);
    assert_eq!(report["files"][0]["path"], "a/hello.yaml");
    assert_eq!(report["passedOver"], 5);
}

#[test]
fn the_json_report_fulfils_its_schema() {
    let place = Place::new()
        .with_pipeline("new.yaml", "2.17.0/task_config.yaml")
        .with("broken.yaml", "pipelineInfo: [\n")
        .with("requirements.txt", "kfp\n")
        .with(
            ".kfpctl.yaml",
            "findings: [{code: KFP082, action: ignore, reason: soon, until: 2999-01-01}]\n",
        );
    let (_, out, err) = place.check(&[".", "--backend-range", ">=2.14", "--output", "json"]);
    let report: Value = serde_json::from_str(&out).unwrap_or_else(|error| panic!("{error}: {out}{err}"));
    let schema = serde_json::to_value(schemars::schema_for!(kfpctl::check::report::Report)).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let problems: Vec<String> = validator
        .iter_errors(&report)
        .map(|problem| problem.to_string())
        .collect();
    assert_eq!(problems, Vec::<String>::new());
    assert!(report["summary"]["ignored"].as_u64() > Some(0));
    assert_eq!(report["unreadable"][0]["path"], "broken.yaml");
    assert_eq!(report["policy"], ".kfpctl.yaml");
}

#[test]
fn every_form_goes_into_a_file_too() {
    let place = Place::new().with_pipeline("new.yaml", "2.17.0/task_config.yaml");
    let mut words = vec!["new.yaml", "--backend", "2.14.4"];
    let forms = ["human=a", "json=b", "sarif=c", "junit=d", "github=e"];
    words.extend(forms.iter().flat_map(|form| ["--output-file", form]));
    let (code, out, _) = place.check(&words);
    assert_eq!(code, 1);
    let text = |name: &str| fs::read_to_string(place.0.path().join(name)).unwrap();
    assert_eq!(text("a"), out);
    for (name, word) in [
        ("b", "\"schemaVersion\""),
        ("c", "\"ruleId\""),
        ("d", "<testsuites"),
        ("e", "::error file=new.yaml,line="),
    ] {
        assert!(text(name).contains(word), "{name}: {}", text(name));
    }
}

#[test]
fn standard_input_is_a_pipeline() {
    let place = Place::new();
    let mut command = place.command(&["-", "--backend", "2.14.4"]);
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let text = fs::read(corpus("2.17.0/task_config.yaml")).unwrap();
    child.stdin.take().unwrap().write_all(&text).unwrap();
    let (code, out, _) = told(&child.wait_with_output().unwrap());
    assert_eq!(code, 1);
    assert!(out.contains("<stdin>"), "{out}");
}

#[test]
fn a_policy_ignores_raises_and_rules_sdks_out() {
    let place = Place::new()
        .with_pipeline("legacy/new.yaml", "2.17.0/task_config.yaml")
        .with_pipeline("hello.yaml", "2.17.0/hello.yaml")
        .with("requirements.txt", "kfp\n");
    let (_, out, _) = place.check(&["legacy", "--backend", "2.14.4", "--output", "json"]);
    let report: Value = serde_json::from_str(&out).unwrap();
    let codes: std::collections::BTreeSet<&str> = report["files"][0]["findings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|finding| finding["code"].as_str().unwrap())
        .collect();
    let ignore: Vec<String> = codes
        .iter()
        .map(|code| format!("  - {{code: {code}, action: ignore, reason: it goes, paths: ['legacy/**']}}"))
        .collect();
    let ignore = ignore.join("\n");
    let place = place.with(
        ".kfpctl.yaml",
        format!("backends: [2.14.4]\nfindings:\n{ignore}\n"),
    );
    assert_eq!(place.check(&["legacy"]).0, 0);
    let place = place.with(
        "other/policy.yaml",
        "backends: [2.14.4]\nsdk: {allowed: '<2.17'}\nfailOn: warning\n",
    );
    let (code, out, _) = place.check(&["hello.yaml", "--policy", "other/policy.yaml"]);
    assert_eq!(code, 1);
    assert!(
        out.contains("error[KFP087]") && out.contains("sdkVersion: kfp-2.17.0"),
        "{out}"
    );
    assert_eq!(
        place
            .check(&["requirements.txt", "--policy", "other/policy.yaml"])
            .0,
        1
    );
    assert_eq!(
        place
            .check(&[
                "requirements.txt",
                "--policy",
                "other/policy.yaml",
                "--fail-on",
                "error"
            ])
            .0,
        0
    );
}

#[test]
fn what_requirements_name_is_read_and_a_lock_file_decides() {
    let place = Place::new()
        .with(
            "requirements.txt",
            "-r more/base.txt\n-r https://example.com/x.txt\n",
        )
        .with("more/base.txt", "-c ../requirements.txt\nkfp==2.15.1\n")
        .with("app/pyproject.toml", "[project]\ndependencies = ['kfp']\n")
        .with("app/uv.lock", "[[package]]\nname = 'kfp'\nversion = '2.14.6'\n");
    let (code, out, _) = place.check(&["requirements.txt", "--backend", "2.14.4"]);
    assert_eq!(code, 1);
    assert!(out.contains("more/base.txt:2:1"), "{out}");
    let (code, out, _) = place.check(&["app", "--backend", "2.14.4", "--fail-on", "warning"]);
    assert_eq!(code, 0, "{out}");
    assert!(out.contains("uv.lock beside it pins the version"), "{out}");
}

#[test]
fn the_installed_sdk_is_read_where_python_would_look() {
    let place = Place::new().with(
        "env/lib/python3.12/site-packages/kfp-2.15.1.dist-info/METADATA",
        "Metadata-Version: 2.1\nName: kfp\nVersion: 2.15.1\n",
    );
    let words = ["--installed-sdk", "--backend", "2.14.4"];
    let prefix = place.0.path().join("env");
    let (code, out, _) = told(
        &place
            .command(&words)
            .env("VIRTUAL_ENV", &prefix)
            .output()
            .unwrap(),
    );
    assert_eq!(code, 1);
    assert!(out.contains("$VIRTUAL_ENV") && out.contains("KFP080"), "{out}");
    let (code, _, err) = place.check(&words);
    assert_eq!(code, 2);
    assert!(err.contains("no Python environment here"), "{err}");
}

#[cfg(unix)]
#[test]
fn hostile_names_and_unreadable_files_are_told_and_do_no_harm() {
    use std::os::unix::ffi::OsStringExt as _;
    let place = Place::new().with_pipeline("a\u{1b}[31m\n::error::b.yaml", "2.17.0/task_config.yaml");
    let bytes = std::ffi::OsString::from_vec(b"not\xffutf8.yaml".to_vec());
    fs::copy(corpus("2.17.0/hello.yaml"), place.0.path().join(bytes)).unwrap();
    for form in ["human", "github", "sarif", "junit", "json"] {
        let (code, out, err) = place.check(&[".", "--backend", "2.14.4", "--output", form]);
        assert_eq!(code, 1, "{out}{err}");
        assert!(
            !out.contains('\u{1b}') && !out.lines().any(|line| line.starts_with("::error::b")),
            "{form}: {out}"
        );
    }
    let (code, out, _) = place.check(&["/dev/null", "--backend", "2.14.4"]);
    assert_eq!((code, out.contains("cannot be read")), (2, true), "{out}");
    std::os::unix::fs::symlink("loop.yaml", place.0.path().join("loop.yaml")).unwrap();
    assert_eq!(place.check(&["loop.yaml", "--backend", "2.14.4"]).0, 2);
}

#[cfg(unix)]
#[test]
fn a_reader_that_goes_away_is_no_panic() {
    let place = Place::new().with_pipeline("new.yaml", "2.17.0/task_config.yaml");
    let mut command = place.command(&["new.yaml", "--backend-range", ">=2", "--output", "json"]);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    drop(child.stdout.take());
    let (_, _, err) = told(&child.wait_with_output().unwrap());
    assert!(!err.contains("panicked"), "{err}");
}

#[test]
fn the_order_of_findings_does_not_depend_on_which_core_was_faster() {
    let place = Place::new();
    for index in 0..40 {
        fs::copy(
            corpus("2.17.0/task_config.yaml"),
            place.0.path().join(format!("{index}.yaml")),
        )
        .unwrap();
    }
    let words = [".", "--backend-range", ">=2.14", "--output", "json"];
    let first = place.check(&words);
    assert_eq!(first, place.check(&words));
}
