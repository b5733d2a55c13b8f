//! What was measured, as numbers: the table, the JSON document and the page all come from these values.

use std::time::Instant;

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

/// The middle of what was measured, and how far it spreads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Spread {
    pub(super) median: u64,
    pub(super) q1: u64,
    pub(super) q3: u64,
    pub(super) min: u64,
    pub(super) max: u64,
    pub(super) samples: usize,
}

impl Spread {
    pub(super) fn of(values: &[u64]) -> Self {
        let mut sorted = values.to_vec();
        sorted.sort_unstable();
        // Between two neighbours in proportion.
        let at = |quarters: usize| {
            let place = sorted.len().saturating_sub(1) * quarters;
            let low = sorted.get(place / 4).copied().unwrap_or(0);
            let high = sorted.get(place / 4 + 1).copied().unwrap_or(low);
            low + (high - low) * (place % 4) as u64 / 4
        };
        Self { median: at(2), q1: at(1), q3: at(3), min: at(0), max: at(4), samples: values.len() }
    }

    /// Half of the distance between the quartiles, in percent of the median.
    pub(super) const fn percent(&self) -> u64 {
        match ((self.q3 - self.q1) * 50).checked_div(self.median) {
            Some(percent) => percent,
            None => 0,
        }
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
    pub(super) seconds: u64,
    /// By kind of suite, suite and backend.
    pub(super) cases: Vec<Measured>,
}

impl Results {
    /// The suites, each with its backends, in the order of the cases.
    pub(super) fn suites(&self) -> Vec<&[Measured]> {
        self.cases.chunk_by(|a, b| a.suite == b.suite).collect()
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
            .with("seconds", self.seconds)
            .with("operations", about)
            .with("sizes", sizes)
            .with("cases", Item::list(self.cases.iter().map(Measured::json)))
    }
}

/// Where it ran.
#[derive(Debug, Clone)]
pub(super) struct Machine {
    pub(super) version: &'static str,
    pub(super) optimised: bool,
    pub(super) system: String,
    pub(super) processor: Option<String>,
    pub(super) threads: usize,
}

impl Machine {
    pub(super) fn this() -> Self {
        Self {
            version: env!("CARGO_PKG_VERSION"),
            optimised: !cfg!(debug_assertions),
            system: format!("{} on {}", std::env::consts::OS, std::env::consts::ARCH),
            processor: processor(),
            threads: std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
        }
    }

    fn json(&self) -> Item {
        Item::object()
            .with("system", self.system.as_str())
            .with("processor", self.processor.as_deref())
            .with("threads", self.threads)
    }

    /// In one line.
    pub(super) fn line(&self) -> String {
        let processor = self.processor.as_deref().unwrap_or("unknown processor");
        format!("{processor}, {}, {}", text::count(self.threads, "thread"), self.system)
    }
}

/// The processor's name, where the system tells it to everybody.
fn processor() -> Option<String> {
    let file = std::fs::read_to_string("/proc/cpuinfo").ok()?;
    let line = file.lines().find(|line| line.starts_with("model name"))?;
    let name = line.split_once(':')?.1.split_whitespace().collect::<Vec<_>>().join(" ");
    (!name.is_empty() && !name.chars().any(char::is_control)).then_some(name)
}

/// Three digits and a unit.
pub(super) fn duration(nanoseconds: u64) -> String {
    const UNITS: [(u64, &str); 3] = [(1_000_000_000, "s"), (1_000_000, "ms"), (1_000, "µs")];
    for (unit, name) in UNITS {
        if nanoseconds >= unit {
            let value = nanoseconds as f64 / unit as f64;
            let digits = if value < 9.995 {
                2
            } else if value < 99.95 {
                1
            } else {
                0
            };
            return format!("{value:.digits$} {name}");
        }
    }
    format!("{nanoseconds} ns")
}

/// Digits in groups of three.
pub(super) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quartiles() {
        assert_eq!(Spread::of(&[]), Spread::default());
        let one = Spread::of(&[7]);
        assert_eq!((one.median, one.q1, one.q3, one.samples), (7, 7, 7, 1));
        let five = Spread::of(&[50, 10, 20, 30, 40]);
        assert_eq!((five.min, five.q1, five.median, five.q3, five.max), (10, 20, 30, 40, 50));
        assert_eq!(five.percent(), 33);
        let two = Spread::of(&[100, 200]);
        assert_eq!((two.q1, two.median, two.q3), (125, 150, 175));
    }

    #[test]
    fn numbers_for_people() {
        let shown = [999, 1_000, 9_994, 12_345, 999_900, 1_234_567, 2_000_000_000].map(duration);
        assert_eq!(shown, ["999 ns", "1.00 µs", "9.99 µs", "12.3 µs", "1000 µs", "1.23 ms", "2.00 s"]);
        assert_eq!([0, 999, 1_000, 1_234_567].map(grouped), ["0", "999", "1,000", "1,234,567"]);
    }

    #[test]
    fn every_name_has_a_place() {
        let samples = Samples::default();
        assert_eq!((Operation::ALL.len(), Size::ALL.len()), (samples.times.len(), samples.sizes.len()));
        assert_eq!(Size::ALL.len(), Size::SENT.len() + Size::PRIVATE.len());
    }
}
