//! JUDGEMENT: what waits between the ends of a mapping to its entries: order, keys that stand twice, merge keys.
//!
//! Source: gopkg.in/yaml.v3 3.0.1, decode.go.

use super::decode::small;
use super::read::{MAX_VALUES, Reader};
use super::{Entry, Id, Kind, Node, OddityKind, Place, Range};
use crate::document::Unreadable;

impl Reader<'_> {
    /// The entries of the mapping whose keys and values wait from `from` on.
    pub(super) fn entries(&mut self, from: usize) -> Result<Range, Unreadable> {
        let start = self.arena.entries.len();
        let outermost = self.open.is_empty();
        let mut merged = None;
        let waiting: Vec<Id> = self.waiting.drain(from..).collect();
        let (pairs, _) = waiting.as_chunks::<2>();
        for [key, value] in pairs {
            let Some(node) = self.node(*key) else { continue };
            match node.kind {
                Kind::Sequence | Kind::Mapping => {
                    return Err(Unreadable::new(
                        Some(node.place),
                        "a key may not be a sequence or a mapping".to_owned(),
                        "Write the key as a text.",
                    ));
                }
                Kind::Text if node.plain && self.arena.text(node.inside) == "<<" => {
                    if merged.replace(*value).is_some() {
                        return Err(twice("<<", node.place, None));
                    }
                    continue;
                }
                Kind::Null if outermost => {
                    self.odd(OddityKind::KeyIsNull, node.place);
                    continue;
                }
                Kind::Text => {}
                _ if outermost => {}
                _ => self.odd(OddityKind::KeyIsNoText, node.place),
            }
            self.arena.entries.push(Entry {
                key: *key,
                value: *value,
            });
        }
        self.sort(start);
        self.refuse_twins(start)?;
        if let Some(merged) = merged {
            self.merge(start, merged)?;
        }
        Ok(Range {
            start: small(start),
            end: small(self.arena.entries.len()),
        })
    }

    fn node(&self, id: Id) -> Option<Node> {
        self.arena.nodes.get(id.0 as usize).copied()
    }

    /// Puts the entries from `start` on into the order of their keys, equal ones in the order of the text.
    fn sort(&mut self, start: usize) {
        let arena = &mut self.arena;
        arena.sorted.truncate(start);
        let count = small(arena.entries.len() - start);
        arena.sorted.extend(0..count);
        let mut sorted = arena.sorted.split_off(start);
        let entries = arena.entries.get(start..).unwrap_or(&[]);
        let key = |number: &u32| {
            entries
                .get(*number as usize)
                .map_or("", |entry| arena.key(*entry))
        };
        // SDKs write keys in this order: then nothing is left to do.
        if !sorted.is_sorted_by(|one, other| key(one) <= key(other)) {
            sorted.sort_by(|one, other| key(one).cmp(key(other)));
        }
        arena.sorted.append(&mut sorted);
    }

    fn refuse_twins(&self, start: usize) -> Result<(), Unreadable> {
        let arena = &self.arena;
        let entries = arena.entries.get(start..).unwrap_or(&[]);
        let sorted = arena.sorted.get(start..).unwrap_or(&[]);
        for pair in sorted.windows(2) {
            let [one, other] = pair else { continue };
            let (Some(first), Some(second)) = (entries.get(*one as usize), entries.get(*other as usize))
            else {
                continue;
            };
            let key = arena.key(*second);
            if arena.key(*first) == key {
                let place = |entry: &Entry| self.node(entry.key).map(|node| node.place).unwrap_or_default();
                return Err(twice(key, place(second), Some(place(first))));
            }
        }
        Ok(())
    }

    /// Adds what a merge key brings and the mapping from `start` on has not; of several mappings the first wins.
    fn merge(&mut self, start: usize, merged: Id) -> Result<(), Unreadable> {
        let Some(node) = self.node(merged) else {
            return Ok(());
        };
        let sources: Vec<Id> = match node.kind {
            Kind::Sequence => self
                .arena
                .items
                .get(node.inside.start as usize..node.inside.end as usize)
                .unwrap_or(&[])
                .to_vec(),
            _ => vec![merged],
        };
        let own = self.arena.entries.len();
        for source in sources {
            let Some(source) = self.node(source).filter(|source| source.kind == Kind::Mapping) else {
                return Err(Unreadable::new(
                    Some(node.place),
                    "the merge key << takes a mapping or a sequence of mappings".to_owned(),
                    "Write the entries out.",
                ));
            };
            let brought = source.inside.start as usize..source.inside.end as usize;
            if self.arena.entries.len() + brought.len() > MAX_VALUES {
                return Err(Unreadable::new(
                    Some(node.place),
                    format!("with what its merge keys bring it has more than {MAX_VALUES} values"),
                    "Write the entries out.",
                ));
            }
            self.arena.entries.extend_from_within(brought);
        }
        self.sort(start);
        self.keep_first_of_twins(start, own);
        self.sort(start);
        Ok(())
    }

    /// Of entries with equal keys keeps the first one, from `own` on in the order of the text.
    fn keep_first_of_twins(&mut self, start: usize, own: usize) {
        let arena = &mut self.arena;
        let entries = arena.entries.get(start..).unwrap_or(&[]);
        let mut keep = vec![true; entries.len()];
        let mut last: Option<&str> = None;
        for number in arena.sorted.get(start..).unwrap_or(&[]) {
            let key = entries.get(*number as usize).map(|entry| arena.key(*entry));
            if let (true, Some(place)) = (key == last, keep.get_mut(*number as usize)) {
                *place = false;
            }
            last = key;
        }
        let brought = arena.entries.split_off(own);
        let kept = keep.into_iter().skip(own - start);
        arena.entries.extend(
            brought
                .into_iter()
                .zip(kept)
                .filter(|(_, keep)| *keep)
                .map(|(entry, _)| entry),
        );
    }
}

fn twice(key: &str, place: Place, first: Option<Place>) -> Unreadable {
    let first = first.map_or_else(String::new, |first| format!(", first in line {}", first.line));
    Unreadable::new(
        Some(place),
        format!("the key `{}` stands twice{first}", super::read::shortened(key)),
        "Servers refuse such a text. Keep one of them.",
    )
}
