//! `demo`: a group's life, played with three identities in three files.
//!
//! Each step is a command line, parsed and run by the same code as one that a person types; the demo adds nothing but the
//! words in between. It checks what it shows: that the three agree on each epoch, and that who was removed reads nothing.

use clap::Parser as _;
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;

use crate::args::{Cli, DemoArgs, Global};
use crate::commands;
use crate::exit::{Exit, Failure};
use crate::output::{Item, Payload, Report};
use crate::text;

/// One line of the play.
enum Line {
    /// A heading.
    Say(&'static str),
    /// A command that works.
    Run(&'static str),
    /// A command that must fail.
    Fail(&'static str),
    /// The members in these stores must agree on the epoch.
    Agree(&'static [&'static str]),
}
use Line::{Agree, Fail, Run, Say};

const PLAY: &[Line] = &[
    Say("Three identities, each with signature keys and a store of its own"),
    Run("init --store alice.db --name alice"),
    Run("init --store bob.db --name bob"),
    Run("init --store carol.db --name carol"),
    Say("Alice creates a group, and adds bob by his key package"),
    Run("create --store alice.db tea-party"),
    Run("key-package --store bob.db -o bob.kp"),
    Run("add --store alice.db bob.kp -o add.mls --welcome welcome.mls"),
    Run("merge --store alice.db add.mls"),
    Run("join --store bob.db welcome.mls"),
    Say("They talk: only members can read, and each message has a key of its own"),
    Run("send --store alice.db \"Tea at five?\" -o message1.mls"),
    Run("receive --store bob.db message1.mls"),
    Run("send --store bob.db \"With pleasure.\" -o message2.mls"),
    Run("receive --store alice.db message2.mls"),
    Say("Carol joins by herself: alice publishes a GroupInfo, and carol's commit does the rest"),
    Run("group-info --store alice.db -o group.info"),
    Run("external-join --store carol.db group.info -o join.mls"),
    Run("receive --store alice.db join.mls"),
    Run("receive --store bob.db join.mls"),
    Run("merge --store carol.db join.mls"),
    Run("send --store carol.db \"I bring the cake.\" -o message3.mls"),
    Run("receive --store alice.db message3.mls"),
    Run("receive --store bob.db message3.mls"),
    Agree(&["alice.db", "bob.db", "carol.db"]),
    Say("Bob gives himself fresh keys: who once stole his old ones is locked out"),
    Run("update --store bob.db -o update.mls"),
    Run("receive --store alice.db update.mls"),
    Run("receive --store carol.db update.mls"),
    Run("merge --store bob.db update.mls"),
    Run("members --store carol.db --tree"),
    Agree(&["alice.db", "bob.db", "carol.db"]),
    Say("Alice removes bob, who can read no further message"),
    Run("remove --store alice.db bob -o remove.mls"),
    Run("receive --store bob.db remove.mls"),
    Run("receive --store carol.db remove.mls"),
    Run("merge --store alice.db remove.mls"),
    Run("send --store carol.db \"Did he take the cake?\" -o message4.mls"),
    Run("receive --store alice.db message4.mls"),
    Fail("receive --store bob.db message4.mls"),
    Say("The group moves to another cipher suite: the old one ends, and its members meet in a new one"),
    Run("reinit --store alice.db --suite 7 --id supper -o reinit.mls"),
    Run("receive --store carol.db reinit.mls"),
    Run("merge --store alice.db reinit.mls"),
    Run("key-package --store carol.db --suite 7 -o carol7.kp"),
    Run("reinit --store alice.db --finish carol7.kp -o first.mls --welcome welcome7.mls"),
    Run("merge --store alice.db first.mls"),
    Run("join --store carol.db welcome7.mls"),
    Run("send --store carol.db \"Supper, then.\" -o message5.mls"),
    Run("receive --store alice.db message5.mls"),
    Agree(&["alice.db", "carol.db"]),
];

/// Plays. Prints as it goes, or one JSON document at the end.
pub(crate) fn play(args: &DemoArgs, global: &Global) -> Result<io::Result<ExitCode>, Failure> {
    if global.json_file().is_some() {
        return Err(Failure::usage("the demo prints its JSON as it ends: --json without a file"));
    }
    let home = std::env::current_dir().map_err(|error| failure("the current directory", &error))?;
    let (directory, temporary) = match &args.keep {
        Some(directory) => {
            std::fs::create_dir(directory).map_err(|error| failure(directory.display(), &error))?;
            (directory.clone(), None)
        }
        None => {
            let made = tempfile::tempdir().map_err(|error| failure("a temporary directory", &error))?;
            (made.path().to_path_buf(), Some(made))
        }
    };
    // So that the command lines are those that a person would type there.
    std::env::set_current_dir(&directory).map_err(|error| failure(directory.display(), &error))?;
    let mut stage = Stage {
        global: Global { store: None, json: None, ..global.clone() },
        json: global.prints_json(),
        out: io::stdout().lock(),
        heading: 0,
        steps: Vec::new(),
        hints: true,
    };
    let played = stage.play(args.keep.as_ref());
    let left = std::env::set_current_dir(home);
    let removed = temporary.map_or(Ok(()), tempfile::TempDir::close);
    match played? {
        Ok(()) => left.and(removed).map_err(|error| failure("leaving the directory", &error))?,
        Err(error) => return Ok(Err(error)),
    }
    Ok(Ok(ExitCode::SUCCESS))
}

struct Stage<'a> {
    /// The backends and the numbering, for every step.
    global: Global,
    json: bool,
    out: io::StdoutLock<'a>,
    heading: usize,
    steps: Vec<Item>,
    /// Whether to say what to do with a pending commit: once is enough.
    hints: bool,
}

impl Stage<'_> {
    fn play(&mut self, keep: Option<&PathBuf>) -> Result<io::Result<()>, Failure> {
        for line in PLAY {
            let printed = match line {
                Say(words) => self.say(words),
                Run(command) => {
                    let report =
                        self.run(command).map_err(|failure| failure.about(format!("pleach {command}")))?;
                    self.ran(command, &report)
                }
                Fail(command) => match self.run(command) {
                    Ok(_) => {
                        return Err(Failure::new(
                            Exit::Other,
                            "demo",
                            format!("{command}: it should have failed"),
                        ));
                    }
                    Err(failure) => self.failed(command, &failure),
                },
                Agree(stores) => {
                    let authenticator = self.agree(stores)?;
                    self.agreed(stores, &authenticator)
                }
            };
            if printed.is_err() {
                return Ok(printed);
            }
        }
        Ok(self.end(keep))
    }

    /// Runs a command line as if it were typed.
    fn run(&self, command: &str) -> Result<Report, Failure> {
        let mut cli = Cli::try_parse_from(std::iter::once("pleach".to_owned()).chain(words(command)))
            .map_err(|error| Failure::usage(error.to_string()))?;
        cli.global = Global { store: cli.global.store, ..self.global.clone() };
        commands::run(&cli)
    }

    /// The epoch authenticator that all these stores have.
    fn agree(&self, stores: &[&str]) -> Result<Vec<u8>, Failure> {
        let mut common = None;
        for store in stores {
            let report = self.run(&format!("members --store {store}"))?;
            let Item::Object(fields) = report.json else { continue };
            let found = fields.into_iter().find(|(name, _)| *name == "epoch_authenticator");
            let Some((_, Item::Bytes(authenticator))) = found else { continue };
            if common.as_ref().is_some_and(|common| *common != authenticator) {
                return Err(Failure::new(Exit::Other, "demo", format!("{store} is in another epoch")));
            }
            common = Some(authenticator);
        }
        common.ok_or_else(|| Failure::new(Exit::Other, "demo", "nobody has an epoch authenticator"))
    }

    fn say(&mut self, words: &str) -> io::Result<()> {
        self.heading += 1;
        if self.json { Ok(()) } else { writeln!(self.out, "\n{}. {words}\n", self.heading) }
    }

    fn ran(&mut self, command: &str, report: &Report) -> io::Result<()> {
        if self.json {
            let step = Item::object()
                .with("command", command)
                .with("exit", 0u64)
                .with("result", report.json.clone());
            self.steps.push(step);
            return Ok(());
        }
        writeln!(self.out, "   $ pleach {command}")?;
        for line in &report.lines {
            if line.starts_with("pending:") && !std::mem::take(&mut self.hints) {
                continue;
            }
            writeln!(self.out, "     {line}")?;
        }
        if let Some(Payload::Data(data)) = &report.payload {
            writeln!(self.out, "     \"{}\"", String::from_utf8_lossy(data))?;
        }
        Ok(())
    }

    fn failed(&mut self, command: &str, failure: &Failure) -> io::Result<()> {
        if self.json {
            let error = Item::object().with("code", failure.code).with("message", failure.to_string());
            let exit = u64::from(failure.exit as u8);
            self.steps.push(Item::object().with("command", command).with("exit", exit).with("error", error));
            return Ok(());
        }
        writeln!(self.out, "   $ pleach {command}")?;
        writeln!(self.out, "     pleach: {failure}   (exit code {})", failure.exit as u8)
    }

    fn agreed(&mut self, stores: &[&str], authenticator: &[u8]) -> io::Result<()> {
        let names: Vec<String> =
            stores.iter().map(|store| store.trim_end_matches(".db").to_owned()).collect();
        if self.json {
            let names = Item::list(names.into_iter().map(Item::Text));
            let step =
                Item::object().with("agree", names).with("epoch_authenticator", Item::bytes(authenticator));
            self.steps.push(step);
            return Ok(());
        }
        let who = text::list(&names);
        writeln!(
            self.out,
            "\n   {who} have the same epoch authenticator: {}",
            text::fingerprint(authenticator)
        )
    }

    fn end(&mut self, keep: Option<&PathBuf>) -> io::Result<()> {
        let mut files = Vec::new();
        for entry in std::fs::read_dir(".")? {
            let entry = entry?;
            // SQLite's journal, empty between two batches.
            if entry.path().extension().is_some_and(|extension| extension == "db-journal") {
                continue;
            }
            files.push((entry.file_name().to_string_lossy().into_owned(), entry.metadata()?.len()));
        }
        files.sort();
        let (stores, messages): (Vec<_>, Vec<_>) =
            files.into_iter().partition(|(name, _)| name.ends_with(".db"));
        let total: u64 = messages.iter().map(|(_, bytes)| bytes).sum();
        if self.json {
            let kept = keep.map(|path| path.display().to_string());
            let document = Item::object()
                .with("steps", std::mem::take(&mut self.steps))
                .with("messages", messages.len())
                .with("message_bytes", total)
                .with("kept", kept);
            return writeln!(self.out, "{}", document.to_json());
        }
        let sizes: Vec<String> =
            stores.iter().map(|(name, bytes)| format!("{name} has {} KiB", bytes / 1024)).collect();
        writeln!(
            self.out,
            "\nThat was {} in {total} bytes. Of the stores, {}.",
            text::count(messages.len(), "file"),
            text::list(&sizes)
        )?;
        match keep {
            Some(path) => {
                writeln!(self.out, "All files are in {}; try `pleach inspect` on them.", path.display())
            }
            None => writeln!(
                self.out,
                "All files are gone again; `pleach demo --keep DIR` keeps them, to look at with `pleach inspect`."
            ),
        }
    }
}

/// Splits at blanks, but not within quotation marks.
fn words(command: &str) -> Vec<String> {
    let quoted = command.split('"').enumerate();
    quoted
        .flat_map(|(at, part)| match at % 2 {
            0 => part.split_whitespace().map(str::to_owned).collect(),
            _ => vec![part.to_owned()],
        })
        .collect()
}

fn failure(what: impl std::fmt::Display, error: &io::Error) -> Failure {
    Failure::new(Exit::File, "file", format!("{what}: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_of_the_play_parses() {
        for line in PLAY {
            if let Run(command) | Fail(command) = line {
                Cli::try_parse_from(std::iter::once("pleach".to_owned()).chain(words(command))).unwrap();
            }
        }
        assert_eq!(words("send --store a \"x y\" -o m"), ["send", "--store", "a", "x y", "-o", "m"]);
    }
}
