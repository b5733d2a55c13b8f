//! One backend with one suite: a group that is ready, and what is measured with it.
//!
//! A group fresh from its first Commit has no keys at its inner nodes, so that every member's next Commit is encrypted to each
//! other member. That is not how a group lives. So members commit here before anything is measured, until the two who will
//! commit and process see what they would see if everybody had: a key at the root of each subtree beside their paths.
//! Members who need not act are key packages only, so that a large group is set up in O(n), and O(log² n) for the rest.

use pleach::crypto::{CipherSuite, CryptoProvider, Secret};
use pleach::storage::{KeyRange, Storage};
use pleach::wire::{Credential, encode};
use pleach::{
    AuthDecision, AuthService, Client, CredentialRequest, Error, Group, GroupConfig, GroupInfoSpec,
    MemoryStorage, Received, TreeDelivery,
};
use std::borrow::Cow;
use std::sync::Arc;

use super::results::{Operation, Samples, Size};
use crate::backends::Backend;
use crate::exit::{Exit, Failure};

/// The text of a message.
pub(super) const TEXT: [u8; 100] = [b'x'; 100];

/// How often an operation that takes little time is repeated in one round.
#[derive(Debug, Clone, Copy)]
pub(super) struct Repeats {
    pub(super) key_packages: usize,
    pub(super) commits: usize,
    pub(super) messages: usize,
}

/// All members here are made here.
struct Ourselves;

impl AuthService for Ourselves {
    fn validate(&self, _: &CredentialRequest<'_>) -> AuthDecision {
        AuthDecision::Accept
    }

    fn client_id(&self, credential: &Credential, _: &[u8]) -> Vec<u8> {
        encode(credential).unwrap_or_default()
    }
}

/// A client and its store.
struct Member {
    client: Client,
    storage: Arc<MemoryStorage>,
}

/// A backend with a suite.
pub(super) struct Case {
    pub(super) backend: Backend,
    pub(super) suite: CipherSuite,
    members: u32,
    /// Creates a group in each round.
    creator: Member,
    /// Is added to it, and joins.
    joiner: Member,
    /// The others who are added.
    others: Vec<Vec<u8>>,
    /// Two members of the group that lasts.
    pair: [Group; 2],
    /// The store of the second.
    kept: Arc<MemoryStorage>,
    pub(super) samples: Samples,
}

impl Case {
    /// Sets up the group.
    pub(super) fn new(
        backend: Backend,
        provider: &CryptoProvider,
        suite: CipherSuite,
        members: u32,
    ) -> Result<Self, Failure> {
        let provider = CryptoProvider { suites: Cow::Owned(vec![suite]), random: provider.random.clone() };
        let mut samples = Samples::default();
        let signature_keys = suite.signature.generate_key_pair(&*provider.random)?;
        samples.size(Size::SignaturePrivateKey, signature_keys.private.len());
        let seed = Secret::copy_from(&[7; 64]);
        samples.size(Size::KemPrivateKey, suite.kem.derive_key_pair(&seed)?.private.len());

        let creator = member(&provider, 0)?;
        let joiner = member(&provider, members)?;
        let (committers, partner) = committers(members);
        let mut active = Vec::new();
        let mut packages = Vec::new();
        for leaf in 1..members {
            let member = member(&provider, leaf)?;
            packages.push(member.client.key_package()?);
            if leaf == partner || committers.contains(&leaf) {
                active.push((leaf, member));
            }
        }
        let mut first = creator.client.create_group(b"settled")?;
        let welcome = add(&mut first, packages.iter())?;
        let mut groups = vec![(0, first)];
        let mut kept = None;
        for (leaf, member) in active {
            let group = member.client.join(&welcome)?.accept()?;
            if group.own_index().0 != leaf {
                return Err(unexpected("a member is at another leaf than it was added at"));
            }
            if leaf == partner {
                kept = Some(member.storage);
            }
            groups.push((leaf, group));
        }
        settle(&mut groups)?;
        let first = take(&mut groups, 0)?;
        let second = take(&mut groups, partner)?;
        packages.pop();
        Ok(Self {
            backend,
            suite,
            members,
            creator,
            joiner,
            others: packages,
            pair: [first, second],
            kept: kept.ok_or_else(|| unexpected("the second member is missing"))?,
            samples,
        })
    }

    /// Measures everything once, or as often as is said.
    pub(super) fn round(&mut self, round: u32, repeats: Repeats) -> Result<(), Failure> {
        let samples = &mut self.samples;
        let before = stored(&self.joiner.storage)?;
        let mut key_package = Vec::new();
        for _ in 0..repeats.key_packages.max(1) {
            key_package = samples.time(Operation::KeyPackage, || self.joiner.client.key_package())?;
            samples.size(Size::KeyPackage, key_package.len());
        }
        let grown = stored(&self.joiner.storage)?.saturating_sub(before);
        samples.size(Size::StoredKeyPackage, grown / repeats.key_packages.max(1));

        let id = format!("round {round}");
        let (created, welcome) = samples.time(Operation::Create, || {
            let mut group = self.creator.client.create_group(id.as_bytes())?;
            let welcome = add(&mut group, self.others.iter().chain([&key_package]))?;
            Ok::<_, Failure>((group, welcome))
        })?;
        samples.size(Size::Welcome, welcome.len());
        let joined = samples.time(Operation::Join, || self.joiner.client.join(&welcome)?.accept())?;
        if joined.members()?.len() != self.members as usize {
            return Err(unexpected("members are missing"));
        }
        created.delete()?;
        joined.delete()?;
        // Those that served only to be measured.
        for unused in self.joiner.client.key_packages()? {
            self.joiner.client.delete_key_package(&unused.reference)?;
        }

        let [one, other] = &mut self.pair;
        for turn in 0..repeats.commits.max(1) {
            let (committer, receiver) =
                if turn % 2 == 0 { (&mut *one, &mut *other) } else { (&mut *other, &mut *one) };
            let message = samples.time(Operation::Commit, || update(committer))?;
            samples.size(Size::Commit, message.len());
            samples.time(Operation::Process, || process(receiver, &message))?;
        }
        for _ in 0..repeats.messages.max(1) {
            let message = samples.time(Operation::Send, || one.encrypt(&TEXT))?;
            samples.size(Size::Message, message.len());
            match samples.time(Operation::Receive, || other.receive(&message))? {
                Received::Application(text) if text.data() == TEXT => {}
                _ => return Err(unexpected("the message is not what was sent")),
            }
        }
        let spec = GroupInfoSpec { external_pub: true, tree: TreeDelivery::Inline };
        samples.size(Size::GroupInfo, one.group_info_with(spec)?.len());
        samples.size(Size::StoredGroup, stored(&self.kept)?);
        Ok(())
    }
}

/// This program does not do what it should.
fn unexpected(what: &'static str) -> Failure {
    Failure::new(Exit::Other, "bench", what)
}

fn member(provider: &CryptoProvider, number: u32) -> Result<Member, Failure> {
    let [suite] = &*provider.suites else { return Err(unexpected("one suite at a time")) };
    let keys = suite.signature.generate_key_pair(&*provider.random)?;
    let signer = suite.signature.load_signer(&keys.private)?;
    let storage = Arc::new(MemoryStorage::new());
    let mut config = GroupConfig::default();
    // All that MLS allows: the Welcome of a large group with large keys is longer than the default.
    config.limits.message_bytes = 1 << 30;
    // Random values, of random length, that make the same message longer or shorter.
    config.grease = false;
    let client = Client::builder(provider.clone(), storage.clone())
        .basic(format!("member {number:05}"), signer)
        .auth(Ourselves)
        .config(config)
        .build()?;
    Ok(Member { client, storage })
}

/// Adds all in one Commit, and returns the Welcome.
fn add<'a>(group: &mut Group, packages: impl Iterator<Item = &'a Vec<u8>>) -> Result<Vec<u8>, Failure> {
    let builder =
        packages.fold(group.commit().tree(TreeDelivery::Inline), |builder, package| builder.add(package));
    let commit = builder.build()?;
    group.merge(&commit)?;
    Ok(commit.welcome().ok_or_else(|| unexpected("nobody was added"))?.to_vec())
}

/// A Commit with fresh keys and nothing else, entered.
fn update(group: &mut Group) -> Result<Vec<u8>, Error> {
    let commit = group.commit().force_path().build()?;
    group.merge(&commit)?;
    Ok(commit.message().to_vec())
}

fn process(group: &mut Group, message: &[u8]) -> Result<(), Failure> {
    match group.receive(message)? {
        Received::Commit(staged) => {
            group.merge(staged)?;
            Ok(())
        }
        _ => Err(unexpected("a Commit was expected")),
    }
}

/// Each of these members commits, and the others follow.
fn settle(groups: &mut [(u32, Group)]) -> Result<(), Failure> {
    for at in 0..groups.len() {
        let message = match groups.get_mut(at) {
            Some((_, group)) => update(group)?,
            None => continue,
        };
        for (_, group) in
            groups.iter_mut().enumerate().filter(|(index, _)| *index != at).map(|(_, group)| group)
        {
            process(group, &message)?;
        }
    }
    Ok(())
}

fn take(groups: &mut Vec<(u32, Group)>, leaf: u32) -> Result<Group, Failure> {
    let at = groups.iter().position(|(own, _)| *own == leaf);
    at.map(|at| groups.swap_remove(at).1).ok_or_else(|| unexpected("a member is missing"))
}

/// One leaf below each subtree that is beside the path of leaf 0 or of its partner, and the partner: the first leaf of the other
/// half.
fn committers(members: u32) -> (Vec<u32>, u32) {
    let size = members.next_power_of_two();
    let partner = size / 2;
    let mut leaves = Vec::new();
    for leaf in [0, partner] {
        let mut width = 1;
        while width < size {
            // The first leaf of the sibling of the subtree that is `width` leaves wide.
            let sibling = ((leaf / width) ^ 1) * width;
            if sibling < members && !leaves.contains(&sibling) {
                leaves.push(sibling);
            }
            width *= 2;
        }
    }
    (leaves, partner)
}

/// The bytes of all rows.
fn stored(storage: &MemoryStorage) -> Result<usize, Failure> {
    let mut bytes = 0;
    storage.scan(&KeyRange::everything(), &mut |row| {
        bytes += row.key.suffix.len() + row.value.len();
        Ok(())
    })?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use pleach::rustcrypto;

    #[test]
    fn who_commits_before() {
        assert_eq!(committers(2), (vec![1, 0], 1));
        assert_eq!(committers(3), (vec![1, 2, 0], 2));
        assert_eq!(committers(8), (vec![1, 2, 4, 5, 6, 0], 4));
        let (leaves, partner) = committers(1000);
        assert!(leaves.iter().all(|leaf| *leaf < 1000) && leaves.len() <= 20 && partner == 512);
    }

    /// In a settled group a Commit is encrypted to one node a level, not to every member.
    #[test]
    fn the_group_is_settled() {
        let repeats = Repeats { key_packages: 1, commits: 2, messages: 1 };
        let provider = rustcrypto::provider();
        for members in [2, 3, 5, 16, 21] {
            let mut case = Case::new(Backend::Rustcrypto, &provider, provider.suites[0], members).unwrap();
            case.round(0, repeats).unwrap();
            for group in &mut case.pair {
                let commit = group.commit().force_path().build().unwrap();
                let bytes = commit.message().len();
                group.discard(commit.hash()).unwrap();
                // Each level adds a public key, an encapsulated key and a sealed secret: 32 + 32 + 48 bytes, and lengths.
                let levels = members.next_power_of_two().ilog2() as usize;
                assert!(bytes < 500 + levels * 125, "{members} members: {bytes} bytes");
            }
        }
    }
}
