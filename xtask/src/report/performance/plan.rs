//! What a run measures: sizes, providers, rounds, samples, and how much time each may take.
//!
//! A round runs everybody once, in turn, so that a machine that slows down does so for all. Libraries' fastest providers have
//! more rounds than the others.

use super::operations::{self, Part};
use crate::report::peers::Library;
use std::ops::RangeInclusive;
use std::time::Duration;

/// Sizes of a whole run, and of a quick one.
pub(crate) const SIZES: [u64; 7] = [2, 10, 100, 1_000, 10_000, 100_000, 1_000_000];
pub(crate) const QUICK_SIZES: [u64; 4] = [2, 100, 1_000, 10_000];

/// Providers of cryptography, the fastest first.
pub(crate) const fn providers(library: Library) -> &'static [&'static str] {
    match library {
        Library::Pleach => &["aws-lc", "rustcrypto", "ring", "post-quantum", "post-quantum-ml-dsa"],
        Library::Openmls => &["libcrux", "rustcrypto"],
        Library::MlsRs => &["aws-lc", "rustcrypto"],
    }
}

/// One process: a library with a provider at a size.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Run {
    pub(crate) what: Subject,
    pub(crate) provider: &'static str,
    pub(crate) n: u64,
    pub(crate) round: u64,
}

/// What is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Subject {
    /// The primitives of one of our backends.
    Floor,
    /// A library's operations, on one processor.
    Library(Library),
    /// Our operations that threads share, on all processors.
    Threads,
    /// Our operations in which memory is much of the cost, with the system's allocator.
    System,
    /// A member's memory, in a process of its own.
    Heap(Library),
}

impl Subject {
    /// The library, whose binary does it.
    pub(crate) const fn library(self) -> Library {
        match self {
            Self::Floor | Self::Threads | Self::System => Library::Pleach,
            Self::Library(library) | Self::Heap(library) => library,
        }
    }

    /// Whether it is measured with the allocator of the system: for memory, since that one counts what is allocated.
    pub(crate) const fn has_system_allocator(self) -> bool {
        matches!(self, Self::System | Self::Heap(_))
    }

    /// Its name in results.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Floor => "floor",
            Self::Library(library) => library.name(),
            Self::Threads => "pleach threads",
            Self::System => "pleach system",
            Self::Heap(Library::Pleach) => "pleach heap",
            Self::Heap(Library::Openmls) => "openmls heap",
            Self::Heap(Library::MlsRs) => "mls-rs heap",
        }
    }
}

/// What to run at all.
pub(crate) struct Choice<'o> {
    pub(crate) sizes: &'o [u64],
    pub(crate) libraries: &'o [Library],
    /// None: the fastest of each library in every round, the others in the first, unless the run is a quick one.
    pub(crate) providers: &'o [String],
    pub(crate) quick: bool,
}

/// All runs, in their order.
pub(crate) fn runs(choice: &Choice<'_>) -> Vec<Run> {
    let mut runs = Vec::new();
    for &n in choice.sizes {
        for round in 0..rounds(n, choice.quick) {
            for &library in choice.libraries {
                for (rank, provider) in providers(library).iter().copied().enumerate() {
                    let named = choice.providers.iter().any(|name| name == provider);
                    let wanted = if choice.providers.is_empty() {
                        rank == 0 || (!choice.quick && round == 0)
                    } else {
                        named
                    };
                    if !wanted || (n > largest(rank) && !named) {
                        continue;
                    }
                    if library == Library::Pleach {
                        runs.push(Run { what: Subject::Floor, provider, n, round });
                    }
                    runs.push(Run { what: Subject::Library(library), provider, n, round });
                    if library == Library::Pleach && rank == 0 && round == 0 && n >= LEAST_SHARED {
                        runs.push(Run { what: Subject::Threads, provider, n, round });
                    }
                    let is_system = SYSTEM_SIZES.contains(&n) && !choice.quick;
                    if library == Library::Pleach && rank == 0 && round == 0 && is_system {
                        runs.push(Run { what: Subject::System, provider, n, round });
                    }
                    if rank == 0 && round == 0 && n >= LEAST_HEAP {
                        runs.push(Run { what: Subject::Heap(library), provider, n, round });
                    }
                }
            }
        }
    }
    runs
}

/// Below, there is too little work to share.
const LEAST_SHARED: u64 = 1_000;
/// Where allocators are compared.
const SYSTEM_SIZES: RangeInclusive<u64> = 100..=100_000;
/// Below, a member's memory is lost among the rest of a process.
const LEAST_HEAP: u64 = 1_000;

/// The largest group that is measured with a provider: a million members with the fastest of each library, so that a run is over
/// within an hour.
const fn largest(rank: usize) -> u64 {
    match rank {
        0 => u64::MAX,
        1..=2 => 100_000,
        // A tree with keys of a kilobyte is longer than a message may be.
        3 => 10_000,
        _ => 1_000,
    }
}

/// Above, a group is not created by one Commit, and the synthetic groups have no KeyPackages for it; nor does a Welcome have the
/// tree inside, which would be larger than any message may be.
const LARGEST_MESSAGES: u64 = 200_000;

/// Whether a run measures an operation.
pub(crate) fn possible(operation: &str, run: &Run) -> bool {
    let inside = matches!(operation, "add_tree_inside" | "join_tree_inside");
    let found = operations::find(operation);
    let is_shared = found.is_some_and(|operation| operation.threads);
    let is_compared = found.is_some_and(|operation| operation.allocators);
    (run.what != Subject::Threads || is_shared)
        && (run.what != Subject::System || is_compared)
        && (run.n <= LARGEST_MESSAGES || !(inside || Part::of(operation) == Part::Fresh))
}

/// Seconds of CPU for one operation after which a library's series ends, of the given number for others: ours goes on to the end, so that its
/// line is complete.
pub(crate) fn limit(library: Library, seconds: u64) -> u64 {
    if library == Library::Pleach { seconds.saturating_mul(10) } else { seconds }
}

/// How many members of the synthetic group join and are measured. Each joins by external Commit, which is O(n); two of them are
/// siblings, and one is at the last leaf.
pub(crate) const fn parties(n: u64) -> u32 {
    match n {
        0..=10_000 => 7,
        10_001..=100_000 => 5,
        _ => 4,
    }
}

/// How often everybody is run.
const fn rounds(n: u64, quick: bool) -> u64 {
    match n {
        _ if quick => 1,
        0..=10_000 => 3,
        _ => 1,
    }
}

/// How often an operation is measured in one run, if there is time. A client keeps 1,024 KeyPackages, of which a sample makes 20.
pub(crate) const fn samples(n: u64, quick: bool) -> u32 {
    match n {
        _ if quick => 5,
        0..=100_000 => 20,
        _ => 12,
    }
}

/// Wall time that a run is meant to take, with all that it sets up. All together: less than an hour.
pub(crate) const fn budget(run: &Run, quick: bool) -> Duration {
    let seconds = match (run.n, quick) {
        (0..=10, false) => 5,
        (11..=100, false) => 8,
        (101..=1_000, false) => 15,
        (1_001..=10_000, false) => 40,
        (10_001..=100_000, false) => 90,
        (_, false) => 240,
        (0..=100, true) => 5,
        (101..=1_000, true) => 12,
        (_, true) => 45,
    };
    // What threads share is a part of all, and so is that by which allocators are compared.
    let share = if matches!(run.what, Subject::Threads | Subject::System) { 3 } else { 1 };
    Duration::from_secs(seconds / share)
}

/// How long each of the five parts of a run goes on repeating its operations.
pub(crate) fn patience(run: &Run, quick: bool) -> Duration {
    Duration::from_secs((budget(run, quick).as_secs() / 6).max(1))
}

/// Wall time after which a run is ended: it may have been in the middle of an operation, or of setting up.
pub(crate) fn most(run: &Run, quick: bool) -> Duration {
    budget(run, quick) * 2 + Duration::from_secs(120)
}

#[cfg(test)]
mod tests {
    use super::{Choice, QUICK_SIZES, SIZES, Subject, budget, possible, runs};
    use crate::report::peers::Library;

    fn choice<'o>(sizes: &'o [u64], quick: bool) -> Choice<'o> {
        Choice { sizes, libraries: &Library::ALL, providers: &[], quick }
    }

    #[test]
    fn everybody_is_run_in_turn_beside_the_floor() {
        let runs = runs(&choice(&[100], false));
        let turn: Vec<_> =
            runs.iter().filter(|run| run.round == 1).map(|run| (run.what, run.provider)).collect();
        assert_eq!(
            turn,
            [
                (Subject::Floor, "aws-lc"),
                (Subject::Library(Library::Pleach), "aws-lc"),
                (Subject::Library(Library::Openmls), "libcrux"),
                (Subject::Library(Library::MlsRs), "aws-lc"),
            ]
        );
        let threads = self::runs(&choice(&[100, 1_000], false));
        let threads: Vec<_> = threads.into_iter().filter(|run| run.what == Subject::Threads).collect();
        assert!(threads.len() == 1 && threads.iter().all(|run| run.n == 1_000));
        assert_eq!(runs.iter().filter(|run| run.round == 0).count(), 15);
    }

    #[test]
    fn allocators_are_compared_by_some_operations_in_runs_of_their_own() {
        let all = runs(&choice(&SIZES, false));
        let system: Vec<_> = all.iter().filter(|run| run.what == Subject::System).collect();
        assert_eq!(system.iter().map(|run| run.n).collect::<Vec<_>>(), [100, 1_000, 10_000, 100_000]);
        assert!(system.iter().all(|run| run.provider == "aws-lc" && run.what.has_system_allocator()));
        let [process, join] = ["process", "join"].map(|operation| possible(operation, system[0]));
        assert!(process && !join);
        assert!(
            all.iter()
                .all(|run| !matches!(run.what, Subject::Library(_)) || !run.what.has_system_allocator())
        );
        assert!(runs(&choice(&QUICK_SIZES, true)).iter().all(|run| run.what != Subject::System));
    }

    #[test]
    fn post_quantum_trees_stay_below_the_largest_message() {
        let runs = runs(&choice(&SIZES, false));
        let largest =
            |provider: &str| runs.iter().filter(|run| run.provider == provider).map(|run| run.n).max();
        assert_eq!(largest("post-quantum"), Some(10_000));
        assert_eq!(largest("post-quantum-ml-dsa"), Some(1_000));
        assert_eq!((largest("ring"), largest("aws-lc")), (Some(100_000), Some(1_000_000)));
    }

    #[test]
    fn a_run_fits_into_its_time() {
        let time = |sizes: &[u64], quick| {
            let runs = runs(&choice(sizes, quick));
            let libraries = runs.iter().filter(|run| !matches!(run.what, Subject::Floor | Subject::Heap(_)));
            libraries.map(|run| budget(run, quick).as_secs()).sum::<u64>()
        };
        assert!(time(&SIZES, false) <= 58 * 60, "{}", time(&SIZES, false));
        assert!(time(&QUICK_SIZES, true) <= 4 * 60, "{}", time(&QUICK_SIZES, true));
    }

    #[test]
    fn one_provider_alone() {
        let providers = ["ring".to_owned()];
        let choice = Choice { providers: &providers, ..choice(&[2, 10], true) };
        assert!(runs(&choice).iter().all(|run| run.provider == "ring"));
        assert_eq!(runs(&choice).len(), 4);
    }
}
