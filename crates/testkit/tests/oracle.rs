//! The library's ratchet tree against the naive one, over random sequences of changes.
//!
//! A failure names its seed; `PLEACH_ORACLE_SEED=<seed>` runs that sequence alone, `PLEACH_ORACLE_SEQUENCES=<n>` another
//! number of them. In every step the sizes and the hashes of the roots are compared, and everything of a path; in every
//! twentieth and at the end every hash, resolution, filtered direct path, parent hash, key and private key.
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod lockstep;

use std::{collections::BTreeMap, env};

use pleach_crypto::Serial;
use pleach_testkit::{
    null_crypto::NullSuite,
    oracle::{Oracle, Wrong},
    random::SeededRandom,
    synthetic::full_tree,
};
use pleach_tree::RatchetTree;

const SEQUENCES: u64 = 500;
const STEPS: usize = 200;

fn setting(name: &str) -> Option<u64> {
    env::var(name).ok().map(|value| value.parse().unwrap_or_else(|_| panic!("{name} is no number: {value}")))
}

// breaks: R087, R088, R089, R092, R098, R100, R102, R103, R106, R107, R108, R180, R182, R184, R226, R243, R246
#[test]
fn library_and_oracle_agree() {
    let null = NullSuite::new();
    let seeds: Vec<u64> = match setting("PLEACH_ORACLE_SEED") {
        Some(seed) => vec![seed],
        None => {
            let stream = SeededRandom::new(9420);
            let sequences = setting("PLEACH_ORACLE_SEQUENCES").unwrap_or(SEQUENCES);
            (0..sequences).map(|_| stream.next_u64()).collect()
        }
    };
    for seed in seeds {
        if let Err(error) = lockstep::run(null.suite(), seed, STEPS, None) {
            panic!("PLEACH_ORACLE_SEED={seed}: {error}");
        }
    }
}

/// In a synthetic full tree every right parent holds a parent hash of a tree that is gone. No chain needs it.
// breaks: R111
#[test]
fn stale_links_that_no_chain_needs_are_accepted() {
    let null = NullSuite::new();
    let full = full_tree(null.suite(), 64, b"group", 1);
    let tree = RatchetTree::from_nodes(null.suite(), full.nodes.clone()).unwrap();
    assert_eq!(tree.verify(b"group", &Serial, &SeededRandom::new(1)), Ok(()));
    let oracle = Oracle::from_nodes(null.suite(), full.nodes, &BTreeMap::new());
    assert!(oracle.is_parent_hash_valid());
    // 95 is the root's right child, 63 the root: the stale link.
    assert_ne!(oracle.parent(95).unwrap().parent_hash, oracle.parent_hash(63, 31).as_bytes());
    assert_ne!(oracle.parent(95).unwrap().parent_hash, Vec::<u8>::new());
}

/// The comparison must notice a tree that gets one rule wrong, in a few sequences.
fn must_be_noticed(wrong: Wrong) -> String {
    let null = NullSuite::new();
    let found = (1..=5).find_map(|seed| lockstep::run(null.suite(), seed, STEPS, Some(wrong)).err());
    found.unwrap_or_else(|| panic!("{wrong:?} goes unnoticed"))
}

macro_rules! noticed {
    ($($(#[$doc:meta])* $name:ident: $wrong:ident, $by:literal;)*) => {$(
        $(#[$doc])*
        #[test]
        fn $name() {
            let error = must_be_noticed(Wrong::$wrong);
            assert!(error.contains($by), "noticed by something else: {error}");
        }
    )*};
}

noticed! {
    a_forgotten_unmerged_leaf_is_noticed: ForgetsUnmergedLeaves, "tree hashes differ";
    a_path_not_blanked_by_an_update_is_noticed: ForgetsToBlankOnUpdate, "differ";
    a_path_not_blanked_by_a_remove_is_noticed: ForgetsToBlankOnRemove, "differ";
    a_tree_that_never_truncates_is_noticed: NeverTruncates, "differ";
    a_tree_that_truncates_once_is_noticed: TruncatesOnce, "differ";
    a_member_added_at_the_end_is_noticed: AddsAtTheEnd, "places for a";
    a_path_that_keeps_unmerged_leaves_is_noticed: KeepsUnmergedOnPath, "differ";
    an_unfiltered_path_is_noticed: DoesNotFilter, "differ";
    a_resolution_without_unmerged_leaves_is_noticed: ResolutionWithoutUnmerged, "differ";
    a_resolution_in_the_wrong_order_is_noticed: ResolutionFromTheRight, "differ";
    the_wrong_sibling_in_a_parent_hash_is_noticed: WrongSiblingInParentHash, "differ";
    parent_hashes_that_form_no_chain_are_noticed: ParentHashWithoutChain, "differ";
    /// Only the check of received trees depends on it.
    a_sibling_hash_that_is_not_the_original_is_noticed: CurrentSiblingHash, "parent hashes are not valid";
    blank_leaves_with_one_hash_are_noticed: BlankLeavesAlike, "differ";
    path_secrets_for_new_leaves_are_noticed: EncryptsToNewLeaves, "UpdatePaths differ";
    node_keys_of_the_wrong_secret_are_noticed: NodeKeyFromPathSecret, "differ";
}
