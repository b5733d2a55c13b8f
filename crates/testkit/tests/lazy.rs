//! What a stored group reads and writes, counted: nothing of it grows with the group, except as its logarithm.
//!
//! The groups are full trees of up to 2^17 members, made synthetically; two of the members are real clients, who came back
//! by external Commits. Before each operation the group is opened anew, so that nothing is in memory. All cryptography is
//! null, and rows that a scan returns count like others.
#![expect(clippy::unwrap_used, reason = "tests")]

use pleach::storage::{CountingStorage, Counts};
use pleach::{Client, Group, GroupConfig, TreeDelivery};
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
            .build()
            .unwrap();
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

/// Rows read and written, at most: a constant, or so many for each level of the tree.
const BOUNDS: &[(&str, usize, usize)] = &[
    ("open, send the first message", 1, 10),
    ("open, receive the first message", 1, 10),
    ("open, send a message", 0, 9),
    ("open, receive a message", 0, 9),
    ("open, one member", 0, 4),
    ("propose an update", 1, 12),
    ("receive it", 1, 12),
];

#[test]
fn a_stored_group_reads_a_logarithm_of_its_size() {
    let all: Vec<Costs> = [4, 7, 10, 13, 17].into_iter().map(costs).collect();
    for (at, (name, _)) in all[0].of.iter().enumerate() {
        let counts = |of: &dyn Fn(&Counts) -> usize| -> Vec<usize> {
            all.iter().map(|costs| of(&costs.of[at].1)).collect()
        };
        let (read, written) = (counts(&|counts| counts.rows_read), counts(&|counts| counts.rows_written));
        let bytes = counts(&|counts| counts.bytes_read + counts.bytes_written);
        println!("{name:40} rows read {read:?}, written {written:?}, bytes of both {bytes:?}");
        let bound = BOUNDS.iter().find(|(bounded, ..)| bounded == name);
        let (per_level, constant) = bound.map_or((4, 24), |(_, per_level, constant)| (*per_level, *constant));
        for ((costs, read), written) in all.iter().zip(read).zip(written) {
            let most = per_level * costs.height + constant;
            assert!(read <= most, "{name}: {read} rows read at 2^{}, not {most}", costs.height);
            assert!(written <= most, "{name}: {written} rows written at 2^{}, not {most}", costs.height);
        }
    }
}
