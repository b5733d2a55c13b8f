//! Every case of the behaviour suite, over two suites: one test for each, so that they run in parallel and have names.
//! The binary `matrix` of the test kit runs the same cases over all suites, storage engines and wire policies.

use pleach::WirePolicy;
use pleach::crypto::CipherSuiteId;
use pleach_testkit::behaviour::{CASES, Failure, MemoryStores, World, find};

fn run(case: &str, suite: CipherSuiteId) -> Result<(), Failure> {
    let case = find(case).ok_or_else(|| Failure::new("there is no such case"))?;
    let provider = pleach::rustcrypto::provider();
    (case.run)(&World::new(provider, MemoryStores::default(), suite, WirePolicy::PRIVATE))
}

macro_rules! behaviour {
    ($($name:ident)*) => {
        mod x25519 {
            use super::*;
            $(#[test]
            fn $name() -> Result<(), Failure> {
                run(stringify!($name), CipherSuiteId::X25519_AES128GCM_SHA256_ED25519)
            })*
        }

        mod p256 {
            use super::*;
            $(#[test]
            fn $name() -> Result<(), Failure> {
                run(stringify!($name), CipherSuiteId::P256_AES128GCM_SHA256_P256)
            })*
        }

        const NAMES: &[&str] = &[$(stringify!($name)),*];
    };
}

behaviour! {
    create_add_talk commit_with_path commit_without_path remove leave lifetimes last_resort single_use
    of_another_suite basic x509 auth_denies auth_later rotation by_value by_reference selected custom
    grease external_senders new_members quotas external_join group_info resync external_join_with_psk
    welcome_with_tree welcome_without_tree welcome_in_parts external_psk resumption_psk exporter
    epoch_authenticator reinit reinit_by_reference reinit_members branch migration private_handshakes
    public_handshakes mixed_handshakes padding authenticated_data out_of_order windows message_limit
    past_epochs past_epoch_age observer_follows observer_refuses restart_at_any_point
    restart_before_merge lost_race discard own_commit_comes_back two_handles list_load_delete inspect
    records
}

#[test]
fn no_case_is_left_out() {
    assert_eq!(CASES.iter().map(|case| case.name).collect::<Vec<_>>(), NAMES);
}
