//! The file of results: JSON lines, each written as it is measured, so that a run that was stopped can go on.
//!
//! Invariants: a line is what a peer printed, with the library's name and the commit; a size of a library is complete once a
//! `done` or `stopped` line is there. Lines of incomplete sizes, and our own of another commit, are dropped on opening.

use super::peers::Library;
use crate::Result;
use serde_json::Value;
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::Path;

/// Lines measured so far.
pub(crate) struct Results {
    file: File,
    commit: String,
    lines: Vec<Value>,
}

/// How far a library's series is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// Not measured.
    Missing,
    /// Measured.
    Done,
    /// A step took too much CPU time, here or at a smaller size.
    Stopped(Stop),
}

/// Why a series ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Stop {
    pub(crate) n: u64,
    pub(crate) operation: String,
    pub(crate) limit_s: u64,
}

impl Results {
    /// Opens the file, or makes it; `fresh` forgets what it holds.
    pub(crate) fn open(path: &Path, commit: String, fresh: bool) -> Result<Self> {
        let (file, lines) = open(path, fresh, |lines| kept(lines, &commit))?;
        Ok(Self { file, commit, lines })
    }

    /// Adds a line that a library printed.
    pub(crate) fn add(&mut self, library: Library, mut line: Value) -> Result<()> {
        if let Some(object) = line.as_object_mut() {
            object.insert("library".into(), library.name().into());
            object.insert("commit".into(), self.commit.as_str().into());
        }
        writeln!(self.file, "{line}").map_err(|e| e.to_string())?;
        self.lines.push(line);
        Ok(())
    }

    /// All lines.
    pub(crate) fn lines(&self) -> &[Value] {
        &self.lines
    }

    /// Whether a size of a library is measured.
    pub(crate) fn state(&self, library: Library, n: u64) -> State {
        if let Some(stop) = stop_of(&self.lines, library).filter(|stop| stop.n <= n) {
            return State::Stopped(stop);
        }
        let done = |line: &Value| is(line, library, "done") && number(line, "n") == n;
        if self.lines.iter().any(done) { State::Done } else { State::Missing }
    }

    /// What a library says that it is.
    pub(crate) fn versions(&self, library: Library) -> Option<&str> {
        let lines = self.lines.iter().rev();
        lines.filter(|line| is(line, library, "library")).map(|line| text(line, "versions")).next()
    }
}

/// Opens a file of lines, or makes it; what does not count any more is gone from it, with `fresh` everything.
pub(crate) fn open(
    path: &Path,
    fresh: bool,
    kept: impl FnOnce(Vec<Value>) -> Vec<Value>,
) -> Result<(File, Vec<Value>)> {
    let failed = |e: std::io::Error| format!("{}: {e}", path.display());
    if let Some(directory) = path.parent() {
        fs::create_dir_all(directory).map_err(failed)?;
    }
    let text = if fresh { String::new() } else { fs::read_to_string(path).unwrap_or_default() };
    let lines = kept(parse(&text));
    let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
    fs::write(path, text).map_err(failed)?;
    let file = OpenOptions::new().append(true).open(path).map_err(failed)?;
    Ok((file, lines))
}

/// The lines of a file; one that was cut off is left out.
pub(crate) fn parse(text: &str) -> Vec<Value> {
    text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
}

/// Where a library's series ends before its time.
pub(crate) fn stop_of(lines: &[Value], library: Library) -> Option<Stop> {
    let stopped = lines.iter().filter(|line| is(line, library, "stopped"));
    let stops = stopped.map(|line| Stop {
        n: number(line, "n"),
        operation: text(line, "operation").to_owned(),
        limit_s: number(line, "limit_s"),
    });
    stops.min_by_key(|stop| stop.n)
}

/// The lines that still count.
fn kept(lines: Vec<Value>, commit: &str) -> Vec<Value> {
    let of = |line: &Value| (text(line, "library").to_owned(), number(line, "n"));
    let ended = |line: &&Value| matches!(text(line, "line"), "done" | "stopped");
    let complete: Vec<_> = lines.iter().filter(ended).map(of).collect();
    let current =
        |line: &Value| text(line, "library") != Library::Pleach.name() || text(line, "commit") == commit;
    let kept =
        |line: &Value| current(line) && (text(line, "line") == "library" || complete.contains(&of(line)));
    lines.into_iter().filter(kept).collect()
}

fn is(line: &Value, library: Library, kind: &str) -> bool {
    text(line, "library") == library.name() && text(line, "line") == kind
}

/// A field that is text; empty if it is not there.
pub(crate) fn text<'v>(line: &'v Value, field: &str) -> &'v str {
    line.get(field).and_then(Value::as_str).unwrap_or_default()
}

/// A field that is a number; zero if it is not there.
pub(crate) fn number(line: &Value, field: &str) -> u64 {
    line.get(field).and_then(Value::as_u64).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::kept;
    use serde_json::{Value, json};

    fn line(library: &str, n: u64, kind: &str, commit: &str) -> Value {
        json!({"library": library, "n": n, "line": kind, "commit": commit})
    }

    #[test]
    fn what_was_not_finished_or_is_of_another_commit_is_measured_again() {
        let lines = vec![
            line("openmls", 100, "row", "a"),
            line("openmls", 100, "done", "a"),
            line("openmls", 1000, "row", "a"),
            line("mls-rs", 100, "stopped", "b"),
            line("pleach", 100, "row", "a"),
            line("pleach", 100, "done", "a"),
        ];
        assert_eq!(kept(lines.clone(), "a"), [0, 1, 3, 4, 5].map(|at: usize| lines[at].clone()));
        assert_eq!(kept(lines.clone(), "b"), [0, 1, 3].map(|at: usize| lines[at].clone()));
    }
}
