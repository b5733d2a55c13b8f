//! `cargo xtask report sizes`: how large the project is, how much of it is tests, and where the requirements stand.

use crate::Result;
use crate::metadata::Workspace;
use crate::requirements;
use crate::sources::{self, Source};
use crate::tidy::DIRS;

/// How many files the report calls large.
const LARGEST: usize = 10;

/// Lines that hold something, and test functions.
#[derive(Default)]
struct Size {
    code: usize,
    tests: usize,
    comments: usize,
    functions: usize,
}

impl Size {
    fn add(&mut self, source: &Source) {
        for (at, (line, code)) in source.lines.iter().zip(&source.code).enumerate() {
            match (code.trim().is_empty(), line.trim().is_empty()) {
                (false, _) if source.is_test_line(at) => self.tests += 1,
                (false, _) => self.code += 1,
                (true, false) => self.comments += 1,
                (true, true) => {}
            }
        }
        self.functions += source.tests.len();
    }
}

/// Prints one row per package, the largest files, and the requirement totals.
pub(crate) fn run() -> Result<()> {
    let workspace = Workspace::load()?;
    let sources = sources::load(&workspace.root, &DIRS)?;
    let mut all = Size::default();
    println!("{:<24}{:>9}{:>9}{:>10}{:>9}", "package", "code", "tests", "comments", "#[test]");
    for package in &workspace.packages {
        let mut size = Size::default();
        let prefix = format!("{}/", package.dir);
        for source in sources.iter().filter(|s| s.path.starts_with(&prefix)) {
            size.add(source);
            all.add(source);
        }
        print(&package.name, &size);
    }
    print("all", &all);

    let mut largest: Vec<_> = sources.iter().map(|s| (s.lines.len(), &s.path)).collect();
    largest.sort_unstable_by(|a, b| b.cmp(a));
    println!("\nlargest files");
    for (lines, path) in largest.into_iter().take(LARGEST) {
        println!("{lines:>6}  {path}");
    }

    let totals = requirements::overall()?;
    println!(
        "\nrequirements: {} with code, {} with a test, {} not ours, {} open, of {}",
        totals.with_code, totals.with_test, totals.not_ours, totals.open, totals.all
    );
    Ok(())
}

fn print(name: &str, size: &Size) {
    println!("{name:<24}{:>9}{:>9}{:>10}{:>9}", size.code, size.tests, size.comments, size.functions);
}
