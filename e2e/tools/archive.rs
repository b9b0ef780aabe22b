//! PROOF: a private apt over Debian's archive: own lists, own empty package state, own download folder. The host lends
//! the addresses of its archive, its proxy settings and Debian's signing keys.

use std::fmt::Write;
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use sha2::{Digest, Sha256};

use crate::cache::{Cache, hex};
use crate::process::run;
use crate::tools::debian::Suite;

/// Debian's signing keys, from the package debian-archive-keyring, which Debian's apt itself depends on.
const KEYRING: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";

/// How long downloaded lists serve before they are asked for again.
const FRESH: Duration = Duration::from_hours(1);

/// A downloaded package.
#[derive(Debug, Clone)]
pub struct Package {
    /// Name without architecture.
    pub name: String,
    /// Debian version, with epoch.
    pub version: String,
    /// SHA-256 of the file, hexadecimal.
    pub sha256: String,
    /// The file.
    pub file: PathBuf,
}

/// The private apt of one suite; only one program at a time uses it.
pub struct Archive {
    folder: PathBuf,
    _lock: File,
}

impl Archive {
    /// Waits for its turn and writes the configuration.
    pub fn open(cache: &Cache, suite: Suite) -> Result<Self> {
        let lock = cache.lock(&format!("apt-{}", suite.name()))?;
        let folder = cache.root().join("apt").join(suite.name());
        for made in ["state/lists/partial", "cache/archives/partial"] {
            fs::create_dir_all(folder.join(made))?;
        }
        // No package is installed, as far as this apt knows: so it resolves everything down to the C library.
        fs::write(folder.join("state/status"), "")?;
        fs::write(folder.join("sources.list"), sources(suite, &host_sources()?)?)?;
        fs::write(folder.join("apt.conf"), configuration(&folder)?)?;
        Ok(Self { folder, _lock: lock })
    }

    /// Downloads the packages and all that they depend on; apt checks every file against the signed lists.
    pub fn download(&self, packages: &[&str]) -> Result<Vec<Package>> {
        if !self.is_fresh() {
            self.update()?;
        }
        let install = |archive: &Self| {
            run(archive
                .apt("apt-get")
                .args(["install", "--yes", "--quiet", "--download-only"])
                .args(packages))
        };
        self.forget_downloads()?;
        if install(self).is_err() {
            // The archive may have moved on since the lists were taken.
            self.update()?;
            install(self).with_context(|| format!("cannot download {}", packages.join(", ")))?;
        }
        let mut found = Vec::new();
        for entry in fs::read_dir(self.folder.join("cache/archives"))? {
            let file = entry?.path();
            if file.extension().is_some_and(|extension| extension == "deb") {
                found.push(read_package(file)?);
            }
        }
        found.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(found)
    }

    /// Removes the downloaded files, which are of no use once unpacked.
    pub fn forget_downloads(&self) -> Result<()> {
        run(self.apt("apt-get").arg("clean")).map(drop)
    }

    fn update(&self) -> Result<()> {
        run(self.apt("apt-get").args(["update", "--quiet"])).context("cannot read Debian's package lists")?;
        fs::write(self.folder.join("updated"), "")?;
        Ok(())
    }

    fn is_fresh(&self) -> bool {
        let updated = fs::metadata(self.folder.join("updated")).and_then(|metadata| metadata.modified());
        updated
            .ok()
            .and_then(|at| at.elapsed().ok())
            .is_some_and(|age| age < FRESH)
    }

    fn apt(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command
            .env("APT_CONFIG", self.folder.join("apt.conf"))
            .env("LC_ALL", "C")
            .env("DEBIAN_FRONTEND", "noninteractive");
        command
    }
}

fn read_package(file: PathBuf) -> Result<Package> {
    let fields = run(Command::new("dpkg-deb")
        .args(["--show", "--showformat", "${Package}\n${Version}"])
        .arg(&file))?;
    let (name, version) = fields
        .split_once('\n')
        .with_context(|| format!("{} has no name", file.display()))?;
    let mut hash = Sha256::new();
    let mut content = File::open(&file)?;
    let mut buffer = vec![0; 1 << 20];
    loop {
        let read = content.read(&mut buffer)?;
        if read == 0 {
            break;
        }
        hash.update(&buffer[..read]);
    }
    Ok(Package {
        name: name.into(),
        version: version.trim().into(),
        sha256: hex(&hash.finalize()),
        file,
    })
}

fn configuration(folder: &Path) -> Result<String> {
    let path = folder.display();
    let mut text = String::from("# Written anew on every use.\n");
    // Proxies, mirrors behind certificates and the like are the host's business; hooks and lists are not taken over.
    for line in run(Command::new("apt-config").arg("dump"))?.lines() {
        let ours = [
            "Acquire::IndexTargets",
            "Acquire::Changelogs",
            "Acquire::CompressionTypes",
            "Acquire::Languages",
        ];
        if line.starts_with("Acquire::") && !ours.iter().any(|prefix| line.starts_with(prefix)) {
            text.push_str(line);
            text.push('\n');
        }
    }
    write!(
        text,
        "Acquire::Languages \"none\";\n\
         // A mirror may lag behind a moving suite; what counts is that its list is signed.\n\
         Acquire::Check-Valid-Until \"false\";\n\
         Dir::State \"{path}/state\";\n\
         Dir::State::status \"{path}/state/status\";\n\
         Dir::Cache \"{path}/cache\";\n\
         Dir::Etc::SourceList \"{path}/sources.list\";\n"
    )?;
    for setting in [
        "SourceParts",
        "Parts",
        "Main",
        "Preferences",
        "PreferencesParts",
        "Trusted",
        "TrustedParts",
    ] {
        writeln!(text, "Dir::Etc::{setting} \"/dev/null\";")?;
    }
    text.push_str("APT::Sandbox::User \"root\";\nAPT::Install-Recommends \"false\";\nAPT::Architectures { \"amd64\"; };\n");
    Ok(text)
}

/// One archive and one of its suites.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Source {
    address: String,
    suite: String,
}

/// What the host takes packages from.
fn host_sources() -> Result<Vec<Source>> {
    let mut files = vec![PathBuf::from("/etc/apt/sources.list")];
    if let Ok(folder) = fs::read_dir("/etc/apt/sources.list.d") {
        files.extend(folder.flatten().map(|entry| entry.path()));
    }
    files.sort();
    let mut found = Vec::new();
    for file in files {
        let Ok(text) = fs::read_to_string(&file) else {
            continue;
        };
        match file.extension().and_then(|extension| extension.to_str()) {
            Some("list") => found.extend(text.lines().filter_map(parse_line)),
            Some("sources") => found.extend(text.split("\n\n").flat_map(parse_paragraph)),
            _ => {}
        }
    }
    if found.is_empty() {
        bail!("this host's apt has no package sources: Debian 12 is needed");
    }
    Ok(found)
}

/// A line such as `deb [options] address suite component…`.
fn parse_line(line: &str) -> Option<Source> {
    let rest = line.trim().strip_prefix("deb ")?.trim_start();
    let rest = match rest.strip_prefix('[') {
        Some(options) => options.split_once(']')?.1,
        None => rest,
    };
    let mut words = rest.split_ascii_whitespace();
    Some(Source {
        address: words.next()?.into(),
        suite: words.next()?.into(),
    })
}

/// A paragraph of a deb822 file: every address with every suite.
fn parse_paragraph(text: &str) -> Vec<Source> {
    let field = |name: &str| -> Vec<&str> {
        let line = text.lines().find_map(|line| {
            line.split_once(':')
                .filter(|(key, _)| key.eq_ignore_ascii_case(name))
        });
        line.map(|(_, value)| value.split_ascii_whitespace().collect())
            .unwrap_or_default()
    };
    if !field("Types").contains(&"deb") || field("Enabled").contains(&"no") {
        return Vec::new();
    }
    let suites = field("Suites");
    let pair = |address: &&str| {
        let address = (*address).to_owned();
        suites
            .iter()
            .map(move |suite| Source {
                address: address.clone(),
                suite: (*suite).to_owned(),
            })
            .collect::<Vec<_>>()
    };
    field("URIs").iter().flat_map(pair).collect()
}

/// The sources list of a suite. Debian's archive serves all its suites under one address.
fn sources(suite: Suite, host: &[Source]) -> Result<String> {
    let wanted = ["bookworm", "bookworm-updates", "bookworm-security"];
    let Some(main) = host.iter().find(|source| source.suite == wanted[0]) else {
        bail!(
            "this host's apt does not take packages from Debian 12 (bookworm), which the test cluster is made of"
        );
    };
    let chosen: Vec<(&str, &str)> = match suite {
        Suite::Unstable => vec![(main.address.as_str(), suite.name())],
        Suite::Bookworm => host
            .iter()
            .filter(|source| wanted.contains(&source.suite.as_str()))
            .map(|source| (source.address.as_str(), source.suite.as_str()))
            .collect(),
    };
    let mut text = String::new();
    for (address, name) in chosen {
        writeln!(text, "deb [signed-by={KEYRING}] {address} {name} main")?;
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    fn source(address: &str, suite: &str) -> Source {
        Source {
            address: address.into(),
            suite: suite.into(),
        }
    }

    #[rstest]
    #[case(
        "deb http://a/debian bookworm main",
        Some(source("http://a/debian", "bookworm"))
    )]
    #[case(
        "  deb [ arch=amd64 signed-by=/k ] http://a sid main",
        Some(source("http://a", "sid"))
    )]
    #[case("deb-src http://a bookworm main", None)]
    #[case("# deb http://a bookworm main", None)]
    fn a_sources_line_is_read(#[case] line: &str, #[case] expected: Option<Source>) {
        assert_eq!(parse_line(line), expected);
    }

    #[test]
    fn a_deb822_paragraph_stands_for_every_suite_it_lists_unless_it_is_off() {
        let text =
            "Types: deb\n# note\nURIs: http://a/debian\nSuites: bookworm bookworm-updates\nComponents: main";
        assert_eq!(
            parse_paragraph(text),
            [
                source("http://a/debian", "bookworm"),
                source("http://a/debian", "bookworm-updates")
            ]
        );
        assert_eq!(parse_paragraph(&format!("{text}\nEnabled: no")), []);
    }

    #[test]
    fn every_source_is_tied_to_debians_own_keys_and_foreign_ones_are_left_out() {
        let host = [
            source("http://a", "bookworm"),
            source("http://s", "bookworm-security"),
            source("http://x", "nodistro"),
        ];
        let text = sources(Suite::Bookworm, &host).unwrap();
        assert_eq!(text.lines().count(), 2);
        assert!(text.lines().all(|line| line.contains(KEYRING)));
        assert!(
            sources(Suite::Unstable, &host)
                .unwrap()
                .contains("http://a sid main")
        );
        assert!(sources(Suite::Bookworm, &host[2..]).is_err());
    }
}
