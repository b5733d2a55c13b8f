//! The measured libraries: building their binaries and reading what they print.
//!
//! Each is a workspace of its own under `benches/peers`, built in release with its own lock file. They print one JSON object per
//! line (`benches/peers/harness/src/output.rs`); every line is handed on as it comes.

use crate::Result;
use crate::metadata::cargo;
use serde_json::Value;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

/// A library that can be measured; the names are those of directories in `benches/peers`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, clap::ValueEnum)]
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

/// Variables that cargo sets for the package that it runs, of those that build scripts look at.
const OF_PACKAGE: [&str; 6] = [
    "CARGO_PKG_NAME",
    "CARGO_PKG_VERSION",
    "CARGO_PKG_VERSION_MAJOR",
    "CARGO_PKG_VERSION_MINOR",
    "CARGO_PKG_VERSION_PATCH",
    "CARGO_PKG_VERSION_PRE",
];

/// What ends the name of the binary that has the system's allocator.
const SYSTEM: &str = "-system";

/// Where a library's binaries are.
#[derive(Clone, Debug)]
pub(crate) struct Binaries {
    /// With the allocator with which all libraries are measured.
    pub(crate) measured: PathBuf,
    /// With that of the system.
    pub(crate) system: PathBuf,
}

/// Builds a library's binaries and returns where they are.
pub(crate) fn build(root: &Path, target: &Path, library: Library) -> Result<Binaries> {
    let manifest = root.join("benches/peers").join(library.name()).join("Cargo.toml");
    eprintln!("building {}", library.name());
    let mut command = cargo();
    command.args(["build", "--release", "--message-format", "json-render-diagnostics"]);
    if library != Library::Pleach {
        // Ours follows the crates of this tree, and its lock file with it.
        command.arg("--locked");
    }
    command.arg("--manifest-path").arg(&manifest).arg("--target-dir").arg(target);
    // What the cargo around this program says of it: a build script of a dependency that looks at it would run anew.
    for name in ["CARGO_MANIFEST_DIR", "CARGO_MANIFEST_PATH"].into_iter().chain(OF_PACKAGE) {
        command.env_remove(name);
    }
    command.current_dir(root).stdin(Stdio::null()).stderr(Stdio::inherit());
    let output = command.output().map_err(|e| format!("cargo does not start: {e}"))?;
    if !output.status.success() {
        return Err(format!("{} is not built: {}", library.name(), output.status));
    }
    let text = String::from_utf8_lossy(&output.stdout);
    let messages = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let executables =
        messages.filter_map(|message| Some(PathBuf::from(message.get("executable")?.as_str()?)));
    let is_system =
        |path: &PathBuf| path.file_stem().is_some_and(|name| name.to_string_lossy().ends_with(SYSTEM));
    let (system, measured): (Vec<_>, Vec<_>) = executables.partition(is_system);
    match (measured.as_slice(), system.as_slice()) {
        ([measured], [system]) => Ok(Binaries { measured: measured.clone(), system: system.clone() }),
        _ => Err(format!("{} has not the two binaries that are expected", library.name())),
    }
}

/// How a run ended that did not fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// By itself.
    Finished,
    /// It was ended, as its time was over.
    OutOfTime,
}

/// Runs a binary and hands on each line that it prints.
pub(crate) fn run(binary: &Path, arguments: &[String], line: impl FnMut(Value) -> Result<()>) -> Result<()> {
    run_within(binary, arguments, None, line).map(drop)
}

/// Runs a binary, for so long at most, and hands on each line that it prints.
pub(crate) fn run_within(
    binary: &Path,
    arguments: &[String],
    most: Option<Duration>,
    mut line: impl FnMut(Value) -> Result<()>,
) -> Result<End> {
    let name = binary.display();
    let start = Instant::now();
    let mut command = Command::new(binary);
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped());
    let mut child = command.spawn().map_err(|e| format!("{name} does not start: {e}"))?;
    let lines = lines(&mut child)?;
    loop {
        let text = match most {
            None => lines.recv().map_err(RecvTimeoutError::from),
            Some(most) => lines.recv_timeout(most.saturating_sub(start.elapsed())),
        };
        match text {
            Ok(text) => {
                let text = text.map_err(|e| format!("{name}: {e}"))?;
                let value = serde_json::from_str(&text);
                line(value.map_err(|e| format!("{name} printed {text:?}: {e}"))?)?;
            }
            Err(RecvTimeoutError::Disconnected) => break,
            Err(RecvTimeoutError::Timeout) => {
                child.kill().and_then(|()| child.wait()).map_err(|e| format!("{name}: {e}"))?;
                return Ok(End::OutOfTime);
            }
        }
    }
    let status = child.wait().map_err(|e| format!("{name}: {e}"))?;
    if status.success() {
        Ok(End::Finished)
    } else {
        {
            // Lists of operations are long.
            let arguments: Vec<_> =
                arguments.iter().take_while(|argument| *argument != "--ops").cloned().collect();
            Err(format!("{name} {}: {status}", arguments.join(" ")))
        }
    }
}

/// The lines that a child prints, until it ends.
fn lines(child: &mut Child) -> Result<Receiver<std::io::Result<String>>> {
    let output = child.stdout.take().ok_or("a child without an output")?;
    let (sender, receiver) = channel();
    thread::spawn(move || BufReader::new(output).lines().try_for_each(|line| sender.send(line)));
    Ok(receiver)
}
