//! EYES: what the rows of the dumped moment refer to in buckets. Fed by the dump's observer; no I/O.
//!
//! Of artifacts only 16 bytes each and their compressed names are kept: an installation can have millions.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use kfp_backup::manifest::{Listed, Role};
use kfp_database::dump::Observer;
use sha2::{Digest as _, Sha256};

use super::trouble::Trouble;

/// Table and columns with pipeline versions (kubeflow/pipelines 2.16.1, `backend/src/apiserver/model/pipeline_version.go`).
const VERSIONS: (&str, [&str; 4]) = (
    "pipeline_versions",
    ["UUID", "PipelineId", "PipelineSpecURI", "PipelineSpec"],
);
/// Table and column with artifacts (ML Metadata 1.17, schema version 10).
const ARTIFACTS: (&str, &str) = ("Artifact", "uri");
/// Where servers put compiled pipelines when no URI says otherwise (kubeflow/pipelines 2.16.1, `PipelinePath` in
/// `backend/src/apiserver/config/config.json`).
pub const FOLDER: &str = "pipelines";
/// Bytes of names that are compressed at once.
const BLOCK: usize = 1 << 20;

/// A pipeline version as its row tells of the bucket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version {
    /// The pipeline's id.
    pub pipeline: String,
    /// Where its text lies, as the row says; may be empty.
    pub uri: String,
    /// Whether the row itself holds the text, so that the bucket is not asked (servers since 2.0 prefer the row).
    pub has_text: bool,
}

/// What rows refer to.
pub struct References {
    pipelines: Option<String>,
    metadata: Option<String>,
    artifacts: bool,
    bucket: String,
    seen: Mutex<Seen>,
}

#[derive(Default)]
struct Seen {
    versions: BTreeMap<String, Version>,
    keys: Keys,
    elsewhere: Listed<String>,
    elsewhere_last: Option<[u8; 16]>,
}

impl References {
    /// Collects from these databases what lies in this bucket; artifacts only when asked for.
    #[must_use]
    pub fn new(databases: &BTreeMap<Role, String>, bucket: &str, artifacts: bool) -> Self {
        Self {
            pipelines: databases.get(&Role::Pipelines).cloned(),
            metadata: databases.get(&Role::Metadata).cloned(),
            artifacts,
            bucket: bucket.to_owned(),
            seen: Mutex::default(),
        }
    }

    /// What was seen, by ids of versions.
    pub fn take(&self) -> (BTreeMap<String, Version>, Keys, Listed<String>) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let seen = std::mem::take(&mut *seen);
        (seen.versions, seen.keys, seen.elsewhere)
    }

    fn version(&self, values: &[Option<&[u8]>]) {
        let text = |at: usize| {
            let bytes = values.get(at).copied().flatten().unwrap_or_default();
            String::from_utf8_lossy(bytes).into_owned()
        };
        let version = Version {
            pipeline: text(1),
            uri: text(2),
            has_text: values
                .get(3)
                .copied()
                .flatten()
                .is_some_and(|text| !text.is_empty()),
        };
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.versions.insert(text(0), version);
    }

    fn artifact(&self, uri: &[u8]) {
        let uri = String::from_utf8_lossy(uri);
        if uri.is_empty() {
            return;
        }
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(key) = key_in(&uri, &self.bucket) {
            seen.keys.add(key);
        } else {
            // Rows of a part that is written anew come twice; most of what repeats comes together.
            let hash = hash(uri.as_bytes());
            if seen.elsewhere_last != Some(hash) {
                seen.elsewhere_last = Some(hash);
                seen.elsewhere.push(without_secrets(&uri));
            }
        }
    }
}

impl Observer for References {
    fn columns(&self, database: &str, table: &str) -> Vec<String> {
        let owned = |columns: &[&str]| columns.iter().map(|column| (*column).to_owned()).collect();
        if Some(database) == self.pipelines.as_deref() && table == VERSIONS.0 {
            return owned(&VERSIONS.1);
        }
        if self.artifacts && Some(database) == self.metadata.as_deref() && table == ARTIFACTS.0 {
            return owned(&[ARTIFACTS.1]);
        }
        Vec::new()
    }

    fn row(&self, _database: &str, table: &str, values: &[Option<&[u8]>]) {
        if table == VERSIONS.0 {
            self.version(values);
        } else if let Some(uri) = values.first().copied().flatten() {
            self.artifact(uri);
        }
    }
}

/// A URI as it may be told in the clear: what follows a question mark may sign a request, and what stands before an `@` may log in.
fn without_secrets(uri: &str) -> String {
    let uri = uri.split(['?', '#']).next().unwrap_or_default();
    let Some((scheme, rest)) = uri.split_once("://") else {
        return uri.to_owned();
    };
    let (host, path) = rest.find('/').map_or((rest, ""), |at| rest.split_at(at));
    let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
    format!("{scheme}://{host}{path}")
}

/// The key of a URI that means this bucket: `minio://` is how KFP's launcher writes the installation's own store, `s3://` how
/// users' pipeline roots do. What follows a question mark says how to get there.
#[must_use]
pub fn key_in<'a>(uri: &'a str, bucket: &str) -> Option<&'a str> {
    let rest = uri
        .strip_prefix("minio://")
        .or_else(|| uri.strip_prefix("s3://"))?;
    let key = rest.strip_prefix(bucket)?.strip_prefix('/')?;
    let key = key
        .split_once('?')
        .map_or(key, |(key, _)| key)
        .trim_end_matches('/');
    (!key.is_empty()).then_some(key)
}

/// Keys of objects or of folders, many of them.
#[derive(Default)]
pub struct Keys {
    hashes: Vec<[u8; 16]>,
    sorted: bool,
    block: Vec<u8>,
    blocks: Vec<Vec<u8>>,
}

impl Keys {
    fn add(&mut self, key: &str) {
        let hash = hash(key.as_bytes());
        if self.hashes.last() == Some(&hash) {
            return;
        }
        self.hashes.push(hash);
        self.sorted = false;
        self.block.extend_from_slice(key.as_bytes());
        self.block.push(b'\n');
        if self.block.len() >= BLOCK {
            self.close_block();
        }
    }

    fn close_block(&mut self) {
        let block = std::mem::take(&mut self.block);
        // A block that does not compress is kept as one frame all the same; failing needs memory to be out.
        if let Ok(packed) = zstd::bulk::compress(&block, 1) {
            self.blocks.push(packed);
        }
    }

    /// Makes it ready to be asked.
    #[must_use]
    pub fn ready(mut self) -> Lookup {
        if !self.block.is_empty() {
            self.close_block();
        }
        self.hashes.sort_unstable();
        self.hashes.dedup();
        let found = vec![false; self.hashes.len()];
        Lookup { keys: self, found }
    }
}

/// Keys that are held against a listing.
pub struct Lookup {
    keys: Keys,
    found: Vec<bool>,
}

impl Lookup {
    /// Whether an object of this key is referred to, by its own key or by that of a folder above it.
    pub fn refers(&mut self, key: &str) -> bool {
        let ends = key.match_indices('/').map(|(at, _)| at).chain([key.len()]);
        let mut any = false;
        for end in ends {
            if let Ok(at) = self.keys.hashes.binary_search(&hash(&key.as_bytes()[..end])) {
                self.found[at] = true;
                any = true;
            }
        }
        any
    }

    /// The keys behind which nothing was found.
    pub fn missing(&self) -> Result<Listed<String>, Trouble> {
        let mut missing = Listed::default();
        if self.found.iter().all(|found| *found) {
            return Ok(missing);
        }
        let mut told = std::collections::BTreeSet::new();
        for block in &self.keys.blocks {
            let mut text = zstd::Decoder::new(block.as_slice()).map_err(|error| broken(&error))?;
            let mut names = Writer(Vec::new());
            std::io::copy(&mut text, &mut names).map_err(|error| broken(&error))?;
            for key in names.0.split(|byte| *byte == b'\n').filter(|key| !key.is_empty()) {
                let hash = hash(key);
                let at = self.keys.hashes.binary_search(&hash);
                if at.is_ok_and(|at| !self.found[at]) && told.insert(hash) {
                    missing.push(String::from_utf8_lossy(key).into_owned());
                }
            }
        }
        Ok(missing)
    }
}

struct Writer(Vec<u8>);

impl std::io::Write for Writer {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn broken(error: &std::io::Error) -> Trouble {
    Trouble::lasting(
        "CompressionFailed",
        format!("cannot read back names kept in memory: {error}"),
    )
}

/// Half of a SHA-256: whoever names artifacts should not be able to make two keys look like one.
fn hash(key: &[u8]) -> [u8; 16] {
    let digest = Sha256::digest(key);
    let mut half = [0; 16];
    half.copy_from_slice(&digest[..16]);
    half
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn databases() -> BTreeMap<Role, String> {
        BTreeMap::from([
            (Role::Pipelines, "mlpipeline".into()),
            (Role::Metadata, "metadb".into()),
        ])
    }

    #[rstest]
    #[case(
        "minio://mlpipeline/v2/artifacts/p/r/t/model",
        Some("v2/artifacts/p/r/t/model")
    )]
    #[case("s3://mlpipeline/root/data/?endpoint=x", Some("root/data"))]
    #[case("s3://mlpipeline", None)]
    #[case("s3://mlpipeline/", None)]
    #[case("s3://mlpipeline-other/x", None)]
    #[case("gs://mlpipeline/x", None)]
    #[case("/tmp/x", None)]
    fn a_uri_of_the_installations_bucket_has_a_key(#[case] uri: &str, #[case] key: Option<&str>) {
        assert_eq!(key_in(uri, "mlpipeline"), key);
    }

    #[rstest]
    #[case("gs://other/x", "gs://other/x")]
    #[case("https://a.blob.example/c/x?sv=1&sig=CANARY", "https://a.blob.example/c/x")]
    #[case("s3://key:CANARY@other/x@y#z", "s3://other/x@y")]
    #[case("nonsense?CANARY", "nonsense")]
    fn what_signs_or_logs_in_is_never_told(#[case] uri: &str, #[case] told: &str) {
        let references = References::new(&databases(), "mlpipeline", true);
        references.row("metadb", "Artifact", &[Some(uri.as_bytes())]);
        assert_eq!(references.take().2.first, [told]);
    }

    #[test]
    fn objects_are_found_by_their_key_and_below_their_folder_and_what_is_not_there_is_named() {
        let references = References::new(&databases(), "mlpipeline", true);
        for uri in [
            "minio://mlpipeline/a/file",
            "minio://mlpipeline/a/folder",
            "minio://mlpipeline/gone",
        ] {
            references.row("metadb", "Artifact", &[Some(uri.as_bytes())]);
            references.row("metadb", "Artifact", &[Some(uri.as_bytes())]);
        }
        references.row("metadb", "Artifact", &[Some(b"gs://else/where")]);
        references.row("metadb", "Artifact", &[Some(b"")]);
        references.row("metadb", "Artifact", &[None]);
        let (_, keys, elsewhere) = references.take();
        assert_eq!(elsewhere.first, ["gs://else/where"]);
        let mut lookup = keys.ready();
        let found =
            ["a/file", "a/files", "a/folder/x/y", "a/folder", "a", "other"].map(|key| lookup.refers(key));
        assert_eq!(found, [true, false, true, true, false, false]);
        assert_eq!(lookup.missing().unwrap().first, ["gone"]);
    }

    #[test]
    fn a_million_keys_take_little_room() {
        let mut keys = Keys::default();
        for number in 0..1_000_000_u64 {
            let run = hash(&(number / 10).to_le_bytes());
            keys.add(&format!("v2/artifacts/pipeline/{run:02x?}/task/{number}/model"));
        }
        let room = keys.hashes.len() * 16 + keys.blocks.iter().map(Vec::len).sum::<usize>();
        assert!(room < 48 << 20, "{room}");
        let mut lookup = keys.ready();
        assert!(!lookup.refers("v2/artifacts/pipeline"));
        assert_eq!(lookup.missing().unwrap().count, 1_000_000);
    }

    #[test]
    fn a_version_says_where_its_text_is() {
        let references = References::new(&databases(), "mlpipeline", false);
        assert_eq!(references.columns("mlpipeline", "pipeline_versions").len(), 4);
        assert!(references.columns("metadb", "Artifact").is_empty());
        assert!(references.columns("metadb", "pipeline_versions").is_empty());
        references.row(
            "mlpipeline",
            "pipeline_versions",
            &[Some(b"v"), Some(b"p"), Some(b"pipelines/v"), Some(b"")],
        );
        let (versions, keys, _) = references.take();
        let version = Version {
            pipeline: "p".into(),
            uri: "pipelines/v".into(),
            has_text: false,
        };
        assert_eq!(versions, BTreeMap::from([("v".to_owned(), version)]));
        assert!(keys.hashes.is_empty());
    }
}
