//! What a stored group reads and writes, counted: nothing of it grows with the group, except as its logarithm.
//!
//! The groups are full trees of up to 2^17 members, made synthetically; two of the members are real clients, who came back
//! by external Commits. Before each operation the group is opened anew, so that nothing is in memory. All cryptography is
//! null, and rows that a scan returns count like others. The stores hold a hundred each of whatever else a client keeps, and
//! each group has a rollback guard: scanning any of that would show.
#![expect(clippy::unwrap_used, reason = "tests")]

use pleach::crypto::Secret;
use pleach::storage::{CountingStorage, Counts};
use pleach::{Client, Group, GroupConfig, MemoryRollbackGuard, TreeDelivery};
use pleach_storage_memory::MemoryStorage;
use pleach_testkit::{
    TrustEveryone,
    null_crypto::{NULL_SUITE, NullSuite},
    synthetic::{SyntheticTree, full_tree},
};
use pleach_wire::{LeafIndex, encode};

type Store = CountingStorage<MemoryStorage>;

struct Counted {
    group: Group,
    store: Store,
}

impl Counted {
    /// The member with this leaf, back in the group.
    fn join(null: &NullSuite, tree: &SyntheticTree, leaf: u32, info: &[u8], nodes: &[u8]) -> (Self, Vec<u8>) {
        let store = CountingStorage::new(MemoryStorage::new());
        let member = &tree.members[leaf as usize];
        let signer = null.suite().signature.load_signer(&member.private).unwrap();
        let mut config = GroupConfig::default();
        config.accept_external_commits = true;
        config.limits.message_bytes = 1 << 28;
        config.lifetime.maximum_total = None;
        let client = Client::builder(null.provider(u64::from(leaf) + 1000), store.clone())
            .suite(NULL_SUITE)
            .basic(&member.name, signer)
            .auth(TrustEveryone)
            .config(config)
            .rollback_guard(MemoryRollbackGuard::new())
            .build()
            .unwrap();
        fill(&client);
        let join = client.external_join(info).ratchet_tree(nodes).resync(true).build().unwrap();
        let message = join.message().to_vec();
        (Self { group: join.accept().unwrap(), store }, message)
    }

    /// Opens the group anew and does something with it; what that read and wrote.
    fn cold<T>(&mut self, work: impl FnOnce(&mut Group) -> T) -> (T, Counts) {
        let store = self.store.clone();
        store.during(|| {
            self.group = self.group.client().load(self.group.id()).unwrap();
            work(&mut self.group)
        })
    }

    fn follow(&mut self, message: &[u8]) -> Counts {
        let follow = |group: &mut Group| {
            let staged = group.receive(message).unwrap().into_commit().unwrap();
            group.merge(staged).unwrap();
        };
        self.cold(follow).1
    }
}

/// Gives a store a hundred key packages, PSKs, groups that were deleted, and groups that are there.
fn fill(client: &Client) {
    for i in 0..100_u32 {
        let name = i.to_be_bytes();
        client.key_package().unwrap();
        client.store_psk(&name, &Secret::copy_from(&[7; 32])).unwrap();
        client.create_group(&name).unwrap();
        client.delete_group(&name).unwrap();
        client.create_group(&[&name[..], b"lives"].concat()).unwrap();
    }
}

struct Costs {
    height: usize,
    of: Vec<(&'static str, Counts)>,
}

fn costs(height: usize) -> Costs {
    let null = NullSuite::new();
    let tree = full_tree(null.suite(), 1 << height, b"counted", height as u64);
    let nodes = encode(&tree.nodes).unwrap();
    let info = tree.group_info(null.suite(), 7);
    let (mut first, _) = Counted::join(&null, &tree, 1, &info, &nodes);
    let info = first.group.group_info().unwrap();
    let nodes = first.group.ratchet_tree().unwrap();
    let last = (1 << height) - 2;
    let (mut second, message) = Counted::join(&null, &tree, last, &info, &nodes);
    let mut of = vec![("process an external commit", first.follow(&message))];
    drop(nodes);

    let mut note = |name, counts: Counts| of.push((name, counts));
    let (text, counts) = first.cold(|group| group.encrypt(b"text").unwrap());
    note("open, send the first message", counts);
    note("open, receive the first message", second.cold(|group| group.receive(&text).unwrap()).1);
    let (text, counts) = first.cold(|group| group.encrypt(b"text").unwrap());
    note("open, send a message", counts);
    note("open, receive a message", second.cold(|group| group.receive(&text).unwrap()).1);
    note("open, one member", first.cold(|group| group.member(LeafIndex(5)).unwrap()).1);

    let (commit, counts) = first.cold(|group| group.commit().build().unwrap());
    note("build a commit", counts);
    note("merge it", first.cold(|group| drop(group.merge(&commit).unwrap())).1);
    note("process it", second.follow(commit.message()));

    let (proposal, counts) = second.cold(|group| group.propose_update(&pleach::LeafUpdate::new()).unwrap());
    note("propose an update", counts);
    note("receive it", first.cold(|group| group.receive(&proposal).unwrap()).1);
    let remove = |group: &mut Group| group.commit().remove(LeafIndex(6)).build().unwrap();
    let (commit, counts) = first.cold(remove);
    note("build a commit of it and a remove", counts);
    first.cold(|group| drop(group.merge(&commit).unwrap()));
    note("process it, with the own update", second.follow(commit.message()));

    let newcomer = |seed| {
        let provider = null.provider(seed);
        let suite = null.suite();
        let keys = suite.signature.generate_key_pair(&*provider.random).unwrap();
        let signer = suite.signature.load_signer(&keys.private).unwrap();
        let client = Client::builder(provider, MemoryStorage::new())
            .suite(NULL_SUITE)
            .basic(seed.to_be_bytes(), signer)
            .auth(TrustEveryone)
            .build()
            .unwrap();
        client.key_package().unwrap()
    };
    // One takes the blank leaf, the other doubles the tree.
    for (build, process, seed) in [
        ("build an add", "process an add", 1 << 40),
        ("build an add that doubles the tree", "process an add that doubles the tree", 1 << 41),
    ] {
        let key_package = newcomer(seed);
        let add = |group: &mut Group| {
            group.commit().add(key_package).tree(TreeDelivery::OutOfBand).build().unwrap()
        };
        let (commit, counts) = second.cold(add);
        note(build, counts);
        second.cold(|group| drop(group.merge(&commit).unwrap()));
        note(process, first.follow(commit.message()));
    }
    let (commit, counts) =
        second.cold(|group| group.commit().remove(LeafIndex(1 << height)).build().unwrap());
    note("build a remove that halves the tree", counts);
    second.cold(|group| drop(group.merge(&commit).unwrap()));
    note("process it, and halve the tree", first.follow(commit.message()));
    assert_eq!(first.group.epoch_authenticator().unwrap(), second.group.epoch_authenticator().unwrap());
    Costs { height, of }
}

/// Rows read and rows written, at most: so many for each level of the tree, and a constant.
const BOUNDS: &[(&str, [usize; 2], [usize; 2])] = &[
    ("process an external commit", [2, 15], [2, 15]),
    ("open, send the first message", [0, 8], [1, 6]),
    ("open, receive the first message", [0, 8], [1, 6]),
    ("open, send a message", [0, 8], [0, 3]),
    ("open, receive a message", [0, 8], [0, 3]),
    ("open, one member", [0, 5], [0, 0]),
    ("build a commit", [2, 15], [0, 5]),
    ("merge it", [0, 6], [2, 14]),
    ("process it", [2, 17], [2, 15]),
    ("propose an update", [0, 9], [1, 9]),
    ("receive it", [0, 9], [1, 9]),
    ("build a commit of it and a remove", [4, 25], [1, 7]),
    ("process it, with the own update", [2, 25], [4, 19]),
    ("build an add", [2, 13], [1, 7]),
    ("process an add", [2, 19], [2, 18]),
    ("build an add that doubles the tree", [1, 13], [1, 7]),
    ("process an add that doubles the tree", [2, 16], [2, 19]),
    ("build a remove that halves the tree", [4, 19], [1, 8]),
    ("process it, and halve the tree", [3, 20], [3, 18]),
];

/// Bytes of keys and values, read and written: so many for each level of the tree, and a constant.
const BYTES: [usize; 2] = [1_600, 6_000];

#[test]
fn a_stored_group_reads_a_logarithm_of_its_size() {
    let all: Vec<Costs> = [4, 7, 10, 13, 17].into_iter().map(costs).collect();
    assert_eq!(all[0].of.len(), BOUNDS.len());
    for (at, (name, _)) in all[0].of.iter().enumerate() {
        let counts = |of: &dyn Fn(&Counts) -> usize| -> Vec<usize> {
            all.iter().map(|costs| of(&costs.of[at].1)).collect()
        };
        let read = counts(&|counts| counts.rows_read);
        let written = counts(&|counts| counts.rows_written);
        let bytes = counts(&|counts| counts.bytes_read + counts.bytes_written);
        println!("{name:40} rows read {read:?}, written {written:?}, bytes of both {bytes:?}");
        let (_, of_read, of_written) = BOUNDS.iter().find(|(bounded, ..)| bounded == name).unwrap();
        for (what, found, [per_level, constant]) in
            [("rows read", read, of_read), ("rows written", written, of_written), ("bytes", bytes, &BYTES)]
        {
            for (costs, found) in all.iter().zip(found) {
                let most = per_level * costs.height + constant;
                assert!(found <= most, "{name}: {found} {what} at 2^{}, not {most}", costs.height);
            }
        }
    }
}
