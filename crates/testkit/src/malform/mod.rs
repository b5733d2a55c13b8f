//! Messages that break exactly one rule.
//!
//! A [`Forger`] is a member of a group, and knows the keys of some other members, but none of the rules: it computes what
//! a Commit, a Welcome or a GroupInfo needs, lets a test change it at any stage ([`Tamper`]), and computes whatever depends
//! on the change anew. So the message is signed and tagged as it should be, and is refused for the one thing that is wrong
//! with it, or not at all.
//!
//! A [`BrokenCommit`] is a Commit by the name of what is wrong with it; others are put together where they are needed.
//!
//! It is made of the floors below the group (tree, key schedule, wire) and uses nothing of the group itself. Its Commits
//! and proposals travel as PublicMessages.

mod broken;
mod commit;
mod forger;
mod sign;
mod welcome;

pub use broken::BrokenCommit;
pub use commit::{ForgedCommit, Listed};
pub use forger::{Forger, Tamper};
pub use sign::{reframe_public, resign_group_info, resign_key_package, resign_leaf, sign_public};
