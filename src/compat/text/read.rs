//! JUDGEMENT: events of a YAML parser to trees, within limits. Judges nothing.
//! Linear in the text but for the order of keys (n log n). Nothing here recurses.

use std::collections::HashMap;

use granit_parser::{Event, Options, Parser, ScalarStyle, ScanError, Span, Tag, YamlVersion};

use super::decode::small;
use super::quoted::Strictness;
use super::{Arena, Id, Kind, Node, Oddity, OddityKind, Place, Range, Tree, decode, number, quoted, scalar};
use crate::document::Unreadable;

/// Deepest nesting that is read. Compiled pipelines nest some twenty deep, and what they hold as values a little more.
pub const MAX_DEPTH: usize = 500;
/// Most values of one text, keys among them, and most entries of one document with what merge keys bring. A text of 64 MiB as
/// SDKs write it has about 2.6 million values.
pub const MAX_VALUES: usize = 4_000_000;

/// Most documents of one text. Uploads have two; files of Kubernetes manifests have more.
const MAX_DOCUMENTS: usize = 1_000;

const MEND: &str =
    "Servers refuse such an upload, or never answer it. Compile the pipeline again, or mend the text there.";

/// A collection that is not closed yet.
pub(super) struct Open {
    node: Id,
    /// Where its values begin among those that wait.
    from: usize,
    mapping: bool,
    anchor: usize,
    /// Number of values decoded before it.
    before: u64,
}

/// What an alias can name.
struct Anchor {
    node: Id,
    /// Values that the server's reader decodes for it. None while it is open.
    weight: Option<u64>,
}

pub(super) struct Reader<'text> {
    strictness: Strictness<'text>,
    documents: Vec<Tree>,
    pub(super) arena: Arena,
    pub(super) open: Vec<Open>,
    /// Values of open collections.
    pub(super) waiting: Vec<Id>,
    anchors: HashMap<usize, Anchor>,
    /// Values of the documents before this one.
    before: usize,
    /// Values that the server's reader has decoded so far, and how many of them for aliases.
    decoded: u64,
    aliased: u64,
    /// End of the last value, for collections that no bracket ends.
    last_end: u32,
}

impl Tree {
    /// The documents of a text in YAML or JSON, empty ones left out.
    ///
    /// Takes at most [`decode::MAX_BYTES`], [`MAX_VALUES`] and [`MAX_DEPTH`]. Memory stays below 1 GiB for any text (600 MiB
    /// were the most seen: 4 million anchors); a compiled pipeline takes about five times its text.
    ///
    /// # Errors
    /// Whatever the servers' reader takes for no YAML, keys that stand twice, aliases that it finds too many, and what is
    /// beyond the limits.
    pub fn read(bytes: &[u8]) -> Result<Vec<Self>, Unreadable> {
        Text::read(&decode(bytes)?).map(|text| text.documents)
    }
}

/// A text that was read.
#[derive(Clone, Debug)]
pub struct Text {
    /// Its documents, empty ones left out.
    pub documents: Vec<Tree>,
    /// What servers refuse to read at all; at most one of each kind.
    pub oddities: Vec<Oddity>,
}

impl Text {
    /// Reads a text that was [`decode`]d.
    ///
    /// # Errors
    /// As [`Tree::read`].
    pub fn read(text: &str) -> Result<Self, Unreadable> {
        let mut reader = Reader {
            strictness: Strictness::of(text),
            documents: Vec::new(),
            arena: Arena::of(text),
            open: Vec::new(),
            waiting: Vec::new(),
            anchors: HashMap::new(),
            before: 0,
            decoded: 0,
            aliased: 0,
            last_end: 0,
        };
        for event in Parser::new_from_str_with_options(text, options()) {
            let (event, span) = event.map_err(|error| not_yaml(text, &error))?;
            reader.take(event, span)?;
        }
        reader.strictness.end();
        let mut oddities = reader.strictness.found;
        let broken = |oddity: &Oddity| oddity.kind == OddityKind::BreakOfLine;
        if oddities.iter().any(broken) && Self::read(&text.replace(quoted::BREAKS, "\n")).is_ok() {
            oddities.retain(|oddity| !broken(oddity));
        }
        Ok(Self {
            documents: reader.documents,
            oddities,
        })
    }
}

/// As the servers' reader, a descendant of libyaml, has it.
fn options() -> Options {
    let mut options = Options::default();
    options.set_emit_comments(false);
    options.bom_inside_document_as_content = true;
    options.block_scalar_eof_without_line_feed = true;
    options.flow_nesting_limit = MAX_DEPTH;
    options.block_nesting_limit = MAX_DEPTH;
    options
}

fn not_yaml(text: &str, error: &ScanError) -> Unreadable {
    let marker = error.marker();
    let offset = marker.byte_offset().unwrap_or(text.len());
    let place = Place {
        line: small(marker.line()),
        column: small(marker.col() + 1),
        start: small(offset),
        end: small(offset),
    };
    let message = match error.info() {
        deep if deep.contains("recursion limit") => format!("it is nested more than {MAX_DEPTH} deep"),
        other => format!("it is neither YAML nor JSON: {other}"),
    };
    Unreadable::new(Some(place), message, MEND)
}

impl Arena {
    /// Room for what the first document of a text has as SDKs write it: some 15 bytes a value.
    fn of(text: &str) -> Self {
        Self {
            nodes: Vec::with_capacity((text.len() / 12).min(MAX_VALUES)),
            entries: Vec::with_capacity((text.len() / 24).min(MAX_VALUES)),
            texts: String::with_capacity(text.len()),
            ..Self::default()
        }
    }
}

impl Reader<'_> {
    fn take(&mut self, event: Event<'_>, span: Span) -> Result<(), Unreadable> {
        match event {
            Event::DocumentStart(_, version) => self.start_document(version, place(span))?,
            Event::DocumentEnd => self.end_document(),
            Event::Scalar(value, style, anchor, tag) => {
                self.scalar(&value, style, anchor, tag.as_deref(), span)?;
            }
            Event::SequenceStart(_, anchor, _) => self.start(false, anchor, span)?,
            Event::MappingStart(_, anchor, _) => self.start(true, anchor, span)?,
            Event::SequenceEnd | Event::MappingEnd => self.end(span)?,
            Event::Alias(anchor) => self.alias(anchor, span)?,
            _ => {}
        }
        Ok(())
    }

    fn push(&mut self, node: Node) -> Result<Id, Unreadable> {
        if self.before + self.arena.nodes.len() >= MAX_VALUES {
            return Err(Unreadable::new(
                Some(node.place),
                format!("it has more than {MAX_VALUES} values"),
                "Move large values out of the pipeline, into an image or the object store.",
            ));
        }
        let id = Id(small(self.arena.nodes.len()));
        self.arena.nodes.push(node);
        self.decoded += 1;
        Ok(id)
    }

    fn scalar(
        &mut self,
        value: &str,
        style: ScalarStyle,
        anchor: usize,
        tag: Option<&Tag>,
        span: Span,
    ) -> Result<(), Unreadable> {
        let place = place(span);
        let quoted = matches!(style, ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted);
        if quoted {
            let bytes = place.start as usize..place.end as usize;
            self.strictness.quoted(&bytes, style == ScalarStyle::DoubleQuoted);
        }
        let is_plain = style == ScalarStyle::Plain;
        // The parser writes an absent value as `~`.
        let value = if is_plain && place.start == place.end {
            ""
        } else {
            value
        };
        let tag = tag.map(spelled).filter(|tag| tag != "!");
        let meaning = scalar::meaning(value, is_plain, tag.as_deref()).ok_or_else(|| {
            let message = format!("`{}` is not what its tag says", shortened(value));
            Unreadable::new(Some(place), message, "Remove the tag.")
        })?;
        let start = small(self.arena.texts.len());
        self.arena.texts.push_str(value);
        let id = self.push(Node {
            place,
            inside: Range {
                start,
                end: small(self.arena.texts.len()),
            },
            kind: meaning.kind,
            plain: is_plain && tag.is_none(),
            truth: meaning.truth,
        })?;
        if meaning.kind == Kind::Number
            && !number::read(value).is_some_and(|number| number.as_f64().is_finite())
        {
            self.odd(OddityKind::NotFinite, place);
        }
        if anchor != 0 {
            let weight = Some(1);
            self.anchors.insert(anchor, Anchor { node: id, weight });
        }
        self.waiting.push(id);
        self.last_end = self.last_end.max(place.end);
        Ok(())
    }

    pub(super) fn odd(&mut self, kind: OddityKind, place: Place) {
        self.arena.oddities.push(Oddity { kind, place });
    }

    fn start(&mut self, mapping: bool, anchor: usize, span: Span) -> Result<(), Unreadable> {
        let place = place(span);
        if self.open.len() >= MAX_DEPTH {
            return Err(Unreadable::new(
                Some(place),
                format!("it is nested more than {MAX_DEPTH} deep"),
                MEND,
            ));
        }
        let before = self.decoded;
        let node = self.push(Node {
            place,
            inside: Range::default(),
            kind: if mapping { Kind::Mapping } else { Kind::Sequence },
            plain: false,
            truth: false,
        })?;
        if anchor != 0 {
            self.anchors.insert(anchor, Anchor { node, weight: None });
        }
        self.open.push(Open {
            node,
            from: self.waiting.len(),
            mapping,
            anchor,
            before,
        });
        self.last_end = self.last_end.max(place.end);
        Ok(())
    }

    fn end(&mut self, span: Span) -> Result<(), Unreadable> {
        let Some(open) = self.open.pop() else {
            return Ok(());
        };
        // A bracket ends a collection of flow style; one of block style ends with its last value.
        let bracket = span.byte_range().filter(|bytes| !bytes.is_empty());
        if let Some(bytes) = bracket {
            self.last_end = self.last_end.max(small(bytes.end));
        }
        let inside = if open.mapping {
            self.entries(open.from)?
        } else {
            let start = small(self.arena.items.len());
            self.arena.items.extend(self.waiting.drain(open.from..));
            Range {
                start,
                end: small(self.arena.items.len()),
            }
        };
        if let Some(node) = self.arena.nodes.get_mut(open.node.0 as usize) {
            node.inside = inside;
            node.place.end = self.last_end;
        }
        if let Some(anchor) = self.anchors.get_mut(&open.anchor) {
            anchor.weight = Some(self.decoded - open.before);
        }
        self.waiting.push(open.node);
        Ok(())
    }

    fn alias(&mut self, anchor: usize, span: Span) -> Result<(), Unreadable> {
        let place = place(span);
        let named = self.anchors.get(&anchor);
        let Some((node, weight)) = named.and_then(|anchor| Some((anchor.node, anchor.weight?))) else {
            return Err(Unreadable::new(
                Some(place),
                "the alias stands within what it names".to_owned(),
                "Write the value out.",
            ));
        };
        let Some(copy) = self.arena.nodes.get(node.0 as usize).copied() else {
            return Ok(());
        };
        let id = self.push(Node { place, ..copy })?;
        self.decoded += weight;
        self.aliased += weight;
        if excessive(self.aliased, self.decoded) {
            return Err(Unreadable::new(
                Some(place),
                format!(
                    "its aliases stand for {} values: servers refuse that",
                    self.aliased
                ),
                "Write the values out.",
            ));
        }
        self.waiting.push(id);
        self.last_end = self.last_end.max(place.end);
        Ok(())
    }

    fn start_document(&mut self, version: Option<YamlVersion>, place: Place) -> Result<(), Unreadable> {
        if version.is_some_and(|version| (version.major, version.minor) != (1, 1)) {
            self.strictness
                .note(OddityKind::YamlVersion, place.start as usize, 0);
        }
        if self.documents.len() >= MAX_DOCUMENTS {
            return Err(Unreadable::new(
                Some(place),
                format!("it has more than {MAX_DOCUMENTS} documents"),
                "Give one pipeline a file.",
            ));
        }
        self.anchors.clear();
        (self.decoded, self.aliased) = (0, 0);
        Ok(())
    }

    fn end_document(&mut self) {
        self.before += self.arena.nodes.len();
        if let Some(root) = self.waiting.pop() {
            let arena = std::mem::take(&mut self.arena).into();
            let tree = Tree { arena, root };
            if tree.root().kind() != Kind::Null {
                self.documents.push(tree);
            }
        }
        self.waiting.clear();
    }
}

fn place(span: Span) -> Place {
    let bytes = span.byte_range().unwrap_or_default();
    Place {
        line: small(span.start.line()),
        column: small(span.start.col() + 1),
        start: small(bytes.start),
        end: small(bytes.end.max(bytes.start)),
    }
}

fn spelled(tag: &Tag) -> String {
    format!("{}{}", tag.handle(), tag.suffix())
}

/// The beginning of a text, for a message.
pub(crate) fn shortened(text: &str) -> String {
    match text.char_indices().nth(40) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or("")),
        None => text.to_owned(),
    }
}

/// The servers' reader finds the aliases too many: of small documents 99 of 100 values may come from them, of large ones
/// fewer. Source: gopkg.in/yaml.v3 3.0.1, decode.go, `allowedAliasRatio`.
#[expect(
    clippy::cast_precision_loss,
    reason = "counts of values; the reader itself compares so"
)]
fn excessive(aliased: u64, decoded: u64) -> bool {
    const FEW: f64 = 400_000.0;
    const MANY: f64 = 4_000_000.0;
    let count = decoded as f64;
    let allowed = 0.99 - 0.89 * ((count.clamp(FEW, MANY) - FEW) / (MANY - FEW));
    aliased > 100 && decoded > 1000 && aliased as f64 / count > allowed
}
