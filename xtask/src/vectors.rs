//! `cargo xtask vectors`, `cargo xtask matrix` and `cargo xtask crash`: delegates to the binaries that do the work.
//!
//! The runners live in their own packages, so that building xtask never builds the library.

use crate::Result;
use crate::metadata::{Workspace, cargo};
use std::path::{Path, absolute};

/// Runs every vector file of a directory; a missing or failed case is an error.
pub(crate) fn check(dir: &Path) -> Result<()> {
    check_with(dir, &[])
}

/// As [`check`], with options of the runner: `--crypto`, `--suite`, `--file`.
pub(crate) fn check_with(dir: &Path, options: &[String]) -> Result<()> {
    if !dir.is_dir() {
        return Err(format!("{}: no such directory", dir.display()));
    }
    let arguments = [&["check".into(), path(dir)?], options].concat();
    delegate("pleach-conformance", "vectors", &arguments)
}

/// Writes our own vectors into a directory.
pub(crate) fn generate(dir: &Path) -> Result<()> {
    delegate("pleach-conformance", "vectors", &["generate".into(), path(dir)?])
}

/// Writes golden stores into a directory.
pub(crate) fn stores(dir: &Path) -> Result<()> {
    delegate("pleach-testkit", "golden", &[path(dir)?])
}

/// Runs the facade over suites, backends and storage engines.
pub(crate) fn matrix(arguments: &[String]) -> Result<()> {
    delegate("pleach-testkit", "matrix", arguments)
}

/// Kills a process again and again.
pub(crate) fn crash(arguments: &[String]) -> Result<()> {
    delegate("pleach-testkit", "crash", arguments)
}

fn path(dir: &Path) -> Result<String> {
    let dir = absolute(dir).map_err(|e| format!("{}: {e}", dir.display()))?;
    dir.into_os_string().into_string().map_err(|_| "the directory's name is not UTF-8".into())
}

fn delegate(package: &str, binary: &str, arguments: &[String]) -> Result<()> {
    let workspace = Workspace::load()?;
    if !workspace.has_target(package, "bin", binary) {
        return Err(format!("{package} has no binary `{binary}` yet: this task cannot run in this tree"));
    }
    let mut command = cargo();
    command.args(["run", "--quiet", "--package", package, "--bin", binary, "--"]).args(arguments);
    let status =
        command.current_dir(&workspace.root).status().map_err(|e| format!("cargo does not start: {e}"))?;
    if status.success() { Ok(()) } else { Err(format!("{binary}: {status}")) }
}
