//! `golden`: writes the golden stores of this version's format. What they hold is in `pleach_testkit::golden`.

use clap::Parser;
use pleach_testkit::golden::files::generate;
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(Parser)]
#[command(about = "Writes golden stores")]
struct Arguments {
    /// Where to; files that are there are not replaced
    directory: PathBuf,
    /// What decides on keys and randomness
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

fn main() -> ExitCode {
    let Arguments { directory, seed } = Arguments::parse();
    match generate(&directory, seed) {
        Ok(files) => {
            for (name, bytes) in files {
                println!("{bytes:>8} {name}");
            }
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}
