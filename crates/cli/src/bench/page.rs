//! The results as a page: one file without scripts or anything from elsewhere, for screens light and dark, and for paper.
//!
//! It is for somebody who has to choose a suite and has read nothing. Its numbers are those of the JSON document: each
//! stands in a `data-` attribute where it is shown, and a test compares all attributes, what is shown, and the bars.

use std::fmt::Write as _;

use super::case::TEXT;
use super::figures;
use super::results::{Measured, Operation, Results, Size};
use super::spread::{duration, grouped};
use crate::backends::{Backend, Kind};
use crate::text;

/// What of a suite the first table shows, with a few words: the rest is explained further down.
const TIMES: [(Operation, &str); 3] = [
    (Operation::Join, "enter a group"),
    (Operation::Process, "another's new keys"),
    (Operation::Receive, "read a message"),
];
const SIZES: [(Size, &str); 3] = [
    (Size::KeyPackage, "bytes, to be added with"),
    (Size::Commit, "bytes, for new keys"),
    (Size::Message, "bytes, with 100 of text"),
];

/// The whole page.
pub(super) fn page(results: &Results) -> String {
    let mut out = String::with_capacity(256 * 1024);
    out.push_str("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n");
    out.push_str("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n");
    out.push_str("<title>Pleach: which cipher suite?</title>\n<style>\n");
    out.push_str(include_str!("page.css"));
    out.push_str("</style>\n</head>\n");
    let run = [
        ("members", results.members.to_string()),
        ("rounds", results.rounds.to_string()),
        ("version", results.machine.version.to_owned()),
        ("date", results.date.clone()),
        ("optimised", results.machine.optimised.to_string()),
        ("numbering", results.numbering.name().to_owned()),
        ("turns", results.turns().to_owned()),
    ];
    out.push_str("<body");
    for (name, value) in run {
        let _ = write!(out, " data-{name}=\"{}\"", escape(&value));
    }
    out.push_str(">\n");
    head(&mut out, results);
    choosing(&mut out, results);
    overview(&mut out, results);
    figures::times(&mut out, results);
    figures::sizes(&mut out, results);
    figures::numbers(&mut out, results);
    foot(&mut out, results);
    out.push_str("</body>\n</html>\n");
    out
}

/// Text from outside this program, such as the processor's name.
pub(super) fn escape(text: &str) -> String {
    text.chars().fold(String::new(), |mut out, c| {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            c => out.push(c),
        }
        out
    })
}

fn head(out: &mut String, results: &Results) {
    let Results { machine, members, rounds, date, .. } = results;
    let _ = writeln!(
        out,
        "<header>\n<h1>Which cipher suite?</h1>\n<p>An encrypted group (MLS, RFC 9420) uses one <em>cipher suite</em>: the set of \
         algorithms that all its members use. This page shows what each costs on this machine, in time and in bytes.</p>\n\
         <p class=\"soft\">Groups of {members} members, {}, measured by <code>pleach bench</code> {} on {date}.<br>{}</p>",
        text::count(*rounds as usize, "round"),
        escape(machine.version),
        escape(&machine.line()),
    );
    if !machine.optimised {
        out.push_str("<p class=\"warn\">This build is not optimised: these times mean little. Build with --release.</p>\n");
    }
    out.push_str("</header>\n");
}

/// The questions to ask, and the words of the answers.
fn choosing(out: &mut String, results: &Results) {
    out.push_str("<section>\n<h2>What to decide</h2>\n<h3>1. Against whom?</h3>\n<div class=\"cards\">\n");
    for kind in Kind::ALL {
        let mut numbers: Vec<String> =
            results.cases.iter().filter(|case| case.kind == kind).map(Measured::number).collect();
        numbers.dedup();
        if numbers.is_empty() {
            continue;
        }
        let _ = writeln!(
            out,
            "<div class=\"card\"><h3>{}</h3><p>{}</p><p class=\"which\">Here: {}</p></div>",
            kind.title(),
            about(kind),
            text::list(&numbers)
        );
    }
    out.push_str(
        "</div>\n<h3>2. How strong?</h3>\n<p>The <em>security level</em> is the number in a suite's name. 128 bits are out of reach \
         for any computer there is; 192 and 256 are for rules that ask for them, and cost more.</p>\n\
         <h3>3. Which implementation?</h3>\n<p>A <em>backend</em> is the library that computes a suite. All give the same \
         results, and members of one group can use different ones; they differ in speed and in what they need.</p>\n<dl>\n",
    );
    for backend in results.backends() {
        let _ =
            writeln!(out, "<dt>{}{}</dt><dd>{}</dd>", dot(backend), backend.name(), escape(backend.about()));
    }
    out.push_str("</dl>\n");
    compare(out, results);
    out.push_str("</section>\n");
}

const fn about(kind: Kind) -> &'static str {
    match kind {
        Kind::Classical => {
            "Elliptic curves: small and quick, and what everybody supports. Safe today; a large quantum computer, if one is \
             built, could read what was recorded earlier."
        }
        Kind::Hybrid => {
            "An elliptic curve and ML-KEM together: what is sent stays secret as long as either holds. Protects what is \
             recorded today; signatures stay classical."
        }
        Kind::PostQuantum => {
            "ML-KEM alone for encryption, for rules that want no elliptic curve in it. Signatures stay classical, which is \
             enough until there is a quantum computer to forge them."
        }
        Kind::PostQuantumSignatures => {
            "Signatures by ML-DSA too, so that nobody can pass for a member even with a quantum computer. The most bytes by far: \
             each signature has thousands."
        }
    }
}

/// The quickest suites of each kind against suite 1, in words.
fn compare(out: &mut String, results: &Results) {
    let fastest = fastest(results);
    let Some(base) = fastest.iter().find(|case| case.suite.0 == 1) else { return };
    let mut others = Vec::new();
    for kind in [Kind::Hybrid, Kind::PostQuantum, Kind::PostQuantumSignatures] {
        let of_kind = fastest.iter().filter(|case| case.kind == kind);
        let Some(case) = of_kind.min_by(|a, b| a.pace().total_cmp(&b.pace())) else { continue };
        let ratio = |a: u64, b: u64| format!("{:.1}", a as f64 / b.max(1) as f64);
        others.push(format!(
            "<li>{}: suite {} takes {} times as long to join and {} times to process a Commit, and a Commit has {} times as \
             many bytes.</li>",
            kind.title(),
            case.number(),
            ratio(case.time(Operation::Join).median, base.time(Operation::Join).median),
            ratio(case.time(Operation::Process).median, base.time(Operation::Process).median),
            ratio(case.bytes(Size::Commit), base.bytes(Size::Commit)),
        ));
    }
    if others.is_empty() {
        return;
    }
    let _ = writeln!(
        out,
        "<h3>What it costs to go further</h3>\n<p>Suite 1 is the one that every implementation must have. Against it, each with its \
         fastest backend here:</p>\n<ul>{}</ul>",
        others.concat()
    );
}

/// Each suite with the backend that is the quickest on the whole.
fn fastest(results: &Results) -> Vec<&Measured> {
    let best = |suite: &&'_ [Measured]| -> Option<usize> {
        let at = suite.iter().enumerate().min_by(|(_, a), (_, b)| a.pace().total_cmp(&b.pace()));
        at.map(|(at, _)| at)
    };
    results.suites().into_iter().filter_map(|suite| suite.get(best(&suite)?)).collect()
}

fn dot(backend: Backend) -> String {
    format!("<span class=\"dot\" style=\"--c:var(--{})\"></span>", backend.name())
}

fn overview(out: &mut String, results: &Results) {
    let fastest = fastest(results);
    let _ = writeln!(
        out,
        "<section>\n<h2>The suites at a glance</h2>\n<p>Each with its fastest backend here. Less is better everywhere; \
         <span class=\"best\">&#9733;</span> marks the least of a column. Bars have a linear scale, and begin at nothing.</p>\n\
         <div class=\"scroll\"><table>\n<thead><tr><th>suite</th><th class=\"n\">level</th><th>backend</th>"
    );
    let titles = TIMES.map(|(one, words)| (one.title(), words));
    for (title, words) in titles.into_iter().chain(SIZES.map(|(one, words)| (one.title(), words))) {
        let _ = write!(out, "<th>{title}<div class=\"name\">{words}</div></th>");
    }
    out.push_str("</tr></thead>\n<tbody>\n");
    let columns = TIMES.len() + SIZES.len() + 3;
    let mut kind = None;
    for case in &fastest {
        if kind.replace(case.kind) != Some(case.kind) {
            let _ =
                writeln!(out, "<tr class=\"kind\"><th colspan=\"{columns}\">{}</th></tr>", case.kind.title());
        }
        let _ = write!(
            out,
            "<tr><th><span class=\"id\">{}</span><div class=\"name\">{}</div></th><td class=\"n\">{}</td><td class=\"by\">{}{}</td>",
            case.number(),
            wrap(case.name),
            case.level.map_or_else(String::new, |bits| bits.to_string()),
            dot(case.backend),
            case.backend.name()
        );
        for (operation, _) in TIMES {
            let all = fastest.iter().map(|other| other.time(operation).median);
            let attributes = case.of_time(operation);
            cell(out, &attributes, case.backend.name(), case.time(operation).median, all, duration);
        }
        for (size, _) in SIZES {
            let all = fastest.iter().map(|other| other.bytes(size));
            cell(out, &case.of_bytes(size), "bytes", case.bytes(size), all, grouped);
        }
        out.push_str("</tr>\n");
    }
    out.push_str("</tbody></table></div>\n</section>\n");
}

/// Lets a long name break at its underscores.
fn wrap(name: &str) -> String {
    escape(name).replace('_', "_<wbr>")
}

fn cell(
    out: &mut String,
    attributes: &str,
    color: &str,
    value: u64,
    all: impl Iterator<Item = u64> + Clone,
    show: fn(u64) -> String,
) {
    let (least, most) = (all.clone().min().unwrap_or(0), all.max().unwrap_or(0));
    let shown = if value == least {
        format!("<span class=\"best\">{} &#9733;</span>", show(value))
    } else {
        show(value)
    };
    let _ = write!(
        out,
        "<td {attributes}><span class=\"value\">{shown}</span><div class=\"mini\"><i style=\"--c:var(--{color});width:{:.1}%\"></i></div></td>",
        100.0 * value as f64 / most.max(1) as f64
    );
}

fn foot(out: &mut String, results: &Results) {
    let turns = if results.together {
        "Suites and backends take turns in each round, so that what slows the machine down slows all"
    } else {
        "In a group this large, only the backends of one suite take turns in each round, and suites follow one another: what slows \
         the machine down for a while may slow one suite more than the next"
    };
    let _ = writeln!(
        out,
        "<footer><p>How it was measured: wall-clock time, stores in memory, large joins and Commits on all threads. {}; a first round is thrown away. Commits are measured in a group \
         whose members have all committed before. Messages have {} bytes of text. It took {} s.</p>\n<p>Post-quantum suites are those of \
         draft-ietf-mls-pq-ciphersuites-06, numbered as by {}: their numbers are not registered yet, and members of a group must use \
         the same. <code>pleach suites</code> lists them, <code>pleach init --suite NUMBER</code> uses one.</p></footer>",
        turns,
        TEXT.len(),
        results.seconds,
        results.numbering.name()
    );
}
