//! Pleach: criterion benchmarks
