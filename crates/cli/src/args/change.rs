//! The arguments of the subcommands that change a group: commits, proposals, successors.

use clap::{Args, Subcommand};
use std::path::PathBuf;

use super::shared::{CommitArgs, GroupArg, Handshake, Out, SuccessorArgs, non_empty};

#[derive(Debug, Args)]
pub(crate) struct AddArgs {
    /// Key packages of those to add; `-` is standard input
    #[arg(required = true, value_name = "KEY_PACKAGE")]
    pub(crate) key_packages: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) commit: CommitArgs,
}

#[derive(Debug, Args)]
pub(crate) struct RemoveArgs {
    /// Members to remove: by name, or by leaf as @2
    #[arg(required = true, value_name = "MEMBER")]
    pub(crate) members: Vec<String>,
    #[command(flatten)]
    pub(crate) commit: CommitArgs,
}

#[derive(Debug, Args)]
pub(crate) struct UpdateArgs {
    /// Also replace the signature key
    #[arg(long)]
    pub(crate) rotate: bool,
    #[command(flatten)]
    pub(crate) commit: CommitArgs,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct ProposeArgs {
    #[command(flatten)]
    pub(crate) handshake: Handshake,
}

#[derive(Debug, Args)]
pub(crate) struct ProposeCommand {
    #[command(subcommand)]
    pub(crate) what: Propose,
}

/// The proposals that can be made by themselves.
#[derive(Debug, Subcommand)]
pub(crate) enum Propose {
    /// To add the owner of a key package
    Add {
        key_package: PathBuf,
        #[command(flatten)]
        handshake: Handshake,
    },
    /// To give oneself fresh keys
    Update {
        #[command(flatten)]
        handshake: Handshake,
    },
    /// To remove a member
    Remove {
        member: String,
        #[command(flatten)]
        handshake: Handshake,
    },
    /// To mix in a pre-shared key that all members have
    Psk {
        id: String,
        #[command(flatten)]
        handshake: Handshake,
    },
    /// To end the group in favour of one with another suite or id
    Reinit {
        #[command(flatten)]
        successor: SuccessorArgs,
        #[command(flatten)]
        handshake: Handshake,
    },
    /// To be added oneself, by somebody who is not a member yet
    Join {
        group_info: PathBuf,
        #[command(flatten)]
        out: Out,
    },
}

#[derive(Debug, Args)]
pub(crate) struct CommitCommand {
    /// Also add the owner of this key package
    #[arg(long, value_name = "KEY_PACKAGE")]
    pub(crate) add: Vec<PathBuf>,
    /// Also remove this member
    #[arg(long, value_name = "MEMBER")]
    pub(crate) remove: Vec<String>,
    /// Also mix in this pre-shared key, which all members must have
    #[arg(long, value_name = "ID")]
    pub(crate) psk: Vec<String>,
    /// Leave out what was proposed
    #[arg(long)]
    pub(crate) skip_proposals: bool,
    #[command(flatten)]
    pub(crate) commit: CommitArgs,
}

/// One of the own commits that are pending.
#[derive(Debug, Args)]
pub(crate) struct PickArgs {
    /// The commit: the file that it was written to, or its hash; not needed if there is only one
    #[arg(value_name = "COMMIT")]
    pub(crate) commit: Option<String>,
    #[command(flatten)]
    pub(crate) group: GroupArg,
    /// Where to write the Welcome for those who are added
    #[arg(long, value_name = "FILE")]
    pub(crate) welcome: Option<PathBuf>,
    /// Merge though the Welcome was never written: those who are added will not get in
    #[arg(long, conflicts_with = "welcome")]
    pub(crate) no_welcome: bool,
}

#[derive(Debug, Args)]
pub(crate) struct DiscardArgs {
    /// The commit: the file that it was written to, or its hash; not needed if there is only one
    #[arg(value_name = "COMMIT")]
    pub(crate) commit: Option<String>,
    #[command(flatten)]
    pub(crate) group: GroupArg,
    /// Forget the proposals that wait for a commit instead
    #[arg(long, conflicts_with = "commit")]
    pub(crate) proposals: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ReinitArgs {
    #[command(flatten)]
    pub(crate) successor: SuccessorArgs,
    /// Create the successor that was agreed on, with these key packages: one of every other member
    #[arg(long, value_name = "KEY_PACKAGE", num_args = 0.., conflicts_with_all = ["suite", "id"])]
    pub(crate) finish: Option<Vec<PathBuf>>,
    #[command(flatten)]
    pub(crate) commit: CommitArgs,
}

#[derive(Debug, Args)]
pub(crate) struct BranchArgs {
    /// The id of the new group
    #[arg(value_parser = non_empty)]
    pub(crate) id: String,
    /// Key packages of the other members of the new group
    #[arg(required = true, value_name = "KEY_PACKAGE")]
    pub(crate) key_packages: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) commit: CommitArgs,
}
