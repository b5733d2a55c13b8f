//! The results in lines of text: a block for each suite, a row for each backend.

use super::results::{Measured, Operation, Results, Size};
use super::spread::{duration, grouped};
use crate::text;

const WIDTH: usize = 14;

/// The whole table.
pub(super) fn lines(results: &Results) -> Vec<String> {
    let mut lines = vec![
        format!(
            "Groups of {}, {}, {}. pleach {}, {}.",
            results.members,
            text::count(results.rounds as usize, "round"),
            results.machine.line(),
            results.machine.version,
            results.date,
        ),
        "Times are medians, with half the distance between the quartiles; * marks the suite's fastest backend.".to_owned(),
    ];
    if !results.together {
        lines.push("For want of memory, suites were measured one after the other: compare two suites with care, backends of one freely.".to_owned());
    }
    let mut kind = None;
    for suite in results.suites() {
        let Some(first) = suite.first() else { continue };
        lines.push(String::new());
        if kind.replace(first.kind) != Some(first.kind) {
            lines.push(format!("{} suites", first.kind.title()));
            lines.push(String::new());
        }
        let level = first.level.map(|level| format!(", {level} bits")).unwrap_or_default();
        lines.push(format!("{} {}{level}", first.number(), first.name));
        lines.push(heading());
        lines.extend(suite.iter().map(|case| row(case, suite)));
        lines.push(format!("  {}", sizes(first, Size::SENT)));
        lines.push(format!("  kept private: {}", sizes(first, Size::PRIVATE)));
    }
    lines
}

fn heading() -> String {
    let columns: String = Operation::ALL.iter().map(|one| format!("{:>WIDTH$}", one.title())).collect();
    format!("  {:<17}{columns}", "")
}

fn row(case: &Measured, suite: &[Measured]) -> String {
    let mut line = format!("  {:<17}", case.backend.name());
    for operation in Operation::ALL {
        let time = case.time(*operation);
        let best = suite.iter().all(|other| other.time(*operation).median >= time.median);
        let mark = if best && suite.len() > 1 { "*" } else { "" };
        line.push_str(&format!(
            "{:>WIDTH$}",
            format!("{mark}{} ±{}%", duration(time.median).replace(' ', ""), time.percent())
        ));
    }
    line
}

fn sizes(case: &Measured, sizes: &[Size]) -> String {
    let list: Vec<String> =
        sizes.iter().map(|size| format!("{} {}", size.title(), grouped(case.bytes(*size)))).collect();
    format!("{} bytes", list.join(", "))
}
