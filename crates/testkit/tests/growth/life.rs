//! A group's life, measured operation by operation.
//!
//! The group is a full tree, made synthetically. Three of its members are real clients. `first` commits, and `far` sits in
//! the other half of the tree; both came back by external Commits. `near` is the sibling of `first`, for whom most of a path
//! is new; it was added.

use pleach::{Client, CommitBuilder, Group, GroupInfoSpec, LeafUpdate, PendingCommit, TreeDelivery};
use pleach_testkit::{
    null_crypto::NullSuite,
    random::SeededRandom,
    synthetic::{SyntheticTree, full_tree},
};
use pleach_wire::{CredentialType, Extension, Extensions, LeafIndex, RequiredCapabilities, encode};

use crate::cost::{Cost, Meter};
use crate::party::{PSK, Party, Seat, follow, key_package};

pub(crate) struct Life {
    height: u32,
    meter: Meter,
    first: Seat,
    near: Seat,
    far: Seat,
    newcomers: u64,
}

/// What all operations cost in a group of 2^height members.
pub(crate) fn life(height: u32) -> Vec<(String, Cost)> {
    let mut life = Life::new(height);
    life.messages();
    life.commits();
    life.proposals();
    life.members();
    life.doubling();
    life.opened();
    life.views();
    let Life { mut meter, .. } = life;
    creation(height, &mut meter);
    meter.costs
}

impl Life {
    fn new(height: u32) -> Self {
        let null = NullSuite::new();
        let tree = full_tree(null.suite(), 1 << height, b"growing", u64::from(height));
        let nodes = encode(&tree.nodes).unwrap();
        let info = tree.group_info(null.suite(), 7);
        let mut meter = Meter { null, costs: Vec::new() };
        let first = returning(&null, &tree, 1);
        let join = |client: &Client, info: &[u8], nodes: &[u8]| {
            client.external_join(info).ratchet_tree(nodes).resync(true).build().unwrap()
        };
        let external =
            meter.measure("external join: build", &first.store, || join(&first.client, &info, &nodes));
        meter.sent(external.message());
        let group = meter.measure("external join: accept", &first.store, || external.accept().unwrap());
        let mut first = first.in_group(group);

        let party = returning(&null, &tree, (1 << height) - 2);
        let (info, nodes) = (first.group.group_info().unwrap(), first.group.ratchet_tree().unwrap());
        let external = join(&party.client, &info, &nodes);
        let process = |group: &mut Group| follow(group, external.message());
        first.measure(&mut meter, "external join: process", process);
        let mut far = party.in_group(external.accept().unwrap());

        // The sibling leaves, and a newcomer takes its leaf.
        let party = Party::newcomer(&null, 1 << 32);
        let package = party.client.key_package().unwrap();
        let replace = first.group.commit().remove(LeafIndex(0)).add(package);
        let pending = replace.tree(TreeDelivery::OutOfBand).build().unwrap();
        first.group.merge(&pending).unwrap();
        follow(&mut far.group, pending.message());
        let nodes = first.send(&mut meter, "encode the tree", |group| group.ratchet_tree().unwrap());
        let welcome = pending.welcome().unwrap();
        let join = || party.client.join_with_tree(welcome, &nodes).unwrap();
        let staged = meter.measure("add: join", &party.store, join);
        meter.sent(welcome);
        let group = meter.measure("add: accept", &party.store, || staged.accept().unwrap());
        let near = party.in_group(group);
        assert_eq!(near.group.own_index(), LeafIndex(0));
        assert_eq!(near.group.epoch_authenticator().unwrap(), far.group.epoch_authenticator().unwrap());
        Self { height, meter, first, near, far, newcomers: 0 }
    }

    fn newcomer(&mut self) -> Party {
        self.newcomers += 1;
        Party::newcomer(&self.meter.null, (1 << 32) + self.newcomers)
    }

    /// A Commit of `first`, built, merged, and processed by the others.
    fn commit(
        &mut self,
        name: &str,
        with: impl FnOnce(CommitBuilder<'_>) -> CommitBuilder<'_>,
    ) -> PendingCommit {
        let Self { meter, first, near, far, .. } = self;
        let build = |group: &mut Group| with(group.commit()).build().unwrap();
        let pending = first.measure(meter, &format!("{name}: build"), build);
        meter.sent(pending.message());
        first.measure(meter, &format!("{name}: merge"), |group| drop(group.merge(&pending).unwrap()));
        near.measure(meter, &format!("{name}: process, near"), |group| follow(group, pending.message()));
        far.measure(meter, &format!("{name}: process, far"), |group| follow(group, pending.message()));
        pending
    }

    fn messages(&mut self) {
        let Self { meter, first, near, far, .. } = self;
        let text = [7; 100];
        for name in ["send the first", "send the second"] {
            let sent = first.send(meter, &format!("{name} message"), |group| group.encrypt(&text).unwrap());
            let receive = name.replace("send", "receive") + " message";
            let _received = far.measure(meter, &receive, |group| group.receive(&sent).unwrap());
        }
        let sent: Vec<_> = (0..10).map(|_| first.group.encrypt(&text).unwrap()).collect();
        let last = &sent[9];
        let _received = far.measure(meter, "receive, nine skipped", |group| group.receive(last).unwrap());
        let _received = far.measure(meter, "receive a skipped one", |group| group.receive(&sent[4]).unwrap());
        let exported = |group: &mut Group| group.export(b"label", b"context", 32).unwrap();
        let _secret = near.measure(meter, "export a secret", exported);
    }

    fn commits(&mut self) {
        let text = self.first.group.encrypt(b"of the epoch before").unwrap();
        self.commit("commit", |commit| commit);
        let Self { meter, first, near, far, .. } = self;
        let _received =
            near.measure(meter, "receive from the epoch before", |group| group.receive(&text).unwrap());
        let pending = first.group.commit().build().unwrap();
        first.measure(meter, "discard a commit", |group| group.discard(pending.hash()).unwrap());
        // A race, lost by `first`.
        let _lost = first.group.commit().build().unwrap();
        let won = near.group.commit().build().unwrap();
        near.group.merge(&won).unwrap();
        follow(&mut far.group, won.message());
        first.measure(meter, "lose a race", |group| follow(group, won.message()));
        self.commit("commit a PSK", |commit| commit.psk(PSK));
        let required = RequiredCapabilities {
            credential_types: [CredentialType::BASIC].into_iter().collect(),
            ..RequiredCapabilities::default()
        };
        let extensions = Extensions::from(vec![Extension::new(&required).unwrap()]);
        self.commit("commit extensions", |commit| commit.extensions(extensions));
    }

    fn proposals(&mut self) {
        let Self { meter, first, near, far, .. } = self;
        let update = |group: &mut Group| group.propose_update(&LeafUpdate::new()).unwrap();
        let proposal = far.send(meter, "propose an update", update);
        let _received = first.measure(meter, "receive the update", |group| group.receive(&proposal).unwrap());
        let _received = near.group.receive(&proposal).unwrap();
        self.commit("commit the update", |commit| commit);
        let Self { meter, first, near, far, .. } = self;
        let proposal =
            far.send(meter, "propose a remove", |group| group.propose_remove(LeafIndex(6)).unwrap());
        let _received = first.measure(meter, "receive the remove", |group| group.receive(&proposal).unwrap());
        let _received = near.group.receive(&proposal).unwrap();
        // It can be left out.
        self.commit("commit without it", |commit| commit.skip_pending());
    }

    fn members(&mut self) {
        self.commit("remove", |commit| commit.remove(LeafIndex(6)));
        let package = self.newcomer().client.key_package().unwrap();
        self.commit("add", |commit| commit.add(package).tree(TreeDelivery::OutOfBand));
        self.commit("remove again", |commit| commit.remove(LeafIndex(6)));
        let newcomer = self.newcomer();
        let package = newcomer.client.key_package().unwrap();
        let pending =
            self.commit("add, tree inside", |commit| commit.add(package).tree(TreeDelivery::Inline));
        let welcome = pending.welcome().unwrap();
        let _staged = self
            .meter
            .measure("add, tree inside: join", &newcomer.store, || newcomer.client.join(welcome).unwrap());
        self.meter.sent(welcome);
    }

    /// The tree is full: whoever comes next doubles it. Whoever leaves then halves it, and so on.
    fn doubling(&mut self) {
        let last = LeafIndex(1 << self.height);
        for name in ["first", "again"] {
            let package = self.newcomer().client.key_package().unwrap();
            self.commit(&format!("double, {name}"), |commit| {
                commit.add(package).tree(TreeDelivery::OutOfBand)
            });
            if name == "again" {
                let package = self.newcomer().client.key_package().unwrap();
                self.commit("add to the doubled", |commit| commit.add(package).tree(TreeDelivery::OutOfBand));
                self.commit("remove from the doubled", |commit| commit.remove(LeafIndex(last.0 + 1)));
            }
            self.commit(&format!("halve, {name}"), |commit| commit.remove(last));
        }
    }

    /// The same with nothing in memory.
    fn opened(&mut self) {
        let Self { meter, first, near, far, .. } = self;
        let text = [7; 100];
        for name in ["the first", "the second"] {
            let send = format!("open, send {name} message");
            let sent = first.cold(meter, &send, |group| group.encrypt(&text).unwrap());
            let receive = format!("open, receive {name} message");
            let _received = far.cold(meter, &receive, |group| group.receive(&sent).unwrap());
        }
        let pending = first.cold(meter, "open, build a commit", |group| group.commit().build().unwrap());
        first.cold(meter, "open, merge it", |group| drop(group.merge(&pending).unwrap()));
        near.cold(meter, "open, process it, near", |group| follow(group, pending.message()));
        far.cold(meter, "open, process it, far", |group| follow(group, pending.message()));
        let remove = |group: &mut Group| group.commit().remove(LeafIndex(6)).build().unwrap();
        let pending = first.cold(meter, "open, build a remove", remove);
        first.cold(meter, "open, merge the remove", |group| drop(group.merge(&pending).unwrap()));
        far.cold(meter, "open, process the remove", |group| follow(group, pending.message()));
        follow(&mut near.group, pending.message());
        for name in ["an add", "a doubling add", "an add to the doubled"] {
            let package = self.newcomer().client.key_package().unwrap();
            let Self { meter, first, near, far, .. } = self;
            let pending = first.cold(meter, &format!("open, build {name}"), |group| {
                group.commit().add(package).tree(TreeDelivery::OutOfBand).build().unwrap()
            });
            first.cold(meter, &format!("open, merge {name}"), |group| drop(group.merge(&pending).unwrap()));
            far.cold(meter, &format!("open, process {name}"), |group| follow(group, pending.message()));
            follow(&mut near.group, pending.message());
        }
    }

    /// What only looks, or tidies up.
    fn views(&mut self) {
        let Self { meter, first, near, far, .. } = self;
        let _member = near.measure(meter, "look at a member", |group| group.member(LeafIndex(5)).unwrap());
        let _found = near.measure(meter, "look for a client", |group| group.find_client(b"nobody").unwrap());
        let _members = near.measure(meter, "look at all members", |group| group.members().unwrap());
        for (name, tree) in [
            ("make a GroupInfo", TreeDelivery::OutOfBand),
            ("make a GroupInfo, tree inside", TreeDelivery::Inline),
        ] {
            let spec = GroupInfoSpec { external_pub: true, tree };
            first.send(meter, name, |group| group.group_info_with(spec).unwrap());
        }
        first.measure(meter, "reload", |group| group.reload().unwrap());
        far.party.clock.advance(30 * 86_400);
        let expired = far.measure(meter, "expire", |group| group.expire().unwrap());
        assert!(expired.past_epochs > 0, "{expired:?}");
        let (client, id) = (&near.party.client, near.group.id().to_vec());
        meter.measure("delete the group", &near.party.store, || client.delete_group(&id).unwrap());
        let package =
            meter.measure("make a key package", &far.party.store, || far.party.client.key_package().unwrap());
        meter.sent(&package);
    }
}

/// A member of the tree, who lost everything but its name and signature key.
fn returning(null: &NullSuite, tree: &SyntheticTree, leaf: u32) -> Party {
    let member = &tree.members[leaf as usize];
    let signer = null.suite().signature.load_signer(&member.private).unwrap();
    Party::new(null, &member.name, signer, u64::from(leaf) + 1000)
}

/// A group of 2^height members in one Commit, one of them real.
fn creation(height: u32, meter: &mut Meter) {
    let random = SeededRandom::new(u64::from(height) << 8);
    let null = meter.null;
    let joiner = Party::newcomer(&null, 1);
    let mut packages = vec![joiner.client.key_package().unwrap()];
    packages.extend((2..1_u32 << height).map(|i| key_package(&null, &i.to_be_bytes(), &random)));
    let creator = Party::newcomer(&null, 2);
    let group = meter
        .measure("create a group of one", &creator.store, || creator.client.create_group(b"new").unwrap());
    let mut creator = creator.in_group(group);
    let pending = creator.measure(meter, "create a group of n: build", |group| {
        packages
            .iter()
            .fold(group.commit(), CommitBuilder::add)
            .tree(TreeDelivery::OutOfBand)
            .build()
            .unwrap()
    });
    meter.sent(pending.message());
    creator.measure(meter, "create a group of n: merge", |group| drop(group.merge(&pending).unwrap()));
    let nodes = creator.group.ratchet_tree().unwrap();
    let welcome = pending.welcome().unwrap();
    let join = || joiner.client.join_with_tree(welcome, &nodes).unwrap();
    let staged = meter.measure("create a group of n: join", &joiner.store, join);
    meter.sent(welcome);
    let joined = meter.measure("create a group of n: accept", &joiner.store, || staged.accept().unwrap());
    assert_eq!(joined.epoch_authenticator().unwrap(), creator.group.epoch_authenticator().unwrap());
    // Nobody has a path yet: each member is its own resolution (RFC 9420 §4.1.1).
    let mut joiner = joiner.in_group(joined);
    let pending =
        creator.measure(meter, "commit in a fresh group: build", |group| group.commit().build().unwrap());
    meter.sent(pending.message());
    creator.measure(meter, "commit in a fresh group: merge", |group| drop(group.merge(&pending).unwrap()));
    joiner.measure(meter, "commit in a fresh group: process", |group| follow(group, pending.message()));
    let _sent = creator.send(meter, "send in a fresh group", |group| group.encrypt(b"text").unwrap());
}
