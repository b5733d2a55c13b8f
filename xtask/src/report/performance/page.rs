//! docs/performance.md, its plots, and the short text for a terminal.

use super::budget::{self, Verdict};
use super::kept;
use super::measured::{COMMON_SUITE, Field, Measured, Who};
use super::operations::{OPERATIONS, Operation, find};
use super::plot::{Mark, Series, svg};
use super::tables::{self, Rows, section};
use super::units::{bytes, size, time};
use crate::report::machine;
use crate::report::peers::Library;
use crate::report::tables::{columns, numbers};
use std::collections::BTreeSet;
use std::fmt::Write as _;

/// The size of a table of its own.
const MILLION: u64 = 1_000_000;
/// What is shown of it, in the order in which it happens.
const STORY: [(&str, &str); 19] = [
    ("external_join", "join from a GroupInfo, tree out of band"),
    ("commit", "commit"),
    ("process", "process the Commit at another member"),
    ("process_public", "… as a PublicMessage"),
    ("process_worst", "… at the sender's sibling"),
    ("encrypt_100_first", "encrypt 100 B, first of the epoch"),
    ("decrypt_100_first", "decrypt it, first of its sender"),
    ("encrypt_100", "encrypt 100 B"),
    ("decrypt_100", "decrypt it"),
    ("open", "open the stored group"),
    ("store_reopen_send", "open it and send a message"),
    ("commit_cold", "commit, first after opening"),
    ("process_cold", "process a Commit, first after opening"),
    ("cycle", "commit, merge, process, send, receive, store, reopen"),
    ("add_tree_beside", "add somebody"),
    ("process_add", "… at another member"),
    ("join", "join by Welcome, tree out of band"),
    ("remove", "remove somebody"),
    ("process_remove", "… at another member"),
];
/// Where the plots are, as the page sees it.
pub(crate) const PLOTS: &str = "performance";

const WIRE: [(&str, &str); 8] = [
    ("key_package", "KeyPackage"),
    ("create", "Commit that creates the group"),
    ("commit", "Commit, path only, full tree"),
    ("commit_fresh", "Commit, path only, fresh tree"),
    ("add_tree_beside", "Commit that adds one"),
    ("remove", "Commit that removes one"),
    ("external_join", "external Commit"),
    ("encrypt_100", "message of 100 B"),
];
const WELCOMES: [(&str, &str); 3] = [
    ("create", "Welcome of one of n"),
    ("add_tree_beside", "Welcome of one, tree beside"),
    ("add_tree_inside", "Welcome of one, tree inside"),
];
const STORED: [(&str, &str); 9] = [
    ("create", "create a group of n"),
    ("join", "join"),
    ("commit", "own Commit"),
    ("process", "process a Commit"),
    ("add_tree_beside", "add a member"),
    ("remove", "remove a member"),
    ("encrypt_100", "encrypt, later"),
    ("encrypt_100_first", "encrypt, first of the epoch"),
    ("decrypt_100", "decrypt, later"),
];

/// What is printed: the budget and a line per operation and size.
pub(crate) fn summary(measured: &Measured, verdicts: &[Verdict]) -> String {
    let mut rows: Rows = vec![budget::HEAD.map(str::to_owned).to_vec()];
    let sizes = measured.sizes();
    rows.extend(verdicts.iter().filter(|verdict| sizes.contains(&verdict.n)).map(Verdict::cells));
    let mut text = columns(&rows).replace("**", "");
    for operation in &OPERATIONS {
        if let Some(rows) = tables::of_operation(measured, operation, &sizes) {
            let _ = write!(text, "\n{}\n{}", operation.title, columns(&rows).replace("**", "  "));
        }
    }
    text
}

/// A plot's file name and its text.
pub(crate) fn plots(measured: &Measured) -> Vec<(&'static str, String)> {
    let plot = |operation: &'static Operation| Some((operation.name, plot(measured, operation)?));
    OPERATIONS.iter().filter_map(plot).collect()
}

/// The page; of the one that is there, what people wrote is kept.
pub(crate) fn whole(measured: &Measured, verdicts: &[Verdict], commit: &str, before: &str) -> String {
    let sizes = measured.sizes();
    let mut page = String::from(INTRODUCTION);
    let _ = writeln!(page, "- Machine: {}; {}.", machine::processors(), machine::compiler());
    let _ = writeln!(page, "- {}.", machine::huge_pages());
    if let Some(pace) = measured.pace() {
        let _ = writeln!(page, "- Times are those at a pace of {} (see the method).", time(pace));
    }
    let _ = writeln!(page, "- Commit {commit}, {}.", machine::date());
    for (who, versions) in measured.versions() {
        let _ = writeln!(page, "- {}: {versions}.", who.title());
    }
    page.push_str("\n## The budget\n\n");
    page.push_str(&overview(verdicts));
    page.push_str("\n### In full\n\n");
    page.push_str(&budget_table(verdicts));
    page.push_str(&formulas(measured, verdicts));
    page.push_str(&section("### The primitives", PRIMITIVES, &tables::primitives(measured)));

    page.push_str("\n## Operations\n\n");
    page.push_str(OPERATIONS_TEXT);
    for operation in &OPERATIONS {
        if let Some(rows) = tables::of_operation(measured, operation, &sizes) {
            let heading = format!("### {}", operation.title);
            page.push_str(&section(&heading, &floor_of(measured, operation, &sizes), &rows));
            if plot(measured, operation).is_some() {
                let _ = writeln!(page, "\n![{}]({PLOTS}/{}.svg)", operation.title, operation.name);
            }
        }
    }
    page.push_str(&section("## Cold beside warm", COLD, &tables::cold(measured, &sizes)));
    let wire = tables::of_field(measured, &WIRE, Field::Wire, &sizes, bytes);
    page.push_str(&section("## Bytes on the wire", MULTIPLES, &wire));
    let welcomes = tables::of_field(measured, &WELCOMES, Field::Welcome, &sizes, bytes);
    page.push_str(&section("### Welcomes", WELCOME, &welcomes));
    let stored = tables::of_field(measured, &STORED, Field::Stored, &sizes, bytes);
    page.push_str(&section("## Bytes stored", STORED_TEXT, &stored));
    let rows = tables::of_field(measured, &STORED, Field::Rows, &sizes, |rows| format!("{rows:.0}"));
    page.push_str(&section("### Rows stored", "", &rows));
    page.push_str(&section("## Memory", HEAP, &tables::heap(measured, &sizes)));
    let million = tables::at_size(measured, &STORY, MILLION);
    page.push_str(&section("## A million members", MILLION_TEXT, &million));
    page.push_str(&tables::memory_at(measured, MILLION));
    for who in measured.all().iter().filter(|who| who.library == Library::Pleach && who.suite != COMMON_SUITE)
    {
        let (timed, sized) = tables::of_suite(measured, who, &OPERATIONS, &sizes);
        let what = suite(&who.provider);
        page.push_str(&section(&format!("## Post-quantum: {what}"), POST_QUANTUM, &timed));
        page.push_str(&section(&format!("### Bytes: {what}"), SIZED, &sized));
    }
    page.push_str(METHOD);
    page.push('\n');
    page.push_str(&kept::marked(kept::of(before)));
    page
}

/// The suites that are not everybody's, by the name of the provider that is measured.
fn suite(provider: &str) -> &str {
    match provider {
        "post-quantum" => "X-Wing, AES-128-GCM, SHA-256, Ed25519",
        "post-quantum-ml-dsa" => "X-Wing, ChaCha20-Poly1305, SHA-384, ML-DSA-44",
        other => other,
    }
}

/// A row for each line, a column for each size.
fn overview(verdicts: &[Verdict]) -> String {
    let sizes: BTreeSet<u64> = verdicts.iter().map(|verdict| verdict.n).collect();
    let sizes: Vec<u64> = sizes.into_iter().collect();
    let mut head = tables::row("ratio to the floor; n =", &sizes, size);
    head.extend(["allowed".to_owned(), String::new()]);
    let mut rows: Rows = vec![head];
    let mut left = verdicts;
    while let Some(first) = left.first() {
        let line = |verdict: &Verdict| verdict.line == first.line;
        let (of_line, others) =
            left.split_at(left.iter().position(|verdict| !line(verdict)).unwrap_or(left.len()));
        left = others;
        let cell =
            |n: u64| of_line.iter().find(|verdict| verdict.n == n).map_or(String::new(), Verdict::cell);
        let mut row = tables::row(first.line.title, &sizes, cell);
        let allowed: BTreeSet<String> = of_line.iter().map(Verdict::allowed).collect();
        let measured = of_line.iter().filter(|verdict| verdict.measured.is_some());
        let verdict = match (measured.clone().count(), measured.filter(|verdict| !verdict.met).count()) {
            (0, _) => "-".to_owned(),
            (_, 0) => "met".to_owned(),
            _ => "**not met**".to_owned(),
        };
        row.extend([allowed.into_iter().rev().collect::<Vec<_>>().join("; "), verdict]);
        rows.push(row);
    }
    format!(
        "Pleach with aws-lc, suite 1, records in memory, mimalloc as the global allocator (with the system's: see each operation); CPU time where nothing else is said.\n\n{}",
        numbers(&rows)
    )
}

/// All lines, each with its name once.
fn budget_table(verdicts: &[Verdict]) -> String {
    let mut rows: Rows = vec![budget::HEAD.map(str::to_owned).to_vec()];
    let mut above = "";
    for verdict in verdicts {
        let mut row = verdict.cells();
        if let Some(name) = row.first_mut().filter(|_| verdict.line.title == above) {
            "″".clone_into(name);
        }
        above = verdict.line.title;
        rows.push(row);
    }
    numbers(&rows)
}

/// The floors of the budget's lines, with names and with numbers.
fn formulas(measured: &Measured, verdicts: &[Verdict]) -> String {
    let Some(ours) = measured.ours() else { return String::new() };
    let mut text = String::from(FORMULAS);
    let mut rows: Rows = vec![["", "n", "formula", "µs"].map(str::to_owned).to_vec()];
    let mut operations: Vec<&str> = Vec::new();
    for verdict in verdicts.iter().filter(|verdict| verdict.line.has_floor()) {
        if !operations.contains(&verdict.line.operation) {
            operations.push(verdict.line.operation);
        }
    }
    for operation in operations {
        let sizes = measured.sizes();
        let largest = sizes.iter().rev().find_map(|&n| Some((n, measured.floor(&ours, operation, n)?)));
        if let (Some((n, (formula, prices))), Some(operation)) = (largest, find(operation)) {
            let sum = formula.cost(&prices).map_or("-".into(), time);
            let parts = formula.numbers(&prices).unwrap_or_default();
            let parts = format!("{parts} = {sum}");
            rows.push(vec![operation.title.to_owned(), size(n), format!("`{}`", formula.names()), parts]);
        }
    }
    text.push_str(&crate::report::tables::markdown(&rows));
    text
}

/// An operation's floor, in words.
fn floor_of(measured: &Measured, operation: &Operation, sizes: &[u64]) -> String {
    let formula =
        measured.ours().and_then(|ours| sizes.iter().find_map(|&n| measured.floor(&ours, operation.name, n)));
    formula.map(|(formula, _)| format!("Floor: `{}`.", formula.names())).unwrap_or_default()
}

fn plot(measured: &Measured, operation: &Operation) -> Option<String> {
    let ours = measured.ours()?;
    let sizes = measured.sizes();
    let name = operation.name;
    let mut series = Vec::new();
    for who in measured.all().iter().filter(|who| who.suite == COMMON_SUITE) {
        let point = |&n: &u64| Some((n, measured.value(who, name, n, Field::Cpu).filter(|ns| *ns > 0.0)?));
        series.push(styled(measured, who, sizes.iter().filter_map(point).collect()));
    }
    let floor = |&n: &u64| {
        let (formula, prices) = measured.floor(&ours, name, n)?;
        Some((n, formula.cost(&prices).filter(|ns| *ns > 0.0)?))
    };
    series.push(Series {
        label: "floor".into(),
        colour: "#57606a",
        mark: Mark::None,
        hollow: false,
        dashed: true,
        points: sizes.iter().filter_map(floor).collect(),
    });
    svg(&format!("{} (CPU time)", operation.title), time, &series)
}

fn styled(measured: &Measured, who: &Who, points: Vec<(u64, f64)>) -> Series {
    let first = tables::first_of_each(measured).contains(who);
    let (colour, mark) = match (who.library, who.provider.as_str()) {
        (Library::Pleach, "ring") => ("#1a7f37", Mark::Diamond),
        (Library::Pleach, _) => ("#1a7f37", Mark::Circle),
        (Library::Openmls, _) => ("#bc4c00", Mark::Square),
        (Library::MlsRs, _) => ("#0969da", Mark::Triangle),
    };
    Series { label: who.title(), colour, mark, hollow: !first, dashed: false, points }
}

const INTRODUCTION: &str = "\
# Performance

What Pleach costs beside the cryptography that MLS cannot do without (*the floor*), and beside OpenMLS and mls-rs on the same
work. Written by `cargo xtask report`, up to [the last section](#where-the-time-goes); how it is measured is in [Method](#method).

```text
cargo xtask report            # everything, planned for an hour after compiling; goes on where it was stopped; writes this page
cargo xtask report --quick    # up to 10,000 members, planned for five minutes; prints only
cargo xtask report --check    # also fails if a line of the budget is not met
```

";

const FORMULAS: &str = "\n### The floors\n\nA floor is a sum of primitives that were measured in the same run, on one thread. *depth* is the number \
of levels of parents, *levels* the length of the sender's filtered direct path, *seals* the number of ciphertexts in it, *nodes* the number of parents above the common \
ancestor of sender and receiver (mean over receivers), *KiB* the Commit's bytes on the wire divided by 1,024. What RFC 9420 has everybody hash is counted: parents for tree hash and parent hash, \
a Commit for the transcript and, as a PublicMessage, once more for the membership tag. Left out, so that each ratio holds all of it: encoding and decoding (but of leaves at joining), the tree's structure, \
storage, memory. Below, a Commit in a PrivateMessage has in its floor what that asks for: the sender's keys of the epoch's secret tree, two expansions for each level. The budget \
does not allow for it: the lines of PrivateMessages are to the floor of a PublicMessage, where nothing else is said. Numbers are for the largest size measured, in microseconds.\n\n";

const PRIMITIVES: &str =
    "Medians of CPU time. What is under `post-quantum` is another suite with its own floor.";

const OPERATIONS_TEXT: &str = "\
CPU time on one processor: medians, with half of the distance between the quartiles in per cent. Others as multiples of **Pleach, aws-lc** at the
same size. *With the system's allocator*: instead of mimalloc, in one round; in brackets to the floor. *Not stored*: where storing is a call of its own, without it. \"Stopped\": this operation, or one that it comes after, took longer than that at this size or a smaller one. -: not measured.
";

const COLD: &str =
    "CPU of the first operation after a group was opened from its store, beside the same operation later.";

const MULTIPLES: &str = "Others as multiples of Pleach.";

const WELCOME: &str = "What one new member downloads, the tree apart unless it is inside.";

const STORED_TEXT: &str = "Keys and values that the storage was given. Others as multiples of Pleach; -: nothing, or nobody can tell.";

const HEAP: &str = "A process on one processor that joins by external Commit and does nothing else: what dropping the group frees, as the C library counts it, so without what SQLite keeps of the file, some 2 MB; the growth of the resident set, and of its peak.";

const MILLION_TEXT: &str = "Pleach, suite 1, aws-lc, records in memory; a fully populated tree that came out of band. CPU time on one processor, and to \
its floor; wall time, on all processors where threads share the work; bytes of the message and of the Welcome; rows, and bytes of keys and values, that the storage was given. Nobody adds a million in one Commit: \
see [10⁵](#create-a-group-of-n-in-one-commit-merge-included).";

const POST_QUANTUM: &str =
    "CPU time, and in brackets the ratio to the floor of this suite, measured in the same run.";

const SIZED: &str = "In brackets: multiples of suite 1. There is a Welcome for each new member (`split_welcomes(1)`), where others have one for all of them.";

const METHOD: &str = "
## Method

- One program ([benches/peers](../benches/peers)) does the same work with each library over a small trait; between members there are only
  wire bytes. All are built with the same profile (release, thin LTO), for the same target; the others are published crates, pinned,
  with their default and their fastest provider. A process measures one library with one provider at one size.
- All libraries are measured with the same allocator, [mimalloc](https://crates.io/crates/mimalloc) 3, as the program's global one; C code in them
  has the system's. It asks for huge pages where the system gives them to those who ask, which glibc's does not. What Pleach takes with
  the allocator of the system is in a line of its own where memory is much of the cost, from 100 to 100,000 members, measured in one round. Memory is
  measured with the system's, which tells what is allocated.
- Processes run in turn: the floor, Pleach, OpenMLS, mls-rs; then the next round. Up to 10,000 members there are three rounds for the
  fastest provider of each library and one for the others; at 100,000 one for all; at a million one for the fastest. In each run an
  operation is repeated 20 times, 12 at a million, or until a sixth of the time that is meant for the run is over; joining and what
  needs somebody to come and go three times at most; external joins are those of the members who are measured. Post-quantum suites
  are measured up to 10,000, since a larger tree is longer than a message may be, those with post-quantum signatures up to 1,000. Memory is
  measured in a process of its own. Every line is kept in `target/report/performance.jsonl`; of
  a run that was stopped and went on, lines are from different times. Pleach and the floor are measured again when the commit is another.
- Suite 1, basic credentials, records in memory. Commits travel as PrivateMessages where nothing else is said. Other settings are the library's defaults.
- A fully populated tree is made synthetically, with valid leaf signatures, tree hashes and parent hashes; the measured members
  join it by external Commits, at leaves drawn uniformly. All libraries get the same bytes. At the end of each part all measured members have the same epoch
  authenticator, or the run fails.
- Before the clock starts, an allocator that has put off what operations before have freed, as glibc's does, puts it in order: that work is in no line.
- The senders that are measured, seven at most, are known to the receivers: an application with hundreds of senders parses a
  signature key more with each message, a sixth of its check.
- CPU time is user and system time of a process that is kept on one processor, as the budget has it. Where threads can share the work, a
  process of its own measures wall time on all processors.
- This machine shares its processors with others: they are slower by half now and then, for moments or minutes. So before and after every
  operation, and every run of a primitive, a fixed piece of work is timed, the pace: products of integers for six microseconds
  ([clock.rs](../benches/peers/harness/src/clock.rs)). Times are scaled as if it had always taken the same, its median. Of more than
  five repetitions, the half at the best pace counts: what else a machine does slows memory down more than it slows the pace. What
  takes longer than a tenth of a second is not scaled. The lines are kept as they were measured, time and paces.
- *Process* is the mean over
  receivers: the median for each number of nodes derived, weighted by how often it was drawn.
- Budget lines for wall time compare with the floor divided by the number of processors.
- When an operation takes more than 60 s of CPU, or all in one process ten times that, another library's series ends there; Pleach's goes on, to ten
  times as much. A group of a million is not created by one Commit, and no Welcome has its tree inside: the messages would be larger than
  what Pleach accepts by default.
";

#[cfg(test)]
mod tests {
    use super::{plots, summary, whole};
    use crate::report::performance::budget::verdicts;
    use crate::report::performance::example;
    use crate::report::performance::kept;
    use crate::report::performance::measured::Measured;

    #[test]
    fn the_page_has_the_budget_the_operations_and_what_people_wrote() {
        let measured = Measured::new(&example::lines());
        let verdicts = verdicts(&measured, 2);
        let before = kept::marked("## Where the time goes\n\nIn checking signatures.");
        let page = whole(&measured, &verdicts, "c0ffee", &before).replace('\u{a0}', " ");
        for expected in [
            "- Commit c0ffee, ",
            "| process a Commit, full tree |  |  | 1.17 | **5.73** | - | - | - | 2.0 | **not met** |",
            "| process a Commit, full tree | 10² | 154 µs | 180 µs | 1.17 | 2.0 | met |",
            "| ″ | 10³ | 157 µs | 900 µs | 5.73 | 2.0 | **NOT MET** |",
            "`verify + verify_1k + hpke_open + nodes x derive_step + key_schedule + levels x hash_parent + 2 KiB x hash_1k`",
            "### Create a group of n in one Commit, merge included",
            "stopped at 60 s",
            "![Process a Commit that is a PublicMessage: mean over receivers](performance/process_public.svg)",
            "## Bytes on the wire",
            "## Post-quantum: X-Wing, AES-128-GCM, SHA-256, Ed25519",
            "In checking signatures.",
        ] {
            assert!(page.contains(expected), "{expected}\n{page}");
        }
        // What people wrote is last, and once.
        assert_eq!(page.matches("In checking signatures.").count(), 1);
        assert!(page.trim_end().ends_with("<!-- to here -->"));
    }

    #[test]
    fn plots_are_those_that_the_page_shows() {
        let measured = Measured::new(&example::lines());
        let page = whole(&measured, &[], "c0ffee", "");
        let plots = plots(&measured);
        assert!(plots.iter().any(|(name, _)| *name == "process_public"));
        assert_eq!(page.matches("](performance/").count(), plots.len());
        for (name, text) in plots {
            assert!(page.contains(&format!("(performance/{name}.svg)")) && text.starts_with("<svg "));
        }
    }

    #[test]
    fn the_summary_is_about_what_was_measured() {
        let measured = Measured::new(&example::lines());
        let text = summary(&measured, &verdicts(&measured, 2));
        assert!(text.contains("NOT MET") && !text.contains("10⁶") && !text.contains("**"));
    }
}
