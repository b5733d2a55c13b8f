//! The rules that this crate enforces, each broken once. Official vectors are in the conformance crate.

mod private;
mod public;
mod sender;

use crate::*;
use alloc::{boxed::Box, vec, vec::Vec};
use pleach_crypto::{CipherSuite, Secret, SecureRandom, Signer, Verifier};
use pleach_key_schedule::{EncryptionSecret, RatchetLimits, SecretTree};
use pleach_rustcrypto::{SUITES, SystemRandom};
use pleach_wire::{
    Add, Capabilities, Commit, Content, Credential, Extensions, FramedContent, Kept, KeyPackage, LeafIndex,
    LeafNode, LeafNodeSource, Lifetime, Opaque, Proposal, ProtocolVersion, Remove, Sender, TreeSize,
    UpdatePath, WireFormat,
};

const GROUP_ID: &[u8] = b"group";
const EPOCH: u64 = 7;
const MEMBER: Sender = Sender::Member(LeafIndex(1));

/// Suite 1.
fn suite() -> &'static CipherSuite {
    &SUITES[0]
}

fn epoch() -> EpochContext<'static> {
    EpochContext {
        suite: suite(),
        group_id: GROUP_ID,
        epoch: EPOCH,
        group_context: b"an encoded GroupContext",
        external_proposal_types: &[],
    }
}

fn membership_key() -> Secret {
    Secret::from(vec![1; 32])
}

fn sender_data_secret() -> Secret {
    Secret::from(vec![2; 32])
}

fn tree() -> SecretTree {
    let secret = EncryptionSecret::from_secret(Secret::from(vec![3; 32]));
    SecretTree::new(TreeSize::from_leaf_count(2).unwrap(), secret, RatchetLimits::default())
}

fn signer() -> Box<dyn Signer> {
    suite().signature.load_signer(&Secret::from(vec![4; 32])).unwrap()
}

fn verifier() -> Box<dyn Verifier> {
    suite().signature.load_verifier(signer().public()).unwrap()
}

fn content(sender: Sender, content: Content) -> FramedContent {
    let authenticated_data = Opaque::from(b"authenticated");
    FramedContent { group_id: GROUP_ID.into(), epoch: EPOCH, sender, authenticated_data, content }
}

fn application() -> Content {
    Content::Application(Opaque::from(b"hello"))
}

fn remove() -> Content {
    Content::Proposal(Proposal::Remove(Remove { removed: LeafIndex(0) }))
}

fn commit(path: Option<UpdatePath>) -> Content {
    Content::Commit(Commit { proposals: Vec::new().into(), path })
}

fn leaf_node() -> Kept<LeafNode> {
    let lifetime = Lifetime { not_before: 0, not_after: u64::MAX };
    Kept::new(LeafNode {
        encryption_key: Vec::new().into(),
        signature_key: signer().public().into(),
        credential: Credential::basic(b"new"),
        capabilities: Capabilities::default(),
        leaf_node_source: LeafNodeSource::KeyPackage(lifetime),
        extensions: Extensions::default(),
        signature: Opaque::default(),
    })
    .unwrap()
}

fn path() -> UpdatePath {
    UpdatePath { leaf_node: leaf_node(), nodes: Vec::new().into() }
}

fn add() -> Content {
    let key_package = Kept::new(KeyPackage {
        version: ProtocolVersion::MLS10,
        cipher_suite: suite().id,
        init_key: Vec::new().into(),
        leaf_node: leaf_node(),
        extensions: Extensions::default(),
        signature: Opaque::default(),
    });
    Content::Proposal(Proposal::Add(Add { key_package: key_package.unwrap() }))
}

/// Signed, and with a confirmation tag if it is a Commit.
fn signed(wire_format: WireFormat, sender: Sender, body: Content) -> AuthenticatedContent {
    let is_commit = matches!(body, Content::Commit(_));
    let mut content = sign_content(&epoch(), &*signer(), wire_format, content(sender, body)).unwrap();
    content.auth.confirmation_tag = is_commit.then(|| Opaque::from(b"tag"));
    content
}

/// Randomness that is not there.
#[derive(Debug)]
struct NoRandom;

impl SecureRandom for NoRandom {
    fn fill(&self, _: &mut [u8]) -> Result<(), pleach_crypto::CryptoError> {
        Err(pleach_crypto::CryptoError::RandomUnavailable)
    }
}
