//! For tests: lines as the binaries print them, in a file beside this one.

use serde_json::Value;

/// All lines of the file.
pub(crate) fn lines() -> Vec<Value> {
    let text = include_str!("example.jsonl");
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}
