//! What the golden store holds: a row of each kind that this version writes.
//!
//! | group | suite | of | state |
//! |---|---|---|---|
//! | `tea` | 1 | alice, bob, carol | past epochs, skipped keys, a replaced leaf, two proposals, alice's Commit pending |
//! | `solo` | 1 | alice | a Commit pending whose Welcome is for bob |
//! | `quantum` | 0xF0A1 | alice, bob | messages were exchanged |
//! | `old` | 2 | alice, bob | a ReInit was committed |
//! | `left` | 1 | alice, bob | bob was removed |
//! | `gone` | 1 | alice, bob | bob joined by a last resort, and deleted it |
//! | `open` | 1 | alice | bob's external Commit is pending |
//! | `kept` | 1 | dora | followed by a rollback guard that lost its record |
//!
//! Alice, bob and dora share the store; carol has one of her own, which is not kept.

use super::{CLASSICAL, Golden, OTHER, Outcome, POST_QUANTUM, SignerKey, builder, provider};
use pleach::crypto::{CipherSuiteId, CryptoProvider, Secret};
use pleach::storage::Storage;
use pleach::wire::{Extensions, KeyPackageRef, ProtocolVersion, ReInit};
use pleach::{
    Client, Group, GroupOptions, KeyPackageOptions, KeyPackageState, LeafUpdate, ManualClock,
    MemoryRollbackGuard, PendingCommit, Received, SigningIdentity,
};
use pleach_storage_memory::MemoryStorage;
use std::sync::Arc;

const NOW: u64 = 1_800_000_000;

/// The id of the external PSK that everybody has.
pub const PSK: &[u8] = b"pin";

struct Stage {
    provider: CryptoProvider,
    clock: Arc<ManualClock>,
    golden: Golden,
}

impl Stage {
    fn signer(&mut self, name: &str, suite: CipherSuiteId) -> Outcome<Secret> {
        let algorithm = self.provider.suite(suite).map_err(|error| error.to_string())?.signature;
        let private = algorithm.generate_key_pair(&*self.provider.random)?.private;
        self.golden.signers.push(SignerKey { client: name.into(), suite, private: private.clone() });
        Ok(private)
    }

    fn builder(&mut self, name: &str, storage: impl Storage + 'static) -> Outcome<pleach::ClientBuilder> {
        for suite in [CLASSICAL, OTHER] {
            self.signer(name, suite)?;
        }
        builder(&self.provider, &self.golden.signers, name, storage, self.clock.clone())
    }

    fn client(&mut self, name: &str, storage: impl Storage + 'static) -> Outcome<Client> {
        Ok(self.builder(name, storage)?.build()?)
    }

    fn keep(&mut self, name: &str, message: &[u8]) {
        self.golden.messages.insert(name.into(), message.to_vec());
    }
}

/// Makes the store.
///
/// # Errors
/// If anything is refused, which is a fault of this scene.
pub fn build(seed: u64) -> Outcome<Golden> {
    let clock = Arc::new(ManualClock::new(NOW));
    let golden = Golden { now: NOW + 4 * 3_600, ..Golden::default() };
    let mut stage = Stage { provider: provider(seed), clock, golden };
    let store = MemoryStorage::new();
    let alice = stage.client("alice", store.clone())?;
    let bob = stage.client("bob", store.clone())?;
    let carol = stage.client("carol", MemoryStorage::new())?;
    for client in [&alice, &bob, &carol] {
        client.store_psk(PSK, &Secret::copy_from(&[7; 32]))?;
    }
    tea(&mut stage, &alice, &bob, &carol)?;
    stage.clock.advance(3_600);
    let mut solo = alice.create_group(b"solo")?;
    solo.commit().add(bob.key_package()?).build()?;
    quantum(&alice, &bob)?;
    old(&alice, &bob)?;
    stage.clock.advance(3_600);
    left(&alice, &bob)?;
    gone(&alice, &bob)?;
    let open = alice.create_group(b"open")?;
    stage.clock.advance(3_600);
    bob.external_join(&open.group_info()?).build()?;
    key_packages(&bob)?;
    kept(&mut stage, &store)?;
    let Stage { mut golden, .. } = stage;
    golden.take(&store)?;
    Ok(golden)
}

fn tea(stage: &mut Stage, alice: &Client, bob: &Client, carol: &Client) -> Outcome<()> {
    let mut at_alice = alice.create_group(b"tea")?;
    let add = at_alice.commit().add(bob.key_package()?).add(carol.key_package()?).build()?;
    at_alice.merge(&add)?;
    let (mut at_bob, mut at_carol) = (join(bob, &add)?, join(carol, &add)?);

    // Three that were overtaken, one of a member whose leaf is replaced since.
    for name in ["tea early 0", "tea early 1", "tea early 2"] {
        let early = at_bob.encrypt(name.as_bytes())?;
        stage.keep(name, &early);
    }
    at_alice.receive(&at_bob.encrypt(b"overtakes")?)?;
    let late = at_carol.encrypt(b"tea late")?;
    stage.keep("tea late", &late);
    stage.clock.advance(60);
    let fresh = stage.provider.suite(CLASSICAL).map_err(|error| error.to_string())?.signature;
    let fresh = fresh.load_signer(&fresh.generate_key_pair(&*stage.provider.random)?.private)?;
    let rotate = at_carol.commit().rotate(SigningIdentity::basic("carol", fresh)).build()?;
    at_carol.merge(&rotate)?;
    follow(&mut [&mut at_alice, &mut at_bob], rotate.message())?;
    stage.clock.advance(60);
    let with_psk = at_alice.commit().psk(PSK).build()?;
    at_alice.merge(&with_psk)?;
    follow(&mut [&mut at_bob, &mut at_carol], with_psk.message())?;

    let sent = vec![(b"sent/1".to_vec(), Some(b"at nine".to_vec()))];
    let message = at_alice.encrypt_with(b"at nine", b"", sent)?;
    at_bob.receive_with(&message, |received| match received {
        Received::Application(text) => vec![(b"inbox/1".to_vec(), Some(text.data().to_vec()))],
        _ => Vec::new(),
    })?;
    stage.keep("tea next", &at_bob.encrypt(b"tea next")?);
    let update = at_bob.propose_update(&LeafUpdate::new())?;
    at_alice.receive(&update)?;
    let psk = at_alice.propose_psk(PSK)?;
    at_bob.receive(&psk)?;
    at_alice.commit().build()?;
    Ok(())
}

fn quantum(alice: &Client, bob: &Client) -> Outcome<()> {
    let options = GroupOptions::default().suite(POST_QUANTUM);
    let mut at_alice = alice.create_group_with(b"quantum", &options)?;
    let invited = bob.key_package_with(KeyPackageOptions::default().suite(POST_QUANTUM))?;
    let add = at_alice.commit().add(invited).build()?;
    at_alice.merge(&add)?;
    let mut at_bob = join(bob, &add)?;
    at_bob.receive(&at_alice.encrypt(b"hello")?)?;
    at_alice.receive(&at_bob.encrypt(b"hello yourself")?)?;
    Ok(())
}

fn old(alice: &Client, bob: &Client) -> Outcome<()> {
    let options = GroupOptions::default().suite(OTHER);
    let mut at_alice = alice.create_group_with(b"old", &options)?;
    let invited = bob.key_package_with(KeyPackageOptions::default().suite(OTHER))?;
    let add = at_alice.commit().add(invited).build()?;
    at_alice.merge(&add)?;
    let mut at_bob = join(bob, &add)?;
    let successor = ReInit {
        group_id: b"new".as_slice().into(),
        version: ProtocolVersion::MLS10,
        cipher_suite: CLASSICAL,
        extensions: Extensions::default(),
    };
    let reinit = at_bob.commit().reinit(successor).build()?;
    at_bob.merge(&reinit)?;
    follow(&mut [&mut at_alice], reinit.message())
}

fn left(alice: &Client, bob: &Client) -> Outcome<()> {
    let mut at_alice = alice.create_group(b"left")?;
    let add = at_alice.commit().add(bob.key_package()?).build()?;
    at_alice.merge(&add)?;
    let mut at_bob = join(bob, &add)?;
    let remove = at_alice.commit().remove(at_bob.own_index()).build()?;
    at_alice.merge(&remove)?;
    match at_bob.receive(remove.message())? {
        Received::Removed(commit) => at_bob.merge(commit)?,
        other => return Err(format!("bob was to be removed, not {}", other.kind()).into()),
    };
    Ok(())
}

fn gone(alice: &Client, bob: &Client) -> Outcome<()> {
    let mut at_alice = alice.create_group(b"gone")?;
    let add =
        at_alice.commit().add(bob.key_package_with(KeyPackageOptions::default().last_resort())?).build()?;
    at_alice.merge(&add)?;
    join(bob, &add)?.delete()?;
    Ok(())
}

/// Beside those that were consumed and the last resort: one of each state.
fn key_packages(bob: &Client) -> Outcome<()> {
    let known: Vec<_> = bob.key_packages()?.into_iter().map(|stored| stored.reference).collect();
    let fresh = || -> Outcome<KeyPackageRef> {
        let before: Vec<_> = bob.key_packages()?.into_iter().map(|stored| stored.reference).collect();
        bob.key_package()?;
        let after = bob.key_packages()?.into_iter();
        let found = after.map(|stored| stored.reference).find(|reference| !before.contains(reference));
        Ok(found.ok_or("no new key package")?)
    };
    let (claimed, withdrawn, published) = (fresh()?, fresh()?, fresh()?);
    bob.claim_key_package(claimed.as_bytes())?;
    bob.withdraw_key_package(withdrawn.as_bytes())?;
    let stored = bob.key_packages()?;
    let state = |reference: &KeyPackageRef| {
        stored.iter().find(|stored| stored.reference == *reference).map(|stored| stored.state)
    };
    if state(&published) != Some(KeyPackageState::Published) || known.contains(&published) {
        return Err("the published key package is not there".into());
    }
    Ok(())
}

fn kept(stage: &mut Stage, store: &MemoryStorage) -> Outcome<()> {
    let guard = Arc::new(MemoryRollbackGuard::new());
    let dora = stage.builder("dora", store.clone())?.rollback_guard(guard.clone()).build()?;
    let mut group = dora.create_group(b"kept")?;
    group.encrypt(b"note to self")?;
    guard.clear();
    if !dora.load(b"kept")?.is_restored() {
        return Err("a guard without a record lets a group send".into());
    }
    Ok(())
}

fn join(client: &Client, commit: &PendingCommit) -> Outcome<Group> {
    Ok(client.join(commit.welcome().ok_or("no Welcome")?)?.accept()?)
}

fn follow(groups: &mut [&mut Group], message: &[u8]) -> Outcome<()> {
    for group in groups {
        let staged = group.receive(message)?.into_commit().ok_or("no Commit")?;
        group.merge(staged)?;
    }
    Ok(())
}
