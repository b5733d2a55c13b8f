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

/// One library with its SQLite provider, in suite 1 (X25519, AES-128-GCM, SHA-256, Ed25519), with basic credentials.
///
/// Retention and ratchet limits are the library's defaults. Handshake messages are PrivateMessages; ratchet trees travel
/// beside the Welcome; every Commit has a path.
pub trait Library {
    /// Its name in tables.
    fn name(&self) -> &'static str;

    /// The crates that are measured and their versions, and how their storage is set up.
    fn versions(&self) -> String;

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

    /// Joins by a Welcome; the group is stored.
    fn join(&self, welcome: &[u8], ratchet_tree: &[u8]) -> Result<Box<dyn Group>>;

    /// Opens a stored group.
    fn load(&self, group_id: &[u8]) -> Result<Box<dyn Group>>;

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

/// A Commit that its maker has merged.
#[derive(Clone, Debug)]
pub struct Commit {
    /// For the members.
    pub message: Vec<u8>,
    /// For those added.
    pub welcome: Option<Vec<u8>>,
}

/// One membership. When a method returns, what it did is stored.
pub trait Group {
    /// Makes an application message.
    fn encrypt(&mut self, data: &[u8]) -> Result<Vec<u8>>;

    /// Takes an application message or a Commit of another member; the Commit is merged.
    fn receive(&mut self, message: &[u8]) -> Result<()>;

    /// Makes a Commit, stores it, and merges it.
    fn commit(&mut self, change: Change<'_>) -> Result<Commit>;

    /// The tree, for those who join.
    fn ratchet_tree(&mut self) -> Result<Vec<u8>>;

    /// The number of the epoch.
    fn epoch(&self) -> u64;
}
