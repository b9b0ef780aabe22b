//! Room e2e/standin: facts out of the running process: its environment, its files, and the API server's word on its
//! rights. Reads only.

use std::collections::BTreeMap;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::arguments;
use crate::contract::{Contract, FileContract, Right};
use crate::facts::{Answer, Facts, FileState, Held};
use crate::kubernetes::{Cluster, namespace};

/// Looks at everything that the contract asks about, and leaves out of it what the command line switches off. `root` is `/`, except in tests.
pub async fn facts(
    contract: &mut Contract,
    arguments: &[String],
    environment: impl IntoIterator<Item = (String, String)>,
    root: &Path,
) -> Facts {
    let arguments: Vec<_> = arguments.iter().cloned().map(Held::Text).collect();
    let mut facts = Facts {
        place: "the running container".to_owned(),
        text_seen: false,
        namespace: namespace(root),
        variables: environment
            .into_iter()
            .map(|(name, value)| (name, Held::Text(value)))
            .collect(),
        flags: arguments::read(&contract.arguments, &arguments),
        arguments,
        ..Facts::default()
    };
    contract.narrow(&facts);
    facts.files = contract
        .files
        .iter()
        .map(|entry| {
            let path = entry.path.expand(&facts).text;
            let state = file(entry, &root.join(path.trim_start_matches('/')));
            (path, state)
        })
        .collect();
    facts.rights = rights(contract, root).await;
    facts
}

fn file(entry: &FileContract, path: &Path) -> FileState {
    match std::fs::metadata(path) {
        Err(error) => FileState::Missing(error.to_string()),
        Ok(found) if found.is_dir() => FileState::Promised,
        Ok(_) => match std::fs::read(path) {
            Err(error) => FileState::Missing(error.to_string()),
            Ok(bytes) => {
                let text = String::from_utf8_lossy(&bytes).into_owned();
                match entry
                    .audience
                    .as_deref()
                    .and_then(|wanted| token_audience(&text, wanted))
                {
                    Some(audience) => FileState::Token(audience),
                    None => FileState::Text(text),
                }
            }
        },
    }
}

/// The audience of a service account token: the wanted one if it is among them, else the first; none when the text is
/// no token. Its signature is the API server's affair.
fn token_audience(token: &str, wanted: &str) -> Option<String> {
    let claims = token.trim().split('.').nth(1)?;
    let claims: serde_json::Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).ok()?).ok()?;
    let audiences: Vec<_> = match &claims["aud"] {
        serde_json::Value::String(one) => vec![one.as_str()],
        serde_json::Value::Array(many) => many.iter().filter_map(serde_json::Value::as_str).collect(),
        _ => return None,
    };
    audiences
        .iter()
        .find(|audience| **audience == wanted)
        .or(audiences.first())
        .map(|found| (*found).to_owned())
}

async fn rights(contract: &Contract, root: &Path) -> BTreeMap<Right, Answer> {
    let mut answers = BTreeMap::new();
    if !contract.needs_kubernetes() {
        return answers;
    }
    let cluster = Cluster::of_this_pod(root);
    let mut unreachable = cluster.as_ref().err().cloned();
    for (right, _) in contract.required_rights() {
        let answer = match (&cluster, &unreachable) {
            (Ok(cluster), None) => cluster.may(&right).await,
            (_, Some(reason)) | (Err(reason), None) => Answer::Unknown(reason.clone()),
        };
        if let Answer::Unknown(reason) = &answer {
            unreachable = Some(reason.clone());
        }
        answers.insert(right, answer);
    }
    answers
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::Role;
    use crate::data::contract;
    use crate::evaluate::evaluate;

    fn token(claims: &str) -> String {
        format!("e30.{}.c2ln", URL_SAFE_NO_PAD.encode(claims))
    }

    #[test]
    fn the_audience_of_a_token_is_read() {
        let ours = "pipelines.kubeflow.org";
        assert_eq!(
            token_audience(&token(r#"{"aud":["a","pipelines.kubeflow.org"]}"#), ours).as_deref(),
            Some(ours)
        );
        assert_eq!(
            token_audience(&token(r#"{"aud":"a"}"#), ours).as_deref(),
            Some("a")
        );
        assert_eq!(token_audience("no token", ours), None);
    }

    #[tokio::test]
    async fn a_process_outside_a_pod_is_told_all_it_lacks() {
        let root = tempfile::tempdir().unwrap();
        let mut contract = contract(Role::PersistenceAgent, "2.16.1").unwrap();
        let facts = facts(&mut contract, &[], [], root.path()).await;
        let lines: Vec<_> = evaluate(&contract, &facts)
            .iter()
            .map(ToString::to_string)
            .collect();
        let text = lines.join("\n");
        for part in [
            "argument --namespace: is not given",
            "environment name NUM_WORKERS: is not set",
            "persistenceagent-sa-token: is missing",
            "right to watch workflows (argoproj.io): could not be asked for",
        ] {
            assert!(text.contains(part), "{part} is not in\n{text}");
        }
    }
}
