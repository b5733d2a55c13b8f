//! Numbers as they stand in tables: three digits, a unit, no more.

/// A time given in nanoseconds.
pub(crate) fn time(ns: f64) -> String {
    match ns {
        _ if ns < 1e3 => format!("{} ns", digits(ns)),
        _ if ns < 999.5e3 => format!("{} µs", digits(ns / 1e3)),
        _ if ns < 999.5e6 => format!("{} ms", digits(ns / 1e6)),
        _ => format!("{} s", digits(ns / 1e9)),
    }
}

/// A number of bytes.
pub(crate) fn bytes(count: f64) -> String {
    match count {
        _ if count < 1e4 => format!("{count:.0} B"),
        _ if count < 999.5e3 => format!("{} kB", digits(count / 1e3)),
        _ if count < 999.5e6 => format!("{} MB", digits(count / 1e6)),
        _ => format!("{} GB", digits(count / 1e9)),
    }
}

/// How many times as much: a multiple of ours.
pub(crate) fn times(ratio: f64) -> String {
    if ratio < 10.0 { format!("{ratio:.1}x") } else { format!("{ratio:.0}x") }
}

/// A ratio to the floor.
pub(crate) fn ratio(ratio: f64) -> String {
    if ratio < 9.995 { format!("{ratio:.2}") } else { digits(ratio) }
}

/// A spread, as a percentage.
pub(crate) fn spread(part: f64) -> String {
    format!("±{:.0}%", part * 100.0)
}

/// A size of a group: powers of ten as such.
pub(crate) fn size(n: u64) -> String {
    const SUPERSCRIPTS: [char; 10] = ['⁰', '¹', '²', '³', '⁴', '⁵', '⁶', '⁷', '⁸', '⁹'];
    let power = n.checked_ilog10().unwrap_or_default();
    match SUPERSCRIPTS.get(power as usize) {
        Some(superscript) if power > 1 && 10_u64.checked_pow(power) == Some(n) => format!("10{superscript}"),
        _ => n.to_string(),
    }
}

/// Three digits.
fn digits(value: f64) -> String {
    match value {
        _ if value < 9.995 => format!("{value:.2}"),
        _ if value < 99.95 => format!("{value:.1}"),
        _ => format!("{value:.0}"),
    }
}

#[cfg(test)]
mod tests {
    use super::{bytes, ratio, size, time, times};

    #[test]
    fn three_digits_and_a_unit() {
        assert_eq!(
            [123.0, 38_040.0, 999_700.0, 1.42e6, 17.3e9, 999.0].map(time),
            ["123 ns", "38.0 µs", "1.00 ms", "1.42 ms", "17.3 s", "999 ns"]
        );
        assert_eq!([512.0, 12_345.0, 8e6, 1e9].map(bytes), ["512 B", "12.3 kB", "8.00 MB", "1.00 GB"]);
        assert_eq!([3.44, 87.7].map(times), ["3.4x", "88x"]);
        assert_eq!([1.049, 12.34].map(ratio), ["1.05", "12.3"]);
        assert_eq!([2, 10, 100, 1_000_000, 300].map(size), ["2", "10", "10²", "10⁶", "300"]);
    }
}
