//! The command line, as clap reads it. What the subcommands do is in `commands`.
//!
//! Every subcommand's `--help` ends with an example that works as it stands after those before it in the guide.

mod change;
mod shared;

use clap::{Args, Parser, Subcommand};
use pleach::crypto::CipherSuiteId;
use std::path::PathBuf;

pub(crate) use change::{
    AddArgs, BranchArgs, CommitCommand, DiscardArgs, PickArgs, Propose, ProposeArgs, ProposeCommand,
    ReinitArgs, RemoveArgs, UpdateArgs,
};
pub(crate) use shared::{CommitArgs, GroupArg, Handshake, Out, SuccessorArgs};
use shared::{non_empty, suite};

use crate::backends::{Backend, Numbering};
use crate::exit::TABLE;
use crate::inspect::Kind;

/// End-to-end encrypted groups (Messaging Layer Security, RFC 9420), held by passing files around
///
/// An identity lives in one SQLite file; messages are files, or go through standard input and output. Start with `pleach
/// demo`.
#[derive(Debug, Parser)]
#[command(name = "pleach", version, after_help = TABLE, max_term_width = 110, disable_help_subcommand = true)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What all subcommands take.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct Global {
    /// The SQLite file of the identity; otherwise what the environment variable PLEACH_STORE names
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) store: Option<PathBuf>,
    /// Print one JSON document instead of text; with a file, print text and write the document there
    #[arg(long, global = true, num_args = 0..=1, require_equals = true, value_name = "FILE")]
    pub(crate) json: Option<Option<PathBuf>>,
    /// The backends to use, the preferred first, with commas: aws-lc, rustcrypto, ring, post-quantum-fast, post-quantum; otherwise
    /// what PLEACH_CRYPTO says; otherwise what has every suite
    #[arg(
        long,
        global = true,
        value_enum,
        value_delimiter = ',',
        value_name = "BACKENDS",
        hide_possible_values = true
    )]
    pub(crate) crypto: Vec<Backend>,
    /// Whose numbers post-quantum suites have: pleach, openmls or mlspp; otherwise what PLEACH_NUMBERING says. `init` stores it
    #[arg(long, global = true, value_enum, value_name = "WHOSE", hide_possible_values = true)]
    pub(crate) numbering: Option<Numbering>,
}

impl Global {
    /// Whether standard output is for JSON.
    pub(crate) const fn prints_json(&self) -> bool {
        matches!(self.json, Some(None))
    }

    /// The file for JSON.
    pub(crate) const fn json_file(&self) -> Option<&PathBuf> {
        match &self.json {
            Some(Some(path)) => Some(path),
            _ => None,
        }
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Make an identity: a name, its signature keys, and the file for both
    #[command(after_help = "Example:\n  pleach init --store alice.db --name alice")]
    Init(InitArgs),
    /// Make a key package, with which others can add this identity to a group
    #[command(after_help = "Example:\n  pleach key-package --store bob.db -o bob.kp")]
    KeyPackage(KeyPackageArgs),
    /// Create a group of one
    #[command(after_help = "Example:\n  pleach create --store alice.db tea-party")]
    Create(CreateArgs),
    /// Commit the addition of members, given by their key packages
    #[command(after_help = "Example:\n  pleach add --store alice.db bob.kp -o add.mls --welcome welcome.mls")]
    Add(AddArgs),
    /// Commit the removal of members
    #[command(after_help = "Example:\n  pleach remove --store alice.db carol -o remove.mls")]
    Remove(RemoveArgs),
    /// Commit fresh keys of one's own
    #[command(after_help = "Example:\n  pleach update --store alice.db -o update.mls")]
    Update(UpdateArgs),
    /// Propose one's own removal; another member commits it
    #[command(after_help = "Example:\n  pleach leave --store carol.db -o leave.mls")]
    Leave(ProposeArgs),
    /// Make a proposal, for some member to commit
    #[command(after_help = "Example:\n  pleach propose --store bob.db update -o proposal.mls")]
    Propose(ProposeCommand),
    /// Commit what was proposed, and more if wanted
    #[command(after_help = "Example:\n  pleach commit --store alice.db -o commit.mls")]
    Commit(CommitCommand),
    /// Enter the epoch of an own commit, once it was delivered to the others
    #[command(after_help = "Example:\n  pleach merge --store alice.db add.mls")]
    Merge(PickArgs),
    /// Give up an own commit that lost a race, or proposals that nobody will commit
    #[command(after_help = "Example:\n  pleach discard --store alice.db update.mls")]
    Discard(DiscardArgs),
    /// Join the group of a Welcome
    #[command(after_help = "Example:\n  pleach join --store bob.db welcome.mls")]
    Join(JoinArgs),
    /// Encrypt text or a file for the group
    #[command(after_help = "Example:\n  pleach send --store alice.db \"tea at five\" -o message.mls")]
    Send(SendArgs),
    /// Receive a message: text is printed, a commit takes effect
    #[command(after_help = "Example:\n  pleach receive --store bob.db message.mls")]
    Receive(ReceiveArgs),
    /// Write a GroupInfo, with which others can join by external-join
    #[command(after_help = "Example:\n  pleach group-info --store alice.db -o group.info")]
    GroupInfo(GroupInfoArgs),
    /// Join a group by a commit of one's own, without an invitation
    #[command(after_help = "Example:\n  pleach external-join --store carol.db group.info -o join.mls")]
    ExternalJoin(ExternalJoinArgs),
    /// Keep pre-shared keys, to be mixed into a group's keys
    #[command(after_help = "Example:\n  pleach psk --store alice.db add garden-gate --secret gate.key")]
    Psk(PskCommand),
    /// End a group in favour of one with another cipher suite or id, or create that successor
    #[command(
        after_help = "Examples:\n  pleach reinit --store alice.db --suite 7 --id supper -o reinit.mls\n  pleach reinit --store alice.db --finish bob7.kp carol7.kp -o first.mls --welcome welcome.mls"
    )]
    Reinit(ReinitArgs),
    /// Create a group of some of the members of this one
    #[command(
        after_help = "Example:\n  pleach branch --store alice.db kitchen bob.kp -o first.mls --welcome welcome.mls"
    )]
    Branch(BranchArgs),
    /// Show who is in a group
    #[command(after_help = "Example:\n  pleach members --store alice.db --tree")]
    Members(MembersArgs),
    /// List the groups of an identity
    #[command(after_help = "Example:\n  pleach groups --store alice.db")]
    Groups(GroupsArgs),
    /// Derive a secret for another use from the group's present epoch
    #[command(after_help = "Example:\n  pleach exporter --store alice.db \"video call\" --length 32")]
    Exporter(ExporterArgs),
    /// Show or forget which keys names are pinned to
    #[command(after_help = "Example:\n  pleach trust --store alice.db --forget bob")]
    Trust(TrustArgs),
    /// Write everything that an identity has, or one of its groups, to a file that a passphrase seals
    #[command(
        after_help = "Example:\n  pleach export-store --store alice.db --passphrase words.txt -o alice.sealed"
    )]
    ExportStore(ExportArgs),
    /// Make an identity from such a file, or take one of its groups back
    #[command(
        after_help = "Example:\n  pleach import-store --store restored.db --passphrase words.txt alice.sealed"
    )]
    ImportStore(ImportArgs),
    /// List the cipher suites that this build has, and which backends have each
    #[command(
        after_help = "Examples:\n  pleach suites\n  pleach suites --crypto ring\n  pleach suites --numbering openmls"
    )]
    Suites,
    /// Measure the cipher suites on this machine: the time and the bytes of what members do
    #[command(
        after_help = "Examples:\n  pleach bench --quick\n  pleach bench --html suites.html --json=suites.json\n  pleach bench --suite 1,0xf0a2 --crypto aws-lc,post-quantum-fast --members 200"
    )]
    Bench(BenchArgs),
    /// Show what is in an MLS file, without believing or decrypting any of it
    #[command(after_help = "Example:\n  pleach inspect group.info --tree")]
    Inspect(InspectArgs),
    /// Play a group's life with three identities in three files
    #[command(after_help = "Example:\n  pleach demo --keep demo-files")]
    Demo(DemoArgs),
}

#[derive(Debug, Args)]
pub(crate) struct InitArgs {
    /// Who this is; other members see and pin it
    #[arg(long, value_parser = non_empty)]
    pub(crate) name: String,
    /// The cipher suite of groups and key packages, if they name none
    #[arg(long, value_parser = suite, default_value = "1", value_name = "NUMBER")]
    pub(crate) suite: CipherSuiteId,
}

#[derive(Debug, Args)]
pub(crate) struct KeyPackageArgs {
    #[command(flatten)]
    pub(crate) out: Out,
    /// The cipher suite
    #[arg(long, value_parser = suite, value_name = "NUMBER")]
    pub(crate) suite: Option<CipherSuiteId>,
    /// How many days it is valid
    #[arg(long, value_name = "DAYS", default_value_t = 90, value_parser = clap::value_parser!(u64).range(1..=365))]
    pub(crate) days: u64,
    /// Usable more than once, for when no other is left; less secret than one that is used up
    #[arg(long)]
    pub(crate) last_resort: bool,
    /// List the key packages that are waiting to be used, and what became of the others
    #[arg(long, conflicts_with_all = ["output", "suite", "last_resort", "delete"])]
    pub(crate) list: bool,
    /// Withdraw this key package: its private keys are deleted. It is given by its reference as `--list` shows it
    #[arg(long, value_name = "REFERENCE", conflicts_with_all = ["output", "suite", "last_resort"])]
    pub(crate) delete: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct CreateArgs {
    /// The group's id, which nobody else may use; 32 random bytes if not given
    #[arg(value_parser = non_empty)]
    pub(crate) id: Option<String>,
    /// The cipher suite
    #[arg(long, value_parser = suite, value_name = "NUMBER")]
    pub(crate) suite: Option<CipherSuiteId>,
}

#[derive(Debug, Args)]
pub(crate) struct JoinArgs {
    /// The Welcome; `-` is standard input
    pub(crate) welcome: PathBuf,
    /// The ratchet tree, if it is not in the Welcome
    #[arg(long, value_name = "FILE")]
    pub(crate) tree: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct SendArgs {
    /// What to send; otherwise standard input
    pub(crate) text: Option<String>,
    /// Send this file instead
    #[arg(long, short, value_name = "FILE", conflicts_with = "text")]
    pub(crate) input: Option<PathBuf>,
    /// Data that travels with the message in the clear, authenticated
    #[arg(long, value_name = "TEXT", default_value = "")]
    pub(crate) aad: String,
    #[command(flatten)]
    pub(crate) group: GroupArg,
    #[command(flatten)]
    pub(crate) out: Out,
}

#[derive(Debug, Args)]
pub(crate) struct ReceiveArgs {
    /// The message; `-` is standard input
    pub(crate) message: PathBuf,
    /// Where to write received data; otherwise standard output
    #[arg(long, short, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// Check a commit and say what it would change, without letting it take effect
    #[arg(long)]
    pub(crate) dry_run: bool,
    #[command(flatten)]
    pub(crate) group: GroupArg,
}

#[derive(Debug, Args)]
pub(crate) struct GroupInfoArgs {
    #[command(flatten)]
    pub(crate) group: GroupArg,
    #[command(flatten)]
    pub(crate) out: Out,
    /// Write the ratchet tree to this file instead of into the GroupInfo
    #[arg(long, value_name = "FILE")]
    pub(crate) tree: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct ExternalJoinArgs {
    /// The GroupInfo; `-` is standard input
    pub(crate) group_info: PathBuf,
    #[command(flatten)]
    pub(crate) out: Out,
    /// The ratchet tree, if it is not in the GroupInfo
    #[arg(long, value_name = "FILE")]
    pub(crate) tree: Option<PathBuf>,
    /// Remove one's own former leaf: for a member that lost its state
    #[arg(long)]
    pub(crate) resync: bool,
    /// Mix in this pre-shared key, which all members must have
    #[arg(long, value_name = "ID")]
    pub(crate) psk: Vec<String>,
    /// Join at once, where no server orders the commits
    #[arg(long)]
    pub(crate) merge: bool,
}

#[derive(Debug, Args)]
pub(crate) struct PskCommand {
    #[command(subcommand)]
    pub(crate) what: PskAction,
}

#[derive(Debug, Subcommand)]
pub(crate) enum PskAction {
    /// Keep a secret under a name that all members use for it
    Add {
        id: String,
        /// The file with the secret's bytes; `-` is standard input
        #[arg(long, value_name = "FILE")]
        secret: PathBuf,
    },
    /// Forget a secret
    Remove { id: String },
    /// List the names
    List,
}

#[derive(Debug, Args)]
pub(crate) struct MembersArgs {
    #[command(flatten)]
    pub(crate) group: GroupArg,
    /// Draw the ratchet tree
    #[arg(long)]
    pub(crate) tree: bool,
}

#[derive(Debug, Args)]
pub(crate) struct GroupsArgs {
    /// Delete this group's state; other members do not notice
    #[arg(long, value_name = "ID")]
    pub(crate) delete: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct ExporterArgs {
    /// What the secret is for
    pub(crate) label: String,
    /// What else it depends on
    #[arg(long, value_name = "TEXT", default_value = "")]
    pub(crate) context: String,
    /// Its length in bytes
    #[arg(long, default_value_t = 32, value_parser = clap::value_parser!(u16).range(1..=8160))]
    pub(crate) length: u16,
    #[command(flatten)]
    pub(crate) group: GroupArg,
}

#[derive(Debug, Args)]
pub(crate) struct TrustArgs {
    /// Forget the keys of this name, after checking with its owner that a new key is genuine
    #[arg(long, value_name = "NAME")]
    pub(crate) forget: Option<String>,
}

/// Where the passphrase comes from.
#[derive(Debug, Args)]
pub(crate) struct PassphraseArg {
    /// The file with the passphrase, less one line end; `-` is standard input; otherwise what PLEACH_PASSPHRASE says
    #[arg(long, value_name = "FILE")]
    pub(crate) passphrase: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct ExportArgs {
    #[command(flatten)]
    pub(crate) passphrase: PassphraseArg,
    /// Where to write it
    #[arg(long, short, value_name = "FILE")]
    pub(crate) output: PathBuf,
    /// This group alone
    #[arg(long, short, value_name = "ID")]
    pub(crate) group: Option<String>,
    /// The memory that every guess of the passphrase costs, in MiB: at least 12
    #[arg(long, value_name = "MIB", default_value_t = 64, value_parser = clap::value_parser!(u32).range(12..=1024))]
    pub(crate) memory: u32,
}

#[derive(Debug, Args)]
pub(crate) struct ImportArgs {
    /// What `export-store` wrote
    pub(crate) file: PathBuf,
    #[command(flatten)]
    pub(crate) passphrase: PassphraseArg,
}

#[derive(Debug, Args)]
pub(crate) struct InspectArgs {
    /// The file: binary, hexadecimal or base64; `-` is standard input
    pub(crate) file: PathBuf,
    /// Draw the ratchet tree in it
    #[arg(long)]
    pub(crate) tree: bool,
    /// What it is, if that is not to be found out
    #[arg(long, value_enum)]
    pub(crate) kind: Option<Kind>,
    /// Show long bytes in full
    #[arg(long)]
    pub(crate) full: bool,
}

#[derive(Debug, Args)]
pub(crate) struct BenchArgs {
    /// These suites alone, with commas; all if not given
    #[arg(long, value_parser = suite, value_delimiter = ',', value_name = "NUMBERS")]
    pub(crate) suite: Vec<CipherSuiteId>,
    /// How many members the group has [default: 32, or 8 with --quick]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(2..=10_000))]
    pub(crate) members: Option<u32>,
    /// How often everything is measured [default: 15, or 5 with --quick]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub(crate) rounds: Option<u32>,
    /// A small group and few rounds: a first impression in seconds
    #[arg(long)]
    pub(crate) quick: bool,
    /// Write a page to look at to this file; it needs nothing but a browser
    #[arg(long, value_name = "FILE")]
    pub(crate) html: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct DemoArgs {
    /// Keep the files, in this new directory
    #[arg(long, value_name = "DIR")]
    pub(crate) keep: Option<PathBuf>,
}
