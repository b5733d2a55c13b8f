//! Threads are an input, too: work that splits is handed to an [`Executor`].
//!
//! Invariant of [`map_each`] and [`in_chunks`]: result and error do not depend on the executor; what it skips, the caller's
//! thread does.

use alloc::{boxed::Box, sync::Arc, vec::Vec};
use core::{fmt::Debug, ops::RangeInclusive};

use once_cell::race::OnceBox;

/// Runs independent pieces of work, perhaps on several threads.
pub trait Executor: Debug + Send + Sync {
    /// Calls `work(i)` once for each `i` below `n`, in any order, and returns when all have returned.
    fn for_each(&self, n: usize, work: &(dyn Fn(usize) + Sync));

    /// How many pieces are worth making.
    fn width(&self) -> usize {
        1
    }
}

/// Everything on the calling thread.
#[derive(Debug, Clone, Copy, Default)]
pub struct Serial;

impl Executor for Serial {
    fn for_each(&self, n: usize, work: &(dyn Fn(usize) + Sync)) {
        (0..n).for_each(work);
    }
}

/// `work(0)` to `work(n - 1)`, on the executor's threads, the results in order.
pub fn map_each<R: Send + Sync>(
    executor: &dyn Executor,
    n: usize,
    work: &(dyn Fn(usize) -> R + Sync),
) -> Vec<R> {
    if n <= 1 || executor.width() <= 1 {
        return (0..n).map(work).collect();
    }
    // Shared for a moment, so that it can be taken out without a copy.
    let results: Vec<OnceBox<Arc<R>>> = (0..n).map(|_| OnceBox::new()).collect();
    executor.for_each(n, &|i| {
        if let Some(result) = results.get(i) {
            let _is_first = result.set(Box::new(Arc::new(work(i))));
        }
    });
    let take = |(i, result): (usize, OnceBox<Arc<R>>)| {
        let shared = result.get().map(Arc::clone);
        drop(result);
        shared.and_then(Arc::into_inner).unwrap_or_else(|| work(i))
    };
    results.into_iter().enumerate().map(take).collect()
}

/// Does `work` on chunks of the items, on the executor's threads: the results in the order of the items, or the error of
/// the first chunk that has one.
///
/// All threads get equal shares, in chunks of at most the upper end of `sizes`. Smaller than its lower end, a chunk is not
/// worth a thread of its own.
///
/// # Errors
/// Those of `work`.
pub fn in_chunks<T: Sync, R: Send + Sync, E: Send + Sync>(
    executor: &dyn Executor,
    items: &[T],
    sizes: RangeInclusive<usize>,
    work: &(dyn Fn(&[T]) -> Result<R, E> + Sync),
) -> Result<Vec<R>, E> {
    let (smallest, largest) = (*sizes.start().max(&1), *sizes.end().max(&1));
    let width = executor.width().max(1);
    let rounds = items.len().div_ceil(largest.saturating_mul(width));
    let pieces = rounds.saturating_mul(width).min(items.len().div_ceil(smallest)).max(1);
    let chunks: Vec<&[T]> = items.chunks(items.len().div_ceil(pieces).max(1)).collect();
    let one = |i: usize| chunks.get(i).copied().map(work);
    map_each(executor, chunks.len(), &one).into_iter().flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::sync::atomic::{AtomicUsize, Ordering::Relaxed};

    /// Several threads, the last piece first.
    #[derive(Debug)]
    struct Backwards;

    impl Executor for Backwards {
        fn for_each(&self, n: usize, work: &(dyn Fn(usize) + Sync)) {
            (0..n).rev().for_each(work);
        }

        fn width(&self) -> usize {
            4
        }
    }

    /// Does nothing.
    #[derive(Debug)]
    struct Lazy;

    impl Executor for Lazy {
        fn for_each(&self, _: usize, _: &(dyn Fn(usize) + Sync)) {}

        fn width(&self) -> usize {
            4
        }
    }

    const ALL: [&dyn Executor; 3] = [&Serial, &Backwards, &Lazy];

    #[test]
    fn results_are_in_order_and_the_first_error_counts() {
        for executor in ALL {
            for count in [0, 1, 7, 8, 9, 100, 1_000] {
                let items: Vec<usize> = (0..count).collect();
                let doubled = in_chunks::<_, _, ()>(executor, &items, 8..=128, &|chunk| {
                    Ok(chunk.iter().map(|item| 2 * item).collect::<Vec<_>>())
                });
                assert_eq!(doubled.unwrap().concat(), items.iter().map(|item| 2 * item).collect::<Vec<_>>());
            }
            let items: Vec<usize> = (0..1_000).collect();
            let error = in_chunks(executor, &items, 8..=128, &|chunk| match chunk {
                [first, ..] if *first >= 900 => Err(2),
                _ if chunk.contains(&300) => Err(1),
                _ => Ok(()),
            });
            assert_eq!(error, Err(1));
        }
    }

    #[test]
    fn chunks_are_equal_shares_within_the_sizes() {
        let sizes = |executor: &dyn Executor, count: usize| {
            in_chunks::<_, _, ()>(executor, &alloc::vec![(); count], 32..=1024, &|chunk| Ok(chunk.len()))
                .unwrap()
        };
        assert_eq!(sizes(&Serial, 10), [10]);
        assert_eq!(sizes(&Serial, 2_000), [1_000, 1_000]);
        assert_eq!(sizes(&Backwards, 1_000), [250; 4]);
        assert_eq!(sizes(&Backwards, 8_192), [1_024; 8]);
        assert_eq!(sizes(&Backwards, 70), [24, 24, 22]);
        assert_eq!(sizes(&Backwards, 31), [31]);
    }

    #[test]
    fn each_piece_is_done_once_or_by_the_caller() {
        for executor in ALL {
            let calls = AtomicUsize::new(0);
            let squares = map_each(executor, 50, &|i| {
                calls.fetch_add(1, Relaxed);
                i * i
            });
            assert!(squares.into_iter().eq((0..50).map(|i| i * i)));
            assert_eq!(calls.into_inner(), 50);
        }
    }
}
