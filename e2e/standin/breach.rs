//! Room e2e/standin: what is wrong with a pod, in one line; and what is wrong with our own data. No I/O here.

use std::fmt;

/// One thing that the real program needs and does not get.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Breach {
    /// What was looked at, such as `environment name DBCONFIG_HOST`.
    pub subject: String,
    /// What is wrong with it.
    pub problem: String,
    /// Where it was looked for.
    pub place: String,
    /// The upstream fact that says it is needed, with the source tags of the data files spelt out.
    pub fact: String,
}

impl Breach {
    /// A breach whose `why` still carries the data files' source tags (`[M]`, `[S]`, `[D]`, `[R]`, `[L]`).
    #[must_use]
    pub fn new(
        subject: impl Into<String>,
        problem: impl Into<String>,
        place: impl Into<String>,
        why: &str,
    ) -> Self {
        Self {
            subject: subject.into(),
            problem: problem.into(),
            place: place.into(),
            fact: spell_tags(why),
        }
    }
}

impl fmt::Display for Breach {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "{}: {} (looked for in {}; fact: {})",
            self.subject, self.problem, self.place, self.fact
        )
    }
}

/// Spells out the source tags that stand at the head of a `why`.
fn spell_tags(why: &str) -> String {
    const TAGS: [(&str, &str); 5] = [
        ("[M]", "upstream's manifest"),
        ("[S]", "upstream's source"),
        ("[D]", "upstream's image"),
        ("[R]", "seen by running the real one"),
        ("[L]", "seen by running its library"),
    ];
    let mut spelt = why.to_owned();
    for (tag, words) in TAGS {
        spelt = spelt.replace(tag, &format!("{words}, "));
    }
    spelt.replace(",  ", ", ").trim().trim_end_matches(',').to_owned()
}

/// Why the stand-in itself cannot judge.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StandinError {
    /// No data for this role and release.
    #[error(
        "kfp-standin has no contract for role {role} of release {release}; it knows {known} (e2e/standin/data)"
    )]
    NoContract {
        /// The role asked for.
        role: String,
        /// The release asked for.
        release: String,
        /// The releases there are.
        known: String,
    },
    /// A data file that does not parse: a fault of this program.
    #[error("kfp-standin's own data file {file} does not parse: {reason}")]
    Data {
        /// Name below `e2e/standin/data`.
        file: String,
        /// What the parser says.
        reason: String,
    },
    /// A pod or rule given for an offline check that is not one.
    #[error("cannot judge the pod: {0}")]
    Pod(String),
    /// The identity baked into the image is missing or wrong.
    #[error("cannot tell whom this image stands for: {0}")]
    Identity(String),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_breach_is_one_line_with_its_source_spelt_out() {
        let breach = Breach::new(
            "environment name NAMESPACE",
            "is not set",
            "the process environment",
            "[M][D] the image's command",
        );
        assert_eq!(
            breach.to_string(),
            "environment name NAMESPACE: is not set (looked for in the process environment; \
             fact: upstream's manifest, upstream's image, the image's command)"
        );
    }

    #[test]
    fn a_fact_that_is_a_source_alone_has_no_loose_comma() {
        assert_eq!(spell_tags("[M][S]"), "upstream's manifest, upstream's source");
    }
}
