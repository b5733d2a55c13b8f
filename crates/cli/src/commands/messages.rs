//! `send` and `receive`: text out, and whatever comes in.

use pleach::wire::{ContentType, MlsMessage, MlsMessageBody, Sender, decode};
use pleach::{Group, MembershipChanges, Received};

use super::show::Delivery;
use super::{pending, show};
use crate::args::{Global, ReceiveArgs, SendArgs};
use crate::exit::{Exit, Failure};
use crate::io::{Output, base64, read, read_message};
use crate::output::{Item, Payload, Report};
use crate::session::{Names, Session, name_of};
use crate::text;

pub(super) fn send(global: &Global, args: &SendArgs) -> Result<Report, Failure> {
    let session = Session::open(global)?;
    let mut group = session.group(&args.group)?;
    let data = match (&args.text, &args.input) {
        (Some(text), _) => text.clone().into_bytes(),
        (None, Some(path)) => read(path)?,
        (None, None) => read("-".as_ref())?,
    };
    let out = Delivery::open(args.out.output.as_ref())?;
    let message = group.encrypt_with(&data, args.aad.as_bytes(), Vec::new())?;
    let json = show::place(&group).with("data_bytes", data.len());
    let what =
        format!("message of {} for {}, epoch {}", bytes(data.len()), text::show(group.id()), group.epoch());
    out.main(Report::new(json), &what, &message)
}

fn bytes(n: usize) -> String {
    text::count(n, "byte")
}

pub(super) fn receive(global: &Global, args: &ReceiveArgs) -> Result<Report, Failure> {
    let session = Session::open(global)?;
    let message = read_message(&args.message)?;
    // The own external commit, echoed by whoever delivers messages.
    if !args.dry_run
        && let Some(own) = session.client.pending_external()?.into_iter().find(|own| own.message() == message)
    {
        return pending::accept(own);
    }
    let mut group = session.group_of(&message, &args.group)?;
    if args.dry_run && !is_commit(&message) {
        return Err(Failure::usage("--dry-run is for commits: other messages are read once"));
    }
    let mut output = Output::open(args.output.as_ref())?;
    if let Some(output) = &mut output {
        // The text is shorter than what it came in, and cannot be had again.
        output.reserve(message.len())?;
    }
    match group.receive(&message)? {
        Received::Application(text) => application(&group, text, output, args),
        Received::Proposal(proposal) => {
            // A stranger's word pins nobody: if the proposal is committed, the commit will.
            let learned = match proposal.sender() {
                Sender::Member(_) => session.save_trust()?,
                _ => Vec::new(),
            };
            let members = group.members()?;
            let sender = match proposal.sender() {
                Sender::Member(leaf) => name_of(&members, leaf),
                Sender::External(index) => format!("external sender {index}"),
                _ => "somebody who is not a member".to_owned(),
            };
            let what = show::proposal(proposal.proposal(), &members);
            let json = show::place(&group)
                .with("kind", "proposal")
                .with("sender", sender.as_str())
                .with("proposal", what.as_str());
            Ok(Report::new(json).line(format!("{sender} proposes: {what}")).more(learned))
        }
        Received::Commit(staged) | Received::Removed(staged) => {
            if args.dry_run {
                let names = Names::before(&session, &group)?;
                return Ok(changed(&group, staged.changes(), &names, "commit, checked only"));
            }
            let learned = session.save_trust()?;
            let changes = group.merge(staged)?;
            Ok(changed(&group, &changes, &after(&group), "commit").more(learned))
        }
        Received::OwnCommit(own) => {
            if args.dry_run {
                let names = Names::before(&session, &group)?;
                return Ok(changed(&group, own.changes(), &names, "own commit, checked only"));
            }
            super::welcome::check(&group, &own)?;
            let changes = group.merge(own)?;
            session.follow_rotation(&group)?;
            Ok(changed(&group, &changes, &after(&group), "own commit"))
        }
        Received::OwnMessage => {
            Ok(Report::new(show::place(&group).with("kind", "own message")).line("one's own message"))
        }
        Received::Duplicate => {
            Err(Failure::new(Exit::AlreadyReceived, "already-received", "the proposal was received before"))
        }
        Received::Future { epoch } => {
            let line =
                format!("the message is of epoch {epoch}, the group is in epoch {}: keep it", group.epoch());
            Err(Failure::new(Exit::WrongEpoch, "future-epoch", line))
        }
        other => Err(Failure::new(Exit::Other, "internal", format!("unexpected: {}", other.kind()))),
    }
}

/// Whether the header says that it is a commit.
fn is_commit(message: &[u8]) -> bool {
    match decode::<MlsMessage>(message).map(|message| message.body) {
        Ok(MlsMessageBody::PublicMessage(message)) => {
            message.content.content.content_type() == ContentType::Commit
        }
        Ok(MlsMessageBody::PrivateMessage(message)) => message.content_type == ContentType::Commit,
        _ => false,
    }
}

fn application(
    group: &Group,
    message: pleach::ApplicationMessage,
    output: Option<Output>,
    args: &ReceiveArgs,
) -> Result<Report, Failure> {
    // A leaf may have changed hands since a past epoch.
    let sender = if message.epoch() == group.epoch() {
        name_of(&group.members()?, message.sender())
    } else {
        format!("leaf {} of epoch {}", message.sender().0, message.epoch())
    };
    let with_aad = !message.authenticated_data().is_empty();
    let mut json = show::place(group)
        .with("kind", "application")
        .with("sender", sender.as_str())
        .with("sender_leaf", message.sender().0)
        .with("message_epoch", message.epoch())
        .with("authenticated_data", with_aad.then(|| Item::name(message.authenticated_data())));
    let mut line = format!("{sender}, {}", bytes(message.data().len()));
    if with_aad {
        line.push_str(&format!(", with {}", text::show(message.authenticated_data())));
    }
    let data = message.into_data();
    if let Some(output) = output {
        let name = args.output.as_ref().map(|path| path.display().to_string()).unwrap_or_default();
        output.write(&data)?;
        json = json.with("file", name.as_str());
        return Ok(Report::new(json).line(format!("{line}, in {name}")));
    }
    json = match std::str::from_utf8(&data) {
        Ok(text) => json.with("text", text),
        Err(_) => json.with("base64", base64(&data)),
    };
    let mut report = Report::new(json).line(line);
    report.payload = Some(Payload::Data(data));
    Ok(report)
}

/// Who is in the group now; one who was removed has no roster any more.
fn after(group: &Group) -> Names {
    Names::of(&group.members().unwrap_or_default())
}

fn changed(group: &Group, changes: &MembershipChanges, names: &Names, kind: &str) -> Report {
    let json = show::place(group).with("kind", kind).with("changes", show::changes(changes, names));
    let by = changes.committer.filter(|_| !changes.removed_us).map(|leaf| names.at(leaf));
    let mut report = Report::new(json).line(match by.filter(|_| !kind.starts_with("own")) {
        Some(name) => format!("{kind} by {name}"),
        None => kind.to_owned(),
    });
    report = report.more(show::change_lines(changes, names));
    report.line(if changes.removed_us {
        format!("you are no longer a member of {}", text::show(group.id()))
    } else if kind.ends_with("only") {
        format!("it would lead to epoch {}", changes.epoch)
    } else {
        format!("{} is in epoch {}", text::show(group.id()), group.epoch())
    })
}
