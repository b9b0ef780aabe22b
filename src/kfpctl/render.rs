//! PEOPLE: `kfpctl render FILE`: every object that a manifest stands for, without a cluster, the same bytes each time.

use std::collections::BTreeSet;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use kfp_api::KfpInstallation;
use kfp_releases::validate::{References, validate};
use kfp_releases::{Catalog, ValidatedInstallation};
use kfp_render::{Object, Rendered};
use serde_json::Value;

use crate::failure::Failure;
use crate::fields;
use crate::output;

/// What to render.
#[derive(clap::Args)]
pub struct Arguments {
    /// Manifest with one KfpInstallation or more, YAML or JSON; `-` is standard input. Other kinds in it are passed over.
    file: PathBuf,
    /// How to print.
    #[arg(short, long, value_enum, default_value_t)]
    output: Form,
}

/// Shapes of a rendering.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
enum Form {
    /// A stream of documents.
    #[default]
    Yaml,
    /// One `List`.
    Json,
    /// Kind and name, a line each, with the component.
    Table,
    /// Every image that pods of the installation or its pipelines' own steps are given, a line each: what a mirror must hold.
    Images,
}

/// Renders every installation of the file.
pub fn run(arguments: &Arguments) -> Result<(), Failure> {
    let source = if arguments.file == Path::new("-") {
        "standard input".into()
    } else {
        arguments.file.display().to_string()
    };
    let installations = read(&text(&arguments.file, &source)?, &source)?;
    let catalog = Catalog::builtin().map_err(|error| Failure::Failed(error.to_string()))?;
    let checked = installations
        .iter()
        .map(|installation| check(installation, catalog, &source))
        .collect::<Result<Vec<_>, Failure>>()?;
    let rendered = checked
        .iter()
        .map(|installation| render(installation, &source))
        .collect::<Result<Vec<Rendered>, Failure>>()?;
    match arguments.output {
        Form::Yaml => {
            for one in &rendered {
                output::write(
                    &kfp_render::to_yaml(one).map_err(|error| Failure::Failed(error.to_string()))?,
                )?;
            }
            Ok(())
        }
        Form::Json => {
            let items: Vec<Value> = rendered
                .iter()
                .flat_map(Rendered::objects)
                .map(|object| object.to_json())
                .collect();
            let list = serde_json::json!({"apiVersion": "v1", "kind": "List", "items": items});
            output::print(output::Format::Json, &list, |_| String::new())
        }
        Form::Images => {
            let all: BTreeSet<String> = checked
                .iter()
                .zip(&rendered)
                .flat_map(|(one, rendered)| images(one, rendered))
                .collect();
            output::write(&all.into_iter().map(|image| image + "\n").collect::<String>())
        }
        Form::Table => output::write(&rendered.iter().map(table).collect::<Vec<_>>().join("\n")),
    }
}

fn text(file: &Path, source: &str) -> Result<String, Failure> {
    let mut text = String::new();
    let read = if file == Path::new("-") {
        std::io::stdin().read_to_string(&mut text).map(|_| ())
    } else {
        std::fs::read_to_string(file).map(|content| text = content)
    };
    read.map_err(|error| Failure::Usage(format!("{source} cannot be read: {error}")))?;
    Ok(text)
}

/// Every `KfpInstallation` of a YAML stream.
fn read(text: &str, source: &str) -> Result<Vec<KfpInstallation>, Failure> {
    let documents: Vec<Value> = serde_saphyr::from_multiple(text)
        .map_err(|error| Failure::Usage(format!("{source} is not YAML: {error}")))?;
    let mut found = Vec::new();
    for document in documents {
        if document.get("kind").and_then(Value::as_str) != Some("KfpInstallation") {
            continue;
        }
        if let Some(field) = fields::unknown(&document) {
            return Err(Failure::Usage(format!(
                "{source}: a KfpInstallation has no field {field}; docs/reference/api.md has every field"
            )));
        }
        found.push(serde_json::from_value(document).map_err(|error| {
            Failure::Usage(format!(
                "{source}: the KfpInstallation does not parse: {error}; docs/reference/api.md has every field"
            ))
        })?);
    }
    if found.is_empty() {
        return Err(Failure::Usage(format!(
            "{source} has no KfpInstallation; config/samples has some to start from"
        )));
    }
    Ok(found)
}

fn check(
    installation: &KfpInstallation,
    catalog: &Catalog,
    source: &str,
) -> Result<ValidatedInstallation, Failure> {
    validate(installation, &References::default(), catalog).map_err(|findings| {
        let lines: Vec<String> = findings
            .iter()
            .map(|finding| format!("  {} ({}): {}", finding.path, finding.reason, finding.message))
            .collect();
        Failure::Failed(format!("{source} cannot be rendered:\n{}", lines.join("\n")))
    })
}

fn render(installation: &ValidatedInstallation, source: &str) -> Result<Rendered, Failure> {
    kfp_render::render(installation).map_err(|error| Failure::Failed(format!("{source}: {error}")))
}

/// The images of containers, and those of the release that stand elsewhere: some are only named, to be started by others.
fn images(installation: &ValidatedInstallation, rendered: &Rendered) -> BTreeSet<String> {
    let mut strings = Vec::new();
    for object in rendered.objects() {
        collect(&object.to_json(), false, &mut strings);
    }
    let named = |text: &String| {
        installation
            .images
            .values()
            .filter(|image| text.contains(image.as_str()))
            .cloned()
            .collect::<Vec<_>>()
    };
    strings
        .iter()
        .flat_map(|(text, started)| if *started { vec![text.clone()] } else { named(text) })
        .collect()
}

/// Every string in a value, and whether it stands under the key `image`.
fn collect(value: &Value, started: bool, found: &mut Vec<(String, bool)>) {
    match value {
        Value::String(text) => found.push((text.clone(), started)),
        Value::Array(items) => items.iter().for_each(|item| collect(item, false, found)),
        Value::Object(fields) => fields
            .iter()
            .for_each(|(key, item)| collect(item, key == "image", found)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn table(rendered: &Rendered) -> String {
    let rows = rendered.components.iter().flat_map(|component| {
        component
            .objects()
            .map(|object: Object| [component.name.clone(), object.kind().into(), object.name().into()])
            .collect::<Vec<_>>()
    });
    output::table(["COMPONENT", "KIND", "NAME"], rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINIMAL: &str = "apiVersion: v1\nkind: Namespace\nmetadata: {name: team-a}\n---\napiVersion: kfpops.dev/v1alpha1\n\
                           kind: KfpInstallation\nmetadata: {name: a, namespace: team-a}\nspec: {version: 2.16.1}\n";

    #[test]
    fn other_kinds_in_the_file_are_passed_over() {
        assert_eq!(read(MINIMAL, "x").unwrap().len(), 1);
    }

    #[test]
    fn a_file_without_an_installation_says_so() {
        let failure = read("kind: Namespace\n", "x").unwrap_err();
        assert!(matches!(failure, Failure::Usage(message) if message.contains("no KfpInstallation")));
    }

    #[test]
    fn a_field_that_there_is_not_is_named() {
        let failure = read(
            &MINIMAL.replace("version: 2.16.1", "version: 2.16.1, colour: red"),
            "x",
        )
        .unwrap_err();
        assert!(matches!(failure, Failure::Usage(message) if message.contains("spec.colour")));
    }

    #[test]
    fn broken_yaml_names_the_place() {
        let failure = read("kind: [", "x").unwrap_err();
        assert!(matches!(failure, Failure::Usage(message) if message.contains("line 1")));
    }

    #[test]
    fn a_rendering_is_the_same_bytes_each_time() {
        let catalog = Catalog::builtin().unwrap();
        let once = || {
            let installation = read(MINIMAL, "x").unwrap().remove(0);
            kfp_render::to_yaml(&render(&check(&installation, catalog, "x").unwrap(), "x").unwrap()).unwrap()
        };
        assert_eq!(once(), once());
    }

    #[test]
    fn the_images_are_those_of_containers_and_those_that_others_start() {
        let text = MINIMAL.replace(
            "{version: 2.16.1}",
            "{version: 2.16.1, components: [{name: ml-pipeline-ui, image: example.org/ui:1}]}",
        );
        let checked = check(&read(&text, "x").unwrap()[0], Catalog::builtin().unwrap(), "x").unwrap();
        let found = images(&checked, &render(&checked, "x").unwrap());
        for wanted in [
            "example.org/ui:1",
            "ghcr.io/kubeflow/kfp-api-server:2.16.1",
            "ghcr.io/kubeflow/kfp-launcher:2.16.1",
            "quay.io/argoproj/argoexec:v3.7.3",
        ] {
            assert!(found.contains(wanted), "{wanted} is not among {found:?}");
        }
        assert!(!found.contains("ghcr.io/kubeflow/kfp-frontend:2.16.1"));
        assert!(!found.contains("docker.io/library/mariadb:10.11"));
    }

    #[test]
    fn every_problem_of_a_spec_is_told_at_once() {
        let text = MINIMAL.replace(
            "{version: 2.16.1}",
            "{version: 2.16.1, components: [{name: nobody}, {name: nothing}]}",
        );
        let installation = read(&text, "x").unwrap().remove(0);
        let failure = check(&installation, Catalog::builtin().unwrap(), "x").unwrap_err();
        assert!(
            matches!(failure, Failure::Failed(message) if message.contains("nobody") && message.contains("nothing"))
        );
    }
}
