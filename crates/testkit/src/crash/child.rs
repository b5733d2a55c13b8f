//! The member whose process is killed: does what it is ordered, and keeps what it confirms in its own records, in the same
//! batch as the ratchet.
//!
//! Records: `in/` and a number of the log, with the text received; `out/` and a number, with the text to be sent; `next`,
//! the first number of the log that was not received. A message with a record is received; if it comes again and is read
//! again, or was read and has no record, the child says so and the run has failed.

use super::frame::{Frame, Tag};
use super::{Engine, GROUP, Outcome, VICTIM, at};
use crate::TrustEveryone;
use crate::faults::{Faults, FaultyStorage};
use pleach::wire::LeafIndex;
use pleach::{Client, Error, ExternalCommit, Group, LeafUpdate, Received, Records};
use pleach_crypto::{Secret, Signer};
use pleach_storage::Storage;
use std::io::{self, Write};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

const NEXT: &[u8] = b"next";

/// The client that the child is, over this store.
///
/// # Errors
/// Those of the library.
pub fn client(storage: impl Storage + 'static, private: &Secret) -> Outcome<Client> {
    let suite = &pleach_rustcrypto::SUITES[0];
    let signer = suite.signature.load_signer(private).map_err(at("the signer"))?;
    build(VICTIM, storage, signer)
}

pub(super) fn build(name: &str, storage: impl Storage + 'static, signer: Box<dyn Signer>) -> Outcome<Client> {
    Client::builder(pleach_rustcrypto::provider(), storage)
        .suite(pleach_rustcrypto::SUITES[0].id)
        .basic(name, signer)
        .auth(TrustEveryone)
        .build()
        .map_err(at("the client"))
}

/// The record of a message received.
pub(super) fn inbox(number: u64) -> Vec<u8> {
    [b"in/", number.to_be_bytes().as_slice()].concat()
}

fn outbox(number: u64) -> Vec<u8> {
    [b"out/", number.to_be_bytes().as_slice()].concat()
}

/// Speaks to the parent: from the orders, and from within the store.
#[derive(Debug, Clone)]
struct Mouth(Arc<Mutex<io::Stdout>>);

impl Mouth {
    fn say(&self, tag: Tag, fields: &[&[u8]]) {
        let mut out = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // A parent that is gone will not miss it; the next order will not come.
        let _gone = Frame::new(tag, fields).write(&mut *out as &mut dyn Write);
    }
}

/// Runs the child: until its orders end, or its life does. With `waits`, it waits at each point for the word to go on.
///
/// # Errors
/// If a message was lost or read twice, or anything fails that should not.
pub fn main(engine: Engine, directory: &Path, private: &Secret, waits: bool) -> Outcome<()> {
    let mouth = Mouth(Arc::new(Mutex::new(io::stdout())));
    let faults = Faults::new();
    let store = FaultyStorage::new(engine.open(directory)?, faults.clone());
    let points = mouth.clone();
    faults.watch(move |point| {
        let stage = super::parent::name(point.stage);
        points.say(Tag::Point, &[point.operation.as_bytes(), stage.as_bytes()]);
        if waits {
            let _go = Frame::read(&mut io::stdin());
        }
    });
    let client = client(store, private)?;
    let mut child = Child { client, group: None, mouth, faults };
    let result = child.live();
    if let Err(error) = &result {
        child.mouth.say(Tag::Failure, &[error.as_bytes()]);
    }
    result
}

struct Child {
    client: Client,
    group: Option<Group>,
    mouth: Mouth,
    faults: Faults,
}

impl Child {
    fn live(&mut self) -> Outcome<()> {
        self.group = match self.client.load(GROUP) {
            Ok(group) => Some(group),
            Err(Error::NotFound(_)) => None,
            Err(error) => return Err(format!("opening the group: {error}")),
        };
        self.hello()?;
        while let Some(order) = Frame::read(&mut io::stdin()).map_err(at("orders"))? {
            let ended = self.obey(&order)?;
            self.mouth.say(Tag::End, &[ended.as_bytes()]);
        }
        Ok(())
    }

    fn hello(&self) -> Outcome<()> {
        for commit in self.client.pending_external().map_err(at("pending external commits"))? {
            self.mouth.say(Tag::Pending, &[commit.hash(), commit.message(), b""]);
        }
        if let Some(group) = &self.group {
            for proposal in group.pending_proposals().map_err(at("pending proposals"))? {
                if let Some(message) = proposal.message {
                    self.mouth.say(Tag::Proposed, &[&message]);
                }
            }
            for commit in group.pending().map_err(at("pending commits"))? {
                let welcome = commit.welcome().unwrap_or_default();
                self.mouth.say(Tag::Pending, &[commit.hash(), commit.message(), welcome]);
            }
        }
        self.mouth.say(Tag::Hello, &[&self.next()?.to_be_bytes()]);
        Ok(())
    }

    /// The first number of the log that was not received.
    fn next(&self) -> Outcome<u64> {
        let Some(group) = &self.group else { return Ok(0) };
        let row = group.record(NEXT).map_err(at("the record of the next message"))?;
        Ok(row.and_then(|row| row.as_slice().try_into().ok()).map_or(0, u64::from_be_bytes))
    }

    fn group(&mut self) -> Outcome<&mut Group> {
        self.group.as_mut().ok_or_else(|| "there is no group yet".to_owned())
    }

    fn begin(&self, operation: &'static str) {
        self.faults.operation(operation);
        self.mouth.say(Tag::Begin, &[operation.as_bytes()]);
    }

    fn obey(&mut self, order: &Frame) -> Outcome<String> {
        match order.tag {
            Tag::Deliver => self.deliver(order.number(0), order.bytes(1)),
            Tag::Send => self.send(order.number(0)),
            Tag::Propose => {
                self.begin("propose");
                let proposed = self.group()?.propose_update(&LeafUpdate::new());
                self.release("proposal", proposed)
            }
            Tag::Commit => self.commit(order.bytes(0), order.bytes(1)),
            Tag::Discard => {
                self.begin("discard");
                self.group()?.discard(order.bytes(0)).map_err(at("discard"))?;
                Ok("discarded".to_owned())
            }
            Tag::ExternalBuild => {
                self.begin("external commit");
                let commit = self.client.external_join(order.bytes(0)).resync(true).build();
                self.release("commit", commit.map(|commit| commit.message().to_vec()))
            }
            Tag::ExternalAccept => self.accept(order.bytes(0)),
            Tag::Report => self.report(),
            other => Err(format!("{other:?} is no order")),
        }
    }

    /// What was computed leaves; what the library refuses is said.
    fn release(&self, kind: &str, message: Result<Vec<u8>, Error>) -> Outcome<String> {
        match message {
            Ok(message) => {
                self.mouth.say(Tag::Outgoing, &[kind.as_bytes(), &message]);
                Ok("released".to_owned())
            }
            Err(Error::ApiMisuse(misuse)) => Ok(format!("refused: {misuse}")),
            Err(error) => Err(format!("{kind}: {error}")),
        }
    }

    fn send(&mut self, number: u64) -> Outcome<String> {
        self.begin("send");
        let text = format!("{VICTIM} {number}").into_bytes();
        let records = vec![(outbox(number), Some(text.clone()))];
        let message = self.group()?.encrypt_with(&text, b"", records);
        self.release("message", message)
    }

    fn commit(&mut self, add: &[u8], remove: &[u8]) -> Outcome<String> {
        self.begin("commit");
        let mut builder = self.group()?.commit().force_path();
        if !add.is_empty() {
            builder = builder.add(add);
        }
        if let Ok(leaf) = remove.try_into() {
            builder = builder.remove(LeafIndex(u32::from_be_bytes(leaf)));
        }
        match builder.build() {
            Ok(commit) => {
                let welcome = commit.welcome().unwrap_or_default();
                self.mouth.say(Tag::Outgoing, &[b"commit", commit.message(), welcome, commit.hash()]);
                Ok("released".to_owned())
            }
            Err(Error::ApiMisuse(misuse)) => Ok(format!("refused: {misuse}")),
            Err(error) => Err(format!("commit: {error}")),
        }
    }

    fn accept(&mut self, hash: &[u8]) -> Outcome<String> {
        self.begin("external accept");
        let pending = self.client.pending_external().map_err(at("pending external commits"))?;
        let found = pending.into_iter().find(|commit| commit.hash() == hash);
        match found.map(ExternalCommit::accept) {
            Some(Ok(group)) => {
                self.group = Some(group);
                Ok("joined".to_owned())
            }
            Some(Err(error)) => Err(format!("joining: {error}")),
            None if self.group.is_some() => Ok("was joined".to_owned()),
            None => Err("the external commit is gone, and there is no group".to_owned()),
        }
    }

    fn deliver(&mut self, number: u64, message: &[u8]) -> Outcome<String> {
        self.begin("receive");
        let key = inbox(number);
        let known = self.group()?.record(&key).map_err(at("a record"))?.is_some();
        let next = (NEXT.to_vec(), Some((number + 1).to_be_bytes().to_vec()));
        let records = |received: &Received| -> Records {
            match received {
                Received::Application(text) => vec![(key.clone(), Some(text.data().to_vec())), next.clone()],
                Received::Proposal(_) => vec![next.clone()],
                // A Commit is received when it is merged: until then it comes again.
                _ => Vec::new(),
            }
        };
        match self.group()?.receive_with(message, records) {
            Ok(Received::Application(_)) if known => Err(format!("message {number} was read twice")),
            Ok(Received::Application(_)) => Ok("read".to_owned()),
            Ok(Received::Commit(staged) | Received::Removed(staged)) => {
                self.begin("merge received");
                self.group()?.merge(staged).map_err(at("merging"))?;
                Ok("merged".to_owned())
            }
            Ok(Received::OwnCommit(commit)) => {
                self.begin("merge own");
                self.group()?.merge(commit).map_err(at("merging an own commit"))?;
                Ok("merged own".to_owned())
            }
            Ok(other) => Ok(other.kind().to_owned()),
            // Read before: then there is the record, unless it was no message to be read.
            Err(Error::AlreadyReceived) => Ok(if known { "known" } else { "already" }.to_owned()),
            Err(Error::WrongEpoch { .. }) => Ok(if known { "known" } else { "old" }.to_owned()),
            Err(error) => Err(format!("message {number}: {error}")),
        }
    }

    fn report(&mut self) -> Outcome<String> {
        self.begin("report");
        let mouth = self.mouth.clone();
        let group = self.group()?;
        for (tag, prefix) in [(Tag::Inbox, b"in/".as_slice()), (Tag::Outbox, b"out/")] {
            for (key, text) in group.records_from(prefix).map_err(at("records"))? {
                mouth.say(tag, &[key.get(prefix.len()..).unwrap_or_default(), &text]);
            }
        }
        let authenticator = group.epoch_authenticator().map_err(at("the authenticator"))?;
        mouth.say(Tag::State, &[&group.epoch().to_be_bytes(), authenticator.as_bytes()]);
        Ok("reported".to_owned())
    }
}
