//! `create`, `groups`, `members`, `exporter`, `group-info`: a group as one has it.

use pleach::wire::{RatchetTreeNodes, decode};
use pleach::{Group, GroupInfoSpec, GroupOptions, GroupSummary, Status, TreeDelivery};

use super::show::{self, Delivery};
use crate::args::{CreateArgs, ExporterArgs, Global, GroupInfoArgs, GroupsArgs, MembersArgs};
use crate::backends;
use crate::exit::Failure;
use crate::inspect::draw;
use crate::output::{Item, Report};
use crate::session::Session;
use crate::text;

pub(super) fn create(global: &Global, args: &CreateArgs) -> Result<Report, Failure> {
    let session = Session::open(global)?;
    let id = match &args.id {
        Some(id) => text::parse(id)?,
        None => session.client.random_group_id()?,
    };
    let mut options = GroupOptions::default();
    options.suite = Some(args.suite.unwrap_or(session.store.suite));
    let group = session.client.create_group_with(&id, &options)?;
    let json = show::place(&group).with("suite", group.suite().0);
    Ok(Report::new(json).line(format!("created {}, suite {}", text::show(&id), text::suite(group.suite()))))
}

fn status(status: &Status) -> &'static str {
    match status {
        Status::Active => "active",
        Status::ReInitialized(_) => "reinitialized",
        Status::Removed => "removed",
        _ => "unknown",
    }
}

/// What members compare to see that they are in the same epoch; none after a removal.
fn authenticator(group: &Group) -> Option<Vec<u8>> {
    group.epoch_authenticator().ok().map(|secret| secret.as_bytes().to_vec())
}

pub(super) fn groups(global: &Global, args: &GroupsArgs) -> Result<Report, Failure> {
    let session = Session::open(global)?;
    if let Some(id) = &args.delete {
        let group_id = text::parse(id)?;
        session.load(&group_id)?.delete()?;
        return Ok(Report::new(Item::object().with("deleted", id.as_str())).line(format!("deleted {id}")));
    }
    let mut lines = Vec::new();
    let mut items = Vec::new();
    for summary in session.client.groups()? {
        let (id, suite) = (text::show(&summary.group_id), text::suite_number(summary.suite));
        let restored = if summary.restored { ", restored" } else { "" };
        lines.push(format!(
            "{id}: epoch {}, suite {suite}, {}{restored}",
            summary.epoch,
            status(&summary.status)
        ));
        if summary.restored {
            lines.push("  sends nothing before `external-join --resync`".to_owned());
        }
        if backends::facts(summary.suite).is_none_or(|facts| facts.algorithms != summary.algorithms) {
            lines.push(format!("  made with {}", text::algorithms(&summary.algorithms)));
        }
        let unusable = session.unusable(&summary);
        if let Some(why) = unusable {
            // The list is there to find out what they would need.
            lines.push(format!("  {why}"));
            items.push(listed(&summary).with("unusable", why));
            continue;
        }
        let group = session.load(&summary.group_id)?;
        // Those of a copy must not be sent; where one was accepted, `receive` finds it.
        let pending = if group.is_restored() { Vec::new() } else { group.pending()? };
        let hashes: Vec<String> = pending.iter().map(|commit| hex::encode(commit.hash())).collect();
        let proposals = group.pending_proposals()?.len();
        if let Status::ReInitialized(successor) = group.status() {
            lines.push(format!(
                "  to be followed by {}, suite {}",
                text::show(&successor.group_id),
                text::suite_number(successor.cipher_suite)
            ));
        }
        lines.extend(hashes.iter().map(|hash| format!("  pending commit {hash}")));
        if proposals > 0 {
            lines.push(format!("  {} waiting for a commit", text::count(proposals, "proposal")));
        }
        items.push(
            listed(&summary)
                .with("epoch_authenticator", authenticator(&group).as_deref())
                .with("pending_commits", Item::list(hashes.into_iter().map(Item::Text)))
                .with("pending_proposals", proposals),
        );
    }
    let mut joins = Vec::new();
    for commit in session.client.pending_external()? {
        let hash = hex::encode(commit.hash());
        lines.push(format!("{}: to be joined by pending commit {hash}", text::show(commit.group_id())));
        joins.push(Item::object().with("group_id", Item::name(commit.group_id())).with("commit", hash));
    }
    if lines.is_empty() {
        lines.push("no groups".to_owned());
    }
    Ok(Report::new(Item::object().with("groups", items).with("pending_joins", joins)).more(lines))
}

/// What is known of a group without opening it.
fn listed(summary: &GroupSummary) -> Item {
    Item::object()
        .with("group_id", Item::name(&summary.group_id))
        .with("epoch", summary.epoch)
        .with("suite", summary.suite.0)
        .with("algorithms", show::algorithms(&summary.algorithms))
        .with("status", status(&summary.status))
        .with("own_leaf", summary.own_leaf.0)
        .with("restored", summary.restored)
}

pub(super) fn members(global: &Global, args: &MembersArgs) -> Result<Report, Failure> {
    let session = Session::open(global)?;
    let group = session.group(&args.group)?;
    let members = group.members()?;
    let authenticator = authenticator(&group);
    let mut lines = vec![format!(
        "{}: epoch {}, suite {}, {}",
        text::show(group.id()),
        group.epoch(),
        text::suite(group.suite()),
        text::count(members.len(), "member")
    )];
    let mut items = Vec::new();
    for member in &members {
        let own = member.index == group.own_index();
        let name = text::name(&member.credential);
        let mark = if own { "  (you)" } else { "" };
        lines.push(format!(
            "  @{:<4} {name:<16} {}{mark}",
            member.index.0,
            text::fingerprint(&member.signature_key)
        ));
        items.push(
            Item::object()
                .with("leaf", member.index.0)
                .with("name", name)
                .with("signature_key", Item::bytes(&member.signature_key))
                .with("you", own),
        );
    }
    for pending in group.pending_proposals()? {
        lines.push(format!("proposed: {}", show::proposal(&pending.proposal, &members)));
    }
    if let Some(authenticator) = &authenticator {
        lines.push(format!("epoch authenticator {}", text::fingerprint(authenticator)));
    }
    let mut json = show::place(&group)
        .with("suite", group.suite().0)
        .with("status", status(group.status()))
        .with("epoch_authenticator", authenticator.as_deref())
        .with("tree_hash", Item::bytes(&group.context().tree_hash))
        .with("members", items);
    if args.tree {
        let nodes: RatchetTreeNodes = decode(&group.ratchet_tree()?).map_err(Failure::malformed)?;
        let drawing = draw(&nodes);
        lines.extend(drawing.lines().map(str::to_owned));
        json = json.with("tree", drawing);
    }
    Ok(Report::new(json).more(lines))
}

pub(super) fn exporter(global: &Global, args: &ExporterArgs) -> Result<Report, Failure> {
    let session = Session::open(global)?;
    let group = session.group(&args.group)?;
    let secret = group.export(args.label.as_bytes(), args.context.as_bytes(), args.length.into())?;
    let json = show::place(&group).with("secret", Item::bytes(secret.as_bytes()));
    Ok(Report::new(json).line(hex::encode(secret.as_bytes())))
}

pub(super) fn group_info(global: &Global, args: &GroupInfoArgs) -> Result<Report, Failure> {
    let session = Session::open(global)?;
    let group = session.group(&args.group)?;
    let out = Delivery::open(args.out.output.as_ref())?;
    let tree = Delivery::open(args.tree.as_ref())?;
    let delivery = if tree.is_file() { TreeDelivery::OutOfBand } else { TreeDelivery::Inline };
    let message = group.group_info_with(GroupInfoSpec { external_pub: true, tree: delivery })?;
    let mut report = Report::new(show::place(&group));
    if tree.is_file() {
        report = tree.extra(report, "ratchet_tree", "ratchet tree", &group.ratchet_tree()?)?;
    }
    let what = format!("GroupInfo of {}, epoch {}", text::show(group.id()), group.epoch());
    out.main(report, &what, &message)
}
