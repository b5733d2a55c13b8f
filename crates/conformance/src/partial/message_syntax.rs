//! `message-syntax.json`: one of each structure, decoded and encoded again to the same bytes, and all that is in it.
//!
//! The objects are of one real group, so that the proofs in them must be proofs, too: that is more than the vectors ask.

use super::path::{check_merged, sealed_for};
use super::proof::Path;
use super::{AnnotatedCommit, AnnotatedWelcome, CopathHash, MembershipProof, SenderAuthenticatedMessage};
use crate::fault::{At, Bytes, Checked, Within, ensure, same, same_bytes};
use crate::files::suite;
use crate::files::welcome::verify_group_info;
use crate::vector_file::fields;
use crate::{By, Fault, VectorFile};
use pleach_crypto::{CipherSuite, CryptoProvider, Digest};
use pleach_framing::{EpochContext, verify_signature};
use pleach_wire::{
    AuthenticatedContent, Content, Encode, GroupInfo, Kept, MlsMessage, MlsMessageBody, PrivateMessage,
    PublicMessage, Sender, TreeSize, Welcome, WireFormat, decode, encode,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tls_codec::DeserializeBytes;

/// `message-syntax.json`.
pub static FILE: VectorFile =
    VectorFile { name: "message-syntax.json", official_cases: 10, by: By::Suite, check };

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Case {
    pub(crate) cipher_suite: u16,
    pub(crate) copath_hash: Bytes,
    pub(crate) membership_proof: Bytes,
    pub(crate) sender_authenticated_welcome: Bytes,
    pub(crate) sender_authenticated_group_info: Bytes,
    pub(crate) sender_authenticated_public_message: Bytes,
    pub(crate) sender_authenticated_private_message: Bytes,
    pub(crate) annotated_welcome: Bytes,
    pub(crate) annotated_commit: Bytes,
}

fn check(provider: &CryptoProvider, case: &Value) -> Checked {
    let case: Case = fields(case)?;
    let suite = suite(provider, case.cipher_suite)?;
    let member: MembershipProof = same_again("membership_proof", &case.membership_proof)?;
    let path = member.path(suite).within("membership_proof")?;
    let group = Group { suite, tree_hash: path.root_hash(suite)?, size: path.size };
    let hash: CopathHash = same_again("copath_hash", &case.copath_hash)?;
    ensure(member.copath_hashes.contains(&hash), "copath_hash", "not one of the proof")?;

    let field = "sender_authenticated_welcome";
    let message: SenderAuthenticatedMessage<Welcome> = same_again(field, &case.sender_authenticated_welcome)?;
    group.member(field, &message.sender_membership_proof)?;
    let field = "annotated_welcome";
    let annotated: AnnotatedWelcome = same_again(field, &case.annotated_welcome)?;
    ensure(annotated.welcome == message, field, "another Welcome")?;
    group.member(field, &annotated.joiner_membership_proof)?;

    let field = "sender_authenticated_group_info";
    let message: SenderAuthenticatedMessage<Kept<GroupInfo>> =
        same_again(field, &case.sender_authenticated_group_info)?;
    let group_info = &message.message;
    same_bytes(field, encode(group_info.value()).at(field)?, group_info.bytes())?;
    let sender = group.member(field, &message.sender_membership_proof)?;
    same(field, &sender.leaf_index(), &group_info.signer)?;
    same_bytes(field, &*group_info.group_context.tree_hash, group.tree_hash.as_bytes())?;
    let verifier = suite.signature.load_verifier(&sender.leaf().signature_key).at(field)?;
    verify_group_info(suite, group_info, &*verifier).at(field)?;

    let context = encode(&group_info.group_context).at(field)?;
    let epoch = EpochContext {
        suite,
        group_id: &group_info.group_context.group_id,
        epoch: group_info.group_context.epoch,
        group_context: &context,
        external_proposal_types: &[],
    };
    let field = "sender_authenticated_public_message";
    let message: SenderAuthenticatedMessage<PublicMessage> =
        same_again(field, &case.sender_authenticated_public_message)?;
    let sender = group.member(field, &message.sender_membership_proof)?;
    group.public_message(field, &epoch, &message.message, &sender)?;
    let field = "sender_authenticated_private_message";
    let message: SenderAuthenticatedMessage<PrivateMessage> =
        same_again(field, &case.sender_authenticated_private_message)?;
    group.member(field, &message.sender_membership_proof)?;
    same_bytes(field, &*message.message.group_id, epoch.group_id)?;
    same(field, &message.message.epoch, &epoch.epoch)?;
    group.annotated_commit(&epoch, &case.annotated_commit)
}

/// The group that the objects are of.
struct Group<'a> {
    suite: &'a CipherSuite,
    tree_hash: Digest,
    size: TreeSize,
}

impl Group<'_> {
    /// The path of a proof, in the group's tree, its nodes encoded anew.
    fn member<'p>(&self, field: &str, proof: &'p MembershipProof) -> Checked<Path<'p>> {
        self.member_of(field, proof, self.tree_hash.as_bytes())
    }

    fn member_of<'p>(&self, field: &str, proof: &'p MembershipProof, tree_hash: &[u8]) -> Checked<Path<'p>> {
        let path = proof.path_in(self.suite, tree_hash).within(field)?;
        same(field, &path.size, &self.size)?;
        let leaf = path.leaf();
        same_bytes(field, encode(leaf.value()).at(field)?, leaf.bytes())?;
        Ok(path)
    }

    /// The sender's signature, and that the sender is the one with the proof.
    fn public_message(
        &self,
        field: &str,
        epoch: &EpochContext<'_>,
        message: &PublicMessage,
        sender: &Path<'_>,
    ) -> Checked {
        same(field, &message.content.sender, &Sender::Member(sender.leaf_index()))?;
        let content = AuthenticatedContent {
            wire_format: WireFormat::PUBLIC_MESSAGE,
            content: message.content.clone(),
            auth: message.auth.clone(),
        };
        let verifier = self.suite.signature.load_verifier(&sender.leaf().signature_key).at(field)?;
        verify_signature(epoch, &*verifier, &content).at(field)
    }

    fn annotated_commit(&self, epoch: &EpochContext<'_>, bytes: &[u8]) -> Checked {
        let field = "annotated_commit";
        let annotated: AnnotatedCommit = same_again(field, bytes)?;
        same_again::<MlsMessage>(field, &encode(&annotated.commit).at(field)?)?;
        let sender = self.member(field, annotated.sender_membership_proof.as_ref().at(field)?)?;
        let after = &*annotated.tree_hash_after;
        let sender_after = self.member_of(field, &annotated.sender_membership_proof_after, after)?;
        let receiver_after = self.member_of(field, &annotated.receiver_membership_proof_after, after)?;
        same(field, &sender_after.leaf_index(), &sender.leaf_index())?;

        let MlsMessageBody::PublicMessage(message) = &annotated.commit.body else {
            return Err(Fault::new(field, "no PublicMessage"));
        };
        self.public_message(field, epoch, message, &sender)?;
        let Content::Commit(commit) = &message.content.content else {
            return Err(Fault::new(field, "no Commit"));
        };
        same(field, &annotated.resolution_index.is_some(), &commit.path.is_some())?;
        if let (Some(place), Some(path)) = (annotated.resolution_index, &commit.path) {
            check_merged(self.suite, path, &sender_after)?;
            sealed_for(path, &sender_after, &receiver_after, place)?;
        }
        Ok(())
    }
}

/// Decodes a value and encodes it again.
fn same_again<T: DeserializeBytes + Encode>(field: &str, bytes: &[u8]) -> Checked<T> {
    let value: T = decode(bytes).at(field)?;
    same_bytes(field, encode(&value).at(field)?, bytes)?;
    Ok(value)
}
