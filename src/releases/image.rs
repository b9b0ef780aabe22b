//! FACTS: names of container images: taken apart, checked and moved to another registry. No I/O.

/// An image name in its parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ImageName<'a> {
    /// Registry host with its port, if the name begins with one.
    pub registry: Option<&'a str>,
    /// Path in the registry.
    pub path: &'a str,
    /// Tag.
    pub tag: Option<&'a str>,
    /// Digest, such as `sha256:…`.
    pub digest: Option<&'a str>,
}

/// An image name that will not be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ImageNameError {
    /// It is no image name at all.
    #[error("`{0}` is no image name: write REGISTRY/PATH:TAG or REGISTRY/PATH@sha256:DIGEST")]
    Malformed(String),
    /// Neither tag nor digest: that means `latest`.
    #[error(
        "`{0}` names no tag, which means `latest`, and would be another image tomorrow: add a tag or a digest"
    )]
    Untagged(String),
    /// The tag is `latest`.
    #[error("`{0}` would be another image tomorrow: name a tag that stays, or a digest")]
    Latest(String),
}

impl<'a> ImageName<'a> {
    /// Takes an image name apart as container runtimes do: the first piece is a registry if it has a dot or a port, or is
    /// `localhost`.
    pub fn parse(name: &'a str) -> Result<Self, ImageNameError> {
        let malformed = || ImageNameError::Malformed(name.to_owned());
        let (rest, digest) = match name.split_once('@') {
            Some((rest, digest)) => (rest, Some(digest)),
            None => (name, None),
        };
        if digest.is_some_and(|digest| !is_digest(digest)) {
            return Err(malformed());
        }
        let (rest, tag) = match rest.rsplit_once(':') {
            Some((before, tag)) if !tag.contains('/') => (before, Some(tag)),
            _ => (rest, None),
        };
        if tag.is_some_and(|tag| !is_tag(tag)) {
            return Err(malformed());
        }
        let (registry, path) = match rest.split_once('/') {
            Some((host, path)) if host.contains(['.', ':']) || host == "localhost" => (Some(host), path),
            _ => (None, rest),
        };
        if !registry.is_none_or(is_host) || path.is_empty() || !path.split('/').all(is_path_part) {
            return Err(malformed());
        }
        Ok(Self {
            registry,
            path,
            tag,
            digest,
        })
    }

    /// As [`ImageName::parse`], and refuses names that mean another image tomorrow.
    pub fn pinned(name: &'a str) -> Result<Self, ImageNameError> {
        let parsed = Self::parse(name)?;
        match (parsed.tag, parsed.digest) {
            (None, None) => Err(ImageNameError::Untagged(name.to_owned())),
            (Some("latest"), None) => Err(ImageNameError::Latest(name.to_owned())),
            _ => Ok(parsed),
        }
    }

    /// The same image in another registry: what follows the registry in the name stays.
    #[must_use]
    pub fn in_registry(&self, registry: &str) -> String {
        let tag = self.tag.map(|tag| format!(":{tag}")).unwrap_or_default();
        let digest = self.digest.map(|digest| format!("@{digest}")).unwrap_or_default();
        format!("{registry}/{}{tag}{digest}", self.path)
    }
}

/// A registry host with an optional port and path prefix, such as `registry.example.com:5000/mirror`.
#[must_use]
pub fn is_registry(text: &str) -> bool {
    let (host, prefix) = text
        .split_once('/')
        .map_or((text, None), |(host, prefix)| (host, Some(prefix)));
    is_host(host) && prefix.is_none_or(|prefix| prefix.split('/').all(is_path_part))
}

fn is_host(text: &str) -> bool {
    let (name, port) = text
        .split_once(':')
        .map_or((text, None), |(name, port)| (name, Some(port)));
    let label = |label: &str| {
        let inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        !label.is_empty() && label.bytes().all(inner) && !label.starts_with('-') && !label.ends_with('-')
    };
    name.split('.').all(label) && port.is_none_or(|port| port.parse::<u16>().is_ok_and(|port| port > 0))
}

fn is_path_part(part: &str) -> bool {
    let word = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let joint = |byte: u8| matches!(byte, b'.' | b'_' | b'-');
    let ends = part.bytes().next().is_some_and(word) && part.bytes().next_back().is_some_and(word);
    ends && part.bytes().all(|byte| word(byte) || joint(byte))
}

fn is_tag(tag: &str) -> bool {
    let word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    (1..=128).contains(&tag.len())
        && tag.bytes().next().is_some_and(word)
        && tag.bytes().all(|byte| word(byte) || matches!(byte, b'.' | b'-'))
}

fn is_digest(digest: &str) -> bool {
    digest.strip_prefix("sha256:").is_some_and(|hex| {
        hex.len() == 64
            && hex
                .bytes()
                .all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{prop_assert_eq, proptest};
    use rstest::rstest;

    use super::{ImageName, ImageNameError, is_registry};

    const DIGEST: &str = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

    #[rstest]
    #[case(
        "ghcr.io/kubeflow/kfp-frontend:2.16.1",
        "m.example/x/kubeflow/kfp-frontend:2.16.1"
    )]
    #[case("docker.io/library/mysql:8.4", "m.example/x/library/mysql:8.4")]
    #[case("mysql:8.4", "m.example/x/mysql:8.4")]
    #[case("localhost/a:1", "m.example/x/a:1")]
    #[case("kubeflow/a:1", "m.example/x/kubeflow/a:1")]
    #[case("h:5000/a/b:1", "m.example/x/a/b:1")]
    fn an_image_moves_to_another_registry_with_its_path_and_tag(#[case] name: &str, #[case] wanted: &str) {
        assert_eq!(
            ImageName::pinned(name).unwrap().in_registry("m.example/x"),
            wanted
        );
    }

    #[test]
    fn a_digest_moves_along() {
        let name = format!("ghcr.io/a/b:1@{DIGEST}");
        assert_eq!(
            ImageName::pinned(&name).unwrap().in_registry("r"),
            format!("r/a/b:1@{DIGEST}")
        );
    }

    #[rstest]
    #[case("ghcr.io/a/b")]
    #[case("h:5000/a")]
    fn a_name_without_a_tag_is_refused(#[case] name: &str) {
        assert_eq!(
            ImageName::pinned(name),
            Err(ImageNameError::Untagged(name.to_owned()))
        );
    }

    #[test]
    fn latest_is_refused_without_a_digest_and_taken_with_one() {
        assert_eq!(
            ImageName::pinned("a:latest"),
            Err(ImageNameError::Latest("a:latest".to_owned()))
        );
        assert!(ImageName::pinned(&format!("a:latest@{DIGEST}")).is_ok());
    }

    #[rstest]
    #[case("")]
    #[case("a b:1")]
    #[case("ghcr.io//a:1")]
    #[case("ghcr.io/A:1")]
    #[case("https://ghcr.io/a:1")]
    #[case("a@sha256:12")]
    #[case("a:")]
    #[case(":1")]
    fn what_is_no_image_name_is_refused(#[case] name: &str) {
        assert_eq!(
            ImageName::pinned(name),
            Err(ImageNameError::Malformed(name.to_owned()))
        );
    }

    #[rstest]
    #[case("registry.example.com", true)]
    #[case("registry:5000/mirror/a", true)]
    #[case("https://registry.example.com", false)]
    #[case("registry.example.com/", false)]
    #[case("registry:0", false)]
    #[case("registry:", false)]
    #[case("-a", false)]
    #[case("", false)]
    fn registries_are_hosts_with_optional_port_and_path(#[case] text: &str, #[case] wanted: bool) {
        assert_eq!(is_registry(text), wanted);
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic_and_what_parses_is_put_together_again(text in "\\PC{0,40}") {
            if let Ok(name) = ImageName::parse(&text) {
                let whole = name.registry.map_or_else(
                    || name.in_registry("x").trim_start_matches("x/").to_owned(),
                    |registry| name.in_registry(registry),
                );
                prop_assert_eq!(whole, text);
            }
        }
    }
}
