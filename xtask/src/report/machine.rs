//! What a measurement was taken on: processors, compiler, commit. Never a host's or a user's name.

use std::fs;
use std::path::Path;
use std::process::Command;

/// The processor's model and how many there are.
pub(crate) fn processors() -> String {
    let text = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = text.lines().find_map(|line| line.strip_prefix("model name")?.split_once(':'));
    let model = model.map_or("unknown processor", |(_, model)| model.trim());
    let count = std::thread::available_parallelism().map_or(1, usize::from);
    format!("{count} x {model}, {}", std::env::consts::ARCH)
}

/// The compiler's version.
pub(crate) fn compiler() -> String {
    output("rustc", &["--version"], None).unwrap_or_else(|| "rustc of unknown version".into())
}

/// What measurements are about: the library and what measures it.
const MEASURED: [&str; 4] = ["crates", "storage", "backends", "benches/peers"];

/// The last commit that changed what is measured, with a `+` if files differ from it. Pages that were written since are no reason
/// to measure again.
pub(crate) fn commit(root: &Path) -> String {
    commit_of(root, &MEASURED)
}

/// The last commit that changed one of these, with a `+` if files differ from it.
pub(crate) fn commit_of(root: &Path, paths: &[&str]) -> String {
    let git = |arguments: &[&str]| output("git", &[arguments, &["--"], paths].concat(), Some(root));
    let Some(commit) = git(&["log", "-1", "--abbrev=12", "--format=%h"]) else {
        return "unknown".into();
    };
    let changed = git(&["status", "--porcelain", "--untracked-files=no"]).is_none_or(|text| !text.is_empty());
    if changed { commit + "+" } else { commit }
}

/// Whether memory comes in huge pages, in words: what a read of far memory costs depends on it.
pub(crate) fn huge_pages() -> String {
    let setting = fs::read_to_string("/sys/kernel/mm/transparent_hugepage/enabled").unwrap_or_default();
    let chosen = setting.split_once('[').and_then(|(_, rest)| Some(rest.split_once(']')?.0));
    match chosen {
        Some("always") => "Transparent huge pages: always",
        Some("madvise") => "Transparent huge pages: for those who ask",
        Some("never") => "Transparent huge pages: never",
        _ => "Transparent huge pages: not known",
    }
    .to_owned()
}

/// Today, in UTC.
pub(crate) fn date() -> String {
    output("date", &["-u", "+%Y-%m-%d"], None).unwrap_or_else(|| "unknown date".into())
}

fn output(program: &str, arguments: &[&str], directory: Option<&Path>) -> Option<String> {
    let mut command = Command::new(program);
    command.args(arguments);
    if let Some(directory) = directory {
        command.current_dir(directory);
    }
    let output = command.output().ok().filter(|output| output.status.success())?;
    Some(String::from_utf8(output.stdout).ok()?.trim().to_owned())
}
