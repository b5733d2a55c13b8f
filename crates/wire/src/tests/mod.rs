//! Tests of the whole crate: one sample of every structure, what must not decode, and what must not happen.

mod fields;
mod robust;
mod samples;
mod strict;
