//! Where the vectors are.

use std::{env, path::PathBuf};

/// The directory of vectors to run: the working group's, if `PLEACH_VECTORS` names it, else our own; and whether it is
/// the working group's.
pub(crate) fn directory() -> (PathBuf, bool) {
    match env::var_os("PLEACH_VECTORS") {
        Some(directory) if !directory.is_empty() => (PathBuf::from(directory), true),
        _ => (PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../test-vectors"), false),
    }
}
