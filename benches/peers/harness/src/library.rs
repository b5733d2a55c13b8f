//! What a library must be able to do to be measured.

use crate::Counts;
use std::path::Path;

/// Why something could not be done. The run ends with it: no failure is expected.
pub type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Something or a [`Failure`].
pub type Result<T> = std::result::Result<T, Failure>;

/// Where a party keeps its records.
#[derive(Clone, Copy, Debug)]
pub enum Place<'a> {
    /// In the memory of this process: parties that are not measured.
    Memory,
    /// In an SQLite file, with the library's own provider.
    File(&'a Path),
}

/// One library with one crypto provider, with basic credentials, in suite 1 (X25519, AES-128-GCM, SHA-256, Ed25519) unless
/// [`Library::suite`] says another.
///
/// Retention and ratchet limits are the library's defaults. Every Commit has a path, and is sent as a PrivateMessage, but for
/// [`Party::load_public`]; members accept both.
pub trait Library {
    /// Its name in tables.
    fn name(&self) -> &'static str;

    /// The name of its crypto provider.
    fn provider(&self) -> &'static str;

    /// The number of the cipher suite.
    fn suite(&self) -> u16 {
        1
    }

    /// The crates that are measured and their versions, and how their storage is set up.
    fn versions(&self) -> String;

    /// Whether the library stores only when it is told to ([`Group::save`]), and can so be measured without.
    fn saves_apart(&self) -> bool {
        false
    }

    /// A new signature key and credential, as bytes for [`Library::party`].
    fn identity(&self, name: &str) -> Result<Vec<u8>>;

    /// Opens a party's storage, or makes it.
    fn party(&self, identity: &[u8], place: Place<'_>) -> Result<Box<dyn Party>>;

    /// A KeyPackage of somebody who will never join.
    fn stranger(&self, name: &str) -> Result<Vec<u8>>;
}

/// One client with its storage.
pub trait Party {
    /// Makes a KeyPackage and stores its private keys.
    fn key_package(&self) -> Result<Vec<u8>>;

    /// Makes a group of one.
    fn create(&self, group_id: &[u8]) -> Result<Box<dyn Group>>;

    /// Joins by a Welcome; the group is stored. The tree is in the Welcome if it is not given.
    fn join(&self, welcome: &[u8], ratchet_tree: Option<&[u8]>) -> Result<Box<dyn Group>>;

    /// Joins by an external Commit, which is returned; the group is stored.
    fn join_externally(&self, group_info: &[u8], ratchet_tree: &[u8]) -> Result<(Box<dyn Group>, Vec<u8>)>;

    /// Opens a stored group.
    fn load(&self, group_id: &[u8]) -> Result<Box<dyn Group>>;

    /// Opens a stored group, whose Commits travel as PublicMessages from here on.
    fn load_public(&self, group_id: &[u8]) -> Result<Box<dyn Group>>;

    /// The same client made anew over the same storage, as after a restart. Not for parties that keep their records in a file.
    fn reopen(&self) -> Result<Box<dyn Party>>;

    /// What passed to and from the storage since the party was made.
    fn counts(&self) -> Counts;
}

/// What a Commit changes, besides the committer's path.
#[derive(Clone, Copy, Debug)]
pub enum Change<'a> {
    /// Nothing.
    None,
    /// Adds the owners of these KeyPackages.
    Add(&'a [Vec<u8>]),
    /// Removes the member at this leaf.
    Remove(u32),
}

/// How a ratchet tree comes to those who join.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TreeAt {
    /// Beside the Welcome.
    Beside,
    /// In the Welcome.
    Inside,
}

/// A Commit.
#[derive(Clone, Debug)]
pub struct Commit {
    /// For the members.
    pub message: Vec<u8>,
    /// For those added, in their order; how many each is for.
    pub welcomes: Vec<(usize, Vec<u8>)>,
}

impl Commit {
    /// The Welcome for the one who is added as the `count`th, from 1.
    pub(crate) fn welcome_for(&self, count: u32) -> Result<&[u8]> {
        let mut left = usize::try_from(count)?;
        for (members, welcome) in &self.welcomes {
            if left <= *members {
                return Ok(welcome);
            }
            left -= members;
        }
        Err(Failure::from("a Commit that adds has a Welcome for everybody"))
    }
}

/// One membership. When a method returns, what it did is stored, except in a library that [saves apart](Library::saves_apart).
pub trait Group {
    /// Makes an application message.
    fn encrypt(&mut self, data: &[u8]) -> Result<Vec<u8>>;

    /// Takes an application message or a Commit of another member; the Commit is merged.
    fn receive(&mut self, message: &[u8]) -> Result<()>;

    /// Makes a Commit.
    fn build(&mut self, change: Change<'_>, tree: TreeAt) -> Result<Commit>;

    /// Merges the Commit that was built last.
    fn merge(&mut self) -> Result<()>;

    /// Stores what was done since, where that is not done already.
    fn save(&mut self) -> Result<()> {
        Ok(())
    }

    /// Makes a Commit with the tree beside the Welcome, and merges it. Everything is stored.
    fn commit(&mut self, change: Change<'_>) -> Result<Commit> {
        let commit = self.build(change, TreeAt::Beside)?;
        self.save()?;
        self.merge()?;
        self.save()?;
        Ok(commit)
    }

    /// [`Group::encrypt`], stored.
    fn send(&mut self, data: &[u8]) -> Result<Vec<u8>> {
        let message = self.encrypt(data)?;
        self.save()?;
        Ok(message)
    }

    /// [`Group::receive`], stored.
    fn take(&mut self, message: &[u8]) -> Result<()> {
        self.receive(message)?;
        self.save()
    }

    /// The tree, for those who join.
    fn ratchet_tree(&mut self) -> Result<Vec<u8>>;

    /// A GroupInfo for external Commits, without the tree.
    fn group_info(&mut self) -> Result<Vec<u8>>;

    /// The number of the epoch.
    fn epoch(&self) -> u64;

    /// The epoch's authenticator, which all members have in common.
    fn authenticator(&self) -> Result<Vec<u8>>;
}
