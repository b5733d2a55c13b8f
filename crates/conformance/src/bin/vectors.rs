//! `vectors`: runs a directory of test vectors, or writes our own.
//!
//! Exit codes: 0 if every case was run and passed (or the files were written), 1 if not, 2 for a wrong command line. Cases
//! whose algorithms are of no cipher suite, or not of the one backend that was asked for, are printed and are no error.

use clap::{Parser, Subcommand};
use pleach_conformance::{Backend, Filter, Summary, VectorSet, every_suite, generate};
use pleach_crypto::CipherSuiteId;
use std::{error::Error, path::PathBuf, process::ExitCode};

#[derive(Parser)]
#[command(name = "vectors", about = "Published test vectors, and our own in their format", after_help = EXAMPLES)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

const EXAMPLES: &str = "Examples:
  vectors check test-vectors
  vectors check test-vectors --file treekem --suite 5
  vectors check mls-implementations --crypto aws-lc
  vectors generate --out test-vectors";

#[derive(Subcommand)]
enum Command {
    /// Run the vector files of a directory; a case that fails or is skipped, or a missing file, is an error
    ///
    /// Which set of vectors the directory holds is seen by its files: the MLS working group's (mls-implementations), those
    /// of the draft on partial clients (mls-partial), or those of HPKE with post-quantum KEMs (hpke).
    Check {
        /// Where the files are
        dir: PathBuf,
        /// Run the cases of this suite only, as 0xf0a1 or 61601, and those without a suite
        #[arg(long)]
        suite: Option<CipherSuiteId>,
        /// Run this file only
        #[arg(long)]
        file: Option<String>,
        /// Run the cases that this backend has the algorithms for; without it all, on the portable backends
        #[arg(long, value_enum)]
        crypto: Option<Backend>,
    },
    /// Write our own vectors, for every suite of RFC 9420, and in three files for the post-quantum suites
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
    match command {
        Command::Check { dir, suite, file, crypto } => {
            let provider = crypto.map_or_else(every_suite, Backend::provider);
            let filter = Filter { suite, one_backend: crypto.is_some() };
            let set = VectorSet::of(&dir)?;
            let summary = match file {
                Some(name) => {
                    let file = set.file(&name).ok_or_else(|| format!("{name} is no file of {}", set.name))?;
                    Summary { reports: vec![file.check_some(&dir, &provider, filter)?], ..Summary::default() }
                }
                None => set.check(&dir, &provider, filter)?,
            };
            println!("{}\n{summary}", set.name);
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
