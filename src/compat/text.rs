//! JUDGEMENT: YAML or JSON as a tree of values that know where they stand in the text. Reads; judges nothing.
//!
//! The tree is an arena: a document of any depth is freed and walked without recursion into the stack of its values.

use serde::{Deserialize, Serialize};

/// Where something stands in a text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Place {
    /// Line, from 1.
    pub line: u32,
    /// Column in characters, from 1.
    pub column: u32,
    /// Offset of its first byte in the text.
    pub start: u32,
    /// Offset after its last byte.
    pub end: u32,
}

/// One value of a [`Tree`], by its number there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Id(pub(crate) u32);

/// A mapping's entry.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) key: String,
    pub(crate) key_place: Place,
    pub(crate) value: Id,
}

/// What a value is.
#[derive(Clone, Debug)]
pub(crate) enum Node {
    Null,
    Bool(bool),
    /// As written; numbers are compared and converted where they are read.
    Number(f64),
    Text(String),
    Sequence(Vec<Id>),
    Mapping(Vec<Entry>),
}

/// One document of a text.
#[derive(Clone, Debug)]
pub struct Tree {
    pub(crate) nodes: Vec<(Node, Place)>,
    pub(crate) root: Id,
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
    /// A text.
    Text,
    /// A sequence.
    Sequence,
    /// A mapping.
    Mapping,
}

/// A value of a tree.
#[derive(Clone, Copy, Debug)]
pub struct Value<'tree> {
    tree: &'tree Tree,
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

impl Tree {
    /// The outermost value.
    #[must_use]
    pub fn root(&self) -> Value<'_> {
        Value {
            tree: self,
            id: self.root,
        }
    }

    /// Number of values in it.
    #[must_use]
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    /// It has no value at all; never so for a tree that was read.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }
}

impl<'tree> Value<'tree> {
    fn node(&self) -> Option<&'tree Node> {
        self.tree.nodes.get(self.id.0 as usize).map(|(node, _)| node)
    }

    /// Where it stands.
    #[must_use]
    pub fn place(&self) -> Place {
        self.tree
            .nodes
            .get(self.id.0 as usize)
            .map(|(_, place)| *place)
            .unwrap_or_default()
    }

    /// What it is.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self.node() {
            None | Some(Node::Null) => Kind::Null,
            Some(Node::Bool(_)) => Kind::Bool,
            Some(Node::Number(_)) => Kind::Number,
            Some(Node::Text(_)) => Kind::Text,
            Some(Node::Sequence(_)) => Kind::Sequence,
            Some(Node::Mapping(_)) => Kind::Mapping,
        }
    }

    /// The text, of a text.
    #[must_use]
    pub fn as_str(&self) -> Option<&'tree str> {
        match self.node() {
            Some(Node::Text(text)) => Some(text),
            _ => None,
        }
    }

    /// The truth, of a truth value.
    #[must_use]
    pub fn as_bool(&self) -> Option<bool> {
        match self.node() {
            Some(Node::Bool(truth)) => Some(*truth),
            _ => None,
        }
    }

    /// The number, of a number.
    #[must_use]
    pub fn as_f64(&self) -> Option<f64> {
        match self.node() {
            Some(Node::Number(number)) => Some(*number),
            _ => None,
        }
    }

    /// The value under `key`, of a mapping. Of keys that stand twice, the last.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<Value<'tree>> {
        self.entries()
            .filter(|pair| pair.key == key)
            .last()
            .map(|pair| pair.value)
    }

    /// The value at a path of keys.
    #[must_use]
    pub fn at(&self, path: &[&str]) -> Option<Value<'tree>> {
        path.iter().try_fold(*self, |value, key| value.get(key))
    }

    /// Entries in the order of the text; none of what is no mapping.
    pub fn entries(&self) -> impl Iterator<Item = Pair<'tree>> + use<'tree> {
        let tree = self.tree;
        let entries: &[Entry] = match self.node() {
            Some(Node::Mapping(entries)) => entries,
            _ => &[],
        };
        entries.iter().map(move |entry| Pair {
            key: &entry.key,
            place: entry.key_place,
            value: Value {
                tree,
                id: entry.value,
            },
        })
    }

    /// Items in order; none of what is no sequence.
    pub fn items(&self) -> impl Iterator<Item = Value<'tree>> + use<'tree> {
        let tree = self.tree;
        let items: &[Id] = match self.node() {
            Some(Node::Sequence(items)) => items,
            _ => &[],
        };
        items.iter().map(move |id| Value { tree, id: *id })
    }
}
