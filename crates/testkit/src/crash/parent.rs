//! A child process: started, ordered about, killed.

use super::frame::{Frame, Tag};
use super::{Engine, Outcome, at};
use crate::faults::Stage;
use pleach_crypto::Secret;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

/// Longer than this no child is silent, but that something is wrong.
const PATIENCE: Duration = Duration::from_secs(60);

/// A child that has nothing to do when its time has come dies within so many microseconds of its next order.
const JITTER: u64 = 3_000;

/// When a child is killed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kill {
    /// When this operation comes to this stage of its batch.
    At(&'static str, Stage),
    /// When so much time has passed.
    In(Duration),
    /// Not by itself.
    Never,
}

/// Where a child was when it was killed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Death {
    /// The operation that it had begun and not ended; `None` if it waited for an order.
    pub operation: Option<String>,
    /// The last stage of the operation's batch that it had come to.
    pub stage: Option<String>,
    /// The messages that it released, and nobody has taken yet.
    pub released: Vec<Frame>,
}

/// Why a child does not go on.
#[derive(Debug)]
pub enum Stop {
    /// It was killed, as planned.
    Killed(Death),
    /// Something is wrong.
    Wrong(String),
}

impl From<String> for Stop {
    fn from(error: String) -> Self {
        Self::Wrong(error)
    }
}

impl From<&str> for Stop {
    fn from(error: &str) -> Self {
        Self::Wrong(error.to_owned())
    }
}

/// A living child, and when it dies.
#[derive(Debug)]
pub struct Parent {
    child: Child,
    orders: ChildStdin,
    words: Receiver<Frame>,
    waits: bool,
    kill: Kill,
    deadline: Option<Instant>,
    operation: Option<String>,
    stage: Option<String>,
}

impl Parent {
    /// Starts a child over the store in this directory: `program` with the arguments of a child.
    ///
    /// # Errors
    /// If it cannot be started.
    pub fn start(
        program: &Path,
        engine: Engine,
        directory: &Path,
        private: &Secret,
        kill: Kill,
    ) -> Outcome<Self> {
        let waits = matches!(kill, Kill::At(..));
        let mut command = Command::new(program);
        command.arg("child").arg(engine.name()).arg(directory).arg(hex::encode(private.as_bytes()));
        if waits {
            command.arg("--waits");
        }
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().map_err(at("starting a child"))?;
        let orders = child.stdin.take().ok_or("no pipe")?;
        let mut out = child.stdout.take().ok_or("no pipe")?;
        let (say, words) = channel();
        // It ends with the pipe, which ends with the child.
        thread::spawn(move || {
            while let Ok(Some(frame)) = Frame::read(&mut out) {
                if say.send(frame).is_err() {
                    break;
                }
            }
        });
        let (operation, stage, deadline) = (Some("open".to_owned()), None, None);
        let mut parent = Self { child, orders, words, waits, kill, deadline, operation, stage };
        parent.aim();
        Ok(parent)
    }

    /// From here on, or from here anew, the time runs.
    pub fn aim(&mut self) {
        self.deadline = match self.kill {
            Kill::In(after) => Some(Instant::now() + after),
            _ => None,
        };
    }

    /// Another end than was planned. A child that does not wait at points cannot be killed at one.
    pub fn plan(&mut self, kill: Kill) {
        self.kill = kill;
        self.aim();
    }

    /// What the child says when it has opened its store: all up to its `Hello`.
    ///
    /// # Errors
    /// [`Stop`].
    pub fn hello(&mut self) -> Result<Vec<Frame>, Stop> {
        self.listen(Tag::Hello)
    }

    /// Gives an order; returns all that the child says to it, `End` last.
    ///
    /// # Errors
    /// [`Stop`].
    pub fn order(&mut self, tag: Tag, fields: &[&[u8]]) -> Result<Vec<Frame>, Stop> {
        if let (Some(deadline), Kill::In(after)) = (self.deadline, &self.kill)
            && deadline <= Instant::now()
        {
            // It passed while the child had nothing to do. What is worth a kill is soon after an order.
            self.deadline = Some(Instant::now() + Duration::from_micros(after.as_micros() as u64 % JITTER));
        }
        Frame::new(tag, fields).write(&mut self.orders).map_err(at("ordering"))?;
        self.listen(Tag::End)
    }

    /// Kills it now.
    pub fn kill_now(&mut self) -> Stop {
        self.kill(Vec::new())
    }

    fn listen(&mut self, until: Tag) -> Result<Vec<Frame>, Stop> {
        let mut said = Vec::new();
        loop {
            let wait = match self.deadline {
                Some(deadline) => deadline.saturating_duration_since(Instant::now()),
                None => PATIENCE,
            };
            let frame = match self.words.recv_timeout(wait) {
                Ok(frame) => frame,
                Err(RecvTimeoutError::Timeout) if self.deadline.is_some() => return Err(self.kill(said)),
                Err(RecvTimeoutError::Timeout) => return Err("the child says nothing".into()),
                Err(RecvTimeoutError::Disconnected) => return Err("the child died by itself".into()),
            };
            self.note(&frame);
            match frame.tag {
                Tag::Failure => return Err(Stop::Wrong(frame.text(0))),
                Tag::Point => {
                    if matches!(self.kill, Kill::At(operation, stage)
                        if frame.text(0) == operation && frame.text(1) == name(stage))
                    {
                        return Err(self.kill(said));
                    }
                    if self.waits {
                        Frame::new(Tag::Go, &[]).write(&mut self.orders).map_err(at("going on"))?;
                    }
                }
                tag => {
                    said.push(frame);
                    if tag == until {
                        return Ok(said);
                    }
                }
            }
        }
    }

    fn note(&mut self, frame: &Frame) {
        match frame.tag {
            Tag::Begin => (self.operation, self.stage) = (Some(frame.text(0)), None),
            Tag::Point => self.stage = Some(frame.text(1)),
            Tag::End | Tag::Hello => (self.operation, self.stage) = (None, None),
            _ => {}
        }
    }

    /// By SIGKILL. What it had said by then was said.
    fn kill(&mut self, mut said: Vec<Frame>) -> Stop {
        let gone = self.child.kill().and_then(|()| self.child.wait());
        if let Err(error) = gone {
            return Stop::Wrong(format!("killing: {error}"));
        }
        while let Ok(frame) = self.words.recv_timeout(PATIENCE) {
            self.note(&frame);
            if frame.tag == Tag::Failure {
                return Stop::Wrong(frame.text(0));
            }
            said.push(frame);
        }
        said.retain(|frame| frame.tag == Tag::Outgoing);
        Stop::Killed(Death { operation: self.operation.take(), stage: self.stage.take(), released: said })
    }
}

impl Drop for Parent {
    fn drop(&mut self) {
        // It may be dead already; nobody is left to be told.
        let _dead = self.child.kill();
        let _waited = self.child.wait();
    }
}

/// As the child says it.
#[must_use]
pub const fn name(stage: Stage) -> &'static str {
    match stage {
        Stage::Before => "before",
        Stage::Halfway => "halfway",
        Stage::After => "after",
    }
}
