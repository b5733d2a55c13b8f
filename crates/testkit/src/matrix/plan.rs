//! What is run: the combinations that the backends claim, as the documents of the matrix say, less what the filters leave
//! out.

use super::{Arguments, Backend, Engine, REPRESENTATIVES, Source, Wire};
use crate::behaviour::mixed::{MIXED, MixedCase, PARTS, Part};
use crate::behaviour::{CASES, Case};
use pleach::crypto::CipherSuiteId;
use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

/// Which kind of group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// All members on the same backend and engine.
    Plain,
    /// Members on two backends.
    Mixed,
    /// A member whose suite is of two backends, or of three.
    Parts,
    /// Members on two storage engines.
    MixedStorage,
}

/// What a case runs over.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Combination {
    /// Which kind of group.
    pub kind: Kind,
    /// The backends: the committer's first.
    pub crypto: Vec<Source>,
    /// The storage engines: the committer's first.
    pub storage: Vec<Engine>,
    /// The suite.
    pub suite: CipherSuiteId,
    /// The wire policy.
    pub wire: Wire,
}

impl Combination {
    /// Its name, less suite and wire policy.
    #[must_use]
    pub fn group(&self) -> String {
        let (crypto, storage) = (joined(&self.crypto), joined(&self.storage));
        match self.kind {
            Kind::Plain => format!("{crypto}::{storage}"),
            Kind::Mixed => format!("mixed::{crypto}"),
            Kind::Parts => format!("parts::{crypto}"),
            Kind::MixedStorage => format!("mixed-storage::{storage}::{crypto}"),
        }
    }

    /// All backends that have a part in it.
    #[must_use]
    pub fn backends(&self) -> BTreeSet<Backend> {
        self.crypto.iter().flat_map(|source| source.backends()).collect()
    }
}

impl fmt::Display for Combination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}::{:#06x}::{}", self.group(), self.suite.0, self.wire)
    }
}

fn joined(items: &[impl fmt::Display]) -> String {
    items.iter().map(ToString::to_string).collect::<Vec<_>>().join("+")
}

/// What a job does with its combination.
#[derive(Debug, Clone, Copy)]
pub(super) enum Task {
    Case(&'static Case),
    Mixed(&'static MixedCase),
    Part(&'static Part),
    ThreeBackends,
}

/// One case on one combination.
#[derive(Debug, Clone)]
pub struct Job {
    /// What it runs over.
    pub combination: Arc<Combination>,
    pub(super) task: Task,
}

impl Job {
    /// What it shows.
    #[must_use]
    pub const fn about(&self) -> &'static str {
        match self.task {
            Task::Case(case) => case.about,
            Task::Mixed(case) => case.about,
            Task::Part(_) => "a suite with this part of another backend",
            Task::ThreeBackends => "a suite of three backends",
        }
    }
}

impl fmt::Display for Job {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let case = match self.task {
            Task::Case(case) => case.name,
            Task::Mixed(case) => case.name,
            Task::Part(part) => part.name,
            Task::ThreeBackends => "kem_aead_signature",
        };
        write!(f, "{}::{case}", self.combination)
    }
}

/// The jobs that the arguments choose.
///
/// # Errors
/// A sentence: if a chosen backend lacks a chosen suite (with the backends that have it), or if nothing is chosen.
pub fn plan(arguments: &Arguments) -> Result<Vec<Job>, String> {
    check_suites(arguments)?;
    let mut jobs = Vec::new();
    for combination in combinations().into_iter().filter(|combination| chosen(arguments, combination)) {
        let tasks: Vec<Task> = match combination.kind {
            Kind::Plain => CASES.iter().map(Task::Case).collect(),
            Kind::Mixed | Kind::MixedStorage => MIXED.iter().map(Task::Mixed).collect(),
            Kind::Parts if combination.crypto.len() == 3 => vec![Task::ThreeBackends],
            Kind::Parts => PARTS.iter().map(Task::Part).collect(),
        };
        let combination = Arc::new(combination);
        jobs.extend(tasks.into_iter().map(|task| Job { combination: combination.clone(), task }));
    }
    for wanted in &arguments.case {
        if !jobs.iter().any(|job| job.to_string().contains(wanted.as_str())) {
            return Err(format!("no case is named like {wanted}"));
        }
    }
    let is_named = |job: &Job| {
        let name = job.to_string();
        arguments.case.is_empty() || arguments.case.iter().any(|part| name.contains(part.as_str()))
    };
    jobs.retain(is_named);
    if jobs.is_empty() { Err("nothing is chosen".into()) } else { Ok(jobs) }
}

fn check_suites(arguments: &Arguments) -> Result<(), String> {
    for &suite in &arguments.suite {
        let having: Vec<_> =
            Backend::ALL.into_iter().filter(|backend| backend.suites().contains(&suite)).collect();
        if having.is_empty() {
            return Err(format!("no backend has suite {suite}"));
        }
        if let Some(lacking) = arguments.crypto.iter().find(|backend| !having.contains(backend)) {
            let having = having.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
            return Err(format!("{lacking} has no suite {suite}; these have it: {having}"));
        }
    }
    Ok(())
}

fn chosen(arguments: &Arguments, combination: &Combination) -> bool {
    let Arguments { crypto, storage, suite, wire, .. } = arguments;
    (crypto.is_empty() || combination.backends().iter().all(|backend| crypto.contains(backend)))
        && (storage.is_empty() || combination.storage.iter().all(|engine| storage.contains(engine)))
        && (suite.is_empty() || suite.contains(&combination.suite))
        && (wire.is_empty() || wire.contains(&combination.wire))
}

/// Everything that is run; not every combination that there could be.
fn combinations() -> Vec<Combination> {
    let mut all = Vec::new();
    let mut push = |kind, crypto: &[Source], storage: &[Engine], suites: &[CipherSuiteId]| {
        for &suite in suites {
            all.extend(Wire::ALL.map(|wire| Combination {
                kind,
                crypto: crypto.to_vec(),
                storage: storage.to_vec(),
                suite,
                wire,
            }));
        }
    };
    for backend in Backend::ALL {
        let (crypto, suites) = ([Source::Plain(backend)], backend.suites());
        for engine in Engine::EVERYWHERE {
            push(Kind::Plain, &crypto, &[engine], &suites);
        }
        for engines in both_orders(Engine::Memory, Engine::Sqlite) {
            push(Kind::MixedStorage, &crypto, &engines, &suites);
        }
    }
    for (backend, suite) in REPRESENTATIVES {
        let crypto = [Source::Plain(backend)];
        for engine in Engine::ALL.into_iter().filter(|engine| !Engine::EVERYWHERE.contains(engine)) {
            push(Kind::Plain, &crypto, &[engine], &[suite]);
        }
        for engines in both_orders(Engine::Redb, Engine::EncryptedSqliteWal) {
            push(Kind::MixedStorage, &crypto, &engines, &[suite]);
        }
    }
    for pair in Source::pairs() {
        let common = in_all(&pair);
        push(Kind::Mixed, &pair, &[Engine::Memory], &common);
        push(Kind::Parts, &pair, &[Engine::Memory], &common);
    }
    for [a, b, c] in triples() {
        push(Kind::Parts, &[a, b, c], &[Engine::Memory], &in_all(&[a, b, c]));
    }
    all
}

fn both_orders(a: Engine, b: Engine) -> [[Engine; 2]; 2] {
    [[a, b], [b, a]]
}

/// Three different backends, in every order.
fn triples() -> Vec<[Source; 3]> {
    let all = Backend::ALL.map(Source::Plain);
    let mut triples = Vec::new();
    for a in all {
        for b in all {
            triples.extend(all.map(|c| [a, b, c]));
        }
    }
    triples.retain(|[a, b, c]| a != b && b != c && a != c);
    triples
}

/// The suites that all of these have.
fn in_all(sources: &[Source]) -> Vec<CipherSuiteId> {
    let [first, others @ ..] = sources else { return Vec::new() };
    let mut suites = first.suites();
    suites.retain(|suite| others.iter().all(|other| other.suites().contains(suite)));
    suites
}
