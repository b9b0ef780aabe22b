//! JUDGEMENT: what a project says it needs: `pyproject.toml` in its several ways, and `Pipfile`. Reads; judges nothing.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::places::{place, unreadable};
use super::specifier::{constraint, dependency};
use super::{Ask, Package, Requirement, Requirements};
use crate::document::Unreadable;

const HELP: &str = "write it as your package manager takes it, for example `kfp==2.16.1`";

/// A TOML document.
pub(super) fn document(text: &str) -> Result<Spanned<DeTable<'_>>, Unreadable> {
    DeTable::parse(text).map_err(|error| {
        unreadable(
            text,
            error.span().unwrap_or_default(),
            format!(
                "this is no TOML: {}",
                error.message().lines().next().unwrap_or_default()
            ),
            "mend the file; the package manager refuses it too",
        )
    })
}

/// Everything in a `pyproject.toml`.
pub(super) fn pyproject(text: &str) -> Result<Requirements, Unreadable> {
    let document = document(text)?;
    let root = document.get_ref();
    let mut reader = Reader::new(text);
    if let Some(list) = at(root, &["project", "dependencies"]) {
        reader.list("project.dependencies", list)?;
    }
    for groups in [&["project", "optional-dependencies"][..], &["dependency-groups"]] {
        reader.lists(groups, root)?;
    }
    reader.lists(&["tool", "pdm", "dev-dependencies"], root)?;
    for list in [
        "dev-dependencies",
        "constraint-dependencies",
        "override-dependencies",
    ] {
        if let Some(found) = at(root, &["tool", "uv", list]) {
            reader.list(&format!("tool.uv.{list}"), found)?;
        }
    }
    for table in ["dependencies", "dev-dependencies"] {
        if let Some(found) = at(root, &["tool", "poetry", table]).and_then(as_table) {
            reader.table(&format!("tool.poetry.{table}"), found)?;
        }
    }
    let groups = at(root, &["tool", "poetry", "group"]).and_then(as_table);
    for (name, group) in groups.into_iter().flatten() {
        let found = as_table(group)
            .and_then(|group| at(group, &["dependencies"]))
            .and_then(as_table);
        if let Some(found) = found {
            reader.table(
                &format!("tool.poetry.group.{}.dependencies", name.get_ref()),
                found,
            )?;
        }
    }
    if let Some(sources) = at(root, &["tool", "uv", "sources"]).and_then(as_table) {
        reader.sources(sources);
    }
    Ok(reader.found())
}

/// Everything in a `Pipfile`.
pub(super) fn pipfile(text: &str) -> Result<Requirements, Unreadable> {
    let document = document(text)?;
    let mut reader = Reader::new(text);
    for section in ["packages", "dev-packages"] {
        if let Some(found) = at(document.get_ref(), &[section]).and_then(as_table) {
            reader.table(section, found)?;
        }
    }
    Ok(reader.found())
}

pub(super) fn at<'a, 'text>(table: &'a DeTable<'text>, path: &[&str]) -> Option<&'a Spanned<DeValue<'text>>> {
    let (first, rest) = path.split_first()?;
    let value = table.get(*first)?;
    if rest.is_empty() {
        Some(value)
    } else {
        at(as_table(value)?, rest)
    }
}

pub(super) fn as_table<'a, 'text>(value: &'a Spanned<DeValue<'text>>) -> Option<&'a DeTable<'text>> {
    value.get_ref().as_table()
}

struct Reader<'text> {
    text: &'text str,
    packages: Vec<Requirement>,
}

impl<'text> Reader<'text> {
    fn new(text: &'text str) -> Self {
        Self {
            text,
            packages: Vec::new(),
        }
    }

    fn found(mut self) -> Requirements {
        self.packages.sort_by_key(|one| one.place);
        Requirements {
            packages: self.packages,
            includes: Vec::new(),
        }
    }

    /// A list of dependencies as PEP 508 writes them. What is no text (`{include-group = …}`) names no package.
    fn list(&mut self, path: &str, list: &Spanned<DeValue<'_>>) -> Result<(), Unreadable> {
        for (index, item) in list.get_ref().as_array().into_iter().flatten().enumerate() {
            let Some(written) = item.get_ref().as_str() else {
                continue;
            };
            let asked = dependency(written).map_err(|why| {
                let message = format!("this dependency is not understood: {why}");
                unreadable(self.text, item.span(), message, HELP)
            })?;
            if let Some((package, ask, extras)) = asked {
                self.packages.push(Requirement {
                    package,
                    ask,
                    extras,
                    path: format!("{path}[{index}]"),
                    place: Some(place(self.text, item.span())),
                });
            }
        }
        Ok(())
    }

    /// A table of such lists.
    fn lists(&mut self, path: &[&str], root: &DeTable<'_>) -> Result<(), Unreadable> {
        let groups = at(root, path).and_then(as_table);
        for (name, list) in groups.into_iter().flatten() {
            self.list(&format!("{}.{}", path.join("."), name.get_ref()), list)?;
        }
        Ok(())
    }

    /// A table from names to constraints, as Poetry and Pipenv write it.
    fn table(&mut self, path: &str, table: &DeTable<'_>) -> Result<(), Unreadable> {
        for (name, value) in table {
            let Some(package) = Package::of_name(name.get_ref()) else {
                continue;
            };
            let (ask, extras) = asked(value.get_ref()).map_err(|why| {
                let message = format!("this constraint is not understood: {why}");
                unreadable(self.text, value.span(), message, HELP)
            })?;
            self.packages.push(Requirement {
                package,
                ask,
                extras,
                path: format!("{path}.{}", name.get_ref()),
                place: Some(place(self.text, name.span().start..value.span().end)),
            });
        }
        Ok(())
    }

    /// uv takes a package that stands here from there, whatever version is asked for.
    fn sources(&mut self, sources: &DeTable<'_>) {
        for (name, source) in sources {
            let elsewhere = as_table(source).and_then(elsewhere);
            let (Some(package), Some(elsewhere)) = (Package::of_name(name.get_ref()), elsewhere) else {
                continue;
            };
            for one in self.packages.iter_mut().filter(|one| one.package == package) {
                one.ask = Ask::Elsewhere(elsewhere.clone());
            }
        }
    }
}

/// Where a table takes a package from, when that is no index.
fn elsewhere(table: &DeTable<'_>) -> Option<String> {
    ["git", "url", "path", "file", "editable", "workspace"]
        .iter()
        .find_map(|key| {
            let value = table.get(*key)?;
            Some(
                value
                    .get_ref()
                    .as_str()
                    .map_or_else(|| (*key).to_owned(), str::to_owned),
            )
        })
}

/// What a value of such a table asks for. Of several (Poetry: one for each Python), all together.
fn asked(value: &DeValue<'_>) -> Result<(Ask, Vec<String>), String> {
    if let Some(text) = value.as_str() {
        return Ok((constraint(text)?, Vec::new()));
    }
    if let Some(several) = value.as_array() {
        let mut ranges = Vec::new();
        let mut extras = Vec::new();
        for one in several {
            let (ask, more) = asked(one.get_ref())?;
            extras.extend(more);
            match ask {
                Ask::Exactly(version) => {
                    ranges.push(pep440_rs::VersionSpecifier::equals_version(version).into());
                }
                Ask::Ranges(more) => ranges.extend(more),
                whole => return Ok((whole, extras)),
            }
        }
        return Ok((Ask::Ranges(ranges), extras));
    }
    let table = value.as_table().ok_or("it is neither a text nor a table")?;
    let extras = table.get("extras").and_then(|extras| extras.get_ref().as_array());
    let extras = extras.into_iter().flatten();
    let extras = extras
        .filter_map(|extra| extra.get_ref().as_str())
        .map(str::to_owned)
        .collect();
    if let Some(elsewhere) = elsewhere(table) {
        return Ok((Ask::Elsewhere(elsewhere), extras));
    }
    let version = table
        .get("version")
        .and_then(|version| version.get_ref().as_str());
    Ok((version.map_or(Ok(Ask::Anything), constraint)?, extras))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(found: &Requirements) -> Vec<String> {
        found
            .packages
            .iter()
            .map(|one| {
                let ask = match &one.ask {
                    Ask::Exactly(version) => format!("={version}"),
                    Ask::Ranges(ranges) => format!("{} range(s)", ranges.len()),
                    Ask::Anything => "*".to_owned(),
                    Ask::Elsewhere(place) => format!("@{place}"),
                };
                format!(
                    "{}:{} {} {ask} {}",
                    one.place.unwrap().line,
                    one.path,
                    one.package,
                    one.extras.join("+")
                )
            })
            .collect()
    }

    #[test]
    fn a_project_of_any_package_manager_is_read() {
        let text = r#"
[project]
dependencies = ["numpy", "kfp[kubernetes]==2.14.6"]
[project.optional-dependencies]
client = ["kfp-server-api>=2.14"]
[dependency-groups]
dev = [{include-group = "x"}, "kfp-pipeline-spec"]
[tool.uv]
constraint-dependencies = ["kfp<3"]
[tool.poetry.dependencies]
python = "^3.11"
kfp = {version = "^2.14", extras = ["kubernetes"]}
[tool.poetry.group.test.dependencies]
kfp-kubernetes = [{version = "2.14.6", python = ">3.9"}, {version = "2.14.4", python = "<3.9"}]
kfp-server-api = {git = "https://example.com/x.git"}
"#;
        let wanted = [
            "3:project.dependencies[1] kfp =2.14.6 kubernetes",
            "5:project.optional-dependencies.client[0] kfp-server-api 1 range(s) ",
            "7:dependency-groups.dev[1] kfp-pipeline-spec * ",
            "9:tool.uv.constraint-dependencies[0] kfp 1 range(s) ",
            "12:tool.poetry.dependencies.kfp kfp 1 range(s) kubernetes",
            "14:tool.poetry.group.test.dependencies.kfp-kubernetes kfp-kubernetes 2 range(s) ",
            "15:tool.poetry.group.test.dependencies.kfp-server-api kfp-server-api @https://example.com/x.git ",
        ];
        assert_eq!(shown(&pyproject(text).unwrap()), wanted);
    }

    #[test]
    fn a_source_of_uv_overrides_the_version() {
        let text = "[project]\ndependencies = ['kfp==2.14.6']\n[tool.uv.sources]\nkfp = {path = '../sdk'}\n";
        assert_eq!(
            shown(&pyproject(text).unwrap()),
            ["2:project.dependencies[0] kfp @../sdk "]
        );
    }

    #[test]
    fn a_pipfile_is_read() {
        let text = "[packages]\nkfp = '==2.14.6'\nnumpy = '*'\n[dev-packages]\nkfp-kubernetes = '*'\n";
        let wanted = [
            "2:packages.kfp kfp =2.14.6 ",
            "5:dev-packages.kfp-kubernetes kfp-kubernetes * ",
        ];
        assert_eq!(shown(&pipfile(text).unwrap()), wanted);
    }

    #[test]
    fn broken_files_are_told_with_their_line() {
        for (text, line) in [
            ("a = 1\nb = = 2\n", 2),
            ("[project]\ndependencies = [\n 'kfp=2']\n", 3),
        ] {
            let problem = pyproject(text).unwrap_err();
            assert_eq!(problem.place.unwrap().line, line, "{problem}");
        }
        assert!(pyproject("[tool.poetry.dependencies]\nkfp = 2\n").is_err());
    }
}
