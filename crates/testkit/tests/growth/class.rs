//! The class of a cost: how it grows with the number n of members.
//!
//! A class is declared with its numbers, so that it says what it costs, and it fails both ways: when more is measured,
//! and when less is. What a class must never do is let pass a cost of a higher one, whatever its numbers; the tests in
//! `main.rs` try that.

use std::fmt;

/// The number of members, as its logarithm, and what was counted.
pub(crate) type Points = [(u32, u64)];

/// By how much a count may jump: so many, and a part of what is counted.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Slack(pub(crate) f64, pub(crate) f64);

impl Slack {
    fn of(self, count: f64) -> f64 {
        self.1.mul_add(count, self.0)
    }
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Class {
    /// The same in every group.
    Constant(f64),
    /// So many for each level of the tree, and so many besides.
    Log(f64, f64),
    /// So many for each member, and so many besides.
    Linear(f64, f64),
}

impl Class {
    /// `7`, `3 log + 4`, `2 n + 60`: what [`fmt::Display`] writes.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let numbers = |word: &str| {
            let (a, b) = text.split_once(word)?;
            Some((a.trim().parse().ok()?, b.trim().trim_start_matches('+').replace(' ', "").parse().ok()?))
        };
        if text.contains("log") {
            numbers("log").map(|(a, b)| Self::Log(a, b))
        } else if text.contains('n') {
            numbers("n").map(|(a, b)| Self::Linear(a, b))
        } else {
            text.parse().ok().map(Self::Constant)
        }
    }

    fn of(self, height: u32) -> f64 {
        match self {
            Self::Constant(b) => b,
            Self::Log(a, b) => a.mul_add(f64::from(height), b),
            Self::Linear(a, b) => a.mul_add(members(height), b),
        }
    }

    /// Whether this is what was measured. Each count may be a quarter off, or by `slack`'s first.
    pub(crate) fn check(self, points: &Points, slack: Slack) -> Result<(), String> {
        for &(height, count) in points {
            let expected = self.of(height);
            if (count as f64 - expected).abs() > expected.abs() / 4.0 + slack.0 {
                return Err(format!("{count} in a group of 2^{height}, not about {expected}"));
            }
        }
        let (a, _) = line(points, f64::from);
        let last = points.last().map_or(0.0, |(_, count)| *count as f64);
        match self {
            Self::Constant(_) => flat(points, slack),
            // That it does not get steeper is what tells it from the next class.
            Self::Log(declared, _) if (a - declared).abs() > declared / 4.0 + slack.of(last) / 11.0 => {
                Err(format!("{a:.2} for each level, not about {declared}"))
            }
            Self::Log(declared, _) => even(points, declared, slack),
            // That a product with the logarithm is more than a quarter off somewhere is shown by a test.
            Self::Linear(..) => Ok(()),
        }
    }

    /// The lowest class that fits, with its numbers.
    pub(crate) fn fit(points: &Points, slack: Slack) -> Option<Self> {
        let mean = points.iter().map(|(_, count)| *count as f64).sum::<f64>() / points.len() as f64;
        let (a, b) = line(points, f64::from);
        let (c, d) = relative_line(points);
        [Self::Constant(mean.round()), Self::Log(round(a), b.round()), Self::Linear(round(c), d.round())]
            .into_iter()
            .find(|class| class.check(points, slack).is_ok())
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self {
            Self::Constant(b) => format!("{b}"),
            Self::Log(a, b) => format!("{a}log{b:+}"),
            Self::Linear(a, b) => format!("{a}n{b:+}"),
        };
        f.pad(&text)
    }
}

fn members(height: u32) -> f64 {
    f64::from(1_u32 << height)
}

/// Three digits.
fn round(a: f64) -> f64 {
    if a.abs() >= 100.0 { a.round() } else { (a * 100.0).round() / 100.0 }
}

/// The same everywhere, or one in twenty apart.
fn flat(points: &Points, slack: Slack) -> Result<(), String> {
    let (least, most) =
        points.iter().fold((u64::MAX, 0), |(least, most), (_, count)| (least.min(*count), most.max(*count)));
    if (most - least) as f64 > slack.0 + most as f64 / 20.0 {
        return Err(format!("from {least} to {most}, not constant"));
    }
    Ok(())
}

/// No step is much steeper than the others: a linear part, however small its factor, is in the last step most of all.
fn even(points: &Points, declared: f64, slack: Slack) -> Result<(), String> {
    for pair in points.windows(2) {
        let [(from, less), (to, more)] = *pair else { continue };
        let rise = more as f64 - less as f64;
        let levels = f64::from(to - from);
        if rise > 1.5 * declared * levels + slack.of(more as f64).max(1.0) {
            return Err(format!("{rise} more from 2^{from} to 2^{to}, not {declared} for each level"));
        }
    }
    Ok(())
}

/// The least squares' a and b of a x + b.
fn line(points: &Points, x: impl Fn(u32) -> f64) -> (f64, f64) {
    weighted(points, x, |_| 1.0)
}

/// The same for x = n, with errors relative to the count.
fn relative_line(points: &Points) -> (f64, f64) {
    weighted(points, members, |count| 1.0 / (count as f64).max(1.0).powi(2))
}

fn weighted(points: &Points, x: impl Fn(u32) -> f64, weight: impl Fn(u64) -> f64) -> (f64, f64) {
    let mut sums = [0.0; 5];
    for &(height, count) in points {
        let (x, y, w) = (x(height), count as f64, weight(count));
        for (sum, term) in sums.iter_mut().zip([w, w * x, w * y, w * x * x, w * x * y]) {
            *sum += term;
        }
    }
    let [w, x, y, xx, xy] = sums;
    let a = w.mul_add(xy, -(x * y)) / w.mul_add(xx, -(x * x));
    (a, (y - a * x) / w)
}
