//! `cargo xtask requirements`: which code enforces each requirement of RFC 9420, and which test breaks it.
//!
//! `requirements.tsv` lists the requirements; `scan` finds their numbers in the sources; `page` writes
//! docs/requirements.md. The page names functions, not line numbers, so it goes stale only when a citation does.

mod page;
mod scan;

use crate::Result;
use crate::metadata::root;
use crate::sources;
use scan::Citations;
use std::fs;

const TABLE: &str = include_str!("requirements.tsv");
const PAGE: &str = "docs/requirements.md";

/// Where requirements of level M or I may not stay without a test.
const CLOSED_GROUPS: [&str; 6] = ["E", "J", "W", "X", "AB", "AC"];
/// How many requirements outside those groups may stay without a test.
const OPEN_ELSEWHERE: usize = 60;

/// One testable requirement.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Requirement {
    number: u16,
    section: String,
    level: Level,
    group: String,
    title: String,
    /// Why no code and no test of ours is expected, if so.
    not_ours: Option<String>,
}

/// Where a requirement's force comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Level {
    Must,
    Should,
    May,
    Implied,
    Policy,
}

impl Level {
    const ALL: [Self; 5] = [Self::Must, Self::Implied, Self::Should, Self::Policy, Self::May];

    fn letter(self) -> char {
        match self {
            Self::Must => 'M',
            Self::Should => 'S',
            Self::May => 'Y',
            Self::Implied => 'I',
            Self::Policy => 'P',
        }
    }

    fn meaning(self) -> &'static str {
        match self {
            Self::Must => "must",
            Self::Should => "should",
            Self::May => "may",
            Self::Implied => "implied by a definition",
            Self::Policy => "policy that must exist",
        }
    }
}

/// A group of requirements, as the table orders them.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Group {
    letter: String,
    name: String,
}

/// The requirements and their groups.
struct Table {
    groups: Vec<Group>,
    requirements: Vec<Requirement>,
}

/// How many of some requirements have what.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Totals {
    pub(crate) all: usize,
    pub(crate) with_code: usize,
    pub(crate) with_test: usize,
    pub(crate) not_ours: usize,
    /// Neither a test nor a note.
    pub(crate) open: usize,
}

/// Writes the page, or with `check` compares it; with `strict` also fails on requirements that must not be open.
pub(crate) fn run(check: bool, strict: bool) -> Result<()> {
    let (table, citations) = load()?;
    let page = page::render(&table, &citations);
    let path = root().join(PAGE);
    let stale = fs::read_to_string(&path).ok().as_deref() != Some(page.as_str());
    if check && stale {
        return Err(format!("{PAGE} is stale: run `cargo xtask requirements`"));
    }
    if stale {
        fs::write(&path, page).map_err(|e| format!("{PAGE}: {e}"))?;
    }
    for place in &citations.unattached {
        println!("{place}: `breaks:` belongs to no test, so it does not count");
    }
    for place in &citations.unknown {
        println!("{place}: no such requirement");
    }
    let totals = totals(&table.requirements, &citations);
    println!(
        "requirements: {} of {} have a test, {} are not ours, {} are open",
        totals.with_test, totals.all, totals.not_ours, totals.open
    );
    let mut wrong = gates(&table, &citations);
    if !citations.unknown.is_empty() {
        wrong.push(format!("{} citations of requirements that do not exist", citations.unknown.len()));
    }
    match wrong.is_empty() {
        true => Ok(()),
        false if strict => Err(wrong.join("\n")),
        false => {
            println!("not yet enforced: {}", wrong.join("; "));
            Ok(())
        }
    }
}

/// The totals of all requirements.
pub(crate) fn overall() -> Result<Totals> {
    let (table, citations) = load()?;
    Ok(totals(&table.requirements, &citations))
}

fn load() -> Result<(Table, Citations)> {
    let table = Table::parse(TABLE)?;
    let sources = sources::load(&root(), &["crates", "backends", "storage"])?;
    let citations = Citations::find(&sources, table.requirements.len());
    Ok((table, citations))
}

impl Table {
    fn parse(text: &str) -> Result<Self> {
        let mut table = Self { groups: Vec::new(), requirements: Vec::new() };
        for (at, line) in text.lines().enumerate().filter(|(_, l)| !l.starts_with('#')) {
            let wrong = || format!("requirements.tsv:{}: {line}", at + 1);
            if let Some(group) = line.strip_prefix('@') {
                let (letter, name) = group.split_once('\t').ok_or_else(wrong)?;
                table.groups.push(Group { letter: letter.into(), name: name.into() });
            } else {
                let requirement = Requirement::parse(line).ok_or_else(wrong)?;
                let expected = table.requirements.len() + 1;
                let known = table.groups.last().is_some_and(|g| g.letter == requirement.group);
                if usize::from(requirement.number) != expected || !known {
                    return Err(wrong());
                }
                table.requirements.push(requirement);
            }
        }
        Ok(table)
    }

    fn of_group<'t>(&'t self, letter: &'t str) -> impl Iterator<Item = &'t Requirement> {
        self.requirements.iter().filter(move |r| r.group == letter)
    }
}

impl Requirement {
    fn parse(line: &str) -> Option<Self> {
        let mut fields = line.split('\t');
        let number = fields.next()?.strip_prefix('R')?.parse().ok()?;
        let section = fields.next()?.to_owned();
        let letter = fields.next()?;
        let level = Level::ALL.into_iter().find(|l| letter == l.letter().to_string())?;
        let group = fields.next()?.to_owned();
        let title = fields.next()?.to_owned();
        let not_ours = match fields.next() {
            None => None,
            Some(note) => Some(note.strip_prefix("not ours:")?.trim().to_owned()),
        };
        fields.next().is_none().then_some(Self { number, section, level, group, title, not_ours })
    }

    fn is_open(&self, citations: &Citations) -> bool {
        self.not_ours.is_none() && citations.tests(self.number).is_empty()
    }
}

fn totals<'r>(requirements: impl IntoIterator<Item = &'r Requirement>, citations: &Citations) -> Totals {
    let mut totals = Totals::default();
    for requirement in requirements {
        totals.all += 1;
        totals.with_code += usize::from(!citations.code(requirement.number).is_empty());
        totals.with_test += usize::from(!citations.tests(requirement.number).is_empty());
        totals.not_ours += usize::from(requirement.not_ours.is_some());
        totals.open += usize::from(requirement.is_open(citations));
    }
    totals
}

/// What stands in the way of a release.
fn gates(table: &Table, citations: &Citations) -> Vec<String> {
    let closed = |r: &Requirement| {
        CLOSED_GROUPS.contains(&r.group.as_str()) && matches!(r.level, Level::Must | Level::Implied)
    };
    let open: Vec<&Requirement> = table.requirements.iter().filter(|r| r.is_open(citations)).collect();
    let (inside, elsewhere): (Vec<_>, Vec<_>) = open.into_iter().partition(|r| closed(r));
    let mut wrong = Vec::new();
    if !inside.is_empty() {
        let numbers: Vec<_> = inside.iter().map(|r| format!("R{:03}", r.number)).collect();
        let groups = CLOSED_GROUPS.join(", ");
        wrong.push(format!(
            "{} of level M or I in groups {groups} have no test: {}",
            inside.len(),
            numbers.join(" ")
        ));
    }
    if elsewhere.len() > OPEN_ELSEWHERE {
        wrong.push(format!("{} elsewhere have no test, at most {OPEN_ELSEWHERE} may", elsewhere.len()));
    }
    wrong
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sources::Source;

    #[test]
    fn the_table_is_whole() {
        let table = Table::parse(TABLE).unwrap();
        assert_eq!(table.requirements.len(), 281);
        assert_eq!(table.groups.len(), 35);
        assert!(CLOSED_GROUPS.iter().all(|letter| table.of_group(letter).count() > 0));
        assert!(table.requirements.iter().all(|r| !r.title.is_empty() && !r.title.contains('|')));
    }

    #[test]
    fn a_gap_in_the_table_is_refused() {
        let row = |number: &str| format!("{number}\t1\tM\tA\ttitle\n");
        assert!(Table::parse(&format!("@A\tx\n{}{}", row("R001"), row("R002"))).is_ok());
        assert!(Table::parse(&format!("@A\tx\n{}{}", row("R001"), row("R003"))).is_err());
        assert!(Table::parse(&row("R001")).is_err());
        assert!(Table::parse("@A\tx\nR001\t1\tX\tA\ttitle\n").is_err());
        assert!(Table::parse("@A\tx\nR001\t1\tM\tA\ttitle\tsome remark\n").is_err());
    }

    #[test]
    fn the_gates_close_when_tests_come() {
        let table =
            Table::parse("@W\tw\nR001\t1\tM\tW\ta\nR002\t1\tS\tW\tb\nR003\t1\tM\tW\tc\tnot ours: x\n")
                .unwrap();
        let found = |text: &str| Citations::find(&[Source::new("crates/x/tests/a.rs".into(), text)], 3);
        let none = found("");
        assert_eq!(gates(&table, &none).len(), 1);
        assert!(gates(&table, &none)[0].contains("R001") && !gates(&table, &none)[0].contains("R002"));
        let tested = found("// breaks: R001\n#[test]\nfn a() {}\n");
        assert!(gates(&table, &tested).is_empty());
        let totals = totals(&table.requirements, &tested);
        assert_eq!((totals.all, totals.with_test, totals.not_ours, totals.open), (3, 1, 1, 1));
    }

    #[test]
    fn too_many_open_elsewhere_are_refused() {
        let mut text = "@A\ta\n".to_owned();
        for number in 1..=61 {
            text += &format!("R{number:03}\t1\tM\tA\ta\n");
        }
        let table = Table::parse(&text).unwrap();
        assert_eq!(gates(&table, &Citations::find(&[], 61)).len(), 1);
        let one = [Source::new("crates/x/tests/a.rs".into(), "// breaks: R007\n#[test]\nfn a() {}\n")];
        assert!(gates(&table, &Citations::find(&one, 61)).is_empty());
    }
}
