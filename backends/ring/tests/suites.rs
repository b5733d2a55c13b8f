//! Which suites this backend claims, and that it has no other.

use pleach_crypto::{CipherSuiteId, UnsupportedCipherSuite};
use pleach_ring::{SUITES, provider};

/// The numbers of RFC 9420 §17.1.
const CLAIMED: [u16; 4] = [1, 2, 3, 7];

// breaks: R012
#[test]
fn these_suites_and_no_other() {
    assert_eq!(SUITES.map(|suite| suite.id.0), CLAIMED);
    for id in (0..=8).chain([0x0A0A, 0xF000, 0xFFFF]).map(CipherSuiteId) {
        let (wanted, available) = (id, CLAIMED.map(CipherSuiteId).into());
        match provider().suite(id) {
            Ok(suite) => assert_eq!((suite.id, CLAIMED.contains(&id.0)), (id, true)),
            Err(error) => assert_eq!(error, UnsupportedCipherSuite { wanted, available }),
        }
    }
}
