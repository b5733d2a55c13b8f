//! The acceptance rule of Ed25519, for every backend: which signatures verify, alone and in a batch (R013, R016).
//!
//! Exact lengths, `S < L`, `A` and `R` canonical, `A` not of small order, and the cofactored equation of RFC 8032,
//! `[8][S]B = [8]R + [8][k]A`. [`PublicKey`] recomputes `R` and compares its encoding, which decides all honest signatures
//! without decoding `R`; what that refuses goes to the cofactored equation. A backend with a verification of its own keeps
//! what that accepts, since the equation without the cofactor implies the one with it, and lets
//! [`PublicKey::verify_cofactored`] decide the rest.
//!
//! The batch is one multiscalar multiplication over `curve25519-dalek` with random 128-bit coefficients, times the cofactor,
//! which is what makes it agree with the single check for every input but with a probability of 2^-128. (`ed25519-dalek`'s
//! own batch function checks another equation and is not used.) Cost per signature: about half of a single check from
//! 64 signatures on, two fifths from 1,000 on, and a little less at 4,000. Signatures by one key that stand side by side share
//! its decoding and its term.

use curve25519_dalek::edwards::{CompressedEdwardsY, EdwardsPoint};
use curve25519_dalek::traits::{IsIdentity, VartimeMultiscalarMul};
use curve25519_dalek::{Scalar, constants::ED25519_BASEPOINT_POINT};
use pleach_crypto::{CryptoError, SecureRandom, Signed, Verifier};
use sha2::{Digest, Sha512};

/// Signatures in one multiscalar multiplication: beyond this, the gain per signature is small and memory grows.
pub const BATCH: usize = 4096;
/// Below this, single checks are as quick.
const SMALLEST_BATCH: usize = 3;

/// Verifies all signatures, 4,096 at a time. A batch that does not verify, which says nothing of which signature is to blame, is
/// decided by `single`, one by one; so are the few that make no batch.
///
/// # Errors
/// Those of `single`, which must be the same rule.
pub fn verify_batch(
    items: &[Signed<'_>],
    rng: &dyn SecureRandom,
    single: &dyn Fn(&Signed<'_>) -> Result<(), CryptoError>,
) -> Result<(), CryptoError> {
    items.chunks(BATCH).try_for_each(|chunk| {
        if chunk.len() >= SMALLEST_BATCH && batch_is_valid(chunk, rng) {
            return Ok(());
        }
        chunk.iter().try_for_each(single)
    })
}

/// A canonical point that is not of small order, negated once.
#[derive(Debug)]
pub struct PublicKey {
    bytes: [u8; 32],
    minus_a: EdwardsPoint,
}

impl PublicKey {
    /// Decodes `A`. Costs a decompression, about a tenth of a verification.
    ///
    /// # Errors
    /// [`CryptoError::InvalidPublicKey`] for a wrong length, an encoding that is not canonical, what is no point, and points of
    /// small order.
    pub fn parse(bytes: &[u8]) -> Result<Self, CryptoError> {
        let bytes = bytes.try_into().map_err(|_| CryptoError::InvalidPublicKey)?;
        let a = decode(&bytes).filter(|a| !a.is_small_order()).ok_or(CryptoError::InvalidPublicKey)?;
        Ok(Self { bytes, minus_a: -a })
    }

    fn challenge(&self, r: &[u8; 32], message: &[&[u8]]) -> Scalar {
        let mut hash = Sha512::new();
        hash.update(r);
        hash.update(self.bytes);
        for part in message {
            hash.update(part);
        }
        Scalar::from_bytes_mod_order_wide(&hash.finalize().into())
    }
}

impl PublicKey {
    /// The key as it was parsed.
    #[must_use]
    pub const fn bytes(&self) -> &[u8; 32] {
        &self.bytes
    }

    /// Decides a signature by the cofactored equation alone.
    ///
    /// # Errors
    /// [`CryptoError::InvalidSignature`].
    pub fn verify_cofactored(&self, message: &[&[u8]], signature: &[u8]) -> Result<(), CryptoError> {
        let (r_bytes, expected) = self.expected(message, signature)?;
        Self::cofactored(expected, r_bytes)
    }

    /// The encoding of `R`, and what `R` should be: `[S]B - [k]A`.
    fn expected<'s>(
        &self,
        message: &[&[u8]],
        signature: &'s [u8],
    ) -> Result<(&'s [u8; 32], EdwardsPoint), CryptoError> {
        let (r_bytes, s) = split(signature).ok_or(CryptoError::InvalidSignature)?;
        let k = self.challenge(r_bytes, message);
        Ok((r_bytes, EdwardsPoint::vartime_double_scalar_mul_basepoint(&k, &self.minus_a, &s)))
    }

    fn cofactored(expected: EdwardsPoint, r_bytes: &[u8; 32]) -> Result<(), CryptoError> {
        let r = decode(r_bytes).ok_or(CryptoError::InvalidSignature)?;
        if (expected - r).is_small_order() { Ok(()) } else { Err(CryptoError::InvalidSignature) }
    }
}

impl Verifier for PublicKey {
    fn verify(&self, message: &[&[u8]], signature: &[u8]) -> Result<(), CryptoError> {
        let (r_bytes, expected) = self.expected(message, signature)?;
        if expected.compress().as_bytes() == r_bytes {
            return Ok(());
        }
        Self::cofactored(expected, r_bytes)
    }
}

/// `R` and `S < L`.
fn split(signature: &[u8]) -> Option<(&[u8; 32], Scalar)> {
    let (r, s) = <&[u8; 64]>::try_from(signature).ok()?.split_first_chunk()?;
    let s = Scalar::from_canonical_bytes(s.try_into().ok()?).into_option()?;
    Some((r, s))
}

/// A point from its canonical encoding: dalek alone takes `y >= p` and a sign for `x = 0`.
fn decode(bytes: &[u8; 32]) -> Option<EdwardsPoint> {
    let y_is_reduced = !matches!(bytes, [low, middle @ .., high]
        if *low >= 0xED && middle.iter().all(|byte| *byte == 0xFF) && high & 0x7F == 0x7F);
    // x = 0 has y = 1 or y = -1.
    const MINUS_ZERO: [[u8; 32]; 2] = [minus_zero(0x01, 0x00, 0x80), minus_zero(0xEC, 0xFF, 0xFF)];
    let canonical = y_is_reduced && !MINUS_ZERO.contains(bytes);
    if canonical { CompressedEdwardsY(*bytes).decompress() } else { None }
}

const fn minus_zero(first: u8, middle: u8, last: u8) -> [u8; 32] {
    let mut bytes = [middle; 32];
    let [low, .., high] = &mut bytes;
    (*low, *high) = (first, last);
    bytes
}

/// Whether `[8] (sum of z_i (S_i B - k_i A_i - R_i))` is the identity, for random `z_i`. False also for what does not parse.
fn batch_is_valid(items: &[Signed<'_>], rng: &dyn SecureRandom) -> bool {
    let mut coefficients = vec![0; 16 * items.len()];
    if rng.fill(&mut coefficients).is_err() {
        return false; // single checks need no randomness
    }
    let mut scalars = Vec::with_capacity(2 * items.len() + 1);
    let mut points = Vec::with_capacity(2 * items.len() + 1);
    let mut base = Scalar::ZERO;
    // The last key, and the sum of its `z k` so far.
    let mut last: Option<(PublicKey, Scalar)> = None;
    for (item, z) in items.iter().zip(coefficients.as_chunks().0) {
        let z = Scalar::from(u128::from_le_bytes(*z));
        let Some((r_bytes, s)) = split(item.signature) else { return false };
        let Some(r) = decode(r_bytes) else { return false };
        let (key, sum) = match last.take() {
            Some((key, sum)) if key.bytes == *item.public => (key, sum),
            done => {
                let Ok(key) = PublicKey::parse(item.public) else { return false };
                if let Some((done, sum)) = done {
                    scalars.push(sum);
                    points.push(done.minus_a);
                }
                (key, Scalar::ZERO)
            }
        };
        base += z * s;
        scalars.push(z);
        points.push(-r);
        let sum = sum + z * key.challenge(r_bytes, item.message);
        last = Some((key, sum));
    }
    if let Some((key, sum)) = last {
        scalars.push(sum);
        points.push(key.minus_a);
    }
    scalars.push(base);
    points.push(ED25519_BASEPOINT_POINT);
    EdwardsPoint::vartime_multiscalar_mul(&scalars, &points).mul_by_cofactor().is_identity()
}

#[cfg(all(test, feature = "suites"))]
mod tests {
    use super::*;
    use crate::{ED25519, SystemRandom};
    use curve25519_dalek::constants;
    use pleach_crypto::{Secret, Signature, Signer as _};

    /// The edges of the rule are in the integration tests, which cannot see whether the batch decided or the single checks.
    #[test]
    fn the_batch_decides_by_itself() {
        let signers: Vec<_> = (0..150)
            .map(|i| ED25519.load_signer(&Secret::from_fn(32, |seed| seed.fill(i))).unwrap())
            .collect();
        let message = &[b"mess" as &[u8], b"age"] as &[&[u8]];
        let signatures: Vec<_> = signers.iter().map(|signer| signer.sign(message).unwrap()).collect();
        let items: Vec<_> = signers
            .iter()
            .zip(&signatures)
            .map(|(signer, signature)| Signed { public: signer.public(), message, signature })
            .collect();
        for size in [1, 2, 90, 150] {
            assert!(batch_is_valid(&items[..size], &SystemRandom));
            for at in [0, size / 2, size - 1] {
                let mut bad = items[..size].to_vec();
                bad[at].message = &[b"massage"];
                assert!(!batch_is_valid(&bad, &SystemRandom));
                bad[at].message = message;
                bad[at].signature = &signatures[(at + 1) % 150];
                assert!(!batch_is_valid(&bad, &SystemRandom));
            }
        }
    }

    /// A key package and its leaf are signed by one key, one after the other.
    #[test]
    fn signatures_by_one_key_share_its_term() {
        let signers: Vec<_> = [1, 1, 1, 2, 2, 1]
            .map(|i| ED25519.load_signer(&Secret::from_fn(32, |seed| seed.fill(i))).unwrap())
            .into();
        let messages: Vec<[u8; 1]> = (0..6).map(|i| [i]).collect();
        let parts: Vec<[&[u8]; 1]> = messages.iter().map(|message| [message.as_slice()]).collect();
        let signatures: Vec<_> =
            signers.iter().zip(&parts).map(|(signer, message)| signer.sign(message).unwrap()).collect();
        let items: Vec<_> = signers
            .iter()
            .zip(&signatures)
            .zip(&parts)
            .map(|((signer, signature), message)| Signed { public: signer.public(), message, signature })
            .collect();
        assert!(batch_is_valid(&items, &SystemRandom));
        for bad in 0..items.len() {
            let mut items = items.clone();
            items[bad].message = &[b"another"];
            assert!(!batch_is_valid(&items, &SystemRandom), "{bad}");
            items[bad] = Signed { public: signers[(bad + 3) % 6].public(), ..items[bad] };
            assert!(!batch_is_valid(&items, &SystemRandom), "{bad}");
        }
    }

    /// Keys off the prime-order subgroup do not send the batch to the single checks.
    #[test]
    fn the_batch_ignores_torsion() {
        let a = Scalar::from(12_345_678_u64);
        let message: &[&[u8]] = &[b"message"];
        let cases: Vec<_> = constants::EIGHT_TORSION
            .iter()
            .map(|torsion| {
                let public = (ED25519_BASEPOINT_POINT * a + torsion).compress().to_bytes();
                let r = (ED25519_BASEPOINT_POINT * Scalar::from(99_u64)).compress().to_bytes();
                let s = Scalar::from(99_u64) + PublicKey::parse(&public).unwrap().challenge(&r, message) * a;
                (public, [r, s.to_bytes()].concat())
            })
            .collect();
        let items: Vec<_> =
            cases.iter().map(|(public, signature)| Signed { public, message, signature }).collect();
        assert!(batch_is_valid(&items, &SystemRandom));
    }
}
