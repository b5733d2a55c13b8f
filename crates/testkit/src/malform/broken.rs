//! Commits by name: each [`BrokenCommit`] breaks one requirement and is right in everything else.
#![expect(clippy::expect_used, reason = "a test's own values are valid; a panic is a failed test")]

use pleach_wire::{
    Add, ExternalInit, GroupContextExtensions, HpkeCiphertext, HpkePublicKey, LeafIndex, LeafNode,
    LeafNodeSource, Opaque, Proposal, ProposalRef, Remove, Sender, SignaturePublicKey, Update, UpdatePath,
    UpdatePathNode,
};

use super::{Forger, Listed, Tamper, resign_leaf};
use crate::members::Member;

macro_rules! broken {
    ($($(#[$doc:meta])* $name:ident: $requirement:literal;)*) => {
        /// A Commit that breaks one rule.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum BrokenCommit {
            $($(#[$doc])* $name,)*
        }

        impl BrokenCommit {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The number of the requirement that it breaks.
            #[must_use]
            pub const fn requirement(self) -> &'static str {
                match self { $(Self::$name => $requirement,)* }
            }
        }
    };
}

broken! {
    /// The path's leaf is that of an Update.
    LeafOfAnUpdate: "R080";
    /// The path's leaf keeps its encryption key.
    UnchangedKey: "R082";
    /// The path's leaf has another member's signature key, and its signature.
    SignatureKeyOfAnother: "R083";
    /// The path has a node too few.
    PathTooShort: "R093";
    /// A node of the path has a ciphertext too many.
    CiphertextTooMany: "R094";
    /// No ciphertext opens.
    PathThatDoesNotOpen: "R096";
    /// The path's last key is the key of another leaf.
    PathKeyOfAnother: "R101";
    /// The parent hash of the path's leaf is another one.
    WrongParentHash: "R110";
    /// The joiner's `kem_output` is too short.
    BadKemOutput: "R125";
    /// A leaf is removed that is not there.
    RemoveOfBlank: "R183";
    /// The committer updates itself by a proposal.
    UpdateByCommitter: "R195";
    /// The committer removes itself.
    RemoveOfCommitter: "R196";
    /// A leaf is removed twice.
    TwoRemovesOfOneLeaf: "R197";
    /// A client is added twice, with two key packages.
    AddTwice: "R198";
    /// A member is added.
    AddOfMember: "R199";
    /// Two GroupContextExtensions.
    TwoExtensions: "R200";
    /// An ExternalInit by a member.
    ExternalInitByMember: "R201";
    /// A reference to a proposal that was never sent.
    UnknownReference: "R205";
    /// An external Commit without an ExternalInit.
    NoExternalInit: "R207";
    /// An external Commit with two.
    TwoExternalInits: "R207";
    /// An external Commit that removes another client.
    RemoveOfAnotherClient: "R208";
    /// An external Commit with two Removes.
    TwoRemovesByJoiner: "R208";
    /// An external Commit with an Add.
    AddByJoiner: "R209";
    /// An external Commit with a GroupContextExtensions.
    ExtensionsByJoiner: "R209";
    /// An external Commit with a reference.
    ReferenceByJoiner: "R210";
    /// No proposals and no path.
    MissingPath: "R220";
    /// A Remove without a path.
    RemoveWithoutPath: "R220";
    /// Of the epoch before.
    PastEpoch: "R229";
    /// The confirmation tag is another one.
    WrongConfirmationTag: "R231";
    /// The committer's leaf is blank.
    BlankCommitter: "R233";
}

impl BrokenCommit {
    /// The Commit, as an MLSMessage. `other` is a member at leaf 1 whose key the forger knows; leaf 2 is some third
    /// member; `now` is the time of what is added.
    ///
    /// # Panics
    /// If the group is too small.
    #[must_use]
    pub fn forge(self, forger: &Forger, other: &Member, now: u64) -> Vec<u8> {
        let remove = |leaf| Proposal::Remove(Remove { removed: LeafIndex(leaf) });
        let client = |name: &[u8]| Proposal::Add(Add { key_package: forger.client(name, now).1 });
        let extensions = || {
            Proposal::GroupContextExtensions(GroupContextExtensions {
                extensions: forger.context.extensions.clone(),
            })
        };
        let init = || Proposal::ExternalInit(ExternalInit { kem_output: forger.external_init().0 });
        let by_member = |list: Vec<Proposal>| {
            let list: Vec<Listed> = list.into_iter().map(Listed::Value).collect();
            forger.commit(&list, true, Tamper::default()).message
        };
        let by_joiner = |list: Vec<Proposal>| {
            let list: Vec<Listed> = list.into_iter().map(Listed::Value).collect();
            let joiner = Member::new(&forger.suite, b"joiner", &*forger.rng);
            forger.external_commit(&joiner, &list, Tamper::default()).message
        };
        let without_path = |list: Vec<Proposal>| {
            let list: Vec<Listed> = list.into_iter().map(Listed::Value).collect();
            forger.commit(&list, false, Tamper::default()).message
        };
        let unknown = || {
            let reference = ProposalRef::from([1; 32].as_slice());
            Listed::Reference(reference, Sender::Member(LeafIndex(1)), remove(2))
        };
        let with_path = |change: &dyn Fn(&mut UpdatePath)| {
            let tamper = Tamper { path: Some(Box::new(|path| change(path))), ..Tamper::default() };
            forger.commit(&[], true, tamper).message
        };
        let with_leaf = |signer: &Member, change: &dyn Fn(&mut LeafNode)| {
            with_path(&|path| {
                let mut leaf = path.leaf_node.value().clone();
                change(&mut leaf);
                let (group_id, own) = (&forger.context.group_id, forger.own());
                path.leaf_node = resign_leaf(&forger.suite, &*signer.signer, leaf, group_id, own.0);
            })
        };
        let leaf_of = |leaf| forger.tree.member(LeafIndex(leaf)).expect("a member");

        match self {
            Self::LeafOfAnUpdate => {
                with_leaf(&forger.member, &|leaf| leaf.leaf_node_source = LeafNodeSource::Update)
            }
            Self::UnchangedKey => with_leaf(&forger.member, &|leaf| {
                leaf.encryption_key = leaf_of(forger.own().0).encryption_key.clone();
            }),
            Self::SignatureKeyOfAnother => with_leaf(other, &|leaf| {
                leaf.signature_key = SignaturePublicKey::from(other.signer.public());
            }),
            Self::PathTooShort => with_path(&|path| {
                let mut nodes = path.nodes.to_vec();
                nodes.pop();
                path.nodes = nodes.into();
            }),
            Self::CiphertextTooMany => change_nodes(with_path, &|node| {
                let mut all = node.encrypted_path_secret.to_vec();
                all.extend(all.last().cloned());
                node.encrypted_path_secret = all.into();
            }),
            Self::PathThatDoesNotOpen => change_nodes(with_path, &|node| {
                let spoil = |sealed: &HpkeCiphertext| {
                    let mut ciphertext = sealed.ciphertext.to_vec();
                    ciphertext.iter_mut().take(1).for_each(|byte| *byte ^= 1);
                    HpkeCiphertext { ciphertext: ciphertext.into(), ..sealed.clone() }
                };
                node.encrypted_path_secret = node.encrypted_path_secret.iter().map(spoil).collect();
            }),
            Self::PathKeyOfAnother => with_path(&|path| {
                let mut nodes = path.nodes.to_vec();
                let last = nodes.last_mut().expect("a path");
                last.encryption_key = HpkePublicKey::from(leaf_of(1).encryption_key.as_bytes());
                path.nodes = nodes.into();
            }),
            Self::WrongParentHash => with_leaf(&forger.member, &|leaf| {
                let parent_hash = Opaque::from([1; 32].as_slice());
                leaf.leaf_node_source = LeafNodeSource::Commit { parent_hash };
            }),
            Self::BadKemOutput => {
                by_joiner(vec![Proposal::ExternalInit(ExternalInit { kem_output: Opaque::from(b"short") })])
            }
            Self::RemoveOfBlank => by_member(vec![remove(forger.tree.size().leaf_count())]),
            Self::UpdateByCommitter => {
                let (group_id, own) = (&forger.context.group_id, forger.own().0);
                let (leaf_node, _) = forger.member.update_leaf(&forger.suite, group_id, own, &*forger.rng);
                by_member(vec![Proposal::Update(Update { leaf_node })])
            }
            Self::RemoveOfCommitter => {
                // The forger goes on as if it had not.
                let list = [Listed::Value(remove(1))];
                let own = forger.own().0;
                let change = move |content: &mut pleach_wire::FramedContent| {
                    if let pleach_wire::Content::Commit(commit) = &mut content.content {
                        let proposal = Proposal::Remove(Remove { removed: LeafIndex(own) });
                        commit.proposals = vec![pleach_wire::ProposalOrRef::Proposal(proposal)].into();
                    }
                };
                let tamper = Tamper { content: Some(Box::new(change)), ..Tamper::default() };
                forger.commit(&list, true, tamper).message
            }
            Self::TwoRemovesOfOneLeaf => by_member(vec![remove(1), remove(1)]),
            Self::AddTwice => by_member(vec![client(b"twice"), client(b"twice")]),
            Self::AddOfMember => {
                let key_package = forger.client(&other.name, now).1;
                by_member(vec![Proposal::Add(Add { key_package })])
            }
            Self::TwoExtensions => by_member(vec![extensions(), extensions()]),
            Self::ExternalInitByMember => by_member(vec![init()]),
            Self::UnknownReference => forger.commit(&[unknown()], true, Tamper::default()).message,
            Self::NoExternalInit => by_joiner(Vec::new()),
            Self::TwoExternalInits => by_joiner(vec![init(), init()]),
            Self::RemoveOfAnotherClient => by_joiner(vec![init(), remove(1)]),
            Self::TwoRemovesByJoiner => by_joiner(vec![init(), remove(1), remove(2)]),
            Self::AddByJoiner => by_joiner(vec![init(), client(b"friend")]),
            Self::ExtensionsByJoiner => by_joiner(vec![init(), extensions()]),
            Self::ReferenceByJoiner => {
                let joiner = Member::new(&forger.suite, b"joiner", &*forger.rng);
                let list = [Listed::Value(init()), unknown()];
                forger.external_commit(&joiner, &list, Tamper::default()).message
            }
            Self::MissingPath => without_path(Vec::new()),
            Self::RemoveWithoutPath => without_path(vec![remove(1)]),
            Self::PastEpoch => {
                let change = |content: &mut pleach_wire::FramedContent| content.epoch -= 1;
                let tamper = Tamper { content: Some(Box::new(change)), ..Tamper::default() };
                forger.commit(&[], true, tamper).message
            }
            Self::WrongConfirmationTag => {
                let change = |tag: &mut Vec<u8>| tag.iter_mut().take(1).for_each(|byte| *byte ^= 1);
                let tamper = Tamper { confirmation_tag: Some(Box::new(change)), ..Tamper::default() };
                forger.commit(&[], true, tamper).message
            }
            Self::BlankCommitter => {
                let nobody = Sender::Member(forger.tree.next_leaf_index());
                let change = move |content: &mut pleach_wire::FramedContent| content.sender = nobody;
                let tamper = Tamper { content: Some(Box::new(change)), ..Tamper::default() };
                forger.commit(&[], true, tamper).message
            }
        }
    }
}

/// A Commit whose path's nodes are all changed.
fn change_nodes(
    with_path: impl Fn(&dyn Fn(&mut UpdatePath)) -> Vec<u8>,
    change: &dyn Fn(&mut UpdatePathNode),
) -> Vec<u8> {
    with_path(&|path| {
        let mut nodes = path.nodes.to_vec();
        nodes.iter_mut().for_each(change);
        path.nodes = nodes.into();
    })
}
