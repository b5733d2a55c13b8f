//! A store, opened, with the client that lives in it: what nearly every subcommand begins with.

use pleach::state::GroupError;
use pleach::wire::{GroupContext, LeafIndex, MlsMessage, MlsMessageBody, Proposal, Sender, decode};
use pleach::{Client, Error, Group, GroupConfig, GroupSummary, Member, Rules, Status, WirePolicy};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use crate::args::{Global, GroupArg};
use crate::auth::Trust;
use crate::backends::Asked;
use crate::exit::Failure;
use crate::store::Store;
use crate::text;

/// An identity at work.
pub(crate) struct Session {
    pub(crate) store: Store,
    pub(crate) client: Client,
    pub(crate) trust: Arc<Trust>,
}

/// The command's rules: whoever hands over a message has decided to. So a stranger may ask to be added; nothing comes of
/// it before a member commits it.
struct Handed;

impl Rules for Handed {
    fn allow_proposal(&self, _: &GroupContext, _: &Sender, _: &Proposal) -> Result<(), GroupError> {
        Ok(())
    }
}

/// The store that the command line or the environment names.
pub(crate) fn store_path(global: &Global) -> Result<PathBuf, Failure> {
    let named = global.store.clone().or_else(|| std::env::var_os("PLEACH_STORE").map(PathBuf::from));
    named.ok_or_else(|| Failure::usage("which identity? Name its file with --store, or in PLEACH_STORE"))
}

impl Session {
    /// Opens the store. Reads a few rows, writes none.
    pub(crate) fn open(global: &Global) -> Result<Self, Failure> {
        Self::open_with(global, false)
    }

    /// As [`Session::open`]; `public` sends handshake messages unencrypted.
    pub(crate) fn open_with(global: &Global, public: bool) -> Result<Self, Failure> {
        let store = Store::open(&store_path(global)?, &Asked::read(global)?)?;
        let keys = store.keys()?;
        let own_keys = keys.iter().map(|key| key.signer.public().to_vec()).collect();
        let trust = Arc::new(Trust::load(&store, own_keys)?);
        let mut config = GroupConfig::default();
        config.wire = if public { WirePolicy::MIXED_SEND_PUBLIC } else { WirePolicy::MIXED };
        let mut builder = Client::builder(store.provider.clone(), store.storage.inner().clone())
            .id(store.name.clone())
            .auth(trust.clone())
            .rules(Handed)
            .config(config);
        // Other suites can be used while the backends lack the default; who needs it is told.
        if store.provider.suite(store.suite).is_ok() {
            builder = builder.suite(store.suite);
        }
        for key in keys {
            builder = builder.identity(store.credential(), key.signer);
        }
        Ok(Self { client: builder.build()?, store, trust })
    }

    /// Why a stored group cannot be opened with the backends and the numbering in use, if it cannot.
    pub(crate) fn unusable(&self, group: &GroupSummary) -> Option<&'static str> {
        match self.store.provider.suite(group.suite) {
            Err(_) => Some("the backends in use do not have the suite"),
            Ok(suite) if suite.check_stored(group.algorithms).is_err() => {
                Some("the suite's number stands for other algorithms now")
            }
            Ok(_) => None,
        }
    }

    /// The group that is named, or the only one.
    pub(crate) fn group(&self, arg: &GroupArg) -> Result<Group, Failure> {
        if let Some(id) = &arg.group {
            return self.load(&text::parse(id)?);
        }
        let all = self.client.groups()?;
        let live: Vec<_> = all.iter().filter(|group| group.status == Status::Active).collect();
        match (live.as_slice(), all.as_slice()) {
            ([only], _) => self.load(&only.group_id),
            ([], [only]) => self.load(&only.group_id),
            (_, []) => Err(Failure::not_found("this identity is in no group")),
            _ => Err(Failure::usage("which group? Name it with --group; `pleach groups` lists them")),
        }
    }

    /// The group with this id.
    pub(crate) fn load(&self, group_id: &[u8]) -> Result<Group, Failure> {
        self.client.load(group_id).map_err(|error| match error {
            Error::NotFound(_) | Error::GroupDeleted { .. } => {
                Failure::not_found(format!("there is no group {}", text::show(group_id)))
            }
            other => other.into(),
        })
    }

    /// The group that a message is for; if one was named, it must be that.
    pub(crate) fn group_of(&self, message: &[u8], arg: &GroupArg) -> Result<Group, Failure> {
        if arg.group.is_some() {
            return self.group(arg);
        }
        let message: MlsMessage = decode(message).map_err(Failure::malformed)?;
        let group_id = match &message.body {
            MlsMessageBody::PublicMessage(message) => &message.content.group_id,
            MlsMessageBody::PrivateMessage(message) => &message.group_id,
            MlsMessageBody::Welcome(_) => {
                return Err(Failure::malformed("this is a Welcome: `pleach join` takes it"));
            }
            MlsMessageBody::GroupInfo(_) => {
                return Err(Failure::malformed("this is a GroupInfo: `pleach external-join` takes it"));
            }
            MlsMessageBody::KeyPackage(_) => {
                return Err(Failure::malformed("this is a key package: `pleach add` takes it"));
            }
        };
        if !self.client.has_group(group_id)? {
            return Err(Error::WrongGroup.into());
        }
        self.load(group_id)
    }

    /// Keeps what was learned about names, once it is certain.
    pub(crate) fn save_trust(&self) -> Result<Vec<String>, Failure> {
        self.trust.save(&self.store)
    }

    /// Uses the key of the group's own leaf for new leaves: after a rotation was merged.
    pub(crate) fn follow_rotation(&self, group: &Group) -> Result<(), Failure> {
        self.store.prefer(group.own_signature_key())
    }
}

/// The member that is named, or at `@` and a leaf.
pub(crate) fn find_member(members: &[Member], who: &str) -> Result<LeafIndex, Failure> {
    if let Some(leaf) = who.strip_prefix('@').and_then(|leaf| leaf.parse().ok()).map(LeafIndex) {
        let found = members.iter().any(|member| member.index == leaf);
        return if found {
            Ok(leaf)
        } else {
            Err(Failure::not_found(format!("nobody is at leaf {}", leaf.0)))
        };
    }
    let named = members.iter().find(|member| text::name(&member.credential) == who);
    named.map(|member| member.index).ok_or_else(|| Failure::not_found(format!("{who:?} is no member")))
}

/// What a change calls those whom it is about.
pub(crate) struct Names(BTreeMap<LeafIndex, String>);

impl Names {
    /// After the change: all are members.
    pub(crate) fn of(members: &[Member]) -> Self {
        Self(members.iter().map(|member| (member.index, text::name(&member.credential))).collect())
    }

    /// Before it: members, and those who would come.
    pub(crate) fn before(session: &Session, group: &Group) -> Result<Self, Failure> {
        let mut names = Self::of(&group.members()?);
        let coming = session.trust.coming(group.id());
        names.0.extend(coming.into_iter().map(|(leaf, name)| (leaf, text::show(&name))));
        Ok(names)
    }

    pub(crate) fn at(&self, leaf: LeafIndex) -> String {
        self.0.get(&leaf).cloned().unwrap_or_else(|| format!("leaf {}", leaf.0))
    }
}

/// The name of the member at a leaf.
pub(crate) fn name_of(members: &[Member], leaf: LeafIndex) -> String {
    let member = members.iter().find(|member| member.index == leaf);
    member.map_or_else(|| format!("leaf {}", leaf.0), |member| text::name(&member.credential))
}
