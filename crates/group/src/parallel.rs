//! Work on many items at once: in chunks, on the executor's threads, with the results in the order of the items.
//!
//! Invariant: result and error do not depend on the executor; the error is that of the first chunk that has one.

use crate::GroupError;
use alloc::{boxed::Box, vec::Vec};
use once_cell::race::OnceBox;
use pleach_crypto::Executor;

/// Items in a chunk, at most: enough to gain from a batch of signatures, few enough to share among threads.
const LARGEST: usize = 128;
/// And at least, where there are several threads: handing out less is not worth it.
const SMALLEST: usize = 8;

/// Does `work` on chunks of the items.
pub(crate) fn in_chunks<T: Sync, R: Clone + Send + Sync>(
    executor: &dyn Executor,
    items: &[T],
    work: &(dyn Fn(&[T]) -> Result<R, GroupError> + Sync),
) -> Result<Vec<R>, GroupError> {
    let share = items.len().div_ceil(executor.width().max(1)).clamp(SMALLEST, LARGEST);
    if items.len() <= share {
        return if items.is_empty() { Ok(Vec::new()) } else { Ok(Vec::from([work(items)?])) };
    }
    let chunks: Vec<&[T]> = items.chunks(share).collect();
    let results: Vec<OnceBox<Result<R, GroupError>>> = chunks.iter().map(|_| OnceBox::new()).collect();
    executor.for_each(chunks.len(), &|i| {
        if let (Some(chunk), Some(result)) = (chunks.get(i), results.get(i)) {
            let _is_first = result.set(Box::new(work(chunk)));
        }
    });
    results.iter().map(|result| result.get().cloned().unwrap_or_else(|| Err(skipped()))).collect()
}

fn skipped() -> GroupError {
    pleach_tree::TreeError::Misuse("the executor skipped some work").into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{GroupError, MisuseError};

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
    }

    #[test]
    fn results_are_in_order_and_the_first_error_counts() {
        for count in [0, 1, 7, 8, 9, 100, 1_000] {
            let items: Vec<usize> = (0..count).collect();
            let doubled = in_chunks(&Backwards, &items, &|chunk| {
                Ok(chunk.iter().map(|item| 2 * item).collect::<Vec<_>>())
            });
            assert_eq!(doubled.unwrap().concat(), items.iter().map(|item| 2 * item).collect::<Vec<_>>());
        }
        let items: Vec<usize> = (0..1_000).collect();
        let error = in_chunks(&Backwards, &items, &|chunk| match chunk {
            [first, ..] if *first >= 900 => Err::<(), GroupError>(MisuseError::TooLong.into()),
            _ if chunk.contains(&300) => Err(MisuseError::Stale.into()),
            _ => Ok(()),
        });
        assert_eq!(error, Err(MisuseError::Stale.into()));
    }

    #[test]
    fn work_that_was_skipped_is_no_result() {
        assert!(in_chunks(&Lazy, &[0; 1_000], &|_| Ok(())).is_err());
    }
}
