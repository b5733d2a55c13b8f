//! Values of Secret rows, sealed each under a key of its own.
//!
//! ```text
//! slot: u64 big-endian | ChaCha20-Poly1305(key in that slot, nonce 0, associated data: slot and encoded key of the row)
//! ```
//!
//! A key is drawn at random for one value, used once to seal it, and destroyed with it: so the nonce may be constant.
//! Under a key that is gone, what redb keeps of the value in its free pages says its length and nothing more.
//!
//! The cipher is fixed here and not one of the cipher suites', because this is no encryption at rest: whoever has both
//! files can read what they hold. It needs neither a C library nor special instructions to be fast and constant-time.

use chacha20poly1305::aead::AeadInOut;
use chacha20poly1305::{ChaCha20Poly1305, KeyInit, Nonce, Tag};
use pleach_storage::{RecordKind, StorageError, Value};
use zeroize::Zeroizing;

/// A key; all zeros is none.
pub(crate) type SlotKey = Zeroizing<[u8; KEY_LEN]>;
pub(crate) const KEY_LEN: usize = 32;
const TAG_LEN: usize = 16;

/// A new key.
pub(crate) fn draw() -> Result<SlotKey, StorageError> {
    let mut key = SlotKey::default();
    getrandom::fill(&mut *key).map_err(StorageError::engine)?;
    Ok(key)
}

/// Seals `value` for the row `row`.
pub(crate) fn seal(slot: u64, key: &SlotKey, row: &[u8], value: &[u8]) -> Result<Vec<u8>, StorageError> {
    // All at once, since a vector that grows leaves copies behind.
    let mut sealed = Vec::with_capacity(8 + value.len() + TAG_LEN);
    sealed.extend_from_slice(&slot.to_be_bytes());
    sealed.extend_from_slice(value);
    let text = sealed.get_mut(8..).unwrap_or_default();
    let tag = cipher(key)
        .encrypt_inout_detached(&Nonce::default(), &bound(slot, row), text.into())
        .map_err(|_| StorageError::Unsupported("a value is larger than ChaCha20 takes"))?;
    sealed.extend_from_slice(&tag);
    Ok(sealed)
}

/// The slot of a sealed value.
pub(crate) fn slot(sealed: &[u8], kind: RecordKind) -> Result<u64, StorageError> {
    let slot = sealed.first_chunk().ok_or(StorageError::corrupt(kind, "a sealed value is too short"))?;
    Ok(u64::from_be_bytes(*slot))
}

/// Opens a sealed value.
pub(crate) fn open(
    key: &SlotKey,
    row: &[u8],
    sealed: &[u8],
    kind: RecordKind,
) -> Result<Value, StorageError> {
    let slot = slot(sealed, kind)?;
    let parts = sealed.get(8..).and_then(<[u8]>::split_last_chunk::<TAG_LEN>);
    let (text, tag) = parts.ok_or(StorageError::corrupt(kind, "a sealed value is too short"))?;
    let mut value = Value::new(text.to_vec());
    cipher(key)
        .decrypt_inout_detached(
            &Nonce::default(),
            &bound(slot, row),
            value.as_mut_slice().into(),
            &Tag::from(*tag),
        )
        .map_err(|_| StorageError::corrupt(kind, "a sealed value does not open with its key"))?;
    Ok(value)
}

fn cipher(key: &SlotKey) -> ChaCha20Poly1305 {
    ChaCha20Poly1305::new((&**key).into())
}

fn bound(slot: u64, row: &[u8]) -> Vec<u8> {
    [&slot.to_be_bytes(), row].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_opens_with_its_key_and_row_only() {
        let (key, other) = (draw().unwrap(), draw().unwrap());
        assert_ne!(key, other);
        let kind = RecordKind::Ratchet;
        for value in [&b""[..], b"x", &[7; 5000]] {
            let mut sealed = seal(3, &key, b"row", value).unwrap();
            assert_eq!(sealed.len(), 8 + value.len() + TAG_LEN);
            assert_eq!(slot(&sealed, kind).unwrap(), 3);
            assert_eq!(open(&key, b"row", &sealed, kind).unwrap().as_slice(), value);
            assert!(open(&other, b"row", &sealed, kind).is_err());
            assert!(open(&key, b"rov", &sealed, kind).is_err());
            for at in [0, 7, sealed.len() - 1] {
                sealed[at] ^= 1;
                assert!(open(&key, b"row", &sealed, kind).is_err());
                sealed[at] ^= 1;
            }
            for short in [0, 7, 8, 23] {
                assert!(open(&key, b"row", &sealed[..short], kind).is_err());
            }
        }
    }
}
