//! One operation, played again and again: each time the store fails at another call.

use crate::scene::{Rows, Scene, TEA, go_on};
use pleach::{Client, Error, Group};
use pleach_testkit::faults::{Call, Fault, Faults, FaultyStorage, Hit, Place, Plan, is_injected};

/// The four ways to fail that a caller can tell apart, or should.
const FAULTS: [Fault; 4] = [Fault::Before, Fault::Halfway, Fault::After, Fault::Unknown { applied: false }];

/// More calls than any operation makes.
const MANY: u64 = 1_000;

/// Who does it, over the store that fails.
pub(crate) struct Actor {
    pub(crate) client: Client,
    /// The handle that lives through the failure; `None` if there is no group, or it is gone.
    pub(crate) group: Option<Group>,
}

impl Actor {
    pub(crate) fn group(&mut self) -> &mut Group {
        self.group.as_mut().expect("a group")
    }
}

/// How it ends.
pub(crate) enum End {
    /// The actor and these talk and commit.
    GoOn(Vec<Group>),
    /// These do, without the actor.
    Without(Vec<Group>),
    /// There is nothing to be gone on with.
    Over,
}

type Prepare = Box<dyn Fn(&mut Scene)>;
type Run = Box<dyn Fn(&mut Actor, &Scene) -> Result<(), Error>>;
type Resume = Box<dyn Fn(&mut Actor, &mut Scene, bool) -> End>;

/// An operation of a group's life: one batch at most.
pub(crate) struct Operation {
    name: &'static str,
    by: &'static str,
    prepare: Prepare,
    run: Run,
    resume: Resume,
}

/// `resume` is told whether the operation was done; it does it if not, finds what it had returned if so, and brings
/// everybody to the same epoch.
pub(crate) fn operation(
    name: &'static str,
    run: impl Fn(&mut Actor, &Scene) -> Result<(), Error> + 'static,
    resume: impl Fn(&mut Actor, &mut Scene, bool) -> End + 'static,
) -> Operation {
    Operation { name, by: "alice", prepare: Box::new(|_| {}), run: Box::new(run), resume: Box::new(resume) }
}

impl Operation {
    pub(crate) fn after(mut self, prepare: impl Fn(&mut Scene) + 'static) -> Self {
        self.prepare = Box::new(prepare);
        self
    }

    pub(crate) fn by(mut self, name: &'static str) -> Self {
        self.by = name;
        self
    }

    /// Plays it with every failure at every call.
    pub(crate) fn play(&self, beginning: &Scene) {
        let mut scene = beginning.copy();
        (self.prepare)(&mut scene);
        let before = scene.rows(self.by);
        let after = {
            let mut rehearsal = scene.copy();
            let mut actor = self.actor(&mut rehearsal, &Faults::new());
            (self.run)(&mut actor, &rehearsal).unwrap();
            let after = rehearsal.rows(self.by);
            self.end(actor, &mut rehearsal, before != after);
            after
        };
        let mut struck = 0;
        for fault in FAULTS {
            for dies in [false, true] {
                for k in 0.. {
                    assert!(k < MANY, "{} has no end", self.name);
                    match self.strike(&scene, Plan { place: Place::Any(k), fault, dies }, (&before, &after)) {
                        None => break,
                        Some(_) => struck += 1,
                    }
                }
            }
        }
        assert!(struck > 0, "{} never reads or writes", self.name);
    }

    /// Plays it with one failure; `None` if it ended before it came to that.
    fn strike(&self, scene: &Scene, plan: Plan, (before, after): (&Rows, &Rows)) -> Option<Hit> {
        let mut scene = scene.copy();
        let faults = Faults::new();
        let mut actor = self.actor(&mut scene, &faults);
        faults.arm(plan);
        let result = (self.run)(&mut actor, &scene);
        let rows = scene.rows(self.by);
        let place = || format!("{}, {plan:?}, {:?}", self.name, faults.hit());
        let Some(hit) = faults.hit() else {
            result.unwrap_or_else(|error| panic!("{}: {error}", place()));
            assert!(rows == *after, "{}: other rows without a failure: {}", place(), differ(&rows, after));
            return None;
        };
        let distinct = match hit.call {
            Call::Get => plan.fault == Fault::Before,
            Call::Scan => matches!(plan.fault, Fault::Before | Fault::Halfway),
            Call::Apply => true,
        };
        if !distinct {
            return Some(hit);
        }
        let done = rows == *after && before != after;
        assert!(
            rows == *after || rows == *before,
            "{}: neither before ({}) nor after ({})",
            place(),
            differ(&rows, before),
            differ(&rows, after)
        );
        match result {
            Err(Error::Storage(error)) => assert!(is_injected(&error), "{}: {error}", place()),
            Err(error) => panic!("{}: {error}", place()),
            // What was only read to be ready for more may fail without harm; a batch may not.
            Ok(()) => assert!(hit.call != Call::Apply && rows == *after, "{}: no error", place()),
        }
        if hit.call == Call::Apply {
            assert_eq!(done, plan.fault.applies(), "{}", place());
        }
        if plan.dies {
            drop(actor);
            actor = self.actor(&mut scene, &Faults::new());
        } else {
            faults.disarm();
        }
        self.end(actor, &mut scene, done);
        Some(hit)
    }

    fn actor(&self, scene: &mut Scene, faults: &Faults) -> Actor {
        let store = scene.store(self.by);
        let client = scene.client_over(self.by, FaultyStorage::new(store, faults.clone()));
        let group = match client.load(TEA) {
            Ok(group) => Some(group),
            Err(Error::NotFound(_) | Error::GroupDeleted { .. }) => None,
            Err(stuck) => panic!("{}: the group does not open: {stuck}", self.name),
        };
        Actor { client, group }
    }

    fn end(&self, mut actor: Actor, scene: &mut Scene, done: bool) {
        match (self.resume)(&mut actor, scene, done) {
            End::GoOn(mut groups) => {
                groups.insert(0, actor.group.take().expect("a group"));
                go_on(&mut groups);
            }
            End::Without(mut groups) => go_on(&mut groups),
            End::Over => {}
        }
    }
}

/// Plays all of these from the beginning.
pub(crate) fn play(operations: &[Operation]) {
    let beginning = Scene::beginning();
    for operation in operations {
        operation.play(&beginning);
    }
}

/// The kinds of rows in which they differ.
fn differ(one: &Rows, other: &Rows) -> String {
    let kind = |key: &[u8]| {
        pleach::storage::Key::decode(key).map_or_else(|_| "unknown".to_owned(), |key| key.record.to_string())
    };
    let keys: std::collections::BTreeSet<_> = one.keys().chain(other.keys()).collect();
    let names = keys.into_iter().filter(|key| one.get(*key) != other.get(*key)).map(|key| kind(key));
    names.collect::<Vec<_>>().join(" ")
}
