//! Commits of a [`Forger`]: proposals are applied in the order of §12.3 as far as they can be, and never checked.
#![expect(clippy::expect_used, reason = "a test's own values are valid; a panic is a failed test")]

use pleach_crypto::{Secret, Serial};
use pleach_key_schedule::{
    InitSecret, WelcomeSecret, confirmed_transcript_hash, interim_transcript_hash, psk_secret,
};
use pleach_tree::{NewLeaf, RatchetTree, TreeError, TreePrivate};
use pleach_wire::{
    Commit, Content, Kept, KeyPackage, LeafIndex, LeafNode, LeafNodeSource, Opaque, PreSharedKeyId, Proposal,
    ProposalOrRef, ProposalRef, Psk, Sender, UpdatePath, WireFormat, encode,
};

use super::{Forger, Tamper, forger::apply, reframe_public, resign_leaf, sign_public};
use crate::members::Member;

/// A proposal of a Commit's list.
#[derive(Debug, Clone)]
pub enum Listed {
    /// By value: the committer's.
    Value(Proposal),
    /// By reference, with what it refers to.
    Reference(ProposalRef, Sender, Proposal),
}

/// A Commit, and the epoch that it leads to.
#[derive(Debug)]
pub struct ForgedCommit {
    /// The MLSMessage.
    pub message: Vec<u8>,
    /// The group in the new epoch, as the committer sees it.
    pub next: Forger,
    /// The new members.
    pub added: Vec<(LeafIndex, Kept<KeyPackage>)>,
    pub(crate) joiner_secret: Secret,
    pub(crate) welcome_secret: WelcomeSecret,
    pub(crate) path_secrets: Vec<Option<Secret>>,
    pub(crate) psk_ids: Vec<PreSharedKeyId>,
}

/// What a list amounts to.
struct Outcome {
    tree: RatchetTree,
    added: Vec<(LeafIndex, Kept<KeyPackage>)>,
    psk_ids: Vec<PreSharedKeyId>,
    external_init: Option<Opaque>,
}

struct NewPath {
    tree: RatchetTree,
    private: TreePrivate,
    commit_secret: Secret,
    path_secrets: Vec<Option<Secret>>,
    path: UpdatePath,
    context: pleach_wire::GroupContext,
}

impl Forger {
    /// A Commit by the forger itself, with a path or without.
    ///
    /// # Panics
    /// If what the test asks for cannot be computed.
    #[must_use]
    pub fn commit(&self, list: &[Listed], with_path: bool, tamper: Tamper<'_>) -> ForgedCommit {
        self.commit_as(Sender::Member(self.own()), &self.member.clone(), list, with_path, tamper)
    }

    /// An external Commit (§12.4.3.2) by `joiner`, in the place of the leftmost blank leaf.
    ///
    /// # Panics
    /// If what the test asks for cannot be computed.
    #[must_use]
    pub fn external_commit(&self, joiner: &Member, list: &[Listed], tamper: Tamper<'_>) -> ForgedCommit {
        self.commit_as(Sender::NewMemberCommit, joiner, list, true, tamper)
    }

    /// The ExternalInit of a joiner, and its init secret (§8.3).
    ///
    /// # Panics
    /// If the randomness fails.
    #[must_use]
    pub fn external_init(&self) -> (Opaque, Secret) {
        let pair = self.secrets.external_key_pair(&self.suite).expect("a key pair");
        let public = self.suite.kem.load_public(&pair.public).expect("a key");
        let (kem_output, secret) =
            self.suite.external_init_send(&*public, &*self.rng).expect("an encapsulation");
        (kem_output.into(), secret)
    }

    fn commit_as(
        &self,
        sender: Sender,
        committer: &Member,
        list: &[Listed],
        with_path: bool,
        mut tamper: Tamper<'_>,
    ) -> ForgedCommit {
        let suite = &self.suite;
        let outcome = self.outcome(sender, list);
        let mut context = self.context.clone();
        context.epoch += 1;
        for (_, proposal) in resolved(sender, list) {
            if let Proposal::GroupContextExtensions(extensions) = proposal {
                context.extensions = extensions.extensions.clone();
            }
        }

        let index = match sender {
            Sender::NewMemberCommit => outcome.tree.next_leaf_index(),
            _ => self.own(),
        };
        let new = with_path.then(|| self.path(committer, index, &outcome, context.clone(), &mut tamper));
        let (tree, private, commit_secret, path_secrets) = match &new {
            Some(new) => {
                context = new.context.clone();
                let path_secrets = new.path_secrets.clone();
                (new.tree.clone(), new.private.clone(), new.commit_secret.clone(), path_secrets)
            }
            None => {
                context.tree_hash = outcome.tree.tree_hash().expect("a tree hash").as_bytes().into();
                apply(&mut tamper.context, &mut context);
                let zero = Secret::zero(suite.secret_len());
                let mut private = self.private.clone();
                private.retain(&outcome.tree).expect("a whole tree");
                (outcome.tree.clone(), private, zero, vec![None; outcome.added.len()])
            }
        };

        let proposals = list.iter().map(|listed| match listed {
            Listed::Value(proposal) => ProposalOrRef::Proposal(proposal.clone()),
            Listed::Reference(reference, ..) => ProposalOrRef::Reference(reference.clone()),
        });
        let commit = Commit { proposals: proposals.collect(), path: new.map(|new| new.path) };
        let mut content = self.content(sender, Content::Commit(commit));
        apply(&mut tamper.content, &mut content);
        let old_context = self.context_bytes();
        let mut signed = sign_public(suite, &*committer.signer, content, &old_context);

        let confirmed = confirmed_transcript_hash(
            suite,
            &self.interim_transcript_hash,
            WireFormat::PUBLIC_MESSAGE,
            &signed.content,
            &signed.auth.signature,
        );
        let confirmed = confirmed.expect("a transcript hash");
        context.confirmed_transcript_hash = confirmed.as_bytes().into();
        let context_bytes = encode(&context).expect("a GroupContext has an encoding");
        let init_secret = match &outcome.external_init {
            Some(kem_output) => self.open_external_init(kem_output),
            None => self.secrets.init_secret(),
        };
        let joiner =
            init_secret.joiner_secret(suite, commit_secret, &context_bytes).expect("a joiner secret");
        let joiner_secret = joiner.secret().clone();
        let psks = outcome.psk_ids.iter().map(|id| (id.clone(), self.psk(&id.psk)));
        let psk_secret = psk_secret(suite, &psks.collect::<Vec<_>>()).expect("a PSK secret");
        let member = joiner.member_secret(suite, psk_secret);
        let welcome_secret = member.welcome_secret(suite).expect("a welcome secret");
        let epoch_secret = member.epoch_secret(suite, &context_bytes).expect("an epoch secret");
        let (secrets, _) = epoch_secret.derive(suite).expect("an epoch");
        let mut tag = secrets.confirmation_tag(suite, confirmed.as_bytes()).as_bytes().to_vec();
        apply(&mut tamper.confirmation_tag, &mut tag);
        signed.auth.confirmation_tag =
            matches!(signed.content.content, Content::Commit(_)).then(|| Opaque::from(tag.as_slice()));
        let interim = interim_transcript_hash(suite, confirmed.as_bytes(), &tag).expect("a transcript hash");
        let message = reframe_public(suite, self.secrets.membership_key(), signed, &old_context);
        let next = Self {
            context,
            interim_transcript_hash: interim.as_bytes().to_vec(),
            confirmation_tag: tag,
            tree,
            private,
            secrets,
            member: committer.clone(),
            ..self.clone()
        };
        let Outcome { added, psk_ids, .. } = outcome;
        ForgedCommit { message, next, added, joiner_secret, welcome_secret, path_secrets, psk_ids }
    }

    fn outcome(&self, sender: Sender, list: &[Listed]) -> Outcome {
        let mut tree = self.tree.clone();
        let mut outcome_added = Vec::new();
        let mut psk_ids = Vec::new();
        let mut external_init = None;
        let list = resolved(sender, list);
        // What cannot be applied is left out: the receiver must have refused the list by then.
        for (sender, proposal) in &list {
            if let (Proposal::Update(update), Sender::Member(leaf)) = (proposal, sender) {
                let _impossible = tree.update_leaf(*leaf, update.leaf_node.clone());
            }
        }
        for (_, proposal) in &list {
            if let Proposal::Remove(remove) = proposal {
                let _impossible = tree.remove_leaf(remove.removed);
            }
        }
        for (_, proposal) in &list {
            match proposal {
                Proposal::Add(add) => {
                    let index = tree.add_leaf(add.key_package.leaf_node.clone()).expect("room for a member");
                    outcome_added.push((index, add.key_package.clone()));
                }
                Proposal::PreSharedKey(psk) => psk_ids.push(psk.psk.clone()),
                Proposal::ExternalInit(init) if sender == Sender::NewMemberCommit => {
                    external_init = Some(init.kem_output.clone());
                }
                _ => {}
            }
        }
        Outcome { tree, added: outcome_added, psk_ids, external_init }
    }

    fn path(
        &self,
        committer: &Member,
        index: LeafIndex,
        outcome: &Outcome,
        mut context: pleach_wire::GroupContext,
        tamper: &mut Tamper<'_>,
    ) -> NewPath {
        let suite = &self.suite;
        let group_id = self.context.group_id.clone();
        let sign = |new: NewLeaf| {
            let source = LeafNodeSource::Commit { parent_hash: new.parent_hash };
            let leaf = committer.leaf(suite, &new.encryption_key, source, &group_id, index.0);
            let mut changed: LeafNode = leaf.value().clone();
            apply(&mut tamper.leaf, &mut changed);
            Ok::<_, TreeError>(resign_leaf(suite, &*committer.signer, changed, &group_id, index.0))
        };
        let pending = outcome.tree.begin_path(index, &*self.rng, sign).expect("a path");
        context.tree_hash = pending.tree().tree_hash().expect("a tree hash").as_bytes().into();
        apply(&mut tamper.context, &mut context);
        let excluded: Vec<LeafIndex> = outcome.added.iter().map(|(index, _)| *index).collect();
        let provisional = encode(&context).expect("a GroupContext has an encoding");
        let mut path = pending.encrypt(&provisional, &excluded, &Serial, &*self.rng).expect("an UpdatePath");
        apply(&mut tamper.path, &mut path);
        let path_secrets = excluded.iter().map(|index| pending.path_secret_for(*index).cloned()).collect();
        let (tree, private, commit_secret) = pending.finish();
        NewPath { tree, private, commit_secret, path_secrets, path, context }
    }

    /// What the members make of a kem_output; of one that does not open, nothing that could be right.
    fn open_external_init(&self, kem_output: &[u8]) -> InitSecret {
        let pair = self.secrets.external_key_pair(&self.suite).expect("a key pair");
        let private = self.suite.kem.load_private(&pair.private).expect("a key");
        let opened = self.suite.external_init_receive(&*private, kem_output);
        InitSecret::external(opened.unwrap_or_else(|_| Secret::zero(self.suite.secret_len())))
    }

    /// The value of a PSK; of one that the forger does not know, nothing that could be right.
    fn psk(&self, psk: &Psk) -> Secret {
        let unknown = || Secret::zero(self.suite.secret_len());
        match psk {
            Psk::External { psk_id } => self.psks.get(psk_id.as_bytes()).cloned().unwrap_or_else(unknown),
            Psk::Resumption { psk_group_id, psk_epoch, .. }
                if *psk_group_id == self.context.group_id && *psk_epoch == self.context.epoch =>
            {
                self.secrets.resumption_psk().clone()
            }
            Psk::Resumption { psk_group_id, psk_epoch, .. } => {
                let name = (psk_group_id.to_vec(), *psk_epoch);
                self.resumption_psks.get(&name).cloned().unwrap_or_else(unknown)
            }
        }
    }
}

/// The proposals with their senders.
fn resolved(committer: Sender, list: &[Listed]) -> Vec<(Sender, &Proposal)> {
    let mut resolved = Vec::with_capacity(list.len());
    for listed in list {
        resolved.push(match listed {
            Listed::Value(proposal) => (committer, proposal),
            Listed::Reference(_, sender, proposal) => (*sender, proposal),
        });
    }
    resolved
}
