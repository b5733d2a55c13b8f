//! The members of a populated group who are measured.

use super::{Bench, Cost, Member, Note, agree, path};
use crate::output::{Temperature, Tree};
use crate::synthetic::Synthetic;
use crate::{Change, Result, TreeAt};

/// In smaller groups all members are measured ones, who joined by a Welcome and have made a Commit each.
pub(super) const LEAST_SYNTHETIC: u32 = 10;

/// The members, by leaf. All are in the same epoch.
pub(super) struct Cast {
    pub(super) members: Vec<Member>,
    /// Who stands for a member at any leaf.
    pub(super) uniform: Vec<usize>,
    /// Two at sibling leaves.
    pub(super) pair: (usize, usize),
    /// Who is at the last leaf.
    pub(super) last: usize,
    pub(super) group_id: Vec<u8>,
}

/// Whose processing of a Commit is printed, and as what.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Show {
    /// That of the uniform members as "process", that of the sender's sibling as "process_worst".
    Process,
    /// Only that of the sibling.
    Worst,
    /// That of the uniform members under this name.
    As(&'static str),
    /// None.
    Nothing,
}

impl Cast {
    /// The members that the plan wants.
    pub(super) fn new(bench: &Bench<'_>) -> Result<Self> {
        match &bench.synthetic {
            Some(synthetic) if bench.plan.n >= LEAST_SYNTHETIC => Self::joined(bench, synthetic),
            _ => Self::created(bench),
        }
    }

    /// Members who join the synthetic group one after the other by external Commits: "external_join".
    fn joined(bench: &Bench<'_>, synthetic: &Synthetic) -> Result<Self> {
        let meta = &synthetic.meta;
        let mut members: Vec<Member> = Vec::new();
        for &leaf in &meta.blanks {
            let (group_info, tree) = match members.last_mut() {
                Some(member) => (member.group.group_info()?, member.group.ratchet_tree()?),
                None => (synthetic.group_info()?, synthetic.tree()?),
            };
            let party = bench.party(&format!("measured {leaf}"))?;
            let (member, message, cost) = join_externally(bench, party, leaf, &group_info, &tree)?;
            for other in &mut members {
                bench.step("catch up", other, |group| group.receive(&message))?;
            }
            let note = Note { wire: message.len(), ..Note::default() };
            bench.row(("external_join", Tree::Populated, Temperature::Warm), cost, note);
            members.push(member);
        }
        let at = |leaf: u32| members.iter().position(|member| member.leaf == leaf).ok_or("not a blank leaf");
        let (pair, last) = ((at(meta.pair[0])?, at(meta.pair[1])?), at(meta.last)?);
        let uniform = (0..members.len()).filter(|&i| i != pair.1 && i != last).collect::<Vec<_>>();
        // In a very large group there may be no others.
        let uniform = if uniform.len() < 2 { vec![pair.0, last] } else { uniform };
        let group_id = meta.group_id.clone().into_bytes();
        Ok(Self { members, uniform, pair, last, group_id })
    }

    /// A small group of measured members only.
    fn created(bench: &Bench<'_>) -> Result<Self> {
        let group_id = b"small".to_vec();
        let party = bench.party("measured 0")?;
        let parties = (1..bench.plan.n)
            .map(|leaf| bench.party(&format!("measured {leaf}")))
            .collect::<Result<Vec<_>>>()?;
        let key_packages = parties.iter().map(|party| party.key_package()).collect::<Result<Vec<_>>>()?;
        let mut group = party.create(&group_id)?;
        let commit = group.commit(Change::Add(&key_packages))?;
        let tree = group.ratchet_tree()?;
        let mut members = vec![Member { party, group, leaf: 0 }];
        for (leaf, party) in (1..).zip(parties) {
            let mut group = party.join(commit.welcome_for(leaf)?, Some(&tree))?;
            group.save()?;
            members.push(Member { party, group, leaf });
        }
        let everybody = 0..members.len();
        let last = members.len() - 1;
        let mut cast = Self { members, uniform: everybody.clone().collect(), pair: (0, 1), last, group_id };
        for member in everybody {
            cast.renew(bench, member)?;
        }
        // Somebody joins by an external Commit, and goes.
        let (group_info, tree) = {
            let group = &mut cast.members[0].group;
            (group.group_info()?, group.ratchet_tree()?)
        };
        let visitor = bench.party("visitor")?;
        let (visitor, message, cost) = join_externally(bench, visitor, bench.plan.n, &group_info, &tree)?;
        let note = Note { wire: message.len(), ..Note::default() };
        bench.row(("external_join", Tree::Populated, Temperature::Warm), cost, note);
        for member in &mut cast.members {
            member.group.take(&message)?;
        }
        agree(cast.members.iter().chain([&visitor]))?;
        let gone = cast.members[0].group.commit(Change::Remove(visitor.leaf))?;
        cast.spread(bench, 0, &gone.message, Show::Nothing)?;
        cast.renew(bench, last)?;
        Ok(cast)
    }

    /// All others process a Commit.
    pub(super) fn spread(
        &mut self,
        bench: &Bench<'_>,
        sender: usize,
        message: &[u8],
        show: Show,
    ) -> Result<()> {
        let from = self.members[sender].leaf;
        for (at, member) in self.members.iter_mut().enumerate() {
            if at == sender {
                continue;
            }
            let ((), cost) = bench.step("process", member, |group| group.receive(message))?;
            let (nodes_above, levels) = path(bench.plan.n, from, member.leaf);
            let note = Note { wire: message.len(), nodes_above, levels, ..Note::default() };
            let print = |operation| {
                bench.row((operation, Tree::Populated, Temperature::Warm), cost, note);
            };
            let uniform = self.uniform.contains(&sender) && self.uniform.contains(&at);
            let siblings = [(sender, at), (at, sender)].contains(&self.pair);
            match show {
                Show::Process if uniform => print("process"),
                Show::As(operation) if uniform => print(operation),
                _ => {}
            }
            if siblings && matches!(show, Show::Process | Show::Worst) {
                print("process_worst");
            }
        }
        Ok(())
    }

    /// A Commit that nobody measures.
    pub(super) fn renew(&mut self, bench: &Bench<'_>, sender: usize) -> Result<()> {
        let (commit, ..) = bench.commit("renew", &mut self.members[sender], Change::None, TreeAt::Beside)?;
        self.spread(bench, sender, &commit.message, Show::Nothing)
    }
}

fn join_externally(
    bench: &Bench<'_>,
    party: Box<dyn crate::Party>,
    leaf: u32,
    group_info: &[u8],
    tree: &[u8],
) -> Result<(Member, Vec<u8>, Cost)> {
    let (group, message, cost) =
        bench.join("external_join", &*party, || party.join_externally(group_info, tree))?;
    Ok((Member { party, group, leaf }, message, cost))
}
