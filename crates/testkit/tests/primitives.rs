//! How often each primitive is called, in a full tree of 2^8 members: warm, and right after opening the group from its store.
//!
//! However often a step is entered because rows are missing, a signature is verified once, and a ciphertext is opened once.
#![expect(clippy::unwrap_used, reason = "tests")]

use pleach::{Client, Group, GroupConfig};
use pleach_storage_memory::MemoryStorage;
use pleach_testkit::TrustEveryone;
use pleach_testkit::counting::{Counting, Counts, Primitive};
use pleach_testkit::null_crypto::{NULL_SUITE, NullSuite};
use pleach_testkit::synthetic::{SyntheticTree, full_tree};
use pleach_wire::encode;

const HEIGHT: u32 = 8;

fn join(null: &NullSuite, tree: &SyntheticTree, leaf: u32, info: &[u8], nodes: &[u8]) -> Party {
    let counting = Counting::one(&null.provider(u64::from(leaf) + 1000), NULL_SUITE).unwrap();
    let member = &tree.members[leaf as usize];
    let suite = counting.provider().suite(NULL_SUITE).unwrap();
    let signer = suite.signature.load_signer(&member.private).unwrap();
    let mut config = GroupConfig::default();
    config.accept_external_commits = true;
    config.lifetime.maximum_total = None;
    let client = Client::builder(counting.provider().clone(), MemoryStorage::new())
        .suite(NULL_SUITE)
        .basic(&member.name, signer)
        .auth(TrustEveryone)
        .config(config)
        .build()
        .unwrap();
    let join = client.external_join(info).ratchet_tree(nodes).resync(true).build().unwrap();
    let message = join.message().to_vec();
    Party { group: join.accept().unwrap(), counting, message }
}

struct Party {
    group: Group,
    counting: Counting,
    /// The external Commit that it came by.
    message: Vec<u8>,
}

impl Party {
    fn cold(&mut self) {
        self.group = self.group.client().load(self.group.id()).unwrap();
    }

    fn counted<T>(&mut self, work: impl FnOnce(&mut Group) -> T) -> (T, Counts) {
        let Self { group, counting, .. } = self;
        counting.counted(|| work(group))
    }

    fn follow(&mut self, message: &[u8]) -> Counts {
        self.counted(|group| {
            let staged = group.receive(message).unwrap().into_commit().unwrap();
            group.merge(staged).unwrap();
        })
        .1
    }
}

fn assert_counts(what: &str, counts: &Counts, expected: &[(Primitive, u64)]) {
    for (primitive, expected) in expected {
        assert_eq!(counts[*primitive], *expected, "{what}: {primitive:?} of {counts:?}");
    }
}

#[test]
fn each_is_verified_and_opened_once_warm_and_cold() {
    let null = NullSuite::new();
    let tree = full_tree(null.suite(), 1 << HEIGHT, b"counted", 7);
    let (info, nodes) = (tree.group_info(null.suite(), 7), encode(&tree.nodes).unwrap());
    let mut sender = join(&null, &tree, 1, &info, &nodes);
    let (info, nodes) = (sender.group.group_info().unwrap(), sender.group.ratchet_tree().unwrap());
    let mut other = join(&null, &tree, (1 << HEIGHT) - 2, &info, &nodes);
    sender.follow(&other.message.clone());
    let levels = u64::from(HEIGHT);

    for is_cold in [false, true, true] {
        let temperature = if is_cold { "cold" } else { "warm" };
        if is_cold {
            sender.cold();
            other.cold();
        }
        let (commit, counts) = sender.counted(|group| {
            let commit = group.commit().build().unwrap();
            let message = commit.message().to_vec();
            group.merge(commit).unwrap();
            message
        });
        assert_counts(
            &format!("create and merge, {temperature}"),
            &counts,
            &[
                (Primitive::Sign, 2),
                (Primitive::Verify, 0),
                (Primitive::Encap, levels),
                (Primitive::DeriveKeyPair, levels + 1),
                // One for each node of the path, one for each of the two layers of the message.
                (Primitive::Seal, levels + 2),
            ],
        );
        if is_cold {
            other.cold();
        }
        let counts = other.follow(&commit);
        assert_counts(
            &format!("process, {temperature}"),
            &counts,
            &[
                (Primitive::Verify, 2),
                (Primitive::VerifyBatch, 0),
                (Primitive::Decap, 1),
                // Only the root is above the common ancestor.
                (Primitive::DeriveKeyPair, 1),
                (Primitive::Sign, 0),
            ],
        );
        assert!(counts[Primitive::LoadVerifier] <= 1, "{temperature}: {counts:?}");
        // Sender data, content, path secret.
        assert_counts(temperature, &counts, &[(Primitive::Open, 3)]);

        let (text, counts) = sender.counted(|group| group.encrypt(b"text").unwrap());
        assert_counts("encrypt", &counts, &[(Primitive::Sign, 1), (Primitive::Seal, 2)]);
        let (_, counts) = other.counted(|group| group.receive(&text).unwrap());
        assert_counts("decrypt", &counts, &[(Primitive::Verify, 1), (Primitive::LoadVerifier, 0)]);
        let (text, counts) = sender.counted(|group| group.encrypt(b"text").unwrap());
        // Sender data, two; key, nonce and the next secret.
        assert_counts("encrypt once more", &counts, &[(Primitive::Expand, 5), (Primitive::Hash, 0)]);
        let (_, counts) = other.counted(|group| group.receive(&text).unwrap());
        assert_counts(
            "decrypt once more",
            &counts,
            &[(Primitive::Verify, 1), (Primitive::Expand, 5), (Primitive::Open, 2), (Primitive::Hash, 0)],
        );
    }
}
