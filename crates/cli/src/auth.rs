//! Trust on first use: the first key that a name comes with is pinned; another one is refused.
//!
//! A pin is a row (name, signature key) of this store. A name has one current key for each signature scheme, told apart
//! by the length of its keys, because a ReInit may lead to a suite with another scheme. A member may replace its own key
//! by a Commit or Update, which the old key signs: then the new key is pinned as current, and the old one serves only to
//! recognise the member in groups that still have it. Everything else is refused, with both fingerprints.
//!
//! What [`Trust`] learns is kept in memory until [`Trust::save`]: input that fails later pins nothing.
//!
//! Not here: certificates. This command's identities are names (basic credentials), and it refuses others.

use pleach::storage::{Key, KeyRange, RecordKind, Storage, StorageError, VecBatch};
use pleach::wire::{Credential, LeafIndex};
use pleach::{AuthDecision, AuthService, CredentialReason, CredentialRequest};
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::exit::Failure;
use crate::store::Store;
use crate::text;

const PIN: &[u8] = b"pin";
/// The value of a row: version, format, whether the key is the current one.
const CURRENT: [u8; 10] = [0, 0, 0, 0, 0, 0, 0, 0, 1, 1];
const RETIRED: [u8; 10] = [0, 0, 0, 0, 0, 0, 0, 0, 1, 0];

/// A name and a key of it.
type Pin = (Vec<u8>, Vec<u8>);

/// The pins of a store, and what was learned since it was opened.
#[derive(Debug)]
pub(crate) struct Trust {
    pins: Mutex<Pins>,
}

#[derive(Debug)]
struct Pins {
    /// Who we are: nobody else may be.
    own_name: Vec<u8>,
    own_keys: Vec<Vec<u8>>,
    /// Whether each key is current.
    all: BTreeMap<Pin, bool>,
    /// What is not in the store yet.
    learned: Vec<Pin>,
    /// Who was accepted for which leaf of which group: a commit that is not merged names nobody else.
    coming: BTreeMap<(Vec<u8>, LeafIndex), Vec<u8>>,
}

impl Trust {
    /// Reads the pins.
    pub(crate) fn load(store: &Store, own_keys: Vec<Vec<u8>>) -> Result<Self, Failure> {
        let mut all = BTreeMap::new();
        let range = Key::of_client(&store.name, RecordKind::Application, PIN);
        store.storage.scan(&KeyRange::suffixes(range), &mut |row| {
            let pin =
                decode(row.key.suffix).ok_or(StorageError::corrupt(RecordKind::Application, "a pin"))?;
            all.insert(pin, row.value == CURRENT);
            Ok(())
        })?;
        let own_name = store.name.clone();
        Ok(Self {
            pins: Mutex::new(Pins { own_name, own_keys, all, learned: Vec::new(), coming: BTreeMap::new() }),
        })
    }

    /// Stores what was learned, and says it in lines.
    pub(crate) fn save(&self, store: &Store) -> Result<Vec<String>, Failure> {
        let mut pins = self.pins();
        let learned = std::mem::take(&mut pins.learned);
        let mut batch = VecBatch::new();
        let mut lines = Vec::new();
        for (name, key) in &learned {
            let earlier: Vec<&Pin> = pins
                .all
                .keys()
                .filter(|pin| pin.0 == *name && pin.1.len() == key.len() && pin.1 != *key)
                .collect();
            let verb = match earlier.is_empty() {
                false => "pinned the new key of",
                true if pins.all.keys().any(|pin| pin.0 == *name && pin.1.len() != key.len()) => {
                    "pinned, for another signature scheme,"
                }
                true => "pinned",
            };
            lines.push(format!("{verb} {}: {}", text::show(name), text::fingerprint(key)));
            for (name, key) in earlier {
                batch.put(row_key(store, &suffix(name, key)), RETIRED.to_vec());
            }
            batch.put(row_key(store, &suffix(name, key)), CURRENT.to_vec());
        }
        if !batch.is_empty() {
            store.storage.apply(&mut batch)?;
        }
        Ok(lines)
    }

    /// Every pin: name, key, whether it is current.
    pub(crate) fn all(&self) -> Vec<(Vec<u8>, Vec<u8>, bool)> {
        self.pins().all.iter().map(|((name, key), current)| (name.clone(), key.clone(), *current)).collect()
    }

    /// Forgets a name, and says how many keys it had.
    pub(crate) fn forget(store: &Store, name: &[u8]) -> Result<usize, Failure> {
        let trust = Self::load(store, Vec::new())?;
        let mut batch = VecBatch::new();
        let mut count = 0;
        for (of, key, _) in trust.all() {
            if of == name {
                batch.erase(row_key(store, &suffix(&of, &key)));
                count += 1;
            }
        }
        store.storage.apply(&mut batch)?;
        Ok(count)
    }

    /// Those who would come into this group by what was checked in this call, by their leaves.
    pub(crate) fn coming(&self, group_id: &[u8]) -> Vec<(LeafIndex, Vec<u8>)> {
        let pins = self.pins();
        let of_group = pins.coming.iter().filter(|((group, _), _)| group == group_id);
        of_group.map(|((_, leaf), name)| (*leaf, name.clone())).collect()
    }

    fn pins(&self) -> MutexGuard<'_, Pins> {
        self.pins.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl AuthService for Trust {
    fn validate(&self, request: &CredentialRequest<'_>) -> AuthDecision {
        let Credential::Basic { identity } = request.new else {
            return AuthDecision::deny("only names (basic credentials) are known here");
        };
        let old = match request.old {
            Some((Credential::Basic { identity }, key)) => Some((&**identity, key)),
            _ => None,
        };
        let mut pins = self.pins();
        let verdict = pins.decide(request.reason, identity, request.signature_key, old);
        if let (CredentialReason::Add | CredentialReason::ExternalCommit, Some(leaf), Ok(())) =
            (request.reason, request.leaf, &verdict)
        {
            pins.coming.insert((request.group_id.to_vec(), leaf), identity.to_vec());
        }
        verdict.err().map_or(AuthDecision::Accept, AuthDecision::deny)
    }

    fn client_id(&self, credential: &Credential, _signature_key: &[u8]) -> Vec<u8> {
        match credential {
            Credential::Basic { identity } => identity.to_vec(),
            // Refused by `validate`; never equal to a name, which is no encoded credential.
            other => pleach::wire::encode(other).unwrap_or_default(),
        }
    }
}

impl Pins {
    /// Accepts, and learns; or says why not. `old` is the name and key that the member had so far.
    fn decide(
        &mut self,
        reason: CredentialReason,
        name: &[u8],
        key: &[u8],
        old: Option<(&[u8], &[u8])>,
    ) -> Result<(), String> {
        if name == self.own_name {
            let own = self.own_keys.iter().any(|own| own == key);
            return if own {
                Ok(())
            } else {
                Err(format!("somebody else calls themselves {}", text::show(name)))
            };
        }
        let of_scheme = |(pin, current): (&Pin, &bool)| {
            (pin.0 == name && pin.1.len() == key.len()).then(|| (pin.1.clone(), *current))
        };
        let known: Vec<(Vec<u8>, bool)> = self.all.iter().filter_map(of_scheme).collect();
        if known.is_empty() {
            self.learn(name, key);
            return Ok(());
        }
        let own_change = matches!(reason, CredentialReason::Commit | CredentialReason::Update);
        match known.iter().find(|(pinned, _)| pinned == key) {
            Some((_, true)) => return Ok(()),
            // A key that was replaced still stands in trees that were not told.
            Some((_, false)) if own_change || reason == CredentialReason::JoinedTree => return Ok(()),
            Some((_, false)) => {
                return Err(format!(
                    "{} comes with a key that it has replaced: {}",
                    text::show(name),
                    text::fingerprint(key)
                ));
            }
            None => {}
        }
        // The library has checked that the old key signed this change (RFC 9420 §5.3.1, R031).
        if let Some((old_name, old_key)) = old
            && own_change
            && old_name == name
            && known.iter().any(|(pinned, _)| pinned == old_key)
        {
            self.learn(name, key);
            return Ok(());
        }
        let pinned = known.iter().find(|(_, current)| *current).map_or(&[][..], |(pinned, _)| pinned);
        Err(format!(
            "the key of {name} is {new}, but {pinned} is pinned; if {name} confirms the new one, `pleach trust --forget {name}`",
            name = text::show(name),
            new = text::fingerprint(key),
            pinned = text::fingerprint(pinned),
        ))
    }

    fn learn(&mut self, name: &[u8], key: &[u8]) {
        for ((of, other), current) in &mut self.all {
            if of == name && other.len() == key.len() {
                *current = false;
            }
        }
        let pin = (name.to_vec(), key.to_vec());
        self.all.insert(pin.clone(), true);
        self.learned.push(pin);
    }
}

fn row_key<'a>(store: &'a Store, suffix: &'a [u8]) -> Key<'a> {
    Key::of_client(&store.name, RecordKind::Application, suffix)
}

/// `pin`, the name after its length, the key.
fn suffix(name: &[u8], key: &[u8]) -> Vec<u8> {
    let length = u32::try_from(name.len()).unwrap_or(u32::MAX).to_be_bytes();
    [PIN, &length, name, key].concat()
}

fn decode(suffix: &[u8]) -> Option<Pin> {
    let (length, rest) = suffix.strip_prefix(PIN)?.split_at_checked(4)?;
    let length = u32::from_be_bytes(length.try_into().ok()?);
    let (name, key) = rest.split_at_checked(usize::try_from(length).ok()?)?;
    Some((name.to_vec(), key.to_vec()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pins() -> Pins {
        Pins {
            own_name: b"me".to_vec(),
            own_keys: vec![vec![9; 32]],
            all: BTreeMap::new(),
            learned: Vec::new(),
            coming: BTreeMap::new(),
        }
    }

    fn ask(
        pins: &mut Pins,
        reason: CredentialReason,
        name: &str,
        key: &[u8],
        old: Option<&[u8]>,
    ) -> Result<(), String> {
        pins.decide(reason, name.as_bytes(), key, old.map(|old| (name.as_bytes(), old)))
    }

    #[test]
    fn first_use_pins_and_only_the_old_key_can_replace() {
        use CredentialReason as Why;
        let mut pins = pins();
        let (one, two, three, long) = ([1; 32], [2; 32], [3; 32], [4; 57]);
        ask(&mut pins, Why::Add, "bob", &one, None).unwrap();
        ask(&mut pins, Why::Add, "bob", &one, None).unwrap();
        ask(&mut pins, Why::Add, "bob", &long, None).unwrap();
        assert_eq!(pins.learned.len(), 2);
        // Another key, whatever way it comes.
        for why in [Why::Add, Why::JoinedTree, Why::ExternalCommit, Why::ExternalSender] {
            ask(&mut pins, why, "bob", &two, None).unwrap_err();
        }
        ask(&mut pins, Why::ExternalCommit, "bob", &two, Some(&one)).unwrap_err();
        ask(&mut pins, Why::Commit, "bob", &two, Some(&three)).unwrap_err();
        // By the old key.
        ask(&mut pins, Why::Commit, "bob", &two, Some(&one)).unwrap();
        ask(&mut pins, Why::JoinedTree, "bob", &one, None).unwrap();
        ask(&mut pins, Why::Add, "bob", &one, None).unwrap_err();
        ask(&mut pins, Why::Add, "bob", &two, None).unwrap();
        // Ourselves.
        ask(&mut pins, Why::JoinedTree, "me", &[9; 32], None).unwrap();
        ask(&mut pins, Why::Add, "me", &one, None).unwrap_err();
    }

    #[test]
    fn pins_survive_encoding() {
        let suffix = suffix(b"alice", &[7; 32]);
        assert_eq!(decode(&suffix), Some((b"alice".to_vec(), vec![7; 32])));
        assert_eq!(decode(&suffix[..10]), None);
    }
}
