//! The budget, line by line, judged by what was measured. The floor of a Commit is that of a PublicMessage, however it travels; a
//! line of its own has the work of a PrivateMessage in its floor.
//!
//! Invariant: a line without a measurement is never met.

use super::measured::{Field, Measured, Who, on_all_processors};
use super::units::{bytes, ratio, time};

/// What a line allows.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Bound {
    /// CPU time on one processor: so many times the floor.
    Cpu(f64),
    /// Wall time on all processors: so many times the floor, divided by their number.
    Wall(f64),
    /// Not more of something than so much.
    Most(Field, f64),
}

/// A line of the budget.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Line {
    pub(crate) title: &'static str,
    pub(crate) operation: &'static str,
    /// Whose floor it is.
    floor: &'static str,
    bound: Bound,
    sizes: &'static [u64],
}

const fn line(operation: &'static str, bound: Bound, sizes: &'static [u64], title: &'static str) -> Line {
    Line { title, operation, floor: operation, bound, sizes }
}

/// By another operation's floor.
const fn by(floor: &'static str, line: Line) -> Line {
    Line { floor, ..line }
}

const FROM_100: &[u64] = &[100, 1_000, 10_000, 100_000, 1_000_000];
/// Adding a million in one Commit takes longer than a series may.
const TO_100_000: &[u64] = &[100, 1_000, 10_000, 100_000];
/// Below, there is too little work to share.
const SHARED: &[u64] = &[1_000, 10_000, 100_000, 1_000_000];
const SHARED_TO_100_000: &[u64] = &[1_000, 10_000, 100_000];
const ANY: &[u64] = &[2, 10, 100, 1_000, 10_000, 100_000, 1_000_000];

/// The budget.
pub(crate) const BUDGET: [Line; 17] = [
    line("process_public", Bound::Cpu(2.0), FROM_100, "process a Commit, full tree"),
    by("process_public", line("process", Bound::Cpu(2.0), FROM_100, "… in a PrivateMessage")),
    line("process", Bound::Cpu(2.0), FROM_100, "… with that message in the floor"),
    line("commit_public", Bound::Cpu(1.5), FROM_100, "create a Commit, merge included"),
    by("commit_public", line("commit", Bound::Cpu(1.5), FROM_100, "… in a PrivateMessage")),
    line("join", Bound::Cpu(1.3), FROM_100, "join, tree beside"),
    line("join", Bound::Wall(1.3), SHARED, "join, tree beside: wall time"),
    line("create", Bound::Cpu(1.5), TO_100_000, "create a group of n"),
    line("create", Bound::Wall(1.5), SHARED_TO_100_000, "create a group of n: wall time"),
    line("encrypt_100", Bound::Cpu(1.2), ANY, "encrypt 100 B"),
    line("encrypt_100_first", Bound::Cpu(1.2), ANY, "encrypt 100 B, first of the epoch"),
    line("decrypt_100", Bound::Cpu(1.2), ANY, "decrypt 100 B"),
    line("decrypt_100_first", Bound::Cpu(1.2), ANY, "decrypt 100 B, first of its sender"),
    line("process", Bound::Most(Field::Stored, 10e3), &[1_000_000], "bytes written, processing"),
    line("commit", Bound::Most(Field::Stored, 20e3), &[1_000_000], "bytes written, own Commit"),
    line("store_reopen_send", Bound::Most(Field::Cpu, 1e6), FROM_100, "open a stored group and send"),
    HEAP,
];
const HEAP: Line =
    line("heap_used", Bound::Most(Field::Heap, 0.0), &[10_000, 1_000_000], "heap of a joined member");

impl Line {
    /// What a line allows at a size; the heap's bound is another for each.
    fn bound(&self, n: u64) -> Bound {
        match (self.bound, n) {
            (Bound::Most(Field::Heap, _), 10_000) => Bound::Most(Field::Heap, 8e6),
            (Bound::Most(Field::Heap, _), _) => Bound::Most(Field::Heap, 1e9),
            (bound, _) => bound,
        }
    }

    /// Whether the floor says what is allowed.
    pub(crate) fn has_floor(&self) -> bool {
        matches!(self.bound, Bound::Cpu(_) | Bound::Wall(_))
    }
}

/// A line at one size, judged.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Verdict {
    pub(crate) line: Line,
    pub(crate) n: u64,
    /// In nanoseconds, divided by the processors where wall time is asked for.
    pub(crate) floor: Option<f64>,
    pub(crate) measured: Option<f64>,
    /// Of what was measured to the floor, or to what is allowed.
    pub(crate) ratio: Option<f64>,
    pub(crate) allowed: f64,
    pub(crate) met: bool,
}

impl Verdict {
    /// As a row: line, n, floor, measured, ratio, allowed, verdict.
    pub(crate) fn cells(&self) -> Vec<String> {
        let dash = || "-".to_owned();
        vec![
            self.line.title.to_owned(),
            super::units::size(self.n),
            self.floor.map_or_else(dash, time),
            self.measured.map_or_else(dash, |value| self.number(value)),
            self.ratio.filter(|_| self.line.has_floor()).map_or_else(dash, ratio),
            self.allowed(),
            self.verdict().to_owned(),
        ]
    }

    /// As a cell of the overview: the ratio or the measured number, bold where it is too much.
    pub(crate) fn cell(&self) -> String {
        let number = match self.line.has_floor() {
            true => self.ratio.map(ratio),
            false => self.measured.map(|value| self.number(value)),
        };
        match number {
            None => "-".into(),
            Some(number) if self.met => number,
            Some(number) => format!("**{number}**"),
        }
    }

    /// What the line allows, as it stands in tables.
    pub(crate) fn allowed(&self) -> String {
        match self.line.has_floor() {
            true => format!("{:.1}", self.allowed),
            false => self.number(self.allowed),
        }
    }

    fn number(&self, value: f64) -> String {
        match self.line.bound {
            Bound::Most(Field::Stored | Field::Heap, _) => bytes(value),
            _ => time(value),
        }
    }

    /// In a word.
    pub(crate) fn verdict(&self) -> &'static str {
        match (self.measured, self.met) {
            (None, _) => "not measured",
            (_, true) => "met",
            (_, false) => "**NOT MET**",
        }
    }
}

/// The head of the rows.
pub(crate) const HEAD: [&str; 7] = ["line", "n", "floor", "measured", "to the floor", "allowed", ""];

/// Judges all lines at all sizes that they name.
pub(crate) fn verdicts(measured: &Measured, processors: usize) -> Vec<Verdict> {
    let Some(ours) = measured.ours() else { return Vec::new() };
    let sizes = |line: &'static Line| line.sizes.iter().map(move |&n| (line, n));
    BUDGET.iter().flat_map(sizes).map(|(line, n)| verdict(measured, &ours, processors, *line, n)).collect()
}

fn verdict(measured: &Measured, ours: &Who, processors: usize, line: Line, n: u64) -> Verdict {
    let floor = || {
        let (formula, prices) = measured.floor_by(ours, line.operation, line.floor, n)?;
        formula.cost(&prices)
    };
    let (field, floor, allowed) = match line.bound(n) {
        Bound::Cpu(times) => (Field::Cpu, floor(), times),
        Bound::Wall(times) => {
            let all = on_all_processors(line.operation);
            // As many as there were then.
            let then = measured.value(ours, &all, n, Field::Processors).filter(|then| *then > 0.0);
            let processors = then.unwrap_or(processors.max(1) as f64);
            (Field::Wall, floor().map(|floor| floor / processors), times)
        }
        Bound::Most(field, most) => (field, None, most),
    };
    let value = match field {
        Field::Wall => measured.value(ours, &on_all_processors(line.operation), n, field),
        _ => measured.value(ours, line.operation, n, field),
    };
    let ratio = match line.has_floor() {
        true => value.zip(floor).map(|(value, floor)| value / floor),
        false => value.map(|value| value / allowed),
    };
    let most = if line.has_floor() { allowed } else { 1.0 };
    Verdict { line, n, floor, measured: value, ratio, allowed, met: ratio.is_some_and(|ratio| ratio <= most) }
}

#[cfg(test)]
mod tests {
    use super::{Verdict, verdicts};
    use crate::report::performance::example;
    use crate::report::performance::measured::Measured;

    fn find(operation: &str, n: u64) -> Verdict {
        let verdicts = verdicts(&Measured::new(&example::lines()), 2);
        verdicts.into_iter().find(|v| v.line.operation == operation && v.n == n).unwrap()
    }

    #[test]
    fn a_line_is_met_or_not_by_its_floor() {
        let process = find("process_public", 100);
        assert!(process.met && process.floor == Some(153_765.625));
        assert_eq!(
            process.cells()[..6],
            ["process a Commit, full tree", "10²", "154 µs", "180 µs", "1.17", "2.0"]
        );
        let slow = find("process_public", 1_000);
        assert_eq!((slow.met, slow.verdict()), (false, "**NOT MET**"));
    }

    #[test]
    fn what_was_not_measured_is_not_met() {
        let verdict = find("process_public", 1_000_000);
        assert_eq!((verdict.met, verdict.verdict()), (false, "not measured"));
    }

    #[test]
    fn bytes_have_bounds_of_their_own() {
        let heap = find("heap_used", 10_000);
        assert!(heap.met);
        assert_eq!(heap.cells()[2..], ["-", "6.00 MB", "-", "8.00 MB", "met"]);
    }

    #[test]
    fn wall_time_is_judged_by_processors() {
        let verdicts = verdicts(&Measured::new(&example::lines()), 2);
        let join: Vec<_> = verdicts.iter().filter(|v| v.line.operation == "join" && v.n == 1_000).collect();
        assert_eq!(join.len(), 2);
        assert_eq!(join[0].floor.unwrap(), 2.0 * join[1].floor.unwrap());
        // Of the process that may use them all.
        assert_eq!(join[1].measured, Some(12e6));
    }
}
