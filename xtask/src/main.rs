//! `cargo xtask`: the project's own tasks, in plain Rust.
//!
//! Each task is one module. A task returns `Err` with a sentence for the reader, and the process then exits with 1;
//! nothing here is published or linked into the library.

mod api;
mod backends;
mod blank;
mod ci;
mod floors;
mod metadata;
mod report;
mod requirements;
mod sources;
mod tidy;
mod vectors;

use clap::{Parser, Subcommand};
use std::path::PathBuf;
use std::process::ExitCode;

/// The result of a task: an error is one or more lines for the reader.
type Result<T> = std::result::Result<T, String>;

#[derive(Parser)]
#[command(name = "cargo xtask", about = "The project's tasks")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Run everything that must hold before a change lands
    Ci {
        /// Run only the steps whose name contains this
        #[arg(long)]
        only: Option<String>,
    },
    /// Run the facade through every suite, backend and storage engine
    Matrix {
        /// Passed on to the runner
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Kill a member's process again and again: nothing lost, nothing used twice, nobody stuck
    Crash {
        /// Passed on to the runner: --kills NUMBER, --seed NUMBER, --engine NAME
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Check published test vectors, or generate our own in their format
    Vectors {
        #[command(subcommand)]
        what: Vectors,
    },
    /// Compare what a build with one backend is made of with docs/backends.md
    Backends,
    /// Check the floors, `no_std`, lints, module headers and package metadata
    Tidy,
    /// Write docs/requirements.md: each requirement, the code that enforces it and the test that breaks it
    Requirements {
        /// Write nothing; fail if the committed file is stale
        #[arg(long)]
        check: bool,
        /// Also fail if a requirement that must have a test has none
        #[arg(long)]
        strict: bool,
    },
    /// Measure what operations cost beside the floor and other libraries, and write docs/performance.md
    Report(Box<report::Arguments>),
    /// Compare the facade's public API with docs/api/pleach.txt
    Api {
        /// Write the file instead of comparing
        #[arg(long)]
        bless: bool,
    },
}

#[derive(Subcommand)]
enum Vectors {
    /// Run every vector file of a directory
    Check {
        /// Where they are
        dir: PathBuf,
        /// Passed on to the runner: --crypto BACKEND, --suite NUMBER, --file NAME
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        options: Vec<String>,
    },
    /// Write the golden stores of a storage format, once; docs/storage-format.md
    Stores {
        /// Where to, such as test-vectors/storage/v2; files that are there are not replaced
        dir: PathBuf,
    },
    /// Write our own vectors
    Generate {
        /// Where to
        #[arg(default_value = "test-vectors")]
        dir: PathBuf,
    },
}

fn main() -> ExitCode {
    let outcome = match Arguments::parse().task {
        Task::Ci { only } => ci::run(only.as_deref()),
        Task::Matrix { arguments } => vectors::matrix(&arguments),
        Task::Crash { arguments } => vectors::crash(&arguments),
        Task::Vectors { what: Vectors::Check { dir, options } } => vectors::check_with(&dir, &options),
        Task::Vectors { what: Vectors::Generate { dir } } => vectors::generate(&dir),
        Task::Vectors { what: Vectors::Stores { dir } } => vectors::stores(&dir),
        Task::Backends => backends::run(),
        Task::Tidy => tidy::run(),
        Task::Requirements { check, strict } => requirements::run(check, strict),
        Task::Report(arguments) => report::run(&arguments),
        Task::Api { bless } => api::run(bless),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("xtask: {message}");
            ExitCode::FAILURE
        }
    }
}
