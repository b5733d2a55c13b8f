//! `cargo xtask tidy`: the rules of the house that neither rustc nor clippy knows.
//!
//! Arrows between the floors, `no_std` of floors 1 to 5, the workspace lints in every manifest, a header in every
//! source file, no unfinished code, package metadata, and a `rust-version` that covers the dependencies.
//! It reads files and `cargo metadata`; it builds nothing.

use crate::Result;
use crate::floors;
use crate::metadata::{Package, RustVersion, Workspace, highest_rust_version};
use crate::sources::{self, Source};
use std::fmt;
use std::fs;
use std::path::Path;

/// The directories that hold packages.
pub(crate) const DIRS: [&str; 5] = ["crates", "backends", "storage", "benches", "xtask"];

/// A broken rule, at a line (from 1).
#[derive(Debug, PartialEq, Eq)]
struct Violation {
    path: String,
    line: usize,
    what: String,
}

impl Violation {
    fn new(path: &str, line: usize, what: impl Into<String>) -> Self {
        Self { path: path.into(), line, what: what.into() }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.path, self.line, self.what)
    }
}

/// Prints each violation; an error if there is one.
pub(crate) fn run() -> Result<()> {
    let workspace = Workspace::load()?;
    let sources = sources::load(&workspace.root, &DIRS)?;
    let mut found = check_root_manifest(&read(&workspace.root, "Cargo.toml")?);
    for package in &workspace.packages {
        let manifest = read(&workspace.root, &format!("{}/Cargo.toml", package.dir))?;
        found.extend(check_arrows(package, &workspace.packages, &manifest));
        found.extend(check_lints(package, &manifest));
        found.extend(check_metadata(package, &workspace.root));
        let library = format!("{}/src/lib.rs", package.dir);
        let library = sources.iter().find(|s| s.path == library);
        if floors::place(package).is_some_and(floors::is_no_std) {
            found.extend(check_no_std(package, library));
        }
    }
    for source in &sources {
        found.extend(check_source(source));
    }
    for violation in &found {
        println!("{violation}");
    }
    if found.is_empty() {
        println!("tidy: {} packages, {} files: nothing to say", workspace.packages.len(), sources.len());
        return Ok(());
    }
    Err(format!("tidy: {} violations", found.len()))
}

fn read(root: &Path, path: &str) -> Result<String> {
    fs::read_to_string(root.join(path)).map_err(|e| format!("{path}: {e}"))
}

/// Every dependency inside the workspace points to a lower floor.
fn check_arrows(package: &Package, all: &[Package], manifest: &str) -> Vec<Violation> {
    let path = format!("{}/Cargo.toml", package.dir);
    let Some(from) = floors::place(package) else {
        return vec![Violation::new(
            &path,
            1,
            format!("{} has no floor: add it to xtask/src/floors.rs", package.name),
        )];
    };
    let inside = |name: &str| all.iter().find(|p| p.name == name).and_then(floors::place);
    let wrong = package.dependencies.iter().filter_map(|dependency| {
        let why = floors::wrong_arrow(from, inside(&dependency.name)?, &dependency.name)?;
        let line = line_of(manifest, |l| is_key(l, &dependency.name));
        Some(Violation::new(&path, line, format!("{} -> {}: {why}", package.name, dependency.name)))
    });
    wrong.collect()
}

/// Whether a line of TOML sets this key or a key below it.
fn is_key(line: &str, key: &str) -> bool {
    line.trim().strip_prefix(key).is_some_and(|rest| rest.starts_with([' ', '.', '=']))
}

/// The number of the first such line, or 1.
fn line_of(text: &str, wanted: impl Fn(&str) -> bool) -> usize {
    text.lines().position(wanted).map_or(1, |at| at + 1)
}

fn check_root_manifest(manifest: &str) -> Vec<Violation> {
    let mut found = Vec::new();
    if !manifest.lines().any(|l| l.trim() == "unsafe_code = \"forbid\"") {
        found.push(Violation::new("Cargo.toml", 1, "[workspace.lints.rust] does not forbid unsafe_code"));
    }
    let is_version = |l: &str| is_key(l, "rust-version");
    let own = manifest.lines().find(|l| is_version(l)).and_then(|l| RustVersion::parse(l.split('"').nth(1)?));
    match (own, highest_rust_version()) {
        (None, _) => found.push(Violation::new("Cargo.toml", 1, "no rust-version")),
        (Some(own), Some((needed, whose))) if own < needed => {
            let what = format!("rust-version is below what {whose} asks for: {needed}");
            found.push(Violation::new("Cargo.toml", line_of(manifest, is_version), what));
        }
        (Some(_), None) => {
            println!("tidy: the dependencies are not here, so rust-version is not compared with theirs");
        }
        (Some(_), Some(_)) => {}
    }
    found
}

/// The workspace's lints, which forbid unsafe code, hold in every package and are not loosened there.
fn check_lints(package: &Package, manifest: &str) -> Option<Violation> {
    let path = format!("{}/Cargo.toml", package.dir);
    let mut lines = manifest.lines().map(str::trim).skip_while(|l| *l != "[lints]").skip(1);
    let inherited = lines.find(|l| !l.is_empty() && !l.starts_with('#')) == Some("workspace = true");
    let own = manifest.lines().position(|l| l.trim().starts_with("[lints."));
    match own {
        Some(at) => Some(Violation::new(&path, at + 1, "lints live in the root Cargo.toml only")),
        None => (!inherited).then(|| Violation::new(&path, 1, "no `[lints] workspace = true`")),
    }
}

fn check_metadata(package: &Package, root: &Path) -> Vec<Violation> {
    let path = format!("{}/Cargo.toml", package.dir);
    let fields = [
        ("license", &package.license),
        ("description", &package.description),
        ("repository", &package.repository),
    ];
    let missing = fields.iter().filter(|(_, value)| value.as_ref().is_none_or(String::is_empty));
    let mut found: Vec<_> = missing.map(|(key, _)| Violation::new(&path, 1, format!("no {key}"))).collect();
    // Cargo takes README.md by itself, unless the manifest says otherwise.
    if package.readme.is_none() || !root.join(&package.dir).join("README.md").is_file() {
        found.push(Violation::new(&path, 1, "no README.md"));
    }
    found
}

/// Floors 1 to 5 are `no_std`; only their tests may have std.
fn check_no_std(package: &Package, library: Option<&Source>) -> Vec<Violation> {
    let path = format!("{}/src/lib.rs", package.dir);
    let Some(library) = library else { return vec![Violation::new(&path, 1, "no library")] };
    let mut found = Vec::new();
    if !library.code.iter().any(|l| l.trim() == "#![no_std]") {
        found.push(Violation::new(&path, 1, "floors 1 to 5 are #![no_std]"));
    }
    let std = library.code.iter().position(|l| l.trim() == "extern crate std;");
    if let Some(at) = std.filter(|at| !library.is_test_line(*at)) {
        found.push(Violation::new(&path, at + 1, "std is for tests here: put #[cfg(test)] above"));
    }
    found
}

/// A header in every module, and nothing unfinished anywhere.
fn check_source(source: &Source) -> Vec<Violation> {
    let mut found = Vec::new();
    let in_src = source.path.contains("/src/");
    // A library may have its README as its header.
    let is_header = |l: &String| l.starts_with("//!") || l.starts_with("#![doc = include_str!(");
    if in_src && !source.lines.first().is_some_and(is_header) {
        found.push(Violation::new(&source.path, 1, "a module starts with a `//!` header"));
    }
    let forbidden = [
        ("todo!(", "unfinished"),
        ("unimplemented!(", "unfinished"),
        ("dbg!(", "left over"),
        ("#[allow(", "use #[expect(.., reason = \"..\")]"),
        ("#![allow(", "use #![expect(.., reason = \"..\")]"),
    ];
    for (at, line) in source.code.iter().enumerate() {
        let bad = forbidden.iter().filter(|(pattern, _)| line.contains(pattern));
        found.extend(bad.map(|(what, why)| Violation::new(&source.path, at + 1, format!("`{what}`: {why}"))));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metadata::Dependency;

    fn package(name: &str, dir: &str, dependencies: &[&str]) -> Package {
        let some = || Some("x".to_owned());
        Package {
            name: name.into(),
            dir: dir.into(),
            dependencies: dependencies.iter().map(|&name| Dependency { name: name.into() }).collect(),
            targets: Vec::new(),
            license: some(),
            description: some(),
            readme: some(),
            repository: some(),
        }
    }

    #[test]
    fn a_wrong_arrow_is_found_with_its_line() {
        let wire = package("pleach-wire", "crates/wire", &["pleach-crypto", "pleach-tree", "thiserror"]);
        let all =
            [package("pleach-tree", "crates/tree", &[]), package("pleach-crypto", "crates/crypto", &[])];
        let manifest =
            "[package]\n[dependencies]\npleach-crypto.workspace = true\npleach-tree.workspace = true\n";
        let found = check_arrows(&wire, &all, manifest);
        assert_eq!(found.len(), 1);
        assert_eq!(
            found[0].to_string(),
            "crates/wire/Cargo.toml:4: pleach-wire -> pleach-tree: floor 2 may not depend on floor 3"
        );
    }

    #[test]
    fn a_package_without_a_floor_is_found() {
        assert_eq!(check_arrows(&package("pleach-new", "crates/new", &[]), &[], "").len(), 1);
    }

    #[test]
    fn missing_no_std_is_found() {
        let wire = package("pleach-wire", "crates/wire", &[]);
        let check =
            |text: &str| check_no_std(&wire, Some(&Source::new("crates/wire/src/lib.rs".into(), text))).len();
        assert_eq!(check("//! Wire.\n#![no_std]\n#[cfg(test)]\nextern crate std;\n"), 0);
        assert_eq!(check("//! Wire.\n// #![no_std]\n"), 1);
        assert_eq!(check("//! Wire.\n#![no_std]\nextern crate std;\n"), 1);
        assert_eq!(check_no_std(&wire, None).len(), 1);
    }

    #[test]
    fn a_missing_header_is_found_under_src_only() {
        let check = |path: &str, text: &str| check_source(&Source::new(path.into(), text));
        assert_eq!(
            check("crates/x/src/a.rs", "use core::fmt;\n")[0].to_string(),
            "crates/x/src/a.rs:1: a module starts with a `//!` header"
        );
        assert!(check("crates/x/src/a.rs", "//! A.\n").is_empty());
        assert!(check("crates/x/src/lib.rs", "#![doc = include_str!(\"../README.md\")]\n").is_empty());
        assert!(check("crates/x/tests/a.rs", "use core::fmt;\n").is_empty());
    }

    #[test]
    fn unfinished_code_is_found_and_its_mention_is_not() {
        let check =
            |line: &str| check_source(&Source::new("a/src/b.rs".into(), &format!("//! A.\n{line}\n")));
        for bad in ["todo!()", "unimplemented!(\"x\")", "dbg!(1)", "#[allow(dead_code)]", "#![allow(unused)]"]
        {
            assert_eq!(check(bad)[0].line, 2, "{bad}");
        }
        assert!(check("// todo!() and dbg!(x)").is_empty());
        assert!(check("let s = \"todo!()\"; #[expect(dead_code, reason = \"x\")]").is_empty());
    }

    #[test]
    fn lints_must_be_inherited() {
        let package = package("pleach-wire", "crates/wire", &[]);
        assert_eq!(check_lints(&package, "[lints]\nworkspace = true\n"), None);
        assert!(check_lints(&package, "[dependencies]\n").is_some());
        assert!(check_lints(&package, "[lints]\nworkspace = false\n").is_some());
        assert_eq!(check_lints(&package, "[lints.rust]\nunsafe_code = \"allow\"\n").map(|v| v.line), Some(1));
    }

    #[test]
    fn missing_metadata_is_found() {
        let mut package = package("pleach-wire", "crates/wire", &[]);
        package.license = None;
        package.description = Some(String::new());
        let found: Vec<_> =
            check_metadata(&package, Path::new("nowhere")).into_iter().map(|v| v.what).collect();
        assert_eq!(found, ["no license", "no description", "no README.md"]);
    }

    #[test]
    fn unsafe_code_must_be_forbidden_at_the_root() {
        let check = |text: &str| check_root_manifest(text).iter().any(|v| v.what.contains("unsafe_code"));
        assert!(check("rust-version = \"1.95\"\n"));
        assert!(!check("rust-version = \"1.95\"\nunsafe_code = \"forbid\"\n"));
    }

    #[test]
    fn a_package_above_may_use_everything() {
        assert_eq!(floors::place(&package("pleach-cli", "crates/cli", &[])), Some(floors::Place::Above));
    }
}
