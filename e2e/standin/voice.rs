//! Room e2e/standin: the log. Every line says that this is not the real program.

use std::io::Write;

use crate::contract::Role;

/// Speaks for one role and release.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Voice {
    /// The head of every line.
    head: String,
}

impl Voice {
    /// The voice of a role and release.
    #[must_use]
    pub fn new(role: Role, release: &str) -> Self {
        Self {
            head: format!("kfp-standin ({role} {release}, NOT the real one): "),
        }
    }

    /// One line; line breaks within it are turned into blanks.
    pub fn say(&self, line: &str) {
        let line = line.replace(['\n', '\r'], " ");
        // A closed pipe must not end the program: the log is not its work.
        let _ = writeln!(std::io::stdout().lock(), "{}{line}", self.head);
    }

    /// The same, for what breaks the contract.
    pub fn accuse(&self, breach: &crate::breach::Breach) {
        self.say(&format!("CONTRACT BROKEN: {breach}"));
    }
}

/// What `--standin-version` prints.
#[must_use]
pub fn version(identity: Option<(Role, &str)>) -> String {
    let program = concat!("kfp-standin ", env!("CARGO_PKG_VERSION"));
    match identity {
        Some((role, release)) => {
            format!("{program}: stands in for {role} {release} of Kubeflow Pipelines; it is NOT that program")
        }
        None => format!("{program}: stands in for programs of Kubeflow Pipelines; it is none of them"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_says_that_it_is_not_the_real_one() {
        let voice = Voice::new(Role::ApiServer, "2.16.1");
        assert_eq!(voice.head, "kfp-standin (apiserver 2.16.1, NOT the real one): ");
    }

    #[test]
    fn the_version_says_so_too() {
        let text = version(Some((Role::Mlmd, "1.14.0")));
        assert!(
            text.contains("stands in for mlmd 1.14.0") && text.contains("NOT"),
            "{text}"
        );
    }
}
