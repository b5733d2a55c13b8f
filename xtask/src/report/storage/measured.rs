//! Measured lines, looked up by library, size and operation; of repetitions, the median.

use crate::report::peers::Library;
use crate::report::results::{Stop, number, stop_of, text};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// How much an operation of ours may grow with n.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Growth {
    Constant,
    Logarithmic,
    /// The members themselves are written, read or welcomed.
    Linear,
}

/// An operation in a place: what a row of results is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Operation {
    pub(crate) name: &'static str,
    pub(crate) tree: &'static str,
    pub(crate) temperature: &'static str,
    pub(crate) title: &'static str,
    pub(crate) growth: Growth,
}

const fn operation(
    name: &'static str,
    (tree, temperature): (&'static str, &'static str),
    growth: Growth,
    title: &'static str,
) -> Operation {
    Operation { name, tree, temperature, title, growth }
}

const COLD: (&str, &str) = ("populated", "cold");
const WARM: (&str, &str) = ("populated", "warm");
const FRESH: (&str, &str) = ("fresh", "warm");
const ONCE: (&str, &str) = ("fresh", "cold");

/// Opening a group and sending, in a process that does nothing else.
pub(crate) const OPEN_SEND: Operation =
    operation("open and send", COLD, Growth::Logarithmic, "open the group and send, in a new process");

/// Every operation that is measured, in the order of tables.
pub(crate) const OPERATIONS: [Operation; 19] = [
    operation("open", COLD, Growth::Constant, "open a stored group"),
    operation("send", COLD, Growth::Logarithmic, "send: first after opening and of the epoch"),
    operation("send", WARM, Growth::Constant, "send: later"),
    operation(
        "receive",
        COLD,
        Growth::Logarithmic,
        "receive a message: first after opening and of its sender",
    ),
    operation("receive", WARM, Growth::Constant, "receive a message: later"),
    operation("commit", COLD, Growth::Logarithmic, "own Commit, path only: first after opening"),
    operation("commit", WARM, Growth::Logarithmic, "own Commit, path only: later"),
    operation("process", COLD, Growth::Logarithmic, "another member's Commit: first after opening"),
    operation("process", WARM, Growth::Logarithmic, "another member's Commit: later"),
    operation("add", COLD, Growth::Logarithmic, "own Commit that adds: first after opening"),
    operation("add", WARM, Growth::Logarithmic, "own Commit that adds: later"),
    operation("remove", COLD, Growth::Logarithmic, "own Commit that removes: first after opening"),
    operation("remove", WARM, Growth::Logarithmic, "own Commit that removes: later"),
    OPEN_SEND,
    operation("commit", FRESH, Growth::Linear, "own Commit on a fresh tree, a ciphertext per member"),
    operation("process", FRESH, Growth::Logarithmic, "another member's Commit on a fresh tree"),
    operation("key package", ONCE, Growth::Constant, "make a key package"),
    operation("create", ONCE, Growth::Linear, "create the group, adding all in one Commit"),
    operation("join", ONCE, Growth::Linear, "join by Welcome"),
];

/// Rows of results, by what they are about.
pub(crate) struct Measured {
    rows: BTreeMap<(&'static str, u64, String), Vec<Value>>,
    stops: BTreeMap<&'static str, Stop>,
    sizes: BTreeSet<u64>,
}

impl Measured {
    pub(crate) fn new(lines: &[Value]) -> Self {
        let mut measured = Self { rows: BTreeMap::new(), stops: BTreeMap::new(), sizes: BTreeSet::new() };
        for library in Library::ALL {
            if let Some(stop) = stop_of(lines, library) {
                measured.sizes.insert(stop.n);
                measured.stops.insert(library.name(), stop);
            }
        }
        for line in lines.iter().filter(|line| text(line, "line") == "row") {
            let Some(library) = Library::ALL.into_iter().find(|l| l.name() == text(line, "library")) else {
                continue;
            };
            let place = place(text(line, "operation"), text(line, "tree"), text(line, "temperature"));
            let n = number(line, "n");
            measured.sizes.insert(n);
            measured.rows.entry((library.name(), n, place)).or_default().push(line.clone());
        }
        measured
    }

    /// The sizes that were measured or tried, ascending.
    pub(crate) fn sizes(&self) -> Vec<u64> {
        self.sizes.iter().copied().collect()
    }

    /// The median of a field.
    pub(crate) fn median(&self, library: Library, n: u64, at: &Operation, field: &str) -> Option<u64> {
        let rows = self.rows.get(&(library.name(), n, place(at.name, at.tree, at.temperature)))?;
        let mut values: Vec<u64> = rows.iter().map(|row| number(row, field)).collect();
        values.sort_unstable();
        values.get(values.len() / 2).copied()
    }

    /// How many times as much a library's field is as ours.
    pub(crate) fn ratio(&self, library: Library, n: u64, at: &Operation, field: &str) -> Option<f64> {
        let ours = self.median(Library::Pleach, n, at, field)?;
        let theirs = self.median(library, n, at, field)?;
        (ours > 0).then(|| theirs as f64 / ours as f64)
    }

    /// Where a library's series ended before its time.
    pub(crate) fn stop(&self, library: Library) -> Option<&Stop> {
        self.stops.get(library.name())
    }
}

fn place(operation: &str, tree: &str, temperature: &str) -> String {
    format!("{operation}/{tree}/{temperature}")
}
