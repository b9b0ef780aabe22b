//! PROOF (CI systems): the scripts and templates below `integrations/`, `action.yml` and the pre-commit hook are run as a user's
//! project would have them, with a release packed from this tree. No forge is asked: stand-ins of their runners say so.
//! `cargo test -p kfp-tests --test integrations`; the first time downloads pre-commit.

mod fetch;
mod hooks;
mod project;
mod runners;
mod versions;
