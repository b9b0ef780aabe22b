//! Room e2e/standin: what the images that carry the stand-in hold (`data/images.yaml`), for the image maker and for
//! judging a pod that leaves its command to the image. No I/O here.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Deserialize;

use crate::breach::StandinError;
use crate::contract::Role;
use crate::data::IMAGES;

/// `data/images.yaml`.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Catalogue {
    program: String,
    texts: BTreeMap<String, String>,
    images: Vec<Entry>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Entry {
    role: Role,
    release: String,
    name: String,
    links: Vec<String>,
    entrypoint: Vec<String>,
    command: Vec<String>,
    environment: BTreeMap<String, String>,
    working_directory: String,
    user: String,
    tools: Vec<String>,
    files: BTreeMap<String, Source>,
}

/// A file's text, here or by its name in `texts`.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
enum Source {
    Text(String),
    Named(String),
}

/// One image that carries the stand-in.
#[derive(Debug, Clone)]
pub struct Image {
    /// The role it stands for.
    pub role: Role,
    /// The release it stands for; MLMD has its own.
    pub release: String,
    /// Upstream's image name with tag.
    pub name: String,
    /// Where the program itself lies.
    pub program: String,
    /// Paths of the real programs, each a link to the program.
    pub links: Vec<String>,
    /// Upstream's ENTRYPOINT.
    pub entrypoint: Vec<String>,
    /// Upstream's CMD.
    pub command: Vec<String>,
    /// Upstream's ENV.
    pub environment: BTreeMap<String, String>,
    /// Upstream's WORKDIR.
    pub working_directory: String,
    /// Upstream's USER, when it is numeric.
    pub user: String,
    /// busybox applets that must be in `/bin`.
    pub tools: Vec<String>,
    /// Texts of files by absolute path.
    pub files: BTreeMap<String, String>,
}

/// Parsed once: a mutation test asks for the same image thousands of times.
static PARSED: LazyLock<Result<Vec<Image>, StandinError>> = LazyLock::new(parse);

/// Every image there is.
pub fn images() -> Result<&'static [Image], StandinError> {
    PARSED.as_deref().map_err(Clone::clone)
}

fn parse() -> Result<Vec<Image>, StandinError> {
    let fault = |reason: String| StandinError::Data {
        file: "images.yaml".to_owned(),
        reason,
    };
    let catalogue: Catalogue = serde_saphyr::from_str(IMAGES).map_err(|error| fault(error.to_string()))?;
    let text_of = |source: &Source| match source {
        Source::Text(text) => Ok(text.clone()),
        Source::Named(name) => catalogue
            .texts
            .get(name)
            .cloned()
            .ok_or_else(|| fault(format!("no text is called {name:?}"))),
    };
    catalogue
        .images
        .iter()
        .map(|entry| {
            let files: Result<_, _> = entry
                .files
                .iter()
                .map(|(path, source)| Ok((path.clone(), text_of(source)?)))
                .collect();
            Ok(Image {
                role: entry.role,
                release: entry.release.clone(),
                name: entry.name.clone(),
                program: catalogue.program.clone(),
                links: entry.links.clone(),
                entrypoint: entry.entrypoint.clone(),
                command: entry.command.clone(),
                environment: entry.environment.clone(),
                working_directory: entry.working_directory.clone(),
                user: entry.user.clone(),
                tools: entry.tools.clone(),
                files: files?,
            })
        })
        .collect()
}

/// The image of a role, by the release of KFP or, for MLMD, by its own.
pub fn image(role: Role, release: &str) -> Result<&'static Image, StandinError> {
    let mut of_role = images()?.iter().filter(|image| image.role == role);
    let own = of_role.clone().find(|image| image.release == release);
    own.or_else(|| of_role.next().filter(|_| role == Role::Mlmd))
        .ok_or_else(|| StandinError::NoContract {
            role: role.to_string(),
            release: release.to_owned(),
            known: "those of data/images.yaml".to_owned(),
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::contract;

    #[test]
    fn there_is_one_image_for_each_role_and_release() {
        let images = images().unwrap();
        assert_eq!(images.len(), 34);
        for image in images {
            assert!(contract(image.role, &image.release).is_ok(), "{}", image.name);
            assert!(
                image.name.ends_with(&format!(":{}", image.release)),
                "{}",
                image.name
            );
        }
    }

    #[test]
    fn each_image_says_whom_it_stands_for() {
        for image in images().unwrap() {
            assert_eq!(image.files["/etc/kfp-standin/role"], image.role.name());
            assert_eq!(image.files["/etc/kfp-standin/release"], image.release);
        }
    }

    #[test]
    fn what_an_image_starts_is_one_of_its_links() {
        for image in images().unwrap() {
            let words: Vec<_> = image.entrypoint.iter().chain(&image.command).cloned().collect();
            let program = match words.as_slice() {
                [shell, dash_c, command] if shell == "/bin/sh" && dash_c == "-c" => {
                    crate::template::shell_words(command)
                        .first()
                        .cloned()
                        .unwrap_or_default()
                }
                other => other.first().cloned().unwrap_or_default(),
            };
            let linked = image
                .links
                .iter()
                .any(|link| *link == program || link.ends_with(&format!("/{program}")));
            assert!(linked, "{}: {program}", image.name);
        }
    }

    #[test]
    fn mlmd_has_one_image_for_every_release() {
        assert_eq!(image(Role::Mlmd, "2.17.0").unwrap().release, "1.14.0");
    }
}
