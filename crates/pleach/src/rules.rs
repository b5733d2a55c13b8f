//! The application's rules as a client holds them: its own [`Rules`], and the custom proposal types it registered.

use pleach_group::{CustomProposalRule, GroupError, Rules};
use pleach_wire::{GroupContext, LeafIndex, LeafNode, Proposal, ProposalType, Sender};
use std::{collections::BTreeMap, sync::Arc};

/// The rules when the application says nothing.
struct DefaultRules;

impl Rules for DefaultRules {}

pub(crate) struct AppRules {
    rules: Arc<dyn Rules + Send + Sync>,
    custom: BTreeMap<ProposalType, CustomProposalRule>,
    /// What external senders may use: of the rules, and of those registered.
    external: Vec<ProposalType>,
}

impl Default for AppRules {
    fn default() -> Self {
        Self { rules: Arc::new(DefaultRules), custom: BTreeMap::new(), external: Vec::new() }
    }
}

impl AppRules {
    pub(crate) fn set(&mut self, rules: impl Rules + Send + Sync + 'static) {
        self.rules = Arc::new(rules);
        self.list_external();
    }

    pub(crate) fn add_custom(&mut self, proposal_type: ProposalType, rule: CustomProposalRule) {
        self.custom.insert(proposal_type, rule);
        self.list_external();
    }

    fn list_external(&mut self) {
        self.external = self.rules.external_proposal_types().to_vec();
        self.external.extend(self.custom.iter().filter(|(_, rule)| rule.external).map(|(kind, _)| *kind));
    }

    pub(crate) fn custom_types(&self) -> impl Iterator<Item = ProposalType> + '_ {
        self.custom.keys().copied()
    }
}

impl Rules for AppRules {
    fn allow_proposal(
        &self,
        context: &GroupContext,
        sender: &Sender,
        proposal: &Proposal,
    ) -> Result<(), GroupError> {
        self.rules.allow_proposal(context, sender, proposal)
    }

    fn allow_external_commit(
        &self,
        context: &GroupContext,
        joiner: &LeafNode,
        removes: Option<LeafIndex>,
    ) -> Result<(), GroupError> {
        self.rules.allow_external_commit(context, joiner, removes)
    }

    fn allow_join(
        &self,
        context: &GroupContext,
        members: u32,
        inviter: Option<&LeafNode>,
    ) -> Result<(), GroupError> {
        self.rules.allow_join(context, members, inviter)
    }

    fn custom_proposal(&self, proposal_type: ProposalType) -> Option<CustomProposalRule> {
        self.rules.custom_proposal(proposal_type).or_else(|| self.custom.get(&proposal_type).copied())
    }

    fn external_proposal_types(&self) -> &[ProposalType] {
        &self.external
    }
}
