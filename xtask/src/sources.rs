//! The Rust files of the project: their text, their code without comments and literals, which lines are tests.
//!
//! Test code is found by its attributes in the blanked code, so it is also found inside `proptest!`.

use crate::Result;
use crate::blank::blank;
use std::collections::BTreeSet;
use std::fs;
use std::ops::RangeInclusive;
use std::path::Path;

/// One Rust file.
pub(crate) struct Source {
    /// Relative to the root, with `/`.
    pub(crate) path: String,
    /// The lines as written.
    pub(crate) lines: Vec<String>,
    /// The same lines without comments and literals.
    pub(crate) code: Vec<String>,
    /// Whether the whole file is test code.
    pub(crate) is_test: bool,
    /// Lines (from 0) under `#[cfg(test)]`, and all test functions.
    test_lines: Vec<RangeInclusive<usize>>,
    /// Each function that a test runner calls.
    pub(crate) tests: Vec<Function>,
}

/// A function with the comments and attributes above it.
pub(crate) struct Function {
    pub(crate) name: String,
    pub(crate) lines: RangeInclusive<usize>,
}

impl Source {
    /// Reads a file's text; `path` decides whether it is a test file.
    pub(crate) fn new(path: String, text: &str) -> Self {
        let blanked = blank(text);
        let split = |text: &str| text.lines().map(str::to_owned).collect::<Vec<_>>();
        let (lines, code) = (split(text), split(&blanked));
        let in_test_dir =
            path.split('/').any(|part| part == "tests" || part == "benches" || part == "examples");
        let is_test =
            in_test_dir || path.ends_with("/tests.rs") || code.iter().any(|l| l.trim() == "#![cfg(test)]");
        let mut source = Self { path, lines, code, is_test, test_lines: Vec::new(), tests: Vec::new() };
        for at in 0..source.code.len() {
            let line = source.code.get(at).map_or("", |l| l.trim());
            if is_test_attribute(line) {
                source.tests.extend(source.function_below(at));
            } else if is_cfg_test(line) {
                let end = source.item_end(at + 1);
                source.test_lines.push(at..=end);
            }
        }
        source.test_lines.extend(source.tests.iter().map(|test| test.lines.clone()));
        source
    }

    /// Whether a line (from 0) is test code.
    pub(crate) fn is_test_line(&self, line: usize) -> bool {
        self.is_test || self.test_lines.iter().any(|lines| lines.contains(&line))
    }

    /// The function, test or not, whose body or leading comment holds this line; the innermost one.
    pub(crate) fn function_around(&self, line: usize) -> Option<Function> {
        let below = (0..self.code.len()).filter(|&at| self.function_name(at).is_some());
        let around = below.filter_map(|at| self.function_below(at)).filter(|f| f.lines.contains(&line));
        around.min_by_key(|f| f.lines.end() - f.lines.start())
    }

    /// The name of the item that a line stands in or comments on: a function, type, constant or variant.
    pub(crate) fn item_at(&self, line: usize) -> Option<String> {
        let is_blank = |at: usize| self.code.get(at).is_some_and(|l| l.trim().is_empty());
        let is_attribute = |at: usize| self.code.get(at).is_some_and(|l| l.trim().starts_with("#["));
        if self.lines.get(line)?.starts_with("//!") {
            return None;
        }
        let mut item = line;
        if is_blank(line) {
            item = (line..self.code.len()).find(|&at| !is_blank(at) && !is_attribute(at))?;
        }
        let named = self.item_name(item);
        named.or_else(|| self.function_around(line).map(|f| f.name))
    }

    /// Files that `#[cfg(test)] mod name;` declares as tests: the path without `.rs`.
    fn declared_tests(&self) -> Vec<String> {
        let single = self.test_lines.iter().filter_map(|lines| self.code.get(*lines.end()));
        let names = single.filter_map(|l| l.trim().strip_suffix(';')?.split("mod ").nth(1));
        let stem = self.path.strip_suffix(".rs").unwrap_or(&self.path);
        let (dir, file) = stem.rsplit_once('/').unwrap_or(("", stem));
        let dir = if matches!(file, "lib" | "main" | "mod") { dir } else { stem };
        names.map(|name| format!("{dir}/{}", name.trim())).collect()
    }

    fn function_name(&self, line: usize) -> Option<String> {
        word_after(self.code.get(line)?, "fn")
    }

    fn item_name(&self, line: usize) -> Option<String> {
        let code = self.code.get(line)?;
        let keywords = ["fn", "struct", "enum", "trait", "const", "static", "type", "mod"];
        let item = keywords.iter().find_map(|keyword| word_after(code, keyword));
        // A variant or a field with a comment of its own.
        item.or_else(|| {
            let name: String = code.trim().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
            let rest = code.trim().get(name.len()..)?;
            let variant = name.starts_with(char::is_uppercase) && rest.starts_with([',', '(', ' ', '{']);
            variant.then_some(name)
        })
    }

    /// The function whose `fn` is on this line or, past attributes and comments, below it.
    fn function_below(&self, at: usize) -> Option<Function> {
        let line = (at..self.code.len().min(at + 40)).find(|&line| self.function_name(line).is_some())?;
        let name = self.function_name(line)?;
        let above = |l: &usize| {
            let line = self.lines.get(*l).map_or("", |l| l.trim());
            line.starts_with("//") && !line.starts_with("//!") || line.starts_with("#[")
        };
        let start = (0..line).rev().take_while(above).last().unwrap_or(line);
        Some(Function { name, lines: start..=self.item_end(line) })
    }

    /// The last line of the item that starts at or below this line: its matching brace, or its semicolon.
    fn item_end(&self, from: usize) -> usize {
        let (mut braces, mut others) = (0_i64, 0_i64);
        for (number, line) in self.code.iter().enumerate().skip(from) {
            for c in line.chars() {
                match c {
                    '{' => braces += 1,
                    '}' => braces -= 1,
                    '(' | '[' => others += 1,
                    ')' | ']' => others -= 1,
                    _ => {}
                }
                let ends = (c == '}' || c == ';') && braces == 0 && others == 0;
                if ends || braces < 0 {
                    return number;
                }
            }
        }
        self.code.len().saturating_sub(1)
    }
}

/// `#[test]`, `#[tokio::test]`, also with a longer attribute on the same line.
fn is_test_attribute(line: &str) -> bool {
    line.starts_with("#[")
        && (line.starts_with("#[test]") || line.contains("::test]") || line.contains("::test("))
}

fn is_cfg_test(line: &str) -> bool {
    line.starts_with("#[cfg(test)]") || line.starts_with("#[cfg(all(test")
}

/// The word after a keyword that stands alone.
fn word_after(code: &str, keyword: &str) -> Option<String> {
    let mut words = code.split(|c: char| !(c.is_alphanumeric() || c == '_')).filter(|w| !w.is_empty());
    words.find(|word| *word == keyword)?;
    words.next().map(str::to_owned)
}

/// All Rust files under these directories of the root, sorted; `target` and hidden directories are left out.
pub(crate) fn load(root: &Path, dirs: &[&str]) -> Result<Vec<Source>> {
    let mut paths = Vec::new();
    for dir in dirs {
        walk(root, dir, &mut paths)?;
    }
    paths.sort();
    let mut sources = Vec::with_capacity(paths.len());
    for path in paths {
        let text = fs::read_to_string(root.join(&path)).map_err(|e| format!("{path}: {e}"))?;
        sources.push(Source::new(path, &text));
    }
    let declared: BTreeSet<String> = sources.iter().flat_map(Source::declared_tests).collect();
    for source in &mut sources {
        let stem = source.path.strip_suffix(".rs").unwrap_or(&source.path);
        let inside =
            |d: &String| stem == d || stem.strip_prefix(d.as_str()).is_some_and(|rest| rest.starts_with('/'));
        source.is_test |= declared.iter().any(inside);
    }
    Ok(sources)
}

fn walk(root: &Path, dir: &str, found: &mut Vec<String>) -> Result<()> {
    let Ok(entries) = fs::read_dir(root.join(dir)) else { return Ok(()) };
    for entry in entries {
        let entry = entry.map_err(|e| format!("{dir}: {e}"))?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = format!("{dir}/{name}");
        let is_dir = entry.file_type().is_ok_and(|kind| kind.is_dir());
        if is_dir && name != "target" && !name.starts_with('.') {
            walk(root, &path, found)?;
        } else if !is_dir && name.ends_with(".rs") {
            found.push(path);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::Source;

    const FILE: &str = r#"//! A module.

/// Checks R061.
pub fn check(x: [u8; 4]) -> bool {
    let s = "} // R999";
    // R062: sorted
    s.len() > x.len()
}

enum Error {
    /// R063
    Unsorted,
}

#[cfg(test)]
extern crate std;

#[cfg(test)]
mod tests {
    // breaks: R061
    #[test]
    #[should_panic(expected = "x")]
    fn wrong() {
        if true { panic!("x") }
    }

    fn helper() {}
}
"#;

    #[test]
    fn test_code_is_told_from_the_rest() {
        let source = Source::new("crates/x/src/a.rs".into(), FILE);
        let line = |text: &str| source.lines.iter().position(|l| l.contains(text)).unwrap();
        assert!(!source.is_test_line(line("pub fn check")));
        assert!(source.is_test_line(line("extern crate")));
        assert!(source.is_test_line(line("fn helper")));
        let [test] = source.tests.as_slice() else { panic!("one test") };
        assert_eq!(test.name, "wrong");
        assert!(test.lines.contains(&line("breaks: R061")) && !test.lines.contains(&line("helper")));
    }

    #[test]
    fn a_citation_belongs_to_the_item_below_or_around() {
        let source = Source::new("crates/x/src/a.rs".into(), FILE);
        let at = |text: &str| source.item_at(source.lines.iter().position(|l| l.contains(text)).unwrap());
        assert_eq!(at("Checks R061").as_deref(), Some("check"));
        assert_eq!(at("R062: sorted").as_deref(), Some("check"));
        assert_eq!(at("/// R063").as_deref(), Some("Unsorted"));
        assert_eq!(at("//! A module"), None);
    }

    #[test]
    fn test_files_are_known_by_place_and_declaration() {
        assert!(Source::new("crates/x/tests/a.rs".into(), "").is_test);
        assert!(Source::new("crates/x/src/tests.rs".into(), "").is_test);
        let parent = Source::new("crates/x/src/a.rs".into(), "#[cfg(test)]\nmod cases;\n");
        assert_eq!(parent.declared_tests(), ["crates/x/src/a/cases"]);
        let parent = Source::new("crates/x/src/lib.rs".into(), "#[cfg(test)]\nmod cases;\n");
        assert_eq!(parent.declared_tests(), ["crates/x/src/cases"]);
    }
}
