//! `message-protection.json`: PublicMessage and PrivateMessage, both ways (RFC 9420 §6).
//!
//! A group of two, the sender at leaf 1; each kind of message has a fresh secret tree. The Commit's confirmation tag is
//! arbitrary and its own message's, so it is carried along and not checked.

use super::{group_context, signer, suite};
use crate::fault::{At, Bytes, Checked, Within, ensure, same, same_bytes};
use crate::vector_file::fields;
use crate::{By, Fault, VectorFile};
use pleach_crypto::{CipherSuite, CryptoProvider, Secret, SecureRandom, Signer, Verifier};
use pleach_framing::{
    EpochContext, FramingError, Padding, Unverified, open_private, open_sender_data, protect_private,
    protect_public, ratchet_kind, sign_content, unprotect_public,
};
use pleach_key_schedule::{EncryptionSecret, RatchetLimits, SecretTree};
use pleach_wire::{
    AuthenticatedContent, Commit, Content, Encode, FramedContent, LeafIndex, List, MlsMessage,
    MlsMessageBody, Opaque, Proposal, Remove, Sender, TreeSize, WireFormat, decode, encode,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// `message-protection.json`.
pub static FILE: VectorFile =
    VectorFile { name: "message-protection.json", official_cases: 7, by: By::Suite, check };

#[derive(Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Case {
    cipher_suite: u16,
    group_id: Bytes,
    epoch: u64,
    tree_hash: Bytes,
    confirmed_transcript_hash: Bytes,
    signature_priv: Bytes,
    signature_pub: Bytes,
    encryption_secret: Bytes,
    sender_data_secret: Bytes,
    membership_key: Bytes,
    proposal: Bytes,
    proposal_priv: Bytes,
    proposal_pub: Bytes,
    commit: Bytes,
    commit_priv: Bytes,
    commit_pub: Bytes,
    application: Bytes,
    application_priv: Bytes,
}

const SENDER: LeafIndex = LeafIndex(1);

/// One epoch, from both ends.
struct Epoch<'a> {
    context: EpochContext<'a>,
    case: &'a Case,
    signer: Box<dyn Signer>,
    verifier: Box<dyn Verifier>,
    random: &'a dyn SecureRandom,
}

impl Epoch<'_> {
    /// The content of a message that is given, checked in every way but its confirmation tag.
    fn unprotect(&self, field: &str, message: &[u8]) -> Checked<AuthenticatedContent> {
        let message: MlsMessage = decode(message).at(field)?;
        let unverified = match message.body {
            MlsMessageBody::PublicMessage(message) => {
                unprotect_public(&self.context, &self.membership_key(), message).at(field)?
            }
            MlsMessageBody::PrivateMessage(message) => self.open(&message).at(field)?,
            _ => return Err(Fault::new(field, "neither a PublicMessage nor a PrivateMessage")),
        };
        let content = unverified.verify(&self.context, &*self.verifier).at(field)?.into_inner();
        same(field, &content.content.sender, &Sender::Member(SENDER))?;
        Ok(content)
    }

    fn open(
        &self,
        message: &pleach_wire::PrivateMessage,
    ) -> Result<Unverified<AuthenticatedContent>, Box<dyn std::error::Error>> {
        let suite = self.context.suite;
        let sender_data = open_sender_data(&self.context, &self.case.sender_data_secret.secret(), message)?;
        let kind = ratchet_kind(message.content_type);
        let (keys, _) =
            self.secret_tree().prepare(suite, sender_data.leaf_index, kind, sender_data.generation)?;
        Ok(open_private(&self.context, message, &sender_data, keys)?)
    }

    fn sign(
        &self,
        wire_format: WireFormat,
        content: Content,
        confirmation_tag: Option<&Opaque>,
    ) -> Result<AuthenticatedContent, FramingError> {
        let content = FramedContent {
            group_id: self.context.group_id.into(),
            epoch: self.context.epoch,
            sender: Sender::Member(SENDER),
            authenticated_data: Opaque::default(),
            content,
        };
        let mut signed = sign_content(&self.context, &*self.signer, wire_format, content)?;
        signed.auth.confirmation_tag = confirmation_tag.cloned();
        Ok(signed)
    }

    fn protect(
        &self,
        wire_format: WireFormat,
        content: Content,
        confirmation_tag: Option<&Opaque>,
    ) -> Result<Vec<u8>, Box<dyn std::error::Error>> {
        let kind = ratchet_kind(content.content_type());
        let signed = self.sign(wire_format, content, confirmation_tag)?;
        let message: MlsMessage = if wire_format == WireFormat::PUBLIC_MESSAGE {
            protect_public(&self.context, Some(&self.membership_key()), signed)?.into()
        } else {
            let (keys, _) = self.secret_tree().prepare_next(self.context.suite, SENDER, kind)?;
            let secret = self.case.sender_data_secret.secret();
            protect_private(&self.context, &secret, keys, &signed, Padding::Padme, self.random)?.into()
        };
        Ok(encode(&message)?)
    }

    /// A message that is given has this content, and so does one that we make of it.
    fn check(&self, field: &str, message: &[u8], format: WireFormat, content: &Content) -> Checked {
        let given = self.unprotect(field, message)?;
        ensure(given.wire_format == format, field, "another kind of message")?;
        ensure(given.content.content == *content, field, "another content")?;
        let tag = given.auth.confirmation_tag.as_ref();
        let ours = self.protect(format, content.clone(), tag).at(field)?;
        let again = self.unprotect(field, &ours).within("ours")?;
        ensure(again.content.content == *content, field, "our message has another content")
    }

    fn membership_key(&self) -> Secret {
        self.case.membership_key.secret()
    }

    fn secret_tree(&self) -> SecretTree {
        let secret = EncryptionSecret::from_secret(self.case.encryption_secret.secret());
        let two = TreeSize::ONE.doubled().unwrap_or(TreeSize::ONE);
        SecretTree::new(two, secret, RatchetLimits::default())
    }
}

fn with_epoch<T>(
    provider: &CryptoProvider,
    case: &Case,
    work: impl FnOnce(&Epoch<'_>) -> Checked<T>,
) -> Checked<T> {
    let suite = suite(provider, case.cipher_suite)?;
    let group = (&*case.group_id, case.epoch);
    let context = group_context(suite, group, &case.tree_hash, &case.confirmed_transcript_hash);
    let context = encode(&context).at("group_id")?;
    work(&Epoch {
        context: EpochContext {
            suite,
            group_id: &case.group_id,
            epoch: case.epoch,
            group_context: &context,
            external_proposal_types: &[],
        },
        case,
        signer: signer(suite, &case.signature_priv, ("signature_priv", &case.signature_pub))?,
        verifier: suite.signature.load_verifier(&case.signature_pub).at("signature_pub")?,
        random: &*provider.random,
    })
}

fn check(provider: &CryptoProvider, case: &Value) -> Checked {
    let case: Case = fields(case)?;
    with_epoch(provider, &case, |epoch| {
        let (public, private) = (WireFormat::PUBLIC_MESSAGE, WireFormat::PRIVATE_MESSAGE);
        let proposal: Proposal = decode(&case.proposal).at("proposal")?;
        same_again("proposal", &proposal, &case.proposal)?;
        let proposal = Content::Proposal(proposal);
        epoch.check("proposal_pub", &case.proposal_pub, public, &proposal)?;
        epoch.check("proposal_priv", &case.proposal_priv, private, &proposal)?;

        let commit: Commit = decode(&case.commit).at("commit")?;
        same_again("commit", &commit, &case.commit)?;
        let commit = Content::Commit(commit);
        epoch.check("commit_pub", &case.commit_pub, public, &commit)?;
        epoch.check("commit_priv", &case.commit_priv, private, &commit)?;

        let application = Content::Application(Opaque::from(&*case.application));
        epoch.check("application_priv", &case.application_priv, private, &application)?;
        let refused = epoch.sign(public, application, None);
        let is_refused = matches!(refused, Err(FramingError::PublicApplicationData));
        ensure(is_refused, "application", "protected as a PublicMessage (R035)")
    })
}

fn same_again(field: &str, value: &impl Encode, bytes: &[u8]) -> Checked {
    same_bytes(field, encode(value).at(field)?, bytes)
}

/// A Remove, an empty Commit and some text.
pub(crate) fn generate(provider: &CryptoProvider, suite: &CipherSuite) -> Checked<Case> {
    let random = &*provider.random;
    let bytes = |len| random.bytes(len).map(Bytes).at("random");
    let len = suite.secret_len();
    let keys = suite.signature.generate_key_pair(random).at("signature_priv")?;
    let proposal = Proposal::Remove(Remove { removed: LeafIndex(0) });
    let commit = Commit { proposals: List::default(), path: None };
    let mut case = Case {
        cipher_suite: suite.id.0,
        group_id: bytes(16)?,
        epoch: 0x0123_4567,
        tree_hash: bytes(len)?,
        confirmed_transcript_hash: bytes(len)?,
        signature_priv: keys.private.as_bytes().into(),
        signature_pub: keys.public.into(),
        encryption_secret: bytes(len)?,
        sender_data_secret: bytes(len)?,
        membership_key: bytes(len)?,
        proposal: encode(&proposal).at("proposal")?.into(),
        commit: encode(&commit).at("commit")?.into(),
        application: bytes(40)?,
        ..Case::default()
    };
    let tag = Opaque::from(bytes(len)?.0);
    let application = Content::Application(Opaque::from(&*case.application));
    let (proposal, commit) = (Content::Proposal(proposal), Content::Commit(commit));
    let (public, private) = (WireFormat::PUBLIC_MESSAGE, WireFormat::PRIVATE_MESSAGE);
    let messages = with_epoch(provider, &case, |epoch| {
        let protect = |format, content, tag| epoch.protect(format, content, tag).map(Bytes).at("protect");
        Ok([
            protect(public, proposal.clone(), None)?,
            protect(private, proposal, None)?,
            protect(public, commit.clone(), Some(&tag))?,
            protect(private, commit, Some(&tag))?,
            protect(private, application, None)?,
        ])
    })?;
    [case.proposal_pub, case.proposal_priv, case.commit_pub, case.commit_priv, case.application_priv] =
        messages;
    Ok(case)
}
