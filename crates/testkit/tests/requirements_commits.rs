//! Commits that break one rule each (RFC 9420 §7, §12.2, §12.4), given to a client of the library: every
//! [`BrokenCommit`] is refused for the rule that it breaks.
#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]
#![expect(dead_code, reason = "each test file uses a part of what they share")]

mod victim;

use pleach::{Error, MisbehaviorError as Rule, PeerMisbehavior, tree::TreeError};
use pleach_testkit::malform::BrokenCommit;
use pleach_wire::{LeafIndex, ProposalType};
use victim::{InGroup, NOW};

/// The rule of the group, or else of the tree, that each must be refused for.
fn expected(broken: BrokenCommit) -> Result<Rule, fn(&TreeError) -> bool> {
    use BrokenCommit as B;
    Ok(match broken {
        B::LeafOfAnUpdate => Rule::LeafNodeSource,
        B::UnchangedKey => Rule::EncryptionKeyUnchanged,
        B::SignatureKeyOfAnother => Rule::DuplicateSignatureKey,
        B::PathTooShort => return Err(|e| matches!(e, TreeError::PathLength { .. })),
        B::CiphertextTooMany => return Err(|e| matches!(e, TreeError::CiphertextCount { .. })),
        B::PathThatDoesNotOpen => return Err(|e| *e == TreeError::PathSecretDecryption),
        B::PathKeyOfAnother => return Err(|e| *e == TreeError::PathKeyReused),
        B::WrongParentHash => return Err(|e| *e == TreeError::ParentHashMismatch),
        B::BadKemOutput => Rule::ExternalInit,
        B::RemoveOfBlank => Rule::RemoveOfBlank(LeafIndex(4)),
        B::UpdateByCommitter => Rule::CommitterUpdate,
        B::RemoveOfCommitter => Rule::CommitterRemove,
        B::TwoRemovesOfOneLeaf => Rule::DuplicateLeafChange(LeafIndex(1)),
        B::AddTwice => Rule::DuplicateAdd,
        B::AddOfMember => Rule::AddOfMember,
        B::TwoExtensions => Rule::DuplicateGroupContextExtensions,
        B::ExternalInitByMember => Rule::UnexpectedExternalInit,
        B::UnknownReference => Rule::UnknownProposal,
        B::NoExternalInit | B::TwoExternalInits => Rule::ExternalInitCount,
        B::RemoveOfAnotherClient => Rule::ExternalCommitRemovesOther,
        B::TwoRemovesByJoiner => Rule::ExternalCommitRemoves,
        B::AddByJoiner => Rule::ExternalCommitProposal(ProposalType::ADD),
        B::ExtensionsByJoiner => Rule::ExternalCommitProposal(ProposalType::GROUP_CONTEXT_EXTENSIONS),
        B::ReferenceByJoiner => Rule::ReferenceInExternalCommit,
        B::MissingPath | B::RemoveWithoutPath => Rule::MissingPath,
        B::WrongConfirmationTag => Rule::ConfirmationTag,
        B::BlankCommitter => Rule::SenderNotMember,
        B::PastEpoch => panic!("no rule of the group's"),
    })
}

// breaks: R080, R082, R083, R093, R094, R096, R101, R110, R125, R183, R193, R195, R196, R197, R198, R199, R200, R201
// breaks: R205, R207, R208, R209, R210, R220, R229, R230, R231, R233
#[test]
fn every_broken_commit_is_refused_for_its_rule() {
    for &broken in BrokenCommit::ALL {
        let mut world = InGroup::new();
        let message = broken.forge(world.forger(), &world.forged.carol, NOW);
        let error = world.error(&message);
        let name = format!("{broken:?} ({})", broken.requirement());
        if broken == BrokenCommit::PastEpoch {
            assert!(matches!(error, Error::WrongEpoch { current: 2, message: 1 }), "{name}: {error:?}");
            continue;
        }
        match (error, expected(broken)) {
            (Error::PeerMisbehaved(PeerMisbehavior::Group(rule)), Ok(expected)) => {
                assert_eq!(rule, expected, "{name}");
            }
            (Error::PeerMisbehaved(PeerMisbehavior::Tree(error)), Err(expected)) => {
                assert!(expected(&error), "{name}: {error:?}");
            }
            (other, _) => panic!("{name}: another kind of error: {other:?}"),
        }
    }
}
