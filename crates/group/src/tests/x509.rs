//! x509 credentials (RFC 9420 §5.3), in certificates that are just long enough.

use super::{driver::*, evil::*};
use pleach_wire::Certificate;

fn tlv(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let content = parts.concat();
    let len = u16::try_from(content.len()).unwrap();
    let header = match len {
        0..=127 => vec![tag, len as u8],
        128..=255 => vec![tag, 0x81, len as u8],
        _ => [&[tag, 0x82][..], &len.to_be_bytes()].concat(),
    };
    [header, content].concat()
}

const ED25519: &[u8] = &[0x06, 3, 0x2B, 0x65, 0x70];
const ED448: &[u8] = &[0x06, 3, 0x2B, 0x65, 0x71];

fn name(common_name: &str) -> Vec<u8> {
    let attribute = tlv(0x30, &[&[0x06, 3, 0x55, 4, 3], &tlv(0x0C, &[common_name.as_bytes()])]);
    tlv(0x30, &[&tlv(0x31, &[&attribute])])
}

/// A certificate for a key, under an algorithm. Its signature is nobody's: trust is the authentication service's.
fn certificate(issuer: &str, subject: &str, algorithm: &[u8], key: &[u8]) -> Certificate {
    let algorithm = tlv(0x30, &[algorithm]);
    let time = tlv(0x17, &[b"250101000000Z"]);
    let tbs = tlv(
        0x30,
        &[
            &tlv(0xA0, &[&[2, 1, 2]]),
            &[2, 1, 1],
            &tlv(0x30, &[ED25519]),
            &name(issuer),
            &tlv(0x30, &[&time, &time]),
            &name(subject),
            &tlv(0x30, &[&algorithm, &tlv(3, &[&[0], key])]),
        ],
    );
    let der = tlv(0x30, &[&tbs, &tlv(0x30, &[ED25519]), &tlv(3, &[&[0], &[7; 64]])]);
    Certificate { cert_data: der.into() }
}

fn supports_x509(client: &mut Client) {
    let both = [CredentialType::BASIC, CredentialType::X509];
    client.leaf.capabilities.credentials = both.into();
}

/// That Dave with this chain, made for his key, is refused.
#[track_caller]
fn refuses(chain: impl FnOnce(&[u8]) -> Vec<Certificate>) {
    check(chain, false);
}

#[track_caller]
fn accepts(chain: impl FnOnce(&[u8]) -> Vec<Certificate>) {
    check(chain, true);
}

#[track_caller]
fn check(chain: impl FnOnce(&[u8]) -> Vec<Certificate>, good: bool) {
    let (mut alice, bob, _) = trio_with(SUITE_1, &in_public(), Extensions::default(), &supports_x509);
    let mut dave = Client::new("dave", SUITE_1, &in_public());
    supports_x509(&mut dave);
    let certificates = chain(dave.signer.public()).into();
    let key_package =
        dave.changed_key_package(|leaf| leaf.credential = Credential::X509 { certificates }, |_| ());
    let commit = alice.evil_commit(&Evil::of([add(key_package)]));
    if good {
        bob.must_follow(&commit);
    } else {
        bob.must_refuse(&commit.message, MisbehaviorError::X509Credential);
    }
}

// breaks: R021
#[test]
fn refuses_a_certificate_for_another_key() {
    refuses(|_| vec![certificate("ca", "dave", ED25519, &[9; 32])]);
    accepts(|key| vec![certificate("ca", "dave", ED25519, key)]);
}

// breaks: R015
#[test]
fn refuses_a_certificate_for_another_algorithm() {
    refuses(|key| vec![certificate("ca", "dave", ED448, key)]);
    // Parameters, of which Ed25519 has none: NULL.
    refuses(|key| vec![certificate("ca", "dave", &[ED25519, &[5, 0]].concat(), key)]);
}

// breaks: R022, R023
#[test]
fn refuses_a_chain_that_is_none() {
    refuses(|_| vec![]);
    refuses(|_| vec![Certificate { cert_data: b"no DER".into() }]);
    refuses(|key| {
        let mut longer = certificate("ca", "dave", ED25519, key).cert_data.to_vec();
        longer.push(0);
        vec![Certificate { cert_data: longer.into() }]
    });
    let ca = || certificate("root", "ca", ED25519, &[9; 32]);
    refuses(|key| vec![ca(), certificate("ca", "dave", ED25519, key)]);
    refuses(|key| vec![certificate("other", "dave", ED25519, key), ca()]);
    accepts(|key| vec![certificate("ca", "dave", ED25519, key), ca()]);
    // Peers may hold the rest of the chain already.
    accepts(|key| vec![certificate("ca", "dave", ED25519, key)]);
}
