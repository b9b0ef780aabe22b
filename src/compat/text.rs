//! JUDGEMENT: YAML or JSON as a tree of values that know where they stand in the text. Reads; judges nothing.
//!
//! Values mean what the servers' own reader takes them for: `gopkg.in/yaml.v3` 3.0.1 decodes an upload into a map, and
//! `encoding/json` writes that map for the protobuf reader (kubeflow/pipelines 2.0.5 to 2.17.0,
//! `backend/src/apiserver/template/v2_template.go` and `go.mod`; all of these read alike).
//!
//! The tree is an arena: a document of any depth is freed and walked without recursion into the stack of its values, and
//! what an alias names is stored once.

mod decode;
mod mapping;
mod number;
mod quoted;
mod read;
mod scalar;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use serde::{Deserialize, Serialize};

pub use decode::{MAX_BYTES, decode};
pub use number::Number;
pub(crate) use read::shortened;
pub use read::{MAX_DEPTH, MAX_VALUES, Text};

/// Where something stands in a text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Place {
    /// Line, from 1.
    pub line: u32,
    /// Column in characters, from 1.
    pub column: u32,
    /// Offset of its first byte in the text, as [`decode`] returns it: in UTF-8 and without a byte-order mark.
    pub start: u32,
    /// Offset after its last byte.
    pub end: u32,
}

/// One value of an [`Arena`], by its number there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Id(u32);

/// From one offset up to another: of texts, of items or of entries, as the kind of the node says.
#[derive(Clone, Copy, Debug, Default)]
struct Range {
    start: u32,
    end: u32,
}

/// One value. 32 bytes: a text of 64 MiB can hold millions.
#[derive(Clone, Copy, Debug)]
struct Node {
    place: Place,
    /// What stands in it: written text of a scalar, items of a sequence, entries of a mapping.
    inside: Range,
    kind: Kind,
    /// A scalar without quotes and without a tag, whose meaning hangs on the reader.
    plain: bool,
    truth: bool,
}

/// A mapping's entry. Its key is a node as well.
#[derive(Clone, Copy, Debug)]
struct Entry {
    key: Id,
    value: Id,
}

/// All values of one document.
#[derive(Clone, Debug, Default)]
struct Arena {
    nodes: Vec<Node>,
    items: Vec<Id>,
    entries: Vec<Entry>,
    /// Beside `entries`: for each mapping, its entries in the order of their keys.
    sorted: Vec<u32>,
    texts: String,
    oddities: Vec<Oddity>,
}

/// A value of a text and all that stands in it. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Tree {
    arena: Arc<Arena>,
    root: Id,
}

/// What is written so that servers do not read it as it looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Oddity {
    /// What it is.
    pub kind: OddityKind,
    /// Where it stands.
    pub place: Place,
}

/// Kinds of [`Oddity`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum OddityKind {
    /// A key below the outermost mapping that is no text, as in `1: x` or `true: x`. A pipeline spec that holds one cannot
    /// be written as JSON, so servers do not take it for a pipeline spec; a platform spec is written as YAML once more
    /// before, and its key becomes a text.
    KeyIsNoText,
    /// `.nan` or `.inf`: JSON has no such number, so servers take the document neither for a pipeline spec nor for a
    /// platform spec.
    NotFinite,
    /// An entry of the outermost mapping whose key is null: servers drop it.
    KeyIsNull,
    /// U+0085, U+2028 or U+2029 outside of quotes, also in a comment: it ends the line for servers, and what they read then is
    /// no YAML.
    BreakOfLine,
    /// The escape `\/`, which JSON has and servers refuse.
    EscapedSlash,
    /// A character beyond 16 bits as two escapes, which JSON has and servers refuse.
    PairOfSurrogates,
    /// A `%YAML` directive of another version than 1.1, which servers refuse.
    YamlVersion,
}

/// Kind of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Nothing, or `null`.
    Null,
    /// `true` or `false`.
    Bool,
    /// A number.
    Number,
    /// A text. Dates are texts too: servers hand them on as texts in the form of RFC 3339.
    Text,
    /// A sequence.
    Sequence,
    /// A mapping.
    Mapping,
}

/// A value of a tree.
#[derive(Clone, Copy, Debug)]
pub struct Value<'tree> {
    arena: &'tree Arena,
    id: Id,
}

/// An entry of a mapping.
#[derive(Clone, Copy, Debug)]
pub struct Pair<'tree> {
    /// The key.
    pub key: &'tree str,
    /// Where the key stands.
    pub place: Place,
    /// The value.
    pub value: Value<'tree>,
}

impl Arena {
    fn text(&self, inside: Range) -> &str {
        self.texts
            .get(inside.start as usize..inside.end as usize)
            .unwrap_or("")
    }

    fn key(&self, entry: Entry) -> &str {
        self.nodes
            .get(entry.key.0 as usize)
            .map_or("", |node| self.text(node.inside))
    }

    fn entries(&self, inside: Range) -> &[Entry] {
        self.entries
            .get(inside.start as usize..inside.end as usize)
            .unwrap_or(&[])
    }

    /// The entry of a mapping whose key is `key`, among entries in the order of their keys.
    fn find(&self, inside: Range, key: &str) -> Option<Entry> {
        let entries = self.entries(inside);
        let sorted = self.sorted.get(inside.start as usize..inside.end as usize)?;
        let entry_at = |number: &u32| entries.get(*number as usize).copied();
        let found = sorted
            .binary_search_by(|number| entry_at(number).map_or("", |entry| self.key(entry)).cmp(key))
            .ok()?;
        sorted.get(found).and_then(entry_at)
    }
}

impl Tree {
    /// The outermost value.
    #[must_use]
    pub fn root(&self) -> Value<'_> {
        Value {
            arena: &self.arena,
            id: self.root,
        }
    }

    /// The tree of the value at a path of keys; it shares the values of this one.
    #[must_use]
    pub fn part(&self, path: &[&str]) -> Option<Self> {
        let root = self.root().at(path)?.id;
        Some(Self {
            arena: Arc::clone(&self.arena),
            root,
        })
    }

    /// Number of values in the document that it is of, keys among them.
    #[must_use]
    pub fn len(&self) -> usize {
        self.arena.nodes.len()
    }

    /// It has no value at all; never so for a tree that was read.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.arena.nodes.is_empty()
    }

    /// What stands in it and does not reach the servers as written, in the order of the text.
    pub fn oddities(&self) -> impl Iterator<Item = Oddity> + use<'_> {
        let whole = self.root().place();
        let within = move |place: Place| place.start >= whole.start && place.end <= whole.end;
        self.arena
            .oddities
            .iter()
            .copied()
            .filter(move |oddity| within(oddity.place))
    }

    /// The same tree as a reader of YAML 1.1 has it, for which plain `yes`, `no`, `on`, `off`, `y` and `n` are truth values.
    ///
    /// `sigs.k8s.io/yaml` is one, with which kubectl reads manifests; values of a stored or applied object went through it.
    #[must_use]
    pub fn with_words_of_yaml_1_1(mut self) -> Self {
        let arena = Arc::make_mut(&mut self.arena);
        for node in &mut arena.nodes {
            if node.kind == Kind::Text && node.plain {
                let written = arena
                    .texts
                    .get(node.inside.start as usize..node.inside.end as usize)
                    .unwrap_or("");
                if let Some(truth) = scalar::truth_of_yaml_1_1(written) {
                    node.kind = Kind::Bool;
                    node.truth = truth;
                }
            }
        }
        self
    }
}

impl<'tree> Value<'tree> {
    fn node(&self) -> Option<&'tree Node> {
        self.arena.nodes.get(self.id.0 as usize)
    }

    /// Where it stands.
    #[must_use]
    pub fn place(&self) -> Place {
        self.node().map(|node| node.place).unwrap_or_default()
    }

    /// What it is.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.node().map_or(Kind::Null, |node| node.kind)
    }

    fn inside(&self, kind: Kind) -> Option<Range> {
        self.node()
            .filter(|node| node.kind == kind)
            .map(|node| node.inside)
    }

    /// A scalar as it is written, without quotes and escapes; a number as `1e3`, for example.
    #[must_use]
    pub fn written(&self) -> Option<&'tree str> {
        self.node()
            .filter(|node| !matches!(node.kind, Kind::Sequence | Kind::Mapping))
            .map(|node| self.arena.text(node.inside))
    }

    /// The text, of a text.
    #[must_use]
    pub fn as_str(&self) -> Option<&'tree str> {
        self.inside(Kind::Text).map(|inside| self.arena.text(inside))
    }

    /// The truth, of a truth value.
    #[must_use]
    pub fn as_bool(&self) -> Option<bool> {
        self.node()
            .filter(|node| node.kind == Kind::Bool)
            .map(|node| node.truth)
    }

    /// The number, of a number; the nearest one that 64 bits hold.
    #[must_use]
    pub fn as_f64(&self) -> Option<f64> {
        self.as_number().map(Number::as_f64)
    }

    /// The number, of a number, exactly as servers have it.
    #[must_use]
    pub fn as_number(&self) -> Option<Number> {
        self.inside(Kind::Number)
            .and_then(|inside| number::read(self.arena.text(inside)))
    }

    /// The value under `key`, of a mapping.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<Value<'tree>> {
        let entry = self.arena.find(self.inside(Kind::Mapping)?, key)?;
        Some(Value {
            arena: self.arena,
            id: entry.value,
        })
    }

    /// The value at a path of keys.
    #[must_use]
    pub fn at(&self, path: &[&str]) -> Option<Value<'tree>> {
        path.iter().try_fold(*self, |value, key| value.get(key))
    }

    /// Entries in the order of the text, those of merge keys (`<<`) after the others; none of what is no mapping.
    #[must_use]
    pub fn entries(&self) -> impl ExactSizeIterator<Item = Pair<'tree>> + use<'tree> {
        let arena = self.arena;
        let entries = self
            .inside(Kind::Mapping)
            .map_or(&[][..], |inside| arena.entries(inside));
        entries.iter().map(move |entry| Pair {
            key: arena.key(*entry),
            place: Value { arena, id: entry.key }.place(),
            value: Value {
                arena,
                id: entry.value,
            },
        })
    }

    /// Items in order; none of what is no sequence.
    #[must_use]
    pub fn items(&self) -> impl ExactSizeIterator<Item = Value<'tree>> + use<'tree> {
        let arena = self.arena;
        let items: &[Id] = self
            .inside(Kind::Sequence)
            .and_then(|inside| arena.items.get(inside.start as usize..inside.end as usize))
            .unwrap_or(&[]);
        items.iter().map(move |id| Value { arena, id: *id })
    }
}
