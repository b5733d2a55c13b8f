//! Samples, their middle and their spread; and how numbers are written.

/// The middle of what was measured, and how far it spreads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Spread {
    pub(super) median: u64,
    pub(super) q1: u64,
    pub(super) q3: u64,
    pub(super) min: u64,
    pub(super) max: u64,
    pub(super) samples: usize,
}

impl Spread {
    pub(super) fn of(values: &[u64]) -> Self {
        let mut sorted = values.to_vec();
        sorted.sort_unstable();
        // Between two neighbours in proportion.
        let at = |quarters: usize| {
            let place = sorted.len().saturating_sub(1) * quarters;
            let low = sorted.get(place / 4).copied().unwrap_or(0);
            let high = sorted.get(place / 4 + 1).copied().unwrap_or(low);
            low + (high - low) * (place % 4) as u64 / 4
        };
        Self { median: at(2), q1: at(1), q3: at(3), min: at(0), max: at(4), samples: values.len() }
    }

    /// Half of the distance between the quartiles, in percent of the median.
    pub(super) const fn percent(&self) -> u64 {
        match ((self.q3 - self.q1) * 50).checked_div(self.median) {
            Some(percent) => percent,
            None => 0,
        }
    }
}

/// Three digits and a unit.
pub(super) fn duration(nanoseconds: u64) -> String {
    const UNITS: [(u64, &str); 3] = [(1_000_000_000, "s"), (1_000_000, "ms"), (1_000, "µs")];
    for (unit, name) in UNITS {
        if nanoseconds >= unit {
            let value = nanoseconds as f64 / unit as f64;
            let digits = if value < 9.995 {
                2
            } else if value < 99.95 {
                1
            } else {
                0
            };
            return format!("{value:.digits$} {name}");
        }
    }
    format!("{nanoseconds} ns")
}

/// Digits in groups of three.
pub(super) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quartiles() {
        assert_eq!(Spread::of(&[]), Spread::default());
        let one = Spread::of(&[7]);
        assert_eq!((one.median, one.q1, one.q3, one.samples), (7, 7, 7, 1));
        let five = Spread::of(&[50, 10, 20, 30, 40]);
        assert_eq!((five.min, five.q1, five.median, five.q3, five.max), (10, 20, 30, 40, 50));
        assert_eq!(five.percent(), 33);
        let two = Spread::of(&[100, 200]);
        assert_eq!((two.q1, two.median, two.q3), (125, 150, 175));
    }

    #[test]
    fn numbers_for_people() {
        let shown = [999, 1_000, 9_994, 12_345, 999_900, 1_234_567, 2_000_000_000].map(duration);
        assert_eq!(shown, ["999 ns", "1.00 µs", "9.99 µs", "12.3 µs", "1000 µs", "1.23 ms", "2.00 s"]);
        assert_eq!([0, 999, 1_000, 1_234_567].map(grouped), ["0", "999", "1,000", "1,234,567"]);
    }
}
