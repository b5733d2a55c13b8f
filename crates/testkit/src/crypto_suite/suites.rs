//! Suites: that their parts fit together, and that the provider finds each (R012).

use pleach_crypto::{CipherSuite, CryptoProvider, KdfId, Secret};

use super::report::{Checks, Stop};

/// The checks of one suite.
pub(super) fn check(c: &mut Checks, suite: &CipherSuite, provider: &CryptoProvider) -> Result<(), Stop> {
    c.equal("the parts of a suite fit together", suite.check(), Ok(()));
    let times = provider.suites.iter().filter(|other| other.id == suite.id).count();
    c.equal("a number stands for one suite", times, 1);
    let found = provider.suite(suite.id).map(CipherSuite::algorithms);
    c.holds("a suite is found by its number", found == Ok(suite.algorithms()), || suite.id.to_string());
    let unused =
        (0..=u16::MAX).rev().map(Into::into).find(|id| provider.suites.iter().all(|suite| suite.id != *id));
    if let Some(wanted) = unused {
        let missing = provider.suite(wanted).is_err_and(|error| error.wanted == wanted);
        c.holds("another number is refused", missing, || wanted.to_string());
    }
    let [one, other] = [provider.random.bytes(32), provider.random.bytes(32)];
    let (one, other) = (c.ok("there is randomness", one)?, c.ok("there is randomness", other)?);
    c.holds("randomness is not constant", one != other && one != [0; 32], || format!("{one:02x?}"));
    expansion(c, suite)
}

/// RFC 5869 §2.3 by the suite's own HMAC, for keys shorter and longer than `Nh` and than a block.
fn expansion(c: &mut Checks, suite: &CipherSuite) -> Result<(), Stop> {
    if !matches!(suite.kdf.id(), KdfId::HKDF_SHA256 | KdfId::HKDF_SHA384 | KdfId::HKDF_SHA512) {
        return Ok(());
    }
    for len in [0, 1, 20, 31, 32, 48, 64, 65, 128, 129, 300] {
        let prk = Secret::from((0..len).map(|i| i as u8).collect::<Vec<_>>());
        let mac = suite.hash.hmac(&prk, &[b"info", &[1]]);
        let expanded = suite.kdf.expand(&prk, &[b"info"], suite.hash.output_len());
        let expanded = c.ok("a key of any length expands", expanded)?;
        c.bytes("expanding begins with the MAC of the info", expanded.as_bytes(), mac.as_bytes());
    }
    Ok(())
}
