//! What several subcommands say alike: a message that was written, what a commit changes, where a group is.

use pleach::crypto::SuiteAlgorithms;
use pleach::wire::{LeafIndex, Proposal, Psk};
use pleach::{Group, Member, MembershipChanges};

use crate::exit::Failure;
use crate::io::{Output, base64};
use crate::output::{Item, Payload, Report};
use crate::session::{Names, name_of};
use crate::text;

/// Where a message goes: opened before the operation that makes it.
pub(super) struct Delivery {
    file: Option<Output>,
    name: Option<String>,
}

impl Delivery {
    pub(super) fn open(path: Option<&std::path::PathBuf>) -> Result<Self, Failure> {
        let name = path.map(|path| path.display().to_string());
        Ok(Self { file: Output::open(path)?, name })
    }

    /// Whether a file was named.
    pub(super) const fn is_file(&self) -> bool {
        self.file.is_some()
    }

    /// Writes the message to its file, or leaves it in the report for standard output; and says so.
    pub(super) fn main(self, report: Report, what: &str, message: &[u8]) -> Result<Report, Failure> {
        let is_file = self.is_file();
        let mut report = self.extra(report, "message", what, message)?;
        if !is_file {
            report.payload = Some(Payload::Message(message.to_vec()));
        }
        Ok(report)
    }

    /// The same, for what is not the main product: without a file it is not written.
    pub(super) fn extra(
        self,
        mut report: Report,
        field: &'static str,
        what: &str,
        message: &[u8],
    ) -> Result<Report, Failure> {
        let item = Item::object().with("bytes", message.len());
        let (item, line) = match (&self.name, self.file) {
            (Some(name), Some(file)) => {
                file.write(message)?;
                (item.with("file", name.as_str()), format!("{what}: {} bytes in {name}", message.len()))
            }
            _ => (item.with("base64", base64(message)), format!("{what}: {} bytes", message.len())),
        };
        report.json = report.json.with(field, item);
        Ok(report.line(line))
    }
}

/// The group and its epoch.
pub(super) fn place(group: &Group) -> Item {
    Item::object().with("group_id", Item::name(group.id())).with("epoch", group.epoch())
}

/// What a suite is, or was when something was stored.
pub(crate) fn algorithms(algorithms: &SuiteAlgorithms) -> Item {
    let SuiteAlgorithms { kem, kdf, aead, signature } = algorithms;
    let name = |name: Option<&'static str>, number: u16| {
        name.map_or_else(|| format!("{number:#06x}"), str::to_owned)
    };
    Item::object()
        .with("kem", name(kem.name(), kem.0))
        .with("kdf", name(kdf.name(), kdf.0))
        .with("aead", name(aead.name(), aead.0))
        .with("signature", name(signature.name(), signature.0))
}

fn all(names: &Names, leaves: &[LeafIndex]) -> Vec<String> {
    leaves.iter().map(|leaf| names.at(*leaf)).collect()
}

/// What a commit changes, in JSON.
pub(super) fn changes(changes: &MembershipChanges, names: &Names) -> Item {
    let list = |names: Vec<String>| Item::list(names.into_iter().map(Item::Text));
    let removed = changes.removed.iter().map(|(_, credential)| text::name(credential)).collect();
    Item::object()
        .with("epoch", changes.epoch)
        .with("committer", changes.committer.or(changes.joined).map(|leaf| names.at(leaf)))
        .with("added", list(all(names, &changes.added)))
        .with("removed", list(removed))
        .with("updated", list(all(names, &changes.updated)))
        .with("joined", changes.joined.map(|leaf| names.at(leaf)))
        .with("extensions_changed", changes.extensions_changed)
        .with("psks", list(changes.psks.iter().map(|id| psk(&id.psk)).collect()))
        .with(
            "reinit",
            changes.reinit.as_ref().map(|reinit| {
                Item::object()
                    .with("group_id", Item::name(&reinit.group_id))
                    .with("suite", reinit.cipher_suite.0)
            }),
        )
        .with("removed_us", changes.removed_us)
}

/// The same in lines.
pub(super) fn change_lines(changes: &MembershipChanges, names: &Names) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(leaf) = changes.joined {
        lines.push(format!("{} joined", names.at(leaf)));
    }
    if !changes.added.is_empty() {
        lines.push(format!("added {}", text::list(&all(names, &changes.added))));
    }
    if !changes.removed.is_empty() {
        let removed: Vec<String> =
            changes.removed.iter().map(|(_, credential)| text::name(credential)).collect();
        lines.push(format!("removed {}", text::list(&removed)));
    }
    let updated: Vec<LeafIndex> =
        changes.updated.iter().copied().filter(|leaf| Some(*leaf) != changes.joined).collect();
    // Whoever was removed has no tree left to name the others by, nor a use for the news.
    if !updated.is_empty() && !changes.removed_us {
        lines.push(format!("fresh keys for {}", text::list(&all(names, &updated))));
    }
    if changes.extensions_changed {
        lines.push("the group's extensions changed".to_owned());
    }
    for id in &changes.psks {
        lines.push(format!("mixed in {}", psk(&id.psk)));
    }
    if let Some(reinit) = &changes.reinit {
        let (id, suite) = (text::show(&reinit.group_id), text::suite(reinit.cipher_suite));
        lines.push(format!("the group ends; its successor is {id}, with suite {suite}"));
    }
    lines
}

/// A pre-shared key by name.
fn psk(psk: &Psk) -> String {
    match psk {
        Psk::External { psk_id } => format!("pre-shared key {}", text::show(psk_id)),
        Psk::Resumption { psk_group_id, psk_epoch, .. } => {
            format!("the resumption key of {}, epoch {psk_epoch}", text::show(psk_group_id))
        }
    }
}

/// What a proposal would do.
pub(super) fn proposal(proposal: &Proposal, members: &[Member]) -> String {
    match proposal {
        Proposal::Add(add) => format!("add {}", text::name(&add.key_package.leaf_node.credential)),
        Proposal::Update(_) => "fresh keys".to_owned(),
        Proposal::Remove(remove) => format!("remove {}", name_of(members, remove.removed)),
        Proposal::PreSharedKey(body) => format!("mix in {}", psk(&body.psk.psk)),
        Proposal::ReInit(reinit) => {
            let (id, suite) = (text::show(&reinit.group_id), text::suite(reinit.cipher_suite));
            format!("end the group in favour of {id}, with suite {suite}")
        }
        Proposal::GroupContextExtensions(_) => "other extensions of the group".to_owned(),
        other => format!("a proposal of type {}", other.proposal_type()),
    }
}
