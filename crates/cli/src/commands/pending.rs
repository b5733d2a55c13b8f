//! `merge` and `discard`: what becomes of an own commit, and of proposals.

use pleach::{ExternalCommit, Group, PendingCommit};
use std::path::Path;

use super::show::{self, Delivery};
use crate::args::{DiscardArgs, Global, GroupArg, PickArgs};
use crate::exit::Failure;
use crate::io::read_message;
use crate::output::{Item, Report};
use crate::session::{Names, Session};
use crate::text;

/// A commit that is pending, in a group or without one.
enum Pending {
    Own(Box<Group>, PendingCommit),
    External(ExternalCommit),
}

/// What names a commit.
enum Name {
    Message(Vec<u8>),
    Hash(Vec<u8>),
    Only,
}

impl Name {
    fn read(commit: Option<&String>) -> Result<Self, Failure> {
        let Some(commit) = commit else { return Ok(Self::Only) };
        let path = Path::new(commit);
        if commit != "-"
            && !path.exists()
            && commit.len() >= 64
            && let Ok(hash) = hex::decode(commit)
        {
            return Ok(Self::Hash(hash));
        }
        let message = read_message(path)?;
        pleach::wire::decode::<pleach::wire::MlsMessage>(&message).map_err(Failure::malformed)?;
        Ok(Self::Message(message))
    }

    fn fits(&self, message: &[u8], hash: &[u8]) -> bool {
        match self {
            Self::Message(wanted) => wanted == message,
            Self::Hash(wanted) => wanted == hash,
            Self::Only => true,
        }
    }
}

/// The pending commit that is named, or the only one.
fn find(session: &Session, name: &Name, group: &GroupArg) -> Result<Pending, Failure> {
    let mut found = Vec::new();
    let wanted = group.group.as_ref().map(|id| text::parse(id)).transpose()?;
    for summary in session.client.groups()? {
        match &wanted {
            Some(wanted) if *wanted != summary.group_id => continue,
            // A group that the backends in use cannot open keeps nobody from the others.
            None if session.unusable(&summary).is_some() => continue,
            _ => {}
        }
        let group = session.load(&summary.group_id)?;
        if group.is_restored() {
            continue;
        }
        for commit in group.pending()? {
            if name.fits(commit.message(), commit.hash()) {
                found.push(Pending::Own(Box::new(session.load(&summary.group_id)?), commit));
            }
        }
    }
    for commit in session.client.pending_external()? {
        let of_group = wanted.as_ref().is_none_or(|wanted| *wanted == commit.group_id());
        if of_group && name.fits(commit.message(), commit.hash()) {
            found.push(Pending::External(commit));
        }
    }
    match found.pop() {
        None => Err(Failure::not_found("no such commit is pending")),
        Some(_) if !found.is_empty() => Err(Failure::usage(
            "several commits are pending: name one by its file or hash; `pleach groups` lists them",
        )),
        Some(only) => Ok(only),
    }
}

pub(super) fn merge(global: &Global, args: &PickArgs) -> Result<Report, Failure> {
    let session = Session::open(global)?;
    let name = Name::read(args.commit.as_ref())?;
    let pending = find(&session, &name, &args.group)?;
    let welcome = Delivery::open(args.welcome.as_ref())?;
    match pending {
        Pending::Own(mut group, commit) => {
            if welcome.is_file() && commit.welcome().is_none() {
                return Err(Failure::not_now("this commit adds nobody, so it has no Welcome"));
            }
            if !welcome.is_file() && !args.no_welcome {
                super::welcome::check(&group, &commit)?;
            }
            // The merge ends the pending commit, and the Welcome with it: the file comes first.
            let waiting = commit.welcome().filter(|_| welcome.is_file());
            let written = match waiting {
                Some(message) => {
                    Some(welcome.extra(Report::new(Item::object()), "welcome", "Welcome", message)?)
                }
                None => None,
            };
            let changes = group.merge(&commit)?;
            session.follow_rotation(&group)?;
            let names = Names::of(&group.members()?);
            let json = show::place(&group).with("changes", show::changes(&changes, &names));
            let mut report = Report::new(json).more(show::change_lines(&changes, &names)).line(format!(
                "{} is in epoch {}",
                text::show(group.id()),
                group.epoch()
            ));
            if let Some(written) = written {
                report = report.more(written.lines);
                if let (Item::Object(all), Item::Object(welcome)) = (&mut report.json, written.json) {
                    all.extend(welcome);
                }
            }
            Ok(report)
        }
        Pending::External(commit) => accept(commit),
    }
}

/// Joins by an external commit of one's own that was delivered.
pub(super) fn accept(commit: ExternalCommit) -> Result<Report, Failure> {
    let changes = commit.changes().clone();
    let group = commit.accept()?;
    let members = group.members()?;
    let json = show::place(&group).with("changes", show::changes(&changes, &Names::of(&members)));
    Ok(Report::new(json).line(format!(
        "joined {} in epoch {}: {}",
        text::show(group.id()),
        group.epoch(),
        text::list(&members.iter().map(|member| text::name(&member.credential)).collect::<Vec<_>>())
    )))
}

pub(super) fn discard(global: &Global, args: &DiscardArgs) -> Result<Report, Failure> {
    let session = Session::open(global)?;
    if args.proposals {
        let mut group = session.group(&args.group)?;
        let count = group.pending_proposals()?.len();
        group.clear_proposals()?;
        let json = show::place(&group).with("proposals", count);
        return Ok(Report::new(json).line(format!("forgot {}", text::count(count, "proposal"))));
    }
    let name = Name::read(args.commit.as_ref())?;
    let (id, hash) = match find(&session, &name, &args.group)? {
        Pending::Own(mut group, commit) => {
            group.discard(commit.hash())?;
            (group.id().to_vec(), commit.hash().to_vec())
        }
        Pending::External(commit) => {
            let named = (commit.group_id().to_vec(), commit.hash().to_vec());
            commit.discard()?;
            named
        }
    };
    let json = Item::object().with("group_id", Item::name(&id)).with("commit", Item::bytes(&hash));
    Ok(Report::new(json).line(format!("gave up commit {}", hex::encode(&hash))))
}
