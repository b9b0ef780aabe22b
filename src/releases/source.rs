//! FACTS: the closed set of places that a value of the catalog comes from. No conditions, no loops, no expressions.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Value of an environment variable.
///
/// Written as `secret:NAME/KEY`, `config:NAME/KEY` (a trailing `?` lets the object or key be absent),
/// `field:metadata.namespace`, or a [`Text`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// Key of a Secret of the same release.
    Secret(KeyRef),
    /// Key of a ConfigMap of the same release.
    Config(KeyRef),
    /// Field of the pod (downward API), for example `metadata.namespace`.
    Field(String),
    /// Text known when the objects are rendered.
    Text(Text),
}

/// A key of a Secret or ConfigMap.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyRef {
    /// Object name.
    pub name: String,
    /// Key in its data.
    pub key: String,
    /// The container starts without it.
    pub optional: bool,
}

/// A text with insertions, known when the objects are rendered.
///
/// Written as plain text with `${…}` for each insertion; a text that is one insertion and nothing else may be written
/// without the braces, for example `service:seaweedfs`. `literal:` in front takes the rest as it stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Text(pub Vec<Part>);

/// A piece of a [`Text`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// Taken as it stands.
    Literal(String),
    /// Replaced when the objects are rendered.
    Insert(Insert),
}

/// What can be inserted into a [`Text`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Insert {
    /// `namespace`: the installation's namespace.
    Namespace,
    /// `version`: the release's version.
    Version,
    /// `service:NAME`: host that works from every namespace, `NAME.<namespace>.svc`.
    Service(String),
    /// `service-name:NAME`: the bare name, for use within the namespace.
    ServiceName(String),
    /// `service-port:NAME/PORT`: number of a Service's named port.
    ServicePort(PortRef),
    /// `service-address:NAME/PORT`: `NAME.<namespace>.svc:<number>`.
    ServiceAddress(PortRef),
    /// `image:NAME`: an entry of the release's `images`, after the registry rewrite.
    Image(String),
    /// `setting:NAME`: an entry of the release's `settings`, after size preset and spec.
    Setting(String),
}

/// A named port of a Service.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PortRef {
    /// Service name.
    pub service: String,
    /// Name of one of its ports.
    pub port: String,
}

/// A text that names no known source.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SourceError {
    /// The word before the colon is not a source.
    #[error(
        "`{0}` begins like a source but is none: known are secret, config, field, service, service-name, service-port, service-address, image, setting, literal; write `literal:` in front of a text that only looks like one"
    )]
    Unknown(String),
    /// The part after the colon has another form.
    #[error("`{text}` is incomplete: write {wanted}")]
    Incomplete {
        /// What was read.
        text: String,
        /// The form it should have.
        wanted: &'static str,
    },
    /// `${` without `}`.
    #[error("`{0}` opens `${{` and does not close it")]
    Open(String),
}

impl Text {
    /// A text without insertions.
    #[must_use]
    pub fn literal(text: &str) -> Self {
        Self(vec![Part::Literal(text.to_owned())])
    }

    /// What the text inserts, in order.
    pub fn inserts(&self) -> impl Iterator<Item = &Insert> {
        self.0.iter().filter_map(|part| match part {
            Part::Insert(insert) => Some(insert),
            Part::Literal(_) => None,
        })
    }

    /// The text with every insertion replaced by `resolve`, or the first error of `resolve`.
    pub fn resolve<E>(&self, mut resolve: impl FnMut(&Insert) -> Result<String, E>) -> Result<String, E> {
        let mut whole = String::new();
        for part in &self.0 {
            match part {
                Part::Literal(text) => whole.push_str(text),
                Part::Insert(insert) => whole.push_str(&resolve(insert)?),
            }
        }
        Ok(whole)
    }
}

/// Splits `word:rest` where `word` could be the name of a source; `scheme://` is none.
fn source_word(text: &str) -> Option<(&str, &str)> {
    let (word, rest) = text.split_once(':')?;
    let plain = !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-');
    (plain && !rest.starts_with("//") && !rest.contains(char::is_whitespace)).then_some((word, rest))
}

fn incomplete(text: &str, wanted: &'static str) -> SourceError {
    SourceError::Incomplete {
        text: text.to_owned(),
        wanted,
    }
}

fn name(text: &str, rest: &str, wanted: &'static str) -> Result<String, SourceError> {
    if rest.is_empty() || rest.contains('/') {
        Err(incomplete(text, wanted))
    } else {
        Ok(rest.to_owned())
    }
}

fn pair<'a>(text: &str, rest: &'a str, wanted: &'static str) -> Result<(&'a str, &'a str), SourceError> {
    match rest.split_once('/') {
        Some((first, second)) if !first.is_empty() && !second.is_empty() => Ok((first, second)),
        _ => Err(incomplete(text, wanted)),
    }
}

impl FromStr for PortRef {
    type Err = SourceError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (service, port) = pair(text, text, "SERVICE/PORT")?;
        Ok(Self {
            service: service.to_owned(),
            port: port.to_owned(),
        })
    }
}

impl FromStr for Insert {
    type Err = SourceError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "namespace" => return Ok(Self::Namespace),
            "version" => return Ok(Self::Version),
            _ => {}
        }
        let Some((word, rest)) = source_word(text) else {
            return Err(SourceError::Unknown(text.to_owned()));
        };
        match word {
            "service" => Ok(Self::Service(name(text, rest, "service:NAME")?)),
            "service-name" => Ok(Self::ServiceName(name(text, rest, "service-name:NAME")?)),
            "service-port" => Ok(Self::ServicePort(rest.parse()?)),
            "service-address" => Ok(Self::ServiceAddress(rest.parse()?)),
            "image" => Ok(Self::Image(name(text, rest, "image:NAME")?)),
            "setting" => Ok(Self::Setting(name(text, rest, "setting:NAME")?)),
            _ => Err(SourceError::Unknown(text.to_owned())),
        }
    }
}

impl FromStr for Text {
    type Err = SourceError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Some(rest) = text.strip_prefix("literal:") {
            return Ok(Self::literal(rest));
        }
        if source_word(text).is_some() {
            return Ok(Self(vec![Part::Insert(text.parse()?)]));
        }
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("${") {
            let (insert, after) = after
                .split_once('}')
                .ok_or_else(|| SourceError::Open(text.to_owned()))?;
            if !before.is_empty() {
                parts.push(Part::Literal(before.to_owned()));
            }
            parts.push(Part::Insert(insert.parse()?));
            rest = after;
        }
        if !rest.is_empty() || parts.is_empty() {
            parts.push(Part::Literal(rest.to_owned()));
        }
        Ok(Self(parts))
    }
}

impl FromStr for Value {
    type Err = SourceError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let key_ref = |rest: &str, wanted| {
            let (rest, optional) = rest.strip_suffix('?').map_or((rest, false), |rest| (rest, true));
            let (name, key) = pair(text, rest, wanted)?;
            Ok::<_, SourceError>(KeyRef {
                name: name.to_owned(),
                key: key.to_owned(),
                optional,
            })
        };
        match source_word(text) {
            Some(("secret", rest)) => Ok(Self::Secret(key_ref(rest, "secret:NAME/KEY")?)),
            Some(("config", rest)) => Ok(Self::Config(key_ref(rest, "config:NAME/KEY")?)),
            Some(("field", rest)) => Ok(Self::Field(name(text, rest, "field:metadata.namespace")?)),
            _ => Ok(Self::Text(text.parse()?)),
        }
    }
}

impl fmt::Display for PortRef {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.service, self.port)
    }
}

impl fmt::Display for Insert {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Namespace => formatter.write_str("namespace"),
            Self::Version => formatter.write_str("version"),
            Self::Service(name) => write!(formatter, "service:{name}"),
            Self::ServiceName(name) => write!(formatter, "service-name:{name}"),
            Self::ServicePort(port) => write!(formatter, "service-port:{port}"),
            Self::ServiceAddress(port) => write!(formatter, "service-address:{port}"),
            Self::Image(name) => write!(formatter, "image:{name}"),
            Self::Setting(name) => write!(formatter, "setting:{name}"),
        }
    }
}

impl fmt::Display for Text {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for part in &self.0 {
            match part {
                Part::Literal(text) if self.0.len() == 1 && source_word(text).is_some() => {
                    write!(formatter, "literal:{text}")?;
                }
                Part::Literal(text) => formatter.write_str(text)?,
                Part::Insert(insert) => write!(formatter, "${{{insert}}}")?,
            }
        }
        Ok(())
    }
}

impl fmt::Display for Value {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mark = |optional: bool| if optional { "?" } else { "" };
        match self {
            Self::Secret(at) => write!(formatter, "secret:{}/{}{}", at.name, at.key, mark(at.optional)),
            Self::Config(at) => write!(formatter, "config:{}/{}{}", at.name, at.key, mark(at.optional)),
            Self::Field(path) => write!(formatter, "field:{path}"),
            Self::Text(text) => text.fmt(formatter),
        }
    }
}

macro_rules! as_text {
    ($($type:ty),+) => {
        $(
            impl Serialize for $type {
                fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                    serializer.collect_str(self)
                }
            }

            impl<'de> Deserialize<'de> for $type {
                fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                    String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
                }
            }
        )+
    };
}

as_text!(PortRef, Text, Value);

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::{Insert, KeyRef, Part, SourceError, Text, Value};

    #[rstest]
    #[case("secret:mysql-secret/username")]
    #[case("config:pipeline-install-config/BLOCK_V1_PIPELINES?")]
    #[case("field:metadata.namespace")]
    #[case("${service:seaweedfs}")]
    #[case("http://${service-address:seaweedfs/http-s3}/")]
    #[case("--executor-image=${image:argo-executor}")]
    #[case("literal:trap:me")]
    #[case("")]
    #[case("http://example.com")]
    #[case("max=1: two")]
    fn what_is_written_is_what_is_printed(#[case] text: &str) {
        assert_eq!(text.parse::<Value>().unwrap().to_string(), text);
    }

    #[test]
    fn a_lone_insertion_needs_no_braces() {
        let wanted = Text(vec![Part::Insert(Insert::Service("seaweedfs".to_owned()))]);
        assert_eq!("service:seaweedfs".parse::<Text>().unwrap(), wanted);
    }

    #[test]
    fn a_question_mark_makes_a_key_optional() {
        let wanted = KeyRef {
            name: "a".to_owned(),
            key: "b".to_owned(),
            optional: true,
        };
        assert_eq!("config:a/b?".parse::<Value>().unwrap(), Value::Config(wanted));
    }

    #[rstest]
    #[case("secrets:a/b")]
    #[case("${nothing}")]
    #[case("a ${sevice:x} b")]
    fn a_misspelt_source_is_no_literal(#[case] text: &str) {
        assert!(matches!(text.parse::<Value>(), Err(SourceError::Unknown(_))));
    }

    #[rstest]
    #[case("secret:name")]
    #[case("service-port:name")]
    #[case("service:")]
    fn an_incomplete_source_says_its_form(#[case] text: &str) {
        assert!(matches!(
            text.parse::<Value>(),
            Err(SourceError::Incomplete { .. })
        ));
    }

    #[test]
    fn an_open_brace_is_refused() {
        assert!(matches!("x ${version".parse::<Text>(), Err(SourceError::Open(_))));
    }
}
