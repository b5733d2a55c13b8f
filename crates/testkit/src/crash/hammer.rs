//! Several processes on one store at once: each sends, and each tries to receive all that there is.
//!
//! A process keeps on after a conflict or a busy store; that is all that there is to it. What it read it has said, and
//! recorded in the batch that moved the ratchet.

use super::child::{client, inbox};
use super::frame::{Frame, Tag};
use super::{Engine, GROUP, Outcome, World, at};
use pleach::{Error, Group, Received};
use pleach_crypto::Secret;
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// So often an operation is tried again.
const TRIES: usize = 10_000;

/// Runs a process that sends `count` messages, and receives those that its orders give it.
///
/// # Errors
/// If anything fails that should not.
pub fn main(engine: Engine, directory: &Path, private: &Secret, number: u64, count: u64) -> Outcome<()> {
    let client = patiently("opening", || client(engine.open(directory)?, private).map_err(Again::Wrong))?;
    let mut group = patiently("opening the group", || client.load(GROUP).map_err(Again::from))?;
    let mut orders = Vec::new();
    while let Some(order) = Frame::read(&mut io::stdin()).map_err(at("orders"))? {
        orders.push(order);
    }
    // Each begins elsewhere, so that they meet.
    let shift = orders.len() * number as usize / 8;
    let len = orders.len();
    orders.rotate_left(shift.min(len));
    let mut orders = orders.into_iter();
    for sent in 0..count {
        let text = format!("process {number} text {sent}");
        let message = patiently("sending", || retried(&mut group, |group| group.encrypt(text.as_bytes())))?;
        say(Tag::Outgoing, &[b"message", &message])?;
        for order in orders.by_ref().take(len.div_ceil(count as usize)) {
            receive(&mut group, &order)?;
        }
    }
    orders.try_for_each(|order| receive(&mut group, &order))
}

impl World {
    /// Lets so many processes send `count` messages each, and fight for `texts` messages of the others.
    ///
    /// # Errors
    /// If a message is lost, read twice or cannot be read, a generation is used twice or left out, or a process fails.
    pub fn hammer(&mut self, processes: u64, count: u64, texts: usize) -> Outcome<()> {
        for text in 0..texts {
            self.service.say(text)?;
        }
        let mut children = Vec::new();
        for number in 0..processes {
            let mut command = Command::new(&self.settings.program);
            command.arg("hammer").arg(self.settings.engine.name()).arg(&self.directory);
            command.arg(hex::encode(self.private.as_bytes())).args([number.to_string(), count.to_string()]);
            let child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
            children.push(child.map_err(at("starting a process"))?);
        }
        let log = self.service.log(0);
        for child in &mut children {
            // It reads to the end before it says a word, so neither pipe can stop the other.
            let mut orders = child.stdin.take().ok_or("no pipe")?;
            for (number, message) in &log {
                let frame = Frame::new(Tag::Deliver, &[&number.to_be_bytes(), message]);
                frame.write(&mut orders).map_err(at("ordering"))?;
            }
        }
        // All pipes are read at once: a process that waits for its reader would hold up nobody else, but takes longer.
        let said = std::thread::scope(|scope| {
            let readers: Vec<_> = children.iter_mut().map(|child| scope.spawn(|| listen(child))).collect();
            let join = |reader: std::thread::ScopedJoinHandle<'_, Outcome<Vec<Frame>>>| {
                reader.join().unwrap_or_else(|_| Err("a reader panicked".to_owned()))
            };
            readers.into_iter().map(join).collect::<Outcome<Vec<_>>>()
        })?;
        self.judge(&said.concat(), processes * count)
    }

    fn judge(&mut self, said: &[Frame], expected: u64) -> Outcome<()> {
        let (mut texts, mut generations) = (BTreeSet::new(), BTreeSet::new());
        for frame in said.iter().filter(|frame| frame.tag == Tag::Outgoing) {
            let (text, generation) = self.service.hear(frame.bytes(1))?;
            texts.insert(text);
            generations.insert(generation);
        }
        if texts.len() as u64 != expected || !generations.iter().copied().eq(0..expected as u32) {
            return Err(format!(
                "{} texts with {} generations of {expected}",
                texts.len(),
                generations.len()
            ));
        }
        let inbox = || said.iter().filter(|frame| frame.tag == Tag::Inbox);
        let read: BTreeMap<u64, Vec<u8>> =
            inbox().map(|frame| (frame.number(0), frame.bytes(1).to_vec())).collect();
        let (times, texts) = (inbox().count(), self.service.texts());
        if read != *texts || times != texts.len() {
            return Err(format!("{} texts were read {times} times, {} of them", texts.len(), read.len()));
        }
        let client = client(self.settings.engine.open(&self.directory)?, &self.private)?;
        let group = client.load(GROUP).map_err(at("opening the group"))?;
        let records = group.records_from(b"in/").map_err(at("records"))?;
        let recorded = records.iter().map(|(key, text)| (key.clone(), text.to_vec()));
        if recorded.eq(texts.iter().map(|(number, text)| (super::child::inbox(*number), text.clone()))) {
            Ok(())
        } else {
            Err(format!("{} records of {} texts", records.len(), texts.len()))
        }
    }
}

fn listen(child: &mut Child) -> Outcome<Vec<Frame>> {
    let mut out = child.stdout.take().ok_or("no pipe")?;
    let mut said = Vec::new();
    while let Some(frame) = Frame::read(&mut out).map_err(at("listening"))? {
        said.push(frame);
    }
    let status = child.wait().map_err(at("waiting"))?;
    if status.success() { Ok(said) } else { Err(format!("a process failed: {status}")) }
}

fn receive(group: &mut Group, order: &Frame) -> Outcome<()> {
    let key = inbox(order.number(0));
    let read = patiently("receiving", || {
        retried(group, |group| {
            let received = group.receive_with(order.bytes(1), |received| match received {
                Received::Application(text) => vec![(key.clone(), Some(text.data().to_vec()))],
                _ => Vec::new(),
            });
            match received {
                Ok(Received::Application(text)) => Ok(Some(text.into_data())),
                Ok(other) => Err(Error::NotFound(other.kind())),
                Err(Error::AlreadyReceived) => Ok(None),
                Err(error) => Err(error),
            }
        })
    })?;
    match read {
        Some(text) => say(Tag::Inbox, &[order.bytes(0), &text]),
        None => Ok(()),
    }
}

fn say(tag: Tag, fields: &[&[u8]]) -> Outcome<()> {
    Frame::new(tag, fields).write(&mut io::stdout()).map_err(at("speaking"))
}

enum Again {
    Later,
    Wrong(String),
}

impl From<Error> for Again {
    fn from(error: Error) -> Self {
        if error.is_retryable() { Self::Later } else { Self::Wrong(error.to_string()) }
    }
}

impl From<String> for Again {
    fn from(error: String) -> Self {
        Self::Wrong(error)
    }
}

fn retried<T>(group: &mut Group, act: impl Fn(&mut Group) -> Result<T, Error>) -> Result<T, Again> {
    Ok(act(group)?)
}

fn patiently<T>(what: &str, mut act: impl FnMut() -> Result<T, Again>) -> Outcome<T> {
    for _ in 0..TRIES {
        match act() {
            Ok(done) => return Ok(done),
            Err(Again::Later) => {}
            Err(Again::Wrong(error)) => return Err(format!("{what}: {error}")),
        }
    }
    Err(format!("{what}: the others are always faster"))
}
