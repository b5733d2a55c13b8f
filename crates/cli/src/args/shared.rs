//! What several subcommands take, and how values are read.

use clap::Args;
use pleach::crypto::CipherSuiteId;
use std::path::PathBuf;

/// Which group.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct GroupArg {
    /// The group, by its id as `groups` shows it; not needed if there is only one
    #[arg(long, short, value_name = "ID")]
    pub(crate) group: Option<String>,
}

/// Where a message goes.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct Out {
    /// Where to write the message; otherwise standard output, as base64 if that is a terminal
    #[arg(long, short, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
}

/// How a handshake message is made.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct Handshake {
    #[command(flatten)]
    pub(crate) group: GroupArg,
    #[command(flatten)]
    pub(crate) out: Out,
    /// Send it signed but not encrypted, so that a server can follow the group
    #[arg(long)]
    pub(crate) public: bool,
    /// Data that travels with the message in the clear, authenticated
    #[arg(long, value_name = "TEXT", default_value = "")]
    pub(crate) aad: String,
}

/// What all subcommands that commit take.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct CommitArgs {
    #[command(flatten)]
    pub(crate) handshake: Handshake,
    /// Where to write the Welcome for those who are added; `merge` can write it later
    #[arg(long, value_name = "FILE")]
    pub(crate) welcome: Option<PathBuf>,
    /// Where to write a GroupInfo of the new epoch
    #[arg(long, value_name = "FILE")]
    pub(crate) group_info: Option<PathBuf>,
    /// Leave the ratchet tree out of the Welcome and GroupInfo: `group-info --tree` writes it after the merge
    #[arg(long)]
    pub(crate) no_tree: bool,
    /// Enter the new epoch at once, where no server orders the commits
    #[arg(long)]
    pub(crate) merge: bool,
}

/// The group that follows a ReInit.
#[derive(Debug, Clone, Args)]
pub(crate) struct SuccessorArgs {
    /// The cipher suite of the new group; that of the old one if not given
    #[arg(long, value_parser = suite, value_name = "NUMBER")]
    pub(crate) suite: Option<CipherSuiteId>,
    /// The id of the new group; 32 random bytes if not given
    #[arg(long, value_parser = non_empty)]
    pub(crate) id: Option<String>,
}

pub(super) fn suite(text: &str) -> Result<CipherSuiteId, String> {
    // Whether there is such a suite depends on the backends and the numbering.
    text.parse().map_err(|_| "no suite number: `pleach suites` lists them".to_owned())
}

pub(super) fn non_empty(text: &str) -> Result<String, String> {
    if text.is_empty() { Err("it is empty".to_owned()) } else { Ok(text.to_owned()) }
}
