//! Signing again: a changed structure is made authentic, so that nothing but the change is wrong with it.
#![expect(clippy::expect_used, reason = "a test's own values have an encoding; a panic is a failed test")]

use pleach_crypto::{CipherSuite, Secret, Signer};
use pleach_wire::{
    AuthenticatedContent, FramedContent, FramedContentAuthData, FramedContentTbs, GroupInfo, Kept,
    KeyPackage, LeafNode, MlsMessage, Opaque, PublicMessage, Sender, WireFormat, encode,
};

pub use crate::members::resign as resign_leaf;

/// The KeyPackage with `change` made to it and signed by `signer` (§10). `leaf` is changed and signed before.
///
/// # Panics
/// If the signer fails or something has no encoding.
#[must_use]
pub fn resign_key_package(
    suite: &CipherSuite,
    signer: &dyn Signer,
    key_package: &KeyPackage,
    leaf: impl FnOnce(&mut LeafNode),
    change: impl FnOnce(&mut KeyPackage),
) -> Kept<KeyPackage> {
    let mut key_package = key_package.clone();
    let mut leaf_node = key_package.leaf_node.value().clone();
    leaf(&mut leaf_node);
    key_package.leaf_node = resign_leaf(suite, signer, leaf_node, b"", 0);
    change(&mut key_package);
    key_package.signature = Opaque::default();
    let key_package = Kept::new(key_package).expect("the key package has an encoding");
    let tbs = key_package.bytes_before_signature();
    let signature = suite.sign_with_label(signer, b"KeyPackageTBS", &[tbs]).expect("the signer signs");
    key_package.with_signature(signature.into()).expect("the signature is a vector")
}

/// The GroupInfo, signed by `signer` over its present content (§12.4.3).
///
/// # Panics
/// If the signer fails or something has no encoding.
#[must_use]
pub fn resign_group_info(suite: &CipherSuite, signer: &dyn Signer, group_info: GroupInfo) -> Kept<GroupInfo> {
    let group_info = Kept::new(GroupInfo { signature: Opaque::default(), ..group_info });
    let group_info = group_info.expect("the group info has an encoding");
    let tbs = group_info.bytes_before_signature();
    let signature = suite.sign_with_label(signer, b"GroupInfoTBS", &[tbs]).expect("the signer signs");
    group_info.with_signature(signature.into()).expect("the signature is a vector")
}

/// The content, signed for a PublicMessage (§6.1), without any check of who may send what.
///
/// # Panics
/// If the signer fails or something has no encoding.
#[must_use]
pub fn sign_public(
    suite: &CipherSuite,
    signer: &dyn Signer,
    content: FramedContent,
    group_context: &[u8],
) -> AuthenticatedContent {
    let wire_format = WireFormat::PUBLIC_MESSAGE;
    let tbs = FramedContentTbs { wire_format, content: &content, group_context: Some(group_context) };
    let tbs = encode(&tbs).expect("the content has an encoding");
    let signature = suite.sign_with_label(signer, b"FramedContentTBS", &[&tbs]).expect("the signer signs");
    let auth = FramedContentAuthData { signature: signature.into(), confirmation_tag: None };
    AuthenticatedContent { wire_format, content, auth }
}

/// The signed content as a PublicMessage, with the membership tag that it needs (§6.2).
///
/// # Panics
/// If something has no encoding.
#[must_use]
pub fn reframe_public(
    suite: &CipherSuite,
    membership_key: &Secret,
    content: AuthenticatedContent,
    group_context: &[u8],
) -> Vec<u8> {
    let AuthenticatedContent { wire_format, content, auth } = content;
    let membership_tag = matches!(content.sender, Sender::Member(_)).then(|| {
        let tbs = FramedContentTbs { wire_format, content: &content, group_context: Some(group_context) };
        let tbs = encode(&tbs).expect("the content has an encoding");
        let auth = encode(&auth).expect("so has what authenticates it");
        Opaque::from(suite.hash.hmac(membership_key, &[&tbs, &auth]).as_bytes())
    });
    let message = MlsMessage::from(PublicMessage { content, auth, membership_tag });
    encode(&message).expect("the message has an encoding")
}
