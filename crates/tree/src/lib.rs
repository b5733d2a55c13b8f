#![doc = include_str!("../README.md")]
#![no_std]
#![warn(clippy::indexing_slicing)]

extern crate alloc;
#[cfg(test)]
extern crate std;

mod apply_path;
mod blank;
mod create_path;
mod edit;
mod error;
mod features;
mod hash;
mod hash_cell;
mod key_index;
mod key_rows;
mod leaf_row;
mod members;
mod needs;
mod nodes;
mod path;
mod position;
mod private;
mod row;
mod rows;
mod slot;
mod tree;
mod verify;

pub use create_path::{NewLeaf, PendingPath};
pub use error::TreeError;
pub use features::Capability;
pub use key_index::{KeyKind, KeyName, KeyTag};
pub use key_rows::KeyChange;
pub use private::TreePrivate;
pub use rows::{Change, NodeRows};
pub use slot::Parent;
pub use tree::{Leaves, PathStep, RatchetTree};
