//! Cost in rows: O(log n) for a Commit, O(1) for a message, at sizes from 2^4 to 2^12. With a suite that costs nothing.

use crate::common::code;
use pleach::storage::{CountingStorage, Counts};
use pleach::{Client, Group, MemoryStorage};
use pleach_testkit::{
    TrustEveryone,
    null_crypto::{NULL_SUITE, NullSuite},
};

type Store = CountingStorage<MemoryStorage>;

struct Counted {
    group: Group,
    store: Store,
}

impl Counted {
    fn during<T>(&mut self, work: impl FnOnce(&mut Group) -> T) -> (T, Counts) {
        self.store.during(|| work(&mut self.group))
    }

    /// Forgets everything in memory.
    fn restart(&mut self) {
        self.group = self.group.client().load(self.group.id()).unwrap();
    }
}

fn client(null: &NullSuite, seed: u64, store: Store) -> Client {
    let provider = null.provider(seed);
    let suite = *provider.suite(NULL_SUITE).unwrap();
    let keys = suite.signature.generate_key_pair(&*provider.random).unwrap();
    let signer = suite.signature.load_signer(&keys.private).unwrap();
    let name = seed.to_be_bytes();
    Client::builder(provider, store).basic(name, signer).auth(TrustEveryone).build().unwrap()
}

/// Three members of a group of `n`: its creator, the second, and the last.
fn members(n: u64) -> [Counted; 3] {
    let null = NullSuite::new();
    let store = || CountingStorage::new(MemoryStorage::new());
    let stores = [store(), store(), store()];
    let creator = client(&null, 0, stores[0].clone());
    let mut group = creator.create_group(b"counted").unwrap();
    let mut joiners = Vec::new();
    let mut add = group.commit();
    for i in 1..n {
        let store = if i == 1 {
            stores[1].clone()
        } else if i == n - 1 {
            stores[2].clone()
        } else {
            store()
        };
        let joiner = client(&null, i, store);
        add = add.add(joiner.key_package().unwrap());
        if i == 1 || i == n - 1 {
            joiners.push(joiner);
        }
    }
    let add = add.build().unwrap();
    group.merge(&add).unwrap();
    let welcome = add.welcome().unwrap();
    let tree = group.ratchet_tree().unwrap();
    let [second, last] = joiners.try_into().map_err(|_| "two").unwrap();
    let join = |client: &Client| client.join_with_tree(welcome, &tree).unwrap().accept().unwrap();
    let groups = [group, join(&second), join(&last)];
    let mut stores = stores.into_iter();
    groups.map(|group| Counted { group, store: stores.next().unwrap() })
}

/// The Commit of `by` is merged by all; what each wrote.
fn commit(
    members: &mut [Counted; 3],
    by: usize,
    work: impl FnOnce(&mut Group) -> pleach::PendingCommit,
) -> [Counts; 3] {
    let (pending, build) = members[by].during(work);
    let mut counts = [Counts::default(); 3];
    for (i, member) in members.iter_mut().enumerate() {
        counts[i] = member
            .during(|group| {
                if i == by {
                    group.merge(&pending).unwrap()
                } else {
                    let staged = group.receive(pending.message()).unwrap().into_commit().unwrap();
                    group.merge(staged).unwrap()
                }
            })
            .1;
    }
    counts[by] = counts[by] + build;
    counts
}

#[test]
fn a_commit_writes_log_n_rows_and_a_message_one() {
    for height in (4..=12).step_by(2) {
        let mut members = members(1 << height);
        let limit = 3 * height + 12;

        for by in [0, 2, 1] {
            // In the first round from rows alone, then from memory.
            members.iter_mut().for_each(Counted::restart);
            for _ in 0..2 {
                let counts = commit(&mut members, by, |group| group.commit().build().unwrap());
                for (i, count) in counts.iter().enumerate() {
                    let applies = if i == by { 2 } else { 1 };
                    assert_eq!(count.applies, applies, "n = 2^{height}");
                    let extra = usize::from(i == by) * 2;
                    assert!(count.rows_written <= limit + extra, "n = 2^{height}: {count:?}");
                    assert!(count.erases + count.range_erases <= limit, "n = 2^{height}: {count:?}");
                }
            }
        }

        for (from, to) in [(0, 2), (2, 0), (0, 2)] {
            for round in 0..3 {
                let (message, sent) = members[from].during(|group| group.encrypt(b"text").unwrap());
                let (_, received) = members[to].during(|group| group.receive(&message).unwrap());
                for count in [sent, received] {
                    assert_eq!(count.applies, 1);
                    if round > 0 {
                        assert!(count.rows_written <= 3, "n = 2^{height}: {count:?}");
                        assert!(count.gets + count.scans <= 4, "n = 2^{height}: {count:?}");
                    } else {
                        assert!(count.rows_written <= 2 * height + 6, "n = 2^{height}: {count:?}");
                    }
                }
            }
        }

        // A stored group is opened and used without its tree.
        let (_, count) = members[0].during(|group| {
            let mut opened = group.client().load(group.id()).unwrap();
            opened.encrypt(b"text").unwrap()
        });
        assert!(count.gets + count.scans <= 6 && count.rows_read <= 6, "n = 2^{height}: {count:?}");
        assert!(count.rows_written <= 3, "n = 2^{height}: {count:?}");
    }
}

#[test]
fn removing_and_adding_writes_log_n_rows() {
    for height in [4_usize, 8, 12] {
        let mut members = members(1 << height);
        let limit = 3 * height + 12;
        let counts = commit(&mut members, 0, |group| {
            group.commit().remove(pleach::wire::LeafIndex(2)).build().unwrap()
        });
        let newcomer = client(&NullSuite::new(), u64::MAX, CountingStorage::new(MemoryStorage::new()));
        let key_package = newcomer.key_package().unwrap();
        let added = commit(&mut members, 2, |group| group.commit().add(key_package).build().unwrap());
        for count in counts.iter().chain(&added) {
            assert!(count.rows_written <= limit + 2, "n = 2^{height}: {count:?}");
        }
    }
}

#[test]
fn joining_writes_a_row_a_node_and_a_refusal_none() {
    let height = 6;
    let mut members = members(1 << height);
    let store = CountingStorage::new(MemoryStorage::new());
    let newcomer = client(&NullSuite::new(), u64::MAX, store.clone());
    let key_package = newcomer.key_package().unwrap();
    let add = members[0].group.commit().add(key_package).build().unwrap();
    members[0].group.merge(&add).unwrap();
    let (staged, count) = store.during(|| newcomer.join(add.welcome().unwrap()).unwrap());
    assert_eq!((count.applies, count.rows_written, count.gets + count.scans), (0, 0, 2));
    let (_, count) = store.during(|| staged.accept().unwrap());
    // Two nodes a member; two keys, and a client, of which the indexes are made.
    let rows = 5 * (1 << height);
    assert!(count.applies == 1 && count.rows_written <= rows + 5 * height + 16, "{count:?}");

    let (result, count) = members[1].during(|group| code(group.receive(b"\0\x01\0\x02garbage")));
    assert_eq!((result, count), ("malformed", Counts::default()));
}
