//! A group's life at one member whose records are in an SQLite file.
//!
//! The measured member creates the group (leaf 0) and adds all others in one Commit. The first member of the far half is the
//! other side. In each subtree beside the paths of these two, one member joins, commits and leaves the stage, so that
//! later Commits of the two meet keys of parents and not of n leaves. All but the measured member are in memory. Then every
//! operation is measured once on a group that was just opened, and again on the same handle.

use crate::limit::Limit;
use crate::meter::Meter;
use crate::output::{Line, Row, Temperature, Tree, print};
use crate::send::{self, OPEN_SEND};
use crate::{Change, Commit, Counts, Failure, Group, Library, Party, Place, Result};
use std::path::{Path, PathBuf};

/// The id of the group.
pub(crate) const GROUP: &[u8] = b"storage report";
/// What is sent.
pub(crate) const TEXT: &[u8] = &[b'x'; 100];

/// Operations on the populated tree, in the order in which they are measured.
const LIFE: [&str; 6] = ["send", "receive", "commit", "process", "add", "remove"];
/// In smaller groups there are too few to remove in the near half.
const LEAST: u32 = 64;
const MOST_SAMPLES: u32 = 3;
/// A measured operation: its name, on which tree, first or later.
type What = (&'static str, Tree, Temperature);

/// Who is removed: 3, 5, 9, ..: none that has joined, and beside one that has committed. Further off, where nobody has, a removal
/// makes the next Commit as long as there are leaves below the parents that it blanks, whatever the library.
const fn removed(turn: u32) -> u32 {
    (2 << turn) + 1
}

/// What to measure.
pub(crate) struct Plan {
    /// Members of the group.
    pub(crate) n: u32,
    /// Names of operations after the group is there; empty for all.
    pub(crate) ops: Vec<String>,
    /// How often each is repeated on an open handle.
    pub(crate) samples: u32,
}

/// Measures everything for one size.
pub(crate) fn run(library: &dyn Library, plan: &Plan, limit: &Limit) -> Result<()> {
    if plan.n < LEAST || plan.samples > MOST_SAMPLES {
        return Err(Failure::from(format!("n must be at least {LEAST}, and samples at most {MOST_SAMPLES}")));
    }
    let directory = tempfile::tempdir()?;
    let stage = Stage { library, plan, limit, directory: directory.path() };
    let (measured, others) = stage.create()?;
    let other = stage.populate(measured, others)?;
    stage.life(other)?;
    print(&Line::Done { who: None, n: plan.n });
    Ok(())
}

struct Stage<'a> {
    library: &'a dyn Library,
    plan: &'a Plan,
    limit: &'a Limit,
    directory: &'a Path,
}

/// A party and its group.
struct Member {
    party: Box<dyn Party>,
    group: Box<dyn Group>,
}

/// Those who will join, by leaf, and what they join with.
struct Others {
    parties: Vec<(u32, Box<dyn Party>)>,
    welcome: Vec<u8>,
    ratchet_tree: Vec<u8>,
}

impl Stage<'_> {
    /// Creates the group, adding everybody else in one Commit: "key package", "create".
    fn create(&self) -> Result<(Member, Others)> {
        let mut parties = Vec::new();
        let mut key_packages = Vec::new();
        for leaf in 1..self.plan.n {
            if leaf == 1 {
                let party = self.party(leaf)?;
                let what = ("key package", Tree::Fresh, Temperature::Cold);
                key_packages.push(self.at_party(&*party, what, |party| party.key_package(), Vec::len)?);
                parties.push((leaf, party));
            } else if self.commits(leaf) {
                let identity = self.library.identity(&format!("member {leaf}"))?;
                let party = self.library.party(&identity, Place::Memory)?;
                key_packages.push(party.key_package()?);
                parties.push((leaf, party));
            } else {
                key_packages.push(self.library.stranger(&format!("member {leaf}"))?);
            }
        }
        let party = self.party(0)?;
        let what = ("create", Tree::Fresh, Temperature::Cold);
        let create = |party: &dyn Party| {
            let mut group = party.create(GROUP)?;
            let commit = group.commit(Change::Add(&key_packages))?;
            Ok((group, commit))
        };
        let (mut group, commit) = self.at_party(&*party, what, create, |(_, commit)| commit.message.len())?;
        let welcome = commit.welcome_for(1)?.to_vec();
        let ratchet_tree = group.ratchet_tree()?;
        Ok((Member { party, group }, Others { parties, welcome, ratchet_tree }))
    }

    /// Lets one member of each subtree commit: "join", and "commit" and "process" on the fresh tree. Returns the other side.
    fn populate(&self, mut measured: Member, others: Others) -> Result<Member> {
        let Others { mut parties, welcome, ratchet_tree } = others;
        let n = self.plan.n;
        // Taken from the end: the other side first, since it follows all Commits.
        parties.sort_by_key(|&(leaf, _)| (leaf == self.far(), leaf));
        let mut commits: Vec<Vec<u8>> = Vec::new();
        let mut far: Option<Member> = None;
        for (leaf, party) in parties.into_iter().rev() {
            let join = |party: &dyn Party| party.join(&welcome, Some(&ratchet_tree));
            let group = if leaf == 1 {
                self.at_party(&*party, ("join", Tree::Fresh, Temperature::Cold), join, |_| welcome.len())?
            } else {
                self.limit.step(n, "join", || join(&*party))?
            };
            let mut member = Member { party, group };
            for message in &commits {
                self.limit.step(n, "catch up", || member.group.take(message))?;
            }
            if far.is_none() {
                // Nobody but the creator has a path yet: this Commit has a ciphertext for each member.
                let what = ("commit", Tree::Fresh, Temperature::Warm);
                let own = self.commit(&mut measured, what, 0, Change::None)?;
                self.limit.step(n, "catch up", || member.group.take(&own.message))?;
                commits.push(own.message);
            }
            let made = self.limit.step(n, "populate", || member.group.commit(Change::None))?;
            match &mut far {
                None => {
                    self.receive(
                        &mut measured,
                        ("process", Tree::Fresh, Temperature::Warm),
                        0,
                        &made.message,
                    )?;
                    far = Some(member);
                }
                Some(far) => {
                    self.limit.step(n, "catch up", || measured.group.take(&made.message))?;
                    self.limit.step(n, "catch up", || far.group.take(&made.message))?;
                }
            }
            commits.push(made.message);
        }
        let mut far = far.ok_or("nobody joined")?;
        let own = self.limit.step(n, "populate", || measured.group.commit(Change::None))?;
        far.group.take(&own.message)?;
        Ok(far)
    }

    /// The other side's leaf: the first that is not below the root's left child.
    fn far(&self) -> u32 {
        self.plan.n.next_power_of_two() / 2
    }

    /// Whether the member at this leaf, not the measured one, makes Commits: one in each subtree beside two paths.
    fn commits(&self, leaf: u32) -> bool {
        leaf.is_power_of_two() || leaf.checked_sub(self.far()).is_some_and(u32::is_power_of_two)
    }

    /// All operations on the populated tree, each on a group that was opened for it, and "open and send".
    fn life(&self, mut far: Member) -> Result<()> {
        let n = self.plan.n;
        let wanted = |name: &&str| self.plan.ops.is_empty() || self.plan.ops.iter().any(|op| op == name);
        for (at, operation) in (0..).zip(LIFE.into_iter().filter(wanted)) {
            let mut measured = self.open(at)?;
            for turn in 0..=self.plan.samples {
                let temperature = if turn == 0 { Temperature::Cold } else { Temperature::Warm };
                let (what, sample) = ((operation, Tree::Populated, temperature), turn.saturating_sub(1));
                match operation {
                    "send" => {
                        let message =
                            self.at_group(&mut measured, what, sample, |group| group.send(TEXT), Vec::len)?;
                        far.group.take(&message)?;
                    }
                    "receive" => {
                        let message = far.group.send(TEXT)?;
                        self.receive(&mut measured, what, sample, &message)?;
                    }
                    "process" => {
                        let commit = self.limit.step(n, "commit", || far.group.commit(Change::None))?;
                        self.receive(&mut measured, what, sample, &commit.message)?;
                    }
                    _ => {
                        let stranger = [self.library.stranger(&format!("late {turn}"))?];
                        let change = match operation {
                            "add" => Change::Add(&stranger),
                            "remove" => Change::Remove(removed(turn)),
                            _ => Change::None,
                        };
                        let commit = self.commit(&mut measured, what, sample, change)?;
                        far.group.take(&commit.message)?;
                    }
                }
                if measured.group.epoch() != far.group.epoch() {
                    return Err(Failure::from(format!(
                        "after {operation} the two sides are in different epochs"
                    )));
                }
            }
        }
        if wanted(&OPEN_SEND) {
            for sample in 0..self.plan.samples {
                send::spawn(&self.store(0), &self.identity(0), n, sample)?;
            }
        }
        Ok(())
    }

    /// Opens the measured member's store and group: "open".
    fn open(&self, sample: u32) -> Result<Member> {
        let identity = std::fs::read(self.identity(0))?;
        let meter = Meter::start(Counts::default());
        let member = self.limit.step(self.plan.n, "open", || {
            let party = self.library.party(&identity, Place::File(&self.store(0)))?;
            let group = party.load(GROUP)?;
            Ok::<_, Failure>(Member { party, group })
        })?;
        let cost = meter.stop(member.party.counts());
        let what = ("open", Tree::Populated, Temperature::Cold);
        print(&Line::Row(Row::new(self.plan.n, what, sample, &cost)));
        Ok(member)
    }

    fn receive(&self, member: &mut Member, what: What, sample: u32, message: &[u8]) -> Result<()> {
        self.at_group(member, what, sample, |group| group.take(message), |()| message.len())
    }

    fn commit(&self, member: &mut Member, what: What, sample: u32, change: Change<'_>) -> Result<Commit> {
        self.at_group(member, what, sample, |group| group.commit(change), |commit| commit.message.len())
    }

    /// Measures one operation of a group.
    fn at_group<T>(
        &self,
        member: &mut Member,
        what: What,
        sample: u32,
        work: impl FnOnce(&mut dyn Group) -> Result<T>,
        bytes: impl FnOnce(&T) -> usize,
    ) -> Result<T> {
        let Member { party, group } = member;
        let meter = Meter::start(party.counts());
        let result = self.limit.step(self.plan.n, what.0, || work(&mut **group))?;
        let cost = meter.stop(party.counts());
        let mut row = Row::new(self.plan.n, what, sample, &cost);
        row.message_bytes = bytes(&result);
        print(&Line::Row(row));
        Ok(result)
    }

    /// Measures one operation of a party, once.
    fn at_party<T>(
        &self,
        party: &dyn Party,
        what: What,
        work: impl FnOnce(&dyn Party) -> Result<T>,
        bytes: impl FnOnce(&T) -> usize,
    ) -> Result<T> {
        let meter = Meter::start(party.counts());
        let result = self.limit.step(self.plan.n, what.0, || work(party))?;
        let cost = meter.stop(party.counts());
        let mut row = Row::new(self.plan.n, what, 0, &cost);
        row.message_bytes = bytes(&result);
        print(&Line::Row(row));
        Ok(result)
    }

    /// A new party with its records in a file, and its identity in another.
    fn party(&self, leaf: u32) -> Result<Box<dyn Party>> {
        let identity = self.library.identity(&format!("member {leaf}"))?;
        std::fs::write(self.identity(leaf), &identity)?;
        self.library.party(&identity, Place::File(&self.store(leaf)))
    }

    fn store(&self, leaf: u32) -> PathBuf {
        self.directory.join(format!("{leaf}.sqlite"))
    }

    fn identity(&self, leaf: u32) -> PathBuf {
        self.directory.join(format!("{leaf}.identity"))
    }
}
