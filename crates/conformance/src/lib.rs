//! Published test vectors, run against Pleach, and our own in the same format.
//!
//! A vector file is a JSON array of cases; files that are published together are a [`VectorSet`]: the MLS working group's
//! ([`files`]), those of the draft on partial clients ([`partial`]), and those of HPKE with post-quantum KEMs ([`hpke`]).
//! There is one module per kind of file, which knows the case's fields and what must hold between them;
//! [`VectorFile::check`] runs all cases of one file in a directory and makes a [`Report`], [`check_directory`] all files of
//! the set that the directory holds. [`generate`] writes a directory of our own.
//!
//! Invariants: no field of a case is ignored (unknown fields are errors, and a test changes a digit of every field to see
//! the check fail); a case that was not run is a skip, which is shown with its reason, and is no success unless the case is
//! of algorithms that no suite uses or a single backend was asked for.
//!
//! What the vectors need of their surroundings, an eternal clock, key packages long expired, capabilities that do not list
//! what they should, is configured here, never in the library.

mod backend;
mod fault;
pub mod files;
pub mod generate;
pub mod hpke;
pub mod partial;
mod report;
mod vector_file;
mod vector_set;

pub use backend::{Backend, every_suite};
pub use fault::Fault;
pub use report::{Column, Failure, InPart, Reason, Report, Skip, Summary, Tally};
pub use vector_file::{By, Error, Extent, Filter, VectorFile};
pub use vector_set::{FILES, HPKE, IMPLEMENTATIONS, PARTIAL, SETS, VectorSet, check_directory, file};
