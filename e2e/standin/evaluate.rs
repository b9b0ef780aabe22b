//! Room e2e/standin: the one judge. Facts of a pod against the contract of a program; pure, and the same for the
//! running process and for a rendered pod.

use crate::breach::Breach;
use crate::contract::{Contract, FileContract, Form, Need, Right, Syntax, VariableContract};
use crate::facts::{Answer, Facts, FileState, Held};
use crate::template::go_duration;

/// Everything of the contract that these facts break, in the order of the data file. Database, bucket and peers are
/// not among them: only a running process can try those.
#[must_use]
pub fn evaluate(contract: &Contract, facts: &Facts) -> Vec<Breach> {
    let mut breaches = Vec::new();
    breaches.extend(arguments(contract, facts));
    breaches.extend(
        contract
            .environment
            .iter()
            .filter_map(|entry| variable(entry, facts)),
    );
    breaches.extend(contract.files.iter().filter_map(|entry| file(entry, facts)));
    breaches.extend(
        contract
            .required_rights()
            .filter_map(|(asked, why)| right(&asked, why, facts)),
    );
    breaches
}

fn arguments(contract: &Contract, facts: &Facts) -> Vec<Breach> {
    let place = format!("the command line ({})", facts.place);
    let whole = |problem: String, why: &str| Breach::new("command line", problem, &place, why);
    let mut breaches: Vec<_> = facts
        .flags
        .refused
        .iter()
        .map(|refusal| {
            whole(
                refusal.clone(),
                "[S] the program's own list of flags; an unknown one is fatal",
            )
        })
        .collect();
    for word in &facts.arguments {
        if let Held::Text(text) = word
            && let Some(start) = text.find("$(")
        {
            let problem = format!("{:?} names a variable that the pod does not set", &text[start..]);
            breaches.push(whole(
                problem,
                "Kubernetes leaves $(NAME) as it is when NAME is not set",
            ));
        }
    }
    let own = &contract.arguments;
    if own.syntax == Syntax::Exact {
        let given: Vec<_> = facts.flags.rest.iter().map(shown).collect();
        if given != own.exact {
            breaches.push(whole(
                format!("is {given:?}, not {:?}", own.exact),
                "[D] the image's own command",
            ));
        }
    }
    for entry in &own.required {
        let problem = match facts.flags.values.get(&entry.flag) {
            None => Some("is not given".to_owned()),
            Some(Held::Text(text)) if text.is_empty() => Some("is empty".to_owned()),
            Some(Held::Maybe(source)) => Some(format!("comes from {source}, which may be missing")),
            Some(Held::Text(text)) => misformed(entry.form, text, facts),
            Some(Held::Promised(_)) => None,
        };
        breaches.extend(problem.map(|problem| Breach::new(flag(&entry.flag), problem, &place, &entry.why)));
    }
    for entry in &own.one_of {
        if let Some(Held::Text(text)) = facts.flags.values.get(&entry.flag)
            && !entry.values.contains(text)
        {
            let problem = format!("is {text:?}, not one of {:?}", entry.values);
            breaches.push(Breach::new(flag(&entry.flag), problem, &place, &entry.why));
        }
    }
    for (name, held) in &facts.flags.values {
        if let (Held::Text(text), Some(form)) = (held, own.known.get(name))
            && !text.is_empty()
            && let Some(problem) = misformed(*form, text, facts)
        {
            breaches.push(Breach::new(
                flag(name),
                problem,
                &place,
                "[S] the type of this flag",
            ));
        }
    }
    breaches
}

fn flag(name: &str) -> String {
    format!("argument --{name}")
}

fn shown(held: &Held) -> String {
    match held {
        Held::Text(text) => text.clone(),
        Held::Promised(source) | Held::Maybe(source) => format!("<{source}>"),
    }
}

fn variable(entry: &VariableContract, facts: &Facts) -> Option<Breach> {
    let held = facts
        .variables
        .get(&entry.name)
        .filter(|held| **held != Held::Text(String::new()))
        .or_else(|| entry.or.as_ref().and_then(|other| facts.variables.get(other)))
        .or_else(|| facts.variables.get(&entry.name));
    let problem = match (held, entry.need) {
        (None, Need::Optional) => None,
        (None, Need::Declared) if !facts.text_seen => None,
        (None, _) => Some("is not set".to_owned()),
        (Some(Held::Text(text)), Need::NonEmpty) if text.is_empty() => Some("is empty".to_owned()),
        (Some(Held::Text(text)), _) if text.is_empty() => None,
        (Some(Held::Text(text)), _) => {
            unlisted(&entry.one_of, text).or_else(|| misformed(entry.form, text, facts))
        }
        (Some(Held::Maybe(source)), Need::NonEmpty | Need::Present) => {
            Some(format!("comes from {source}, which may be missing"))
        }
        (Some(Held::Promised(_) | Held::Maybe(_)), _) => None,
    }?;
    let subject = match &entry.or {
        Some(other) => format!("environment name {} (or {other})", entry.name),
        None => format!("environment name {}", entry.name),
    };
    Some(Breach::new(subject, problem, &facts.place, &entry.why))
}

fn unlisted(values: &[String], text: &str) -> Option<String> {
    (!values.is_empty() && !values.iter().any(|value| value == text))
        .then(|| format!("is {text:?}, not one of {values:?}"))
}

/// What is wrong with the form of a value. Values are shown, so no secret may have a form other than text.
fn misformed(form: Form, text: &str, facts: &Facts) -> Option<String> {
    let (fits, wanted) = match form {
        Form::Text => return None,
        Form::Integer => (text.parse::<i64>().is_ok(), "a whole number".to_owned()),
        Form::Number => (text.parse::<f64>().is_ok(), "a number".to_owned()),
        Form::Port => (
            text.parse::<u16>().is_ok_and(|port| port > 0),
            "a TCP port".to_owned(),
        ),
        Form::Boolean => (
            [
                "1", "t", "T", "TRUE", "true", "True", "0", "f", "F", "FALSE", "false", "False",
            ]
            .contains(&text),
            "true or false".to_owned(),
        ),
        Form::Duration => (go_duration(text).is_some(), "a duration such as 120s".to_owned()),
        Form::Json => (
            serde_json::from_str::<serde_json::Value>(text).is_ok(),
            "JSON".to_owned(),
        ),
        Form::PinnedImage => (
            is_pinned(text),
            "an image with a digest or a tag other than latest".to_owned(),
        ),
        Form::OwnNamespace => match &facts.namespace {
            Some(namespace) => (
                text == namespace,
                format!("the pod's own namespace, {namespace:?}"),
            ),
            None => return None,
        },
    };
    (!fits).then(|| format!("is {text:?}, not {wanted}"))
}

fn is_pinned(image: &str) -> bool {
    let name = image.rsplit('/').next().unwrap_or(image);
    name.contains('@')
        || name
            .split_once(':')
            .is_some_and(|(_, tag)| !tag.is_empty() && tag != "latest")
}

fn file(entry: &FileContract, facts: &Facts) -> Option<Breach> {
    let path = entry.path.expand(facts);
    let subject = format!("file {}", path.text);
    let breach = |problem: String| Some(Breach::new(&subject, problem, &facts.place, &entry.why));
    if !path.seen || (entry.need == Need::Declared && !facts.text_seen) {
        return None;
    }
    match facts.files.get(&path.text) {
        None => breach("was not looked for".to_owned()),
        Some(FileState::Missing(reason)) => breach(format!("is missing: {reason}")),
        Some(FileState::Maybe(_)) if entry.need == Need::Declared => None,
        Some(FileState::Maybe(source)) => breach(format!("comes from {source}, which may be missing")),
        Some(FileState::Promised) => match &entry.audience {
            Some(audience) if facts.text_seen => breach(format!("is not a token for audience {audience:?}")),
            _ => None,
        },
        Some(FileState::Token(audience)) => match &entry.audience {
            Some(wanted) if wanted != audience => {
                breach(format!("is a token for audience {audience:?}, not {wanted:?}"))
            }
            _ => None,
        },
        Some(FileState::Text(text)) => text_problem(entry, text).and_then(breach),
    }
}

fn text_problem(entry: &FileContract, text: &str) -> Option<String> {
    if let Some(audience) = &entry.audience {
        return Some(format!("holds no token for audience {audience:?}"));
    }
    if text.trim().is_empty() && entry.need != Need::Declared {
        return Some("is empty".to_owned());
    }
    entry
        .contains
        .iter()
        .find(|part| !text.contains(*part))
        .map(|part| format!("does not contain {part:?}"))
}

fn right(asked: &Right, why: &str, facts: &Facts) -> Option<Breach> {
    let problem = match facts.rights.get(asked) {
        Some(Answer::Allowed) => return None,
        Some(Answer::Denied(reason)) => format!("is not granted ({reason})"),
        Some(Answer::Unknown(reason)) => format!("could not be asked for ({reason})"),
        None => "was not asked for".to_owned(),
    };
    let namespace = facts.namespace.as_deref().unwrap_or("unknown");
    let place = format!("the rights of the pod's service account in namespace {namespace}");
    Some(Breach::new(format!("right to {asked}"), problem, place, why))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::arguments;
    use crate::contract::{Contract, Role};
    use crate::data::contract;

    /// Facts that keep the whole contract of the agent.
    fn sound(contract: &Contract) -> Facts {
        let text = |text: &str| Held::Text(text.to_owned());
        let words = [
            "--logtostderr=true",
            "--namespace=ml",
            "--ttlSecondsAfterWorkflowFinish=86400",
            "--numWorker",
            "2",
        ];
        let arguments: Vec<_> = words.into_iter().map(text).collect();
        let variables = [
            ("NAMESPACE", "ml"),
            ("TTL_SECONDS_AFTER_WORKFLOW_FINISH", "86400"),
            ("NUM_WORKERS", "2"),
            ("LOG_LEVEL", "info"),
        ];
        Facts {
            place: "a test".to_owned(),
            text_seen: true,
            namespace: Some("ml".to_owned()),
            variables: variables
                .map(|(name, value)| (name.to_owned(), text(value)))
                .into(),
            flags: arguments::read(&contract.arguments, &arguments),
            arguments,
            files: [(
                "/var/run/secrets/kubeflow/tokens/persistenceagent-sa-token".to_owned(),
                FileState::Token("pipelines.kubeflow.org".to_owned()),
            )]
            .into(),
            rights: contract
                .required_rights()
                .map(|(right, _)| (right, Answer::Allowed))
                .collect(),
            ..Facts::default()
        }
    }

    fn agent() -> Contract {
        contract(Role::PersistenceAgent, "2.16.1").unwrap()
    }

    fn set(facts: &mut Facts, name: &str, value: &str) {
        facts
            .variables
            .insert(name.to_owned(), Held::Text(value.to_owned()));
    }

    #[test]
    fn a_sound_pod_breaks_nothing() {
        assert_eq!(evaluate(&agent(), &sound(&agent())), []);
    }

    #[test]
    fn each_name_file_and_right_is_missed_when_it_alone_is_dropped() {
        let contract = agent();
        let whole = sound(&contract);
        let mut tried = 0;
        for name in whole.variables.keys() {
            let mut facts = whole.clone();
            facts.variables.remove(name);
            assert_eq!(evaluate(&contract, &facts).len(), 1, "{name}");
            tried += 1;
        }
        for right in whole.rights.keys() {
            let mut facts = whole.clone();
            facts
                .rights
                .insert(right.clone(), Answer::Denied("no rule".to_owned()));
            assert_eq!(evaluate(&contract, &facts).len(), 1, "{right}");
            tried += 1;
        }
        assert_eq!(tried, 8);
    }

    #[rstest]
    #[case::empty("NAMESPACE", "", "is empty")]
    #[case::elsewhere(
        "NAMESPACE",
        "kubeflow",
        "is \"kubeflow\", not the pod's own namespace, \"ml\""
    )]
    #[case::no_number("NUM_WORKERS", "two", "is \"two\", not a whole number")]
    fn a_wrong_value_is_named(#[case] name: &str, #[case] value: &str, #[case] problem: &str) {
        let contract = agent();
        let mut facts = sound(&contract);
        set(&mut facts, name, value);
        let breaches = evaluate(&contract, &facts);
        assert_eq!(
            breaches
                .iter()
                .map(|breach| breach.problem.as_str())
                .collect::<Vec<_>>(),
            [problem]
        );
    }

    #[test]
    fn a_token_for_another_audience_is_no_token() {
        let contract = agent();
        let mut facts = sound(&contract);
        for state in facts.files.values_mut() {
            *state = FileState::Token("https://kubernetes.default.svc".to_owned());
        }
        let breaches = evaluate(&contract, &facts);
        assert!(
            breaches[0].problem.contains("not \"pipelines.kubeflow.org\""),
            "{breaches:?}"
        );
    }

    #[test]
    fn a_reference_that_kubernetes_left_alone_is_named() {
        let contract = agent();
        let mut facts = sound(&contract);
        facts.arguments.push(Held::Text("--logLevel=$(LEVEL)".to_owned()));
        assert!(evaluate(&contract, &facts)[0].problem.contains("$(LEVEL)"));
    }

    #[rstest]
    #[case("ghcr.io/kubeflow/kfp-driver:2.16.1", true)]
    #[case("localhost:5000/kfp-driver@sha256:aa", true)]
    #[case("localhost:5000/kfp-driver", false)]
    #[case("kfp-driver:latest", false)]
    fn an_image_is_pinned_by_tag_or_digest(#[case] image: &str, #[case] pinned: bool) {
        assert_eq!(is_pinned(image), pinned);
    }
}
