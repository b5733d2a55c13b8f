//! `cargo xtask backends`: what a build with one backend is made of, compared with docs/backends.md.
//!
//! Each section of that page whose heading is a code span (`## `aws-lc``) is a build: the facade without default features,
//! with those that the heading names (none for `every build`). Its table lists crates by where they come from; what
//! `cargo tree` finds beyond what every build has must be exactly those. Crates mean what is linked into the program: no
//! build scripts, macros or tests, for the platform that CI runs on.
//!
//! What must never be there is checked apart from the page ([`NEVER`]), so that no edit of it can allow it. It builds
//! nothing, but the dependencies must be on this machine.

use crate::Result;
use crate::metadata::{cargo, root};
use std::collections::BTreeSet;
use std::fs;

const PAGE: &str = "docs/backends.md";
const TARGET: &str = "x86_64-unknown-linux-gnu";

/// The section of what all builds have.
const EVERY_BUILD: &str = "every build";

/// The builds that the page must have: every feature of the facade that brings a backend.
pub(crate) const BUILDS: [&str; 5] = ["rustcrypto", "aws-lc", "ring", "post-quantum", "post-quantum-fast"];

/// RustCrypto's AEADs, and what they are made of.
const RUSTCRYPTO_AEADS: [&str; 8] =
    ["aead", "aes", "aes-gcm", "chacha20", "chacha20poly1305", "cipher", "ghash", "poly1305"];

/// Crates that a build must not hold, whatever the page says.
const NEVER: [(&str, &[&str]); 5] = [
    (EVERY_BUILD, &["aws-lc-rs", "ring", "sha2", "curve25519-dalek"]),
    ("aws-lc", &RUSTCRYPTO_AEADS),
    ("ring", &RUSTCRYPTO_AEADS),
    ("post-quantum", &RUSTCRYPTO_AEADS),
    ("post-quantum-fast", &RUSTCRYPTO_AEADS),
];

type Crates = BTreeSet<String>;

/// A section of the page.
#[derive(Debug, PartialEq, Eq)]
struct Build {
    name: String,
    crates: Crates,
}

/// Compares each section with its build; an error names what differs.
pub(crate) fn run() -> Result<()> {
    let page = fs::read_to_string(root().join(PAGE)).map_err(|e| format!("{PAGE}: {e}"))?;
    let builds = read(&page)?;
    let every = tree(EVERY_BUILD)?;
    let mut wrong = Vec::new();
    for Build { name, crates } in &builds {
        let found = tree(name)?;
        wrong.extend(forbidden(name, &found));
        let beyond = if name == EVERY_BUILD { found } else { found.difference(&every).cloned().collect() };
        wrong.extend(differences(name, crates, &beyond));
        println!("{name}: {} crates", beyond.len());
    }
    if wrong.is_empty() { Ok(()) } else { Err(wrong.join("\n")) }
}

/// The builds of the page, each of which is there.
fn read(page: &str) -> Result<Vec<Build>> {
    let mut builds: Vec<Build> = Vec::new();
    let mut inside = false;
    for line in page.lines() {
        if let Some(heading) = line.strip_prefix("## ") {
            let name = if heading.eq_ignore_ascii_case(EVERY_BUILD) {
                Some(EVERY_BUILD)
            } else {
                heading.strip_prefix('`').and_then(|rest| rest.strip_suffix('`'))
            };
            inside = name.is_some();
            builds.extend(name.map(|name| Build { name: name.into(), crates: Crates::new() }));
        } else if let (true, Some(build)) = (inside, builds.last_mut()) {
            build.crates.extend(listed(line));
        }
    }
    for name in [EVERY_BUILD].iter().chain(&BUILDS) {
        match builds.iter().filter(|build| build.name == *name).count() {
            1 => {}
            count => return Err(format!("{PAGE} has {count} sections for {name}")),
        }
    }
    Ok(builds)
}

/// The crates of a row `| crates, native | `a`, `b` |`.
fn listed(line: &str) -> impl Iterator<Item = String> {
    let row = line.strip_prefix("| crates, ").and_then(|row| row.split_once('|'));
    let cell = row.map_or("", |(_, cell)| cell);
    // Between back quotes: every second piece.
    cell.split('`').skip(1).step_by(2).map(str::to_owned)
}

/// What is linked into a build of the facade with these features.
fn tree(name: &str) -> Result<Crates> {
    let mut command = cargo();
    command.args(["tree", "--offline", "--locked", "--package", "pleach", "--no-default-features"]);
    command.args([
        "--target",
        TARGET,
        "--edges",
        "normal,no-proc-macro",
        "--prefix",
        "none",
        "--format",
        "{p}",
    ]);
    if name != EVERY_BUILD {
        command.args(["--features", name]);
    }
    let output =
        command.current_dir(root()).output().map_err(|e| format!("cargo tree does not start: {e}"))?;
    if !output.status.success() {
        return Err(format!("cargo tree for {name}:\n{}", String::from_utf8_lossy(&output.stderr)));
    }
    let text = String::from_utf8(output.stdout).map_err(|_| "cargo tree prints no UTF-8")?;
    Ok(text
        .lines()
        .filter_map(|line| line.split(' ').next())
        .filter(|name| !name.is_empty())
        .map(str::to_owned)
        .collect())
}

fn forbidden(name: &str, found: &Crates) -> Vec<String> {
    let never = NEVER.iter().find(|(build, _)| *build == name).map_or(&[][..], |(_, never)| never);
    let there = never.iter().filter(|krate| found.contains(**krate));
    there.map(|krate| format!("{name}: {krate} must not be in this build")).collect()
}

fn differences(name: &str, listed: &Crates, found: &Crates) -> Vec<String> {
    let unlisted = found.difference(listed).map(|krate| format!("{name}: {krate} is not listed in {PAGE}"));
    let missing = listed.difference(found).map(|krate| format!("{name}: {krate} is listed, but not there"));
    unlisted.chain(missing).collect()
}

#[cfg(test)]
mod tests {
    use super::{BTreeSet, BUILDS, Build, Crates, EVERY_BUILD, differences, forbidden, fs, read, root, tree};

    fn crates(names: &[&str]) -> Crates {
        names.iter().map(|&name| name.to_owned()).collect()
    }

    fn page(of: &[&str]) -> String {
        let section = |name: &&str| {
            format!(
                "## `{name}`\n\nText on `x`.\n\n| crates, native | `a`, `b` |\n| crates, borrowed | `c` |\n"
            )
        };
        let builds: String = of.iter().map(section).collect();
        format!(
            "# Backends\n\n| crates, no | `z` |\n\n## Every build\n| crates, all | `y` |\n{builds}\n## How\n| crates, no | `z` |\n"
        )
    }

    /// A new backend's feature is checked like the others: it brings a package of `backends/`, or a feature of one.
    #[test]
    fn every_feature_that_brings_a_backend_is_a_build() {
        let manifest = fs::read_to_string(root().join("crates/pleach/Cargo.toml")).unwrap();
        let (_, features) = manifest.split_once("[features]").unwrap();
        let (features, _) = features.split_once("\n[").unwrap();
        let mut packages = Vec::new();
        for dir in fs::read_dir(root().join("backends")).unwrap() {
            packages.push(format!("pleach-{}", dir.unwrap().file_name().to_str().unwrap()));
        }
        let bringing = features.lines().filter_map(|line| {
            let (name, brings) = line.split_once(" = ")?;
            packages.iter().any(|package| brings.contains(package.as_str())).then_some(name)
        });
        assert_eq!(bringing.collect::<BTreeSet<_>>(), BTreeSet::from(BUILDS));
    }

    #[test]
    fn sections_and_rows_are_read() {
        let builds = read(&page(&BUILDS)).unwrap();
        assert_eq!(builds.len(), 6);
        assert_eq!(builds[0], Build { name: EVERY_BUILD.into(), crates: crates(&["y"]) });
        assert_eq!(builds[2], Build { name: "aws-lc".into(), crates: crates(&["a", "b", "c"]) });
    }

    #[test]
    fn a_missing_section_is_an_error() {
        assert_eq!(read(&page(&BUILDS[1..])), Err("docs/backends.md has 0 sections for rustcrypto".into()));
        assert!(read(&page(&BUILDS).replace("## Every build", "")).is_err());
        assert!(read(&page(&["ring"; 2])).is_err());
    }

    #[test]
    fn what_is_not_listed_and_what_is_not_there_are_named() {
        let found = differences("ring", &crates(&["ring", "untrusted"]), &crates(&["ring", "sha2"]));
        assert_eq!(
            found,
            ["ring: sha2 is not listed in docs/backends.md", "ring: untrusted is listed, but not there"]
        );
        assert!(differences("ring", &crates(&["ring"]), &crates(&["ring"])).is_empty());
    }

    #[test]
    fn a_rustcrypto_aead_in_a_build_with_aws_lc_only_is_found() {
        let there = |name| forbidden("aws-lc", &crates(&["aws-lc-rs", name]));
        for aead in ["aes-gcm", "chacha20poly1305"] {
            assert_eq!(there(aead), [format!("aws-lc: {aead} must not be in this build")]);
        }
        assert!(there("sha2").is_empty());
        // The names are right: they are what the RustCrypto backend has.
        let rustcrypto = tree("rustcrypto").unwrap();
        assert_eq!(forbidden("aws-lc", &rustcrypto).len(), super::RUSTCRYPTO_AEADS.len());
        assert!(forbidden("aws-lc", &tree("aws-lc").unwrap()).is_empty());
    }
}
