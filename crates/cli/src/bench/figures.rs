//! The page's figures: a bar for each measurement, drawn with styles alone, and the table with every number.
//!
//! Times have a logarithmic scale, because they differ by thousands; bytes a linear one, because whoever pays for them pays
//! for each.

use std::fmt::Write as _;

use super::page::escape;
use super::results::{Measured, Operation, Results, Size};
use super::spread::{duration, grouped};

pub(super) fn times(out: &mut String, results: &Results) {
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
        "<div class=\"row{}\" style=\"--c:var(--{backend})\" title=\"{} by {backend}: {} to {}, {} samples\" {} data-q1-ns=\"{}\" data-q3-ns=\"{}\" data-min-ns=\"{}\" \
         data-max-ns=\"{}\" data-samples=\"{}\"><span class=\"id\">{number}</span><span class=\"who\">{backend}</span>\
         <div class=\"plot\"><i style=\"width:{:.2}%\"></i><b style=\"left:{:.2}%;width:{:.2}%\"></b></div>\
         <span class=\"value\">{shown} <small>&#177;{}&#8202;%</small></span></div>",
        if first { " first" } else { "" },
        escape(case.name),
        duration(time.q1),
        duration(time.q3),
        time.samples,
        case.of_time(operation),
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

pub(super) fn sizes(out: &mut String, results: &Results) {
    let _ = writeln!(
        out,
        "<section>\n<h2>Bytes</h2>\n<p>What is sent in a group of {} members. It does not depend on the backend; an ECDSA \
         signature (P256, P384 and P521 in a suite's name) is a few bytes longer or shorter by chance. GREASE is off: it adds a few random bytes. The scale is \
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
                "<div class=\"row\" style=\"--c:var(--bytes)\" title=\"{}\" {}><span class=\"id\">{}</span><div class=\"plot\">\
                 <i style=\"width:{:.2}%\"></i></div><span class=\"value\">{shown}</span></div>",
                escape(case.name),
                case.of_bytes(*size),
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

/// Everything, in digits.
pub(super) fn numbers(out: &mut String, results: &Results) {
    out.push_str("<section>\n<h2>All numbers</h2>\n<p>Median times.</p>\n");
    let titles: Vec<&str> = Operation::ALL.iter().map(|one| one.title()).collect();
    table(out, results, &titles, |out, case| {
        for operation in Operation::ALL {
            let shown = duration(case.time(*operation).median);
            let _ = write!(out, "<td class=\"n value\" {}>{shown}</td>", case.of_time(*operation));
        }
    });
    out.push_str("<p>Bytes; the last four are kept private.</p>\n");
    let titles: Vec<&str> = Size::ALL.iter().map(|one| one.title()).collect();
    table(out, results, &titles, |out, case| {
        for size in Size::ALL {
            let shown = grouped(case.bytes(*size));
            let _ = write!(out, "<td class=\"n value\" {}>{shown}</td>", case.of_bytes(*size));
        }
    });
    out.push_str("</section>\n");
}

/// A row for each case.
fn table(out: &mut String, results: &Results, titles: &[&str], cells: impl Fn(&mut String, &Measured)) {
    out.push_str("<div class=\"scroll\"><table>\n<thead><tr><th>suite</th><th>backend</th>");
    for title in titles {
        let _ = write!(out, "<th class=\"n\">{title}</th>");
    }
    out.push_str("</tr></thead>\n<tbody>\n");
    for case in &results.cases {
        let _ = write!(
            out,
            "<tr><th class=\"id\" title=\"{}\">{}</th><td class=\"by\">{}</td>",
            escape(case.name),
            case.number(),
            case.backend.name()
        );
        cells(out, case);
        out.push_str("</tr>\n");
    }
    out.push_str("</tbody></table></div>\n");
}
