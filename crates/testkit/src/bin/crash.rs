//! `crash`: kills a member's process again and again, and sees that nothing is lost and nothing used twice. What it does is
//! in `pleach_testkit::crash`.
//!
//! A line for every 25 kills, and the table at the end; the exit code is 1 if anything is wrong.

use clap::{Parser, Subcommand};
use pleach_crypto::Secret;
use pleach_testkit::crash::{Engine, Outcome, Settings, child, hammer, run};
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(Parser)]
#[command(about = "Kills a member's process again and again")]
struct Arguments {
    #[command(subcommand)]
    role: Option<Role>,
    /// How many kills
    #[arg(long, default_value_t = 500)]
    kills: u64,
    /// What decides where
    #[arg(long)]
    seed: Option<u64>,
    /// The storage engine; all of them, one after the other, if not given
    #[arg(long)]
    engine: Option<Engine>,
    /// Where the store is; a temporary directory in memory if not given
    #[arg(long)]
    directory: Option<PathBuf>,
}

#[derive(Subcommand)]
enum Role {
    /// The process that is killed; started by the other
    #[command(hide = true)]
    Child {
        engine: Engine,
        directory: PathBuf,
        private: String,
        #[arg(long)]
        waits: bool,
    },
    /// One of several processes on one store
    #[command(hide = true)]
    Hammer { engine: Engine, directory: PathBuf, private: String, number: u64, count: u64 },
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let result = match arguments.role {
        Some(Role::Child { engine, directory, private, waits }) => {
            secret(&private).and_then(|private| child::main(engine, &directory, &private, waits))
        }
        Some(Role::Hammer { engine, directory, private, number, count }) => {
            secret(&private).and_then(|private| hammer::main(engine, &directory, &private, number, count))
        }
        None => parent(&arguments),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn secret(private: &str) -> Outcome<Secret> {
    hex::decode(private).map(|private| Secret::copy_from(&private)).map_err(|error| error.to_string())
}

fn parent(arguments: &Arguments) -> Outcome<()> {
    let program = std::env::current_exe().map_err(|error| error.to_string())?;
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let seed = arguments.seed.unwrap_or_else(|| now.map_or(1, |now| now.as_secs()));
    let engines = arguments.engine.map_or_else(|| Engine::ALL.to_vec(), |engine| vec![engine]);
    for engine in engines {
        println!("{engine}, seed {seed}");
        let directory = arguments.directory.clone();
        let settings = Settings { program: program.clone(), engine, kills: arguments.kills, seed, directory };
        let report = run(settings, &mut |report| {
            if report.kills % 25 == 0 {
                println!(
                    "  {} kills, {} inside an operation, epoch {}",
                    report.kills,
                    report.inside(),
                    report.epoch
                );
            }
        })?;
        println!("{report}");
    }
    Ok(())
}
