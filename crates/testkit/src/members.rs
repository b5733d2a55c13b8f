//! Leaves of members for tests: signed, with everything in them that a leaf needs.
#![expect(clippy::expect_used, reason = "a test's own values are valid; a panic is a failed test")]

use std::sync::Arc;

use pleach_crypto::{CipherSuite, KemKeyPair, Secret, SecureRandom, Signer};
use pleach_wire::{
    Capabilities, Credential, CredentialType, Extensions, HpkePublicKey, Kept, LeafIndex, LeafNode,
    LeafNodeSource, Lifetime, Opaque, ProtocolVersion, SignaturePublicKey,
};

/// A member's name and signature key.
#[derive(Debug, Clone)]
pub struct Member {
    /// The identity of its basic credential.
    pub name: Vec<u8>,
    /// Its signature key.
    pub signer: Arc<dyn Signer>,
    /// The same as bytes, where a signer is to be made of it elsewhere.
    pub private: Secret,
}

impl Member {
    /// A member with a fresh signature key.
    ///
    /// # Panics
    /// If the randomness fails.
    #[must_use]
    pub fn new(suite: &CipherSuite, name: &[u8], rng: &dyn SecureRandom) -> Self {
        let pair = suite.signature.generate_key_pair(rng).expect("a signature key pair");
        let signer = suite.signature.load_signer(&pair.private).expect("its signer");
        Self { name: name.to_vec(), signer: Arc::from(signer), private: pair.private }
    }

    /// A leaf of this member with a given key and source, signed for the place that the source wants.
    ///
    /// # Panics
    /// If the signer fails.
    #[must_use]
    pub fn leaf(
        &self,
        suite: &CipherSuite,
        encryption_key: &[u8],
        source: LeafNodeSource,
        group_id: &[u8],
        index: u32,
    ) -> Kept<LeafNode> {
        let leaf = LeafNode {
            encryption_key: HpkePublicKey::from(encryption_key),
            signature_key: SignaturePublicKey::from(self.signer.public()),
            credential: Credential::basic(&self.name),
            capabilities: capabilities(suite),
            leaf_node_source: source,
            extensions: Extensions::default(),
            signature: Opaque::default(),
        };
        resign(suite, &*self.signer, leaf, group_id, index)
    }

    /// A leaf from a KeyPackage, with a fresh key.
    ///
    /// # Panics
    /// If the randomness fails.
    #[must_use]
    pub fn new_leaf(&self, suite: &CipherSuite, rng: &dyn SecureRandom) -> (Kept<LeafNode>, Secret) {
        let KemKeyPair { public, private } = suite.kem.generate_key_pair(rng).expect("a KEM key pair");
        (self.leaf(suite, &public, always(), b"", 0), private)
    }

    /// A leaf for an Update, with a fresh key.
    ///
    /// # Panics
    /// If the randomness fails.
    #[must_use]
    pub fn update_leaf(
        &self,
        suite: &CipherSuite,
        group_id: &[u8],
        index: u32,
        rng: &dyn SecureRandom,
    ) -> (Kept<LeafNode>, Secret) {
        let KemKeyPair { public, private } = suite.kem.generate_key_pair(rng).expect("a KEM key pair");
        (self.leaf(suite, &public, LeafNodeSource::Update, group_id, index), private)
    }
}

/// What a client of the suite supports, and nothing else.
#[must_use]
pub fn capabilities(suite: &CipherSuite) -> Capabilities {
    Capabilities {
        versions: vec![ProtocolVersion::MLS10].into(),
        cipher_suites: vec![suite.id].into(),
        credentials: vec![CredentialType::BASIC].into(),
        ..Capabilities::default()
    }
}

/// The source of a leaf that may be used at any time.
#[must_use]
pub const fn always() -> LeafNodeSource {
    LeafNodeSource::KeyPackage(Lifetime { not_before: 0, not_after: u64::MAX })
}

/// The leaf with a signature by `signer` over its present content (§7.2).
///
/// # Panics
/// If the signer fails or the leaf has no encoding.
#[must_use]
pub fn resign(
    suite: &CipherSuite,
    signer: &dyn Signer,
    leaf: LeafNode,
    group_id: &[u8],
    index: u32,
) -> Kept<LeafNode> {
    let leaf =
        Kept::new(LeafNode { signature: Opaque::default(), ..leaf }).expect("the leaf has an encoding");
    let tbs = leaf.tbs(group_id, LeafIndex(index)).expect("so has what is signed");
    let signature = suite.sign_with_label(signer, b"LeafNodeTBS", &[&tbs]).expect("the signer signs");
    leaf.with_signature(signature.into()).expect("the signature is a vector")
}
