//! Tables of text: for a terminal and in Markdown.

use std::fmt::Write as _;

/// Aligned columns; the first row is the head.
pub(crate) fn columns(rows: &[Vec<String>]) -> String {
    let width = |at: usize| {
        rows.iter().filter_map(|row| row.get(at)).map(|cell| cell.chars().count()).max().unwrap_or_default()
    };
    let line = |row: &Vec<String>| {
        let cells = row.iter().enumerate();
        let cells = cells.map(|(at, cell)| {
            if at == 0 { format!("{cell:<0$}", width(at)) } else { format!("{cell:>0$}", width(at)) }
        });
        cells.collect::<Vec<_>>().join("  ") + "\n"
    };
    rows.iter().map(line).collect()
}

/// A table in Markdown; the first row is the head.
pub(crate) fn markdown(rows: &[Vec<String>]) -> String {
    aligned(rows, "---|")
}

/// A table in Markdown with numbers in all columns but the first; they stay with their units.
pub(crate) fn numbers(rows: &[Vec<String>]) -> String {
    let together =
        |(at, cell): (usize, &String)| if at == 0 { cell.clone() } else { cell.replace(' ', "\u{a0}") };
    let rows: Vec<Vec<String>> =
        rows.iter().map(|row| row.iter().enumerate().map(together).collect()).collect();
    aligned(&rows, "---:|")
}

fn aligned(rows: &[Vec<String>], others: &str) -> String {
    let mut text = String::new();
    for (at, row) in rows.iter().enumerate() {
        let _ = writeln!(text, "| {} |", row.join(" | "));
        if at == 0 {
            let _ = writeln!(text, "|---|{}", others.repeat(row.len().saturating_sub(1)));
        }
    }
    text
}
