//! The options that all reports have.

use super::peers::Library;
use std::path::{Path, PathBuf};

/// What is measured, and where results are.
#[derive(clap::Args)]
pub(crate) struct Common {
    /// Smaller groups, fewer repetitions; writes no page
    #[arg(long)]
    pub(crate) quick: bool,
    /// Print all measured lines instead of tables
    #[arg(long)]
    pub(crate) json: bool,
    /// Members of the groups
    #[arg(long, value_delimiter = ',')]
    n: Vec<u64>,
    /// Only these libraries
    #[arg(long, value_delimiter = ',')]
    only: Vec<Library>,
    /// Only these operations, by name
    #[arg(long, value_delimiter = ',')]
    pub(crate) ops: Vec<String>,
    /// Forget earlier results
    #[arg(long)]
    pub(crate) fresh: bool,
    /// Fail if what is promised, in time or in rows and bytes, is not kept, or, after a whole run, not measured
    #[arg(long)]
    pub(crate) check: bool,
    /// Seconds of CPU for one operation after which a library's series ends
    #[arg(long, default_value_t = 60)]
    pub(crate) limit: u64,
    /// Where results are kept [default: a file in target/report]
    #[arg(long)]
    results: Option<PathBuf>,
    /// Where the libraries are built [default: target/peers]
    #[arg(long)]
    target_dir: Option<PathBuf>,
}

impl Common {
    /// The sizes that were named, or those of a quick or a whole run.
    pub(crate) fn sizes(&self, quick: &[u64], whole: &[u64]) -> Vec<u64> {
        match (self.n.is_empty(), self.quick) {
            (false, _) => self.n.clone(),
            (true, true) => quick.to_vec(),
            (true, false) => whole.to_vec(),
        }
    }

    /// Whether nothing is left out.
    pub(crate) fn is_whole(&self) -> bool {
        !self.quick && self.n.is_empty() && self.only.is_empty() && self.ops.is_empty()
    }

    /// The libraries that were named, or all.
    pub(crate) fn libraries(&self) -> Vec<Library> {
        let wanted = |library: &Library| self.only.is_empty() || self.only.contains(library);
        Library::ALL.into_iter().filter(wanted).collect()
    }

    /// The file of results of the report with this name.
    pub(crate) fn results(&self, root: &Path, report: &str) -> PathBuf {
        let quick = if self.quick { "-quick" } else { "" };
        let file = || root.join("target/report").join(format!("{report}{quick}.jsonl"));
        self.results.clone().unwrap_or_else(file)
    }

    /// Where the libraries are built.
    pub(crate) fn target(&self, root: &Path) -> PathBuf {
        self.target_dir.clone().unwrap_or_else(|| root.join("target/peers"))
    }
}
