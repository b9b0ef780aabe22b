//! SETS: the name of everything in a destination. Pure: nothing is looked at.
//!
//! ```text
//! <prefix>/<namespace>/<installation>/
//!     <set>/manifest.json              written last: a set without it is not complete
//!     <set>/manifest.json.sha256       as `sha256sum` writes it
//!     <set>/<attempt>/databases/<database>/schema.sql.zst
//!     <set>/<attempt>/databases/<database>/<table>.<n>.sql.zst
//!     <set>/<attempt>/databases/<database>/indexes.sql.zst
//!     <set>/<attempt>/objects/<plural>.<group>.jsonl.zst
//!     <set>/<attempt>/specs/<n>.tar.zst
//!     <set>/<attempt>/specs.jsonl.zst
//!     <set>/<attempt>/artifacts.jsonl.zst
//!     <set>/<attempt>/shared.txt.zst   names below `artifacts/` that this set needs; never encrypted
//!     <set>/<attempt>/secrets.jsonl.zst.age
//!     artifacts/<name>                 copies of artifacts, shared by the sets of the installation
//! ```

use std::fmt::{self, Write as _};
use std::str::FromStr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Ending of the name of an encrypted part.
pub const ENCRYPTED: &str = ".age";
/// Name of the manifest in a set.
pub const MANIFEST: &str = "manifest.json";
/// Name of the manifest's digest in a set: one line, as `sha256sum manifest.json` writes it.
pub const MANIFEST_DIGEST: &str = "manifest.json.sha256";
/// Path of the index of pipeline specs.
pub const SPECS: &str = "specs.jsonl.zst";
/// Path of the list of artifacts.
pub const ARTIFACTS: &str = "artifacts.jsonl.zst";
/// Path of the list of shared copies that a set needs. It holds digests only and is never encrypted, so that what no set
/// needs any more can be removed without a key.
pub const SHARED: &str = "shared.txt.zst";
/// Path of the encrypted Secrets, without [`ENCRYPTED`].
pub const SECRETS: &str = "secrets.jsonl.zst";
/// Folder of the shared copies of artifacts, beside the sets.
const SHARED_FOLDER: &str = "artifacts";

/// A name that cannot be one of a destination.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is no {what}; it looks like `{example}`")]
pub struct NameError {
    text: String,
    what: &'static str,
    example: &'static str,
}

/// Name of a set: the moment it was asked for, and the beginning of the asking resource's uid. Sorts by time.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SetId(String);

impl SetId {
    /// The name for a set asked for at `moment` by the resource of this uid.
    #[must_use]
    pub fn new(moment: Timestamp, uid: &str) -> Self {
        let ending: String = uid
            .chars()
            .filter(char::is_ascii_alphanumeric)
            .map(|letter| letter.to_ascii_lowercase())
            .chain(std::iter::repeat('0'))
            .take(6)
            .collect();
        Self(format!("{}-{ending}", moment.strftime("%Y%m%dT%H%M%SZ")))
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The moment that the name tells, to the second.
    #[must_use]
    pub fn moment(&self) -> Timestamp {
        moment(&self.0).unwrap_or_default()
    }
}

fn moment(text: &str) -> Option<Timestamp> {
    let (stamp, _) = text.split_once('-')?;
    let civil = jiff::civil::DateTime::strptime("%Y%m%dT%H%M%SZ", stamp).ok()?;
    Some(civil.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp())
}

impl FromStr for SetId {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let ending = text.split_once('-').map_or("", |(_, ending)| ending);
        let fits = text.len() == 23
            && ending.len() == 6
            && ending
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
        if fits && moment(text).is_some() {
            return Ok(Self(text.to_owned()));
        }
        Err(NameError {
            text: text.to_owned(),
            what: "name of a set",
            example: "20261124T014900Z-1a2b3c",
        })
    }
}

impl TryFrom<String> for SetId {
    type Error = NameError;

    fn try_from(text: String) -> Result<Self, NameError> {
        text.parse()
    }
}

impl From<SetId> for String {
    fn from(id: SetId) -> Self {
        id.0
    }
}

impl fmt::Display for SetId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// Name of one start of a Job: six letters or digits, so that two starts never write the same object.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Attempt(String);

impl Attempt {
    /// The attempt of this random number.
    #[must_use]
    pub fn of(random: u64) -> Self {
        const LETTERS: &[u8; 36] = b"abcdefghijklmnopqrstuvwxyz0123456789";
        let mut rest = random;
        let letters = (0..6).map(|_| {
            let letter = LETTERS[usize::try_from(rest % 36).unwrap_or_default()];
            rest /= 36;
            char::from(letter)
        });
        Self(letters.collect())
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Attempt {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        if text.len() == 6 && text.bytes().all(fits) {
            return Ok(Self(text.to_owned()));
        }
        Err(NameError {
            text: text.to_owned(),
            what: "name of an attempt",
            example: "x7k2ma",
        })
    }
}

impl TryFrom<String> for Attempt {
    type Error = NameError;

    fn try_from(text: String) -> Result<Self, NameError> {
        text.parse()
    }
}

impl From<Attempt> for String {
    fn from(attempt: Attempt) -> Self {
        attempt.0
    }
}

impl fmt::Display for Attempt {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// Where the sets of one installation lie in a destination.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Home {
    /// Beginning of every key, without slashes at its ends; may be empty.
    #[serde(default)]
    pub prefix: String,
    /// Namespace of the installation.
    pub namespace: String,
    /// Name of the installation.
    pub installation: String,
}

impl Home {
    /// The folder of all sets, without a slash at its end.
    #[must_use]
    pub fn folder(&self) -> String {
        let prefix = self.prefix.trim_matches('/');
        let own = format!("{}/{}", self.namespace, self.installation);
        if prefix.is_empty() {
            own
        } else {
            format!("{prefix}/{own}")
        }
    }

    /// The folder of a set, without a slash at its end.
    #[must_use]
    pub fn set(&self, set: &SetId) -> String {
        format!("{}/{set}", self.folder())
    }

    /// The folder of an attempt's parts, without a slash at its end.
    #[must_use]
    pub fn attempt(&self, set: &SetId, attempt: &Attempt) -> String {
        format!("{}/{attempt}", self.set(set))
    }

    /// Key of a part.
    #[must_use]
    pub fn part(&self, set: &SetId, attempt: &Attempt, path: &str) -> String {
        format!("{}/{path}", self.attempt(set, attempt))
    }

    /// Key of the manifest.
    #[must_use]
    pub fn manifest(&self, set: &SetId) -> String {
        format!("{}/{MANIFEST}", self.set(set))
    }

    /// Key of the manifest's digest.
    #[must_use]
    pub fn manifest_digest(&self, set: &SetId) -> String {
        format!("{}/{MANIFEST_DIGEST}", self.set(set))
    }

    /// Folder of the shared copies of artifacts, without a slash at its end.
    #[must_use]
    pub fn shared_folder(&self) -> String {
        format!("{}/{SHARED_FOLDER}", self.folder())
    }

    /// Key of the shared copy of this name.
    #[must_use]
    pub fn shared(&self, name: &str) -> String {
        format!("{}/{name}", self.shared_folder())
    }
}

/// Path of the statements that make a database's tables.
#[must_use]
pub fn schema(database: &str) -> String {
    format!("databases/{}/schema.sql.zst", plain(database))
}

/// Path of the statements that make a database's secondary indexes and foreign keys, after the rows.
#[must_use]
pub fn indexes(database: &str) -> String {
    format!("databases/{}/indexes.sql.zst", plain(database))
}

/// Path of the `number`-th piece of a table's rows.
#[must_use]
pub fn rows(database: &str, table: &str, number: u32) -> String {
    format!("databases/{}/{}.{number}.sql.zst", plain(database), plain(table))
}

/// Path of the Kubernetes objects of a kind; the core group is written `core`.
#[must_use]
pub fn objects(plural: &str, group: &str) -> String {
    let group = if group.is_empty() { "core" } else { group };
    format!("objects/{plural}.{group}.jsonl.zst")
}

/// Path of the `number`-th archive of pipeline specs.
#[must_use]
pub fn specs(number: u32) -> String {
    format!("specs/{number}.tar.zst")
}

/// The path of a part once it is encrypted.
#[must_use]
pub fn encrypted(path: &str) -> String {
    format!("{path}{ENCRYPTED}")
}

/// A name of a database or a table as a piece of a path: everything but letters, digits, `_` and `-` is written as `%` and two
/// hexadecimal digits a byte.
fn plain(name: &str) -> String {
    name.bytes()
        .fold(String::with_capacity(name.len()), |mut path, byte| {
            if byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-') {
                path.push(char::from(byte));
            } else {
                // Writing to a String cannot fail.
                let _ = write!(path, "%{byte:02X}");
            }
            path
        })
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn home(prefix: &str) -> Home {
        Home {
            prefix: prefix.into(),
            namespace: "team-a".into(),
            installation: "kfp".into(),
        }
    }

    #[test]
    fn a_set_is_named_by_its_moment_and_its_resource() {
        let moment: Timestamp = "2026-11-24T01:49:00.7Z".parse().unwrap();
        let id = SetId::new(moment, "1A2b-3c4d-5e");
        assert_eq!(id.as_str(), "20261124T014900Z-1a2b3c");
        assert_eq!(id.moment().to_string(), "2026-11-24T01:49:00Z");
        assert_eq!(id.as_str().parse::<SetId>().unwrap(), id);
        assert_eq!(SetId::new(moment, "").as_str(), "20261124T014900Z-000000");
    }

    #[rstest]
    #[case("")]
    #[case("20261124T014900Z")]
    #[case("20261324T014900Z-1a2b3c")]
    #[case("20261124T014900Z-1A2b3c")]
    #[case("20261124T014900Z-../..")]
    #[case("20261124T014900Z-1a2b3c/")]
    fn what_is_no_name_of_a_set_is_refused(#[case] text: &str) {
        let error = text.parse::<SetId>().unwrap_err();
        assert!(error.to_string().contains("20261124T014900Z-1a2b3c"), "{error}");
        assert!(serde_json::from_str::<SetId>(&format!("{text:?}")).is_err());
    }

    #[test]
    fn an_attempt_has_six_letters_or_digits() {
        for random in [0, 1, 35, 36, u64::MAX] {
            let attempt = Attempt::of(random);
            assert_eq!(attempt.as_str().parse::<Attempt>().unwrap(), attempt);
        }
        assert!("../..a".parse::<Attempt>().is_err());
    }

    #[rstest]
    #[case("", "team-a/kfp/20261124T014900Z-1a2b3c/manifest.json")]
    #[case("a/b", "a/b/team-a/kfp/20261124T014900Z-1a2b3c/manifest.json")]
    #[case("/a/", "a/team-a/kfp/20261124T014900Z-1a2b3c/manifest.json")]
    fn a_prefix_needs_no_slashes(#[case] prefix: &str, #[case] key: &str) {
        let set = "20261124T014900Z-1a2b3c".parse().unwrap();
        assert_eq!(home(prefix).manifest(&set), key);
    }

    #[test]
    fn parts_lie_in_the_folder_of_their_attempt() {
        let set = "20261124T014900Z-1a2b3c".parse().unwrap();
        let attempt = "x7k2ma".parse().unwrap();
        assert_eq!(
            home("p").part(&set, &attempt, &rows("mlpipeline", "run_details", 3)),
            "p/team-a/kfp/20261124T014900Z-1a2b3c/x7k2ma/databases/mlpipeline/run_details.3.sql.zst"
        );
        assert_eq!(objects("configmaps", ""), "objects/configmaps.core.jsonl.zst");
    }

    #[test]
    fn no_name_of_a_table_leaves_its_folder() {
        assert_eq!(
            rows("a/..", "b c.d", 0),
            "databases/a%2F%2E%2E/b%20c%2Ed.0.sql.zst"
        );
    }
}
