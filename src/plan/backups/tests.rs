//! THOUGHT, tests: backups of an installation from the first to the last.
