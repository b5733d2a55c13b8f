//! ML-KEM, alone and in hybrids: the check of encapsulation keys (FIPS 203 §7.2) and implicit rejection.

use pleach_crypto::{CryptoError, Kem, KemId, Secret};

use super::Random;
use super::report::{Checks, Stop};

const Q: u16 = 3329;

/// The checks, if the KEM has a half that is ML-KEM, which stands first in keys and encapsulated keys.
pub(super) fn kem(c: &mut Checks, kem: &dyn Kem, rng: Random<'_>) -> Result<(), Stop> {
    let (rank, enc_len) = match kem.id() {
        KemId::ML_KEM_768 | KemId::MLKEM768_P256 | KemId::MLKEM768_X25519 => (3, 1088),
        KemId::ML_KEM_1024 | KemId::MLKEM1024_P384 => (4, 1568),
        _ => return Ok(()),
    };
    let pair = c.ok("a key pair is generated", kem.generate_key_pair(rng))?;
    let last = rank * 256 - 1;
    for at in [0, 1, 2, 3, 127, 128, 255, 256, 257, 511, last - 1, last] {
        for value in [Q, Q + 1, 4095] {
            let public = with_coefficient(&pair.public, at, value);
            let loaded = kem.load_public(&public);
            let input = || format!("coefficient {at} = {value}");
            c.refused(
                "an encapsulation key with a coefficient of q or more is refused",
                loaded,
                &[CryptoError::InvalidPublicKey],
                input,
            );
        }
        let public = with_coefficient(&pair.public, at, Q - 1);
        c.ok("an encapsulation key with a coefficient of q - 1 is a key", kem.load_public(&public))?;
    }

    // A wrong ciphertext gives a secret that depends on it and on the key, not an error.
    let private = c.ok("a private key loads", kem.load_private(&pair.private))?;
    let public = c.ok("a public key loads", kem.load_public(&pair.public))?;
    let (shared, enc) = c.ok("a public key encapsulates", public.encap(rng))?;
    let mut seen: Vec<Secret> = vec![shared];
    for at in [0, 1, enc_len / 2, enc_len - 1] {
        let mut changed = enc.clone();
        if let Some(byte) = changed.get_mut(at) {
            *byte ^= 1;
        }
        let secret = c.ok("a wrong ciphertext is rejected implicitly", private.decap(&changed))?;
        c.holds("an implicit rejection depends on the ciphertext", !seen.contains(&secret), || {
            format!("byte {at}")
        });
        seen.push(secret);
    }
    Ok(())
}

/// Two coefficients of 12 bits are in three bytes, the first in the lower bits.
fn with_coefficient(public: &[u8], at: usize, value: u16) -> Vec<u8> {
    let mut public = public.to_vec();
    let [low, high] = value.to_le_bytes();
    if let Some([first, second, third]) = public.get_mut(at / 2 * 3..at / 2 * 3 + 3) {
        if at.is_multiple_of(2) {
            *first = low;
            *second = (*second & 0xF0) | high;
        } else {
            *second = (*second & 0x0F) | (low << 4);
            *third = (low >> 4) | (high << 4);
        }
    }
    public
}
