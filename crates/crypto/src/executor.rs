//! Threads are an input, too: work that splits is handed to an [`Executor`].

use core::fmt::Debug;

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
