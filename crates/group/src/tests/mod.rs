//! A test for each rule of RFC 9420 that this crate enforces: a message that breaks exactly that rule, signed and tagged
//! as it should be otherwise, is refused with a typed error and changes nothing; its well-formed twin is accepted.
//!
//! `driver` is a client over a map of rows; `evil` makes the messages that no honest client would.

mod driver;
mod evil;
mod invitation;
mod outsider;

mod commits;
mod creating;
mod external_commits;
mod joined_trees;
mod key_packages;
mod numbering;
mod observing;
mod processing;
mod proposals;
mod review;
mod successor;
mod welcome;
mod x509;
