//! PROOF (CI systems): what users copy names the version of this tree, everywhere. Reads files, runs nothing.

use std::fs;

use kfp_e2e::lab::{dist, root};
use rstest::rstest;

#[rstest]
#[case("integrations/fetch-kfpctl.sh", "version=${version:-", "}")]
#[case("integrations/gitlab/kfp-check.yml", "ghcr.io/kfpops/kfpctl:", "\n")]
#[case("integrations/tekton/kfp-check.yaml", "ghcr.io/kfpops/kfpctl:", "\n")]
#[case("docs/how-to/check-in-ci.md", "ghcr.io/kfpops/kfpctl:", "'")]
#[case("docs/how-to/check-in-ci.md", "kfpops/kfp-operator@v", " ")]
#[case("docs/how-to/check-in-ci.md", "kfpops/kfp-operator/v", "/")]
#[case("docs/how-to/check-in-ci.md", "rev: v", "\n")]
fn a_file_names_this_version(#[case] file: &str, #[case] before: &str, #[case] after: &str) {
    let text = fs::read_to_string(root().join(file)).unwrap();
    let named: Vec<&str> = text
        .split(before)
        .skip(1)
        .filter_map(|rest| rest.split(after).next())
        .collect();
    assert!(!named.is_empty(), "{file} has no {before}");
    assert!(
        named.iter().all(|version| *version == dist::VERSION),
        "{file}: {named:?}"
    );
}
