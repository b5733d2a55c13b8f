//! The subcommands: each is a function from its arguments to a [`Report`].
//!
//! Invariant: a subcommand that fails has changed no row of the store. What is not certain (an output file, a pin of a
//! name) is settled before, or written only after the library accepted the input.

mod commit;
mod export;
mod external;
mod groups;
mod identity;
mod join;
mod look;
mod messages;
mod pending;
mod propose;
mod psk;
mod show;

pub(crate) use show::algorithms;
mod successor;
mod welcome;

use crate::args::{Cli, Command};
use crate::backends::{Asked, Choice};
use crate::bench;
use crate::exit::Failure;
use crate::output::Report;
use crate::session::store_path;
use crate::store::Store;

/// Does what the command line says; all but `demo`, which prints as it goes.
pub(crate) fn run(cli: &Cli) -> Result<Report, Failure> {
    dispatch(cli).map_err(|failure| match &failure.missing {
        Some(missing) => {
            let message = choice(cli).map(|choice| choice.explain(missing));
            Failure { message: message.unwrap_or_else(|_| failure.to_string()), ..failure }
        }
        None => failure,
    })
}

/// What the call used: as asked for, with the numbering of the store if it has one.
fn choice(cli: &Cli) -> Result<Choice, Failure> {
    let asked = Asked::read(&cli.global)?;
    if let Command::Bench(_) = cli.command {
        return Ok(asked.compare());
    }
    let store = store_path(&cli.global).and_then(|path| Store::open(&path, &asked));
    Ok(store.map_or_else(|_| asked.choose(asked.numbering.unwrap_or_default()), |store| store.choice))
}

fn dispatch(cli: &Cli) -> Result<Report, Failure> {
    let global = &cli.global;
    match &cli.command {
        Command::Init(args) => identity::init(global, args),
        Command::KeyPackage(args) => identity::key_package(global, args),
        Command::Trust(args) => identity::trust(global, args),
        Command::Create(args) => groups::create(global, args),
        Command::Groups(args) => groups::groups(global, args),
        Command::Members(args) => groups::members(global, args),
        Command::Exporter(args) => groups::exporter(global, args),
        Command::GroupInfo(args) => groups::group_info(global, args),
        Command::Add(args) => commit::add(global, args),
        Command::Remove(args) => commit::remove(global, args),
        Command::Update(args) => commit::update(global, args),
        Command::Commit(args) => commit::commit(global, args),
        Command::Merge(args) => pending::merge(global, args),
        Command::Discard(args) => pending::discard(global, args),
        Command::Propose(args) => propose::propose(global, &args.what),
        Command::Leave(args) => propose::leave(global, args),
        Command::Join(args) => join::join(global, args),
        Command::ExternalJoin(args) => external::external_join(global, args),
        Command::Send(args) => messages::send(global, args),
        Command::Receive(args) => messages::receive(global, args),
        Command::Psk(args) => psk::psk(global, &args.what),
        Command::Reinit(args) => successor::reinit(global, args),
        Command::Branch(args) => successor::branch(global, args),
        Command::ExportStore(args) => export::export_store(global, args),
        Command::ImportStore(args) => export::import_store(global, args),
        Command::Suites => look::suites(global),
        Command::Bench(args) => bench::bench(global, args),
        Command::Inspect(args) => look::inspect(args),
        Command::Demo(_) => Err(Failure::usage("the demo is not one subcommand among others")),
    }
}
