#![doc = include_str!("../README.md")]
#![no_std]
#![warn(clippy::indexing_slicing)]

extern crate alloc;
#[cfg(test)]
extern crate std;

mod blank;
mod edit;
mod error;
mod features;
mod hash;
mod key_index;
mod nodes;
mod position;
mod slot;
mod tree;

pub use error::TreeError;
pub use features::Capability;
pub use slot::Parent;
pub use tree::{Leaves, PathStep, RatchetTree};
