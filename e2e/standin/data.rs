//! Room e2e/standin: the data files, compiled in. Nothing is judged here.

use std::sync::LazyLock;

use crate::breach::StandinError;
use crate::contract::{Contract, ReleaseFile, Role};

const RELEASES: [(&str, &str); 4] = [
    ("2.5.0.yaml", include_str!("data/2.5.0.yaml")),
    ("2.16.1.yaml", include_str!("data/2.16.1.yaml")),
    ("2.17.0.yaml", include_str!("data/2.17.0.yaml")),
    ("mlmd-1.14.0.yaml", include_str!("data/mlmd-1.14.0.yaml")),
];

/// `data/images.yaml`.
pub(crate) const IMAGES: &str = include_str!("data/images.yaml");

const STATEMENTS: [(&str, &str); 14] = [
    ("2.5.0", include_str!("data/schema/2.5.0.sql")),
    ("2.16.1", include_str!("data/schema/2.16.1.sql")),
    ("2.17.0", include_str!("data/schema/2.17.0.sql")),
    (
        "2.5.0.every-start",
        include_str!("data/schema/2.5.0.every-start.sql"),
    ),
    ("2.5.0-to-2.16.1", include_str!("data/schema/2.5.0-to-2.16.1.sql")),
    (
        "2.16.1-to-2.17.0",
        include_str!("data/schema/2.16.1-to-2.17.0.sql"),
    ),
    ("apiserver.seed", include_str!("data/schema/apiserver.seed.sql")),
    ("apiserver.probe", include_str!("data/schema/apiserver.probe.sql")),
    ("mlmd-10", include_str!("data/schema/mlmd-10.sql")),
    ("mlmd.probe", include_str!("data/schema/mlmd.probe.sql")),
    ("cache-2.5.0", include_str!("data/schema/cache-2.5.0.sql")),
    (
        "cache-2.5.0.every-start",
        include_str!("data/schema/cache-2.5.0.every-start.sql"),
    ),
    ("cache-2.16.1", include_str!("data/schema/cache-2.16.1.sql")),
    (
        "cache-2.16.1.every-start",
        include_str!("data/schema/cache-2.16.1.every-start.sql"),
    ),
];

const CACHE_PROBE: (&str, &str) = ("cache.probe", include_str!("data/schema/cache.probe.sql"));

const SHAPES: [(&str, &str); 6] = [
    ("2.5.0", include_str!("data/schema/2.5.0.shape")),
    ("2.16.1", include_str!("data/schema/2.16.1.shape")),
    ("2.17.0", include_str!("data/schema/2.17.0.shape")),
    ("mlmd-10", include_str!("data/schema/mlmd-10.shape")),
    ("cache-2.5.0", include_str!("data/schema/cache-2.5.0.shape")),
    ("cache-2.16.1", include_str!("data/schema/cache-2.16.1.shape")),
];

/// Parsed once: a mutation test asks for the same contract thousands of times.
static PARSED: LazyLock<Result<Vec<ReleaseFile>, StandinError>> = LazyLock::new(|| {
    RELEASES
        .iter()
        .map(|(file, text)| {
            serde_saphyr::from_str(text).map_err(|error| StandinError::Data {
                file: (*file).to_owned(),
                reason: error.to_string(),
            })
        })
        .collect()
});

fn release_files() -> Result<&'static [ReleaseFile], StandinError> {
    PARSED.as_deref().map_err(Clone::clone)
}

/// The releases that have data, oldest first; MLMD's own release is the last.
pub fn releases() -> Result<Vec<String>, StandinError> {
    Ok(release_files()?.iter().map(|file| file.release.clone()).collect())
}

/// The contract of a role, by the release of KFP or, for a role whose image has its own, by that of the image.
pub fn contract(role: Role, release: &str) -> Result<Contract, StandinError> {
    let files = release_files()?;
    let own = files
        .iter()
        .find(|file| file.release == release)
        .and_then(|file| file.uses.get(&role))
        .map_or(release, String::as_str);
    files
        .iter()
        .filter(|file| file.release == own)
        .find_map(|file| file.roles.get(&role).cloned())
        .ok_or_else(|| StandinError::NoContract {
            role: role.to_string(),
            release: release.to_owned(),
            known: files
                .iter()
                .map(|file| file.release.as_str())
                .collect::<Vec<_>>()
                .join(", "),
        })
}

/// The statements of `data/schema/<name>.sql`, comments left out.
pub fn statements(name: &str) -> Result<Vec<String>, StandinError> {
    let text = STATEMENTS
        .iter()
        .chain([&CACHE_PROBE])
        .find(|(known, _)| *known == name)
        .map(|(_, text)| *text)
        .ok_or_else(|| missing(&format!("schema/{name}.sql")))?;
    let code: Vec<_> = text.lines().filter(|line| !line.starts_with("--")).collect();
    Ok(code
        .join("\n")
        .split(";\n")
        .map(|statement| statement.trim().trim_end_matches(';').to_owned())
        .filter(|statement| !statement.is_empty())
        .collect())
}

/// The lines of `data/schema/<name>.shape`.
pub fn shape(name: &str) -> Result<Vec<String>, StandinError> {
    let text = SHAPES
        .iter()
        .find(|(known, _)| *known == name)
        .map(|(_, text)| *text)
        .ok_or_else(|| missing(&format!("schema/{name}.shape")))?;
    Ok(text
        .lines()
        .filter(|line| !line.starts_with('#'))
        .map(str::to_owned)
        .collect())
}

/// The names of the shapes that there are.
pub fn shape_names() -> impl Iterator<Item = &'static str> {
    SHAPES.iter().map(|(name, _)| *name)
}

fn missing(file: &str) -> StandinError {
    StandinError::Data {
        file: file.to_owned(),
        reason: "no such file was compiled in".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::contract::Syntax;

    const KFP: [&str; 3] = ["2.5.0", "2.16.1", "2.17.0"];

    fn all() -> Vec<(Role, &'static str, Contract)> {
        KFP.into_iter()
            .flat_map(|release| Role::ALL.map(|role| (role, release, contract(role, release).unwrap())))
            .collect()
    }

    #[test]
    fn every_role_has_a_contract_in_every_release() {
        assert_eq!(all().len(), 36);
    }

    #[test]
    fn an_unknown_release_is_named_with_those_there_are() {
        let error = contract(Role::ApiServer, "2.4.0").unwrap_err().to_string();
        assert!(error.contains("2.4.0") && error.contains("2.16.1"), "{error}");
    }

    #[test]
    fn no_list_names_a_thing_twice() {
        for (role, release, contract) in all() {
            let names: BTreeSet<_> = contract
                .environment
                .iter()
                .map(|variable| &variable.name)
                .collect();
            assert_eq!(names.len(), contract.environment.len(), "{role} {release}");
            let rights: Vec<_> = contract
                .rights
                .iter()
                .flat_map(crate::contract::RightContract::rights)
                .collect();
            let distinct: BTreeSet<_> = rights.iter().collect();
            assert_eq!(distinct.len(), rights.len(), "{role} {release}: {rights:?}");
        }
    }

    #[test]
    fn every_entry_says_where_it_comes_from() {
        let sourced = |why: &str| {
            ["[M]", "[S]", "[D]", "[R]", "[L]"]
                .iter()
                .any(|tag| why.starts_with(tag))
        };
        for (role, release, contract) in all() {
            let whys = contract
                .environment
                .iter()
                .map(|entry| entry.why.as_str())
                .chain(contract.files.iter().map(|entry| entry.why.as_str()))
                .chain(contract.arguments.required.iter().map(|entry| entry.why.as_str()))
                .chain(contract.peers.iter().map(|entry| entry.why.as_str()))
                .chain(contract.serves.iter().map(|entry| entry.why.as_str()));
            for why in whys {
                assert!(sourced(why), "{role} {release}: {why}");
            }
            for entry in &contract.rights {
                let reason = entry.why.as_deref().xor(entry.optional.as_deref());
                assert!(reason.is_some_and(sourced), "{role} {release}: {entry:?}");
            }
        }
    }

    #[test]
    fn every_flag_asked_for_is_a_flag_the_program_knows() {
        for (role, release, contract) in all() {
            let arguments = &contract.arguments;
            let asked = arguments
                .required
                .iter()
                .map(|entry| &entry.flag)
                .chain(arguments.one_of.iter().map(|entry| &entry.flag));
            for flag in asked {
                assert!(arguments.known.contains_key(flag), "{role} {release}: --{flag}");
            }
            assert_eq!(
                arguments.syntax == Syntax::Exact,
                arguments.known.is_empty(),
                "{role} {release}"
            );
        }
    }

    #[test]
    fn every_schema_that_a_contract_names_is_compiled_in() {
        for (role, release, contract) in all() {
            let Some(database) = contract.database else {
                continue;
            };
            assert!(!shape(&database.schema).unwrap().is_empty(), "{role} {release}");
            let mut names = vec![database.schema.clone(), database.probe];
            names.extend(database.seed);
            names.extend(database.every_start);
            names.extend(
                database
                    .migrates_from
                    .iter()
                    .map(|from| format!("{from}-to-{}", database.schema)),
            );
            for name in names {
                assert!(!statements(&name).unwrap().is_empty(), "{role} {release}: {name}");
            }
            for newer in database.leaves_alone {
                assert!(!shape(&newer).unwrap().is_empty(), "{role} {release}: {newer}");
            }
        }
    }

    #[test]
    fn every_table_of_a_shape_is_made_by_its_statements() {
        for name in shape_names() {
            let made = statements(name).unwrap().join("\n");
            for line in shape(name).unwrap() {
                let mut words = line.split(' ');
                let (table, kind, item) = (
                    words.next().unwrap(),
                    words.next().unwrap(),
                    words.next().unwrap(),
                );
                assert!(
                    made.contains(&format!("CREATE TABLE `{table}`")),
                    "{name}: {line}"
                );
                if kind == "column" {
                    assert!(made.contains(&format!("`{item}`")), "{name}: {line}");
                }
            }
        }
    }
}
