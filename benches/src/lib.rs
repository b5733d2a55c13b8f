//! Benchmarks of Pleach: the files under `benches/`, run by `cargo bench -p pleach-benches`.
//!
//! Times are compared as ratios within one run: an operation of the library against the sum of the primitives that
//! it cannot do without, which `primitives` measures.
