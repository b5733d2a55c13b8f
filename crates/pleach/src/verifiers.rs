//! The signature keys of the last senders, parsed.
//!
//! Parsing takes a sixth of the time of a verification, and expands a post-quantum key to some 70 KiB: so a few are kept, the
//! last ones used, for all groups of a client. Keys are public; nothing here says who is a member.

use pleach_crypto::{CipherSuite, CipherSuiteId, CryptoError, Verifier};
use pleach_group::Verifiers;
use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

/// So many are kept: a megabyte with the largest keys.
const KEPT: usize = 16;

struct Parsed {
    suite: CipherSuiteId,
    public: Box<[u8]>,
    verifier: Arc<dyn Verifier>,
}

/// The last used first.
#[derive(Default)]
pub(crate) struct RecentVerifiers(Mutex<VecDeque<Parsed>>);

impl RecentVerifiers {
    fn known(&self, suite: CipherSuiteId, public: &[u8]) -> Option<Arc<dyn Verifier>> {
        let mut parsed = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let at = parsed.iter().position(|key| key.suite == suite && *key.public == *public)?;
        if at > 0 {
            let key = parsed.remove(at)?;
            parsed.push_front(key);
        }
        parsed.front().map(|key| Arc::clone(&key.verifier))
    }
}

impl Verifiers for RecentVerifiers {
    fn verifier(&self, suite: &CipherSuite, public: &[u8]) -> Result<Arc<dyn Verifier>, CryptoError> {
        if let Some(known) = self.known(suite.id, public) {
            return Ok(known);
        }
        let verifier: Arc<dyn Verifier> = Arc::from(suite.signature.load_verifier(public)?);
        let mut parsed = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        parsed.push_front(Parsed { suite: suite.id, public: public.into(), verifier: Arc::clone(&verifier) });
        parsed.truncate(KEPT);
        Ok(verifier)
    }
}

impl fmt::Debug for RecentVerifiers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RecentVerifiers").finish_non_exhaustive()
    }
}

#[cfg(all(test, feature = "rustcrypto"))]
mod tests {
    use super::*;

    #[test]
    fn keeps_the_last_used_and_no_more() {
        let provider = pleach_rustcrypto::provider();
        let suite = &provider.suites[0];
        let recent = RecentVerifiers::default();
        let keys: Vec<Vec<u8>> = (0..=KEPT)
            .map(|_| suite.signature.generate_key_pair(&*provider.random).unwrap().public)
            .collect();
        let first = recent.verifier(suite, &keys[0]).unwrap();
        for key in &keys[1..KEPT] {
            recent.verifier(suite, key).unwrap();
        }
        assert!(Arc::ptr_eq(&first, &recent.verifier(suite, &keys[0]).unwrap()));
        recent.verifier(suite, &keys[KEPT]).unwrap();
        assert!(recent.known(suite.id, &keys[0]).is_some());
        assert!(recent.known(suite.id, &keys[1]).is_none(), "the one that was not used for the longest time");
        assert!(recent.known(CipherSuiteId(0xffff), &keys[0]).is_none());
        assert!(recent.verifier(suite, b"no key").is_err());
    }
}
