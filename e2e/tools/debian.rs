//! PROOF: Debian packages, downloaded and unpacked into the cache. Nothing is installed, and the host's own lists,
//! package state and cache are neither read for packages nor written.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::cache::{Cache, digest};
use crate::tools::archive::{Archive, Package};

/// Name of the library folders of the one architecture served here.
pub const MULTIARCH: &str = "x86_64-linux-gnu";

/// Versions and SHA-256 of the packages of Debian 12, a line each: set, package, version, digest.
const LOCK: &str = include_str!("debian.lock");

/// A Debian release to take packages from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Suite {
    /// Debian 12, whose packages are pinned.
    Bookworm,
    /// The rolling suite: the version that is there on the day, checked by the archive's signatures alone.
    Unstable,
}

impl Suite {
    /// The name in a sources list.
    pub fn name(self) -> &'static str {
        match self {
            Self::Bookworm => "bookworm",
            Self::Unstable => "sid",
        }
    }
}

/// Packages that are unpacked together with all that they depend on, so that their libraries fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Set {
    /// Programs that run on the host, in the cluster's namespaces.
    Node,
    /// What every image is made of: shell, busybox, certificate authorities.
    Base,
    /// A whole small Debian, for programs that are put into an image as they are.
    Components,
    /// The MariaDB server and its clients.
    MariaDb,
    /// The MySQL server and its clients.
    MySql,
    /// mydumper and myloader.
    MyDumper,
    /// Python with pip, for hosts without.
    Python,
}

impl Set {
    const ALL: [Self; 7] = [
        Self::Node,
        Self::Base,
        Self::Components,
        Self::MariaDb,
        Self::MySql,
        Self::MyDumper,
        Self::Python,
    ];

    /// The name in the lock file and in the cache.
    pub fn name(self) -> &'static str {
        match self {
            Self::Node => "node",
            Self::Base => "base",
            Self::Components => "components",
            Self::MariaDb => "mariadb",
            Self::MySql => "mysql",
            Self::MyDumper => "mydumper",
            Self::Python => "python",
        }
    }

    fn suite(self) -> Suite {
        if self == Self::MySql {
            Suite::Unstable
        } else {
            Suite::Bookworm
        }
    }

    /// The packages asked for; what they depend on comes with them.
    fn packages(self) -> &'static [&'static str] {
        match self {
            Self::Node => &[
                "conntrack",
                "containerd",
                "containernetworking-plugins",
                "iproute2",
                "iptables",
                "nftables",
                "runc",
            ],
            Self::Base => &[
                "bash",
                "busybox-static",
                "ca-certificates",
                "curl",
                "dash",
                "netcat-openbsd",
                "wget",
            ],
            Self::Components => &[
                "base-files",
                "base-passwd",
                "bash",
                "ca-certificates",
                "coreutils",
                "dash",
                "findutils",
                "grep",
                "hostname",
                "libc-bin",
                "netbase",
                "sed",
                "tzdata",
                "wget",
            ],
            Self::MariaDb => &["bash", "mariadb-client", "mariadb-server-core"],
            Self::MySql => &["bash", "mysql-client-core", "mysql-server-core"],
            Self::MyDumper => &["mydumper"],
            Self::Python => &["python3", "python3-pip"],
        }
    }

    /// The package whose version is the set's.
    fn leading(self) -> &'static str {
        match self {
            Self::Node => "containerd",
            Self::Base => "busybox-static",
            Self::Components => "base-files",
            Self::MariaDb => "mariadb-server-core",
            Self::MySql => "mysql-server-core",
            Self::MyDumper => "mydumper",
            Self::Python => "python3",
        }
    }

    /// Name of the cache entry: changes with the set's packages and their lines in the lock file.
    pub fn key(self) -> String {
        let mut parts: Vec<&[u8]> = self.packages().iter().map(|package| package.as_bytes()).collect();
        parts.extend(
            LOCK.lines()
                .filter(|line| line.split(' ').next() == Some(self.name()))
                .map(str::as_bytes),
        );
        format!("debian-{}-{}", self.name(), digest(&parts))
    }
}

/// What the lock file says: set → package → (version, SHA-256).
type Lock<'text> = BTreeMap<&'text str, BTreeMap<&'text str, (&'text str, &'text str)>>;

fn parse_lock(text: &str) -> Result<Lock<'_>> {
    let mut lock = Lock::new();
    for (number, line) in text.lines().enumerate() {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let fields: Vec<&str> = line.split(' ').collect();
        let [set, package, version, sha256] = fields.as_slice() else {
            bail!(
                "debian.lock, line {}: expected set, package, version and digest, found {line:?}",
                number + 1
            );
        };
        if sha256.len() != 64 || !sha256.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            bail!("debian.lock, line {}: {sha256:?} is no SHA-256", number + 1);
        }
        if lock
            .entry(set)
            .or_default()
            .insert(package, (version, sha256))
            .is_some()
        {
            bail!(
                "debian.lock, line {}: {package} stands twice in {set}",
                number + 1
            );
        }
    }
    Ok(lock)
}

/// The cache entry of a set: `root/` (the unpacked packages), `packages.txt`, `version`, and `moved.txt` where the
/// archive no longer has the pinned versions.
pub fn ensure(cache: &Cache, set: Set) -> Result<PathBuf> {
    cache.ensure("tools", &set.key(), |folder| {
        let archive = Archive::open(cache, set.suite())?;
        let packages = archive.download(set.packages())?;
        let locked = parse_lock(LOCK)?.remove(set.name()).unwrap_or_default();
        let moved = if set.suite() == Suite::Bookworm {
            compare(set, &packages, &locked)?
        } else {
            Vec::new()
        };
        fs::write(folder.join("moved.txt"), moved.concat())?;
        unpack(&packages, &folder.join("root"))?;
        fs::write(folder.join("packages.txt"), lines(set, &packages))?;
        let leading = packages.iter().find(|package| package.name == set.leading());
        let leading =
            leading.with_context(|| format!("{} was not among the downloaded packages", set.leading()))?;
        fs::write(folder.join("version"), &leading.version)?;
        archive.forget_downloads()
    })
}

/// The differences between what is pinned and what the archive now has, a line each. The archive of a stable release
/// keeps one version of a package: when a point release has replaced the pinned one, its successor, vouched for by the
/// archive's signature, is taken and said aloud. The same version with other content is refused.
fn compare(set: Set, packages: &[Package], locked: &BTreeMap<&str, (&str, &str)>) -> Result<Vec<String>> {
    let mut moved = Vec::new();
    for package in packages {
        match locked.get(package.name.as_str()) {
            Some((version, sha256)) if *version == package.version => {
                if *sha256 != package.sha256 {
                    bail!(
                        "{} {version} has the digest {}, pinned is {sha256}",
                        package.name,
                        package.sha256
                    );
                }
            }
            Some((version, _)) => moved.push(format!(
                "{}: pinned {version}, taken {}\n",
                package.name, package.version
            )),
            None => moved.push(format!(
                "{}: not pinned for {}, taken {}\n",
                package.name,
                set.name(),
                package.version
            )),
        }
    }
    Ok(moved)
}

fn lines(set: Set, packages: &[Package]) -> String {
    let mut text = String::new();
    for package in packages {
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "{} {} {} {}",
            set.name(),
            package.name,
            package.version,
            package.sha256
        );
    }
    text
}

/// The lock file as it would be for the packages that the archive has today.
pub fn new_lock(cache: &Cache) -> Result<String> {
    let mut text = String::from("# Packages of Debian 12 (amd64): set, package, version, SHA-256.\n");
    for set in Set::ALL.into_iter().filter(|set| set.suite() == Suite::Bookworm) {
        let archive = Archive::open(cache, set.suite())?;
        text.push_str(&lines(set, &archive.download(set.packages())?));
        archive.forget_downloads()?;
    }
    Ok(text)
}

/// Unpacks packages over each other, with the merged `/usr` that Debian 12 has.
fn unpack(packages: &[Package], root: &Path) -> Result<()> {
    for folder in ["bin", "lib", "lib64", "sbin"] {
        fs::create_dir_all(root.join("usr").join(folder))?;
        symlink(Path::new("usr").join(folder), root.join(folder))?;
    }
    for package in packages {
        let mut reader = Command::new("dpkg-deb")
            .arg("--fsys-tarfile")
            .arg(&package.file)
            .stdout(Stdio::piped())
            .spawn()
            .context("cannot start dpkg-deb; it is in the package dpkg")?;
        let content = reader.stdout.take().context("dpkg-deb has no output")?;
        let unpacked = Command::new("tar")
            .args([
                "--extract",
                "--keep-directory-symlink",
                "--no-same-owner",
                "--directory",
            ])
            .arg(root)
            .stdin(content)
            .status()
            .context("cannot start tar")?;
        if !reader.wait()?.success() || !unpacked.success() {
            bail!("cannot unpack {}", package.file.display());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    const DIGEST: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

    fn package(version: &str, sha256: &str) -> Package {
        Package {
            name: "runc".into(),
            version: version.into(),
            sha256: sha256.into(),
            file: PathBuf::new(),
        }
    }

    #[test]
    fn the_committed_lock_pins_every_package_asked_for_from_a_stable_suite() {
        let lock = parse_lock(LOCK).unwrap();
        for set in Set::ALL.into_iter().filter(|set| set.suite() == Suite::Bookworm) {
            for package in set.packages() {
                assert!(lock[set.name()].contains_key(package), "{package} of {set:?}");
            }
        }
    }

    #[rstest]
    #[case::too_few_fields("node runc 1.1")]
    #[case::no_digest("node runc 1.1 abc")]
    #[case::twice(&format!("node runc 1 {DIGEST}\nnode runc 2 {DIGEST}"))]
    fn a_broken_lock_is_refused_with_its_line(#[case] text: &str) {
        assert!(parse_lock(text).unwrap_err().to_string().contains("line "));
    }

    #[test]
    fn the_pinned_version_with_other_content_is_refused_and_a_successor_is_taken_aloud() {
        let locked = BTreeMap::from([("runc", ("1.1", DIGEST))]);
        assert_eq!(
            compare(Set::Node, &[package("1.1", DIGEST)], &locked).unwrap(),
            Vec::<String>::new()
        );
        assert!(compare(Set::Node, &[package("1.1", &DIGEST.replace('0', "f"))], &locked).is_err());
        assert_eq!(
            compare(Set::Node, &[package("1.2", DIGEST)], &locked).unwrap(),
            ["runc: pinned 1.1, taken 1.2\n"]
        );
    }
}
