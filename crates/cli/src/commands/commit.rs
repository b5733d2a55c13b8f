//! `add`, `remove`, `update`, `commit`: commits, which stay pending until `merge` unless they are merged at once.

use pleach::wire::Proposal;
use pleach::{CommitBuilder, Group, GroupInfoSpec, PendingCommit, TreeDelivery};
use std::path::PathBuf;

use super::show::{self, Delivery};
use crate::args::{AddArgs, CommitArgs, CommitCommand, Global, RemoveArgs, UpdateArgs};
use crate::exit::Failure;
use crate::io::read_message;
use crate::output::{Item, Report};
use crate::session::{Names, Session, find_member};
use crate::text;

pub(super) fn add(global: &Global, args: &AddArgs) -> Result<Report, Failure> {
    let session = Session::open_with(global, args.commit.handshake.public)?;
    let group = session.group(&args.commit.handshake.group)?;
    let key_packages = read_all(&args.key_packages)?;
    Work::open(&args.commit)?.commit(&session, group, |mut builder| {
        builder = builder.skip_pending();
        key_packages.iter().fold(builder, CommitBuilder::add)
    })
}

pub(super) fn remove(global: &Global, args: &RemoveArgs) -> Result<Report, Failure> {
    let session = Session::open_with(global, args.commit.handshake.public)?;
    let group = session.group(&args.commit.handshake.group)?;
    let members = group.members()?;
    let leaves = args.members.iter().map(|who| find_member(&members, who)).collect::<Result<Vec<_>, _>>()?;
    Work::open(&args.commit)?.commit(&session, group, |builder| {
        leaves.iter().fold(builder.skip_pending(), |b, leaf| b.remove(*leaf))
    })
}

pub(super) fn update(global: &Global, args: &UpdateArgs) -> Result<Report, Failure> {
    let session = Session::open_with(global, args.commit.handshake.public)?;
    let group = session.group(&args.commit.handshake.group)?;
    let work = Work::open(&args.commit)?;
    if !args.rotate {
        return work.commit(&session, group, |builder| builder.skip_pending().force_path());
    }
    // The key is in the store before a commit promises it to others. The commands that follow find it there.
    let identity = session.store.add_key(group.suite())?;
    let signer = identity.signer.clone();
    let id = group.id().to_vec();
    let report = work.commit(&session, group, |builder| builder.skip_pending().rotate(identity));
    if report.is_err() {
        // What failed may be no more than a file: the key goes only if nothing in the store promises it.
        let group = session.load(&id)?;
        if group.pending()?.is_empty() && group.own_signature_key() != signer.public() {
            session.store.remove_key(&*signer)?;
        }
    }
    report
}

pub(super) fn commit(global: &Global, args: &CommitCommand) -> Result<Report, Failure> {
    let session = Session::open_with(global, args.commit.handshake.public)?;
    let group = session.group(&args.commit.handshake.group)?;
    let key_packages = read_all(&args.add)?;
    let members = group.members()?;
    let leaves = args.remove.iter().map(|who| find_member(&members, who)).collect::<Result<Vec<_>, _>>()?;
    let psks = args.psk.iter().map(|id| text::parse(id)).collect::<Result<Vec<_>, _>>()?;
    let takes_up_adds = !args.skip_proposals
        && group.pending_proposals()?.iter().any(|pending| matches!(pending.proposal, Proposal::Add(_)));
    check_welcome(&args.commit, takes_up_adds || !args.add.is_empty())?;
    Work::open(&args.commit)?.commit(&session, group, |mut builder| {
        if args.skip_proposals {
            builder = builder.skip_pending();
        }
        builder = key_packages.iter().fold(builder, CommitBuilder::add);
        builder = leaves.iter().fold(builder, |builder, leaf| builder.remove(*leaf));
        psks.iter().fold(builder, |builder, id| builder.psk(id))
    })
}

pub(super) fn read_all(paths: &[PathBuf]) -> Result<Vec<Vec<u8>>, Failure> {
    paths.iter().map(|path| read_message(path)).collect()
}

/// A Welcome is gone after the merge, so a merge at once needs a place for it.
pub(super) fn check_welcome(args: &CommitArgs, adds: bool) -> Result<(), Failure> {
    if args.merge && adds && args.welcome.is_none() {
        return Err(Failure::usage("--merge needs --welcome: those who are added need the Welcome"));
    }
    Ok(())
}

/// A commit to be made, with its files open.
pub(super) struct Work<'a> {
    args: &'a CommitArgs,
    out: Delivery,
    welcome: Delivery,
    group_info: Delivery,
}

impl<'a> Work<'a> {
    pub(super) fn open(args: &'a CommitArgs) -> Result<Self, Failure> {
        Ok(Self {
            args,
            out: Delivery::open(args.handshake.out.output.as_ref())?,
            welcome: Delivery::open(args.welcome.as_ref())?,
            group_info: Delivery::open(args.group_info.as_ref())?,
        })
    }

    /// Builds the commit, writes what comes of it, and merges it if that was asked for.
    pub(super) fn commit(
        self,
        session: &Session,
        mut group: Group,
        build: impl FnOnce(CommitBuilder<'_>) -> CommitBuilder<'_>,
    ) -> Result<Report, Failure> {
        let tree = if self.args.no_tree { TreeDelivery::OutOfBand } else { TreeDelivery::Auto };
        let mut builder =
            build(group.commit()).authenticated_data(self.args.handshake.aad.as_bytes()).tree(tree);
        if self.group_info.is_file() {
            builder = builder.group_info(GroupInfoSpec { external_pub: true, tree });
        }
        let pending = builder.build()?;
        // Merging at once would lose the Welcome.
        if let Err(failure) = check_welcome(self.args, pending.welcome().is_some()) {
            group.discard(pending.hash())?;
            return Err(failure);
        }
        self.finish(session, group, &pending)
    }

    /// Writes what comes of a commit, and merges it if that was asked for.
    pub(super) fn finish(
        self,
        session: &Session,
        mut group: Group,
        pending: &PendingCommit,
    ) -> Result<Report, Failure> {
        let Self { args, out, welcome, group_info } = self;
        let learned = session.save_trust()?;
        let json = Item::object()
            .with("group_id", Item::name(group.id()))
            .with("epoch", pending.epoch())
            .with("commit", hex::encode(pending.hash()));
        // The files first: a commit that was merged and is in no file would be lost for the others.
        let what = format!("commit of epoch {}", pending.epoch());
        let mut report = out.main(Report::new(json).more(learned), &what, pending.message())?;
        if let Some(message) = pending.welcome() {
            if welcome.is_file() || args.merge {
                let is_file = welcome.is_file();
                report = welcome.extra(report, "welcome", "Welcome", message)?;
                if is_file && !args.merge {
                    super::welcome::mark(session, &group, pending)?;
                }
            } else {
                report = report.line("the Welcome waits: `pleach merge --welcome FILE` writes it");
            }
        }
        if let Some(message) = pending.group_info() {
            report = group_info.extra(report, "group_info", "GroupInfo", message)?;
        }
        let (changes, names) = if args.merge {
            let changes = group.merge(pending)?;
            session.follow_rotation(&group)?;
            (changes, Names::of(&group.members()?))
        } else {
            (pending.changes().clone(), Names::before(session, &group)?)
        };
        report = if args.merge {
            report.more(show::change_lines(&changes, &names)).line(format!(
                "{} is in epoch {}",
                text::show(group.id()),
                group.epoch()
            ))
        } else {
            report.line("pending: `pleach merge` when the others have it, `pleach discard` to give it up")
        };
        report.json = report.json.with("merged", args.merge).with("changes", show::changes(&changes, &names));
        Ok(report)
    }
}
