//! The results as a page: one file without scripts or anything from elsewhere, for screens light and dark, and for paper.
//!
//! It is for somebody who has to choose a suite and has read nothing. Its numbers are those of the JSON document: each that was
//! measured stands in a `data-` attribute beside its bar or in its cell, and a test compares all of them.

use std::fmt::Write as _;

use super::case::TEXT;
use super::results::{Measured, Operation, Results, Size, duration, grouped};
use crate::backends::{Backend, Kind};
use crate::text;

/// What of a suite the first table shows.
const TIMES: [Operation; 3] = [Operation::Join, Operation::Process, Operation::Receive];
const SIZES: [Size; 3] = [Size::KeyPackage, Size::Commit, Size::Message];

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
    ];
    out.push_str("<body");
    for (name, value) in run {
        let _ = write!(out, " data-{name}=\"{}\"", escape(&value));
    }
    out.push_str(">\n");
    head(&mut out, results);
    choosing(&mut out, results);
    overview(&mut out, results);
    times(&mut out, results);
    sizes(&mut out, results);
    numbers(&mut out, results);
    foot(&mut out, results);
    out.push_str("</body>\n</html>\n");
    out
}

/// Text from outside this program, such as the processor's name.
fn escape(text: &str) -> String {
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
         <span class=\"best\">&#9733;</span> marks the least of a column. Bars are linear, and begin at nothing.</p>\n\
         <div class=\"scroll\"><table>\n<thead><tr><th>suite</th><th class=\"n\">level</th><th>backend</th>"
    );
    for operation in TIMES {
        let _ = write!(out, "<th>{}</th>", operation.title());
    }
    for size in SIZES {
        let _ = write!(out, "<th>{}, bytes</th>", size.title());
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
        for operation in TIMES {
            let all = fastest.iter().map(|other| other.time(operation).median);
            cell(out, case.backend.name(), case.time(operation).median, all, duration);
        }
        for size in SIZES {
            let all = fastest.iter().map(|other| other.bytes(size));
            cell(out, "bytes", case.bytes(size), all, grouped);
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
        "<td>{shown}<div class=\"mini\"><i style=\"--c:var(--{color});width:{:.1}%\"></i></div></td>",
        100.0 * value as f64 / most.max(1) as f64
    );
}

/// A scale from one power of ten to another.
struct Decades {
    from: i32,
    to: i32,
}

impl Decades {
    fn over(values: impl Iterator<Item = u64> + Clone) -> Self {
        let log = |value: Option<u64>| (value.unwrap_or(1).max(1) as f64).log10();
        let from = log(values.clone().min()).floor() as i32;
        let to = log(values.max()).ceil() as i32;
        Self { from, to: to.max(from + 1) }
    }

    /// Where a value is, in percent of the width.
    fn place(&self, value: u64) -> f64 {
        let log = (value.max(1) as f64).log10() - f64::from(self.from);
        (100.0 * log / f64::from(self.to - self.from)).clamp(0.0, 100.0)
    }

    fn ticks(&self) -> String {
        (self.from..=self.to).fold(String::new(), |mut out, power| {
            let value = 10_u64.pow(u32::try_from(power).unwrap_or(0));
            let label = duration(value).replace(".00", "").replace(".0", "");
            let _ = write!(out, "<span style=\"left:{:.3}%\">{label}</span>", self.place(value));
            out
        })
    }
}

fn times(out: &mut String, results: &Results) {
    out.push_str(
        "<section>\n<h2>Time</h2>\n<p>Medians; the thin dark line in a bar goes from the first to the third quartile. The scale is \
         <strong>logarithmic</strong>: each grid line is ten times the one before. <span class=\"best\">&#9733;</span> marks the \
         least of all; bold is the least of a suite's backends.</p>\n<div class=\"figures\">\n",
    );
    for operation in Operation::ALL {
        let all = results.cases.iter().flat_map(|case| {
            let time = case.time(*operation);
            [time.median, time.q1, time.q3]
        });
        let scale = Decades::over(all);
        let least = results.cases.iter().map(|case| case.time(*operation).median).min().unwrap_or(0);
        let _ = writeln!(
            out,
            "<figure style=\"--step:{:.4}%\">\n<figcaption><h3>{}</h3><p>{}</p></figcaption>\n<div class=\"axis\"><span></span><span></span>\
             <div class=\"ticks\">{}</div><span></span></div>",
            100.0 / f64::from(scale.to - scale.from),
            operation.title(),
            operation.about(),
            scale.ticks()
        );
        let mut kind = None;
        for suite in results.suites() {
            let quickest = suite.iter().map(|case| case.time(*operation).median).min().unwrap_or(0);
            for (at, case) in suite.iter().enumerate() {
                if kind.replace(case.kind) != Some(case.kind) {
                    let _ = writeln!(out, "<div class=\"group\">{}</div>", case.kind.title());
                }
                let first = at == 0;
                let best = suite.len() > 1 && case.time(*operation).median == quickest;
                bar(out, case, *operation, &scale, (first, best, least));
            }
        }
        out.push_str("</figure>\n");
    }
    out.push_str("</div>\n</section>\n");
}

fn bar(out: &mut String, case: &Measured, operation: Operation, scale: &Decades, marks: (bool, bool, u64)) {
    let (first, quickest, least) = marks;
    let time = case.time(operation);
    let shown = duration(time.median);
    let shown = match (time.median == least, quickest) {
        (true, _) => format!("<span class=\"best\">&#9733; {shown}</span>"),
        (false, true) => format!("<strong>{shown}</strong>"),
        (false, false) => shown,
    };
    let number = if first { case.number() } else { String::new() };
    let _ = writeln!(
        out,
        "<div class=\"row{}\" style=\"--c:var(--{backend})\" title=\"{} by {backend}: {} to {}, {} samples\" data-backend=\"{backend}\" \
         data-suite=\"{}\" data-operation=\"{}\" data-median-ns=\"{}\" data-q1-ns=\"{}\" data-q3-ns=\"{}\" data-min-ns=\"{}\" \
         data-max-ns=\"{}\" data-samples=\"{}\"><span class=\"id\">{number}</span><span class=\"who\">{backend}</span>\
         <div class=\"plot\"><i style=\"width:{:.2}%\"></i><b style=\"left:{:.2}%;width:{:.2}%\"></b></div>\
         <span class=\"value\">{shown} <small>&#177;{}&#8202;%</small></span></div>",
        if first { " first" } else { "" },
        escape(case.name),
        duration(time.q1),
        duration(time.q3),
        time.samples,
        case.suite.0,
        operation.key(),
        time.median,
        time.q1,
        time.q3,
        time.min,
        time.max,
        time.samples,
        scale.place(time.median),
        scale.place(time.q1),
        scale.place(time.q3) - scale.place(time.q1),
        time.percent(),
        backend = case.backend.name(),
    );
}

fn sizes(out: &mut String, results: &Results) {
    let _ = writeln!(
        out,
        "<section>\n<h2>Bytes</h2>\n<p>What is sent in a group of {} members. It does not depend on the backend. The scale is \
         <strong>linear</strong> and begins at nothing; <span class=\"best\">&#9733;</span> marks the least. A Welcome and a GroupInfo \
         hold the whole group, so they grow with it; a Commit grows with its logarithm.</p>\n<div class=\"figures wide\">",
        results.members
    );
    for size in Size::SENT {
        let suites: Vec<&Measured> = results.suites().iter().filter_map(|suite| suite.first()).collect();
        let least = suites.iter().map(|case| case.bytes(*size)).min().unwrap_or(0);
        let most = suites.iter().map(|case| case.bytes(*size)).max().unwrap_or(0).max(1);
        let step = step(most);
        let ticks = (0..=most / step).fold(String::new(), |mut out, tick| {
            let _ = write!(
                out,
                "<span style=\"left:{:.3}%\">{}</span>",
                100.0 * (tick * step) as f64 / most as f64,
                grouped(tick * step)
            );
            out
        });
        let _ = writeln!(
            out,
            "<figure style=\"--step:{:.4}%\">\n<figcaption><h3>{}</h3><p>{}</p></figcaption>\n<div class=\"axis linear\"><span></span>\
             <div class=\"ticks\">{ticks}</div><span></span></div>",
            100.0 * step as f64 / most as f64,
            size.title(),
            size.about(),
        );
        let mut kind = None;
        for case in suites {
            if kind.replace(case.kind) != Some(case.kind) {
                let _ = writeln!(out, "<div class=\"group\">{}</div>", case.kind.title());
            }
            let bytes = case.bytes(*size);
            let shown = if bytes == least {
                format!("<span class=\"best\">&#9733; {}</span>", grouped(bytes))
            } else {
                grouped(bytes)
            };
            let _ = writeln!(
                out,
                "<div class=\"row\" style=\"--c:var(--bytes)\" title=\"{}\"><span class=\"id\">{}</span><div class=\"plot\">\
                 <i style=\"width:{:.2}%\"></i></div><span class=\"value\">{shown}</span></div>",
                escape(case.name),
                case.number(),
                100.0 * bytes as f64 / most as f64,
            );
        }
        out.push_str("</figure>\n");
    }
    out.push_str("</div>\n</section>\n");
}

/// A round distance between grid lines, so that there are two to five.
fn step(most: u64) -> u64 {
    let decade = 10_u64.pow(most.max(1).ilog10());
    match most / decade {
        0..=1 => (decade / 2).max(1),
        2..=4 => decade,
        _ => decade * 2,
    }
}

/// Everything, in digits.
fn numbers(out: &mut String, results: &Results) {
    out.push_str(
        "<section>\n<h2>All numbers</h2>\n<p>Median times, and bytes; the last four are kept private.</p>\n",
    );
    out.push_str("<div class=\"scroll\"><table>\n<thead><tr><th>suite</th><th>backend</th>");
    for operation in Operation::ALL {
        let _ = write!(out, "<th class=\"n\">{}</th>", operation.title());
    }
    for size in Size::ALL {
        let _ = write!(out, "<th class=\"n\" title=\"{}\">{}</th>", size.about(), size.title());
    }
    out.push_str("</tr></thead>\n<tbody>\n");
    for case in &results.cases {
        let _ = write!(
            out,
            "<tr><th class=\"id\" title=\"{}\">{}</th><td>{}</td>",
            escape(case.name),
            case.number(),
            case.backend.name()
        );
        for operation in Operation::ALL {
            let _ = write!(out, "<td class=\"n\">{}</td>", duration(case.time(*operation).median));
        }
        for size in Size::ALL {
            let bytes = case.bytes(*size);
            let _ = write!(
                out,
                "<td class=\"n\" data-backend=\"{}\" data-suite=\"{}\" data-size=\"{}\" data-bytes=\"{bytes}\">{}</td>",
                case.backend.name(),
                case.suite.0,
                size.key(),
                grouped(bytes)
            );
        }
        out.push_str("</tr>\n");
    }
    out.push_str("</tbody></table></div>\n</section>\n");
}

fn foot(out: &mut String, results: &Results) {
    let _ = writeln!(
        out,
        "<footer><p>How it was measured: wall-clock time, stores in memory, large joins and Commits on all threads. Backends take turns \
         in each round, so that what slows the machine down slows all; a first round is thrown away. Commits are measured in a group \
         whose members have all committed before. Messages have {} bytes of text. It took {} s.</p>\n<p>Post-quantum suites are those of \
         draft-ietf-mls-pq-ciphersuites-06, numbered as by {}: their numbers are not registered yet, and members of a group must use \
         the same. <code>pleach suites</code> lists them, <code>pleach init --suite NUMBER</code> uses one.</p></footer>",
        TEXT.len(),
        results.seconds,
        results.numbering.name()
    );
}
