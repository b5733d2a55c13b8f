//! `passive-client-*.json`: a client that is added to a group and follows it, through the facade (RFC 9420 §12.4).
//!
//! The surroundings are the vectors': key packages expired in 2024 or never, so lifetimes are not checked; everybody is who
//! they say they are.

use super::{kem_private, key_package, signer, suite};
use crate::fault::{At, Bytes, Checked, Within, same_bytes};
use crate::vector_file::fields;
use crate::{By, Fault, VectorFile};
use pleach::{
    Client, Group, GroupConfig, KeyPackageRecord, LifetimePolicy, ManualClock, MemoryStorage, Received,
    WirePolicy,
};
use pleach_crypto::{CryptoProvider, Signer};
use pleach_testkit::auth::TrustEveryone;
use pleach_wire::{CipherSuiteId, Kept, KeyPackage};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// `passive-client-welcome.json`: joins.
pub static WELCOME: VectorFile =
    VectorFile { name: "passive-client-welcome.json", official_cases: 56, by: By::Suite, check };

/// `passive-client-handling-commit.json`: all kinds of proposals, by value and by reference.
pub static HANDLING_COMMIT: VectorFile =
    VectorFile { name: "passive-client-handling-commit.json", official_cases: 91, by: By::Suite, check };

/// `passive-client-random.json`: many epochs.
pub static RANDOM: VectorFile =
    VectorFile { name: "passive-client-random.json", official_cases: 1, by: By::Suite, check };

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Case {
    pub(crate) cipher_suite: u16,
    pub(crate) external_psks: Vec<ExternalPsk>,
    pub(crate) key_package: Bytes,
    pub(crate) signature_priv: Bytes,
    pub(crate) encryption_priv: Bytes,
    pub(crate) init_priv: Bytes,
    pub(crate) welcome: Bytes,
    pub(crate) ratchet_tree: Option<Bytes>,
    pub(crate) initial_epoch_authenticator: Bytes,
    pub(crate) epochs: Vec<Epoch>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ExternalPsk {
    pub(crate) psk_id: Bytes,
    pub(crate) psk: Bytes,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Epoch {
    pub(crate) proposals: Vec<Bytes>,
    pub(crate) commit: Bytes,
    pub(crate) epoch_authenticator: Bytes,
}

/// Any time will do.
pub(crate) const NOW: u64 = 1_700_000_000;

/// Handshakes in either form, lifetimes of any kind.
pub(crate) fn config() -> GroupConfig {
    let mut config = GroupConfig::default();
    config.wire = WirePolicy::MIXED_SEND_PUBLIC;
    config.lifetime = LifetimePolicy {
        maximum_total: None,
        check_received: false,
        check_committed: false,
        check_joined_tree: false,
        tolerance: 0,
    };
    config
}

fn check(provider: &CryptoProvider, case: &Value) -> Checked {
    let case: Case = fields(case)?;
    let suite = suite(provider, case.cipher_suite)?;
    let key_package = key_package(suite, "key_package", &case.key_package)?;
    let signature_key = &key_package.leaf_node.signature_key;
    let signer = signer(suite, &case.signature_priv, ("signature_priv", signature_key))?;
    let client = client(provider.clone(), suite.id, &key_package, signer)?;
    let init_private = kem_private(suite, &case.init_priv, ("init_priv", &key_package.init_key))?;
    let leaf_key = &key_package.leaf_node.encryption_key;
    let leaf_private = kem_private(suite, &case.encryption_priv, ("encryption_priv", leaf_key))?;
    let record = KeyPackageRecord::import(suite, key_package, init_private, leaf_private, false);
    client.import_key_package(&record.at("key_package")?).at("key_package")?;
    for ExternalPsk { psk_id, psk } in &case.external_psks {
        client.store_psk(psk_id, &psk.secret()).at("external_psks")?;
    }

    let staged = match &case.ratchet_tree {
        Some(tree) => client.join_with_tree(&case.welcome, tree),
        None => client.join(&case.welcome),
    };
    let mut group = staged.at("welcome")?.accept().at("welcome")?;
    let authenticator = group.epoch_authenticator().at("initial_epoch_authenticator")?;
    same_bytes("initial_epoch_authenticator", authenticator.as_bytes(), &case.initial_epoch_authenticator)?;
    for (number, epoch) in case.epochs.iter().enumerate() {
        epoch.follow(&mut group).within(format_args!("epochs[{number}]"))?;
    }
    Ok(())
}

fn client(
    provider: CryptoProvider,
    suite: CipherSuiteId,
    key_package: &Kept<KeyPackage>,
    signer: Box<dyn Signer>,
) -> Checked<Client> {
    let leaf = &key_package.leaf_node;
    Client::builder(provider, MemoryStorage::new())
        .suite(suite)
        .identity(leaf.credential.clone(), signer)
        .capabilities(leaf.capabilities.clone())
        .auth(TrustEveryone)
        .clock(ManualClock::new(NOW))
        .config(config())
        .build()
        .at("key_package")
}

impl Epoch {
    fn follow(&self, group: &mut Group) -> Checked {
        for (place, proposal) in self.proposals.iter().enumerate() {
            let field = format!("proposals[{place}]");
            match group.receive(proposal).at(&field)? {
                Received::Proposal(_) => {}
                other => return Err(Fault::new(field, format!("no proposal: {other:?}"))),
            }
        }
        match group.receive(&self.commit).at("commit")? {
            Received::Commit(staged) => group.merge(staged).at("commit")?,
            other => return Err(Fault::new("commit", format!("no Commit: {other:?}"))),
        };
        let authenticator = group.epoch_authenticator().at("epoch_authenticator")?;
        same_bytes("epoch_authenticator", authenticator.as_bytes(), &self.epoch_authenticator)
    }
}
