//! Keys and their encoding.
//!
//! ```text
//! varint(|client|) client | 0x00 or 0x01 varint(|group|) group | kind | suffix
//! ```
//!
//! `varint` is the minimal QUIC integer (RFC 9000 §16), which RFC 9420 §2.1.2 uses too. Every part but the last is
//! prefix-free, so decoding is unambiguous and all keys that share leading parts are neighbours in bytewise order.
//! Clients and groups sort by length, then bytewise; kinds by number; suffixes bytewise.
//!
//! Invariants: `decode(encode(k)) == k`, and nothing else decodes to `k`.
//!
//! Cost: one copy. Not here: ranges (see [`KeyRange`](crate::KeyRange)).

use alloc::vec::Vec;
use core::cmp::Ordering;
use core::fmt;
use core::hash::{Hash, Hasher};
use core::ops::Range;

use crate::{RecordKind, StorageError};

/// Whether a row belongs to a client as a whole or to one of its groups.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scope<'a> {
    /// A row of the client itself. It outlives every group.
    Client,
    /// A row of the group with this group id.
    Group(&'a [u8]),
}

/// The name of a row. Compare keys by their encodings.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Key<'a> {
    /// The client (identity) that owns the row; empty for rows of the store itself.
    pub client: &'a [u8],
    /// The client or one of its groups.
    pub scope: Scope<'a>,
    /// What kind of row it is.
    pub record: RecordKind,
    /// Which of its kind; may be empty. Never a secret.
    pub suffix: &'a [u8],
}

impl<'a> Key<'a> {
    /// A row of a client.
    #[must_use]
    pub const fn of_client(client: &'a [u8], record: RecordKind, suffix: &'a [u8]) -> Self {
        Self { client, scope: Scope::Client, record, suffix }
    }

    /// A row of a group.
    #[must_use]
    pub const fn of_group(client: &'a [u8], group: &'a [u8], record: RecordKind, suffix: &'a [u8]) -> Self {
        Self { client, scope: Scope::Group(group), record, suffix }
    }

    /// Appends the encoding.
    pub fn encode(&self, out: &mut Vec<u8>) {
        put_client(self.client, out);
        put_scope(self.scope, out);
        out.push(self.record.number());
        out.extend_from_slice(self.suffix);
    }

    /// The encoding.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.encoded_len());
        self.encode(&mut out);
        out
    }

    /// The encoding at the beginning of `room`; `None` if it is longer than that.
    #[must_use]
    pub fn encode_to<'r>(&self, room: &'r mut [u8]) -> Option<&'r [u8]> {
        let length = self.encoded_len();
        let mut rest = room.get_mut(..length)?;
        put_client(self.client, &mut rest);
        put_scope(self.scope, &mut rest);
        rest.put(&[self.record.number()]);
        rest.put(self.suffix);
        room.get(..length)
    }

    /// Passes the encoding on, made without memory of its own if it is as short as keys are: that of a client and a group with
    /// ids of 32.
    pub fn with_encoded<T>(&self, then: impl FnOnce(&[u8]) -> T) -> T {
        let mut room = [0; ROOM];
        match self.encode_to(&mut room) {
            Some(encoded) => then(encoded),
            None => then(&self.to_bytes()),
        }
    }

    /// The length of the encoding.
    #[must_use]
    pub fn encoded_len(&self) -> usize {
        let vector = |bytes: &[u8]| length_width(bytes.len()) + bytes.len();
        vector(self.client) + 2 + self.group().map_or(0, vector) + self.suffix.len()
    }

    /// Reads an encoding.
    ///
    /// # Errors
    /// [`StorageError::Corrupt`] if it is truncated, not minimal, or of a kind this version does not know.
    pub fn decode(bytes: &'a [u8]) -> Result<Self, StorageError> {
        let mut rest = bytes;
        let client = decode_vector(&mut rest)?;
        let scope = match decode_byte(&mut rest)? {
            CLIENT_SCOPE => Scope::Client,
            GROUP_SCOPE => Scope::Group(decode_vector(&mut rest)?),
            _ => return Err(StorageError::corrupt_key("unknown scope")),
        };
        let record = RecordKind::from_number(decode_byte(&mut rest)?)
            .ok_or(StorageError::corrupt_key("unknown record kind"))?;
        Ok(Self { client, scope, record, suffix: rest })
    }

    /// An owned copy.
    #[must_use]
    pub fn to_buf(&self) -> KeyBuf {
        KeyBuf::new(*self)
    }

    /// The group id, if this is a row of a group.
    #[must_use]
    pub const fn group(&self) -> Option<&'a [u8]> {
        match self.scope {
            Scope::Group(group) => Some(group),
            Scope::Client => None,
        }
    }
}

/// An epoch, a kind and an index, or a hash.
const SUFFIX_ROOM: usize = 16;

/// Octets for an encoding: two ids of 32 and a suffix that is a hash.
pub(crate) const ROOM: usize = 128;

/// An owned [`Key`], kept in its encoding. Ordered as engines order rows.
#[derive(Clone)]
pub struct KeyBuf {
    bytes: Vec<u8>,
    client: Range<usize>,
    group: Option<Range<usize>>,
    record: RecordKind,
}

impl KeyBuf {
    /// Encodes `key`.
    #[must_use]
    pub fn new(key: Key<'_>) -> Self {
        let bytes = Vec::with_capacity(key.encoded_len() + SUFFIX_ROOM);
        let mut this = Self { bytes, client: 0..0, group: None, record: key.record };
        this.write(key);
        this
    }

    /// Replaces the key, reusing the memory.
    pub fn set(&mut self, key: Key<'_>) {
        let now = self.as_key();
        let is_other = (now.client, now.scope, now.record) != (key.client, key.scope, key.record);
        if !is_other && !self.bytes.is_empty() {
            // Rows of one kind come one after the other.
            let before = self.bytes.len() - now.suffix.len();
            self.bytes.truncate(before);
            self.bytes.extend_from_slice(key.suffix);
            return;
        }
        self.bytes.clear();
        // At once, with room for the rest of a suffix that is made piece by piece.
        self.bytes.reserve(key.encoded_len() + SUFFIX_ROOM);
        self.write(key);
    }

    /// Writes a key into the buffer, which is empty.
    fn write(&mut self, key: Key<'_>) {
        put_client(key.client, &mut self.bytes);
        self.client = self.bytes.len() - key.client.len()..self.bytes.len();
        put_scope(key.scope, &mut self.bytes);
        self.group = key.group().map(|group| self.bytes.len() - group.len()..self.bytes.len());
        self.bytes.push(key.record.number());
        self.record = key.record;
        self.bytes.extend_from_slice(key.suffix);
    }

    /// Appends to the suffix.
    pub fn push_suffix(&mut self, more: &[u8]) {
        self.bytes.extend_from_slice(more);
    }

    /// Reads an encoding.
    ///
    /// # Errors
    /// As [`Key::decode`].
    pub fn decode(bytes: &[u8]) -> Result<Self, StorageError> {
        Ok(Self::new(Key::decode(bytes)?))
    }

    /// The borrowed form.
    #[must_use]
    pub fn as_key(&self) -> Key<'_> {
        // Scope byte and kind byte follow the client, with the group between them.
        let kind_at = self.group.as_ref().map_or(self.client.end + 1, |group| group.end);
        Key {
            client: self.slice(self.client.clone()),
            scope: self.group.clone().map_or(Scope::Client, |group| Scope::Group(self.slice(group))),
            record: self.record,
            suffix: self.slice(kind_at + 1..self.bytes.len()),
        }
    }

    /// The encoding.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The encoding without the suffix, and the suffix.
    #[must_use]
    pub fn split_suffix(&self) -> (&[u8], &[u8]) {
        let before = self.bytes.len() - self.as_key().suffix.len();
        self.bytes.split_at_checked(before).unwrap_or((&self.bytes, &[]))
    }

    /// The kind of row.
    #[must_use]
    pub const fn record(&self) -> RecordKind {
        self.record
    }

    fn slice(&self, range: Range<usize>) -> &[u8] {
        self.bytes.get(range).unwrap_or_default()
    }
}

impl From<Key<'_>> for KeyBuf {
    fn from(key: Key<'_>) -> Self {
        Self::new(key)
    }
}

impl PartialEq for KeyBuf {
    fn eq(&self, other: &Self) -> bool {
        self.bytes == other.bytes
    }
}
impl Eq for KeyBuf {}
impl PartialOrd for KeyBuf {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for KeyBuf {
    fn cmp(&self, other: &Self) -> Ordering {
        self.bytes.cmp(&other.bytes)
    }
}
impl Hash for KeyBuf {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.bytes.hash(state);
    }
}

struct Hex<'a>(&'a [u8]);
impl fmt::Debug for Hex<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Scope<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Client => f.write_str("Client"),
            Self::Group(group) => f.debug_tuple("Group").field(&Hex(group)).finish(),
        }
    }
}
impl fmt::Debug for Key<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { client, scope, record, suffix } = self;
        write!(f, "{record}({:?}, {scope:?}, {:?})", Hex(client), Hex(suffix))
    }
}
impl fmt::Debug for KeyBuf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_key().fmt(f)
    }
}

const CLIENT_SCOPE: u8 = 0x00;
const GROUP_SCOPE: u8 = 0x01;

/// What octets are put into.
pub(crate) trait Sink {
    fn put(&mut self, octets: &[u8]);
}

impl Sink for Vec<u8> {
    fn put(&mut self, octets: &[u8]) {
        self.extend_from_slice(octets);
    }
}

/// The rest of a room that is large enough.
impl Sink for &mut [u8] {
    fn put(&mut self, octets: &[u8]) {
        if let Some((place, rest)) = core::mem::take(self).split_at_mut_checked(octets.len()) {
            place.copy_from_slice(octets);
            *self = rest;
        }
    }
}

pub(crate) fn put_client(client: &[u8], out: &mut impl Sink) {
    put_length(client.len(), out);
    out.put(client);
}

pub(crate) fn put_scope(scope: Scope<'_>, out: &mut impl Sink) {
    match scope {
        Scope::Client => out.put(&[CLIENT_SCOPE]),
        Scope::Group(group) => {
            out.put(&[GROUP_SCOPE]);
            put_length(group.len(), out);
            out.put(group);
        }
    }
}

/// Two bits of size, then the value; no slice reaches 2^62 bytes, so every length fits.
fn put_length(length: usize, out: &mut impl Sink) {
    if let Ok(short @ 0..=0x3f) = u8::try_from(length) {
        return out.put(&[short]);
    }
    let width = length_width(length);
    let tag = u64::from(width.trailing_zeros());
    let tagged = (tag << (8 * width - 2)) | length as u64;
    out.put(tagged.to_be_bytes().get(8 - width..).unwrap_or_default());
}

const fn length_width(length: usize) -> usize {
    match length as u64 {
        0..=0x3f => 1,
        0x40..=0x3fff => 2,
        0x4000..=0x3fff_ffff => 4,
        _ => 8,
    }
}

fn decode_byte(rest: &mut &[u8]) -> Result<u8, StorageError> {
    let (first, tail) = rest.split_first().ok_or(StorageError::corrupt_key("truncated key"))?;
    *rest = tail;
    Ok(*first)
}

fn decode_vector<'a>(rest: &mut &'a [u8]) -> Result<&'a [u8], StorageError> {
    let first = decode_byte(rest)?;
    let width = 1_usize << (first >> 6);
    let mut length = u64::from(first & 0x3f);
    for _ in 1..width {
        length = (length << 8) | u64::from(decode_byte(rest)?);
    }
    let minimal = match width {
        1 => 0,
        2 => 0x40,
        4 => 0x4000,
        _ => 0x4000_0000,
    };
    if length < minimal {
        return Err(StorageError::corrupt_key("length not minimal"));
    }
    let split = usize::try_from(length).ok().and_then(|length| rest.split_at_checked(length));
    let (vector, tail) = split.ok_or(StorageError::corrupt_key("truncated key"))?;
    *rest = tail;
    Ok(vector)
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;
    use std::format;

    fn samples() -> Vec<KeyBuf> {
        let ids: Vec<Vec<u8>> = vec![
            vec![],
            vec![0],
            vec![0xff],
            vec![0xff, 0xff],
            b"alice".to_vec(),
            vec![7; 63],
            vec![7; 64],
            // Around the room of an encoding that is made without memory of its own.
            vec![7; ROOM - 6],
            vec![7; ROOM - 5],
            vec![7; ROOM - 4],
            vec![0; 0x4000],
        ];
        let mut keys = Vec::new();
        for client in &ids {
            for group in core::iter::once(None).chain(ids.iter().map(Some)) {
                let scope = group.map_or(Scope::Client, |group| Scope::Group(group));
                for record in [RecordKind::Meta, RecordKind::Head, RecordKind::Application] {
                    for suffix in [&b""[..], b"\x00", b"\xff", b"\xff\xff"] {
                        keys.push(Key { client, scope, record, suffix }.to_buf());
                    }
                }
            }
        }
        keys
    }

    #[test]
    fn a_key_buffer_takes_any_key_after_any_other() {
        let keys = samples();
        let mut buffer = KeyBuf::new(Key::of_client(b"", RecordKind::Meta, b""));
        for key in keys.iter().chain(keys.iter().rev().step_by(7)).chain(keys.iter().step_by(5)) {
            buffer.set(key.as_key());
            assert!(buffer.as_bytes() == key.as_bytes() && buffer.as_key() == key.as_key(), "{key:?}");
        }
    }

    #[test]
    fn round_trip_and_injective() {
        let keys = samples();
        for key in &keys {
            assert_eq!(Key::decode(key.as_bytes()).unwrap(), key.as_key());
            assert_eq!(key.as_key().to_bytes(), key.as_bytes());
            assert_eq!(key.as_key().encoded_len(), key.as_bytes().len());
            let mut room = vec![7; key.as_bytes().len() + 1];
            assert_eq!(key.as_key().encode_to(&mut room), Some(key.as_bytes()));
            assert_eq!(key.as_key().encode_to(&mut room[2..]), None);
            assert!(key.as_key().with_encoded(|encoded| encoded == key.as_bytes()));
            let (before, suffix) = key.split_suffix();
            assert_eq!(suffix, key.as_key().suffix);
            assert_eq!(before, Key { suffix: &[], ..key.as_key() }.to_bytes());
        }
        let mut sorted = keys.clone();
        sorted.sort();
        sorted.dedup();
        assert_eq!(sorted.len(), keys.len());
    }

    #[test]
    fn golden() {
        let key = Key::of_group(b"al", b"tea", RecordKind::TreeNode, &[0, 0, 0, 5]);
        assert_eq!(key.to_bytes(), b"\x02al\x01\x03tea\x20\x00\x00\x00\x05");
        assert_eq!(Key::of_client(b"al", RecordKind::Meta, b"x").to_bytes(), b"\x02al\x00\x01x");
        assert_eq!(&Key::of_client(&[1; 64], RecordKind::Meta, b"").to_bytes()[..3], b"\x40\x40\x01");
        assert_eq!(format!("{key:?}"), "TreeNode(616c, Group(746561), 00000005)");
    }

    #[test]
    fn bad_keys_are_refused() {
        let bad: [&[u8]; 9] = [
            b"",
            b"\x01",
            b"\x00",
            b"\x00\x02\x10",
            b"\x00\x00",
            b"\x00\x00\xff",
            b"\x40\x00\x00\x10",
            b"\x00\x01\x02a",
            b"\xff\xff\xff\xff\xff\xff\xff\xff\x00\x10",
        ];
        for bytes in bad {
            assert!(matches!(Key::decode(bytes), Err(StorageError::Corrupt { .. })), "{bytes:?}");
        }
    }

    /// What decodes is what encodes to it, byte for byte: there is no second encoding of a key.
    fn is_canonical_or_refused(bytes: &[u8]) -> bool {
        match Key::decode(bytes) {
            Ok(key) => {
                assert_eq!(key.to_bytes(), bytes, "{key:?}");
                assert_eq!(KeyBuf::decode(bytes).unwrap().as_key(), key);
                true
            }
            Err(StorageError::Corrupt { .. }) => false,
            Err(error) => panic!("{bytes:02x?}: {error}"),
        }
    }

    #[test]
    fn every_short_string_is_canonical_or_refused() {
        let mut taken = 0;
        for length in 0..=3 {
            for number in 0..1_u32 << (8 * length) {
                taken += u32::from(is_canonical_or_refused(&number.to_be_bytes()[4 - length..]));
            }
        }
        // Three bytes are no client, the client's scope and a kind, and nothing shorter is a key.
        assert_eq!(taken, RecordKind::ALL.len() as u32);
    }

    #[test]
    fn damaged_keys_are_canonical_or_refused() {
        // SplitMix64.
        let mut state = 7_u64;
        let mut random = |below: usize| {
            state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
            let z = (state ^ (state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
            ((z ^ (z >> 27)) % below as u64) as usize
        };
        let mut taken = 0;
        for key in samples().iter().filter(|key| key.as_bytes().len() < 300) {
            for _ in 0..200 {
                let mut bytes = key.as_bytes().to_vec();
                let at = random(bytes.len());
                match random(4) {
                    0 => bytes[at] ^= 1 << random(8),
                    1 => bytes[at] = random(256) as u8,
                    2 => bytes.truncate(at),
                    _ => bytes.insert(at, random(256) as u8),
                }
                taken += usize::from(is_canonical_or_refused(&bytes));
            }
        }
        assert!(taken > 1000, "{taken}");
    }

    #[test]
    fn buffers_are_reusable() {
        let mut buf = KeyBuf::new(Key::of_group(b"alice", b"group", RecordKind::Head, b"long suffix"));
        let other = Key::of_client(b"b", RecordKind::Meta, b"s");
        buf.set(other);
        assert_eq!(buf.as_key(), other);
        buf.push_suffix(b"t");
        assert_eq!(buf.as_key().suffix, b"st");
        assert_eq!(buf.record(), RecordKind::Meta);
    }
}
