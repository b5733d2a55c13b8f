//! The measured libraries: building their binaries and reading what they print.
//!
//! Each is a workspace of its own under `benches/peers`, built in release with its own lock file. They print one JSON object per
//! line (`benches/peers/harness/src/output.rs`); every line is handed on as it comes.

use crate::Result;
use crate::metadata::cargo;
use serde_json::Value;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A library that can be measured; the names are those of directories in `benches/peers`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Library {
    Pleach,
    Openmls,
    MlsRs,
}

impl Library {
    /// All, ours first.
    pub(crate) const ALL: [Self; 3] = [Self::Pleach, Self::Openmls, Self::MlsRs];

    /// The name of its directory and in results.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Pleach => "pleach",
            Self::Openmls => "openmls",
            Self::MlsRs => "mls-rs",
        }
    }

    /// The name in tables.
    pub(crate) const fn title(self) -> &'static str {
        match self {
            Self::Pleach => "Pleach",
            Self::Openmls => "OpenMLS",
            Self::MlsRs => "mls-rs",
        }
    }
}

/// Builds a library's binary and returns where it is.
pub(crate) fn build(root: &Path, target: &Path, library: Library) -> Result<PathBuf> {
    let manifest = root.join("benches/peers").join(library.name()).join("Cargo.toml");
    eprintln!("building {}", library.name());
    let mut command = cargo();
    command.args(["build", "--release", "--message-format", "json-render-diagnostics"]);
    if library != Library::Pleach {
        // Ours follows the crates of this tree, and its lock file with it.
        command.arg("--locked");
    }
    command.arg("--manifest-path").arg(&manifest).arg("--target-dir").arg(target);
    command.current_dir(root).stdin(Stdio::null()).stderr(Stdio::inherit());
    let output = command.output().map_err(|e| format!("cargo does not start: {e}"))?;
    if !output.status.success() {
        return Err(format!("{} is not built: {}", library.name(), output.status));
    }
    let text = String::from_utf8_lossy(&output.stdout);
    let messages = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let mut executables =
        messages.filter_map(|message| Some(PathBuf::from(message.get("executable")?.as_str()?)));
    executables.next_back().ok_or_else(|| format!("{} has no binary", library.name()))
}

/// Runs a binary and hands on each line that it prints.
pub(crate) fn run(
    binary: &Path,
    arguments: &[String],
    mut line: impl FnMut(Value) -> Result<()>,
) -> Result<()> {
    let name = binary.display();
    let mut command = Command::new(binary);
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped());
    let mut child = command.spawn().map_err(|e| format!("{name} does not start: {e}"))?;
    let output = child.stdout.take().ok_or("a child without an output")?;
    for text in BufReader::new(output).lines() {
        let text = text.map_err(|e| format!("{name}: {e}"))?;
        line(serde_json::from_str(&text).map_err(|e| format!("{name} printed {text:?}: {e}"))?)?;
    }
    let status = child.wait().map_err(|e| format!("{name}: {e}"))?;
    if status.success() { Ok(()) } else { Err(format!("{name} {}: {status}", arguments.join(" "))) }
}
