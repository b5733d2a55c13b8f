//! `reinit` and `branch`: groups that follow on another (RFC 9420 §11.2, §11.3).

use pleach::wire::{Kept, KeyPackage, MlsMessage, MlsMessageBody, ProtocolVersion, ReInit, decode};
use pleach::{Error, Group, PendingCommit, Status};

use super::commit::{Work, check_welcome, read_all};
use crate::args::{BranchArgs, Global, ReinitArgs, SuccessorArgs};
use crate::exit::Failure;
use crate::output::Report;
use crate::session::Session;
use crate::text;

pub(super) fn reinit(global: &Global, args: &ReinitArgs) -> Result<Report, Failure> {
    let session = Session::open_with(global, args.commit.handshake.public)?;
    let Some(paths) = &args.finish else {
        let group = session.group(&args.commit.handshake.group)?;
        let successor = agreement(&session, &group, &args.successor)?;
        return Work::open(&args.commit)?.commit(&session, group, |builder| builder.reinit(successor));
    };
    let group = ended(&session, args)?;
    let Status::ReInitialized(agreed) = group.status() else {
        return Err(Failure::not_now("the group was not reinitialized: `pleach reinit` commits that"));
    };
    let id = agreed.group_id.to_vec();
    let key_packages = read_all(paths)?;
    check_welcome(&args.commit, !key_packages.is_empty())?;
    follow(&session, &id, &key_packages, Work::open(&args.commit)?, || group.reinitialize(&key_packages))
}

pub(super) fn branch(global: &Global, args: &BranchArgs) -> Result<Report, Failure> {
    let session = Session::open_with(global, args.commit.handshake.public)?;
    let group = session.group(&args.commit.handshake.group)?;
    let id = text::parse(&args.id)?;
    let key_packages = read_all(&args.key_packages)?;
    check_welcome(&args.commit, true)?;
    // R176: only members of the group that is branched from.
    let members = group.members()?;
    for bytes in &key_packages {
        let credential = &key_package(bytes)?.leaf_node.credential;
        if !members.iter().any(|member| member.credential == *credential) {
            let (name, id) = (text::name(credential), text::show(group.id()));
            return Err(Failure::not_now(format!("{name} is no member of {id}")));
        }
    }
    follow(&session, &id, &key_packages, Work::open(&args.commit)?, || group.branch(&id, &key_packages))
}

/// The group that was ended: the one that is named, or the only one of that kind.
fn ended(session: &Session, args: &ReinitArgs) -> Result<Group, Failure> {
    if args.commit.handshake.group.group.is_some() {
        return session.group(&args.commit.handshake.group);
    }
    let mut ended = Vec::new();
    for group in session.client.groups()? {
        if let Status::ReInitialized(agreed) = &group.status
            && !session.client.has_group(&agreed.group_id)?
        {
            ended.push(group.group_id);
        }
    }
    match ended.as_slice() {
        [only] => session.load(only),
        [] => Err(Failure::not_now("no group waits for its successor")),
        _ => Err(Failure::usage("which group? Name it with --group; `pleach groups` lists them")),
    }
}

/// Creates the group and its first commit, in one batch: a failure leaves nothing behind.
fn follow(
    session: &Session,
    id: &[u8],
    key_packages: &[Vec<u8>],
    work: Work<'_>,
    create: impl FnOnce() -> Result<(Group, PendingCommit), Error>,
) -> Result<Report, Failure> {
    if session.client.has_group(id)? {
        return Err(Failure::not_now(format!("there is a group {} already", text::show(id))));
    }
    for bytes in key_packages {
        key_package(bytes)?;
    }
    let (group, commit) = create()?;
    let report = work.finish(session, group, &commit)?;
    Ok(report.line(format!("created {}", text::show(id))))
}

/// Refuses what is no key package before anything is written.
fn key_package(bytes: &[u8]) -> Result<Kept<KeyPackage>, Failure> {
    match decode::<MlsMessage>(bytes).map_err(Failure::malformed)?.body {
        MlsMessageBody::KeyPackage(key_package) => Ok(key_package),
        other => Err(Failure::malformed(format!("a key package was expected, not {}", other.wire_format()))),
    }
}

/// What a ReInit proposes. The new group has an id of its own: the old one stays, frozen, beside it.
pub(super) fn agreement(session: &Session, group: &Group, args: &SuccessorArgs) -> Result<ReInit, Failure> {
    let id = match &args.id {
        Some(id) => text::parse(id)?,
        None => session.client.random_group_id()?,
    };
    if id == group.id() {
        return Err(Failure::usage("the successor needs an id of its own"));
    }
    let suite = args.suite.unwrap_or_else(|| group.suite());
    session.store.provider.suite(suite)?;
    Ok(ReInit {
        group_id: id.into(),
        version: ProtocolVersion::MLS10,
        cipher_suite: suite,
        extensions: group.extensions().clone(),
    })
}
