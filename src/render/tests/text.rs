//! Proof: the YAML of a rendering is the same bytes each time, and reads back as the same objects. Pure.

use kfp_render::yaml::stream;
use kfp_render::{Object, to_yaml};
use rstest::rstest;
use serde_json::{Value, json};

use crate::common::{every_rendering, installation, rendered};

#[test]
fn the_same_installation_gives_the_same_bytes() {
    for (case, rendered) in every_rendering() {
        let text = to_yaml(&rendered).unwrap();
        assert_eq!(text, to_yaml(&rendered.clone()).unwrap(), "{case}");
        assert!(text.starts_with("---\n") && text.ends_with('\n'), "{case}");
    }
    let twice = || to_yaml(&kfp_render::render(&installation("2.16.1", "team-a")).unwrap()).unwrap();
    assert_eq!(twice(), twice());
}

#[test]
fn the_text_reads_back_as_the_same_objects() {
    for (case, rendered) in every_rendering() {
        let text = to_yaml(&rendered).unwrap();
        let read: Vec<Value> = serde_saphyr::from_multiple(&text).unwrap();
        let objects: Vec<Value> = rendered.objects().iter().map(Object::to_json).collect();
        assert_eq!(read, objects, "{case}");
    }
}

/// Plain, a YAML 1.1 reader would take each of these for a truth value, a number, a date or nothing.
#[rstest]
#[case("yes")]
#[case("No")]
#[case("on")]
#[case("y")]
#[case("true")]
#[case("null")]
#[case("~")]
#[case("")]
#[case("1e3")]
#[case("0x1f")]
#[case("0o17")]
#[case("017")]
#[case("1_000")]
#[case("12:30:45")]
#[case("190:20:30")]
#[case("2026-01-01")]
#[case(".5")]
#[case(".inf")]
#[case("=")]
#[case("<<")]
#[case("- a")]
#[case("a: b")]
#[case("a #b")]
#[case("*a")]
#[case("&a")]
#[case("@a")]
#[case("`a")]
#[case(" a")]
fn a_string_that_looks_like_something_else_is_quoted(#[case] value: &str) {
    let text = stream(&[json!({"key": value})]).unwrap();
    let shown = text.lines().nth(1).unwrap();
    assert!(
        shown.starts_with("key: '") || shown.starts_with("key: \""),
        "{text}"
    );
    let read: Value = serde_saphyr::from_str(&text).unwrap();
    assert_eq!(read["key"], value);
}

#[test]
fn texts_of_several_lines_are_blocks_and_long_lines_are_not_folded() {
    let long = "word ".repeat(60).trim().to_owned();
    let text = stream(&[json!({"lines": "one\ntwo\n", "long": long})]).unwrap();
    assert_eq!(text, format!("---\nlines: |\n  one\n  two\nlong: {long}\n"));
}

#[test]
fn keys_are_sorted() {
    let text = to_yaml(&rendered("2.16.1")).unwrap();
    let first: Vec<&str> = text
        .lines()
        .skip(1)
        .take_while(|line| *line != "---")
        .filter(|line| !line.starts_with(' '))
        .collect();
    assert_eq!(
        first,
        [
            "apiVersion: v1",
            "data:",
            "kind: Secret",
            "metadata:",
            "type: Opaque"
        ]
    );
}
