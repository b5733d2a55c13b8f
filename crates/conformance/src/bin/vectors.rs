//! `vectors`: runs a directory of MLS test vectors, or writes our own.
//!
//! Exit codes: 0 if every case was run and passed (or the files were written), 1 if not, 2 for a wrong command line.

use clap::{Parser, Subcommand};
use pleach_conformance::{Filter, Summary, check_directory, file, generate};
use pleach_crypto::CipherSuiteId;
use std::{error::Error, path::PathBuf, process::ExitCode};

#[derive(Parser)]
#[command(name = "vectors", about = "MLS test vectors in the working group's format", after_help = EXAMPLES)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

const EXAMPLES: &str = "Examples:
  vectors check test-vectors
  vectors check test-vectors --file treekem --suite 5
  vectors generate --out test-vectors";

#[derive(Subcommand)]
enum Command {
    /// Run the vector files of a directory; a case that fails or is skipped, or a missing file, is an error
    Check {
        /// Where the files are
        dir: PathBuf,
        /// Run the cases of this suite only, and those without a suite
        #[arg(long)]
        suite: Option<u16>,
        /// Run this file only
        #[arg(long)]
        file: Option<String>,
    },
    /// Write our own vectors, for every suite of RFC 9420
    Generate {
        /// Where to
        #[arg(default_value = "test-vectors")]
        dir: PathBuf,
        /// Where to; the same as the argument
        #[arg(long, conflicts_with = "dir")]
        out: Option<PathBuf>,
        /// What all randomness is derived from: equal seeds give equal files
        #[arg(long, default_value_t = 9420)]
        seed: u64,
    },
}

fn main() -> ExitCode {
    match run(Arguments::parse().command) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("vectors: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Whether all is well.
fn run(command: Command) -> Result<bool, Box<dyn Error>> {
    let provider = pleach_rustcrypto::provider();
    match command {
        Command::Check { dir, suite, file: name } => {
            let filter = Filter { suite: suite.map(CipherSuiteId) };
            let summary = match name {
                Some(name) => {
                    let file = file(&name).ok_or_else(|| format!("{name} is no vector file"))?;
                    let reports = vec![file.check_some(&dir, &provider, filter)?];
                    Summary { reports, missing: Vec::new() }
                }
                None => check_directory(&dir, &provider, filter)?,
            };
            println!("{summary}");
            Ok(summary.is_success())
        }
        Command::Generate { dir, out, seed } => {
            let dir = out.unwrap_or(dir);
            for (name, bytes) in generate::write_all(&dir, seed)? {
                println!("{name:36}{bytes:>10} bytes");
            }
            Ok(true)
        }
    }
}
