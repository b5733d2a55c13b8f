//! Where a row lies in the store within: keys and ranges of the caller to those of the store.
//!
//! - Index rows: the suffix is replaced by a MAC of the whole key. All else about a key stays.
//! - The key row lies at the least of all keys: no client, kind Meta, no suffix. So that the caller can have a row of that
//!   name too, suffixes there that consist of zeros only get one zero more. Nothing sorts between `0^k` and `0^(k+1)`, so
//!   the order of all rows stays.
//!
//! Invariants: no key of the caller is the key row's; no range of the caller holds it. Distinct keys stay distinct (index
//! rows: but for collisions of a 128-bit MAC). The order stays but among index rows of one group.
//!
//! Cost: one MAC per index row, else a copy of the key.

use core::ops::Bound;

use pleach_crypto::{Hash, Secret};
use pleach_storage::{Key, KeyBuf, KeyRange, Prefix, RecordClass, RecordKind, Scope, StorageError};

/// The row that says which keys the store has.
pub(crate) const KEY_ROW: Key<'static> = Key::of_client(b"", RecordKind::Meta, b"");

const MAC: usize = 16;

/// Buffers for the keys of a range.
pub(crate) struct RangeBuf {
    prefix: KeyBuf,
    start: KeyBuf,
    end: KeyBuf,
}

impl Default for RangeBuf {
    fn default() -> Self {
        let none = || KeyBuf::new(KEY_ROW);
        Self { prefix: none(), start: none(), end: none() }
    }
}

/// The names of one store.
pub(crate) struct Names {
    pub(crate) hash: &'static dyn Hash,
    pub(crate) key: Secret,
}

impl Names {
    /// Writes the key of the store within to `inner`.
    pub(crate) fn inner(&self, key: Key<'_>, inner: &mut KeyBuf) {
        inner.set(key);
        if is_index(key) {
            let mac = self.hash.hmac(&self.key, &[inner.as_bytes()]);
            let suffix = mac.as_bytes().get(..MAC).unwrap_or_default();
            inner.set(Key { suffix, ..key });
        } else if beside_key_row(key) {
            inner.push_suffix(&[0]);
        }
    }

    /// The range of the store within.
    pub(crate) fn range<'a>(
        &self,
        range: &KeyRange<'a>,
        buf: &'a mut RangeBuf,
    ) -> Result<KeyRange<'a>, StorageError> {
        let RangeBuf { prefix, start, end } = buf;
        // No row of the caller lies at or before this one.
        let after;
        let mut inner = match range.prefix() {
            Prefix::Everything => {
                after = Some(KEY_ROW);
                KeyRange::everything()
            }
            Prefix::Client(client) => {
                after = client.is_empty().then_some(KEY_ROW);
                KeyRange::client(client)
            }
            Prefix::Scope(client, scope) => {
                after = (client.is_empty() && scope == Scope::Client).then_some(KEY_ROW);
                KeyRange::scope(client, scope)
            }
            Prefix::Record(key) if is_index(key) && !key.suffix.is_empty() => {
                return Err(StorageError::Unsupported(
                    "encrypted index rows are found by their whole keys only",
                ));
            }
            Prefix::Record(key) => {
                prefix.set(key);
                let key = prefix.as_key();
                after = beside_key_row(key).then_some(key);
                KeyRange::suffixes(key)
            }
        };
        let at = match range.start() {
            Bound::Included(key) => {
                self.inner(key, start);
                Bound::Included(start.as_key())
            }
            Bound::Excluded(key) => {
                self.inner(key, start);
                Bound::Excluded(start.as_key())
            }
            Bound::Unbounded => Bound::Unbounded,
        };
        inner = match (at, after) {
            (Bound::Included(key) | Bound::Excluded(key), Some(after))
                if key.to_bytes() <= after.to_bytes() =>
            {
                inner.after(after)
            }
            (Bound::Unbounded, Some(after)) => inner.after(after),
            (Bound::Included(key), _) => inner.starting_at(key),
            (Bound::Excluded(key), _) => inner.after(key),
            (Bound::Unbounded, None) => inner,
        };
        inner = match range.end() {
            Bound::Included(key) => {
                self.inner(key, end);
                inner.up_to(end.as_key())
            }
            Bound::Excluded(key) => {
                self.inner(key, end);
                inner.before(end.as_key())
            }
            Bound::Unbounded => inner,
        };
        Ok(match range.row_limit() {
            Some(rows) => inner.limit(rows),
            None => inner,
        })
    }
}

/// The caller's key of a row; `hidden` is what an index row keeps of its suffix.
pub(crate) fn outer<'a>(inner: Key<'a>, hidden: &'a [u8]) -> Key<'a> {
    let suffix = match inner.suffix.split_last() {
        _ if is_index(inner) => hidden,
        Some((_, rest)) if beside_key_row(inner) => rest,
        _ => inner.suffix,
    };
    Key { suffix, ..inner }
}

pub(crate) fn is_index(key: Key<'_>) -> bool {
    key.record.class() == RecordClass::Index
}

/// The keys that give way to the key row.
fn beside_key_row(key: Key<'_>) -> bool {
    let Key { client, scope, record, suffix } = key;
    client.is_empty()
        && scope == Scope::Client
        && record == RecordKind::Meta
        && suffix.iter().all(|byte| *byte == 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec::Vec;

    fn names() -> Names {
        Names { hash: pleach_rustcrypto::SUITES[0].hash, key: Secret::copy_from(&[7; 32]) }
    }

    fn inner(key: Key<'_>) -> KeyBuf {
        let mut buf = KeyBuf::new(KEY_ROW);
        names().inner(key, &mut buf);
        buf
    }

    /// Every short suffix of zeros and ones, in four places.
    fn keys() -> Vec<KeyBuf> {
        let mut suffixes: Vec<Vec<u8>> = std::vec![Vec::new()];
        for at in 0..15 {
            for byte in [0, 1] {
                suffixes.push([&suffixes[at][..], &[byte]].concat());
            }
        }
        let scopes = [(&b""[..], Scope::Client), (b"", Scope::Group(b"")), (b"\0", Scope::Client)];
        let mut keys = Vec::new();
        for (client, scope) in scopes {
            for record in [RecordKind::Meta, RecordKind::KeyPackage] {
                keys.extend(suffixes.iter().map(|suffix| Key { client, scope, record, suffix }.to_buf()));
            }
        }
        keys.sort();
        keys
    }

    #[test]
    fn order_stays_and_the_key_row_is_nobodys() {
        let moved: Vec<_> = keys().iter().map(|key| inner(key.as_key())).collect();
        assert!(moved.is_sorted_by(|one, two| one < two));
        assert!(moved.iter().all(|key| *key > KEY_ROW.to_buf()));
        for (key, moved) in keys().iter().zip(&moved) {
            assert_eq!(outer(moved.as_key(), b""), key.as_key());
        }
    }

    #[test]
    fn ranges_hold_the_same_rows_and_never_the_key_row() {
        let keys = keys();
        let few: Vec<&KeyBuf> = keys.iter().step_by(5).collect();
        let mut ranges = std::vec![
            KeyRange::everything(),
            KeyRange::client(b""),
            KeyRange::client(b"\0"),
            KeyRange::scope(b"", Scope::Client),
            KeyRange::scope(b"", Scope::Group(b"")),
        ];
        ranges.extend(keys.iter().map(|key| KeyRange::suffixes(key.as_key())));
        for range in ranges {
            for start in &few {
                for end in &few {
                    let (start, end) = (start.as_key(), end.as_key());
                    for range in
                        [range, range.starting_at(start), range.after(start).before(end), range.up_to(end)]
                    {
                        let mut buf = RangeBuf::default();
                        let moved = names().range(&range, &mut buf).unwrap();
                        assert!(!moved.contains(KEY_ROW.to_buf().as_bytes()), "{range:?}");
                        for key in &keys {
                            let here = moved.contains(inner(key.as_key()).as_bytes());
                            assert_eq!(here, range.contains(key.as_bytes()), "{key:?} in {range:?}");
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn index_suffixes_depend_on_the_whole_key() {
        let key = |client, group, suffix| Key::of_group(client, group, RecordKind::KeyIndex, suffix);
        let all = [
            key(b"c", b"g", b"the hash of a public key"),
            key(b"d", b"g", b"the hash of a public key"),
            key(b"c", b"h", b"the hash of a public key"),
            key(b"c", b"g", b""),
            Key::of_group(b"c", b"g", RecordKind::ClientIndex, b"the hash of a public key"),
        ];
        let mut suffixes: Vec<Vec<u8>> = all.iter().map(|key| inner(*key).as_key().suffix.to_vec()).collect();
        assert!(suffixes.iter().all(|suffix| suffix.len() == MAC));
        suffixes.sort();
        suffixes.dedup();
        assert_eq!(suffixes.len(), all.len());
        assert_eq!(outer(inner(all[0]).as_key(), all[0].suffix), all[0]);
        let range = KeyRange::suffixes(all[0]);
        assert!(matches!(names().range(&range, &mut RangeBuf::default()), Err(StorageError::Unsupported(_))));
    }
}
