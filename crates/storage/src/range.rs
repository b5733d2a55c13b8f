//! Ranges of keys: everything under a prefix, perhaps from one key on, up to another, so many at most.
//!
//! Invariant: a range with prefix P holds exactly the keys whose leading parts are P, whatever bytes they have.
//!
//! Cost: encoding copies the bounds. Not here: descending order; no record needs it.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::ops::Bound;

use crate::key::{ROOM, put_client, put_scope};
use crate::{Key, KeyBuf, RecordKind, Scope};

/// The leading parts that all keys of a range share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Prefix<'a> {
    /// The whole store.
    Everything,
    /// All rows of a client, those of its groups included.
    Client(&'a [u8]),
    /// All rows of a client in one scope: its own rows only, or those of one group.
    Scope(&'a [u8], Scope<'a>),
    /// All rows of one kind whose suffix begins with this key's suffix (which may be empty).
    Record(Key<'a>),
}

/// A contiguous range of keys, in ascending order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyRange<'a> {
    prefix: Prefix<'a>,
    start: Bound<Key<'a>>,
    end: Bound<Key<'a>>,
    limit: Option<usize>,
}

impl<'a> KeyRange<'a> {
    /// All keys with this prefix.
    #[must_use]
    pub const fn new(prefix: Prefix<'a>) -> Self {
        Self { prefix, start: Bound::Unbounded, end: Bound::Unbounded, limit: None }
    }

    /// The whole store.
    #[must_use]
    pub const fn everything() -> Self {
        Self::new(Prefix::Everything)
    }

    /// All rows of a client, those of its groups included.
    #[must_use]
    pub const fn client(client: &'a [u8]) -> Self {
        Self::new(Prefix::Client(client))
    }

    /// All rows of a client in one scope.
    #[must_use]
    pub const fn scope(client: &'a [u8], scope: Scope<'a>) -> Self {
        Self::new(Prefix::Scope(client, scope))
    }

    /// All rows of one kind in one scope.
    #[must_use]
    pub const fn records(client: &'a [u8], scope: Scope<'a>, record: RecordKind) -> Self {
        Self::new(Prefix::Record(Key { client, scope, record, suffix: &[] }))
    }

    /// All rows of one kind whose suffix begins with `key.suffix`.
    #[must_use]
    pub const fn suffixes(key: Key<'a>) -> Self {
        Self::new(Prefix::Record(key))
    }

    /// Only keys at or after `key`.
    #[must_use]
    pub const fn starting_at(mut self, key: Key<'a>) -> Self {
        self.start = Bound::Included(key);
        self
    }

    /// Only keys after `key`: the next page.
    #[must_use]
    pub const fn after(mut self, key: Key<'a>) -> Self {
        self.start = Bound::Excluded(key);
        self
    }

    /// Only keys before `key`.
    #[must_use]
    pub const fn before(mut self, key: Key<'a>) -> Self {
        self.end = Bound::Excluded(key);
        self
    }

    /// Only keys up to `key`, itself included.
    #[must_use]
    pub const fn up_to(mut self, key: Key<'a>) -> Self {
        self.end = Bound::Included(key);
        self
    }

    /// At most the first `rows` rows.
    #[must_use]
    pub const fn limit(mut self, rows: usize) -> Self {
        self.limit = Some(rows);
        self
    }

    /// What all keys share.
    #[must_use]
    pub const fn prefix(&self) -> Prefix<'a> {
        self.prefix
    }

    /// The lower bound, if one was set beside the prefix.
    #[must_use]
    pub const fn start(&self) -> Bound<Key<'a>> {
        self.start
    }

    /// The upper bound, if one was set beside the prefix.
    #[must_use]
    pub const fn end(&self) -> Bound<Key<'a>> {
        self.end
    }

    /// How many rows at most.
    #[must_use]
    pub const fn row_limit(&self) -> Option<usize> {
        self.limit
    }

    /// The kind of all rows in the range, if they share one.
    #[must_use]
    pub const fn record(&self) -> Option<RecordKind> {
        match self.prefix {
            Prefix::Record(key) => Some(key.record),
            _ => None,
        }
    }

    /// The bounds in encoded form, for engines.
    #[must_use]
    pub fn encoded(&self) -> EncodedRange {
        let mut lower = Vec::with_capacity(ROOM);
        match self.prefix {
            Prefix::Everything => {}
            Prefix::Client(client) => put_client(client, &mut lower),
            Prefix::Scope(client, scope) => {
                put_client(client, &mut lower);
                put_scope(scope, &mut lower);
            }
            Prefix::Record(key) => key.encode(&mut lower),
        }
        let mut upper = successor_of_prefix(&lower);
        if let Some(start) = lower_bound(self.start) {
            lower = lower.max(start);
        }
        if let Some(end) = upper_bound(self.end) {
            upper = Some(upper.map_or_else(|| end.clone(), |upper| upper.min(end.clone())));
        }
        EncodedRange { lower, upper, limit: self.limit }
    }

    /// Whether an encoded key lies in the range (the limit aside).
    #[must_use]
    pub fn contains(&self, encoded_key: &[u8]) -> bool {
        self.encoded().contains(encoded_key)
    }

    /// An owned copy.
    #[must_use]
    pub fn to_buf(&self) -> KeyRangeBuf {
        let buf = |bound: Bound<Key<'_>>| bound.map(|key| key.to_buf());
        let prefix = match self.prefix {
            Prefix::Everything => PrefixBuf::Everything,
            Prefix::Client(client) => PrefixBuf::Client(client.into()),
            // The kind and suffix are not used: a key is the handiest owner of a client and a scope.
            Prefix::Scope(client, scope) => {
                PrefixBuf::Scope(KeyBuf::new(Key { client, scope, record: RecordKind::Meta, suffix: &[] }))
            }
            Prefix::Record(key) => PrefixBuf::Record(key.to_buf()),
        };
        KeyRangeBuf { prefix, start: buf(self.start), end: buf(self.end), limit: self.limit }
    }
}

/// An owned [`KeyRange`].
#[derive(Clone, Debug)]
pub struct KeyRangeBuf {
    prefix: PrefixBuf,
    start: Bound<KeyBuf>,
    end: Bound<KeyBuf>,
    limit: Option<usize>,
}

#[derive(Clone, Debug)]
enum PrefixBuf {
    Everything,
    Client(Box<[u8]>),
    Scope(KeyBuf),
    Record(KeyBuf),
}

impl KeyRangeBuf {
    /// The borrowed form.
    #[must_use]
    pub fn as_range(&self) -> KeyRange<'_> {
        let prefix = match &self.prefix {
            PrefixBuf::Everything => Prefix::Everything,
            PrefixBuf::Client(client) => Prefix::Client(client),
            PrefixBuf::Scope(key) => Prefix::Scope(key.as_key().client, key.as_key().scope),
            PrefixBuf::Record(key) => Prefix::Record(key.as_key()),
        };
        KeyRange {
            prefix,
            start: self.start.as_ref().map(KeyBuf::as_key),
            end: self.end.as_ref().map(KeyBuf::as_key),
            limit: self.limit,
        }
    }
}

impl From<KeyRange<'_>> for KeyRangeBuf {
    fn from(range: KeyRange<'_>) -> Self {
        range.to_buf()
    }
}

/// A range as an engine sees it: `lower <= key < upper`, bytewise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EncodedRange {
    /// The least key, included.
    pub lower: Vec<u8>,
    /// The first key beyond, or `None` if the range has no end.
    pub upper: Option<Vec<u8>>,
    /// At most so many rows, counted from the lower end.
    pub limit: Option<usize>,
}

impl EncodedRange {
    /// Whether no key can lie in the range. Some maps panic on bounds that cross: ask first.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.limit == Some(0) || self.upper.as_ref().is_some_and(|upper| *upper <= self.lower)
    }

    /// Whether the key lies between the bounds.
    #[must_use]
    pub fn contains(&self, key: &[u8]) -> bool {
        key >= self.lower.as_slice() && self.upper.as_ref().is_none_or(|upper| key < upper.as_slice())
    }
}

/// The least byte string greater than all that begin with `prefix`; `None` if there is none.
fn successor_of_prefix(prefix: &[u8]) -> Option<Vec<u8>> {
    let kept = prefix.iter().rposition(|byte| *byte != 0xff)?;
    let mut next = prefix.get(..=kept)?.to_vec();
    *next.last_mut()? += 1;
    Some(next)
}

fn lower_bound(bound: Bound<Key<'_>>) -> Option<Vec<u8>> {
    match bound {
        Bound::Included(key) => Some(key.to_bytes()),
        Bound::Excluded(key) => Some(just_after(key)),
        Bound::Unbounded => None,
    }
}

fn upper_bound(bound: Bound<Key<'_>>) -> Option<Vec<u8>> {
    match bound {
        Bound::Included(key) => Some(just_after(key)),
        Bound::Excluded(key) => Some(key.to_bytes()),
        Bound::Unbounded => None,
    }
}

/// Nothing sorts between a byte string and itself with a zero appended.
fn just_after(key: Key<'_>) -> Vec<u8> {
    let mut bytes = key.to_bytes();
    bytes.push(0);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;

    const HEAD: RecordKind = RecordKind::Head;

    #[test]
    fn successor() {
        assert_eq!(successor_of_prefix(b""), None);
        assert_eq!(successor_of_prefix(b"\xff\xff"), None);
        assert_eq!(successor_of_prefix(b"a\xff"), Some(b"b".to_vec()));
        assert_eq!(successor_of_prefix(b"a\x00"), Some(b"a\x01".to_vec()));
    }

    #[test]
    fn prefixes_hold_exactly_their_keys() {
        let ids: [&[u8]; 6] = [b"", b"\x00", b"\xff", b"a", b"ab", b"\xff\xff"];
        let scopes: Vec<Scope<'_>> =
            core::iter::once(Scope::Client).chain(ids.iter().map(|id| Scope::Group(id))).collect();
        let kinds = [RecordKind::Meta, HEAD, RecordKind::Application];
        let mut keys = Vec::new();
        for client in ids {
            for scope in &scopes {
                for record in kinds {
                    keys.extend(ids.map(|suffix| Key { client, scope: *scope, record, suffix }));
                }
            }
        }
        for range_key in &keys {
            let Key { client, scope, record, suffix } = *range_key;
            for key in &keys {
                let bytes = key.to_bytes();
                let same_client = key.client == client;
                let same_scope = same_client && key.scope == scope;
                let same_kind = same_scope && key.record == record;
                assert_eq!(KeyRange::client(client).contains(&bytes), same_client);
                assert_eq!(KeyRange::scope(client, scope).contains(&bytes), same_scope);
                assert_eq!(KeyRange::records(client, scope, record).contains(&bytes), same_kind);
                let with_suffix = same_kind && key.suffix.starts_with(suffix);
                assert_eq!(KeyRange::suffixes(*range_key).contains(&bytes), with_suffix);
                assert!(KeyRange::everything().contains(&bytes));
            }
        }
    }

    #[test]
    fn bounds_are_clipped_to_the_prefix() {
        let key = |suffix| Key::of_group(b"c", b"g", HEAD, suffix);
        let all = KeyRange::suffixes(key(b"b"));
        let foreign_low = Key::of_client(b"", RecordKind::Meta, b"");
        let foreign_high = Key::of_client(b"zz", RecordKind::Meta, b"");
        assert_eq!(all.starting_at(foreign_low).before(foreign_high).encoded(), all.encoded());
        assert!(all.starting_at(foreign_high).encoded().is_empty());
        assert!(all.before(foreign_low).encoded().is_empty());
        assert!(all.limit(0).encoded().is_empty());

        let page = all.after(key(b"b1")).up_to(key(b"b3"));
        let inside: Vec<bool> = [b"b1", b"b2", b"b3", b"b4"]
            .iter()
            .map(|suffix| page.contains(&key(*suffix).to_bytes()))
            .collect();
        assert_eq!(inside, vec![false, true, true, false]);
    }

    #[test]
    fn owned_ranges_are_equal() {
        let key = Key::of_group(b"c", b"g", HEAD, b"s");
        let ranges = [
            KeyRange::everything(),
            KeyRange::client(b"c"),
            KeyRange::scope(b"c", Scope::Client),
            KeyRange::scope(b"c", Scope::Group(b"g")).after(key).limit(3),
            KeyRange::suffixes(key).starting_at(key).before(key),
        ];
        for range in ranges {
            assert_eq!(range.to_buf().as_range(), range);
        }
    }
}
