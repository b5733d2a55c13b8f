//! External Commits that no honest client would make: by a client that holds a GroupInfo and is no member.

use super::{driver::*, evil::*};
use pleach_key_schedule::{InitSecret, interim_transcript_hash};
use pleach_wire::{GroupInfo, MlsMessage, MlsMessageBody};

/// A GroupInfo as it was published, unchecked.
pub(super) fn read_group_info(message: &[u8]) -> Kept<GroupInfo> {
    match decode::<MlsMessage>(message).unwrap().body {
        MlsMessageBody::GroupInfo(group_info) => group_info,
        other => panic!("{other:?}"),
    }
}

impl Client {
    /// An external Commit of this client. `list` makes its proposals from the ExternalInit.
    pub(super) fn evil_join(
        &mut self,
        group_info: &[u8],
        list: impl FnOnce(Proposal) -> Vec<Proposal>,
        evil: Evil,
    ) -> Made {
        let group_info = read_group_info(group_info);
        let context = group_info.group_context.clone();
        let nodes = group_info.extensions.ratchet_tree().unwrap().unwrap();
        let tree = pleach_tree::RatchetTree::from_nodes(&self.suite, nodes).unwrap();
        let external_pub = group_info.extensions.external_pub().unwrap().unwrap().external_pub;
        let external_pub = self.suite.kem.load_public(&external_pub).unwrap();
        let (kem_output, init_secret) =
            self.suite.external_init_send(&*external_pub, &*self.provider.random).unwrap();
        let interim = interim_transcript_hash(
            &self.suite,
            &context.confirmed_transcript_hash,
            &group_info.confirmation_tag,
        );
        let sender = Sender::NewMemberCommit;
        let proposals = list(external_init(kem_output));
        let mut evil = evil;
        let references = core::mem::take(&mut evil.proposals);
        evil.proposals = proposals.iter().cloned().map(ProposalOrRef::Proposal).chain(references).collect();
        let ground = Ground {
            context,
            tree,
            interim: interim.unwrap().as_bytes().to_vec(),
            init_secret: InitSecret::external(init_secret),
            sender,
            proposals: proposals.into_iter().map(|proposal| (proposal, sender)).collect(),
        };
        self.make_commit(ground, &evil)
    }

    /// An honest external Commit with these proposals beside the ExternalInit.
    pub(super) fn joins_with(&mut self, group_info: &[u8], more: Vec<Proposal>) -> Made {
        self.evil_join(group_info, |init| core::iter::once(init).chain(more).collect(), Evil::default())
    }
}
