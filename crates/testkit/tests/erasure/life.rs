//! A long life of a group of five, at random but repeatable, searched every so often.

use std::collections::VecDeque;

use pleach::crypto::Secret;
use pleach::wire::LeafIndex;
use pleach::{Client, Group, LeafUpdate};
use pleach_testkit::behaviour::World;
use pleach_testkit::random::SeededRandom;

use crate::watch::{Watch, deliver, follow};
use pleach::crypto::SecureRandom as _;
use pleach_storage_sqlite::SqliteOptions;

const NAMES: [&str; 5] = ["alice", "bob", "carol", "dave", "erin"];
const STEPS: usize = 2_000;

struct Life {
    watch: std::sync::Arc<Watch>,
    world: World,
    random: SeededRandom,
    members: Vec<Group>,
    /// Messages that are on their way, by receiver.
    late: Vec<VecDeque<Vec<u8>>>,
    count: u64,
}

impl Life {
    fn below(&self, bound: usize) -> usize {
        let mut bytes = [0; 8];
        self.random.fill(&mut bytes).unwrap();
        (u64::from_be_bytes(bytes) % bound as u64) as usize
    }

    fn text(&mut self) {
        let by = self.below(NAMES.len());
        self.count += 1;
        // Records of the application, of up to four slots, come and go with the message.
        let key = vec![self.below(12) as u8];
        let record =
            (self.below(3) > 0).then(|| self.random.bytes([40, 900, 5_000, 13_000][self.below(4)]).unwrap());
        let text = self.count.to_be_bytes();
        let message = self.members[by].encrypt_with(&text, b"", vec![(key, record)]).unwrap();
        for to in (0..NAMES.len()).filter(|to| *to != by) {
            if self.below(3) > 0 {
                self.members[to].receive(&message).unwrap().into_application().unwrap();
            } else {
                self.late[to].push_back(message.clone());
            }
        }
    }

    /// Late messages arrive in any order, some of them too late.
    fn arrive(&mut self) {
        let to = self.below(NAMES.len());
        for _ in 0..self.below(4) {
            let waiting = self.late[to].len();
            if waiting > 0 {
                let at = self.below(waiting);
                let message = self.late[to].swap_remove_back(at).unwrap();
                let _ = self.members[to].receive(&message);
            }
        }
    }

    fn commit(&mut self) {
        let by = self.below(NAMES.len());
        for other in 0..NAMES.len() {
            // Lost races, and Commits that nobody wants.
            if other != by && self.below(4) == 0 {
                let lost = self.members[other].commit().build().unwrap();
                if self.below(2) == 0 {
                    self.members[other].discard(lost.hash()).unwrap();
                }
            }
        }
        let psk = self.random.bytes(32).unwrap();
        if self.below(3) == 0 {
            self.members
                .iter()
                .for_each(|group| group.client().store_psk(b"psk", &Secret::copy_from(&psk)).unwrap());
            let proposal = self.members[by].propose_psk(b"psk").unwrap();
            self.spread(by, &proposal);
        }
        if self.below(2) == 0 {
            let other = (by + 1) % NAMES.len();
            let update = self.members[other].propose_update(&LeafUpdate::new()).unwrap();
            self.spread(other, &update);
        }
        let commit = self.members[by].commit().build().unwrap();
        deliver(&mut self.members, by, &commit);
        self.world.clock().advance(self.below(100_000) as u64);
    }

    fn spread(&mut self, by: usize, proposal: &[u8]) {
        for to in (0..NAMES.len()).filter(|to| *to != by) {
            self.members[to].receive(proposal).unwrap();
        }
    }

    /// One is removed, and added again or comes back by itself.
    fn come_and_go(&mut self) {
        let who = self.below(NAMES.len());
        let by = (who + 1) % NAMES.len();
        let leaf = LeafIndex(self.members[who].own_index().0);
        let remove = self.members[by].commit().remove(leaf).build().unwrap();
        self.members[who].receive(remove.message()).unwrap();
        deliver(&mut self.members, by, &remove);
        let client = self.members[who].client().clone();
        assert!(!self.members[who].is_active());
        if self.below(2) == 0 {
            let add = self.members[by].commit().add(client.key_package().unwrap()).build().unwrap();
            deliver(&mut self.members, by, &add);
            self.members[who] = client.join(add.welcome().unwrap()).unwrap().accept().unwrap();
        } else {
            let info = self.members[by].group_info().unwrap();
            let commit = client.external_join(&info).build().unwrap();
            for (_, member) in self.members.iter_mut().enumerate().filter(|(i, _)| *i != who) {
                follow(member, commit.message());
            }
            self.members[who] = commit.accept().unwrap();
        }
        self.late[who].clear();
    }

    fn key_packages(&self) {
        let client: &Client = self.members[self.below(NAMES.len())].client();
        client.key_package().unwrap();
        let stored = client.key_packages().unwrap();
        if stored.len() > 3 {
            client.delete_key_package(&stored[self.below(stored.len())].reference).unwrap();
        }
    }

    /// All members are closed, and opened again.
    fn restart(&mut self) {
        let id = self.members[0].id().to_vec();
        self.members.clear();
        for name in NAMES {
            self.watch.reopen(name);
            self.members.push(self.world.client(name).unwrap().load(&id).unwrap());
        }
    }

    fn step(&mut self) {
        match self.below(40) {
            0..25 => self.text(),
            25..32 => self.arrive(),
            32..36 => self.commit(),
            36 => self.come_and_go(),
            _ => self.key_packages(),
        }
    }
}

#[test]
fn a_long_life_leaves_nothing_behind() {
    let watch = Watch::new(SqliteOptions::new());
    let world = watch.world();
    let members = world.group(&NAMES).unwrap();
    let late = vec![VecDeque::new(); NAMES.len()];
    let random = SeededRandom::new(4);
    let mut life = Life { watch: watch.clone(), world, random, members, late, count: 0 };
    for step in 1..=STEPS {
        life.step();
        if step % 50 == 0 {
            // All of them at the end, one of them on the way.
            let whom = if step == STEPS { &NAMES[..] } else { &NAMES[step / 50 % 5..][..1] };
            whom.iter().for_each(|name| watch.clean(name));
        }
        if step % 500 == 0 {
            life.restart();
        }
    }
    let (_, history) = watch.of("alice");
    assert!(history.len() > STEPS, "{} secret values", history.len());
}
