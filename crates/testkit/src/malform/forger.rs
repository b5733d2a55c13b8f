//! The [`Forger`] and what it may [`Tamper`] with.
#![expect(clippy::expect_used, reason = "a test's own values are valid; a panic is a failed test")]

use std::{collections::BTreeMap, sync::Arc};

use pleach_crypto::{CipherSuite, Secret};
use pleach_key_schedule::{EpochSecret, EpochSecrets, interim_transcript_hash};
use pleach_tree::{RatchetTree, TreePrivate};
use pleach_wire::{
    AuthenticatedContent, Content, Extension, Extensions, ExternalPub, FramedContent, GroupContext,
    GroupInfo, GroupSecrets, HpkePublicKey, Kept, KeyPackage, LeafIndex, LeafNode, LeafNodeSource, Lifetime,
    MlsMessage, Opaque, Proposal, ProposalRef, ProtocolVersion, Sender, UpdatePath, Welcome, encode,
};

use crate::{
    malform::{reframe_public, resign_group_info, sign_public},
    members::Member,
    random::SeededRandom,
};

type Change<'a, T> = Option<Box<dyn FnOnce(&mut T) + 'a>>;

/// What is changed on the way to a message, before whatever depends on it is computed. The default changes nothing.
#[derive(Default)]
pub struct Tamper<'a> {
    /// The committer's new leaf, before it is signed.
    pub leaf: Change<'a, LeafNode>,
    /// The UpdatePath, before the Commit is signed.
    pub path: Change<'a, UpdatePath>,
    /// The content, before it is signed.
    pub content: Change<'a, FramedContent>,
    /// The provisional GroupContext, before the transcript hash goes into it.
    pub context: Change<'a, GroupContext>,
    /// The confirmation tag, before the message is tagged.
    pub confirmation_tag: Change<'a, Vec<u8>>,
    /// The GroupInfo, before it is signed.
    pub group_info: Change<'a, GroupInfo>,
    /// The GroupInfo, after it is signed and before it is encrypted.
    pub signed_group_info: Change<'a, GroupInfo>,
    /// The secrets of each new member, before they are encrypted.
    pub group_secrets: Option<&'a dyn Fn(&mut GroupSecrets)>,
    /// The Welcome.
    pub welcome: Change<'a, Welcome>,
}

pub(crate) fn apply<T>(change: &mut Change<'_, T>, value: &mut T) {
    if let Some(change) = change.take() {
        change(value);
    }
}

/// A member that breaks rules, in one epoch. All its methods leave it as it is.
#[derive(Debug, Clone)]
pub struct Forger {
    /// The group's suite.
    pub suite: CipherSuite,
    /// The GroupContext.
    pub context: GroupContext,
    /// The interim transcript hash.
    pub interim_transcript_hash: Vec<u8>,
    /// The confirmation tag of the epoch.
    pub confirmation_tag: Vec<u8>,
    /// The ratchet tree.
    pub tree: RatchetTree,
    /// The forger's private keys in it.
    pub private: TreePrivate,
    /// The secrets of the epoch.
    pub secrets: EpochSecrets,
    /// The forger itself.
    pub member: Member,
    /// Values of external PSKs.
    pub psks: BTreeMap<Vec<u8>, Secret>,
    /// Resumption PSKs, by group and epoch; that of its own epoch it has.
    pub resumption_psks: BTreeMap<(Vec<u8>, u64), Secret>,
    /// Its randomness.
    pub rng: Arc<SeededRandom>,
}

/// The lifetime of leaves that the forger makes, as a range around `now`.
const fn lifetime(now: u64) -> LeafNodeSource {
    LeafNodeSource::KeyPackage(Lifetime { not_before: now - 1_000, not_after: now + 1_000_000 })
}

impl Forger {
    /// Creates a group (§11) of which the forger is the only member. `now` is the time of its leaf.
    ///
    /// # Panics
    /// If the randomness fails.
    #[must_use]
    pub fn create(suite: &CipherSuite, group_id: &[u8], extensions: Extensions, now: u64, seed: u64) -> Self {
        let rng = Arc::new(SeededRandom::new(seed));
        let member = Member::new(suite, b"forger", &*rng);
        let pair = suite.kem.generate_key_pair(&*rng).expect("a key pair");
        let leaf = member.leaf(suite, &pair.public, lifetime(now), b"", 0);
        let tree = RatchetTree::new(suite, leaf);
        let context = GroupContext {
            version: ProtocolVersion::MLS10,
            cipher_suite: suite.id,
            group_id: Opaque::from(group_id),
            epoch: 0,
            tree_hash: tree.tree_hash().expect("a tree hash").as_bytes().into(),
            confirmed_transcript_hash: Opaque::default(),
            extensions,
        };
        let epoch_secret = EpochSecret::random(suite, &*rng).expect("a secret");
        let (secrets, _) = epoch_secret.derive(suite).expect("an epoch");
        let confirmation_tag = secrets.confirmation_tag(suite, b"").as_bytes().to_vec();
        let interim = interim_transcript_hash(suite, b"", &confirmation_tag).expect("a transcript hash");
        Self {
            suite: *suite,
            context,
            interim_transcript_hash: interim.as_bytes().to_vec(),
            confirmation_tag,
            tree,
            private: TreePrivate::new(LeafIndex(0), pair.private),
            secrets,
            member,
            psks: BTreeMap::new(),
            resumption_psks: BTreeMap::new(),
            rng,
        }
    }

    /// The forger's leaf.
    #[must_use]
    pub fn own(&self) -> LeafIndex {
        self.private.own()
    }

    /// The encoded GroupContext.
    ///
    /// # Panics
    /// If it has no encoding.
    #[must_use]
    pub fn context_bytes(&self) -> Vec<u8> {
        encode(&self.context).expect("a GroupContext has an encoding")
    }

    /// A client that the forger makes up: its key package, valid around `now`, and the private key of its leaf.
    ///
    /// # Panics
    /// If the randomness fails.
    #[must_use]
    pub fn client(&self, name: &[u8], now: u64) -> (Member, Kept<KeyPackage>, Secret) {
        let member = Member::new(&self.suite, name, &*self.rng);
        let (key_package, private) = self.key_package_of(&member, now);
        (member, key_package, private)
    }

    /// A key package of a client, and the private key of its leaf.
    ///
    /// # Panics
    /// If the randomness fails.
    #[must_use]
    pub fn key_package_of(&self, member: &Member, now: u64) -> (Kept<KeyPackage>, Secret) {
        let leaf = self.suite.kem.generate_key_pair(&*self.rng).expect("a key pair");
        let init = self.suite.kem.generate_key_pair(&*self.rng).expect("a key pair");
        let key_package = KeyPackage {
            version: ProtocolVersion::MLS10,
            cipher_suite: self.suite.id,
            init_key: HpkePublicKey::from(init.public),
            leaf_node: member.leaf(&self.suite, &leaf.public, lifetime(now), b"", 0),
            extensions: Extensions::default(),
            signature: Opaque::default(),
        };
        let signed = super::resign_key_package(&self.suite, &*member.signer, &key_package, |_| (), |_| ());
        (signed, leaf.private)
    }

    /// A proposal as a PublicMessage, and its reference. Signed by `signer`, who is `sender`.
    ///
    /// # Panics
    /// If something has no encoding.
    #[must_use]
    pub fn propose(
        &self,
        sender: Sender,
        signer: &Member,
        proposal: Proposal,
        mut tamper: Tamper<'_>,
    ) -> (Vec<u8>, ProposalRef) {
        let mut content = self.content(sender, Content::Proposal(proposal));
        apply(&mut tamper.content, &mut content);
        let context = self.context_bytes();
        let signed = sign_public(&self.suite, &*signer.signer, content, &context);
        let reference = self.reference(&signed);
        (reframe_public(&self.suite, self.secrets.membership_key(), signed, &context), reference)
    }

    fn reference(&self, content: &AuthenticatedContent) -> ProposalRef {
        let bytes = encode(content).expect("the content has an encoding");
        let digest = self.suite.ref_hash(b"MLS 1.0 Proposal Reference", &bytes).expect("a reference");
        ProposalRef::from(digest.as_bytes())
    }

    pub(crate) fn content(&self, sender: Sender, content: Content) -> FramedContent {
        FramedContent {
            group_id: self.context.group_id.clone(),
            epoch: self.context.epoch,
            sender,
            authenticated_data: Opaque::default(),
            content,
        }
    }

    /// The GroupInfo of this epoch, with the tree and `external_pub`, signed.
    ///
    /// # Panics
    /// If something has no encoding.
    #[must_use]
    pub fn group_info(&self, tamper: &mut Tamper<'_>) -> Kept<GroupInfo> {
        let external = self.secrets.external_key_pair(&self.suite).expect("a key pair").public;
        let external_pub = ExternalPub { external_pub: HpkePublicKey::from(external) };
        let nodes = self.tree.to_nodes().expect("a whole tree");
        let mut group_info = GroupInfo {
            group_context: self.context.clone(),
            extensions: Extensions::from(vec![
                Extension::new(&nodes).expect("an extension"),
                Extension::new(&external_pub).expect("an extension"),
            ]),
            confirmation_tag: Opaque::from(self.confirmation_tag.as_slice()),
            signer: self.own(),
            signature: Opaque::default(),
        };
        apply(&mut tamper.group_info, &mut group_info);
        let mut signed = resign_group_info(&self.suite, &*self.member.signer, group_info).value().clone();
        apply(&mut tamper.signed_group_info, &mut signed);
        Kept::new(signed).expect("the group info has an encoding")
    }

    /// The GroupInfo as an MLSMessage.
    ///
    /// # Panics
    /// If something has no encoding.
    #[must_use]
    pub fn group_info_message(&self, mut tamper: Tamper<'_>) -> Vec<u8> {
        let message = MlsMessage::from(self.group_info(&mut tamper));
        encode(&message).expect("the message has an encoding")
    }
}
