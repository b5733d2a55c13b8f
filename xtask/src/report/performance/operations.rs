//! The measured operations, in the order of the page.

/// An operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Operation {
    /// Its name in results.
    pub(crate) name: &'static str,
    /// Its name on the page.
    pub(crate) title: &'static str,
    /// Whether its work is shared among threads, so that wall time is another thing than CPU time.
    pub(crate) threads: bool,
    /// Whether it is measured with the allocator of the system, too: where memory is much of the cost.
    pub(crate) allocators: bool,
}

const fn operation(name: &'static str, title: &'static str) -> Operation {
    Operation { name, title, threads: false, allocators: false }
}

const fn allocating(name: &'static str, title: &'static str) -> Operation {
    Operation { allocators: true, ..operation(name, title) }
}

const fn threaded(name: &'static str, title: &'static str) -> Operation {
    Operation { threads: true, ..operation(name, title) }
}

/// Every operation that takes time.
pub(crate) const OPERATIONS: [Operation; 34] = [
    operation("key_package", "Make a KeyPackage"),
    threaded("create", "Create a group of n in one Commit, merge included"),
    operation("create_merge", "Create a group of n: the merge alone"),
    threaded("join", "Join by Welcome, tree beside"),
    threaded("join_fresh", "Join by Welcome, fresh tree beside"),
    threaded("join_tree_inside", "Join by Welcome, tree inside"),
    threaded("external_join", "Join by external Commit"),
    allocating("commit", "Own Commit, path only, full tree: create and merge"),
    operation("build", "Own Commit: create alone"),
    operation("merge", "Own Commit: merge alone"),
    threaded("commit_fresh", "Own Commit on a fresh tree: create and merge"),
    allocating("process", "Process a Commit, full tree: mean over receivers"),
    operation("process_worst", "Process a Commit, full tree: the sender's sibling"),
    allocating("commit_public", "Own Commit as a PublicMessage: create and merge"),
    allocating("process_public", "Process a Commit that is a PublicMessage: mean over receivers"),
    operation("process_fresh", "Process a Commit on a fresh tree"),
    operation("add_tree_beside", "Add a member, tree beside"),
    operation("add_tree_inside", "Add a member, tree inside the Welcome"),
    operation("process_add", "Process a Commit that adds"),
    operation("remove", "Remove a member"),
    operation("process_remove", "Process a Commit that removes"),
    allocating("encrypt_100", "Encrypt 100 B"),
    allocating("encrypt_100_first", "Encrypt 100 B: first of the epoch"),
    allocating("decrypt_100", "Decrypt 100 B"),
    allocating("decrypt_100_first", "Decrypt 100 B: first of its sender"),
    operation("encrypt_1k", "Encrypt 1 KiB"),
    operation("encrypt_1k_first", "Encrypt 1 KiB: first of the epoch"),
    operation("decrypt_1k", "Decrypt 1 KiB"),
    operation("decrypt_1k_first", "Decrypt 1 KiB: first of its sender"),
    allocating("store_reopen_send", "Open a stored group and send one message"),
    operation("open", "Open a stored group"),
    operation("commit_cold", "Own Commit: first after opening"),
    operation("process_cold", "Process a Commit: first after opening"),
    operation("cycle", "The cycle: commit, merge, process, send, receive, store, reopen"),
];

/// By name.
pub(crate) fn find(name: &str) -> Option<&'static Operation> {
    OPERATIONS.iter().find(|operation| operation.name == name)
}

/// The operations of the tree as creating the group made it, and of the tree that everybody has committed to: what a run does
/// in one go, so that what takes too long ends all of the part.
const FRESH: [&str; 5] = ["create", "create_merge", "join_fresh", "commit_fresh", "process_fresh"];

/// A part of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    KeyPackages,
    Populated,
    Fresh,
    /// In a process of its own.
    Heap,
}

impl Part {
    /// Those that one process does, in its order.
    pub(crate) const ALL: [Self; 3] = [Self::KeyPackages, Self::Populated, Self::Fresh];

    /// Its operations.
    pub(crate) fn operations(self) -> impl Iterator<Item = &'static str> {
        OPERATIONS.iter().map(|operation| operation.name).filter(move |name| Self::of(name) == self)
    }

    /// The part that an operation, or a step between operations, is in.
    pub(crate) fn of(operation: &str) -> Self {
        match operation {
            "key_package" => Self::KeyPackages,
            "heap" | "heap_used" | "heap_peak" => Self::Heap,
            _ if FRESH.contains(&operation) => Self::Fresh,
            _ => Self::Populated,
        }
    }
}
