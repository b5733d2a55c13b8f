//! Pre-shared keys (RFC 9420 §8.4). Which key belongs to an id, and whether it may be used, is decided above.

use crate::KeyScheduleError;
use pleach_crypto::{CipherSuite, Secret};
use pleach_wire::{PreSharedKeyId, PskLabel, encode};

/// `psk_secret`, the keys chained in the order of the Commit or of `GroupSecrets` (RFC 9420 §8.4, R126, R128). No key
/// gives `Nh` zero bytes. Cost: two extractions and one expansion per key.
///
/// # Errors
/// [`KeyScheduleError::TooManyPsks`] for more than 65,535; [`KeyScheduleError::Crypto`].
pub fn psk_secret(
    suite: &CipherSuite,
    psks: &[(PreSharedKeyId, Secret)],
) -> Result<Secret, KeyScheduleError> {
    let count = u16::try_from(psks.len()).map_err(|_| KeyScheduleError::TooManyPsks)?;
    let zero = Secret::zero(suite.secret_len());
    let mut psk_secret = zero.clone();
    for ((id, psk), index) in psks.iter().zip(0u16..) {
        let label = encode(&PskLabel { id, index, count })?;
        let extracted = suite.kdf.extract(zero.as_bytes(), &[psk.as_bytes()]);
        let input = suite.expand_with_label(&extracted, b"derived psk", &label, suite.secret_len())?;
        psk_secret = suite.kdf.extract(input.as_bytes(), &[psk_secret.as_bytes()]); // R128
    }
    Ok(psk_secret)
}

/// Checks that the `psk_nonce` is `KDF.Nh` bytes long (RFC 9420 §8.4, R127).
///
/// # Errors
/// [`KeyScheduleError::PskNonceLength`].
pub fn check_psk_nonce(suite: &CipherSuite, id: &PreSharedKeyId) -> Result<(), KeyScheduleError> {
    let (expected, actual) = (suite.secret_len(), id.psk_nonce.len());
    if actual == expected { Ok(()) } else { Err(KeyScheduleError::PskNonceLength { expected, actual }) } // R127
}
