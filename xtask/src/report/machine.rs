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

/// The commit that is checked out, with a `+` if files of the library differ from it.
pub(crate) fn commit(root: &Path) -> String {
    let Some(commit) = output("git", &["rev-parse", "--short=12", "HEAD"], Some(root)) else {
        return "unknown".into();
    };
    let library = ["status", "--porcelain", "--untracked-files=no", "crates", "storage", "backends"];
    let changed = output("git", &library, Some(root)).is_none_or(|text| !text.is_empty());
    if changed { commit + "+" } else { commit }
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
