//! The structures of draft-ietf-mls-partial (a client without the ratchet tree), as far as its vectors go.
//!
//! A partial client knows of the tree what [`MembershipProof`]s tell: the nodes from one leaf to the root, and the hashes
//! of the subtrees beside them. Here is what it takes to check the vectors, and no client: nobody keeps a state, receives
//! messages or sends. The vectors are here because they are the only public ones with post-quantum suites; so all that they
//! need of MLS itself is the library's: the structures, the hashes' inputs, the labelled functions, the key schedule.
//!
//! The suites 8, 9 and 10 of the vectors are the numbers of the library that made them, which are registered nowhere.

pub mod annotated_welcome;
pub mod membership_proofs;
pub mod message_syntax;
mod path;
mod proof;
pub mod structures;
pub mod tree_operations;

pub use structures::{
    AnnotatedCommit, AnnotatedWelcome, CopathHash, MembershipProof, PathNode, SenderAuthenticatedMessage,
};

use crate::VectorFile;

/// The files, from the simplest on.
pub(crate) static FILES: [&VectorFile; 4] =
    [&message_syntax::FILE, &membership_proofs::FILE, &tree_operations::FILE, &annotated_welcome::FILE];
