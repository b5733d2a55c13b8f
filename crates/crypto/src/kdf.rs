//! The key derivation function of a suite and of HPKE: extract and expand (RFC 9180 §4).

use crate::{CryptoError, KdfId, Secret};
use core::fmt::Debug;

/// A two-step key derivation function.
pub trait Kdf: Debug + Send + Sync {
    /// The HPKE identifier.
    fn id(&self) -> KdfId;

    /// The length of an extracted key in bytes (`Nh`).
    fn extract_len(&self) -> usize;

    /// Extracts a pseudorandom key from the concatenation of `ikm`. An empty salt means `Nh` zero bytes.
    fn extract(&self, salt: &[u8], ikm: &[&[u8]]) -> Secret;

    /// Expands `prk` to `len` bytes under the concatenation of `info`.
    ///
    /// # Errors
    /// [`CryptoError::OutputTooLong`] for more than `255 * Nh` bytes.
    fn expand(&self, prk: &Secret, info: &[&[u8]], len: usize) -> Result<Secret, CryptoError>;
}
