//! `cargo xtask ci`: every step that must pass before a change lands, with its time.
//!
//! A failed step does not stop the others; the run fails at the end and names them. What cannot be run here
//! (no vectors, no cargo-deny, a runner that this tree does not have yet) is either an error or printed as skipped,
//! never silent.

use crate::Result;
use crate::metadata::{Workspace, cargo};
use crate::{api, backends, requirements, tidy, vectors};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

/// Published vectors, by the name of their directory.
const VECTOR_SETS: [&str; 3] = ["mls-implementations", "mls-partial", "hpke"];

/// What became of a step.
enum Outcome {
    Passed,
    Skipped(String),
    Failed(String),
}

struct Step<'w> {
    name: String,
    work: Box<dyn Fn() -> Result<Outcome> + 'w>,
}

/// Runs all steps, or those whose name contains `only`.
pub(crate) fn run(only: Option<&str>) -> Result<()> {
    let workspace = Workspace::load()?;
    let wanted = |step: &Step<'_>| only.is_none_or(|only| step.name.contains(only));
    let mut done = Vec::new();
    for step in steps(&workspace).into_iter().filter(wanted) {
        println!("\n==> {}", step.name);
        let start = Instant::now();
        let outcome = (step.work)().unwrap_or_else(Outcome::Failed);
        done.push((step.name, outcome, start.elapsed()));
    }
    if done.is_empty() {
        return Err("no step has such a name".into());
    }
    summary(&done)
}

fn summary(done: &[(String, Outcome, Duration)]) -> Result<()> {
    println!("\n==> summary");
    for (name, outcome, time) in done {
        let text = match outcome {
            Outcome::Passed => "passed".into(),
            Outcome::Skipped(why) => format!("skipped: {why}"),
            Outcome::Failed(why) => format!("FAILED: {why}"),
        };
        println!("{:>7.1} s  {name:<28} {text}", time.as_secs_f64());
    }
    let failed = done.iter().filter(|(_, outcome, _)| matches!(outcome, Outcome::Failed(_)));
    let failed: Vec<&str> = failed.map(|(name, ..)| name.as_str()).collect();
    if failed.is_empty() { Ok(()) } else { Err(format!("failed: {}", failed.join(", "))) }
}

fn steps(workspace: &Workspace) -> Vec<Step<'_>> {
    let root = &workspace.root;
    let mut steps = vec![
        cargo_step("lockfile", root, &["metadata", "--locked", "--format-version", "1"], Quiet::Yes),
        cargo_step("format", root, &["fmt", "--all", "--check"], Quiet::No),
        task("tidy", tidy::run),
        task("requirements", || requirements::run(true, true)),
        task("api", || api::run(false)),
        cargo_step(
            "clippy",
            root,
            &["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"],
            Quiet::No,
        ),
        cargo_step(
            "clippy: all features",
            root,
            &["clippy", "-p", "pleach", "--all-targets", "--all-features", "--", "-D", "warnings"],
            Quiet::No,
        ),
        task("backends", backends::run),
        cargo_step("test", root, &["test", "--workspace"], Quiet::No),
        step("docs", move || {
            let mut command = cargo();
            command.args(["doc", "--workspace", "--no-deps"]).env("RUSTDOCFLAGS", "-Dwarnings");
            outcome(command.current_dir(root))
        }),
        cargo_step("features: none", root, &["check", "-p", "pleach", "--no-default-features"], Quiet::No),
        cargo_step("features: all", root, &["check", "-p", "pleach", "--all-features"], Quiet::No),
    ];
    // The library must build with any one backend alone.
    steps.extend(backends::BUILDS.map(|backend| {
        let features = format!("{backend},memory");
        let check = ["check", "-p", "pleach", "--no-default-features", "--features", &features];
        cargo_step(&format!("features: {features}"), root, &check, Quiet::No)
    }));
    steps.push(step("deny", move || deny(root)));
    steps.push(task("matrix", || vectors::matrix(&[])));
    steps.extend(VECTOR_SETS.map(|set| {
        let named = || std::env::var_os("PLEACH_VECTORS").map(PathBuf::from);
        step(&format!("vectors: {set}"), move || official_vectors(named(), set))
    }));
    for package in &workspace.packages {
        for example in package.targets.iter().filter(|t| t.kind == "example") {
            let features = example.required_features.join(",");
            let mut arguments =
                vec!["run", "--quiet", "--package", &package.name, "--example", &example.name];
            if !features.is_empty() {
                arguments.extend(["--features", &features]);
            }
            let name = format!("example {}", example.name);
            steps.push(cargo_step(&name, root, &arguments, Quiet::No));
        }
    }
    steps.push(cargo_step(
        "demo",
        root,
        &["run", "--quiet", "--package", "pleach-cli", "--", "demo"],
        Quiet::No,
    ));
    steps
}

/// Licences and sources offline; advisories only on request, since their database is a download.
fn deny(root: &Path) -> Result<Outcome> {
    let probe = cargo().args(["deny", "--version"]).output().map_err(|e| e.to_string())?;
    if !probe.status.success() {
        return Err("cargo-deny is missing: cargo install cargo-deny --locked --version ^0.20".into());
    }
    // Which crates are there twice is worth a line each, not the graph of who brings them.
    let mut what = vec!["deny", "check", "--hide-inclusion-graph", "licenses", "bans", "sources"];
    if std::env::var_os("PLEACH_ADVISORIES").is_some() {
        what.push("advisories");
    } else {
        println!("advisories are not checked: set PLEACH_ADVISORIES=1 to download their database and check");
    }
    outcome(cargo().args(what).current_dir(root))
}

/// Checks a set: the first is in the directory that is named and must be there, the others beside it if at all.
fn official_vectors(named: Option<PathBuf>, set: &str) -> Result<Outcome> {
    let Some(named) = named else {
        return Ok(Outcome::Skipped("PLEACH_VECTORS names no directory of official vectors".into()));
    };
    let dir = if set == VECTOR_SETS[0] { named } else { named.with_file_name(set) };
    if set != VECTOR_SETS[0] && !dir.is_dir() {
        return Ok(Outcome::Skipped(format!("there is no {}", dir.display())));
    }
    vectors::check(&dir).map(|()| Outcome::Passed)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Quiet {
    /// Drop standard output.
    Yes,
    No,
}

fn cargo_step<'w>(name: &str, root: &'w Path, arguments: &[&str], quiet: Quiet) -> Step<'w> {
    let arguments: Vec<String> = arguments.iter().map(|&a| a.to_owned()).collect();
    step(name, move || {
        let mut command = cargo();
        command.args(&arguments).current_dir(root);
        if quiet == Quiet::Yes {
            command.stdout(std::process::Stdio::null());
        }
        outcome(&mut command)
    })
}

fn task<'w>(name: &str, work: impl Fn() -> Result<()> + 'w) -> Step<'w> {
    step(name, move || work().map(|()| Outcome::Passed))
}

fn step<'w>(name: &str, work: impl Fn() -> Result<Outcome> + 'w) -> Step<'w> {
    Step { name: name.into(), work: Box::new(work) }
}

fn outcome(command: &mut Command) -> Result<Outcome> {
    let status = command.status().map_err(|e| format!("does not start: {e}"))?;
    Ok(if status.success() { Outcome::Passed } else { Outcome::Failed(status.to_string()) })
}

#[cfg(test)]
mod tests {
    use super::{Outcome, VECTOR_SETS, official_vectors, summary};
    use std::path::PathBuf;
    use std::time::Duration;

    #[test]
    fn vectors_that_are_not_there_are_skipped_aloud() {
        let nowhere = || Some(PathBuf::from("no/such/directory"));
        for (named, set) in [(None, VECTOR_SETS[0]), (None, VECTOR_SETS[1]), (nowhere(), VECTOR_SETS[1])] {
            let outcome = official_vectors(named, set);
            assert!(matches!(outcome, Ok(Outcome::Skipped(why)) if why.contains("no ")));
        }
        // What was asked for by name is not skipped.
        assert!(official_vectors(nowhere(), VECTOR_SETS[0]).is_err());
    }

    #[test]
    fn one_failed_step_fails_the_run() {
        let passed = || ("a".to_owned(), Outcome::Passed, Duration::ZERO);
        let skipped = ("b".to_owned(), Outcome::Skipped("x".into()), Duration::ZERO);
        assert!(summary(&[passed(), skipped]).is_ok());
        let failed = ("c".to_owned(), Outcome::Failed("y".into()), Duration::ZERO);
        assert_eq!(summary(&[passed(), failed]), Err("failed: c".into()));
    }
}
