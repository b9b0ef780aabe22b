//! Room e2e/standin: facts out of a rendered pod and the rules of its service account, so that the same judge serves
//! without a cluster. Pure.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::arguments;
use crate::breach::{Breach, StandinError};
use crate::contract::{Contract, Role};
use crate::data::contract;
use crate::evaluate::evaluate;
use crate::facts::{Answer, Facts, Held};
use crate::images::{Image, image};
use crate::rbac::{PolicyRule, answer};
use crate::template::{expand, shell_words};

/// A rendered pod and what surrounds it.
#[derive(Debug, Clone, Copy)]
pub struct PodView<'a> {
    /// A Pod, a pod template, or an object that has one (`spec.template`), as JSON.
    pub pod: &'a Value,
    /// The container to judge; none is the first.
    pub container: Option<&'a str>,
    /// The namespace it will run in; none is `metadata.namespace`.
    pub namespace: Option<&'a str>,
    /// The rules of all roles bound to its service account in that namespace.
    pub rules: &'a [PolicyRule],
    /// ConfigMaps, Secrets and service accounts of the rendering (other objects do no harm); where one is among them
    /// it is looked up, otherwise it is taken on trust.
    pub objects: &'a [Value],
}

/// What came of judging a rendered pod.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// What the contract asks for and the pod lacks.
    pub breaches: Vec<Breach>,
    /// Environment names of the pod that no upstream fact names.
    pub unknown_variables: BTreeSet<String>,
    /// Mount paths of the pod below which the contract looks for no file.
    pub unasked_mounts: BTreeSet<String>,
}

/// Judges a rendered pod by the contract of a role and release.
pub fn check_pod(role: Role, release: &str, view: &PodView<'_>) -> Result<Report, StandinError> {
    let mut contract = contract(role, release)?;
    let image = image(role, release)?;
    let reader = Reader::new(view)?;
    let facts = reader.facts(&mut contract, image);
    let unknown_variables = facts
        .variables
        .keys()
        .filter(|name| contract.stance_on_variable(name) == crate::contract::Stance::Unknown)
        .cloned()
        .collect();
    let unasked_mounts = reader
        .mounts()
        .filter_map(|mount| mount["mountPath"].as_str())
        .filter(|mount| !facts.files.keys().any(|path| below(path, mount).is_some()))
        .map(str::to_owned)
        .collect();
    Ok(Report {
        breaches: evaluate(&contract, &facts),
        unknown_variables,
        unasked_mounts,
    })
}

/// Reads one container.
pub(crate) struct Reader<'a> {
    view: &'a PodView<'a>,
    pub(crate) spec: &'a Value,
    container: &'a Value,
    name: &'a str,
    namespace: Option<String>,
}

impl<'a> Reader<'a> {
    fn new(view: &'a PodView<'a>) -> Result<Self, StandinError> {
        let spec = ["/spec/template/spec", "/spec", ""]
            .iter()
            .filter_map(|pointer| view.pod.pointer(pointer))
            .find(|spec| spec["containers"].is_array())
            .ok_or_else(|| StandinError::Pod("it has no containers".to_owned()))?;
        let containers = spec["containers"]
            .as_array()
            .map(Vec::as_slice)
            .unwrap_or_default();
        let container = match view.container {
            None => containers.first(),
            Some(name) => containers.iter().find(|container| container["name"] == name),
        };
        let container = container.ok_or_else(|| {
            StandinError::Pod(format!(
                "it has no container {:?}",
                view.container.unwrap_or("at all")
            ))
        })?;
        let named = view.pod.pointer("/metadata/namespace").and_then(Value::as_str);
        let namespace = view.namespace.or(named).map(str::to_owned);
        let name = container["name"].as_str().unwrap_or("without a name");
        Ok(Self {
            view,
            spec,
            container,
            name,
            namespace,
        })
    }

    fn facts(&self, contract: &mut Contract, image: &Image) -> Facts {
        let mut facts = Facts {
            place: format!("container {} of the rendered pod", self.name),
            text_seen: true,
            namespace: self.namespace.clone(),
            variables: self.variables(),
            image_variables: image
                .environment
                .iter()
                .map(|(name, value)| (name.clone(), Held::Text(value.clone())))
                .collect(),
            ..Facts::default()
        };
        facts.arguments = self.arguments(image, &facts);
        facts.flags = arguments::read(&contract.arguments, &facts.arguments);
        contract.narrow(&facts);
        let paths: Vec<_> = contract
            .files
            .iter()
            .map(|file| file.path.expand(&facts).text)
            .collect();
        facts.files = paths
            .into_iter()
            .map(|path| (path.clone(), self.file(&path, image)))
            .collect();
        let has_token = self.has_token(image);
        facts.rights = contract
            .required_rights()
            .map(|(right, _)| {
                let answer = if has_token {
                    answer(self.view.rules, &right)
                } else {
                    Answer::Unknown("the pod does not mount its service account token".to_owned())
                };
                (right, answer)
            })
            .collect();
        facts
    }

    fn variables(&self) -> BTreeMap<String, Held> {
        let mut variables = BTreeMap::new();
        for entry in self.container["env"].as_array().into_iter().flatten() {
            let Some(name) = entry["name"].as_str() else {
                continue;
            };
            let held = match entry.get("valueFrom") {
                None => {
                    let text = entry["value"].as_str().unwrap_or_default();
                    references(text, &variables)
                }
                Some(source) => self.value_from(source),
            };
            variables.insert(name.to_owned(), held);
        }
        variables
    }

    fn value_from(&self, source: &Value) -> Held {
        if let Some(path) = source.pointer("/fieldRef/fieldPath").and_then(Value::as_str) {
            return match (path, &self.namespace) {
                ("metadata.namespace", Some(namespace)) => Held::Text(namespace.clone()),
                _ => Held::Promised(format!("field {path}")),
            };
        }
        for (member, kind) in [("configMapKeyRef", "ConfigMap"), ("secretKeyRef", "Secret")] {
            let Some(reference) = source.get(member) else {
                continue;
            };
            let (name, key) = (text(&reference["name"]), text(&reference["key"]));
            let shown = format!("{kind} {name} key {key}");
            return match self.key(kind, name, key) {
                Key::Text(value) => Held::Text(value),
                Key::Unseen if reference["optional"] == true => Held::Maybe(shown),
                Key::Unseen | Key::Hidden => Held::Promised(shown),
                Key::Absent => Held::Maybe(format!("{shown} (which the rendering does not have)")),
            };
        }
        Held::Promised("another source".to_owned())
    }

    /// An object of the rendering.
    pub(crate) fn object(&self, kind: &str, name: &str) -> Option<&'a Value> {
        self.view.objects.iter().find(|object| {
            object["kind"] == kind && object.pointer("/metadata/name").is_some_and(|own| own == name)
        })
    }

    /// What the rendering has under a key of a ConfigMap or Secret.
    pub(crate) fn key(&self, kind: &str, name: &str, key: &str) -> Key {
        let Some(object) = self.object(kind, name) else {
            return Key::Unseen;
        };
        for member in ["data", "stringData", "binaryData"] {
            if let Some(value) = object[member].get(key) {
                return match value.as_str() {
                    Some(value) if kind == "ConfigMap" && member == "data" => Key::Text(value.to_owned()),
                    _ => Key::Hidden,
                };
            }
        }
        Key::Absent
    }

    fn arguments(&self, image: &Image, facts: &Facts) -> Vec<Held> {
        let listed = |member: &str| -> Option<Vec<&str>> {
            self.container[member]
                .as_array()
                .map(|words| words.iter().filter_map(Value::as_str).collect())
        };
        let own = |words: &[&str]| {
            words
                .iter()
                .map(|word| references(word, &facts.variables))
                .collect::<Vec<_>>()
        };
        let command = listed("command");
        let given = own(&listed("args").unwrap_or_default());
        if let Some(command) = command {
            return own(command.get(1..).unwrap_or_default())
                .into_iter()
                .chain(given)
                .collect();
        }
        let baked = if given.is_empty() {
            [image.entrypoint.as_slice(), image.command.as_slice()].concat()
        } else {
            image.entrypoint.clone()
        };
        let from_image: Vec<_> = match baked.as_slice() {
            [shell, dash_c, command, ..] if shell == "/bin/sh" && dash_c == "-c" => {
                let sight = ShellSight(facts);
                let words = shell_words(command).into_iter().skip(1);
                words
                    .map(|word| {
                        let filled = expand(&word, &sight);
                        if filled.seen {
                            Held::Text(filled.text)
                        } else {
                            Held::Promised(filled.text)
                        }
                    })
                    .collect()
            }
            words => words
                .iter()
                .skip(1)
                .map(|word| Held::Text(word.clone()))
                .collect(),
        };
        from_image.into_iter().chain(given).collect()
    }

    pub(crate) fn mounts(&self) -> impl Iterator<Item = &'a Value> {
        self.container["volumeMounts"].as_array().into_iter().flatten()
    }
}

/// What the rendering has under a key.
pub(crate) enum Key {
    /// A ConfigMap's text.
    Text(String),
    /// There, but secret or binary.
    Hidden,
    /// The object is not part of the rendering.
    Unseen,
    /// The object is, the key is not.
    Absent,
}

/// Sees what the shell of an image's command sees: the pod's environment over the image's.
struct ShellSight<'a>(&'a Facts);

impl crate::template::Lookup for ShellSight<'_> {
    fn variable(&self, name: &str) -> Option<crate::template::Expanded> {
        use crate::template::Expanded;
        match self
            .0
            .variables
            .get(name)
            .or_else(|| self.0.image_variables.get(name))?
        {
            Held::Text(text) => Some(Expanded::seen(text)),
            Held::Promised(source) | Held::Maybe(source) => Some(Expanded::unseen(source)),
        }
    }

    fn flag(&self, _: &str) -> Option<crate::template::Expanded> {
        None
    }
}

/// Fills `$(NAME)` as Kubernetes does: a name that is not set stays as it is.
fn references(text: &str, variables: &BTreeMap<String, Held>) -> Held {
    let mut filled = String::new();
    let mut seen = true;
    let mut rest = text;
    while let Some(start) = rest.find("$(") {
        let Some(length) = rest[start..].find(')') else {
            break;
        };
        let reference = &rest[start..=start + length];
        filled.push_str(&rest[..start]);
        match variables.get(&reference[2..reference.len() - 1]) {
            Some(Held::Text(value)) => filled.push_str(value),
            Some(Held::Promised(source) | Held::Maybe(source)) => {
                seen = false;
                filled.extend(["<", source, ">"]);
            }
            None => filled.push_str(reference),
        }
        rest = &rest[start + length + 1..];
    }
    filled.push_str(rest);
    if seen {
        Held::Text(filled)
    } else {
        Held::Promised(filled)
    }
}

/// What is left of a path below a folder; empty for the folder itself.
pub(crate) fn below<'p>(path: &'p str, folder: &str) -> Option<&'p str> {
    let rest = path.strip_prefix(folder.trim_end_matches('/'))?;
    if rest.is_empty() {
        Some(rest)
    } else {
        rest.strip_prefix('/')
    }
}

/// A JSON text; empty when it is none.
pub(crate) fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

#[cfg(test)]
mod tests;
