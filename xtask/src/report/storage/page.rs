//! The tables: a short one for the terminal, and docs/storage-costs.md.

use super::measured::{Measured, OPEN_SEND, OPERATIONS, Operation};
use super::promises::Verdict;
use crate::report::machine;
use crate::report::peers::Library;
use crate::report::results::Results;
use crate::report::tables::{columns, markdown};
use std::fmt::Write as _;

const OTHERS: [Library; 2] = [Library::Openmls, Library::MlsRs];

/// Bytes written per operation by size, ours with the others as multiples, and CPU.
pub(crate) fn summary(measured: &Measured) -> String {
    let mut text =
        String::from("Bytes of keys and values written per operation; the others as multiples of ours.\n\n");
    let mut rows = vec![["operation", "n", "Pleach", "OpenMLS", "mls-rs"].map(str::to_owned).to_vec()];
    for at in &OPERATIONS {
        for n in measured.sizes() {
            let ours = measured.median(Library::Pleach, n, at, "bytes_written").map(bytes);
            let mut row = vec![at.title.to_owned(), n.to_string(), ours.unwrap_or_else(|| "-".into())];
            row.extend(OTHERS.map(|library| times(measured, library, n, at, "bytes_written")));
            rows.push(row);
        }
    }
    text.push_str(&columns(&rows));
    text.push_str("\nCPU of opening the group and sending, in a new process.\n\n");
    text.push_str(&columns(&cpu_rows(measured)));
    text
}

/// The promises, one a line.
pub(crate) fn promises(verdicts: &[Verdict]) -> String {
    let line = |v: &Verdict| format!("- {}{}\n", if v.kept { "" } else { "NOT KEPT: " }, v.text);
    verdicts.iter().map(line).collect()
}

/// The page.
pub(crate) fn whole(measured: &Measured, results: &Results, verdicts: &[Verdict], commit: &str) -> String {
    let mut page = String::from(
        "# What storage costs\n\nWritten by `cargo xtask report storage`; do not edit. What is counted, and how: see \
         [Method](#method).\n\n",
    );
    let _ = writeln!(page, "- Machine: {}; {}.", machine::processors(), machine::compiler());
    let _ = writeln!(page, "- Commit {commit}, {}.", machine::date());
    for library in Library::ALL {
        let versions = results.versions(library).unwrap_or("not measured");
        let _ = writeln!(page, "- {}: {versions}.", library.title());
    }
    for library in Library::ALL {
        if let Some(stop) = measured.stop(library) {
            let _ = writeln!(
                page,
                "- {} stops at n = {}: \"{}\" took more than {} s of CPU.",
                library.title(),
                stop.n,
                stop.operation,
                stop.limit_s
            );
        }
    }
    page.push_str("\n## Promises\n\n");
    page.push_str(&promises(verdicts));
    page.push_str(
        "\n## Bytes written per operation\n\nBytes of keys and values; the others as multiples of ours at the same n.\n\n",
    );
    let sizes = measured.sizes();
    let mut rows = vec![vec!["operation".to_owned()]];
    if let Some(head) = rows.first_mut() {
        head.extend(sizes.iter().map(|n| format!("n = {n}: Pleach, OpenMLS, mls-rs")));
    }
    for at in &OPERATIONS {
        let mut row = vec![at.title.to_owned()];
        for &n in &sizes {
            let ours = measured.median(Library::Pleach, n, at, "bytes_written").map_or("-".into(), bytes);
            let others = OTHERS.map(|library| times(measured, library, n, at, "bytes_written"));
            row.push(format!("{ours}, {}", others.join(", ")));
        }
        rows.push(row);
    }
    page.push_str(&markdown(&rows));
    page.push_str(
        "\n## CPU of opening a group and sending one message\n\nA process that does nothing else, from before the store is \
         opened until the message is made and stored; median. The kernel's part (opening, writing and flushing the \
         file) is included.\n\n",
    );
    page.push_str(&markdown(&cpu_rows(measured)));
    page.push_str("\n## Everything\n\nMedians. *File* is what `write` calls got, journal included.\n");
    for at in &OPERATIONS {
        let _ = writeln!(page, "\n### {}\n", capitalized(at.title));
        page.push_str(&markdown(&full_rows(measured, at)));
    }
    page.push_str(METHOD);
    page
}

const METHOD: &str = "
## Method

Each library is a program of its own (`benches/peers`: same profile, thin LTO, one codegen unit), run in turn for each n. All
do the same work, written once, over a small trait; between members there are only wire bytes. Suite 1, basic
credentials, private handshake messages, ratchet trees beside the Welcome, every Commit with a path; retention and all else
as the library has it by default. A run that was stopped goes on where it was: then lines were measured at different times, which
changes CPU somewhat, and counts not at all.

- One member, at leaf 0, has its records in an SQLite file. It creates the group and adds n - 1 others in one Commit: the
  *fresh* tree. The first member of the far half of the tree is the other side. Then one member of each subtree beside the paths
  of these two joins, catches up and commits: the *populated* tree. Their storage is in memory and not counted.
- Each operation is measured once on a group that was just opened (*first after opening*), and three times on the same handle
  (*later*). A Commit is made, stored and merged; a received one is processed and merged. When an operation returns, its
  result is stored, so that neither a message nor a generation is lost or used twice if the process ends: with mls-rs this takes
  a `write_to_storage` after each step, with OpenMLS it is automatic. (Writing a Commit of one's own with mls-rs only once, after
  merging it, takes about a quarter of the bytes; if the process ends in between, the member is stuck in the old epoch.)
- *Rows* and *bytes* are counted where the library calls its storage: keys and values. Pleach: `CountingStorage` around its SQLite
  storage, checksums included. OpenMLS: each call of its `StorageProvider` is a row, its bytes those of keys and values as
  encoded by the codec, which is the application's to choose: CBOR here, smaller than the JSON of its examples. mls-rs: its
  `GroupStateStorage` and `KeyPackageStorage`; a group's state is a row, a prior epoch is one. Erasures are not rows.
- *File* bytes are those that the process passed to `write` for the database and its journal (`wchar` of `/proc/self/io`), all
  three the same way. Pleach's include overwriting what is deleted (`secure_delete`), which the others leave in the file.
- CPU is user and system time of all threads (`getrusage`).
- A library's series ends when one step takes more than 60 s of CPU, or creating the group, without which there is nothing to
  measure, more than 120 s, or all steps at one size more than 600 s.
";

/// A line for each size and library.
fn full_rows(measured: &Measured, at: &Operation) -> Vec<Vec<String>> {
    let head = [
        "n",
        "library",
        "rows read",
        "bytes read",
        "rows written",
        "bytes written",
        "to ours",
        "file",
        "message",
        "CPU ms",
    ];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    for n in measured.sizes() {
        for library in Library::ALL {
            let Some(_) = measured.median(library, n, at, "sample") else { continue };
            let value = |field: &str| measured.median(library, n, at, field).unwrap_or_default();
            rows.push(vec![
                n.to_string(),
                library.title().to_owned(),
                value("rows_read").to_string(),
                bytes(value("bytes_read")),
                value("rows_written").to_string(),
                bytes(value("bytes_written")),
                times(measured, library, n, at, "bytes_written"),
                bytes(value("file_bytes_written")),
                bytes(value("message_bytes")),
                millis(value("cpu_us")),
            ]);
        }
    }
    rows
}

fn cpu_rows(measured: &Measured) -> Vec<Vec<String>> {
    let head =
        ["n", "library", "CPU ms", "to ours", "rows read", "bytes read", "rows written", "bytes written"];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    for n in measured.sizes() {
        for library in Library::ALL {
            let value = |field: &str| measured.median(library, n, &OPEN_SEND, field);
            let Some(cpu) = value("cpu_us") else { continue };
            rows.push(vec![
                n.to_string(),
                library.title().to_owned(),
                millis(cpu),
                times(measured, library, n, &OPEN_SEND, "cpu_us"),
                value("rows_read").unwrap_or_default().to_string(),
                bytes(value("bytes_read").unwrap_or_default()),
                value("rows_written").unwrap_or_default().to_string(),
                bytes(value("bytes_written").unwrap_or_default()),
            ]);
        }
    }
    rows
}

/// A multiple of ours, or why there is none.
fn times(measured: &Measured, library: Library, n: u64, at: &Operation, field: &str) -> String {
    match (measured.ratio(library, n, at, field), measured.stop(library)) {
        (Some(ratio), _) if ratio < 10.0 => format!("{ratio:.1}x"),
        (Some(ratio), _) => format!("{ratio:.0}x"),
        (None, Some(stop)) if stop.n <= n => "stopped".into(),
        (None, _) => "-".into(),
    }
}

fn bytes(count: u64) -> String {
    match count {
        0..10_000 => format!("{count} B"),
        10_000..1_000_000 => format!("{:.1} kB", count as f64 / 1e3),
        _ => format!("{:.1} MB", count as f64 / 1e6),
    }
}

fn millis(micros: u64) -> String {
    format!("{:.2}", micros as f64 / 1e3)
}

fn capitalized(text: &str) -> String {
    let mut characters = text.chars();
    let first = characters.next().map(char::to_uppercase);
    first.into_iter().flatten().chain(characters).collect()
}
