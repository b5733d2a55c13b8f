//! Measured lines, looked up by who was measured, the operation and the size.
//!
//! Invariants: of an operation only lines of one tree and temperature are together; those of other rounds join them. Times are
//! as if the machine had had one pace all along, the median of all lines (`benches/peers/harness/src/clock.rs` says
//! what that is), and of the half of the samples that had the best.

use super::floor::{Formula, Prices, Shape, formula};
use super::operations::Part;
use super::plan::Subject;
use super::statistics::{Summary, summarize, summarize_calm};
use crate::report::peers::Library;
use crate::report::results::{number, text};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// The suite that everybody has: X25519, AES-128-GCM, SHA-256, Ed25519.
pub(crate) const COMMON_SUITE: u64 = 1;

/// A library with one provider of cryptography and one suite.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Who {
    pub(crate) library: Library,
    pub(crate) suite: u64,
    pub(crate) provider: String,
}

impl Who {
    /// The name in tables.
    pub(crate) fn title(&self) -> String {
        match self.suite {
            COMMON_SUITE => format!("{}, {}", self.library.title(), self.provider),
            suite => format!("{}, {}, suite {suite:#06x}", self.library.title(), self.provider),
        }
    }
}

/// What was measured of an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Field {
    /// CPU time of all threads.
    Cpu,
    /// Wall time.
    Wall,
    /// Bytes of the message that was made or taken.
    Wire,
    /// Bytes of the Welcome, the first if it is split.
    Welcome,
    /// Records written.
    Rows,
    /// Bytes of keys and values written.
    Stored,
    /// Bytes of heap.
    Heap,
    /// Processors that it could run on.
    Processors,
}

impl Field {
    const fn name(self) -> &'static str {
        match self {
            Self::Cpu => "cpu_ns",
            Self::Wall => "wall_ns",
            Self::Wire => "wire_bytes",
            Self::Welcome => "welcome_bytes",
            Self::Rows => "stored_rows",
            Self::Stored => "stored_bytes",
            Self::Heap => "rss_bytes",
            Self::Processors => "processors",
        }
    }
}

/// A cell of a table.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Cell {
    Measured(Summary),
    /// The operation, or one that it comes after, took more than so many seconds of CPU, here or at a smaller size.
    Stopped(u64),
    /// Not measured.
    Missing,
}

impl Cell {
    /// What was measured.
    pub(crate) fn summary(self) -> Option<Summary> {
        match self {
            Self::Measured(summary) => Some(summary),
            Self::Stopped(_) | Self::Missing => None,
        }
    }
}

/// An operation that takes longer is not scaled by the pace.
const LONG_NS: u64 = 100_000_000;

/// By primitive: the sizes beside which it was measured, and nanoseconds.
type Primitives = BTreeMap<String, Vec<(u64, f64)>>;

/// All lines.
#[derive(Default)]
pub(crate) struct Measured {
    rows: BTreeMap<(Who, String, u64), Vec<Value>>,
    /// The smallest size at which an operation was stopped, and the bound.
    stops: BTreeMap<(Who, String), (u64, u64)>,
    /// By provider and suite.
    floors: BTreeMap<(String, u64), Primitives>,
    versions: BTreeMap<Who, String>,
    sizes: BTreeSet<u64>,
    /// Nanoseconds of a pace.
    pace: Option<f64>,
}

impl Measured {
    pub(crate) fn new(lines: &[Value]) -> Self {
        let paces = lines.iter().filter_map(pace).map(|pace| (0, pace));
        let pace = summarize(paces).map(|summary| summary.value);
        let mut measured = Self { pace, ..Self::default() };
        for line in lines {
            measured.add(line);
        }
        measured
    }

    fn add(&mut self, line: &Value) {
        let (n, provider) = (number(line, "n"), text(line, "provider").to_owned());
        let suite = line.get("suite").and_then(Value::as_u64).unwrap_or(COMMON_SUITE);
        if text(line, "line") == "floor" {
            let price = line.get("ns").and_then(Value::as_f64).unwrap_or_default() * self.scale(line);
            let prices = self.floors.entry((provider, suite)).or_default();
            prices.entry(text(line, "primitive").to_owned()).or_default().push((n, price));
            return;
        }
        let Some(library) = Library::ALL.into_iter().find(|l| l.name() == text(line, "name")) else { return };
        let who = Who { library, suite, provider };
        match text(line, "line") {
            "library" => {
                self.versions.insert(who, text(line, "versions").to_owned());
            }
            "perf" => {
                self.sizes.insert(n);
                self.rows.entry((who, operation(line), n)).or_default().push(line.clone());
            }
            "stopped" => {
                self.sizes.insert(n);
                let limit = number(line, "limit_s");
                let stop = self.stops.entry((who, operation(line))).or_insert((n, limit));
                *stop = (*stop).min((n, limit));
            }
            _ => {}
        }
    }

    /// By how much the times of a line would be others, had the machine had its usual pace. Of what takes long, the pace just before
    /// and after says little.
    fn scale(&self, line: &Value) -> f64 {
        let is_long = number(line, "cpu_ns") > LONG_NS;
        self.pace.zip(pace(line)).filter(|_| !is_long).map_or(1.0, |(usual, then)| usual / then)
    }

    /// Nanoseconds of the usual pace.
    pub(crate) fn pace(&self) -> Option<f64> {
        self.pace
    }

    /// The sizes that were measured or tried, ascending.
    pub(crate) fn sizes(&self) -> Vec<u64> {
        self.sizes.iter().copied().collect()
    }

    /// Everybody, in the order of the libraries; of Pleach the common suite before others.
    pub(crate) fn all(&self) -> Vec<Who> {
        let measured = self.rows.keys().map(|(who, ..)| who).chain(self.stops.keys().map(|(who, _)| who));
        let mut all: Vec<Who> = measured.cloned().collect::<BTreeSet<_>>().into_iter().collect();
        all.sort_by_key(|who| {
            let order = super::plan::providers(who.library).iter().position(|p| *p == who.provider);
            (who.library, who.suite != COMMON_SUITE, order, who.suite)
        });
        all
    }

    /// Pleach as the budget measures it; another provider if that was not measured.
    pub(crate) fn ours(&self) -> Option<Who> {
        self.all().into_iter().find(|who| who.library == Library::Pleach && who.suite == COMMON_SUITE)
    }

    /// What a library says that it is.
    pub(crate) fn versions(&self) -> impl Iterator<Item = (&Who, &str)> {
        self.versions.iter().map(|(who, versions)| (who, versions.as_str()))
    }

    /// A field of an operation.
    pub(crate) fn cell(&self, who: &Who, operation: &str, n: u64, field: Field) -> Cell {
        let rows = self.rows.get(&(who.clone(), operation.to_owned(), n));
        let samples = rows.into_iter().flatten();
        let value = |row: &Value| match field {
            Field::Cpu | Field::Wall => number(row, field.name()) as f64 * self.scale(row),
            _ => number(row, field.name()) as f64,
        };
        let samples =
            samples.map(|row| (number(row, "nodes_above"), pace(row).unwrap_or_default(), value(row)));
        let summary = match field {
            Field::Cpu | Field::Wall => summarize_calm(samples),
            _ => summarize(samples.map(|(kind, _, value)| (kind, value))),
        };
        if let Some(summary) = summary {
            return Cell::Measured(summary);
        }
        let part = |name: &str| {
            let plain = name.trim_end_matches(ON_ALL).trim_end_matches(WITH_SYSTEM);
            (Part::of(plain), name.ends_with(ON_ALL), name.ends_with(WITH_SYSTEM))
        };
        let ends = |((of, stopped), (at, _)): &(&(Who, String), &(u64, u64))| {
            of == who && *at <= n && (stopped == operation || part(stopped) == part(operation))
        };
        match self.stops.iter().find(ends) {
            Some((_, (_, limit))) => Cell::Stopped(*limit),
            None => Cell::Missing,
        }
    }

    /// A field's value, if it was measured.
    pub(crate) fn value(&self, who: &Who, operation: &str, n: u64, field: Field) -> Option<f64> {
        self.cell(who, operation, n, field).summary().map(|summary| summary.value)
    }

    /// Everybody's primitives.
    pub(crate) fn providers(&self) -> impl Iterator<Item = &(String, u64)> {
        self.floors.keys()
    }

    /// The primitives as measured beside one size, or all sizes where they were not; medians.
    pub(crate) fn prices(&self, provider: &str, suite: u64, n: Option<u64>) -> Prices {
        let floors = self.floors.get(&(provider.to_owned(), suite)).into_iter().flatten();
        let price = |(primitive, measured): (&String, &Vec<(u64, f64)>)| {
            let beside = measured.iter().filter(|(at, _)| Some(*at) == n).map(|(_, ns)| (0, *ns));
            let summary = summarize(beside).or_else(|| summarize(measured.iter().map(|(_, ns)| (0, *ns))))?;
            Some((primitive.clone(), summary.value))
        };
        floors.filter_map(price).collect()
    }

    /// The floor of an operation as its rows had it: formula and prices.
    pub(crate) fn floor(&self, who: &Who, operation: &str, n: u64) -> Option<(Formula, Prices)> {
        self.floor_by(who, operation, operation, n)
    }

    /// By the formula of another operation, whose shape is that of these rows.
    pub(crate) fn floor_by(
        &self,
        who: &Who,
        operation: &str,
        other: &str,
        n: u64,
    ) -> Option<(Formula, Prices)> {
        let rows = self.rows.get(&(who.clone(), operation.to_owned(), n))?;
        let mean = |field: &str| {
            let values: Vec<f64> = rows.iter().filter_map(|row| row.get(field)?.as_f64()).collect();
            (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
        };
        let above_zero = |field: &str| mean(field).filter(|mean| *mean > 0.0);
        let depth = f64::from(n.next_power_of_two().trailing_zeros());
        let levels = above_zero("levels").unwrap_or(depth);
        // On a full tree there is one ciphertext per level.
        let seals = above_zero("seals").or_else(|| (!operation.ends_with("_fresh")).then_some(levels));
        let nodes = mean("nodes_above").unwrap_or_default();
        let seals = if operation == "commit_fresh" { seals? } else { seals.unwrap_or_default() };
        let kib = mean("wire_bytes").unwrap_or_default() / 1024.0;
        let shape = Shape { n: n as f64, nodes, levels, depth, seals, kib };
        let formula = formula(other, &shape)?;
        Some((formula, self.prices(&who.provider, who.suite, Some(n))))
    }

    /// How many times the floor an operation's CPU time is.
    pub(crate) fn ratio(&self, who: &Who, operation: &str, n: u64) -> Option<f64> {
        let (formula, prices) = self.floor(who, operation, n)?;
        let floor = formula.cost(&prices).filter(|cost| *cost > 0.0)?;
        Some(self.value(who, operation, n, Field::Cpu)? / floor)
    }
}

/// Nanoseconds of a pace while a line was measured.
fn pace(line: &Value) -> Option<f64> {
    let field = |name: &str| line.get(name).and_then(Value::as_f64).filter(|value| *value > 0.0);
    Some(field("cpu_ns").or_else(|| field("ns"))? / field("paces")?)
}

/// An operation's name, with what may be said in fields of its own.
fn operation(line: &Value) -> String {
    let name = text(line, "operation");
    match text(line, "run") {
        run if run == Subject::Threads.name() => return on_all_processors(name),
        run if run == Subject::System.name() => return with_system(name),
        _ => {}
    }
    let of_commit = matches!(name, "commit" | "process");
    match (text(line, "tree"), text(line, "temperature")) {
        ("fresh", _) if of_commit => format!("{name}_fresh"),
        (_, "cold") if of_commit => format!("{name}_cold"),
        _ => name.to_owned(),
    }
}

const ON_ALL: &str = " on all processors";

const WITH_SYSTEM: &str = " with the system's allocator";

/// The name of an operation that was measured with the system's allocator.
pub(crate) fn with_system(operation: &str) -> String {
    format!("{operation}{WITH_SYSTEM}")
}

/// The name of an operation that was measured on all processors.
pub(crate) fn on_all_processors(operation: &str) -> String {
    format!("{operation}{ON_ALL}")
}

#[cfg(test)]
mod tests {
    use super::{Cell, Field, Measured, on_all_processors, with_system};
    use crate::report::peers::Library;
    use crate::report::performance::example;
    use serde_json::json;

    #[test]
    fn rows_of_all_rounds_are_one_cell() {
        let measured = Measured::new(&example::lines());
        let ours = measured.ours().unwrap();
        assert_eq!((ours.library, ours.provider.as_str()), (Library::Pleach, "aws-lc"));
        let cell = measured.cell(&ours, "process_public", 100, Field::Cpu).summary().unwrap();
        // Two rounds; half of the receivers derive one node, half two.
        assert_eq!((cell.count, cell.value), (4, 180_000.0));
        assert_eq!(measured.cell(&ours, "nothing", 100, Field::Cpu), Cell::Missing);
    }

    #[test]
    fn times_are_those_of_one_pace() {
        let row = |cpu: u64, paces: f64| {
            json!({"line": "perf", "name": "pleach", "provider": "aws-lc", "suite": 1, "n": 10, "operation": "merge",
                "tree": "populated", "temperature": "warm", "processors": 1, "cpu_ns": cpu, "wall_ns": cpu, "paces": paces})
        };
        // All but the second, and the floor, are of a slower machine.
        let floor = json!({"line": "floor", "provider": "aws-lc", "suite": 1, "primitive": "sign", "ns": 20_000.0, "paces": 2.0});
        let lines = [row(130_000, 13.0), row(60_000, 12.0), row(144_000, 12.0), row(150_000, 12.0), floor];
        let measured = Measured::new(&lines);
        let ours = measured.ours().unwrap();
        assert_eq!(measured.pace(), Some(10_000.0));
        let cell = measured.cell(&ours, "merge", 10, Field::Cpu).summary().unwrap();
        assert_eq!((cell.value, cell.count), (120_000.0, 4));
        assert_eq!(measured.prices("aws-lc", 1, None).get("sign"), Some(&20_000.0));
    }

    #[test]
    fn what_takes_long_stays_as_it_was_measured() {
        let row = |n: u64, cpu: u64, paces: f64| {
            json!({"line": "perf", "name": "pleach", "provider": "aws-lc", "suite": 1, "n": n, "operation": "join",
                "tree": "populated", "temperature": "warm", "processors": 1, "cpu_ns": cpu, "wall_ns": cpu, "paces": paces})
        };
        let lines = [row(10, 60_000, 10.0), row(100, 60_000, 10.0), row(1_000, 900_000_000, 75_000.0)];
        let measured = Measured::new(&lines);
        let ours = measured.ours().unwrap();
        assert_eq!(measured.pace(), Some(6_000.0));
        assert_eq!(measured.value(&ours, "join", 1_000, Field::Cpu), Some(900e6));
    }

    #[test]
    fn what_ran_on_all_processors_is_a_cell_of_its_own() {
        let measured = Measured::new(&example::lines());
        let ours = measured.ours().unwrap();
        let count =
            |name: &str| measured.cell(&ours, name, 1_000, Field::Wall).summary().map(|cell| cell.count);
        assert_eq!((count("join"), count(&on_all_processors("join"))), (Some(1), Some(1)));
    }

    #[test]
    fn what_had_another_allocator_is_a_cell_of_its_own() {
        let measured = Measured::new(&example::lines());
        let ours = measured.ours().unwrap();
        let value = |name: &str| measured.value(&ours, name, 1_000, Field::Cpu);
        assert_eq!(value("process_public"), Some(900_000.0));
        assert_eq!(value(&with_system("process_public")), Some(1_200_000.0));
    }

    #[test]
    fn a_stopped_series_stays_stopped() {
        let measured = Measured::new(&example::lines());
        let openmls = measured.all().into_iter().find(|who| who.library == Library::Openmls).unwrap();
        assert!(measured.value(&openmls, "create", 100, Field::Cpu).is_some());
        assert_eq!(measured.cell(&openmls, "create", 1_000, Field::Cpu), Cell::Stopped(60));
        assert_eq!(measured.cell(&openmls, "create", 1_000_000, Field::Cpu), Cell::Stopped(60));
        assert_eq!(measured.cell(&openmls, "cycle", 1_000_000, Field::Cpu), Cell::Missing);
    }

    #[test]
    fn the_floor_is_the_one_measured_beside() {
        let measured = Measured::new(&example::lines());
        let ours = measured.ours().unwrap();
        assert_eq!(measured.prices("aws-lc", 1, Some(100)).get("verify"), Some(&38_000.0));
        assert_eq!(measured.prices("aws-lc", 1, Some(1_000)).get("verify"), Some(&40_000.0));
        let (formula, prices) = measured.floor(&ours, "process_public", 100).unwrap();
        let hashes = 7.0 * 250.0 + 2.0 * 1_400.0 / 1_024.0 * 2_200.0;
        let floor = 38_000.0 + 39_000.0 + 37_000.0 + 1.5 * 8_000.0 + 20_000.0 + hashes;
        assert_eq!(formula.cost(&prices), Some(floor));
        assert_eq!(measured.ratio(&ours, "process_public", 100), Some(180_000.0 / floor));
        assert_eq!(measured.ratio(&ours, "commit_fresh", 100), None);
    }
}
