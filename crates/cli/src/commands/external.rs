//! `external-join`: into a group by a commit of one's own.

use super::pending::accept;
use super::show::Delivery;
use crate::args::{ExternalJoinArgs, Global};
use crate::exit::Failure;
use crate::io::read_message;
use crate::output::{Item, Report};
use crate::session::Session;
use crate::text;

pub(super) fn external_join(global: &Global, args: &ExternalJoinArgs) -> Result<Report, Failure> {
    let session = Session::open(global)?;
    let group_info = read_message(&args.group_info)?;
    let tree = args.tree.as_ref().map(|path| read_message(path)).transpose()?;
    let out = Delivery::open(args.out.output.as_ref())?;
    let mut builder = session.client.external_join(&group_info).resync(args.resync);
    if let Some(tree) = &tree {
        builder = builder.ratchet_tree(tree);
    }
    for id in &args.psk {
        builder = builder.psk(&text::parse(id)?);
    }
    let commit = builder.build()?;
    let learned = session.save_trust()?;
    let id = text::show(commit.group_id());
    let message = commit.message().to_vec();
    let json = Item::object()
        .with("group_id", id.as_str())
        .with("epoch", commit.epoch())
        .with("commit", hex::encode(commit.hash()))
        .with("merged", args.merge);
    let what = format!("commit that joins {id}, epoch {}", commit.epoch());
    let mut report = out.main(Report::new(json).more(learned), &what, &message)?;
    if args.merge {
        let joined = accept(commit)?;
        report = report.more(joined.lines);
        report.json = report.json.with("joined", joined.json);
    } else {
        report =
            report.line("pending: `pleach merge` when the members have it, `pleach discard` to give it up");
    }
    Ok(report)
}
