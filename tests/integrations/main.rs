//! PROOF (CI systems): the scripts and templates below `integrations/`, `action.yml` and the pre-commit hook are run as a user's
//! project would have them, with a release packed from this tree. No forge is asked: stand-ins of their runners say so.
//! `cargo test -p kfp-tests --test integrations`; the first time downloads pre-commit.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot go on fails"
)]

mod fetch;
mod hooks;
mod project;
mod runners;
mod versions;
