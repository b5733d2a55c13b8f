//! The default rules of mls-rs, with switches for where the ratchet tree goes and how Commits travel.

use mls_rs::MlsRules;
use mls_rs::group::{GroupContext, Roster};
use mls_rs::mls_rules::{
    CommitDirection, CommitOptions, CommitSource, DefaultMlsRules, EncryptionOptions, ProposalBundle,
};
use peer_harness::TreeAt;
use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

/// Commits have a path, and travel as PrivateMessages unless told otherwise; the rest is the default.
#[derive(Clone, Debug, Default)]
pub(crate) struct Rules {
    tree_inside: Arc<AtomicBool>,
    public: Arc<AtomicBool>,
}

impl Rules {
    pub(crate) fn set_tree(&self, tree: TreeAt) {
        self.tree_inside.store(tree == TreeAt::Inside, Relaxed);
    }

    pub(crate) fn set_public(&self, public: bool) {
        self.public.store(public, Relaxed);
    }

    fn rules(&self) -> DefaultMlsRules {
        let inside = self.tree_inside.load(Relaxed);
        let options = CommitOptions::new().with_path_required(true).with_ratchet_tree_extension(inside);
        DefaultMlsRules::new()
            .with_commit_options(options)
            .with_encryption_options(EncryptionOptions::new(!self.public.load(Relaxed), Default::default()))
    }
}

impl MlsRules for Rules {
    type Error = Infallible;

    fn filter_proposals(
        &self,
        direction: CommitDirection,
        source: CommitSource,
        roster: &Roster<'_>,
        context: &GroupContext,
        proposals: ProposalBundle,
    ) -> Result<ProposalBundle, Infallible> {
        self.rules().filter_proposals(direction, source, roster, context, proposals)
    }

    fn commit_options(
        &self,
        roster: &Roster<'_>,
        context: &GroupContext,
        proposals: &ProposalBundle,
    ) -> Result<CommitOptions, Infallible> {
        self.rules().commit_options(roster, context, proposals)
    }

    fn encryption_options(
        &self,
        roster: &Roster<'_>,
        context: &GroupContext,
    ) -> Result<EncryptionOptions, Infallible> {
        self.rules().encryption_options(roster, context)
    }
}
