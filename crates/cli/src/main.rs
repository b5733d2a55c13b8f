//! The `pleach` command: MLS groups held by passing files around.
//!
//! One process does one thing: it opens the store, does what a subcommand says, and prints what came of it. What is to be
//! sent goes to a file or to standard output; then what people read goes to standard error. A failure is one line on
//! standard error and an exit code ([`exit::TABLE`]), and has changed nothing.
//!
//! Not here: transport. Files are passed around by whoever uses the command.

mod args;
mod auth;
mod backends;
mod bench;
mod commands;
mod demo;
mod exit;
mod inspect;
mod io;
mod output;
mod session;
mod store;
mod text;

use clap::Parser as _;
use std::io::{IsTerminal as _, Write as _};
use std::process::ExitCode;

use crate::args::{Cli, Command};
use crate::exit::{Exit, Failure};
use crate::output::{Item, Payload, Report};

fn main() -> ExitCode {
    let cli = Cli::parse();
    let outcome = match &cli.command {
        Command::Demo(args) => demo::play(args, &cli.global),
        _ => run(&cli),
    };
    let printed = outcome.unwrap_or_else(|failure| {
        // Where this cannot be said, the exit code still is.
        let _ = writeln!(std::io::stderr(), "{}", error_line(&failure, cli.global.prints_json()));
        Ok(failure.exit.into())
    });
    match printed {
        Ok(code) => code,
        // Whoever read the output went away, as `head` does: nothing is left to say to them.
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Exit::File.into(),
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "pleach: cannot write: {error}");
            Exit::File.into()
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// The room that is taken for a document, in bytes.
const DOCUMENT_ROOM: usize = 1 << 16;

/// Does what the command line says, and prints what came of it.
fn run(cli: &Cli) -> Result<std::io::Result<ExitCode>, Failure> {
    if let (Some(path), Ok(store)) = (cli.global.json_file(), session::store_path(&cli.global)) {
        io::not_the_store(path, &store)?;
    }
    let mut file = io::Output::open(cli.global.json_file())?;
    if let Some(file) = &mut file {
        // A full disk is noticed before the work is done: few documents are longer.
        file.reserve(DOCUMENT_ROOM)?;
    }
    let report = commands::run(cli)?;
    let document = file.is_some().then(|| format!("{}\n", report.json.to_json()));
    // First what may exist nowhere else.
    let printed = print(report, cli.global.prints_json());
    if let (Some(file), Some(document)) = (file, document) {
        file.write(document.as_bytes())
            .map_err(|failure| failure.about("all is done, but not the document"))?;
    }
    Ok(printed)
}

fn error_line(failure: &Failure, json: bool) -> String {
    if !json {
        return format!("pleach: {failure}");
    }
    let error = Item::object()
        .with("code", failure.code)
        .with("exit", u64::from(failure.exit as u8))
        .with("message", failure.to_string());
    serde_json::to_string(&Item::object().with("error", error)).unwrap_or_default()
}

/// Prints a report: payload and JSON to standard output, lines to standard error if the payload is already there.
fn print(report: Report, json: bool) -> std::io::Result<ExitCode> {
    let mut out = std::io::stdout().lock();
    if json {
        writeln!(out, "{}", report.json.to_json())?;
    } else if let Some(payload) = report.payload {
        let mut err = std::io::stderr().lock();
        for line in &report.lines {
            // A closed standard error is no reason to lose the message.
            let _ = writeln!(err, "{line}");
        }
        write_payload(&mut out, payload)?;
    } else {
        for line in &report.lines {
            writeln!(out, "{line}")?;
        }
    }
    out.flush()?;
    Ok(ExitCode::SUCCESS)
}

fn write_payload(out: &mut std::io::StdoutLock<'_>, payload: Payload) -> std::io::Result<()> {
    match (payload, std::io::stdout().is_terminal()) {
        (Payload::Message(bytes) | Payload::Data(bytes), false) => out.write_all(&bytes),
        (Payload::Message(bytes), true) => writeln!(out, "{}", io::base64(&bytes)),
        (Payload::Data(bytes), true) => {
            // What a peer sent must not steer the terminal.
            let text = String::from_utf8_lossy(&bytes);
            let harmless: String = text
                .chars()
                .map(|c| if c.is_control() && !matches!(c, '\n' | '\t') { '\u{fffd}' } else { c })
                .collect();
            writeln!(out, "{harmless}")
        }
    }
}
