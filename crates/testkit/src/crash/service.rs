//! The delivery service, and the members that live on: bob, who founded the group, carol, and guests that come and go.
//!
//! One log, in one order; of the commits of an epoch the first counts. Every message is processed by every member at once,
//! so that whatever a killed process left behind is read by others before it lives again.

use super::audit::Auditor;
use super::child::build;
use super::{GROUP, Outcome, VICTIM, at};
use pleach::wire::{ContentType, LeafIndex, MlsMessage, MlsMessageBody, decode};
use pleach::{Client, Group, LeafUpdate, Received};
use pleach_rustcrypto::SystemRandom;
use pleach_storage_memory::MemoryStorage;
use std::collections::{BTreeMap, BTreeSet};

/// So many epochs late, an application message is still taken: fewer than members keep.
const LATE: u64 = 2;

/// A member that lives on.
struct Peer {
    name: String,
    store: MemoryStorage,
    group: Group,
    since: u64,
}

/// What became of a message that the child released.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It is in the log, and everyone has it.
    Accepted,
    /// It was before.
    Known,
    /// It is of an epoch that is over.
    Refused,
}

/// The log and its readers.
pub struct Service {
    peers: Vec<Peer>,
    log: Vec<Vec<u8>>,
    /// What the child released and the log has.
    seen: BTreeSet<Vec<u8>>,
    /// What the child must read, by its number in the log.
    texts: BTreeMap<u64, Vec<u8>>,
    /// The child's own numbers, of messages that arrived.
    arrived: BTreeSet<u64>,
    auditor: Auditor,
    guest: Option<(Client, MemoryStorage)>,
    guests: u64,
    sent: u64,
}

impl std::fmt::Debug for Service {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Service").field("log", &self.log.len()).field("epoch", &self.epoch()).finish()
    }
}

fn member(name: &str) -> Outcome<(Client, MemoryStorage)> {
    let suite = &pleach_rustcrypto::SUITES[0];
    let keys = suite.signature.generate_key_pair(&SystemRandom).map_err(at("a key"))?;
    let signer = suite.signature.load_signer(&keys.private).map_err(at("a signer"))?;
    let store = MemoryStorage::new();
    Ok((build(name, store.clone(), signer)?, store))
}

impl Service {
    /// The group, with the victim in it if it is given.
    ///
    /// # Errors
    /// Those of the library.
    pub fn new(victim: Option<&Client>) -> Outcome<Self> {
        let ((bob, store), (carol, carols)) = (member("bob")?, member("carol")?);
        let mut group = bob.create_group(GROUP).map_err(at("creating"))?;
        let mut add = group.commit().add(carol.key_package().map_err(at("a key package"))?);
        if let Some(victim) = victim {
            add = add.add(victim.key_package().map_err(at("a key package"))?);
        }
        let add = add.build().map_err(at("adding"))?;
        group.merge(&add).map_err(at("merging"))?;
        let welcome = add.welcome().ok_or("no Welcome")?;
        let join = |client: &Client| client.join(welcome)?.accept();
        let joined = join(&carol).map_err(at("joining"))?;
        if let Some(victim) = victim {
            join(victim).map_err(at("joining"))?;
        }
        let peer = |name: &str, store, group| Peer { name: name.to_owned(), store, group, since: 1 };
        let mut service = Self {
            peers: vec![peer("bob", store, group), peer("carol", carols, joined)],
            log: Vec::new(),
            seen: BTreeSet::new(),
            texts: BTreeMap::new(),
            arrived: BTreeSet::new(),
            auditor: Auditor::new(pleach_rustcrypto::SUITES[0]),
            guest: None,
            guests: 0,
            sent: 0,
        };
        service.entered()?;
        Ok(service)
    }

    /// The epoch that everyone is in.
    #[must_use]
    pub fn epoch(&self) -> u64 {
        self.peers.first().map_or(0, |peer| peer.group.epoch())
    }

    /// Who ought to agree with the child: the epoch and its authenticator.
    ///
    /// # Errors
    /// If the members do not agree among themselves.
    pub fn state(&self) -> Outcome<(u64, Vec<u8>)> {
        let of = |peer: &Peer| -> Outcome<(u64, Vec<u8>)> {
            let authenticator = peer.group.epoch_authenticator().map_err(at("the authenticator"))?;
            Ok((peer.group.epoch(), authenticator.as_bytes().to_vec()))
        };
        let states = self.peers.iter().map(of).collect::<Outcome<Vec<_>>>()?;
        let first = states.first().cloned().ok_or("nobody is there")?;
        if states.iter().all(|state| *state == first) { Ok(first) } else { Err("the group is forked".into()) }
    }

    /// The log from here on.
    #[must_use]
    pub fn log(&self, from: u64) -> Vec<(u64, Vec<u8>)> {
        (0..).zip(&self.log).skip(from as usize).map(|(number, bytes)| (number, bytes.clone())).collect()
    }

    /// What the child must have read once it has the whole log.
    #[must_use]
    pub const fn texts(&self) -> &BTreeMap<u64, Vec<u8>> {
        &self.texts
    }

    /// The numbers of the child's messages that arrived.
    #[must_use]
    pub const fn arrived(&self) -> &BTreeSet<u64> {
        &self.arrived
    }

    /// How many generations the child used, that anybody knows of.
    #[must_use]
    pub fn generations(&self) -> usize {
        self.auditor.generations()
    }

    /// A message that left the child, wherever it goes from there.
    ///
    /// # Errors
    /// If its generation was used before.
    pub fn left(&mut self, message: &[u8]) -> Outcome<()> {
        self.auditor.left(message)
    }

    /// Takes a message of the child.
    ///
    /// # Errors
    /// If it reuses a generation, or a member cannot read it.
    pub fn submit(&mut self, message: &[u8], welcome: &[u8]) -> Outcome<Verdict> {
        self.left(message)?;
        if self.seen.contains(message) {
            return Ok(Verdict::Known);
        }
        let (epoch, content) = kind(message)?;
        let late = if content == ContentType::Application { LATE } else { 0 };
        if epoch + late < self.epoch() {
            return Ok(Verdict::Refused);
        }
        self.seen.insert(message.to_vec());
        self.log.push(message.to_vec());
        for peer in &mut self.peers {
            if epoch < peer.since {
                continue;
            }
            let what = || format!("{} reads what the child sent", peer.name);
            match peer.group.receive(message).map_err(|error| format!("{}: {error}", what()))? {
                Received::Application(text) => {
                    let text = String::from_utf8_lossy(text.data()).into_owned();
                    let number = text.strip_prefix(VICTIM).and_then(|number| number.trim().parse().ok());
                    self.arrived.insert(number.ok_or_else(|| format!("{}: {text}", what()))?);
                }
                Received::Commit(staged) => {
                    peer.group.merge(staged).map_err(|error| format!("{}: {error}", what()))?;
                }
                Received::Proposal(_) => {}
                other => return Err(format!("{}: {}", what(), other.kind())),
            }
        }
        if content == ContentType::Commit {
            self.entered()?;
            self.admit(welcome)?;
        }
        Ok(Verdict::Accepted)
    }

    /// All members read a message of the child, in whatever order they come. Returns its text and its generation.
    ///
    /// # Errors
    /// If a member cannot.
    pub fn hear(&mut self, message: &[u8]) -> Outcome<(Vec<u8>, u32)> {
        self.left(message)?;
        let mut heard = Err("nobody is there".to_owned());
        for peer in &mut self.peers {
            let text = peer.group.receive(message).map_err(at("reading"))?.into_application();
            heard = text.map(|text| (text.data().to_vec(), text.generation())).ok_or("no text".to_owned());
        }
        heard
    }

    /// A member says something to the child.
    ///
    /// # Errors
    /// Those of the library.
    pub fn say(&mut self, by: usize) -> Outcome<()> {
        let by = by % self.peers.len();
        let waiting = self.peers[by].group.pending_proposals().map_err(at("proposals"))?;
        if !waiting.is_empty() {
            self.commit(by)?; // R217
        }
        // Guests are gone after that.
        let by = by % self.peers.len();
        self.sent += 1;
        let text = format!("text {}", self.sent).into_bytes();
        let message = self.peers[by].group.encrypt(&text).map_err(at("sending"))?;
        self.texts.insert(self.log.len() as u64, text);
        self.spread(by, message)
    }

    /// A member proposes an update of its leaf.
    ///
    /// # Errors
    /// Those of the library.
    pub fn propose(&mut self, by: usize) -> Outcome<()> {
        let by = by % self.peers.len();
        let message = self.peers[by].group.propose_update(&LeafUpdate::new()).map_err(at("proposing"))?;
        self.spread(by, message)
    }

    /// A member commits what was proposed, with a path. Guests are shown out.
    ///
    /// # Errors
    /// Those of the library.
    pub fn commit(&mut self, by: usize) -> Outcome<()> {
        let by = by % self.peers.len().min(2);
        let guests: Vec<LeafIndex> = self.peers.iter().skip(2).map(|peer| peer.group.own_index()).collect();
        let group = &mut self.peers[by].group;
        let commit = guests.iter().fold(group.commit().force_path(), |commit, leaf| commit.remove(*leaf));
        let commit = commit.build().map_err(at("committing"))?;
        group.merge(&commit).map_err(at("merging"))?;
        self.peers.truncate(2);
        self.spread(by, commit.message().to_vec())?;
        self.entered()
    }

    /// A key package for the child to add, unless there is a guest already.
    ///
    /// # Errors
    /// Those of the library.
    pub fn invite(&mut self) -> Outcome<Vec<u8>> {
        if self.peers.len() > 2 {
            return Ok(Vec::new());
        }
        self.guests += 1;
        let (client, store) = member(&format!("guest {}", self.guests))?;
        let key_package = client.key_package().map_err(at("a key package"))?;
        self.guest = Some((client, store));
        Ok(key_package)
    }

    /// A GroupInfo, for who joins by itself.
    ///
    /// # Errors
    /// Those of the library.
    pub fn group_info(&self) -> Outcome<Vec<u8>> {
        self.peers[0].group.group_info().map_err(at("the GroupInfo"))
    }

    fn spread(&mut self, by: usize, message: Vec<u8>) -> Outcome<()> {
        for (i, peer) in self.peers.iter_mut().enumerate().filter(|(i, _)| *i != by) {
            let received = peer.group.receive(&message).map_err(|error| format!("peer {i}: {error}"))?;
            if let Received::Commit(staged) = received {
                peer.group.merge(staged).map_err(|error| format!("peer {i}: {error}"))?;
            }
        }
        self.log.push(message);
        Ok(())
    }

    /// A new epoch: the auditor learns how to read sender data.
    fn entered(&mut self) -> Outcome<()> {
        self.state()?;
        let peer = self.peers.first().ok_or("nobody is there")?;
        self.auditor.epoch(&peer.store, peer.group.client().id(), peer.group.epoch())
    }

    /// The guest comes in, if the Welcome is for it: it may be for one that was invited before.
    fn admit(&mut self, welcome: &[u8]) -> Outcome<()> {
        let Some((client, store)) = self.guest.take_if(|_| !welcome.is_empty()) else { return Ok(()) };
        let group = client.join(welcome).and_then(pleach::StagedJoin::accept).map_err(at("a guest joins"))?;
        let (name, since) = (format!("guest {}", self.guests), group.epoch());
        self.peers.push(Peer { name, store, group, since });
        self.state().map(drop)
    }
}

/// Epoch and content of a message.
fn kind(message: &[u8]) -> Outcome<(u64, ContentType)> {
    let decoded: MlsMessage = decode(message).map_err(at("a message of the child"))?;
    match decoded.body {
        MlsMessageBody::PrivateMessage(message) => Ok((message.epoch, message.content_type)),
        MlsMessageBody::PublicMessage(message) => {
            Ok((message.content.epoch, message.content.content.content_type()))
        }
        _ => Err("the child sent what is no message of a group".to_owned()),
    }
}
