//! A fully populated group that `pleach-peer synthesize` wrote: its GroupInfo, its tree, and KeyPackages of strangers.
//!
//! All libraries are given the same bytes. The members of the tree are nobody: those who are measured join by external Commits,
//! and then are at the leaves that were left blank.

use crate::{Failure, Result};
use serde::{Deserialize, Serialize};
use std::fs;
use std::path::{Path, PathBuf};

/// What is in the directory, as `meta.json`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Meta {
    /// Members, those included who will join.
    pub n: u32,
    /// The number of the cipher suite.
    pub suite: u16,
    /// Blank leaves, ascending: who joins by an external Commit comes to the first that is left.
    pub blanks: Vec<u32>,
    /// Two of them that are siblings.
    pub pair: [u32; 2],
    /// The last leaf, one of them: its Commits renew the parents that an Add at the end and its Remove leave blank.
    pub last: u32,
    /// The group's id.
    pub group_id: String,
    /// From which everything was made.
    pub seed: u64,
}

/// The directory.
#[derive(Clone, Debug)]
pub(crate) struct Synthetic {
    directory: PathBuf,
    pub(crate) meta: Meta,
}

impl Synthetic {
    /// Looks whether the directory is for a group of so many in this suite.
    pub(crate) fn open(directory: &Path, n: u32, suite: u16) -> Result<Self> {
        let meta: Meta = serde_json::from_slice(&fs::read(directory.join("meta.json"))?)?;
        if (meta.n, meta.suite) != (n, suite) {
            let Meta { n, suite, .. } = meta;
            return Err(Failure::from(format!("the synthetic group has {n} members in suite {suite}")));
        }
        Ok(Self { directory: directory.to_owned(), meta })
    }

    pub(crate) fn group_info(&self) -> Result<Vec<u8>> {
        Ok(fs::read(self.directory.join("group_info"))?)
    }

    pub(crate) fn tree(&self) -> Result<Vec<u8>> {
        Ok(fs::read(self.directory.join("tree"))?)
    }

    /// The first KeyPackages.
    pub(crate) fn key_packages(&self, count: usize) -> Result<Vec<Vec<u8>>> {
        let bytes = fs::read(self.directory.join("key_packages"))?;
        let mut rest = bytes.as_slice();
        let mut messages = Vec::with_capacity(count);
        while messages.len() < count {
            let (len, after) = rest.split_first_chunk().ok_or("too few KeyPackages in the directory")?;
            let len = usize::try_from(u32::from_be_bytes(*len))?;
            let (message, after) = after.split_at_checked(len).ok_or("a KeyPackage is cut off")?;
            messages.push(message.to_vec());
            rest = after;
        }
        Ok(messages)
    }
}

/// Writes messages one after the other, each after its length in four bytes.
///
/// # Errors
/// Those of the file.
pub fn write_messages(path: &Path, messages: &[Vec<u8>]) -> Result<()> {
    let mut bytes = Vec::with_capacity(messages.iter().map(|message| message.len() + 4).sum());
    for message in messages {
        bytes.extend_from_slice(&u32::try_from(message.len())?.to_be_bytes());
        bytes.extend_from_slice(message);
    }
    Ok(fs::write(path, bytes)?)
}
