//! TOOLS: YAML in the tree: it can be read, and every installation that a page shows is one that the operator would take, every
//! backup and restore one of its kind.

use kfp_api::{KfpBackup, KfpInstallation, KfpRestore};
use kfp_releases::Catalog;
use kfp_releases::validate::{References, validate};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::texts::KEPT_AS_THEY_ARE;
use super::{Report, Text};

/// Every file of YAML can be read.
pub fn readable(tree: &[Text]) -> Report {
    let mut report = Report::default();
    let kept = |text: &&Text| {
        KEPT_AS_THEY_ARE
            .iter()
            .any(|folder| text.path.starts_with(folder))
    };
    for text in tree.iter().filter(|text| text.is("yaml") && !kept(text)) {
        let read = serde_saphyr::from_multiple::<Value>(&text.content);
        report.look(read.err().map(|error| format!("{}: {error}", text.path)));
    }
    report
}

/// Every installation in a page has only fields of the CRD, satisfies the catalog, and can be rendered. Rules that only the
/// API server evaluates are not asked here.
pub fn valid(tree: &[Text]) -> Report {
    let mut report = Report::default();
    let catalog = match Catalog::builtin() {
        Ok(catalog) => catalog,
        Err(error) => {
            report.problems.push(error.to_string());
            return report;
        }
    };
    for page in tree.iter().filter(|text| text.is("md")) {
        for (line, block) in blocks(page) {
            let place = format!("{}:{line}", page.path);
            match serde_saphyr::from_multiple::<Value>(&block) {
                Err(error) => report.look(Some(format!("{place}: {error}"))),
                Ok(documents) => {
                    for document in &documents {
                        let problem = match document["kind"].as_str() {
                            Some("KfpInstallation") => problem(document, catalog),
                            Some("KfpBackup") => misshapen::<KfpBackup>(document),
                            Some("KfpRestore") => misshapen::<KfpRestore>(document),
                            _ => continue,
                        };
                        report.look(problem.map(|why| format!("{place}: {why}")));
                    }
                }
            }
        }
    }
    report
}

/// Blocks of YAML that hold a resource of ours, each with the line that it begins after.
fn blocks(page: &Text) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    let mut open: Option<(usize, String)> = None;
    for (line, words) in page.lines() {
        match &mut open {
            None if words.trim() == "```yaml" => open = Some((line, String::new())),
            None => {}
            Some(_) if words.trim() == "```" => found.extend(open.take()),
            Some((_, block)) => {
                block.push_str(words);
                block.push('\n');
            }
        }
    }
    found.retain(|(_, block)| block.contains("kind: Kfp"));
    found
}

/// Why the operator would not take it.
fn problem(document: &Value, catalog: &Catalog) -> Option<String> {
    let installation: KfpInstallation = match read(document) {
        Ok(installation) => installation,
        Err(error) => return Some(error),
    };
    match validate(&installation, &References::default(), catalog) {
        Err(findings) => {
            let words: Vec<String> = findings
                .iter()
                .map(|finding| format!("{}: {}", finding.path, finding.message))
                .collect();
            Some(words.join("; "))
        }
        Ok(validated) => kfp_render::render(&validated)
            .err()
            .map(|error| error.to_string()),
    }
}

/// Why it is none of its kind.
fn misshapen<K: DeserializeOwned>(document: &Value) -> Option<String> {
    read::<K>(document).err()
}

/// The resource, if it has only fields of its CRD, and all that it needs.
fn read<K: DeserializeOwned>(document: &Value) -> Result<K, String> {
    if let Some(field) = kfpctl::fields::unknown(document) {
        let kind = document["kind"].as_str().unwrap_or_default();
        return Err(format!("{field} is no field of a {kind}"));
    }
    serde_json::from_value(document.clone()).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::super::text;
    use super::*;

    fn check(spec: &str) -> Vec<String> {
        let page = format!(
            "```yaml\napiVersion: kfpops.dev/v1alpha1\nkind: KfpInstallation\nmetadata: {{name: a, namespace: b}}\nspec: {spec}\n```\n"
        );
        let report = valid(&[text("page.md", &page)]);
        assert_eq!(report.looked_at, 1);
        report.problems
    }

    #[test]
    fn a_sound_installation_passes() {
        assert_eq!(
            check("{version: 2.16.1, components: [{name: mysql, resources: {requests: {cpu: 1}}}]}"),
            Vec::<String>::new()
        );
    }

    #[test]
    fn a_field_that_the_api_server_would_drop_is_found() {
        assert_eq!(
            check("{version: 2.16.1, colour: []}"),
            ["page.md:1: spec.colour is no field of a KfpInstallation"]
        );
    }

    #[test]
    fn backups_and_restores_are_looked_at_too() {
        let page = "```yaml\napiVersion: kfpops.dev/v1alpha1\nkind: KfpBackup\nmetadata: {name: a}\nspec: {installation: a}\n---\n\
                    apiVersion: kfpops.dev/v1alpha1\nkind: KfpRestore\nspec: {installation: a, source: {type: BackupRef}, force: true}\n```\n";
        let report = valid(&[text("page.md", page)]);
        assert_eq!(
            (report.looked_at, report.problems),
            (
                2,
                vec!["page.md:1: spec.force is no field of a KfpRestore".to_owned()]
            )
        );
    }

    #[test]
    fn what_the_catalog_does_not_have_is_found() {
        assert_eq!(check("{version: 2.16.1, components: [{name: nobody}]}").len(), 1);
    }

    #[test]
    fn yaml_that_cannot_be_read_is_found() {
        let report = readable(&[text("a.yaml", "a: ["), text("b.yaml", "a: 1\n---\nb: 2\n")]);
        assert_eq!((report.looked_at, report.problems.len()), (2, 1));
    }
}
