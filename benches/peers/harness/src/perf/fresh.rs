//! A tree as one Commit of its creator made it: nobody else has a path.

use super::{Bench, Cost, Member, Note, agree, path};
use crate::clock::Clock;
use crate::output::{Temperature, Tree};
use crate::{Change, Failure, Result, TreeAt};
use std::collections::BTreeSet;

/// The names of its operations.
pub(super) const OPERATIONS: [&str; 5] =
    ["create", "create_merge", "join_fresh", "commit_fresh", "process_fresh"];

const WARM: Temperature = Temperature::Warm;

/// Measures. The KeyPackages of those who never join are the same each time.
pub(super) fn run(bench: &Bench<'_>) -> Result<()> {
    bench.begin();
    let n = bench.plan.n;
    let others = usize::try_from(n - 1)?;
    let mut key_packages = match &bench.synthetic {
        Some(synthetic) => synthetic.key_packages(others)?,
        None => (1..n)
            .map(|leaf| bench.library.stranger(&format!("stranger {leaf}")))
            .collect::<Result<Vec<_>>>()?,
    };
    for turn in (0..).take_while(|&turn| bench.goes_on(turn)) {
        once(bench, turn, &mut key_packages)?;
    }
    Ok(())
}

fn once(bench: &Bench<'_>, turn: u32, key_packages: &mut [Vec<u8>]) -> Result<()> {
    let n = bench.plan.n;
    // Those who join are spread over the tree.
    let leaves = BTreeSet::from([1, n / 4, n / 2, 3 * (n / 4), n - 1]);
    let mut joining = Vec::new();
    for leaf in leaves.into_iter().filter(|&leaf| leaf > 0) {
        let party = bench.party(&format!("measured {leaf} {turn}"))?;
        let place = key_packages.get_mut(usize::try_from(leaf - 1)?).ok_or("a KeyPackage for each leaf")?;
        *place = party.key_package()?;
        joining.push((leaf, party));
    }

    let party = bench.party(&format!("creator {turn}"))?;
    let before = party.counts();
    let (group, commit, built, merged) = bench.limit.step(n, "create", || {
        let clock = Clock::start();
        let mut group = party.create(format!("group {turn}").as_bytes())?;
        let commit = group.build(Change::Add(key_packages), TreeAt::Beside)?;
        let mut built = Cost { work: clock.stop(), ..Cost::default() };
        let clock = Clock::start();
        group.save()?;
        built.save = clock.stop();
        let clock = Clock::start();
        group.merge()?;
        let mut merged = Cost { work: clock.stop(), ..Cost::default() };
        let clock = Clock::start();
        group.save()?;
        merged.save = clock.stop();
        Ok::<_, Failure>((group, commit, built, merged))
    })?;
    let all = built.and(merged).stored(party.counts() - before);
    let welcome = commit.welcome_for(1)?.len();
    let note = Note { wire: commit.message.len(), welcome, ..Note::default() };
    bench.row(("create", Tree::Fresh, WARM), all, note);
    bench.row(("create_merge", Tree::Fresh, WARM), merged, note);
    let mut creator = Member { party, group, leaf: 0 };
    if !["join_fresh", "commit_fresh", "process_fresh"].into_iter().any(|operation| bench.wanted(operation)) {
        return Ok(());
    }

    let tree = creator.group.ratchet_tree()?;
    let mut members = Vec::new();
    for (leaf, party) in joining {
        // Two at least, so that they can be compared.
        if members.len() > 1 && bench.is_late() {
            break;
        }
        let welcome = commit.welcome_for(leaf)?;
        let (group, (), cost) =
            bench.join("join_fresh", &*party, || Ok((party.join(welcome, Some(&tree))?, ())))?;
        let note = Note { wire: welcome.len(), welcome: welcome.len(), ..Note::default() };
        bench.row(("join_fresh", Tree::Fresh, WARM), cost, note);
        members.push(Member { party, group, leaf });
    }
    drop((commit, tree));

    let (commit, built, merged) = bench.commit("commit_fresh", &mut creator, Change::None, TreeAt::Beside)?;
    let (_, levels) = path(n, 0, 0);
    let note = Note { wire: commit.message.len(), levels, seals: n - 1, ..Note::default() };
    bench.row(("commit_fresh", Tree::Fresh, WARM), built.and(merged), note);
    for member in &mut members {
        let ((), cost) = bench.step("process_fresh", member, |group| group.receive(&commit.message))?;
        let (nodes_above, levels) = path(n, 0, member.leaf);
        let note = Note { wire: commit.message.len(), nodes_above, levels, ..Note::default() };
        bench.row(("process_fresh", Tree::Fresh, WARM), cost, note);
    }
    agree(members.iter().chain([&creator]))
}
