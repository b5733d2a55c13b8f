//! Commits and proposals that no honest client would make. Everything about them is done as the RFC says, except for the
//! part that a test changes: signature, membership tag, path, transcript and confirmation tag are made for what is sent.

use super::driver::*;
use crate::RowKind;
use crate::leaf::sign_leaf;
use crate::psk::{psk_from_row, psk_record};
use crate::schedule::{Schedule, provisional_context};
use pleach_framing::proposal_ref;
use pleach_key_schedule::{InitSecret, psk_secret};
use pleach_tree::RatchetTree;
use pleach_wire::{
    AuthenticatedContent, AuthenticatedContentTbm, Commit, Content, FramedContent, FramedContentAuthData,
    FramedContentTbs, GroupContext, MlsMessage, Node, PreSharedKeyId, PublicMessage, RatchetTreeNodes,
    UpdatePath, WireFormat,
};

type Hook<T> = Box<dyn Fn(&mut T)>;

/// What is done to a Commit. The default is an honest Commit without proposals and with a path.
pub(super) struct Evil {
    pub(super) proposals: Vec<ProposalOrRef>,
    pub(super) path: bool,
    /// Changes the path's leaf before it is signed.
    pub(super) leaf: Hook<LeafNode>,
    /// Changes the path's leaf after it is signed.
    pub(super) signed_leaf: Box<dyn Fn(Kept<LeafNode>) -> Kept<LeafNode>>,
    /// Changes the path after it is encrypted.
    pub(super) update_path: Hook<UpdatePath>,
    /// Changes the next epoch's context.
    pub(super) context: Hook<GroupContext>,
    /// Changes the content before it is signed.
    pub(super) content: Hook<FramedContent>,
    /// Changes signature and confirmation tag before the membership tag is made.
    pub(super) auth: Hook<FramedContentAuthData>,
    /// Uses another init secret than the right one.
    pub(super) init_secret: Option<Secret>,
    /// Signs the content and the leaf.
    pub(super) signer: Option<Arc<dyn Signer>>,
    pub(super) wire_format: WireFormat,
}

impl Default for Evil {
    fn default() -> Self {
        Self {
            proposals: Vec::new(),
            path: true,
            leaf: Box::new(|_| ()),
            signed_leaf: Box::new(|leaf| leaf),
            update_path: Box::new(|_| ()),
            context: Box::new(|_| ()),
            content: Box::new(|_| ()),
            auth: Box::new(|_| ()),
            init_secret: None,
            signer: None,
            wire_format: WireFormat::PUBLIC_MESSAGE,
        }
    }
}

impl Evil {
    /// An honest Commit of these proposals by value, with a path.
    pub(super) fn of(proposals: impl IntoIterator<Item = Proposal>) -> Self {
        let proposals = proposals.into_iter().map(ProposalOrRef::Proposal).collect();
        Self { proposals, ..Self::default() }
    }

    /// The same without a path.
    pub(super) fn without_path(self) -> Self {
        Self { path: false, ..self }
    }
}

/// A Commit, with what its epoch is authenticated by.
pub(super) struct Made {
    pub(super) message: Vec<u8>,
    pub(super) authenticator: Vec<u8>,
}

/// What a Commit is made upon.
pub(super) struct Ground {
    pub(super) context: GroupContext,
    pub(super) tree: RatchetTree,
    pub(super) interim: Vec<u8>,
    pub(super) init_secret: InitSecret,
    pub(super) sender: Sender,
    pub(super) proposals: Vec<(Proposal, Sender)>,
}

impl Client {
    /// A Commit of this member, unchecked.
    pub(super) fn evil_commit(&mut self, evil: &Evil) -> Made {
        self.attach();
        let state = self.state().clone();
        let sender = Sender::Member(state.own_leaf());
        let cache = state.proposals().unwrap();
        let proposals = evil.proposals.iter().filter_map(|entry| match entry {
            ProposalOrRef::Proposal(proposal) => Some((proposal.clone(), sender)),
            ProposalOrRef::Reference(reference) => {
                cache.find(reference).map(|found| (found.proposal.clone(), found.sender))
            }
        });
        let ground = Ground {
            context: (*state.context).clone(),
            tree: state.tree().unwrap().clone(),
            interim: state.head.interim_transcript_hash.clone(),
            init_secret: state.secrets().unwrap().init_secret(),
            sender,
            proposals: proposals.collect(),
        };
        self.make_commit(ground, evil)
    }

    pub(super) fn make_commit(&mut self, ground: Ground, evil: &Evil) -> Made {
        let Ground { context, mut tree, interim, init_secret, sender, proposals } = ground;
        let (suite, env) = (self.suite, self.env());
        let signer = evil.signer.as_ref().unwrap_or(&self.signer);
        let mut extensions = context.extensions.clone();
        let added = apply(&mut tree, &mut extensions, &proposals);
        let own = match sender {
            Sender::Member(own) => own,
            _ => tree.next_leaf_index(),
        };
        let provisional = |tree: &RatchetTree| {
            let mut next = provisional_context(&context, tree.tree_hash().unwrap(), &extensions).unwrap();
            (evil.context)(&mut next);
            next
        };
        let (path, commit_secret, tree) = if evil.path {
            let place = (&*context.group_id, own);
            // A key of its own until the tree is done with its checks.
            let draft = new_signer(&self.provider, &suite);
            let pending = tree
                .begin_path(own, &*env.provider.random, |new| {
                    let source = LeafNodeSource::Commit { parent_hash: new.parent_hash };
                    self.leaf.sign(&env, &suite, &*draft, &new.encryption_key, source, place)
                })
                .unwrap();
            let mut leaf = pending.leaf_node().clone().into_value();
            leaf.signature_key = signer.public().into();
            (evil.leaf)(&mut leaf);
            let leaf = (evil.signed_leaf)(sign_leaf(&suite, &**signer, leaf, place).unwrap());
            let tree = with_leaf(&suite, pending.tree(), own, &leaf);
            let context = encode(&provisional(&tree)).unwrap();
            let mut path = pending.encrypt(&context, &added, &Serial, &*env.provider.random).unwrap();
            path.leaf_node = leaf;
            (evil.update_path)(&mut path);
            (Some(path), pending.commit_secret().clone(), tree)
        } else {
            (None, Secret::zero(suite.secret_len()), tree)
        };

        let mut content = FramedContent {
            group_id: context.group_id.clone(),
            epoch: context.epoch,
            sender,
            authenticated_data: Opaque::default(),
            content: Content::Commit(Commit { proposals: evil.proposals.clone().into(), path }),
        };
        (evil.content)(&mut content);
        let old_context = encode(&context).unwrap();
        let mut signed = self.sign_anything(&**signer, &old_context, evil.wire_format, content);
        let psks: Vec<_> = proposals.iter().filter_map(|(proposal, _)| self.psk_value(proposal)).collect();
        let psk_secret = psk_secret(&suite, &psks).unwrap();
        let init_secret = evil.init_secret.clone().map_or(init_secret, InitSecret::external);
        let secrets = (init_secret, commit_secret, psk_secret);
        let schedule = Schedule::new(&suite, provisional(&tree), &interim, &signed, secrets).unwrap();
        let confirmed = schedule.confirmed_transcript_hash;
        let tag = schedule.secrets.confirmation_tag(&suite, confirmed.as_bytes());
        signed.auth.confirmation_tag = Some(Opaque::from(tag.as_bytes()));
        (evil.auth)(&mut signed.auth);
        let message = self.frame(&old_context, signed);
        Made { message, authenticator: schedule.secrets.epoch_authenticator().as_bytes().to_vec() }
    }

    fn psk_value(&self, proposal: &Proposal) -> Option<(PreSharedKeyId, Secret)> {
        let Proposal::PreSharedKey(psk) = proposal else { return None };
        let row = self.rows.get(&psk_record(&psk.psk.psk));
        let value = row.map_or(Secret::zero(32), |row| psk_from_row(RowKind::ExternalPsk, row).unwrap());
        Some((psk.psk.clone(), value))
    }

    /// Signs content, whatever it is and whoever its sender.
    pub(super) fn sign_anything(
        &self,
        signer: &dyn Signer,
        context: &[u8],
        wire_format: WireFormat,
        content: FramedContent,
    ) -> AuthenticatedContent {
        let tbs = encode(&FramedContentTbs { wire_format, content: &content, group_context: Some(context) })
            .unwrap();
        let signature = self.suite.sign_with_label(signer, b"FramedContentTBS", &[&tbs]).unwrap().into();
        AuthenticatedContent {
            wire_format,
            content,
            auth: FramedContentAuthData { signature, confirmation_tag: None },
        }
    }

    /// Frames signed content: in public with a membership tag where there must be one, or in private.
    pub(super) fn frame(&mut self, context: &[u8], signed: AuthenticatedContent) -> Vec<u8> {
        if signed.wire_format == WireFormat::PRIVATE_MESSAGE {
            return self
                .run(|state, env, rows, _| {
                    let mut changes = Changes::default();
                    let (output, _) = state.protect(env, rows, signed.clone(), &mut changes)?;
                    Ok(Step { changes, effect: Effect::None, output })
                })
                .unwrap();
        }
        let AuthenticatedContent { wire_format, content, auth } = signed;
        let membership_tag = matches!(content.sender, Sender::Member(_)).then(|| {
            let content_tbs =
                FramedContentTbs { wire_format, content: &content, group_context: Some(context) };
            let tbm = encode(&AuthenticatedContentTbm { content_tbs, auth: &auth }).unwrap();
            Opaque::from(self.state().secrets().unwrap().membership_tag(&self.suite, &[&tbm]).as_bytes())
        });
        encode(&MlsMessage::from(PublicMessage { content, auth, membership_tag })).unwrap()
    }

    /// A proposal in public, by any sender; with its reference.
    pub(super) fn evil_proposal(&mut self, sender: Sender, proposal: Proposal) -> (Vec<u8>, ProposalOrRef) {
        self.evil_content(sender, Content::Proposal(proposal), &|_| ())
    }

    /// A proposal of this member's own.
    pub(super) fn own_proposal(&mut self, proposal: Proposal) -> (Vec<u8>, ProposalOrRef) {
        self.evil_proposal(Sender::Member(self.state().own_leaf()), proposal)
    }

    /// Any content in public.
    pub(super) fn evil_content(
        &mut self,
        sender: Sender,
        content: Content,
        change: &dyn Fn(&mut FramedContent),
    ) -> (Vec<u8>, ProposalOrRef) {
        let context = self.state().context().clone();
        let mut content = FramedContent {
            group_id: context.group_id.clone(),
            epoch: context.epoch,
            sender,
            authenticated_data: Opaque::default(),
            content,
        };
        change(&mut content);
        let bytes = encode(&context).unwrap();
        let mut signed = self.sign_anything(&*self.signer, &bytes, WireFormat::PUBLIC_MESSAGE, content);
        if let Content::Commit(_) = signed.content.content {
            signed.auth.confirmation_tag = Some(Opaque::from(&[0; 32]));
        }
        let reference = match signed.content.content {
            Content::Proposal(_) => proposal_ref(&self.suite, &signed).unwrap(),
            _ => Vec::new().into(),
        };
        (self.frame(&bytes, signed), ProposalOrRef::Reference(reference))
    }

    /// An Update of the own leaf, changed before it is signed; its new private key is lost.
    pub(super) fn evil_update(&self, change: impl FnOnce(&mut LeafNode)) -> Update {
        let state = self.state();
        let place = (state.group_id(), state.own_leaf());
        let pair = self.suite.kem.generate_key_pair(&*self.provider.random).unwrap();
        let source = LeafNodeSource::Update;
        let leaf =
            self.leaf.sign(&self.env(), &self.suite, &*self.signer, &pair.public, source, place).unwrap();
        let mut leaf = leaf.into_value();
        change(&mut leaf);
        Update { leaf_node: sign_leaf(&self.suite, &*self.signer, leaf, place).unwrap() }
    }
}

/// Applies what can be applied, without a check; returns the leaves that were added.
fn apply(
    tree: &mut RatchetTree,
    extensions: &mut Extensions,
    proposals: &[(Proposal, Sender)],
) -> Vec<LeafIndex> {
    for (proposal, _) in proposals {
        if let Proposal::GroupContextExtensions(proposal) = proposal {
            *extensions = proposal.extensions.clone();
        }
    }
    for (proposal, sender) in proposals {
        if let (Proposal::Update(update), Sender::Member(leaf)) = (proposal, sender) {
            let _refused = tree.update_leaf(*leaf, update.leaf_node.clone());
        }
    }
    for (proposal, _) in proposals {
        if let Proposal::Remove(remove) = proposal {
            let _refused = tree.remove_leaf(remove.removed);
        }
    }
    let adds = proposals.iter().filter_map(|(proposal, _)| match proposal {
        Proposal::Add(add) => Some(add.key_package.leaf_node.clone()),
        _ => None,
    });
    adds.map(|leaf| tree.add_leaf(leaf).unwrap()).collect()
}

/// The tree with another leaf, unchecked.
pub(super) fn with_leaf(
    suite: &CipherSuite,
    tree: &RatchetTree,
    index: LeafIndex,
    leaf: &Kept<LeafNode>,
) -> RatchetTree {
    let mut nodes = tree.to_nodes().unwrap().to_vec();
    nodes[index.node().0 as usize] = Some(Node::Leaf(leaf.clone()));
    RatchetTree::from_nodes(suite, RatchetTreeNodes::new(nodes).unwrap()).unwrap()
}

impl Client {
    /// What a message would be refused with; see [`Client::refuses`].
    pub(super) fn would_refuse(&self, message: &[u8]) -> GroupError {
        self.clone().refuses(message)
    }

    /// As [`Client::follow`], for a copy of this client.
    pub(super) fn would_follow(&self, commit: &[u8]) -> crate::MembershipChanges {
        self.clone().follow(commit)
    }

    /// As [`Client::notes`], for a copy of this client.
    pub(super) fn would_note(&self, proposal: &[u8]) -> crate::ReceivedProposal {
        self.clone().notes(proposal)
    }

    /// As [`Client::join`], for a copy of this client.
    pub(super) fn would_join(&self, welcome: &[u8]) -> Result<(), GroupError> {
        self.clone().join(welcome)
    }

    /// That a message is refused with this error, and changes nothing.
    #[track_caller]
    pub(super) fn must_refuse(&self, message: &[u8], error: impl Into<GroupError>) {
        let error = error.into();
        assert_eq!(self.would_refuse(message), error, "{}", self.name);
        // And with nothing in memory but what the step asks for.
        let mut opened = self.clone();
        opened.reopen();
        assert_eq!(opened.receive(message).unwrap_err(), error, "{}, opened anew", self.name);
    }

    /// That a Commit is accepted and leads where its maker says.
    #[track_caller]
    pub(super) fn must_follow(&self, made: &Made) -> crate::MembershipChanges {
        let mut follower = self.clone();
        let summary = follower.follow(&made.message);
        assert_eq!(follower.authenticator(), made.authenticator, "{}", self.name);
        summary
    }

    /// Makes two Commits of the same epoch: one that must be refused, and its twin that must be accepted.
    #[track_caller]
    pub(super) fn bad_and_good(
        &mut self,
        receiver: &Self,
        (bad, error): (Evil, impl Into<GroupError>),
        good: Evil,
    ) -> crate::MembershipChanges {
        let [bad, good] = [bad, good].map(|evil| self.clone().evil_commit(&evil));
        receiver.must_refuse(&bad.message, error);
        receiver.must_follow(&good)
    }
}

/// A change of a leaf, and what it is refused with.
pub(super) type LeafCase<E> = (Box<dyn Fn(&mut LeafNode)>, E);

pub(super) fn leaf_case<E>(change: impl Fn(&mut LeafNode) + 'static, error: E) -> LeafCase<E> {
    (Box::new(change), error)
}

pub(super) fn add(key_package: Kept<KeyPackage>) -> Proposal {
    Proposal::Add(Add { key_package })
}

pub(super) fn remove(leaf: u32) -> Proposal {
    Proposal::Remove(Remove { removed: LeafIndex(leaf) })
}

pub(super) fn extensions(extensions: Vec<Extension>) -> Proposal {
    let extensions = Extensions::from(extensions);
    Proposal::GroupContextExtensions(pleach_wire::GroupContextExtensions { extensions })
}

pub(super) fn external_init(kem_output: Vec<u8>) -> Proposal {
    Proposal::ExternalInit(pleach_wire::ExternalInit { kem_output: kem_output.into() })
}

/// An external PSK with a nonce of this many bytes.
pub(super) fn external_psk(id: &[u8], nonce: usize) -> Proposal {
    psk(pleach_wire::Psk::External { psk_id: id.into() }, nonce)
}

pub(super) fn psk(psk: pleach_wire::Psk, nonce: usize) -> Proposal {
    let psk_nonce = Opaque::from(vec![7; nonce]);
    Proposal::PreSharedKey(pleach_wire::PreSharedKey { psk: PreSharedKeyId { psk, psk_nonce } })
}

pub(super) fn reinit(version: ProtocolVersion, extensions: Vec<Extension>) -> Proposal {
    Proposal::ReInit(pleach_wire::ReInit {
        group_id: b"successor".into(),
        version,
        cipher_suite: SUITE_1,
        extensions: extensions.into(),
    })
}

pub(super) fn custom(data: &[u8]) -> Proposal {
    Proposal::Custom { proposal_type: ProposalType(UNKNOWN), data: data.into() }
}
