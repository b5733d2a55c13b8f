//! The file of results: JSON lines, each written as it is measured, so that a run that was stopped can go on.
//!
//! Invariants: a line is what a binary printed, with the run that it belongs to (library, provider, n, round) and the commit; a
//! run counts once its `ran` line is there. Lines of runs that did not end, of another machine, or of another commit are dropped
//! on opening: that of all that is measured for Pleach and its primitives, that of what measures them for the others.

use super::operations::Part;
use super::plan::Run;
use crate::Result;
use crate::report::peers::Library;
use crate::report::results::{number, open, parse, text};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::Write;
use std::path::Path;

/// By library, the commit of what its lines depend on.
pub(crate) type Commits = BTreeMap<Library, String>;

/// Lines measured so far.
pub(crate) struct Runs {
    /// None if nothing will be added.
    file: Option<File>,
    commits: Commits,
    machine: String,
    lines: Vec<Value>,
}

impl Runs {
    /// Opens the file, or makes it; `fresh` forgets what it holds.
    pub(crate) fn open(path: &Path, commits: Commits, machine: String, fresh: bool) -> Result<Self> {
        let (file, lines) = open(path, fresh, |lines| kept(lines, &commits, &machine))?;
        Ok(Self { file: Some(file), commits, machine, lines })
    }

    /// What a file holds, of any commit; it is left as it is.
    pub(crate) fn read(path: &Path) -> Result<Self> {
        let text = fs::read_to_string(path).map_err(|e| format!("{}: {e}", path.display()))?;
        let lines = parse(&text);
        Ok(Self { file: None, commits: Commits::new(), machine: String::new(), lines })
    }

    /// The commits of Pleach that were measured.
    pub(crate) fn commits(&self) -> String {
        let ours = self.lines.iter().filter(|line| text(line, "run") == Library::Pleach.name());
        let commits: BTreeSet<&str> = ours.map(|line| text(line, "commit")).collect();
        commits.into_iter().collect::<Vec<_>>().join(", ")
    }

    /// All lines.
    pub(crate) fn lines(&self) -> &[Value] {
        &self.lines
    }

    /// Whether a run of all operations has ended, or of these.
    pub(crate) fn has(&self, run: &Run, operations: &[String]) -> bool {
        let operations = operations.join(",");
        let id = (run.what.name().to_owned(), run.provider.to_owned(), run.n, run.round);
        let enough = |line: &Value| matches!(text(line, "ops"), ops if ops.is_empty() || ops == operations);
        self.lines.iter().any(|line| text(line, "line") == "ran" && enough(line) && self::run(line) == id)
    }

    /// The parts in which an operation was stopped, in this run or with a smaller group.
    pub(crate) fn stopped(&self, run: &Run) -> Vec<Part> {
        let of = |line: &&Value| {
            text(line, "line") == "stopped"
                && text(line, "run") == run.what.name()
                && text(line, "provider") == run.provider
                && number(line, "n") <= run.n
        };
        self.lines.iter().filter(of).map(|line| Part::of(text(line, "operation"))).collect()
    }

    /// Adds a line of a run.
    pub(crate) fn add(&mut self, run: &Run, mut line: Value) -> Result<()> {
        if let Some(object) = line.as_object_mut() {
            object.insert("run".into(), run.what.name().into());
            object.insert("provider".into(), run.provider.into());
            object.insert("n".into(), run.n.into());
            object.insert("round".into(), run.round.into());
            let commit = self.commits.get(&run.what.library());
            object.insert("commit".into(), commit.map(String::as_str).into());
        }
        let file = self.file.as_mut().ok_or("results that are only read")?;
        writeln!(file, "{line}").map_err(|e| e.to_string())?;
        self.lines.push(line);
        Ok(())
    }

    /// Says that a run has ended, and how.
    pub(crate) fn ran(
        &mut self,
        run: &Run,
        operations: &[String],
        outcome: &str,
        seconds: f64,
    ) -> Result<()> {
        let (ops, machine) = (operations.join(","), self.machine.as_str());
        let line =
            json!({"line": "ran", "outcome": outcome, "ops": ops, "wall_s": seconds, "machine": machine});
        self.add(run, line)
    }
}

/// The run that a line belongs to.
fn run(line: &Value) -> (String, String, u64, u64) {
    let text = |field| text(line, field).to_owned();
    (text("run"), text("provider"), number(line, "n"), number(line, "round"))
}

/// Whose run it is, by the name of the run.
fn library(run: &str) -> Library {
    let others = Library::ALL.into_iter().filter(|library| *library != Library::Pleach);
    others.into_iter().find(|library| run.starts_with(library.name())).unwrap_or(Library::Pleach)
}

/// The lines that still count.
fn kept(lines: Vec<Value>, commits: &Commits, machine: &str) -> Vec<Value> {
    let commit = |line: &Value| commits.get(&library(text(line, "run"))).map_or("", String::as_str);
    let ended = |line: &&Value| {
        text(line, "line") == "ran"
            && text(line, "machine") == machine
            && text(line, "commit") == commit(line)
    };
    let ended: BTreeSet<_> = lines.iter().filter(ended).map(run).collect();
    lines.into_iter().filter(|line| ended.contains(&run(line))).collect()
}

#[cfg(test)]
mod tests {
    use super::{Commits, kept};
    use crate::report::peers::Library;
    use serde_json::{Value, json};

    fn line(run: &str, round: u64, kind: &str, commit: &str) -> Value {
        let machine = "m";
        json!({"run": run, "provider": "p", "n": 2, "round": round, "line": kind, "commit": commit, "machine": machine})
    }

    #[test]
    fn what_did_not_end_or_is_of_another_commit_or_machine_is_measured_again() {
        let lines = vec![
            line("floor", 0, "floor", "a"),
            line("floor", 0, "ran", "a"),
            line("pleach", 0, "perf", "a"),
            line("pleach", 0, "ran", "a"),
            line("pleach threads", 0, "perf", "a"),
            line("pleach threads", 0, "ran", "a"),
            line("openmls", 0, "perf", "h"),
            line("openmls", 0, "ran", "h"),
            line("openmls", 1, "perf", "h"),
        ];
        let commits = |ours: &str, others: &str| -> Commits {
            let commit = |library| if library == Library::Pleach { ours } else { others };
            Library::ALL.into_iter().map(|library| (library, commit(library).to_owned())).collect()
        };
        assert_eq!(kept(lines.clone(), &commits("a", "h"), "m"), lines[..8]);
        assert_eq!(kept(lines.clone(), &commits("b", "h"), "m"), lines[6..8]);
        // What measures the others has changed, and with it what measures ours.
        assert_eq!(kept(lines.clone(), &commits("c", "i"), "m"), Vec::<Value>::new());
        assert_eq!(kept(lines, &commits("a", "h"), "another"), Vec::<Value>::new());
    }
}
