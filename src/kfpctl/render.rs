//! PEOPLE: `kfpctl render FILE`: every object that a manifest stands for, without a cluster, the same bytes each time.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use kfp_api::KfpInstallation;
use kfp_releases::Catalog;
use kfp_releases::validate::{References, validate};
use kfp_render::{Object, Rendered};
use serde_json::Value;

use crate::failure::Failure;
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
    let rendered = installations
        .iter()
        .map(|installation| render(installation, catalog, &source))
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

fn render(installation: &KfpInstallation, catalog: &Catalog, source: &str) -> Result<Rendered, Failure> {
    let validated = validate(installation, &References::default(), catalog).map_err(|findings| {
        let lines: Vec<String> = findings
            .iter()
            .map(|finding| format!("  {} ({}): {}", finding.path, finding.reason, finding.message))
            .collect();
        Failure::Failed(format!("{source} cannot be rendered:\n{}", lines.join("\n")))
    })?;
    kfp_render::render(&validated).map_err(|error| Failure::Failed(format!("{source}: {error}")))
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
    fn broken_yaml_names_the_place() {
        let failure = read("kind: [", "x").unwrap_err();
        assert!(matches!(failure, Failure::Usage(message) if message.contains("line 1")));
    }

    #[test]
    fn a_rendering_is_the_same_bytes_each_time() {
        let catalog = Catalog::builtin().unwrap();
        let once = || {
            let installation = read(MINIMAL, "x").unwrap().remove(0);
            kfp_render::to_yaml(&render(&installation, catalog, "x").unwrap()).unwrap()
        };
        assert_eq!(once(), once());
    }

    #[test]
    fn every_problem_of_a_spec_is_told_at_once() {
        let text = MINIMAL.replace(
            "{version: 2.16.1}",
            "{version: 2.16.1, components: [{name: nobody}, {name: nothing}]}",
        );
        let installation = read(&text, "x").unwrap().remove(0);
        let failure = render(&installation, Catalog::builtin().unwrap(), "x").unwrap_err();
        assert!(
            matches!(failure, Failure::Failed(message) if message.contains("nobody") && message.contains("nothing"))
        );
    }
}
