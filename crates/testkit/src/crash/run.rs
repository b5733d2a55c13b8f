//! Lives and deaths of a child, one after the other, and what is checked between them.

use super::child::client;
use super::frame::{Frame, Tag};
use super::parent::{Death, Kill, Parent, Stop, name};
use super::service::{Service, Verdict};
use super::{Engine, Outcome, at};
use crate::faults::Stage;
use crate::random::SeededRandom;
use pleach_crypto::Secret;
use pleach_rustcrypto::SystemRandom;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tempfile::TempDir;

/// The operations at whose points a child is killed.
pub const OPERATIONS: [&str; 7] =
    ["send", "receive", "propose", "commit", "merge own", "merge received", "discard"];

const STAGES: [Stage; 3] = [Stage::Before, Stage::Halfway, Stage::After];

/// So many things are tried before a child that never comes to its point is given up.
const TRIES: usize = 100;

/// Of four kills, this one falls at any moment.
const ANYWHERE: u64 = 3;

/// A run.
#[derive(Debug, Clone)]
pub struct Settings {
    /// What a child is started as.
    pub program: PathBuf,
    /// Over this engine.
    pub engine: Engine,
    /// How many kills.
    pub kills: u64,
    /// What decides.
    pub seed: u64,
    /// Where the store is; in memory or a temporary directory if not given.
    pub directory: Option<PathBuf>,
}

/// What happened.
#[derive(Debug, Clone, Default)]
pub struct Report {
    /// How many kills there were.
    pub kills: u64,
    /// Where they fell: operation and stage, or "".
    pub places: BTreeMap<(String, String), u64>,
    /// Ciphertexts of the child, each with a generation of its own.
    pub generations: usize,
    /// Messages that the child read, each once.
    pub read: usize,
    /// Messages of the child that arrived.
    pub arrived: usize,
    /// The last epoch.
    pub epoch: u64,
}

impl Report {
    /// How many kills fell inside an operation.
    #[must_use]
    pub fn inside(&self) -> u64 {
        self.places.iter().filter(|((operation, _), _)| !operation.is_empty()).map(|(_, count)| count).sum()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kills, places, generations, read, arrived, epoch } = self;
        writeln!(f, "{kills} kills, {} of them inside an operation:", self.inside())?;
        for ((operation, stage), count) in places {
            let operation = if operation.is_empty() { "between operations" } else { operation };
            writeln!(f, "  {count:5}  {operation} {stage}")?;
        }
        write!(
            f,
            "{generations} generations used, none twice; {read} messages read, each once; {arrived} sent and \
             arrived; epoch {epoch}"
        )
    }
}

/// The child's store, its key, and everyone else.
#[derive(Debug)]
pub struct World {
    pub(super) settings: Settings,
    pub(super) directory: PathBuf,
    _temporary: Option<TempDir>,
    pub(super) private: Secret,
    /// The others.
    pub service: Service,
    random: SeededRandom,
    sent: u64,
}

impl World {
    /// The child is a member, or has an empty store.
    ///
    /// # Errors
    /// Those of the library.
    pub fn new(settings: Settings, joined: bool) -> Outcome<Self> {
        let (directory, temporary) = match &settings.directory {
            Some(directory) => (directory.clone(), None),
            None => {
                // What is shown is what a process leaves behind; that a disk keeps it is another matter.
                let made = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir());
                let made = made.map_err(at("a directory"))?;
                (made.path().to_owned(), Some(made))
            }
        };
        let signature = pleach_rustcrypto::SUITES[0].signature;
        let private = signature.generate_key_pair(&SystemRandom).map_err(at("a key"))?.private;
        let victim = client(settings.engine.open(&directory)?, &private)?;
        let service = Service::new(joined.then_some(&victim))?;
        let random = SeededRandom::new(settings.seed);
        Ok(Self { settings, directory, _temporary: temporary, private, service, random, sent: 0 })
    }

    /// Starts the child.
    ///
    /// # Errors
    /// If it cannot be started.
    pub fn start(&self, kill: Kill) -> Outcome<Parent> {
        let program: &Path = &self.settings.program;
        Parent::start(program, self.settings.engine, &self.directory, &self.private, kill)
    }

    /// Hears the child out after its start, takes what it had not sent for sure, gives it what it missed, and sees that
    /// nothing is lost and that it goes on with the others.
    ///
    /// # Errors
    /// [`Stop`].
    pub fn recover(&mut self, child: &mut Parent) -> Result<(), Stop> {
        let said = child.hello()?;
        for frame in &said {
            match frame.tag {
                Tag::Proposed => drop(self.service.submit(frame.bytes(0), b"")?),
                Tag::Pending => self.verdict(child, frame.bytes(1), frame.bytes(2), frame.bytes(0))?,
                _ => {}
            }
        }
        let next = said.last().map_or(0, |hello| hello.number(0));
        self.deliver(child, next)?;
        for lost in self.check(child)? {
            self.send(child, Some(lost))?;
        }
        self.send(child, None)?;
        self.service.say(0)?;
        self.deliver(child, next)?;
        if self.random.below(2) == 0 {
            self.commit(child, false)?;
        } else {
            self.service.commit(1)?;
        }
        self.deliver(child, next)?;
        self.check(child).map(drop)
    }

    /// Everything that the log has from `from` on. What was delivered before is delivered again.
    ///
    /// # Errors
    /// [`Stop`].
    pub fn deliver(&mut self, child: &mut Parent, from: u64) -> Result<(), Stop> {
        for (number, message) in self.service.log(from) {
            let said = child.order(Tag::Deliver, &[&number.to_be_bytes(), &message])?;
            let what = said.last().map(|end| end.text(0)).unwrap_or_default();
            if self.service.texts().contains_key(&number) && what != "read" && what != "known" {
                return Err(Stop::Wrong(format!("message {number} is lost: {what}")));
            }
        }
        Ok(())
    }

    /// The child's records against the log; all are in one epoch. Returns the numbers that it meant to send and that did not
    /// arrive.
    ///
    /// # Errors
    /// [`Stop`].
    pub fn check(&mut self, child: &mut Parent) -> Result<Vec<u64>, Stop> {
        let said = child.order(Tag::Report, &[])?;
        let of = |tag| said.iter().filter(move |frame| frame.tag == tag);
        let read: BTreeMap<u64, Vec<u8>> =
            of(Tag::Inbox).map(|frame| (frame.number(0), frame.bytes(1).to_vec())).collect();
        if read != *self.service.texts() {
            let (ours, all) = (read.len(), self.service.texts().len());
            return Err(Stop::Wrong(format!("of {all} messages, {ours} are recorded, or with other texts")));
        }
        let state = of(Tag::State).map(|frame| (frame.number(0), frame.bytes(1).to_vec())).next();
        if state != Some(self.service.state()?) {
            return Err("the child is not where the others are".into());
        }
        let meant: BTreeSet<u64> = of(Tag::Outbox).map(|frame| frame.number(0)).collect();
        if let Some(unknown) = self.service.arrived().difference(&meant).next() {
            return Err(Stop::Wrong(format!("message {unknown} arrived, and the child has no record of it")));
        }
        Ok(meant.difference(self.service.arrived()).copied().collect())
    }

    /// The child sends: a new message, or one that did not arrive.
    ///
    /// # Errors
    /// [`Stop`].
    pub fn send(&mut self, child: &mut Parent, again: Option<u64>) -> Result<(), Stop> {
        let number = again.unwrap_or_else(|| {
            self.sent += 1;
            self.sent
        });
        for _ in 0..2 {
            let said = child.order(Tag::Send, &[&number.to_be_bytes()])?;
            if self.take(child, &said)? {
                return Ok(());
            }
            // Proposals wait (R217): somebody commits them.
            self.service.commit(0)?;
            self.deliver(child, 0)?;
        }
        Err("the child does not send".into())
    }

    /// The child commits, with a guest perhaps; the service takes the Commit unless it is too late.
    ///
    /// # Errors
    /// [`Stop`].
    pub fn commit(&mut self, child: &mut Parent, guest: bool) -> Result<(), Stop> {
        let key_package = if guest { self.service.invite()? } else { Vec::new() };
        let said = child.order(Tag::Commit, &[&key_package])?;
        self.take(child, &said).map(drop)
    }

    /// The child proposes to update its leaf.
    ///
    /// # Errors
    /// [`Stop`].
    pub fn propose(&mut self, child: &mut Parent) -> Result<(), Stop> {
        let said = child.order(Tag::Propose, &[])?;
        self.take(child, &said).map(drop)
    }

    /// Takes what the child released; false if nothing was.
    fn take(&mut self, child: &mut Parent, said: &[Frame]) -> Result<bool, Stop> {
        let mut any = false;
        for frame in said.iter().filter(|frame| frame.tag == Tag::Outgoing) {
            any = true;
            if frame.text(0) == "commit" {
                self.verdict(child, frame.bytes(1), frame.bytes(2), frame.bytes(3))?;
            } else {
                self.service.submit(frame.bytes(1), b"")?;
            }
        }
        Ok(any)
    }

    /// A Commit of the child: what is too late, or out of favour, it discards.
    fn verdict(
        &mut self,
        child: &mut Parent,
        message: &[u8],
        welcome: &[u8],
        hash: &[u8],
    ) -> Result<(), Stop> {
        if self.service.submit(message, welcome)? == Verdict::Refused {
            child.order(Tag::Discard, &[hash])?;
        }
        Ok(())
    }

    /// The child is dead: what it released is on its way, or lost there.
    ///
    /// # Errors
    /// If a generation was used twice.
    pub fn bury(&mut self, death: &Death) -> Outcome<()> {
        for frame in &death.released {
            if self.random.below(4) == 0 {
                self.service.left(frame.bytes(1))?;
            } else {
                self.service.submit(frame.bytes(1), frame.bytes(2))?;
            }
        }
        Ok(())
    }

    /// Something that leads to this operation.
    fn towards(&mut self, child: &mut Parent, operation: &str) -> Result<(), Stop> {
        match operation {
            "send" => self.send(child, None),
            "receive" if self.random.below(3) == 0 => {
                self.service.propose(self.random.below(2))?;
                self.catch_up(child)
            }
            "receive" => {
                self.service.say(self.random.below(3))?;
                self.catch_up(child)
            }
            "propose" => self.propose(child),
            "commit" => self.commit(child, self.random.below(3) == 0),
            "merge own" => {
                self.commit(child, self.random.below(3) == 0)?;
                self.catch_up(child)
            }
            "merge received" => {
                self.service.commit(self.random.below(2))?;
                self.catch_up(child)
            }
            "discard" => {
                // The others were faster.
                let said = child.order(Tag::Commit, &[b""])?;
                let hash = said.iter().find(|frame| frame.tag == Tag::Outgoing).map(|frame| frame.bytes(3));
                for frame in said.iter().filter(|frame| frame.tag == Tag::Outgoing) {
                    self.service.left(frame.bytes(1))?;
                }
                child.order(Tag::Discard, &[hash.unwrap_or_default()]).map(drop)
            }
            other => Err(Stop::Wrong(format!("nothing leads to {other}"))),
        }
    }

    /// The last messages of the log, some of them once more.
    fn catch_up(&mut self, child: &mut Parent) -> Result<(), Stop> {
        let from = self.service.log(0).len().saturating_sub(8) as u64;
        self.deliver(child, from)
    }

    /// A life: recovery, then this and that, until it ends.
    fn live(&mut self, child: &mut Parent, kill: &Kill, early: bool) -> Result<(), Stop> {
        if !early {
            child.plan(Kill::Never);
        }
        self.recover(child)?;
        child.plan(kill.clone());
        for _ in 0..TRIES {
            let aimed = self.random.below(3) != 0;
            let any = self.random.pick(&OPERATIONS).unwrap_or("send");
            let operation = match kill {
                Kill::At(operation, _) if aimed => *operation,
                Kill::Never => return Ok(()),
                _ => any,
            };
            // Now and then somebody else commits first, and the child does not know.
            if self.random.below(6) == 0 {
                self.service.commit(self.random.below(2))?;
            }
            self.towards(child, operation)?;
            if self.random.below(2) == 0 {
                self.catch_up(child)?;
            }
        }
        if matches!(kill, Kill::In(_)) {
            return Err(child.kill_now());
        }
        Err(Stop::Wrong(format!("the child never came to {kill:?}")))
    }
}

/// Kills a child as often as the settings say; a last life shows that all is well. `after` is told of each kill.
///
/// # Errors
/// What went wrong, with the seed and the number of the kill.
pub fn run(settings: Settings, after: &mut dyn FnMut(&Report)) -> Outcome<Report> {
    let (kills, seed, engine) = (settings.kills, settings.seed, settings.engine);
    let mut world = World::new(settings, true)?;
    let mut report = Report::default();
    let points: Vec<_> =
        OPERATIONS.iter().flat_map(|operation| STAGES.map(|stage| (*operation, stage))).collect();
    let mut point = points.iter().cycle();
    for number in 0..=kills {
        let context = |error: String| format!("{engine}, seed {seed}, kill {number}: {error}");
        let kill = match point.next() {
            _ if number == kills => Kill::Never,
            _ if number % 4 == ANYWHERE => Kill::In(Duration::from_micros(world.random.below(60_000) as u64)),
            Some((operation, stage)) => Kill::At(operation, *stage),
            None => Kill::Never,
        };
        let early = world.random.below(4) == 0;
        let mut child = world.start(kill.clone()).map_err(context)?;
        match world.live(&mut child, &kill, early) {
            Ok(()) => {}
            Err(Stop::Wrong(error)) => return Err(context(format!("{kill:?}: {error}"))),
            Err(Stop::Killed(death)) => {
                world.bury(&death).map_err(context)?;
                report.kills += 1;
                let Death { operation, stage, .. } = death;
                let place = (operation.unwrap_or_default(), stage.unwrap_or_default());
                if let Kill::At(operation, stage) = kill
                    && place != (operation.to_owned(), name(stage).to_owned())
                {
                    return Err(context(format!("killed at {place:?}, not at {operation} {stage:?}")));
                }
                *report.places.entry(place).or_default() += 1;
            }
        }
        report.generations = world.service.generations();
        (report.read, report.arrived) = (world.service.texts().len(), world.service.arrived().len());
        report.epoch = world.service.epoch();
        after(&report);
    }
    Ok(report)
}
