//! PROOF: layers of images, written byte for byte the same from the same files. Knows no image.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, BufWriter, Read, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tar::{EntryType, Header};

use crate::cache::{Cache, digest, hex};

/// Folders that are links into `/usr` on a system with a merged `/usr`, as Debian 12 and current Alpine are.
const MERGED: [&str; 4] = ["bin", "lib", "lib64", "sbin"];

/// What a layer will hold: path without leading slash → entry. The order of the map is the order of the archive, and
/// puts every folder before what lies in it.
#[derive(Debug, Clone, Default)]
pub struct Layer {
    entries: BTreeMap<String, Entry>,
}

#[derive(Debug, Clone)]
struct Entry {
    mode: u32,
    /// User and group; they are always the same number here.
    owner: u64,
    content: Content,
}

#[derive(Debug, Clone)]
enum Content {
    Folder,
    Link(String),
    Text(Vec<u8>),
    File(PathBuf),
}

/// A layer on disk.
#[derive(Debug, Clone)]
pub struct LayerFile {
    /// Uncompressed tar archive.
    pub path: PathBuf,
    /// Its size in bytes.
    pub size: u64,
    /// `sha256:` and its digest.
    pub diff_id: String,
}

#[derive(Serialize, Deserialize)]
struct Facts {
    size: u64,
    diff_id: String,
}

impl Layer {
    /// A folder that root owns, or a changed one if it is there.
    pub fn folder(&mut self, path: &str, mode: u32, owner: u64) -> &mut Self {
        self.insert(
            path,
            Entry {
                mode,
                owner,
                content: Content::Folder,
            },
        )
    }

    /// A link; its target is taken as it is.
    pub fn link(&mut self, path: &str, target: &str) -> &mut Self {
        self.insert(
            path,
            Entry {
                mode: 0o777,
                owner: 0,
                content: Content::Link(target.to_owned()),
            },
        )
    }

    /// A file with the given text; executable if it begins with `#!`.
    pub fn text(&mut self, path: &str, text: &str) -> &mut Self {
        let mode = if text.starts_with("#!") { 0o755 } else { 0o644 };
        self.insert(
            path,
            Entry {
                mode,
                owner: 0,
                content: Content::Text(text.as_bytes().to_vec()),
            },
        )
    }

    /// A copy of a file with the given mode.
    pub fn file(&mut self, path: &str, source: &Path, mode: u32) -> &mut Self {
        self.insert(
            path,
            Entry {
                mode,
                owner: 0,
                content: Content::File(source.to_owned()),
            },
        )
    }

    /// A copy of a folder with all that lies in it, modes and links kept, owned by root.
    pub fn tree(&mut self, path: &str, source: &Path) -> Result<&mut Self> {
        for entry in fs::read_dir(source).with_context(|| format!("cannot read {}", source.display()))? {
            let entry = entry?;
            let Ok(name) = entry.file_name().into_string() else {
                bail!("{} has a name that is not UTF-8", entry.path().display());
            };
            let target = format!("{}/{name}", path.trim_end_matches('/'));
            let metadata = fs::symlink_metadata(entry.path())?;
            let mode = metadata.mode() & 0o7777;
            if metadata.is_dir() {
                self.folder(&target, mode, 0);
                self.tree(&target, &entry.path())?;
            } else if metadata.is_symlink() {
                self.link(&target, &fs::read_link(entry.path())?.to_string_lossy());
            } else if metadata.is_file() {
                self.file(&target, &entry.path(), mode);
            } else {
                bail!(
                    "{} is neither file, folder nor link: an image cannot hold it",
                    entry.path().display()
                );
            }
        }
        Ok(self)
    }

    fn insert(&mut self, path: &str, entry: Entry) -> &mut Self {
        let path = path.trim_matches('/');
        let (first, rest) = path.split_once('/').unwrap_or((path, ""));
        let merged = MERGED.contains(&first);
        if merged {
            let content = Content::Link(format!("usr/{first}"));
            self.entries.insert(
                first.to_owned(),
                Entry {
                    mode: 0o777,
                    owner: 0,
                    content,
                },
            );
            if rest.is_empty() {
                // Whatever is asked for in the link's place, the link is what is there.
                return self;
            }
        }
        let path = if merged {
            format!("usr/{path}")
        } else {
            path.to_owned()
        };
        let mut parent = path.as_str();
        while let Some((above, _)) = parent.rsplit_once('/') {
            let mode = if above == "tmp" || above == "var/tmp" {
                0o1777
            } else {
                0o755
            };
            self.entries.entry(above.to_owned()).or_insert(Entry {
                mode,
                owner: 0,
                content: Content::Folder,
            });
            parent = above;
        }
        self.entries.insert(path, entry);
        self
    }

    /// The layer's file in the cache, written if it is not there.
    pub fn store(&self, cache: &Cache) -> Result<LayerFile> {
        let folder = cache.ensure("layers", &self.key()?, |folder| {
            let facts = self.write(&folder.join("layer.tar"))?;
            Ok(fs::write(folder.join("facts.json"), serde_json::to_vec(&facts)?)?)
        })?;
        let facts: Facts = serde_json::from_slice(&fs::read(folder.join("facts.json"))?)?;
        Ok(LayerFile {
            path: folder.join("layer.tar"),
            size: facts.size,
            diff_id: facts.diff_id,
        })
    }

    /// Changes with everything that ends up in the archive; files count by path, size and time of change.
    fn key(&self) -> Result<String> {
        let mut parts: Vec<Vec<u8>> = Vec::new();
        for (path, entry) in &self.entries {
            parts.push(format!("{path} {:o} {}", entry.mode, entry.owner).into_bytes());
            parts.push(match &entry.content {
                Content::Folder => b"folder".to_vec(),
                Content::Link(target) => format!("link {target}").into_bytes(),
                Content::Text(text) => text.clone(),
                Content::File(source) => {
                    let metadata =
                        fs::metadata(source).with_context(|| format!("cannot read {}", source.display()))?;
                    let changed = (metadata.mtime(), metadata.mtime_nsec());
                    format!("file {} {} {changed:?}", source.display(), metadata.size()).into_bytes()
                }
            });
        }
        let parts: Vec<&[u8]> = parts.iter().map(Vec::as_slice).collect();
        Ok(digest(&parts))
    }

    fn write(&self, path: &Path) -> Result<Facts> {
        let file = BufWriter::with_capacity(1 << 20, File::create(path)?);
        let mut archive = tar::Builder::new(Hashing {
            inner: file,
            hash: Sha256::new(),
            size: 0,
        });
        for (path, entry) in &self.entries {
            append(&mut archive, path, entry).with_context(|| format!("cannot put {path} into a layer"))?;
        }
        let mut written = archive.into_inner()?;
        written.flush()?;
        Ok(Facts {
            size: written.size,
            diff_id: format!("sha256:{}", hex(&written.hash.finalize())),
        })
    }
}

fn append<W: Write>(archive: &mut tar::Builder<W>, path: &str, entry: &Entry) -> Result<()> {
    let mut header = Header::new_gnu();
    header.set_mode(entry.mode);
    header.set_uid(entry.owner);
    header.set_gid(entry.owner);
    header.set_mtime(0);
    header.set_size(0);
    match &entry.content {
        Content::Folder => {
            header.set_entry_type(EntryType::Directory);
            archive.append_data(&mut header, format!("{path}/"), io::empty())?;
        }
        Content::Link(target) => {
            header.set_entry_type(EntryType::Symlink);
            archive.append_link(&mut header, path, target)?;
        }
        Content::Text(text) => {
            header.set_size(text.len() as u64);
            archive.append_data(&mut header, path, text.as_slice())?;
        }
        Content::File(source) => {
            let file = File::open(source).with_context(|| format!("cannot open {}", source.display()))?;
            let size = file.metadata()?.len();
            header.set_size(size);
            archive.append_data(&mut header, path, file.take(size))?;
        }
    }
    Ok(())
}

/// Counts and hashes what passes through.
struct Hashing<W> {
    inner: W,
    hash: Sha256,
    size: u64,
}

impl<W: Write> Write for Hashing<W> {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(buffer)?;
        self.hash.update(&buffer[..written]);
        self.size += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(file: &LayerFile) -> Vec<String> {
        let mut archive = tar::Archive::new(File::open(&file.path).unwrap());
        let entries = archive.entries().unwrap();
        entries
            .map(|entry| entry.unwrap().path().unwrap().display().to_string())
            .collect()
    }

    #[test]
    fn the_same_files_give_the_same_bytes_whatever_the_order_and_time() {
        let folder = tempfile::tempdir().unwrap();
        let source = folder.path().join("program");
        fs::write(&source, "content").unwrap();
        let mut one = Layer::default();
        one.file("/bin/program", &source, 0o755)
            .text("etc/passwd", "root")
            .link("bin/sh", "program");
        let mut other = Layer::default();
        other
            .link("bin/sh", "program")
            .text("etc/passwd", "root")
            .file("/bin/program", &source, 0o755);
        let one = one.store(&Cache::at(folder.path().join("a")).unwrap()).unwrap();
        fs::write(&source, "content").unwrap();
        let other = other.store(&Cache::at(folder.path().join("b")).unwrap()).unwrap();
        assert_eq!(one.diff_id, other.diff_id);
        assert_eq!(fs::read(&one.path).unwrap(), fs::read(&other.path).unwrap());
        assert_eq!(
            paths(&one),
            [
                "bin",
                "etc/",
                "etc/passwd",
                "usr/",
                "usr/bin/",
                "usr/bin/program",
                "usr/bin/sh"
            ]
        );
    }

    #[test]
    fn a_folder_for_everybody_stays_one_when_something_lies_in_it() {
        let folder = tempfile::tempdir().unwrap();
        let mut layer = Layer::default();
        layer.text("tmp/x", "");
        let file = layer.store(&Cache::at(folder.path()).unwrap()).unwrap();
        let mut archive = tar::Archive::new(File::open(file.path).unwrap());
        let first = archive.entries().unwrap().next().unwrap().unwrap();
        assert_eq!(
            (
                first.path().unwrap().display().to_string(),
                first.header().mode().unwrap()
            ),
            ("tmp/".into(), 0o1777)
        );
    }

    #[test]
    fn a_whole_system_keeps_its_links_into_usr() {
        let folder = tempfile::tempdir().unwrap();
        let system = folder.path().join("system");
        fs::create_dir_all(system.join("usr/lib64")).unwrap();
        std::os::unix::fs::symlink("usr/lib64", system.join("lib64")).unwrap();
        fs::write(system.join("usr/lib64/loader"), "").unwrap();
        let mut layer = Layer::default();
        layer.tree("", &system).unwrap();
        let file = layer
            .store(&Cache::at(folder.path().join("cache")).unwrap())
            .unwrap();
        assert_eq!(paths(&file), ["lib64", "usr/", "usr/lib64/", "usr/lib64/loader"]);
    }

    #[test]
    fn a_changed_file_is_packed_anew() {
        let folder = tempfile::tempdir().unwrap();
        let source = folder.path().join("program");
        let cache = Cache::at(folder.path().join("cache")).unwrap();
        let mut digests = Vec::new();
        for content in ["one", "three"] {
            fs::write(&source, content).unwrap();
            digests.push(
                Layer::default()
                    .file("program", &source, 0o755)
                    .store(&cache)
                    .unwrap()
                    .diff_id,
            );
        }
        assert_ne!(digests[0], digests[1]);
    }
}
