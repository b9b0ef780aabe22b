//! Room e2e/standin: which files the mounts of a rendered pod bring, and what is in them. Pure.

use serde_json::Value;

use crate::facts::FileState;
use crate::images::Image;
use crate::offline::{Key, Reader, below, text};

/// Where Kubernetes mounts the service account token unless it is told not to.
const TOKEN_FOLDER: &str = "/var/run/secrets/kubernetes.io/serviceaccount";

impl Reader<'_> {
    /// Whether the program can talk to the Kubernetes API.
    pub(crate) fn has_token(&self, image: &Image) -> bool {
        !matches!(
            self.file(&format!("{TOKEN_FOLDER}/token"), image),
            FileState::Missing(_)
        )
    }

    /// The pod's own word counts, then its service account's, when that is part of the rendering.
    fn mounts_token(&self) -> bool {
        let account = self.spec["serviceAccountName"].as_str().unwrap_or("default");
        let of_account = || {
            let own = self.object("ServiceAccount", account)?;
            own["automountServiceAccountToken"].as_bool()
        };
        self.spec["automountServiceAccountToken"]
            .as_bool()
            .or_else(of_account)
            .unwrap_or(true)
    }

    /// The state of one file.
    pub(crate) fn file(&self, path: &str, image: &Image) -> FileState {
        let covering = self
            .mounts()
            .filter_map(|mount| Some((mount, below(path, mount["mountPath"].as_str()?)?)))
            .min_by_key(|(_, rest)| rest.len());
        if let Some((mount, rest)) = covering {
            return self.mounted(mount, rest);
        }
        if let Some(text) = image.files.get(path) {
            return FileState::Text(text.clone());
        }
        if below(path, TOKEN_FOLDER).is_some() {
            return if self.mounts_token() {
                FileState::Promised
            } else {
                FileState::Missing("the pod does not mount its service account token".to_owned())
            };
        }
        FileState::Missing("no mount covers it".to_owned())
    }

    /// The state of `rest` (a path relative to the mount, empty for the mount itself).
    fn mounted(&self, mount: &Value, rest: &str) -> FileState {
        let wanted = match mount["subPath"].as_str() {
            Some(sub_path) if rest.is_empty() => sub_path.to_owned(),
            Some(sub_path) => format!("{sub_path}/{rest}"),
            None => rest.to_owned(),
        };
        let name = text(&mount["name"]);
        let volumes = self.spec["volumes"].as_array();
        let Some(volume) = volumes
            .into_iter()
            .flatten()
            .find(|volume| volume["name"] == name)
        else {
            return FileState::Missing(format!("the pod has no volume {name:?}"));
        };
        if let Some(projected) = volume.get("projected") {
            let sources = projected["sources"]
                .as_array()
                .map(Vec::as_slice)
                .unwrap_or_default();
            let states = sources.iter().map(|source| self.projected(source, &wanted));
            return states
                .reduce(|best, next| {
                    if matches!(best, FileState::Missing(_)) {
                        next
                    } else {
                        best
                    }
                })
                .unwrap_or_else(|| FileState::Missing(format!("volume {name:?} projects nothing")));
        }
        for (member, kind, name_key) in [
            ("configMap", "ConfigMap", "name"),
            ("secret", "Secret", "secretName"),
        ] {
            if let Some(source) = volume.get(member) {
                return self.keyed(kind, text(&source[name_key]), source, &wanted);
            }
        }
        if volume.get("emptyDir").is_some() {
            return FileState::Missing(format!("volume {name:?} starts empty"));
        }
        FileState::Promised
    }

    fn projected(&self, source: &Value, wanted: &str) -> FileState {
        if let Some(token) = source.get("serviceAccountToken") {
            return if token["path"] == wanted {
                FileState::Token(token["audience"].as_str().unwrap_or("the API server").to_owned())
            } else {
                FileState::Missing(format!(
                    "its volume holds a token called {:?}",
                    text(&token["path"])
                ))
            };
        }
        for (member, kind) in [("configMap", "ConfigMap"), ("secret", "Secret")] {
            if let Some(part) = source.get(member) {
                return self.keyed(kind, text(&part["name"]), part, wanted);
            }
        }
        let items = source.pointer("/downwardAPI/items").and_then(Value::as_array);
        if items.into_iter().flatten().any(|item| item["path"] == wanted) {
            return FileState::Promised;
        }
        FileState::Missing("its volume projects no such file".to_owned())
    }

    fn keyed(&self, kind: &str, name: &str, source: &Value, wanted: &str) -> FileState {
        let shown = format!("{kind} {name}");
        let optional = source["optional"] == true;
        if wanted.is_empty() {
            return if optional {
                FileState::Maybe(shown)
            } else {
                FileState::Promised
            };
        }
        let key = match source["items"].as_array() {
            None => Some(wanted),
            Some(items) => items
                .iter()
                .find(|item| item["path"] == wanted)
                .and_then(|item| item["key"].as_str()),
        };
        let Some(key) = key else {
            return FileState::Missing(format!("no item of {shown} is mounted as {wanted:?}"));
        };
        match self.key(kind, name, key) {
            Key::Text(text) => FileState::Text(text),
            Key::Unseen if optional => FileState::Maybe(shown),
            Key::Unseen | Key::Hidden => FileState::Promised,
            Key::Absent => FileState::Missing(format!("{shown} has no key {key:?}")),
        }
    }
}
