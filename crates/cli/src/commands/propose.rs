//! `propose` and `leave`: proposals by themselves, for some member to commit.

use pleach::wire::ReInit;
use pleach::{Group, LeafUpdate};

use super::show::{self, Delivery};
use super::successor::agreement;
use crate::args::{Global, Handshake, Propose, ProposeArgs};
use crate::exit::Failure;
use crate::io::read_message;
use crate::output::{Item, Report};
use crate::session::{Session, find_member};
use crate::text;

pub(super) fn propose(global: &Global, what: &Propose) -> Result<Report, Failure> {
    match what {
        Propose::Add { key_package, handshake } => {
            let message = read_message(key_package)?;
            make(global, handshake, "proposal to add", |_, group| Ok(group.propose_add(&message)?))
        }
        Propose::Update { handshake } => make(global, handshake, "proposal of fresh keys", |_, group| {
            Ok(group.propose_update(&LeafUpdate::new())?)
        }),
        Propose::Remove { member, handshake } => {
            make(global, handshake, &format!("proposal to remove {member}"), |_, group| {
                let leaf = find_member(&group.members()?, member)?;
                Ok(group.propose_remove(leaf)?)
            })
        }
        Propose::Psk { id, handshake } => {
            let psk = text::parse(id)?;
            make(global, handshake, &format!("proposal to mix in {id}"), |session, group| {
                if !session.client.psks()?.contains(&psk) {
                    return Err(Failure::not_found(format!("there is no pre-shared key {id}")));
                }
                Ok(group.propose_psk(&psk)?)
            })
        }
        Propose::Reinit { successor, handshake } => {
            make(global, handshake, "proposal to end the group", |session, group| {
                let successor: ReInit = agreement(session, group, successor)?;
                Ok(group.propose_reinit(successor)?)
            })
        }
        Propose::Join { group_info, out } => {
            let session = Session::open(global)?;
            let group_info = read_message(group_info)?;
            let out = Delivery::open(out.output.as_ref())?;
            let message = session.client.propose_join(&group_info)?;
            let json = Item::object().with("name", Item::name(&session.store.name));
            out.main(Report::new(json), "proposal to be added", &message)
        }
    }
}

pub(super) fn leave(global: &Global, args: &ProposeArgs) -> Result<Report, Failure> {
    make(global, &args.handshake, "proposal to leave", |_, group| Ok(group.leave()?))
}

fn make(
    global: &Global,
    args: &Handshake,
    what: &str,
    propose: impl FnOnce(&Session, &mut Group) -> Result<Vec<u8>, Failure>,
) -> Result<Report, Failure> {
    if !args.aad.is_empty() {
        return Err(Failure::usage("a proposal takes no --aad here"));
    }
    let session = Session::open_with(global, args.public)?;
    let mut group = session.group(&args.group)?;
    let out = Delivery::open(args.out.output.as_ref())?;
    let message = propose(&session, &mut group)?;
    let learned = session.save_trust()?;
    out.main(Report::new(show::place(&group)).more(learned), what, &message)
}
