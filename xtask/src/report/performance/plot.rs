//! Plots as SVG: both axes logarithmic, a label beside the end of each line, a background of its own.
//!
//! Written here because it is little: lines, marks and text at computed places, the same bytes for the same numbers.

use super::units::size;
use std::collections::BTreeSet;
use std::fmt::Write as _;

const WIDTH: f64 = 880.0;
const HEIGHT: f64 = 450.0;
const LEFT: f64 = 72.0;
const RIGHT: f64 = 190.0;
const TOP: f64 = 52.0;
const BOTTOM: f64 = 48.0;
/// Between labels, at least.
const LABELS: f64 = 16.0;

/// How a point is marked, besides its colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mark {
    None,
    Circle,
    Square,
    Triangle,
    Diamond,
}

/// A line of a plot.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Series {
    pub(crate) label: String,
    pub(crate) colour: &'static str,
    pub(crate) mark: Mark,
    /// A mark without a filling and a thinner line: not the first of its library.
    pub(crate) hollow: bool,
    pub(crate) dashed: bool,
    /// Sizes and values, ascending; values above zero.
    pub(crate) points: Vec<(u64, f64)>,
}

/// A plot; nothing if no line has two points.
pub(crate) fn svg(title: &str, unit: fn(f64) -> String, series: &[Series]) -> Option<String> {
    let series: Vec<&Series> = series.iter().filter(|series| !series.points.is_empty()).collect();
    if series.iter().all(|series| series.points.len() < 2) {
        return None;
    }
    let frame = Frame::around(&series);
    let mut text = String::new();
    let _ = writeln!(
        text,
        r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" role="img" font-family="system-ui, -apple-system, 'Segoe UI', Roboto, 'DejaVu Sans', sans-serif" font-size="12">"#
    );
    let _ = writeln!(text, "<title>{}</title>", escaped(title));
    let _ = writeln!(
        text,
        r##"<rect x="0.5" y="0.5" width="{}" height="{}" rx="8" fill="#ffffff" stroke="#d0d7de"/>"##,
        WIDTH - 1.0,
        HEIGHT - 1.0
    );
    let _ = writeln!(
        text,
        r##"<text x="{LEFT}" y="30" font-size="16" font-weight="600" fill="#1f2328">{}</text>"##,
        escaped(title)
    );
    grid(&mut text, &frame, unit);
    for series in &series {
        line(&mut text, &frame, series);
    }
    labels(&mut text, &frame, &series);
    text.push_str("</svg>\n");
    Some(text)
}

/// What is shown where.
struct Frame {
    sizes: BTreeSet<u64>,
    /// Powers of ten.
    x: (f64, f64),
    y: (f64, f64),
}

impl Frame {
    fn around(series: &[&Series]) -> Self {
        let points = || series.iter().flat_map(|series| &series.points);
        let sizes: BTreeSet<u64> = points().map(|(n, _)| *n).collect();
        let log = |n: Option<&u64>| n.map_or(0.0, |n| (*n as f64).log10());
        let values = points().map(|(_, value)| value.log10());
        let (low, high) = values.fold((f64::MAX, f64::MIN), |(low, high), v| (low.min(v), high.max(v)));
        // To 1, 2 or 5 of a power of ten beyond the values.
        let steps = [0.0, 2_f64.log10(), 5_f64.log10(), 1.0];
        let step = |value: f64, to: fn(&f64, &f64) -> bool| {
            let below = value.floor();
            let at = |step: &&f64| to(&(below + **step), &value);
            let found = if to(&0.0, &1.0) { steps.iter().rev().find(at) } else { steps.iter().find(at) };
            below + found.unwrap_or(&0.0)
        };
        let y =
            (step(low - 0.04, |step, value| step <= value), step(high + 0.04, |step, value| step >= value));
        let (first, last) = (log(sizes.first()), log(sizes.last()));
        Self { sizes, x: (first, last), y }
    }

    fn x(&self, n: u64) -> f64 {
        let part = ((n as f64).log10() - self.x.0) / (self.x.1 - self.x.0).max(0.1);
        LEFT + 14.0 + part * (WIDTH - LEFT - RIGHT - 28.0)
    }

    fn y(&self, value: f64) -> f64 {
        let part = (value.log10() - self.y.0) / (self.y.1 - self.y.0).max(0.1);
        HEIGHT - BOTTOM - part * (HEIGHT - TOP - BOTTOM)
    }

    /// Values at which the grid has a line: all powers of ten, with 2 and 5 between them if there are few.
    fn ticks(&self) -> Vec<f64> {
        let between: &[f64] = if self.y.1 - self.y.0 < 2.6 { &[1.0, 2.0, 5.0] } else { &[1.0] };
        let powers = self.y.0.floor() as i32..=self.y.1.ceil() as i32;
        let ticks = powers.flat_map(|power| between.iter().map(move |step| step * 10_f64.powi(power)));
        let shown = |tick: &f64| (self.y.0 - 1e-6..=self.y.1 + 1e-6).contains(&tick.log10());
        ticks.filter(shown).collect()
    }
}

fn grid(text: &mut String, frame: &Frame, unit: fn(f64) -> String) {
    let right = WIDTH - RIGHT;
    for tick in frame.ticks() {
        let y = frame.y(tick);
        let _ = writeln!(
            text,
            r##"<path d="M{LEFT} {y:.1}H{right}" stroke="#e6e9ec"/><text x="{}" y="{:.1}" text-anchor="end" fill="#57606a">{}</text>"##,
            LEFT - 8.0,
            y + 4.0,
            escaped(&tidy(&unit(tick)))
        );
    }
    let bottom = HEIGHT - BOTTOM;
    for n in &frame.sizes {
        let x = frame.x(*n);
        let _ = writeln!(
            text,
            r##"<path d="M{x:.1} {TOP}V{bottom}" stroke="#f0f2f4"/><text x="{x:.1}" y="{}" text-anchor="middle" fill="#57606a">{}</text>"##,
            bottom + 18.0,
            size(*n)
        );
    }
    let _ = writeln!(
        text,
        r##"<path d="M{LEFT} {bottom}H{right}" stroke="#8c959f"/><text x="{}" y="{}" text-anchor="middle" fill="#57606a">members</text>"##,
        f64::midpoint(LEFT, right),
        HEIGHT - 12.0
    );
}

fn line(text: &mut String, frame: &Frame, series: &Series) {
    let points: Vec<_> = series.points.iter().map(|(n, value)| (frame.x(*n), frame.y(*value))).collect();
    let path: Vec<String> = points.iter().map(|(x, y)| format!("{x:.1} {y:.1}")).collect();
    let colour = series.colour;
    let dash = if series.dashed { r#" stroke-dasharray="6 4""# } else { "" };
    let width = if series.hollow || series.dashed { 1.5 } else { 2.25 };
    let _ = writeln!(
        text,
        r#"<path d="M{}" fill="none" stroke="{colour}" stroke-width="{width}" stroke-linejoin="round"{dash}/>"#,
        path.join("L")
    );
    for (x, y) in points {
        mark(text, series, x, y);
    }
}

fn mark(text: &mut String, series: &Series, x: f64, y: f64) {
    let path = match series.mark {
        Mark::None => return,
        Mark::Circle => format!("M{:.1} {y:.1}a4 4 0 1 0 8 0a4 4 0 1 0 -8 0z", x - 4.0),
        Mark::Square => format!("M{:.1} {:.1}h7v7h-7z", x - 3.5, y - 3.5),
        Mark::Triangle => format!("M{x:.1} {:.1}l4.5 8h-9z", y - 5.0),
        Mark::Diamond => format!("M{x:.1} {:.1}l5 5l-5 5l-5 -5z", y - 5.0),
    };
    let fill = if series.hollow { "#ffffff" } else { series.colour };
    let _ =
        writeln!(text, r#"<path d="{path}" fill="{fill}" stroke="{}" stroke-width="1.5"/>"#, series.colour);
}

/// The names of the lines, as near to their ends as there is room.
fn labels(text: &mut String, frame: &Frame, series: &[&Series]) {
    let last =
        |series: &Series| series.points.last().map_or((LEFT, TOP), |(n, v)| (frame.x(*n), frame.y(*v)));
    let mut ends: Vec<_> = series.iter().map(|series| (last(series), *series)).collect();
    ends.sort_by(|((_, a), _), ((_, b), _)| a.total_cmp(b));
    let mut places: Vec<f64> = ends.iter().map(|((_, y), _)| *y).collect();
    spread(&mut places);
    let x = WIDTH - RIGHT + 34.0;
    for (((end, y), series), place) in ends.into_iter().zip(places) {
        let from = end + 7.0;
        let _ = writeln!(
            text,
            r#"<path d="M{from:.1} {y:.1}L{:.1} {place:.1}" stroke="{}" stroke-width="0.75" stroke-dasharray="1 3" fill="none"/>"#,
            x - 12.0,
            series.colour
        );
        mark(text, series, x - 6.0, place);
        if series.mark == Mark::None {
            let (from, colour) = (x - 14.0, series.colour);
            let _ = writeln!(
                text,
                r#"<path d="M{from:.1} {place:.1}h14" stroke="{colour}" stroke-width="1.5" stroke-dasharray="4 2"/>"#
            );
        }
        let _ = writeln!(
            text,
            r#"<text x="{:.1}" y="{:.1}" fill="{}">{}</text>"#,
            x + 4.0,
            place + 4.0,
            series.colour,
            escaped(&series.label)
        );
    }
}

/// Moves ascending places apart, and all of them into the plot.
fn spread(places: &mut [f64]) {
    let mut least = TOP;
    for place in places.iter_mut() {
        *place = place.max(least);
        least = *place + LABELS;
    }
    let mut most = HEIGHT - BOTTOM;
    for place in places.iter_mut().rev() {
        *place = place.min(most);
        most = *place - LABELS;
    }
}

/// `10.0 µs` as `10 µs`: ticks are round.
fn tidy(text: &str) -> String {
    match text.split_once(' ') {
        Some((number, unit)) if number.contains('.') => {
            format!("{} {unit}", number.trim_end_matches('0').trim_end_matches('.'))
        }
        _ => text.to_owned(),
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::{Mark, Series, spread, svg};
    use crate::report::performance::units::time;

    fn series(label: &str, points: &[(u64, f64)]) -> Series {
        let points = points.to_vec();
        Series {
            label: label.into(),
            colour: "#000000",
            mark: Mark::Circle,
            hollow: false,
            dashed: false,
            points,
        }
    }

    #[test]
    fn a_line_goes_from_corner_to_corner() {
        let plot = svg("a & b", time, &[series("one", &[(10, 1e3), (100, 1e4), (1_000, 1e5)])]).unwrap();
        assert!(plot.starts_with("<svg ") && plot.ends_with("</svg>\n"));
        assert!(plot.contains("<title>a &amp; b</title>"));
        // Three marks and one at the label; a line through three points that are equally far apart.
        assert_eq!(plot.matches("a4 4 0 1 0 8 0").count(), 4);
        let path = plot.lines().find(|line| line.contains("stroke-linejoin")).unwrap();
        let path = path.split('"').nth(1).unwrap();
        let points: Vec<Vec<f64>> =
            path[1..].split('L').map(|p| p.split(' ').map(|v| v.parse().unwrap()).collect()).collect();
        assert!((points[2][0] - points[1][0] - (points[1][0] - points[0][0])).abs() < 0.2);
        assert!((points[2][1] - points[1][1] - (points[1][1] - points[0][1])).abs() < 0.2);
        for tick in [">1 µs<", ">10 µs<", ">100 µs<", ">10³<"] {
            assert!(plot.contains(tick), "{tick}");
        }
    }

    #[test]
    fn one_point_is_no_plot() {
        assert_eq!(svg("t", time, &[series("one", &[(10, 1e3)])]), None);
    }

    #[test]
    fn labels_do_not_lie_on_each_other() {
        let mut places = [100.0, 101.0, 102.0, 401.0, 402.0];
        spread(&mut places);
        assert!(places.windows(2).all(|pair| pair[1] - pair[0] >= 15.9), "{places:?}");
        assert!(places[4] <= 402.0);
    }
}
