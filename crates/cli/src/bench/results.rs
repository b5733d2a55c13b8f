//! What was measured, as numbers: the table, the JSON document and the page all come from these values.

use std::time::Instant;

use super::machine::Machine;
use super::spread::Spread;
use crate::backends::{self, Backend, Kind, Numbering};
use crate::commands::algorithms;
use crate::output::Item;
use crate::text;
use pleach::crypto::{CipherSuiteId, SuiteAlgorithms};

macro_rules! named {
    ($(#[$doc:meta])* $name:ident { $($variant:ident: $key:literal, $title:literal, $about:literal;)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(super) enum $name { $($variant),* }

        impl $name {
            pub(super) const ALL: &[Self] = &[$(Self::$variant),*];

            /// A stable name for programs.
            pub(super) const fn key(self) -> &'static str {
                match self { $(Self::$variant => $key),* }
            }

            pub(super) const fn title(self) -> &'static str {
                match self { $(Self::$variant => $title),* }
            }

            /// For somebody who has not read the documentation.
            pub(super) const fn about(self) -> &'static str {
                match self { $(Self::$variant => $about),* }
            }
        }
    };
}

named! {
    /// What takes time.
    Operation {
        KeyPackage: "key_package", "key package", "Make the public keys with which others can add you to a group, once for each group.";
        Create: "create", "create", "Make a group, and add everybody else in one Commit.";
        Join: "join", "join", "Enter a group from its Welcome, checking every member's signature.";
        Commit: "commit", "commit", "Give yourself fresh keys: whoever stole the old ones is locked out.";
        Process: "process", "process", "Receive such a Commit of another member; everybody does, for each Commit.";
        Send: "send", "send", "Encrypt and sign a message of 100 bytes, for all members at once.";
        Receive: "receive", "receive", "Decrypt such a message, and check who sent it.";
    }
}

named! {
    /// What takes room.
    Size {
        KeyPackage: "key_package", "key package", "What others need to add you: kept by a server, once for each group to come.";
        Commit: "commit", "Commit", "What a change of keys sends to every member.";
        Welcome: "welcome", "Welcome", "What new members need, all of them in one message, with the whole group in it.";
        GroupInfo: "group_info", "GroupInfo", "What somebody needs to join uninvited, with the whole group in it.";
        Message: "message", "message", "A message with a text of 100 bytes.";
        SignaturePrivateKey: "signature_private_key", "signature key", "The private signature key.";
        KemPrivateKey: "kem_private_key", "decryption key", "One private decryption key.";
        StoredKeyPackage: "stored_key_package", "stored key package", "What is kept for a key package until it is used.";
        StoredGroup: "stored_group", "stored group", "What a member keeps for the group.";
    }
}

impl Size {
    /// What travels; the rest is private.
    pub(super) const SENT: &[Self] =
        &[Self::KeyPackage, Self::Commit, Self::Welcome, Self::GroupInfo, Self::Message];
    pub(super) const PRIVATE: &[Self] =
        &[Self::SignaturePrivateKey, Self::KemPrivateKey, Self::StoredKeyPackage, Self::StoredGroup];
}

/// Everything that was seen of one case, in nanoseconds and bytes.
#[derive(Debug, Clone, Default)]
pub(super) struct Samples {
    times: [Vec<u64>; 7],
    sizes: [Vec<u64>; 9],
}

impl Samples {
    /// Does it, and keeps how long it took.
    pub(super) fn time<T, E>(
        &mut self,
        operation: Operation,
        work: impl FnOnce() -> Result<T, E>,
    ) -> Result<T, E> {
        let start = Instant::now();
        let done = work();
        let taken = start.elapsed().as_nanos();
        if let Some(times) = self.times.get_mut(operation as usize) {
            times.push(u64::try_from(taken).unwrap_or(u64::MAX));
        }
        done
    }

    pub(super) fn size(&mut self, size: Size, bytes: usize) {
        if let Some(sizes) = self.sizes.get_mut(size as usize) {
            sizes.push(bytes as u64);
        }
    }

    /// Forgets the times, after the first round: it fills caches.
    pub(super) fn warm(&mut self) {
        self.times = Default::default();
    }
}

/// What became of one case.
#[derive(Debug, Clone)]
pub(super) struct Measured {
    pub(super) backend: Backend,
    pub(super) suite: CipherSuiteId,
    pub(super) algorithms: SuiteAlgorithms,
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    pub(super) level: Option<u64>,
    times: Vec<Spread>,
    sizes: Vec<u64>,
}

impl Measured {
    pub(super) fn new(
        backend: Backend,
        suite: CipherSuiteId,
        algorithms: SuiteAlgorithms,
        samples: &Samples,
    ) -> Self {
        let name = backends::facts(suite).map_or("unknown", |facts| facts.name);
        Self {
            backend,
            suite,
            algorithms,
            name,
            kind: Kind::of(&algorithms),
            level: backends::level(name),
            times: samples.times.iter().map(|values| Spread::of(values)).collect(),
            sizes: samples.sizes.iter().map(|values| Spread::of(values).median).collect(),
        }
    }

    pub(super) fn time(&self, operation: Operation) -> Spread {
        self.times.get(operation as usize).copied().unwrap_or_default()
    }

    pub(super) fn bytes(&self, size: Size) -> u64 {
        self.sizes.get(size as usize).copied().unwrap_or_default()
    }

    /// The suite's number, as it is written.
    pub(super) fn number(&self) -> String {
        text::suite_number(self.suite)
    }

    /// The attributes of what shows a time on the page.
    pub(super) fn of_time(&self, operation: Operation) -> String {
        let median = self.time(operation).median;
        format!("{} data-operation=\"{}\" data-median-ns=\"{median}\"", self.of_case(), operation.key())
    }

    /// The attributes of what shows a size on the page.
    pub(super) fn of_bytes(&self, size: Size) -> String {
        format!("{} data-size=\"{}\" data-bytes=\"{}\"", self.of_case(), size.key(), self.bytes(size))
    }

    fn of_case(&self) -> String {
        format!("data-backend=\"{}\" data-suite=\"{}\"", self.backend.name(), self.suite.0)
    }

    /// Small if everything is quick: the geometric mean of the medians.
    pub(super) fn pace(&self) -> f64 {
        self.times.iter().map(|time| (time.median.max(1) as f64).ln()).sum::<f64>()
    }

    fn json(&self) -> Item {
        let times = Operation::ALL.iter().fold(Item::object(), |item, operation| {
            let time = self.time(*operation);
            item.with(
                operation.key(),
                Item::object()
                    .with("median_ns", time.median)
                    .with("q1_ns", time.q1)
                    .with("q3_ns", time.q3)
                    .with("min_ns", time.min)
                    .with("max_ns", time.max)
                    .with("samples", time.samples),
            )
        });
        let sizes =
            Size::ALL.iter().fold(Item::object(), |item, size| item.with(size.key(), self.bytes(*size)));
        Item::object()
            .with("backend", self.backend.name())
            .with("suite", self.suite.0)
            .with("name", self.name)
            .with("kind", self.kind.name())
            .with("level", self.level)
            .with("algorithms", algorithms(&self.algorithms))
            .with("times", times)
            .with("bytes", sizes)
    }
}

/// A whole run.
#[derive(Debug, Clone)]
pub(super) struct Results {
    pub(super) machine: Machine,
    pub(super) numbering: Numbering,
    pub(super) members: u32,
    pub(super) rounds: u32,
    /// When it began, as a date.
    pub(super) date: String,
    /// Whether all cases took turns, and not the backends of each suite alone.
    pub(super) together: bool,
    pub(super) seconds: u64,
    /// By kind of suite, suite and backend.
    pub(super) cases: Vec<Measured>,
}

impl Results {
    /// The suites, each with its backends, in the order of the cases.
    pub(super) fn suites(&self) -> Vec<&[Measured]> {
        self.cases.chunk_by(|a, b| a.suite == b.suite).collect()
    }

    /// What took turns in a round, for programs.
    pub(super) const fn turns(&self) -> &'static str {
        if self.together { "all" } else { "backends-of-a-suite" }
    }

    /// The backends that were measured.
    pub(super) fn backends(&self) -> impl Iterator<Item = Backend> {
        Backend::ALL.into_iter().filter(|backend| self.cases.iter().any(|case| case.backend == *backend))
    }

    pub(super) fn json(&self) -> Item {
        let about = Operation::ALL.iter().fold(Item::object(), |item, one| item.with(one.key(), one.about()));
        let sizes = Size::ALL.iter().fold(Item::object(), |item, one| item.with(one.key(), one.about()));
        Item::object()
            .with("version", self.machine.version)
            .with("date", self.date.as_str())
            .with("optimised", self.machine.optimised)
            .with("machine", self.machine.json())
            .with("numbering", self.numbering.name())
            .with("members", self.members)
            .with("rounds", self.rounds)
            .with("turns", self.turns())
            .with("seconds", self.seconds)
            .with("operations", about)
            .with("sizes", sizes)
            .with("cases", Item::list(self.cases.iter().map(Measured::json)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_has_a_place() {
        let samples = Samples::default();
        assert_eq!((Operation::ALL.len(), Size::ALL.len()), (samples.times.len(), samples.sizes.len()));
        assert_eq!(Size::ALL.len(), Size::SENT.len() + Size::PRIVATE.len());
    }
}
