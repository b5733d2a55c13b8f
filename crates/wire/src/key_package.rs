//! `KeyPackage` (RFC 9420 §10): held as [`Kept<KeyPackage>`](crate::Kept); `KeyPackageTBS` is
//! [`Kept::bytes_before_signature`](crate::Kept::bytes_before_signature), its reference is the hash of the bytes.

use pleach_crypto::CipherSuiteId;

use crate::{
    extension::Extensions,
    kept::{Decoded, Keep, Kept, SignatureLast, sealed},
    leaf_node::LeafNode,
    registry::ProtocolVersion,
    vector::{HpkePublicKey, Opaque},
};

/// `KeyPackage`: how to add a client to a group while it is away (RFC 9420 §10).
#[derive(Clone, Debug, PartialEq, Eq, Hash, tls_codec::TlsDeserializeBytes)]
pub struct KeyPackage {
    /// The protocol version.
    pub version: ProtocolVersion,
    /// The cipher suite of both keys and both signatures.
    #[tls_codec(with = "crate::codec::cipher_suite")]
    pub cipher_suite: CipherSuiteId,
    /// What the Welcome is encrypted to.
    pub init_key: HpkePublicKey,
    /// What goes into the tree.
    pub leaf_node: Kept<LeafNode>,
    /// Extensions of the KeyPackage.
    pub extensions: Extensions,
    /// `SignWithLabel(., "KeyPackageTBS", KeyPackageTBS)`.
    pub signature: Opaque,
}

wire_struct!(KeyPackage { version, cipher_suite, init_key, leaf_node, extensions, signature });

impl sealed::Sealed for KeyPackage {}
impl Keep for KeyPackage {
    type Cell = Decoded<Self>;
}

impl SignatureLast for KeyPackage {
    fn signature(&self) -> &Opaque {
        &self.signature
    }

    fn set_signature(&mut self, signature: Opaque) {
        self.signature = signature;
    }
}
