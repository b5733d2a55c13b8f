//! Threads for the work that splits: checking the leaves of a tree that is joined, sealing path secrets.
//!
//! Results do not depend on the executor; only time does.

use pleach_crypto::Executor;
use std::sync::Arc;

/// Spreads work over rayon's thread pool: the one that `for_each` is called in, else the global one.
#[cfg(feature = "parallel")]
#[derive(Debug, Clone, Copy, Default)]
pub struct Threads;

#[cfg(feature = "parallel")]
impl Executor for Threads {
    fn for_each(&self, n: usize, work: &(dyn Fn(usize) + Sync)) {
        use rayon::prelude::*;
        (0..n).into_par_iter().for_each(work);
    }

    fn width(&self) -> usize {
        rayon::current_num_threads()
    }
}

/// What a client uses unless told otherwise.
pub(crate) fn default_executor() -> Arc<dyn Executor> {
    #[cfg(feature = "parallel")]
    return Arc::new(Threads);
    #[cfg(not(feature = "parallel"))]
    return Arc::new(pleach_crypto::Serial);
}

#[cfg(all(test, feature = "parallel"))]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

    #[test]
    fn each_piece_is_done_once() {
        let done: Vec<_> = (0..100).map(|_| AtomicUsize::new(0)).collect();
        Threads.for_each(done.len(), &|i| {
            done[i].fetch_add(1, Relaxed);
        });
        assert!(done.iter().all(|count| count.load(Relaxed) == 1));
        assert!(Threads.width() >= 1);
    }
}
