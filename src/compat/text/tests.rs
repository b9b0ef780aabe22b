//! Tests: texts to trees. What a scalar is was asked of gopkg.in/yaml.v3 3.0.1 itself.

use std::fmt::Write as _;

use proptest::prelude::*;
use rstest::rstest;

use super::{Kind, MAX_BYTES, MAX_DEPTH, Number, OddityKind, Text, Tree, Value, decode};

fn one(text: &str) -> Tree {
    let mut trees = Tree::read(text.as_bytes()).unwrap();
    assert_eq!(trees.len(), 1, "{text}");
    trees.remove(0)
}

fn refusal(text: &[u8]) -> String {
    let error = Tree::read(text).unwrap_err();
    let place = error
        .place
        .map(|place| format!("{}:{}: ", place.line, place.column));
    format!("{}{} ({})", place.unwrap_or_default(), error.message, error.help)
}

/// As JSON, without spaces.
fn json(value: Value<'_>) -> String {
    let joined = |parts: Vec<String>| parts.join(",");
    match value.kind() {
        Kind::Null => "null".to_owned(),
        Kind::Bool => value.as_bool().unwrap().to_string(),
        Kind::Number => match value.as_number().unwrap() {
            Number::Integer(number) => number.to_string(),
            Number::Float(number) => format!("{number:?}"),
        },
        Kind::Text => format!("{:?}", value.as_str().unwrap()),
        Kind::Sequence => format!("[{}]", joined(value.items().map(json).collect())),
        Kind::Mapping => {
            let entry = |pair: super::Pair<'_>| format!("{}:{}", pair.key, json(pair.value));
            format!("{{{}}}", joined(value.entries().map(entry).collect()))
        }
    }
}

#[rstest]
#[case::words_of_yaml_1_1_are_texts("[yes, No, on, OFF, y, n]", r#"["yes","No","on","OFF","y","n"]"#)]
#[case::truths("[true, True, TRUE, tRUE, false]", r#"[true,true,true,"tRUE",false]"#)]
#[case::nulls(
    "[~, null, Null, NULL, nULL, '~', '']",
    r#"[null,null,null,null,"nULL","~",""]"#
)]
#[case::octals("[07, 0777, 0o17, 0O17, 08, 0o8]", r#"[7,511,15,15,8.0,"0o8"]"#)]
#[case::other_bases("[0x1F, -0x1f, 0b101, 0b12, 0x, +5]", r#"[31,-31,5,"0b12","0x",5]"#)]
#[case::underscores("[1_000, 1__0, 0x_1F, _1, 1_.5]", r#"[1000,10,31,"_1",1.5]"#)]
#[case::floats(
    "[1e3, 1.5, .5, 5., -.5e1, 1e, ., 1.2.3]",
    r#"[1000.0,1.5,0.5,5.0,-5.0,"1e",".","1.2.3"]"#
)]
#[case::too_great_for_a_number("[1e400, -1e400, 1e-400]", r#"["1e400","-1e400",0.0]"#)]
#[case::great_integers(
    "[9223372036854775808, 18446744073709551615, 18446744073709551616, -9223372036854775809]",
    "[9223372036854775808,18446744073709551615,1.8446744073709552e19,-9.223372036854776e18]"
)]
#[case::dates_and_times("[2020-01-01, 12:30, 1,000]", r#"["2020-01-01","12:30",1,0]"#)]
#[case::tags(
    "[!!int '3', !!float 3, !!str 3, !foo 3, ! 3, !!str]",
    r#"[3,3,"3","3",3,""]"#
)]
#[case::merge_keys_yield_to_own_keys(
    "a: &a {x: 1, y: 2}\nb: &b {y: 3, z: 4}\nc: {<<: [*a, *b], x: 9}",
    "{a:{x:1,y:2},b:{y:3,z:4},c:{x:9,y:2,z:4}}"
)]
#[case::a_merge_key_in_quotes_is_a_key("{'<<': {a: 1}}", "{<<:{a:1}}")]
#[case::an_alias_is_a_copy("a: &x [1, {b: 2}]\nc: *x", "{a:[1,{b:2}],c:[1,{b:2}]}")]
#[case::a_block_keeps_no_line_break_that_is_not_there("a: |\n  x", r#"{a:"x"}"#)]
#[case::keys_at_the_top_are_texts("1: a\ntrue: b", r#"{1:"a",true:"b"}"#)]
#[case::tabs_in_json("{\n\t\"a\": [\n\t\t1\n\t]\n}", "{a:[1]}")]
#[case::a_comma_too_many_in_json("{\"a\": 1,}", "{a:1}")]
fn a_text_means_what_servers_read(#[case] text: &str, #[case] expected: &str) {
    assert_eq!(json(one(text).root()), expected);
}

#[test]
fn words_of_yaml_1_1_are_truths_where_kubectl_reads() {
    let tree = one("[yes, 'yes', Off, y, nope]").with_words_of_yaml_1_1();
    assert_eq!(json(tree.root()), r#"[true,"yes",false,true,"nope"]"#);
}

#[rstest]
#[case::not_a_number("a: [.nan]", OddityKind::NotFinite)]
#[case::infinite("a: -.inf", OddityKind::NotFinite)]
#[case::a_number_as_key("a: {1: x}", OddityKind::KeyIsNoText)]
#[case::a_truth_as_key("a: {true: x}", OddityKind::KeyIsNoText)]
#[case::null_as_key("~: x\na: b", OddityKind::KeyIsNull)]
fn what_servers_read_otherwise_is_told(#[case] text: &str, #[case] kind: OddityKind) {
    let kinds: Vec<_> = one(text).oddities().map(|oddity| oddity.kind).collect();
    assert_eq!(kinds, [kind]);
}

#[rstest]
#[case::a_slash(r#"{"a": "x\/y"}"#, Some(OddityKind::EscapedSlash))]
#[case::a_backslash_before_a_slash(r#"{"a": "x\\/y"}"#, None)]
#[case::surrogates(r#"{"a": "\ud83d\ude00"}"#, Some(OddityKind::PairOfSurrogates))]
#[case::an_escape_of_16_bits(r#"{"a": "\u00e9"}"#, None)]
#[case::a_break_in_a_comment("# x\u{2028}y\na: b", Some(OddityKind::BreakOfLine))]
#[case::a_break_before_the_next_line("a: b # x\u{85}", None)]
#[case::a_break_before_another_comment("# x\u{2028}# y\na: b", None)]
#[case::a_break_in_a_word("a:\n  b: x\u{2028}y", Some(OddityKind::BreakOfLine))]
#[case::a_break_in_a_block("a:\n  b: |\n    x\u{85}y\n", Some(OddityKind::BreakOfLine))]
#[case::a_break_in_quotes("a: \"x\u{2028}y\"", None)]
#[case::another_yaml("%YAML 1.2\n---\na: b", Some(OddityKind::YamlVersion))]
#[case::the_yaml_they_read("%YAML 1.1\n---\na: b", None)]
fn what_servers_refuse_of_a_whole_text_is_told(#[case] text: &str, #[case] kind: Option<OddityKind>) {
    let text = Text::read(text).unwrap();
    let kinds: Vec<_> = text.oddities.iter().map(|oddity| oddity.kind).collect();
    assert_eq!(kinds, Vec::from_iter(kind));
}

#[test]
fn every_value_and_key_knows_its_place() {
    let text =
        "# é\nwörter: \"ö\\n\" # c\nlist:\n- a: 1\n  b: {c: [x, 'y z']}\n\n# end\nlast: |\n  one\n  two\n";
    let tree = one(text);
    let mut told = String::new();
    walk(tree.root(), text, &mut told);
    insta::assert_snapshot!(told);
}

fn walk(value: Value<'_>, text: &str, told: &mut String) {
    let mut say = |place: super::Place, what: &str| {
        let raw = &text[place.start as usize..place.end as usize];
        writeln!(told, "{}:{} {what} {raw:?}", place.line, place.column).unwrap();
    };
    say(value.place(), &format!("{:?}", value.kind()));
    for pair in value.entries() {
        writeln!(told, "{}:{} key {}", pair.place.line, pair.place.column, pair.key).unwrap();
        walk(pair.value, text, told);
    }
    for item in value.items() {
        walk(item, text, told);
    }
}

#[test]
fn what_cannot_be_read_is_refused_with_a_reason() {
    let blocks: Vec<String> = (0..=MAX_DEPTH)
        .map(|depth| format!("{}a:", " ".repeat(depth)))
        .collect();
    let blocks = blocks.join("\n");
    let long_key = format!("{}: v", "k".repeat(1025));
    let texts: &[(&str, &[u8])] = &[
        ("empty", b""),
        ("blank", b" \n\t\n"),
        ("latin 1", b"a: b\nc: na\xefve\n"),
        ("utf 16 without a mark", b"a\0:\0 \0b\0"),
        ("utf 32", b"\xff\xfe\0\0a\0\0\0"),
        ("half a unit of utf 16", b"\xff\xfea"),
        ("a picture", b"\x89PNG\r\n\x1a\n\0\0\0"),
        ("a null byte", b"a: b\0"),
        ("a delete character", b"a: b\nc: \x7f"),
        ("a tab as indentation", b"a:\n\tb: c"),
        ("an open bracket", b"a: [b, c"),
        ("two colons", b"a: b: c"),
        ("a key twice", b"a: 1\nb:\n  c: 1\n  d: 2\n  c: 3"),
        ("a merge key twice", b"a: {<<: {b: 1}, <<: {c: 2}}"),
        ("a merge of no mapping", b"a: {<<: [1]}"),
        ("a mapping as key", b"a: {{b: c}: d}"),
        ("a sequence as key", b"? [a, b]\n: c"),
        ("an unknown alias", b"a: *b"),
        ("an alias within itself", b"a: &a {b: *a}"),
        ("a wrong tag", b"a: !!int x"),
        ("half a pair of surrogates", br#"{"a": "\ud83d"}"#),
        ("a key of more than 1024 characters", long_key.as_bytes()),
        ("text behind json", b"{\"a\": 1} b"),
        ("json lines", b"{\"a\": 1}\n{\"a\": 2}\n"),
        ("deep brackets", &b"[".repeat(MAX_DEPTH + 1)),
        ("deep blocks", blocks.as_bytes()),
        ("many documents", &b"--- a\n".repeat(1_001)),
    ];
    let mut told = String::new();
    for (what, text) in texts {
        writeln!(told, "{what}: {}", refusal(text)).unwrap();
    }
    insta::assert_snapshot!(told);
}

#[test]
fn more_than_64_mib_are_not_looked_at() {
    assert!(refusal(&vec![b'a'; MAX_BYTES + 1]).contains("at most 67108864 (64 MiB)"));
}

#[test]
fn utf_16_with_a_mark_reads_as_the_same_text_in_utf_8() {
    let text = "a: ö𝄞\n";
    let little: Vec<u8> = [0xfeff]
        .into_iter()
        .chain(text.encode_utf16())
        .flat_map(u16::to_le_bytes)
        .collect();
    let big: Vec<u8> = [0xfeff]
        .into_iter()
        .chain(text.encode_utf16())
        .flat_map(u16::to_be_bytes)
        .collect();
    let marked = format!("\u{feff}{text}");
    for bytes in [little.as_slice(), &big, marked.as_bytes(), text.as_bytes()] {
        assert_eq!(decode(bytes).unwrap(), text);
    }
}

/// Nine aliases of nine aliases and so on.
fn exploding(levels: usize) -> String {
    (1..levels).fold("a0: &a0 [x,x,x,x,x,x,x,x,x]\n".to_owned(), |mut text, level| {
        let aliases = vec![format!("*a{}", level - 1); 9].join(",");
        writeln!(text, "a{level}: &a{level} [{aliases}]").unwrap();
        text
    })
}

#[test]
fn aliases_are_shared_up_to_what_servers_take() {
    let few = one(&exploding(3));
    assert_eq!(few.root().at(&["a2"]).unwrap().items().count(), 9);
    assert!(few.len() < 60, "{} values are stored", few.len());
    assert!(refusal(exploding(20).as_bytes()).contains("aliases stand for"));
}

#[test]
fn a_part_of_a_tree_is_a_tree() {
    let tree = one("a:\n  b: [1, .nan]\nc: {1: x}");
    let part = tree.part(&["a", "b"]).unwrap();
    assert_eq!(json(part.root()), "[1,NaN]");
    assert_eq!(
        part.oddities().map(|oddity| oddity.kind).collect::<Vec<_>>(),
        [OddityKind::NotFinite]
    );
    assert!(tree.part(&["a", "x"]).is_none());
}

fn json_value() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        any::<u64>().prop_map(Into::into),
        (-1e300..1e300).prop_map(|number: f64| number.into()),
        // Control characters but those of white space may not stand in the text; JSON writes them as escapes.
        "[\\x00-\\x7eäöü€😀 :#'\"\\[\\]{},&*!|>%@`-]{0,12}".prop_map(Into::into),
    ];
    leaf.prop_recursive(5, 60, 8, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..8).prop_map(Into::into),
            prop::collection::btree_map("[a-z<~\"\\n ]{0,6}", inner, 0..8)
                .prop_map(|entries| serde_json::Value::Object(entries.into_iter().collect())),
        ]
    })
}

fn same(value: Value<'_>, json: &serde_json::Value) -> bool {
    match json {
        serde_json::Value::Null => value.kind() == Kind::Null,
        serde_json::Value::Bool(truth) => value.as_bool() == Some(*truth),
        serde_json::Value::Number(number) => match (value.as_number(), number.as_i128()) {
            (Some(Number::Integer(read)), Some(written)) => read == written,
            (Some(read), None) => Some(read.as_f64()) == number.as_f64(),
            _ => false,
        },
        serde_json::Value::String(text) => value.as_str() == Some(text),
        serde_json::Value::Array(items) => {
            value.items().len() == items.len()
                && value.items().zip(items).all(|(value, item)| same(value, item))
        }
        serde_json::Value::Object(entries) => {
            value.entries().len() == entries.len()
                && entries
                    .iter()
                    .all(|(key, item)| value.get(key).is_some_and(|value| same(value, item)))
        }
    }
}

proptest! {
    #[test]
    fn json_reads_as_what_was_written(value in json_value(), pretty in any::<bool>()) {
        let text = if pretty { serde_json::to_string_pretty(&value) } else { serde_json::to_string(&value) }.unwrap();
        let mut trees = Tree::read(text.as_bytes()).unwrap();
        if value.is_null() {
            prop_assert!(trees.is_empty());
        } else {
            let tree = trees.remove(0);
            prop_assert!(same(tree.root(), &value), "{text}");
            prop_assert_eq!(tree.root().place().start, 0);
            prop_assert_eq!(tree.root().place().end as usize, text.len());
        }
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _read = Tree::read(&bytes);
    }

    #[test]
    fn any_marks_of_yaml_are_read_or_refused(text in "[a<:\\- \\n\\[\\]{}&*!|>'\"?,#%~0.]{0,60}") {
        for tree in Tree::read(text.as_bytes()).unwrap_or_default() {
            walk(tree.root(), &text, &mut String::new());
        }
    }
}
