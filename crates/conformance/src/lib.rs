//! The MLS working group's test vectors, run against Pleach, and our own in the same format.
//!
//! A vector file is a JSON array of cases. There is one module per kind of file in [`files`], which knows the case's
//! fields and what must hold between them; [`VectorFile::check`] runs all cases of one file in a directory and makes a
//! [`Report`], [`check_directory`] all sixteen files. [`generate`] writes a directory of our own.
//!
//! Invariants: no field of a case is ignored (unknown fields are errors, and a test changes a digit of every field to see
//! the check fail); a case that was not run is a skip, which is shown, and no success.
//!
//! What the vectors need of their surroundings, an eternal clock, key packages long expired, capabilities that do not list
//! what they should, is configured here, never in the library.

mod fault;
pub mod files;
pub mod generate;
mod report;
mod vector_file;

pub use fault::Fault;
pub use report::{Failure, Report, Skip, Summary, Tally};
pub use vector_file::{Error, FILES, Filter, VectorFile, check_directory, file};
