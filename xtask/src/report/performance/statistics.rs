//! Many measurements as one number with its spread.
//!
//! Invariant: one slow sample (an interrupt, a page fault) moves neither the value nor the spread much.

use std::collections::BTreeMap;

/// What repeated measurements come to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Summary {
    /// The median; of several kinds of samples, the mean of their medians, each as often as it was drawn.
    pub(crate) value: f64,
    /// Half of the distance between the quartiles, as a part of the median.
    pub(crate) spread: f64,
    /// How many measurements there were.
    pub(crate) count: usize,
}

/// Sums up measurements that all mean the same.
#[cfg(test)]
pub(crate) fn median(values: &[f64]) -> Option<Summary> {
    summarize(values.iter().map(|&value| (0, value)))
}

/// Sums up measurements of several kinds: the receivers of a Commit, by how many nodes they derive.
pub(crate) fn summarize(samples: impl IntoIterator<Item = (u64, f64)>) -> Option<Summary> {
    let mut kinds: BTreeMap<u64, Vec<f64>> = BTreeMap::new();
    for (kind, value) in samples {
        kinds.entry(kind).or_default().push(value);
    }
    sum_up(kinds.into_values().map(|values| (values.len(), values)))
}

/// The same, of samples with the machine's pace (nanoseconds; less is faster): of each kind, those of the better half count. What
/// else a machine does slows memory down more than it slows the pace. A few samples count all.
pub(crate) fn summarize_calm(samples: impl IntoIterator<Item = (u64, f64, f64)>) -> Option<Summary> {
    let mut kinds: BTreeMap<u64, Vec<(f64, f64)>> = BTreeMap::new();
    for (kind, pace, value) in samples {
        kinds.entry(kind).or_default().push((pace, value));
    }
    sum_up(kinds.into_values().map(|mut values| {
        let drawn = values.len();
        values.sort_by(|one, other| one.0.total_cmp(&other.0));
        let enough = drawn.div_ceil(2).max(FEW).min(drawn);
        let worst = values.get(enough - 1).map_or(f64::INFINITY, |(pace, _)| *pace);
        (drawn, values.into_iter().filter(|(pace, _)| *pace <= worst).map(|(_, value)| value).collect())
    }))
}

/// Of so many samples, one that was disturbed must not be the median.
const FEW: usize = 5;

/// Kinds: how often each was drawn, and what counts of it.
fn sum_up(kinds: impl IntoIterator<Item = (usize, Vec<f64>)>) -> Option<Summary> {
    let (mut sum, mut weight, mut count, mut relative) = (0.0, 0, 0, Vec::new());
    for (drawn, mut values) in kinds {
        values.sort_unstable_by(f64::total_cmp);
        let median = quantile(&values, 0.5)?;
        sum += median * drawn as f64;
        weight += drawn;
        count += values.len();
        relative.extend(values.iter().map(|value| if median > 0.0 { value / median } else { 1.0 }));
    }
    relative.sort_unstable_by(f64::total_cmp);
    let spread = (quantile(&relative, 0.75)? - quantile(&relative, 0.25)?) / 2.0;
    Some(Summary { value: sum / weight as f64, spread, count })
}

/// A quantile of sorted values, between two neighbours in proportion.
fn quantile(sorted: &[f64], at: f64) -> Option<f64> {
    let position = at * (sorted.len().checked_sub(1)?) as f64;
    let (below, above) = (sorted.get(position.floor() as usize)?, sorted.get(position.ceil() as usize)?);
    Some(below + (above - below) * position.fract())
}

#[cfg(test)]
mod tests {
    use super::{median, summarize, summarize_calm};

    #[test]
    fn the_better_half_of_each_kind_counts() {
        let slow = (0..20).map(|i| (1, 9.0 + f64::from(i), 100.0));
        let quick = (0..20).map(|i| (1, 5.0, f64::from(i)));
        let other = (0..40).map(|_| (2, 5.0, 50.0));
        let summary = summarize_calm(slow.chain(quick).chain(other)).unwrap();
        assert_eq!((summary.value, summary.count), ((9.5 + 50.0) / 2.0, 60));
        // Each kind weighs as much as it was drawn, whatever counts of it.
        let samples = (0..10).map(|i| (1, f64::from(i), 10.0)).chain([(2, 1.0, 40.0), (2, 2.0, 40.0)]);
        let summary = summarize_calm(samples).unwrap();
        assert_eq!((summary.value, summary.count), (15.0, 5 + 2));
    }

    #[test]
    fn few_samples_count_all() {
        let summary = summarize_calm([(0, 1.0, 900.0), (0, 2.0, 10.0), (0, 3.0, 12.0)]).unwrap();
        assert_eq!((summary.value, summary.count), (12.0, 3));
        // So do lines without a pace.
        assert_eq!(summarize_calm((0..20).map(|_| (0, 0.0, 1.0))).unwrap().count, 20);
        assert_eq!(summarize_calm([]), None);
    }

    #[test]
    fn a_median_with_the_quartiles_beside_it() {
        let summary = median(&[5.0, 1.0, 3.0, 4.0, 2.0]).unwrap();
        assert_eq!((summary.value, summary.count), (3.0, 5));
        assert!((summary.spread - 1.0 / 3.0).abs() < 1e-9);
        assert_eq!(median(&[1.0, 2.0]).unwrap().value, 1.5);
        assert_eq!(median(&[]), None);
        let calm = median(&[10.0, 10.0, 10.0, 10.0, 900.0]).unwrap();
        assert_eq!((calm.value, calm.spread), (10.0, 0.0));
    }

    #[test]
    fn kinds_count_as_often_as_they_were_drawn() {
        let summary = summarize([(1, 10.0), (1, 12.0), (1, 11.0), (5, 50.0)]).unwrap();
        assert_eq!(summary.value, (3.0 * 11.0 + 50.0) / 4.0);
        assert!(summary.spread < 0.1);
    }
}
