//! Requirement numbers in the sources.
//!
//! A number in code that is not test code (a comment, a doc, a string) says: here it is enforced. A line with
//! `breaks:` in or above a test says: this test breaks it. In the crates of test suites that others call, every
//! function counts as a test. A range such as `R001..R281` cites nothing.

use crate::sources::Source;
use std::collections::{BTreeMap, BTreeSet};

/// Crates that hold tests for others to call, and enforce nothing.
const SUITES: [&str; 2] = ["crates/testkit/", "crates/conformance/"];

/// A file and the item in it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    pub(super) path: String,
    pub(super) item: Option<String>,
}

/// Where each requirement is cited.
#[derive(Debug, Default)]
pub(super) struct Citations {
    code: BTreeMap<u16, BTreeSet<Place>>,
    tests: BTreeMap<u16, BTreeSet<Place>>,
    /// `file:line` of each `breaks:` that belongs to no test.
    pub(super) unattached: Vec<String>,
    /// `file:line: number` of each number beyond the table.
    pub(super) unknown: Vec<String>,
}

impl Citations {
    /// Reads all sources; numbers above `last` do not exist.
    pub(super) fn find(sources: &[Source], last: usize) -> Self {
        let mut found = Self::default();
        for source in sources {
            found.read(source, last);
        }
        found
    }

    pub(super) fn code(&self, number: u16) -> Vec<&Place> {
        self.code.get(&number).into_iter().flatten().collect()
    }

    pub(super) fn tests(&self, number: u16) -> Vec<&Place> {
        self.tests.get(&number).into_iter().flatten().collect()
    }

    fn read(&mut self, source: &Source, last: usize) {
        let is_suite = SUITES.iter().any(|dir| source.path.starts_with(dir));
        let mut breaking: Option<String> = None;
        for (at, line) in source.lines.iter().enumerate() {
            let here = format!("{}:{}", source.path, at + 1);
            let claim = line.split_once("breaks:").map(|(_, claim)| claim);
            // A claim may go on in the next comment line, which then holds numbers only.
            let claim = claim.or_else(|| {
                breaking.as_ref().and(line.trim().strip_prefix("//")).filter(|rest| only_numbers(rest))
            });
            if let Some(claim) = claim {
                if line.contains("breaks:") {
                    breaking = test_of(source, at, is_suite);
                    if breaking.is_none() && !numbers(claim).is_empty() {
                        self.unattached.push(here.clone());
                    }
                }
                self.cite(
                    &numbers(claim),
                    last,
                    &here,
                    breaking.as_deref().map(|name| (source, Some(name), true)),
                );
                continue;
            }
            breaking = None;
            let cited = numbers(line);
            if !cited.is_empty() && !is_suite && !source.is_test_line(at) {
                let item = source.item_at(at);
                self.cite(&cited, last, &here, Some((source, item.as_deref(), false)));
            }
        }
    }

    fn cite(
        &mut self,
        numbers: &[u16],
        last: usize,
        here: &str,
        place: Option<(&Source, Option<&str>, bool)>,
    ) {
        for &number in numbers {
            if !(1..=last).contains(&usize::from(number)) {
                self.unknown.push(format!("{here}: R{number:03}"));
            } else if let Some((source, item, is_test)) = place {
                let cited = if is_test { &mut self.tests } else { &mut self.code };
                let place = Place { path: source.path.clone(), item: item.map(str::to_owned) };
                cited.entry(number).or_default().insert(place);
            }
        }
    }
}

/// The test that a line stands in or above.
fn test_of(source: &Source, line: usize, is_suite: bool) -> Option<String> {
    let test = source.tests.iter().find(|test| test.lines.contains(&line)).map(|test| test.name.clone());
    test.or_else(|| is_suite.then(|| source.function_around(line).map(|f| f.name))?)
}

/// All `R123` of a line that stand alone.
fn numbers(line: &str) -> Vec<u16> {
    let mut found = Vec::new();
    for (at, _) in line.match_indices('R') {
        let (before, after) = (line.get(..at).unwrap_or(""), line.get(at + 1..).unwrap_or(""));
        let digits: String = after.chars().take_while(char::is_ascii_digit).collect();
        let rest = after.get(digits.len()..).unwrap_or("");
        let stands_alone = !before.ends_with(is_word) && !rest.starts_with(is_word);
        let in_range = before.ends_with("..") || before.ends_with("..=") || rest.starts_with("..");
        if digits.len() == 3 && stands_alone && !in_range {
            found.extend(digits.parse::<u16>());
        }
    }
    found
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

fn only_numbers(text: &str) -> bool {
    !numbers(text).is_empty()
        && text.chars().all(|c| c.is_ascii_digit() || matches!(c, 'R' | ',' | ' ' | '/' | '.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = r#"//! Implements R001..R281 in part.

/// Sorted (R061).
pub fn check() {
    // R062, R063: and so on; XR100 and R1000 and R10 are none
}

#[cfg(test)]
mod tests {
    // A wrong order.
    // breaks: R061, R064,
    // R065
    #[test]
    fn unsorted() {
        // R070 is mentioned only
        // breaks: R066
    }

    // breaks: R067
    fn helper() {}

    proptest! {
        /// breaks: R068
        #[test]
        fn any_order(x in 0..9) { check(x) }
    }
}
"#;

    fn find(path: &str, text: &str) -> Citations {
        Citations::find(&[Source::new(path.into(), text)], 281)
    }

    fn items(places: &[&Place]) -> Vec<String> {
        places.iter().map(|p| p.item.clone().unwrap_or_default()).collect()
    }

    #[test]
    fn code_and_tests_are_told_apart() {
        let found = find("crates/x/src/a.rs", FILE);
        assert_eq!(found.code.keys().copied().collect::<Vec<_>>(), [61, 62, 63]);
        assert_eq!(items(&found.code(62)), ["check"]);
        assert_eq!(found.tests.keys().copied().collect::<Vec<_>>(), [61, 64, 65, 66, 68]);
        assert_eq!(items(&found.tests(65)), ["unsorted"]);
        assert_eq!(items(&found.tests(68)), ["any_order"]);
    }

    #[test]
    fn a_claim_outside_a_test_does_not_count() {
        let found = find("crates/x/src/a.rs", FILE);
        assert!(found.tests(67).is_empty());
        assert_eq!(found.unattached, ["crates/x/src/a.rs:19"]);
    }

    #[test]
    fn suites_are_tests_that_others_call() {
        let found =
            find("crates/testkit/src/a.rs", "//! Suite.\n\n// breaks: R052\npub fn suite() { /* R053 */ }\n");
        assert_eq!(items(&found.tests(52)), ["suite"]);
        assert!(found.code.is_empty());
    }

    #[test]
    fn unknown_numbers_are_reported() {
        assert_eq!(find("crates/x/src/a.rs", "// R282\n").unknown, ["crates/x/src/a.rs:1: R282"]);
    }
}
