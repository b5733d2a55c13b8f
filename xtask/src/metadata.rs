//! What `cargo metadata` says about the workspace.

use crate::Result;
use serde_json::Value;
use std::fmt;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The workspace: its root and its packages.
pub(crate) struct Workspace {
    pub(crate) root: PathBuf,
    pub(crate) packages: Vec<Package>,
}

/// One package of the workspace.
pub(crate) struct Package {
    pub(crate) name: String,
    /// The package's directory, relative to the root, with `/`.
    pub(crate) dir: String,
    pub(crate) dependencies: Vec<Dependency>,
    pub(crate) targets: Vec<Target>,
    pub(crate) license: Option<String>,
    pub(crate) description: Option<String>,
    pub(crate) readme: Option<String>,
    pub(crate) repository: Option<String>,
}

/// A normal or build dependency; dev-dependencies are left out, no rule is about them.
pub(crate) struct Dependency {
    pub(crate) name: String,
}

/// A library, binary, test, bench or example.
pub(crate) struct Target {
    pub(crate) name: String,
    pub(crate) kind: String,
    pub(crate) required_features: Vec<String>,
}

impl Workspace {
    /// Asks cargo; needs neither the network nor the dependencies.
    pub(crate) fn load() -> Result<Self> {
        let value = metadata(&["--no-deps", "--offline"])?;
        let root = PathBuf::from(text(&value, "workspace_root").ok_or("cargo metadata names no root")?);
        let packages = array(&value, "packages").iter().filter_map(|p| Package::read(p, &root)).collect();
        Ok(Self { root, packages })
    }

    /// Whether a package has a target of this kind and name.
    pub(crate) fn has_target(&self, package: &str, kind: &str, name: &str) -> bool {
        let package = self.packages.iter().find(|p| p.name == package);
        package.is_some_and(|p| p.targets.iter().any(|t| t.kind == kind && t.name == name))
    }
}

impl Package {
    fn read(value: &Value, root: &Path) -> Option<Self> {
        let manifest = PathBuf::from(text(value, "manifest_path")?);
        let dir = manifest.parent()?.strip_prefix(root).ok()?.to_string_lossy().replace('\\', "/");
        let dependencies = array(value, "dependencies")
            .iter()
            .filter(|d| text(d, "kind").as_deref() != Some("dev"))
            .filter_map(|d| Some(Dependency { name: text(d, "name")? }))
            .collect();
        let targets = array(value, "targets").iter().filter_map(Target::read).collect();
        Some(Self {
            name: text(value, "name")?,
            dir,
            dependencies,
            targets,
            license: text(value, "license"),
            description: text(value, "description"),
            readme: text(value, "readme"),
            repository: text(value, "repository"),
        })
    }
}

impl Target {
    fn read(value: &Value) -> Option<Self> {
        let strings = |key| array(value, key).iter().filter_map(Value::as_str).map(str::to_owned);
        Some(Self {
            name: text(value, "name")?,
            kind: strings("kind").next()?,
            required_features: strings("required-features").collect(),
        })
    }
}

/// The highest `rust-version` that a published dependency asks for, and whose it is.
///
/// `None` if the dependencies are not on this machine and it is offline.
pub(crate) fn highest_rust_version() -> Option<(RustVersion, String)> {
    let value = metadata(&["--offline"]).ok()?;
    let asked = array(&value, "packages").iter().filter(|p| text(p, "source").is_some());
    asked.filter_map(|p| Some((RustVersion::parse(&text(p, "rust_version")?)?, text(p, "name")?))).max()
}

/// A Rust release: `1.89` or `1.89.0`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct RustVersion(u32, u32, u32);

impl fmt::Display for RustVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(major, minor, patch) = self;
        write!(f, "{major}.{minor}.{patch}")
    }
}

impl RustVersion {
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('.').map(|part| part.parse().ok());
        let (major, minor) = (parts.next()??, parts.next().unwrap_or(Some(0))?);
        Some(Self(major, minor, parts.next().unwrap_or(Some(0))?))
    }
}

/// The cargo that runs this task.
pub(crate) fn cargo() -> Command {
    Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
}

/// The workspace's root, whatever the working directory.
pub(crate) fn root() -> PathBuf {
    let own = std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
    let own = PathBuf::from(own);
    own.parent().map_or_else(|| own.clone(), Path::to_path_buf)
}

fn metadata(arguments: &[&str]) -> Result<Value> {
    let mut command = cargo();
    command.args(["metadata", "--format-version", "1"]).args(arguments).current_dir(root());
    let output = command.output().map_err(|e| format!("cargo metadata does not start: {e}"))?;
    if !output.status.success() {
        return Err(format!("cargo metadata failed:\n{}", String::from_utf8_lossy(&output.stderr)));
    }
    serde_json::from_slice(&output.stdout).map_err(|e| format!("cargo metadata is not JSON: {e}"))
}

fn text(value: &Value, key: &str) -> Option<String> {
    value.get(key)?.as_str().map(str::to_owned)
}

fn array<'v>(value: &'v Value, key: &str) -> &'v [Value] {
    value.get(key).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

#[cfg(test)]
mod tests {
    use super::{RustVersion, Workspace};

    #[test]
    fn this_workspace_is_read() {
        let workspace = Workspace::load().unwrap();
        assert!(workspace.has_target("xtask", "bin", "xtask"));
        let pleach = workspace.packages.iter().find(|p| p.name == "pleach").unwrap();
        assert_eq!(pleach.dir, "crates/pleach");
        assert!(pleach.dependencies.iter().any(|d| d.name == "pleach-group"));
    }

    #[test]
    fn rust_versions_compare_by_number() {
        assert!(RustVersion::parse("1.9") < RustVersion::parse("1.89.1"));
        assert_eq!(RustVersion::parse("1.89"), RustVersion::parse("1.89.0"));
        assert_eq!(RustVersion::parse("stable"), None);
    }
}
