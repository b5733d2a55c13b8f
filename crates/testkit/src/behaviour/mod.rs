//! The behaviour suite: what a group does, and what it refuses, seen through the facade.
//!
//! One list, [`CASES`], run everywhere: as tests of the facade, and by the binary `matrix` over backends, storage engines,
//! suites and wire policies. A case gets a [`World`] of its own, makes fresh clients in it, and returns a [`Failure`] that
//! says where and why if anything is not as RFC 9420 has it. Each case holds its refusal: the typed error, and that nothing
//! changed.
//!
//! Invariants: a case depends on nothing but its world; no case depends on another, on the time of day or on threads.
//! Deliberately not here: messages that only a forger can make ([`crate::malform`]), crashes within a batch, and cost.

#[macro_use]
mod failure;
mod scene;
mod stores;
mod world;

mod credentials;
mod directory;
mod external;
mod invitation;
mod key_packages;
mod life;
mod messages;
pub mod mixed;
mod observer;
mod outsiders;
mod proposals;
mod restart;
mod secrets;
mod successors;
mod x509;

pub use failure::Failure;
pub use stores::{CountedStores, EncryptedStores, MemoryStores, RedbStores, SqliteStores, Stores};
pub use world::World;

/// One thing that a group does, with its refusal.
#[derive(Debug, Clone, Copy)]
pub struct Case {
    /// Its name: subject and what is shown.
    pub name: &'static str,
    /// What it shows, in a line.
    pub about: &'static str,
    /// Runs it.
    pub run: fn(&World) -> Result<(), Failure>,
}

/// Lists cases by subject; a case's name is that of its function.
macro_rules! cases {
    ($($subject:ident { $($name:ident: $about:literal,)* })*) => {
        /// All cases.
        pub const CASES: &[Case] = &[$($(
            Case { name: stringify!($name), about: $about, run: $subject::$name },
        )*)*];
    };
}

cases! {
    life {
        create_add_talk: "members are added, join and talk; twice in the group is refused",
        commit_with_path: "a Commit gives fresh keys; a tampered one changes nothing",
        commit_without_path: "an Add alone needs no path; old Commits are refused",
        remove: "a removed member is out, and can come back",
        leave: "leaving takes another member",
    }
    key_packages {
        lifetimes: "key packages that expired, or are not valid yet, are refused",
        last_resort: "a last resort is used again until it is withdrawn",
        single_use: "a key package opens one Welcome",
        of_another_suite: "a key package of another suite, or tampered with, is refused",
    }
    credentials {
        basic: "basic credentials; the same client twice is refused",
        x509: "certificate chains; a chain for another key is refused",
        auth_denies: "what the authentication service denies goes nowhere",
        auth_later: "what it answers later waits",
        rotation: "keys are rotated; what is no successor is refused",
    }
    proposals {
        by_value: "every proposal type by value",
        by_reference: "every proposal type by reference; unknown references are refused",
        selected: "some pending proposals and not others",
        custom: "proposals of the application; members that lack the type",
        grease: "GREASE, on and off; it cannot be proposed",
    }
    outsiders {
        external_senders: "external senders propose; wrong index, key or type is refused",
        new_members: "new members propose themselves where the rules allow it",
        quotas: "so many proposals are kept, and no more",
    }
    external {
        external_join: "joining by external Commit; refused by policy or too late",
        group_info: "GroupInfo without key or tree, with another tree, tampered with",
        resync: "a former leaf is replaced; another client's is not",
        external_join_with_psk: "an external Commit brings in a PSK",
    }
    invitation {
        welcome_with_tree: "Welcome with the tree; not for others, not twice",
        welcome_without_tree: "Welcome with the tree apart; none or another is refused",
        welcome_in_parts: "a Welcome in parts",
    }
    secrets {
        external_psk: "external PSKs; missing or different ones are refused",
        resumption_psk: "resumption PSKs, in the group and in another",
        exporter: "exported secrets agree within an epoch, and differ otherwise",
        epoch_authenticator: "so do epoch authenticators",
    }
    successors {
        reinit: "ReInit into another suite; the old group is frozen",
        reinit_by_reference: "ReInit proposed by another; the successor takes the id",
        reinit_members: "a successor of other members is refused",
        branch: "branches; with a stranger they are refused",
        migration: "through three suites by ReInit, as to and on from a post-quantum one",
    }
    messages {
        private_handshakes: "handshakes are private; public ones are refused",
        public_handshakes: "handshakes are public; private ones are refused",
        mixed_handshakes: "either way, each with its tag",
        padding: "no padding, blocks, and Padmé",
        authenticated_data: "data in the clear that nobody can change",
        out_of_order: "messages out of order; each is read once",
        windows: "too far ahead, and too many skipped",
        message_limit: "so many messages in an epoch",
        past_epochs: "so many past epochs stay readable",
        past_epoch_age: "and for so long",
    }
    observer {
        observer_follows: "an observer follows public handshakes",
        observer_refuses: "private or forged ones it does not",
    }
    restart {
        restart_at_any_point: "a restart between any two steps",
        restart_before_merge: "a Commit is merged after a crash",
        lost_race: "a lost race needs no undoing",
        discard: "a Commit that nobody wants",
        own_commit_comes_back: "the own Commit comes back from the delivery service",
        two_handles: "two handles of one group",
    }
    directory {
        list_load_delete: "groups are listed, loaded, deleted",
        inspect: "what can be seen of a group; no secrets",
        records: "the application's records land with the ratchet",
    }
}

/// The case with this name.
#[must_use]
pub fn find(name: &str) -> Option<&'static Case> {
    CASES.iter().find(|case| case.name == name)
}
