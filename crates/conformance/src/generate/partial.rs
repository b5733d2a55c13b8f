//! Cases of our own for the files of `mls-partial`: what a member with the tree tells those without.
//!
//! They are made for the tests, which change each of their fields, and are written nowhere: what they prove is that the
//! checks work.

use super::trees::Grown;
use super::{Seeded, passive};
use crate::Fault;
use crate::fault::{At, Bytes, Checked};
use crate::files::treekem::node_key_pair;
use crate::partial::tree_operations::NodeState;
use crate::partial::{
    AnnotatedCommit, AnnotatedWelcome, CopathHash, MembershipProof, PathNode, SenderAuthenticatedMessage,
    annotated_welcome, membership_proofs, message_syntax, tree_operations,
};
use pleach::{Group, LeafUpdate};
use pleach_crypto::{CipherSuite, Serial};
use pleach_tree::RatchetTree;
use pleach_wire::{Encode, LeafIndex, MlsMessage, MlsMessageBody, Node, NodeIndex, decode, encode};
use serde::Serialize;
use serde_json::Value;

/// All files' cases.
pub(super) fn all(seeded: &Seeded<'static>) -> Checked<Vec<(&'static str, Vec<Value>)>> {
    // Two more than the keys know: one under a blank parent, one that is unmerged where others share a key.
    let mut grown = Grown::new(seeded, 6, true)?;
    grown.add()?;
    grown.add()?;
    Ok(vec![
        ("message-syntax.json", values([message_syntax(seeded)?])?),
        ("membership-proofs.json", values([membership_proofs(&grown)?])?),
        ("tree-operations.json", values(tree_operations(&grown)?)?),
        (
            "annotated-welcome.json",
            values([
                annotated_welcome(seeded, passive::PLAIN)?,
                annotated_welcome(seeded, passive::WITH_PSK)?,
            ])?,
        ),
    ])
}

fn values<C: Serialize>(cases: impl IntoIterator<Item = C>) -> Checked<Vec<Value>> {
    cases.into_iter().map(|case| serde_json::to_value(case).at("json")).collect()
}

/// The proof of a member.
fn proof(tree: &RatchetTree, leaf: LeafIndex) -> Checked<MembershipProof> {
    let member = Node::Leaf(tree.member(leaf).at("proof")?.clone());
    let mut nodes = vec![PathNode { node: Some(member) }];
    for index in leaf.node().direct_path(tree.size()) {
        let parent = tree.parent(index).at("proof")?;
        nodes.push(PathNode { node: parent.map(|parent| Node::Parent(Box::new(parent.to_wire()))) });
    }
    let hash = |node| Ok(CopathHash { hash_value: tree.node_hash(node).at("proof")?.as_bytes().into() });
    Ok(MembershipProof {
        leaf_index: leaf,
        n_leaves: tree.size().leaf_count(),
        direct_path_nodes: nodes.into(),
        copath_hashes: leaf.node().copath(tree.size()).map(hash).collect::<Checked<Vec<_>>>()?.into(),
    })
}

/// Which of the ciphertexts for the resolution of a copath node is the receiver's.
fn resolution_index(tree: &RatchetTree, sender: LeafIndex, receiver: LeafIndex) -> Checked<u32> {
    let ancestor = sender.node().common_ancestor(receiver.node());
    let (left, right) = ancestor.children().at("resolution_index")?;
    let copath = if receiver.node().is_in_subtree(left) { left } else { right };
    let resolution = tree.resolution(copath).at("resolution_index")?;
    let own = resolution.iter().position(|node| *node == receiver.node());
    let above = || resolution.iter().position(|node| receiver.node().is_in_subtree(*node));
    let place = own.or_else(above).at("resolution_index")?;
    u32::try_from(place).at("resolution_index")
}

fn membership_proofs(grown: &Grown<'_>) -> Checked<membership_proofs::Case> {
    let proof = |leaf: &LeafIndex| bytes(&proof(&grown.tree, *leaf)?);
    Ok(membership_proofs::Case {
        cipher_suite: grown.suite.id.0,
        tree_hash: grown.tree.tree_hash().at("tree")?.into(),
        proofs: grown.keys.keys().map(proof).collect::<Checked<_>>()?,
    })
}

/// A path from the first member, for everybody else.
fn tree_operations(grown: &Grown<'_>) -> Checked<Vec<tree_operations::Case>> {
    let mut members = grown.keys.iter();
    let (sender, _) = members.next().at("sender")?;
    let path = grown.path_of(*sender)?;
    let after = path.tree();
    let tree_hash = after.tree_hash().at("tree")?;
    let update_path = path.encrypt(tree_hash.as_bytes(), &[], &Serial, grown.random).at("path")?;
    let case = |(receiver, keys): (&LeafIndex, &super::trees::Keys)| {
        let mut state = vec![NodeState {
            node: receiver.node().0,
            encryption_priv: keys.leaf_private.as_bytes().into(),
            path_secret: Bytes::default(),
        }];
        let mut held: Vec<_> = keys.path_secrets.iter().collect();
        held.sort_by_key(|(node, _)| node.level());
        for (NodeIndex(node), path_secret) in held {
            let pair = node_key_pair(grown.suite, path_secret).at("path_secret")?;
            let (encryption_priv, path_secret) =
                (pair.private.as_bytes().into(), path_secret.as_bytes().into());
            state.push(NodeState { node: *node, encryption_priv, path_secret });
        }
        Ok(tree_operations::Case {
            cipher_suite: grown.suite.id.0,
            update_path: bytes(&update_path)?,
            tree_hash_after: tree_hash.into(),
            resolution_index: resolution_index(after, *sender, *receiver)?,
            sender_membership_proof_after: bytes(&proof(after, *sender)?)?,
            receiver_membership_proof_after: bytes(&proof(after, *receiver)?)?,
            receiver_path_state: state,
            commit_secret: path.commit_secret().as_bytes().into(),
        })
    };
    members.map(case).collect()
}

/// The tree that a group has now.
fn tree(suite: &CipherSuite, group: &Group) -> Checked<RatchetTree> {
    crate::files::tree(suite, "tree", &group.ratchet_tree().at("tree")?)
}

fn annotated_welcome(
    seeded: &Seeded<'static>,
    joining: passive::Joining,
) -> Checked<annotated_welcome::Case> {
    let (joined, group) = passive::joined(seeded, joining)?;
    let annotated = annotate(seeded.suite, &joined, &group)?;
    Ok(annotated_welcome::Case {
        cipher_suite: joined.cipher_suite,
        annotated_welcome: bytes(&annotated)?,
        joiner_leaf_index: annotated.joiner_membership_proof.leaf_index.0,
        epoch_authenticator: joined.initial_epoch_authenticator,
        key_package: joined.key_package,
        signature_priv: joined.signature_priv,
        encryption_priv: joined.encryption_priv,
        init_priv: joined.init_priv,
        external_psks: joined.external_psks,
    })
}

/// The Welcome of a client that has just joined, annotated by who added it.
fn annotate(
    suite: &CipherSuite,
    joined: &crate::files::passive_client::Case,
    group: &Group,
) -> Checked<AnnotatedWelcome> {
    let MlsMessageBody::Welcome(welcome) = message(&joined.welcome)?.body else {
        return Err(Fault::new("welcome", "another message"));
    };
    let key_package = crate::files::key_package(suite, "key_package", &joined.key_package)?;
    let tree = tree(suite, group)?;
    let joiner = tree.leaf_with_signature_key(&key_package.leaf_node.signature_key).at("joiner")?;
    Ok(AnnotatedWelcome {
        welcome: SenderAuthenticatedMessage {
            message: welcome,
            sender_membership_proof: proof(&tree, group.own_index())?,
        },
        joiner_membership_proof: proof(&tree, joiner.at("joiner")?)?,
    })
}

/// One of each, all of one epoch.
fn message_syntax(seeded: &Seeded<'static>) -> Checked<message_syntax::Case> {
    let suite = seeded.suite;
    let (joined, mut group) = passive::joined(seeded, passive::PLAIN)?;
    let annotated_welcome = annotate(suite, &joined, &group)?;
    let before = tree(suite, &group)?;
    let (sender, receiver) = (group.own_index(), annotated_welcome.joiner_membership_proof.leaf_index);
    let sender_proof = proof(&before, sender)?;

    let private_message = message(&group.encrypt(b"a secret").at("encrypt")?)?.body;
    let group_info = message(&group.group_info().at("group_info")?)?.body;
    let public_message = message(&group.propose_update(&LeafUpdate::new()).at("propose")?)?.body;
    let (
        MlsMessageBody::PrivateMessage(private_message),
        MlsMessageBody::GroupInfo(group_info),
        MlsMessageBody::PublicMessage(public_message),
    ) = (private_message, group_info, public_message)
    else {
        return Err(Fault::new("message", "another message"));
    };
    group.clear_proposals().at("propose")?;
    let commit = group.commit().force_path().build().at("commit")?.message().to_vec();
    let received = match group.receive(&commit).at("commit")? {
        pleach::Received::OwnCommit(own) => group.merge(own),
        _ => return Err(Fault::new("commit", "not the own one")),
    };
    received.map(drop).at("commit")?;
    let after = tree(suite, &group)?;
    let annotated_commit = AnnotatedCommit {
        commit: message(&commit)?,
        sender_membership_proof: Some(sender_proof.clone()),
        tree_hash_after: after.tree_hash().at("tree")?.as_bytes().into(),
        resolution_index: Some(resolution_index(&after, sender, receiver)?),
        sender_membership_proof_after: proof(&after, sender)?,
        receiver_membership_proof_after: proof(&after, receiver)?,
    };
    Ok(message_syntax::Case {
        cipher_suite: suite.id.0,
        copath_hash: bytes(sender_proof.copath_hashes.first().at("proof")?)?,
        membership_proof: bytes(&sender_proof)?,
        sender_authenticated_welcome: bytes(&annotated_welcome.welcome)?,
        sender_authenticated_group_info: bytes(&sent(group_info, &sender_proof))?,
        sender_authenticated_public_message: bytes(&sent(public_message, &sender_proof))?,
        sender_authenticated_private_message: bytes(&sent(private_message, &sender_proof))?,
        annotated_welcome: bytes(&annotated_welcome)?,
        annotated_commit: bytes(&annotated_commit)?,
    })
}

fn sent<T>(message: T, proof: &MembershipProof) -> SenderAuthenticatedMessage<T> {
    SenderAuthenticatedMessage { message, sender_membership_proof: proof.clone() }
}

fn message(bytes: &[u8]) -> Checked<MlsMessage> {
    decode(bytes).at("message")
}

fn bytes(value: &impl Encode) -> Checked<Bytes> {
    Ok(Bytes(encode(value).at("encode")?))
}
