//! Everything on a tree in which every parent has a key.

use super::cast::{Cast, Show};
use super::messages::{self, LARGE, SMALL};
use super::{Bench, Cost, Member, Note, agree, path, seals_of_remove};
use crate::clock::Clock;
use crate::output::{Temperature, Tree};
use crate::{Change, Failure, Result, TreeAt};

/// The names of its operations.
pub(super) const OPERATIONS: [&str; 28] = [
    "external_join",
    "commit",
    "build",
    "merge",
    "process",
    "process_worst",
    "commit_public",
    "process_public",
    "encrypt_100_first",
    "decrypt_100_first",
    "encrypt_100",
    "decrypt_100",
    "encrypt_1k_first",
    "decrypt_1k_first",
    "encrypt_1k",
    "decrypt_1k",
    "add_tree_beside",
    "add_tree_inside",
    "join",
    "join_tree_inside",
    "process_add",
    "remove",
    "process_remove",
    "open",
    "store_reopen_send",
    "process_cold",
    "commit_cold",
    "cycle",
];
/// Those that need somebody to come and go.
const MEMBERSHIP: [&str; 7] = [
    "add_tree_beside",
    "add_tree_inside",
    "join",
    "join_tree_inside",
    "process_add",
    "remove",
    "process_remove",
];
/// Those that travel as PublicMessages.
const PUBLIC: std::ops::Range<usize> = 6..8;
/// Those that need Commits and messages only.
const TRAFFIC: [std::ops::Range<usize>; 2] = [1..6, 8..16];
/// Those that reopen a group.
const REOPENING: std::ops::Range<usize> = 23..28;
/// More repetitions of what is O(n) are of little use.
const COMINGS: u32 = 3;

const WARM: Temperature = Temperature::Warm;
const COLD: Temperature = Temperature::Cold;

/// Measures.
pub(super) fn run(bench: &Bench<'_>) -> Result<()> {
    let mut cast = Cast::new(bench)?;
    agree(&cast.members)?;
    let wanted = |operations: &[&str]| operations.iter().any(|operation| bench.wanted(operation));
    if TRAFFIC.into_iter().any(|range| wanted(&OPERATIONS[range])) {
        bench.begin();
        for turn in (0..).take_while(|&turn| bench.goes_on(turn)) {
            traffic(bench, &mut cast, turn as usize)?;
        }
        agree(&cast.members)?;
    }
    if wanted(&OPERATIONS[PUBLIC]) {
        bench.begin();
        public(bench, &mut cast)?;
        agree(&cast.members)?;
    }
    if wanted(&OPERATIONS[REOPENING]) {
        bench.begin();
        for turn in (0..).take_while(|&turn| bench.goes_on(turn)) {
            reopening(bench, &mut cast, turn as usize)?;
        }
        agree(&cast.members)?;
    }
    if wanted(&MEMBERSHIP) {
        bench.begin();
        for turn in (0..COMINGS).take_while(|&turn| bench.goes_on(turn)) {
            coming_and_going(bench, &mut cast, turn as usize, TreeAt::Beside)?;
            if wanted(&["add_tree_inside", "join_tree_inside"]) {
                coming_and_going(bench, &mut cast, turn as usize, TreeAt::Inside)?;
            }
        }
        agree(&cast.members)?;
    }
    Ok(())
}

/// Two Commits, the first messages after each, and later ones.
fn traffic(bench: &Bench<'_>, cast: &mut Cast, turn: usize) -> Result<()> {
    let one = cast.uniform[turn % cast.uniform.len()];
    let other = cast.uniform[(turn + 1) % cast.uniform.len()];
    commit(bench, cast, one, Show::Process)?;
    messages::first(bench, cast, other, SMALL)?;
    messages::later(bench, cast, (one, other), SMALL)?;
    messages::later(bench, cast, (one, other), LARGE)?;
    commit(bench, cast, cast.pair.0, Show::Worst)?;
    messages::first(bench, cast, one, LARGE)
}

/// A Commit with nothing but a path: "commit", "build", "merge".
fn commit(bench: &Bench<'_>, cast: &mut Cast, sender: usize, show: Show) -> Result<()> {
    let member = &mut cast.members[sender];
    let (commit, built, merged) = bench.commit("commit", member, Change::None, TreeAt::Beside)?;
    let (_, levels) = path(bench.plan.n, member.leaf, member.leaf);
    let note = Note { wire: commit.message.len(), levels, seals: levels, ..Note::default() };
    for (operation, cost) in [("commit", built.and(merged)), ("build", built), ("merge", merged)] {
        bench.row((operation, Tree::Populated, WARM), cost, note);
    }
    cast.spread(bench, sender, &commit.message, show)
}

/// Commits of one member that travel as PublicMessages.
fn public(bench: &Bench<'_>, cast: &mut Cast) -> Result<()> {
    let sender = cast.uniform[0];
    let load = |cast: &mut Cast, public: bool| -> Result<()> {
        let (member, group_id) = (&mut cast.members[sender], &cast.group_id);
        member.group = match public {
            true => member.party.load_public(group_id)?,
            false => member.party.load(group_id)?,
        };
        Ok(())
    };
    load(cast, true)?;
    // The first operation after opening is another thing.
    cast.renew(bench, sender)?;
    for _ in (0..).take_while(|&turn| bench.goes_on(turn)) {
        let member = &mut cast.members[sender];
        let (commit, built, merged) = bench.commit("commit_public", member, Change::None, TreeAt::Beside)?;
        let (_, levels) = path(bench.plan.n, member.leaf, member.leaf);
        let note = Note { wire: commit.message.len(), levels, seals: levels, ..Note::default() };
        bench.row(("commit_public", Tree::Populated, WARM), built.and(merged), note);
        cast.spread(bench, sender, &commit.message, Show::As("process_public"))?;
    }
    load(cast, false)
}

/// The client is made anew over its storage, and the group opened.
fn reopen(member: &Member, group_id: &[u8]) -> Result<Member> {
    let party = member.party.reopen()?;
    let group = party.load(group_id)?;
    Ok(Member { party, group, leaf: member.leaf })
}

/// "open", and the first operation after it; and everything as one cycle.
fn reopening(bench: &Bench<'_>, cast: &mut Cast, turn: usize) -> Result<()> {
    let n = bench.plan.n;
    let one = cast.uniform[turn % cast.uniform.len()];
    let other = cast.uniform[(turn + 1) % cast.uniform.len()];
    let text = [b'x'; 100];
    let group_id = cast.group_id.clone();
    let timed_open = |member: &mut Member| -> Result<()> {
        let clock = Clock::start();
        let opened = bench.limit.step(n, "open", || reopen(member, &group_id))?;
        let cost = Cost { work: clock.stop(), ..Cost::default() };
        *member = opened;
        bench.row(("open", Tree::Populated, COLD), cost, Note::default());
        Ok(())
    };

    // What was done is stored already, or is stored first.
    let clock = Clock::start();
    let (opened, message) = bench.limit.step(n, "store_reopen_send", || {
        cast.members[one].group.save()?;
        let mut opened = reopen(&cast.members[one], &group_id)?;
        let message = opened.group.send(&text)?;
        Ok::<_, Failure>((opened, message))
    })?;
    let cost = Cost { work: clock.stop(), ..Cost::default() };
    cast.members[one] = opened;
    let note = Note { wire: message.len(), ..Note::default() };
    bench.row(("store_reopen_send", Tree::Populated, COLD), cost, note);
    cast.members[other].group.take(&message)?;

    // The first Commit that is processed after opening, and the first that is made.
    timed_open(&mut cast.members[other])?;
    let (made, ..) = bench.commit("commit", &mut cast.members[one], Change::None, TreeAt::Beside)?;
    let ((), cost) =
        bench.step("process_cold", &mut cast.members[other], |group| group.receive(&made.message))?;
    let (nodes_above, levels) = path(n, cast.members[one].leaf, cast.members[other].leaf);
    let note = Note { wire: made.message.len(), nodes_above, levels, ..Note::default() };
    bench.row(("process_cold", Tree::Populated, COLD), cost, note);
    for (at, member) in cast.members.iter_mut().enumerate() {
        if at != one && at != other {
            bench.step("process", member, |group| group.receive(&made.message))?;
        }
    }
    timed_open(&mut cast.members[one])?;
    let (made, built, merged) =
        bench.commit("commit_cold", &mut cast.members[one], Change::None, TreeAt::Beside)?;
    let note = Note { wire: made.message.len(), levels, seals: levels, ..Note::default() };
    bench.row(("commit_cold", Tree::Populated, COLD), built.and(merged), note);
    cast.spread(bench, one, &made.message, Show::Nothing)?;

    // Create, merge, process, send, receive, store and reopen, as one.
    let clock = Clock::start();
    let message = bench.limit.step(n, "cycle", || {
        let commit = cast.members[one].group.commit(Change::None)?;
        cast.members[other].group.take(&commit.message)?;
        let text = cast.members[one].group.send(&text)?;
        cast.members[other].group.take(&text)?;
        cast.members[one] = reopen(&cast.members[one], &group_id)?;
        Ok::<_, Failure>(commit.message)
    })?;
    let cost = Cost { work: clock.stop(), ..Cost::default() };
    let note = Note { wire: message.len(), nodes_above, levels, ..Note::default() };
    bench.row(("cycle", Tree::Populated, WARM), cost, note);
    for (at, member) in cast.members.iter_mut().enumerate() {
        if at != one && at != other {
            bench.step("process", member, |group| group.receive(&message))?;
        }
    }
    Ok(())
}

/// Somebody is added, joins, and is removed.
fn coming_and_going(bench: &Bench<'_>, cast: &mut Cast, turn: usize, tree: TreeAt) -> Result<()> {
    let n = bench.plan.n;
    let one = cast.uniform[turn % cast.uniform.len()];
    let other = cast.uniform[(turn + 1) % cast.uniform.len()];
    let (add, join) = match tree {
        TreeAt::Beside => ("add_tree_beside", "join"),
        TreeAt::Inside => ("add_tree_inside", "join_tree_inside"),
    };
    let party = bench.party(&format!("late {turn} {tree:?}"))?;
    let key_package = [party.key_package()?];

    let (commit, built, merged) =
        bench.commit(add, &mut cast.members[one], Change::Add(&key_package), tree)?;
    let welcome = commit.welcome_for(1)?;
    let (_, levels) = path(n + 1, cast.members[one].leaf, n);
    // Nothing is encrypted to who is added.
    let (_, seals) = path(n, cast.members[one].leaf, cast.members[one].leaf);
    let note = Note { wire: commit.message.len(), welcome: welcome.len(), levels, seals, ..Note::default() };
    bench.row((add, Tree::Populated, WARM), built.and(merged), note);
    cast.spread(bench, one, &commit.message, Show::As("process_add"))?;

    if bench.wanted(join) {
        let beside = match tree {
            TreeAt::Beside => Some(cast.members[one].group.ratchet_tree()?),
            TreeAt::Inside => None,
        };
        let (group, (), cost) =
            bench.join(join, &*party, || Ok((party.join(welcome, beside.as_deref())?, ())))?;
        let note = Note { wire: welcome.len(), welcome: welcome.len(), ..Note::default() };
        bench.row((join, Tree::Populated, WARM), cost, note);
        agree([&cast.members[one], &Member { party, group, leaf: n }])?;
    }

    let (commit, built, merged) =
        bench.commit("remove", &mut cast.members[other], Change::Remove(n), TreeAt::Beside)?;
    let seals = seals_of_remove(n, cast.members[other].leaf);
    let note = Note { wire: commit.message.len(), seals, ..Note::default() };
    bench.row(("remove", Tree::Populated, WARM), built.and(merged), note);
    cast.spread(bench, other, &commit.message, Show::As("process_remove"))?;
    // The parents above that leaf are blank now. All of them that have members below are above the last one.
    cast.renew(bench, cast.last)
}
