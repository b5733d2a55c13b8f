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
    let (mut sum, mut count, mut relative) = (0.0, 0, Vec::new());
    for values in kinds.values_mut() {
        values.sort_unstable_by(f64::total_cmp);
        let median = quantile(values, 0.5)?;
        sum += median * values.len() as f64;
        count += values.len();
        relative.extend(values.iter().map(|value| if median > 0.0 { value / median } else { 1.0 }));
    }
    relative.sort_unstable_by(f64::total_cmp);
    let spread = (quantile(&relative, 0.75)? - quantile(&relative, 0.25)?) / 2.0;
    Some(Summary { value: sum / count as f64, spread, count })
}

/// Of measurements of several kinds, each with the machine's pace (nanoseconds; less is faster), those of the better half of each
/// kind: what else a machine does slows memory down more than it slows the pace.
pub(crate) fn calm_half(samples: impl IntoIterator<Item = (u64, f64, f64)>) -> Vec<(u64, f64)> {
    let mut samples: Vec<_> = samples.into_iter().collect();
    samples.sort_by(|one, other| one.0.cmp(&other.0).then(one.1.total_cmp(&other.1)));
    let kinds = samples.chunk_by(|one, other| one.0 == other.0);
    let halves = kinds.flat_map(|kind| {
        let worst = kind.get((kind.len() - 1) / 2).map_or(f64::INFINITY, |sample| sample.1);
        kind.iter().filter(move |sample| sample.1 <= worst)
    });
    halves.map(|(kind, _, value)| (*kind, *value)).collect()
}

/// A quantile of sorted values, between two neighbours in proportion.
fn quantile(sorted: &[f64], at: f64) -> Option<f64> {
    let position = at * (sorted.len().checked_sub(1)?) as f64;
    let (below, above) = (sorted.get(position.floor() as usize)?, sorted.get(position.ceil() as usize)?);
    Some(below + (above - below) * position.fract())
}

#[cfg(test)]
mod tests {
    use super::{calm_half, median, summarize};

    #[test]
    fn the_better_half_of_each_kind_counts() {
        let samples = [(1, 9.0, 10.0), (2, 5.0, 20.0), (1, 5.0, 11.0), (1, 6.0, 12.0), (2, 8.0, 21.0)];
        assert_eq!(calm_half(samples), [(1, 11.0), (1, 12.0), (2, 20.0)]);
        // Lines without a pace are all as good.
        assert_eq!(calm_half([(0, 0.0, 1.0), (0, 0.0, 2.0), (0, 0.0, 3.0)]).len(), 3);
        assert_eq!(calm_half([]), []);
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
