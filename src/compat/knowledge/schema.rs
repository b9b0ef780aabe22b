//! JUDGEMENT: the messages of all releases as one table: each field with the releases that know it. No decisions here.

use std::collections::HashMap;

use crate::judge::number::Scalar;
use crate::judge::releases::Releases;

/// A message by its position.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct MessageId(pub(crate) usize);

/// An enum by its position.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct EnumId(pub(crate) usize);

/// What a field holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    Scalar(Scalar),
    Message(MessageId),
    Enum(EnumId),
    /// `google.protobuf.Struct`: any mapping.
    Struct,
    /// `google.protobuf.ListValue`: any sequence.
    List,
    /// `google.protobuf.Value`: anything.
    Any,
    Repeated(Box<Shape>),
    Map(Box<Shape>),
}

/// A field in the releases that have it in one form.
#[derive(Clone, Debug)]
pub(crate) struct Form {
    pub(crate) releases: Releases,
    pub(crate) shape: Shape,
    /// Group of which one field at most may be set.
    pub(crate) oneof: Option<&'static str>,
}

/// A field of a message.
#[derive(Clone, Debug)]
pub(crate) struct Field {
    /// Name as JSON has it.
    pub(crate) json: &'static str,
    /// Releases that know it.
    pub(crate) releases: Releases,
    /// Forms it had, each in releases of its own.
    pub(crate) forms: Vec<Form>,
    /// What its content is read as by a later parser, and which one.
    pub(crate) embedded: Option<(MessageId, usize)>,
}

/// A message.
#[derive(Clone, Debug, Default)]
pub(crate) struct Message {
    pub(crate) fields: Vec<Field>,
    /// Fields by either spelling.
    names: HashMap<&'static str, usize>,
}

/// An enum.
#[derive(Clone, Debug, Default)]
pub(crate) struct Values {
    /// Values by name, with the releases that know each.
    pub(crate) names: HashMap<&'static str, Releases>,
}

/// Every message and enum.
#[derive(Clone, Debug, Default)]
pub(crate) struct Schema {
    messages: Vec<Message>,
    enums: Vec<Values>,
    message_names: HashMap<&'static str, MessageId>,
    enum_names: HashMap<&'static str, EnumId>,
}

impl Message {
    /// The field of this name, in either spelling.
    pub(crate) fn field(&self, name: &str) -> Option<(usize, &Field)> {
        let at = *self.names.get(name)?;
        Some((at, self.fields.get(at)?))
    }

    /// Adds a field or a form of it.
    pub(crate) fn add(&mut self, json: &'static str, proto: &'static str, form: Form) {
        let at = self.names.get(json).copied().unwrap_or_else(|| {
            self.fields.push(Field {
                json,
                releases: Releases::NONE,
                forms: Vec::new(),
                embedded: None,
            });
            self.fields.len() - 1
        });
        self.names.insert(json, at);
        self.names.entry(proto).or_insert(at);
        let Some(field) = self.fields.get_mut(at) else {
            return;
        };
        field.releases = field.releases.or(form.releases);
        match field
            .forms
            .iter_mut()
            .find(|known| known.shape == form.shape && known.oneof == form.oneof)
        {
            Some(known) => known.releases = known.releases.or(form.releases),
            None => field.forms.push(form),
        }
    }
}

impl Schema {
    /// The message of this whole name, made if it is not there.
    pub(crate) fn message_id(&mut self, name: &'static str) -> MessageId {
        if let Some(id) = self.message_names.get(name) {
            return *id;
        }
        let id = MessageId(self.messages.len());
        self.messages.push(Message::default());
        self.message_names.insert(name, id);
        id
    }

    /// The enum of this whole name, made if it is not there.
    pub(crate) fn enum_id(&mut self, name: &'static str) -> EnumId {
        if let Some(id) = self.enum_names.get(name) {
            return *id;
        }
        let id = EnumId(self.enums.len());
        self.enums.push(Values::default());
        self.enum_names.insert(name, id);
        id
    }

    /// The message of this whole name.
    pub(crate) fn find(&self, name: &str) -> Option<MessageId> {
        self.message_names.get(name).copied()
    }

    pub(crate) fn message(&self, id: MessageId) -> Option<&Message> {
        self.messages.get(id.0)
    }

    pub(crate) fn message_mut(&mut self, id: MessageId) -> Option<&mut Message> {
        self.messages.get_mut(id.0)
    }

    pub(crate) fn values(&self, id: EnumId) -> Option<&Values> {
        self.enums.get(id.0)
    }

    pub(crate) fn values_mut(&mut self, id: EnumId) -> Option<&mut Values> {
        self.enums.get_mut(id.0)
    }

    /// Says that a field's content is read later as another message, by the parser of that position. False: no such
    /// field.
    pub(crate) fn embed(&mut self, owner: &str, field: &str, content: MessageId, parser: usize) -> bool {
        let Some(message) = self.find(owner).and_then(|id| self.messages.get_mut(id.0)) else {
            return false;
        };
        let Some(at) = message.names.get(field).copied() else {
            return false;
        };
        let found = message.fields.get_mut(at);
        found.is_some_and(|field| {
            field.embedded = Some((content, parser));
            true
        })
    }
}
