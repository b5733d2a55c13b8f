//! Processing an UpdatePath without the tree: from the proofs of the sender and the receiver in the tree after it.
//!
//! Beside what the draft asks for, the path must be the one that the sender's proof shows, with its parent hashes
//! (RFC 9420 §7.9): without blank or unmerged leaves on a fresh path, the hashes of the copath are all that they take.

use super::proof::Path;
use crate::fault::{At, Checked, ensure, same, same_bytes};
use crate::files::treekem::node_key_pair;
use pleach_crypto::{CipherSuite, Secret};
use pleach_wire::{HpkeCiphertext, LeafNodeSource, NodeIndex, ParentHashInput, UpdatePath, encode};

/// The lowest common ancestor of two members' leaves.
pub(super) fn common_ancestor(a: &Path<'_>, b: &Path<'_>) -> NodeIndex {
    a.leaf_index().node().common_ancestor(b.leaf_index().node())
}

/// That an UpdatePath is the one that was merged into the sender's part of the tree (R093, R110).
pub(super) fn check_merged(suite: &CipherSuite, path: &UpdatePath, sender: &Path<'_>) -> Checked {
    let field = "update_path";
    ensure(path.leaf_node == *sender.leaf(), field, "another leaf than the sender's")?;
    same(field, &path.nodes.len(), &sender.filled().count())?;
    let mut expected = Vec::new();
    for ((step, node), given) in sender.filled().zip(&path.nodes).collect::<Vec<_>>().into_iter().rev() {
        same_bytes(field, &*given.encryption_key, &node.encryption_key)?;
        ensure(node.unmerged_leaves.is_empty(), field, "a fresh node with unmerged leaves")?;
        ensure(!given.encrypted_path_secret.is_empty(), field, "a node for nobody")?;
        same_bytes(field, &*node.parent_hash, &expected)?;
        let input = ParentHashInput {
            encryption_key: &node.encryption_key,
            parent_hash: &node.parent_hash,
            original_sibling_tree_hash: step.sibling_hash,
        };
        expected = suite.hash.hash(&[&encode(&input).at(field)?]).as_bytes().to_vec();
    }
    match &path.leaf_node.leaf_node_source {
        LeafNodeSource::Commit { parent_hash } => same_bytes(field, &**parent_hash, &expected),
        _ => Err(crate::Fault::new(field, "a leaf that is not of a Commit")),
    }
}

/// The node under the common ancestor for which a path secret is encrypted to the receiver: the highest that is not blank,
/// unless the receiver does not know its key yet.
pub(super) fn decryption_node(receiver: &Path<'_>, ancestor: NodeIndex) -> NodeIndex {
    let own = receiver.leaf_index();
    let below = receiver
        .filled()
        .take_while(|(step, _)| step.index != ancestor && step.index.is_in_subtree(ancestor));
    match below.last() {
        Some((step, node)) if !node.unmerged_leaves.contains(&own) => step.index,
        _ => own.node(),
    }
}

/// The ciphertext for the receiver: of the nodes of the path that of the common ancestor, and there the one in this place.
pub(super) fn sealed_for<'p>(
    path: &'p UpdatePath,
    sender: &Path<'_>,
    receiver: &Path<'_>,
    resolution_index: u32,
) -> Checked<&'p HpkeCiphertext> {
    let ancestor = common_ancestor(sender, receiver);
    let place = sender.filled().position(|(step, _)| step.index == ancestor).at("update_path")?;
    let sealed = &path.nodes.get(place).at("update_path")?.encrypted_path_secret;
    sealed.get(resolution_index as usize).at("resolution_index")
}

/// From the path secret of a node on a member's path: the keys of all nodes from there on, which must be those of the
/// proof; and the commit secret behind the last (R097, R244).
pub(super) fn climb(
    suite: &CipherSuite,
    member: &Path<'_>,
    from: NodeIndex,
    path_secret: Secret,
) -> Checked<Secret> {
    let field = "path_secret";
    same(field, &path_secret.len(), &suite.secret_len())?;
    let mut path_secret = path_secret;
    let mut above = member.filled().skip_while(|(step, _)| step.index != from).peekable();
    ensure(above.peek().is_some(), field, "of a blank node")?;
    for (_, node) in above {
        same_bytes(field, node_key_pair(suite, &path_secret).at(field)?.public, &node.encryption_key)?;
        path_secret = suite.derive_secret(&path_secret, b"path").at(field)?;
    }
    Ok(path_secret)
}
