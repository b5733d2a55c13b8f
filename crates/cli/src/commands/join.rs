//! `join`: into the group of a Welcome.

use pleach::Group;
use pleach::state::JoinKind;

use super::show;
use crate::args::{Global, JoinArgs};
use crate::exit::Failure;
use crate::io::read_message;
use crate::output::{Item, Report};
use crate::session::{Session, name_of};
use crate::text;

pub(super) fn join(global: &Global, args: &JoinArgs) -> Result<Report, Failure> {
    let session = Session::open(global)?;
    let welcome = read_message(&args.welcome)?;
    let staged = match &args.tree {
        Some(path) => session.client.join_with_tree(&welcome, &read_message(path)?)?,
        None => session.client.join(&welcome)?,
    };
    let inviter = staged.inviter();
    let follows = match staged.kind() {
        JoinKind::ReInit(id, _) => Some(("successor of", id.clone())),
        JoinKind::Branch(id, _) => Some(("branch of", id.clone())),
        _ => None,
    };
    let group: Group = staged.accept()?;
    let learned = session.save_trust()?;
    let members = group.members()?;
    let names: Vec<String> = members.iter().map(|member| text::name(&member.credential)).collect();
    let json = show::place(&group)
        .with("suite", group.suite().0)
        .with("invited_by", name_of(&members, inviter))
        .with("follows", follows.as_ref().map(|(_, id)| text::show(id)))
        .with("members", Item::list(names.iter().cloned().map(Item::Text)));
    let mut report = Report::new(json).line(format!(
        "joined {} in epoch {}, invited by {}: {}",
        text::show(group.id()),
        group.epoch(),
        name_of(&members, inviter),
        text::list(&names)
    ));
    if let Some((how, id)) = follows {
        report = report.line(format!("it is the {how} {}", text::show(&id)));
    }
    Ok(report.more(learned))
}
