//! JUDGEMENT: a document against the field tables of all releases at once. Each value is visited once for each form that its
//! field had; nothing recurses, so no depth of a document is too deep.

use crate::judge::releases::Releases;
use crate::judge::report::Report;
use crate::judge::says::{self, Told};
use crate::judge::steps::Steps;
use crate::judge::trail::{Mark, Step, TOP, Trail};
use crate::knowledge::schema::{Field, Message, MessageId, Shape};
use crate::knowledge::{Knowledge, PLATFORM};
use crate::text::{Kind, Pair, Value};

/// A walk over one document.
pub(crate) struct Walk<'walk, 'tree, 'data> {
    knowledge: &'data Knowledge,
    steps: &'walk Steps<'tree>,
    report: &'walk mut Report<'data>,
    trail: Trail<'tree>,
    stack: Vec<Frame<'tree, 'data>>,
    /// Contents that a later parser reads.
    later: Vec<Frame<'tree, 'data>>,
    /// Releases that drop all of the document.
    lost: Releases,
}

/// A value that is to be held against what its field holds.
#[derive(Clone, Copy)]
struct Frame<'tree, 'data> {
    value: Value<'tree>,
    shape: &'data Shape,
    releases: Releases,
    parser: usize,
    mark: Mark,
}

/// What a mapping has set so far, by field and by group of fields.
#[derive(Default)]
struct Seen {
    fields: Vec<(usize, Releases)>,
    oneofs: Vec<(&'static str, Releases)>,
}

impl<'walk, 'tree, 'data> Walk<'walk, 'tree, 'data> {
    pub(crate) fn new(
        knowledge: &'data Knowledge,
        steps: &'walk Steps<'tree>,
        report: &'walk mut Report<'data>,
    ) -> Self {
        Self {
            knowledge,
            steps,
            report,
            trail: Trail::new(),
            stack: Vec::new(),
            later: Vec::new(),
            lost: Releases::NONE,
        }
    }

    /// Holds a document against the message that the parser reads it as; tells those of `releases`. Returns the releases
    /// that drop all of it.
    pub(crate) fn document(mut self, root: Value<'tree>, parser: usize, releases: Releases) -> Releases {
        let knowledge = self.knowledge;
        if let Some(message) = knowledge.parsers().all.get(parser).map(|parser| parser.message) {
            self.message(root, message, releases, parser, TOP);
        }
        self.run();
        let later = std::mem::take(&mut self.later);
        self.stack = later
            .into_iter()
            .map(|frame| Frame {
                releases: frame.releases.without(self.lost),
                ..frame
            })
            .collect();
        self.run();
        self.lost
    }

    fn run(&mut self) {
        while let Some(frame) = self.stack.pop() {
            if !frame.releases.is_empty() {
                self.frame(frame);
            }
        }
    }

    fn frame(&mut self, frame: Frame<'tree, 'data>) {
        let Frame {
            value,
            shape,
            releases,
            parser,
            mark,
        } = frame;
        match shape {
            Shape::Any => {}
            Shape::Message(message) => self.message(value, *message, releases, parser, mark),
            Shape::Struct => self.want(frame, Kind::Mapping, "a mapping"),
            Shape::List => self.want(frame, Kind::Sequence, "a sequence"),
            Shape::Scalar(scalar) => {
                if !scalar.takes(value) {
                    self.malformed(value, mark, scalar.wanted(), parser, releases);
                }
            }
            Shape::Enum(id) => match value.as_str() {
                Some(name) => {
                    let known = self
                        .knowledge
                        .schema()
                        .values(*id)
                        .and_then(|values| values.names.get(name));
                    let known = known.copied().unwrap_or_default();
                    let missing = releases.without(known);
                    if !missing.is_empty() {
                        let told = Told::Value { name, known };
                        self.tell(told, value, mark, parser, missing);
                    }
                }
                // Open enums: a number stands for a value, whether it has a name or not.
                None if value.kind() == Kind::Number && says::is_int32(value) => {}
                None => self.malformed(value, mark, "the name of one of its values", parser, releases),
            },
            Shape::Repeated(item) => {
                self.want(frame, Kind::Sequence, "a sequence");
                for (index, value) in value.items().enumerate() {
                    let mark = self.trail.step(mark, Step::Index(index));
                    self.stack.push(Frame {
                        value,
                        shape: item,
                        releases,
                        parser,
                        mark,
                    });
                }
            }
            Shape::Map(item) => {
                self.want(frame, Kind::Mapping, "a mapping");
                for pair in value.entries() {
                    let mark = self.trail.step(mark, Step::Key(pair.key));
                    self.stack.push(Frame {
                        value: pair.value,
                        shape: item,
                        releases,
                        parser,
                        mark,
                    });
                }
            }
        }
    }

    fn want(&mut self, frame: Frame<'tree, 'data>, kind: Kind, wanted: &'static str) {
        if frame.value.kind() != kind {
            self.malformed(frame.value, frame.mark, wanted, frame.parser, frame.releases);
        }
    }

    fn message(&mut self, value: Value<'tree>, id: MessageId, releases: Releases, parser: usize, mark: Mark) {
        let knowledge = self.knowledge;
        let Some(message) = knowledge.schema().message(id) else {
            return;
        };
        if value.kind() != Kind::Mapping {
            self.malformed(value, mark, "a mapping", parser, releases);
            return;
        }
        let mut seen = Seen::default();
        for pair in value.entries() {
            let below = self.trail.step(mark, Step::Key(pair.key));
            let found = message.field(pair.key);
            let known = found.map_or(Releases::NONE, |(_, field)| field.releases);
            let missing = releases.without(known);
            if !missing.is_empty() {
                self.unknown(value, (id, message), pair, known, missing, parser, below);
            }
            if let Some((at, field)) = found {
                self.field(pair, at, field, releases.and(known), parser, below, &mut seen);
            }
        }
    }

    #[expect(
        clippy::too_many_arguments,
        reason = "each is a different part of the one place that is looked at"
    )]
    fn field(
        &mut self,
        pair: Pair<'tree>,
        at: usize,
        field: &'data Field,
        releases: Releases,
        parser: usize,
        mark: Mark,
        seen: &mut Seen,
    ) {
        if releases.is_empty() {
            return;
        }
        let twice = add(&mut seen.fields, at, releases);
        if !twice.is_empty() {
            self.tell(Told::Twice { json: field.json }, pair.value, mark, parser, twice);
        }
        for form in &field.forms {
            let releases = releases.and(form.releases);
            // Nothing written for a field is the same as the field left out, except where any value is one.
            if releases.is_empty() || (pair.value.kind() == Kind::Null && form.shape != Shape::Any) {
                continue;
            }
            if let Some(oneof) = form.oneof {
                let conflict = add(&mut seen.oneofs, oneof, releases);
                if !conflict.is_empty() {
                    self.tell(Told::Conflict, pair.value, mark, parser, conflict);
                }
            }
            self.stack.push(Frame {
                value: pair.value,
                shape: &form.shape,
                releases,
                parser,
                mark,
            });
            if let Some((content, parser)) = field.embedded {
                self.embed(pair.value, &form.shape, content, parser, releases, mark);
            }
        }
    }

    /// Notes content that another parser reads later: of a mapping of executors each that is run, else all of it.
    fn embed(
        &mut self,
        value: Value<'tree>,
        shape: &'data Shape,
        content: MessageId,
        parser: usize,
        releases: Releases,
        mark: Mark,
    ) {
        let knowledge = self.knowledge;
        let Some(shape_of_content) = knowledge.shape_of(content) else {
            return;
        };
        if !matches!(shape, Shape::Map(_)) {
            self.later.push(Frame {
                value,
                shape: shape_of_content,
                releases,
                parser,
                mark,
            });
            return;
        }
        let path = self.trail.steps(mark);
        if path.get(1) != Some(&Step::Key(PLATFORM)) {
            return;
        }
        for pair in value.entries().filter(|pair| pair.value.kind() == Kind::Mapping) {
            if self.steps.is_run(pair.key) {
                let is_volume = self.steps.has_image(pair.key, &knowledge.parsers().volume_images);
                let parser = if is_volume {
                    knowledge.parsers().volume_config
                } else {
                    parser
                };
                let mark = self.trail.step(mark, Step::Key(pair.key));
                self.later.push(Frame {
                    value: pair.value,
                    shape: shape_of_content,
                    releases,
                    parser,
                    mark,
                });
            }
        }
    }

    #[expect(
        clippy::too_many_arguments,
        reason = "each is a different part of the one place that is looked at"
    )]
    fn unknown(
        &mut self,
        owner: Value<'tree>,
        (id, message): (MessageId, &'data Message),
        pair: Pair<'tree>,
        known: Releases,
        missing: Releases,
        parser: usize,
        mark: Mark,
    ) {
        let fallback = self.knowledge.parsers().fallbacks.get(&(id, pair.key.to_owned()));
        let has_older = fallback.is_some_and(|older| owner.get(older).is_some());
        let told = Told::Field {
            name: pair.key,
            message,
            known,
            has_older,
        };
        self.tell_at(told, pair.place, mark, parser, missing);
    }

    fn malformed(
        &mut self,
        value: Value<'tree>,
        mark: Mark,
        wanted: &'static str,
        parser: usize,
        on: Releases,
    ) {
        self.tell(
            Told::Malformed {
                is: value.kind(),
                wanted,
            },
            value,
            mark,
            parser,
            on,
        );
    }

    fn tell(&mut self, told: Told<'_>, value: Value<'tree>, mark: Mark, parser: usize, on: Releases) {
        self.tell_at(told, value.place(), mark, parser, on);
    }

    fn tell_at(
        &mut self,
        told: Told<'_>,
        place: crate::text::Place,
        mark: Mark,
        parser: usize,
        on: Releases,
    ) {
        let knowledge = self.knowledge;
        let Some(parser) = knowledge.parsers().all.get(parser) else {
            return;
        };
        for treatment in &parser.treatments {
            let releases = on.and(treatment.releases);
            if releases.is_empty() || told.is_harmless(treatment) {
                continue;
            }
            if treatment.whole {
                self.lost = self.lost.or(releases);
            }
            let steps = self.trail.steps(mark);
            let owner = self.steps.owner(&steps);
            // What is dropped from an executor that no task runs would have had no effect anyway.
            if owner.is_idle() && !told.effect(treatment).is_refusal() {
                continue;
            }
            let room = self.report.room(told.code(), told.effect(treatment), releases);
            if !room.is_empty() {
                let raw = says::raw(
                    &told,
                    treatment,
                    parser,
                    knowledge,
                    room,
                    place,
                    &steps,
                    owner.task(),
                );
                self.report.add(raw);
            }
        }
    }
}

/// Adds to what was set; returns the releases for which it was set before.
fn add<T: Copy + PartialEq>(seen: &mut Vec<(T, Releases)>, at: T, releases: Releases) -> Releases {
    if let Some((_, before)) = seen.iter_mut().find(|(known, _)| *known == at) {
        let twice = before.and(releases);
        *before = before.or(releases);
        return twice;
    }
    seen.push((at, releases));
    Releases::NONE
}
