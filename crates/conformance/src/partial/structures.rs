//! What travels besides MLS's own messages for clients without the tree (draft-ietf-mls-partial).
//!
//! Decoding is as strict as that of `pleach-wire`, of whose parts these structures consist. What a proof proves is checked
//! in `proof.rs`, not here.

use pleach_wire::{Encode, EncodeError, LeafIndex, List, MlsMessage, Node, Opaque, Reader, Welcome};
use tls_codec::{DeserializeBytes, Size};

/// Fields in wire order, each with the function of [`Reader`] that reads it.
macro_rules! structure {
    (
        $(#[$doc:meta])*
        $name:ident { $($(#[$field_doc:meta])* $field:ident: $type:ty = $read:ident,)* }
    ) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub struct $name {
            $($(#[$field_doc])* pub $field: $type,)*
        }

        impl Encode for $name {
            fn encoded_len(&self) -> usize {
                0 $(+ self.$field.encoded_len())*
            }

            fn encode_into(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
                let Self { $($field),* } = self;
                $($field.encode_into(out)?;)*
                Ok(())
            }
        }

        impl Size for $name {
            fn tls_serialized_len(&self) -> usize {
                self.encoded_len()
            }
        }

        impl DeserializeBytes for $name {
            fn tls_deserialize_bytes(bytes: &[u8]) -> Result<(Self, &[u8]), tls_codec::Error> {
                let mut reader = Reader::new(bytes);
                let value = Self { $($field: reader.$read()?,)* };
                Ok((value, reader.remaining()))
            }
        }
    };
}

structure! {
    /// The tree hash of a node beside the path.
    CopathHash {
        /// The hash.
        hash_value: Opaque = read,
    }
}

structure! {
    /// One `optional<Node>` of a path: absent if the node is blank.
    PathNode {
        /// The node.
        node: Option<Node> = read_optional,
    }
}

structure! {
    /// The path from a leaf to the root, and the hashes of the subtrees beside it: from these the root's tree hash can be
    /// computed.
    MembershipProof {
        /// The leaf.
        leaf_index: LeafIndex = read,
        /// The number of leaves of the tree, blank ones included.
        n_leaves: u32 = read,
        /// The nodes, from the leaf to the root.
        direct_path_nodes: List<PathNode> = read,
        /// The tree hashes of the copath, from the leaf's sibling up: one less than there are nodes.
        copath_hashes: List<CopathHash> = read,
    }
}

structure! {
    /// A Welcome for a client that will not have the tree.
    AnnotatedWelcome {
        /// The Welcome, with the proof of the member that signed its GroupInfo.
        welcome: SenderAuthenticatedMessage<Welcome> = read,
        /// The proof of the new member.
        joiner_membership_proof: MembershipProof = read,
    }
}

structure! {
    /// A Commit for a client that does not have the tree.
    AnnotatedCommit {
        /// A PublicMessage or PrivateMessage.
        commit: MlsMessage = read,
        /// The proof of the committer in the tree before; absent of an external Commit.
        sender_membership_proof: Option<MembershipProof> = read_optional,
        /// The hash of the tree after.
        tree_hash_after: Opaque = read,
        /// Which of the ciphertexts is the receiver's; absent if the Commit has no path.
        resolution_index: Option<u32> = read_optional,
        /// The proof of the committer in the tree after.
        sender_membership_proof_after: MembershipProof = read,
        /// The proof of the receiver in the tree after.
        receiver_membership_proof_after: MembershipProof = read,
    }
}

/// A message with the proof of the member that sent it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SenderAuthenticatedMessage<T> {
    /// A PublicMessage, PrivateMessage, GroupInfo or Welcome.
    pub message: T,
    /// The proof of its sender.
    pub sender_membership_proof: MembershipProof,
}

impl<T: Encode> Encode for SenderAuthenticatedMessage<T> {
    fn encoded_len(&self) -> usize {
        self.message.encoded_len() + self.sender_membership_proof.encoded_len()
    }

    fn encode_into(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        self.message.encode_into(out)?;
        self.sender_membership_proof.encode_into(out)
    }
}

impl<T: Encode> Size for SenderAuthenticatedMessage<T> {
    fn tls_serialized_len(&self) -> usize {
        self.encoded_len()
    }
}

impl<T: Encode + DeserializeBytes> DeserializeBytes for SenderAuthenticatedMessage<T> {
    fn tls_deserialize_bytes(bytes: &[u8]) -> Result<(Self, &[u8]), tls_codec::Error> {
        let mut reader = Reader::new(bytes);
        let value = Self { message: reader.read()?, sender_membership_proof: reader.read()? };
        Ok((value, reader.remaining()))
    }
}
