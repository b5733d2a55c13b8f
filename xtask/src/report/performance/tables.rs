//! The tables of the page: one per operation, and those that look across operations.

use super::measured::{COMMON_SUITE, Cell, Field, Measured, Who, on_all_processors, with_system};
use super::operations::{Operation, find};
use super::units::{bytes, ratio, size, spread, time, times};
use crate::report::peers::Library;
use crate::report::tables::numbers;

/// Rows of cells.
pub(crate) type Rows = Vec<Vec<String>>;

/// A row's head and its cells, for each size.
pub(crate) fn row(title: impl Into<String>, sizes: &[u64], cell: impl Fn(u64) -> String) -> Vec<String> {
    [title.into()].into_iter().chain(sizes.iter().map(|&n| cell(n))).collect()
}

/// The head of a table whose columns are sizes.
pub(crate) fn head(title: &str, sizes: &[u64]) -> Vec<String> {
    row(title, sizes, |n| format!("n = {}", size(n)))
}

/// A number or why there is none.
pub(crate) fn shown(cell: Cell, number: impl Fn(f64) -> String) -> String {
    match cell {
        Cell::Measured(summary) => number(summary.value),
        Cell::Stopped(limit) => format!("stopped at {limit} s"),
        Cell::Missing => "-".into(),
    }
}

/// Another library's number as a multiple of ours, or as it is where we have none.
fn multiple(measured: &Measured, ours: &Who, (who, operation, n): (&Who, &str, u64), field: Field) -> String {
    let own = measured.value(ours, operation, n, field).filter(|own| *own > 0.0);
    shown(measured.cell(who, operation, n, field), |value| match (own, field) {
        (Some(own), _) => times(value / own),
        (None, Field::Cpu | Field::Wall) => time(value),
        (None, _) => bytes(value),
    })
}

/// Everybody with the common suite, ours first, and the first provider of each library.
fn common(measured: &Measured) -> Vec<Who> {
    measured.all().into_iter().filter(|who| who.suite == COMMON_SUITE).collect()
}

pub(crate) fn first_of_each(measured: &Measured) -> Vec<Who> {
    let mut first: Vec<Who> = Vec::new();
    for who in common(measured) {
        if first.iter().all(|other| other.library != who.library) {
            first.push(who);
        }
    }
    first
}

/// The table of an operation: ours as time and as a ratio to the floor, others as multiples of ours.
pub(crate) fn of_operation(measured: &Measured, operation: &Operation, sizes: &[u64]) -> Option<Rows> {
    let ours = measured.ours()?;
    let name = operation.name;
    let mut rows = vec![head("", sizes)];
    let floor = |who: &Who, n: u64| {
        let (formula, prices) = measured.floor(who, name, n)?;
        formula.cost(&prices)
    };
    if sizes.iter().any(|&n| floor(&ours, n).is_some()) {
        rows.push(row("floor", sizes, |n| floor(&ours, n).map_or("-".into(), time)));
    }
    for who in common(measured) {
        let cell = |n: u64| measured.cell(&who, name, n, Field::Cpu);
        if sizes.iter().all(|&n| cell(n) == Cell::Missing) {
            continue;
        }
        if who.library != Library::Pleach {
            let multiple = |n: u64| multiple(measured, &ours, (&who, name, n), Field::Cpu);
            rows.push(row(who.title(), sizes, multiple));
            continue;
        }
        let with_spread = |n: u64| match cell(n) {
            Cell::Measured(summary) => format!("{} {}", time(summary.value), spread(summary.spread)),
            other => shown(other, time),
        };
        rows.push(row(format!("**{}**", who.title()), sizes, with_spread));
        if sizes.iter().any(|&n| measured.ratio(&who, name, n).is_some()) {
            let to_floor = |n: u64| measured.ratio(&who, name, n).map_or("-".into(), ratio);
            rows.push(row("… to its floor", sizes, to_floor));
        }
        let system = with_system(name);
        if sizes.iter().any(|&n| measured.value(&who, &system, n, Field::Cpu).is_some()) {
            let to_floor = |n: u64| {
                let (formula, prices) = measured.floor_by(&who, &system, name, n)?;
                let floor = formula.cost(&prices).filter(|floor| *floor > 0.0)?;
                Some(format!(" ({})", ratio(measured.value(&who, &system, n, Field::Cpu)? / floor)))
            };
            let cell = |n: u64| {
                shown(measured.cell(&who, &system, n, Field::Cpu), time) + &to_floor(n).unwrap_or_default()
            };
            rows.push(row("… with the system's allocator", sizes, cell));
        }
        if operation.threads {
            let all = on_all_processors(name);
            if sizes.iter().any(|&n| measured.value(&who, &all, n, Field::Wall).is_some()) {
                let wall = |n: u64| shown(measured.cell(&who, &all, n, Field::Wall), time);
                rows.push(row("… wall time on all processors", sizes, wall));
            }
        }
    }
    // Where storing is a step of its own, without it.
    let unstored = format!("{name}_unstored");
    for who in first_of_each(measured) {
        if sizes.iter().any(|&n| measured.value(&who, &unstored, n, Field::Cpu).is_some()) {
            let cell = |n: u64| {
                let own = measured.value(&ours, name, n, Field::Cpu);
                let theirs = measured.value(&who, &unstored, n, Field::Cpu);
                own.zip(theirs).map_or("-".into(), |(own, theirs)| times(theirs / own))
            };
            rows.push(row(format!("{}, not stored", who.title()), sizes, cell));
        }
    }
    (rows.len() > 1).then_some(rows)
}

/// Ours as numbers, the others as multiples: three rows for each operation.
pub(crate) fn of_field(
    measured: &Measured,
    operations: &[(&str, &str)],
    field: Field,
    sizes: &[u64],
    number: fn(f64) -> String,
) -> Rows {
    let mut rows = vec![head("", sizes)];
    let Some(ours) = measured.ours() else { return rows };
    for (operation, title) in operations {
        let value = |n: u64| measured.value(&ours, operation, n, field).filter(|value| *value > 0.0);
        if sizes.iter().all(|&n| value(n).is_none()) {
            continue;
        }
        rows.push(row(format!("**{title}**"), sizes, |n| value(n).map_or("-".into(), number)));
        for who in first_of_each(measured).into_iter().filter(|who| who.library != Library::Pleach) {
            let multiple = |n: u64| match measured.value(&who, operation, n, field) {
                Some(value) if value > 0.0 => multiple(measured, &ours, (&who, operation, n), field),
                Some(_) => "-".into(),
                None => shown(measured.cell(&who, operation, n, field), number),
            };
            rows.push(row(who.title(), sizes, multiple));
        }
    }
    rows
}

/// First after opening beside later.
pub(crate) fn cold(measured: &Measured, sizes: &[u64]) -> Rows {
    let mut rows = vec![head("first after opening / later", sizes)];
    for (warm, cold, title) in
        [("commit", "commit_cold", "own Commit"), ("process", "process_cold", "process a Commit")]
    {
        for who in first_of_each(measured) {
            let value = |operation: &str, n: u64| measured.value(&who, operation, n, Field::Cpu);
            let cell = |n: u64| match (value(cold, n), value(warm, n)) {
                (Some(cold), Some(warm)) => format!("{} / {}", time(cold), time(warm)),
                _ => "-".into(),
            };
            if sizes.iter().any(|&n| cell(n) != "-") {
                rows.push(row(format!("{title}: {}", who.title()), sizes, cell));
            }
        }
    }
    rows
}

/// What memory a member needs.
pub(crate) fn heap(measured: &Measured, sizes: &[u64]) -> Rows {
    let mut rows = vec![head("", sizes)];
    for who in first_of_each(measured) {
        for (operation, title) in [
            ("heap_used", "the group"),
            ("heap", "resident"),
            ("heap_peak", "resident at most, while joining"),
        ] {
            let cell = |n: u64| measured.cell(&who, operation, n, Field::Heap);
            if sizes.iter().any(|&n| cell(n) != Cell::Missing) {
                rows.push(row(format!("{}: {title}", who.title()), sizes, |n| shown(cell(n), bytes)));
            }
        }
    }
    rows
}

/// Operations of ours at one size, under these titles.
pub(crate) fn at_size(measured: &Measured, operations: &[(&str, &str)], n: u64) -> Rows {
    let heads = ["operation", "CPU", "wall", "to the floor", "message", "Welcome", "rows", "stored"];
    let mut rows = vec![heads.map(str::to_owned).to_vec()];
    let Some(ours) = measured.ours() else { return rows };
    for &(name, title) in operations {
        let cpu = measured.cell(&ours, name, n, Field::Cpu);
        if cpu == Cell::Missing {
            continue;
        }
        let value = |field: Field| measured.value(&ours, name, n, field).filter(|value| *value > 0.0);
        let or_dash = |field: Field, number: fn(f64) -> String| value(field).map_or("-".into(), number);
        rows.push(vec![
            title.to_owned(),
            shown(cpu, time),
            match find(name).is_some_and(|operation| operation.threads) {
                true => shown(measured.cell(&ours, &on_all_processors(name), n, Field::Wall), time),
                false => or_dash(Field::Wall, time),
            },
            measured.ratio(&ours, name, n).map_or("-".into(), ratio),
            or_dash(Field::Wire, bytes),
            or_dash(Field::Welcome, bytes),
            or_dash(Field::Rows, |rows| format!("{rows:.0}")),
            or_dash(Field::Stored, bytes),
        ]);
    }
    rows
}

/// A sentence about the memory of one member of ours, if it was measured at this size.
pub(crate) fn memory_at(measured: &Measured, n: u64) -> String {
    let of = |operation: &str| measured.value(&measured.ours()?, operation, n, Field::Heap).map(bytes);
    match (of("heap_used"), of("heap"), of("heap_peak")) {
        (Some(used), Some(resident), Some(peak)) => format!(
            "\nOne member, its records in a file: {used} for the group, {resident} resident; {peak} at most, while joining.\n"
        ),
        _ => String::new(),
    }
}

/// A suite of its own beside ours with the common one: time and ratio to its floor, and bytes.
pub(crate) fn of_suite(
    measured: &Measured,
    who: &Who,
    operations: &[Operation],
    sizes: &[u64],
) -> (Rows, Rows) {
    let (mut timed, mut sized) = (vec![head("CPU (to its own floor)", sizes)], vec![head("", sizes)]);
    for operation in operations {
        let name = operation.name;
        let cell = |n: u64| {
            shown(measured.cell(who, name, n, Field::Cpu), |value| match measured.ratio(who, name, n) {
                Some(to_floor) => format!("{} ({})", time(value), ratio(to_floor)),
                None => time(value),
            })
        };
        if sizes.iter().any(|&n| cell(n) != "-") {
            timed.push(row(operation.title, sizes, cell));
        }
    }
    let bytes_of = [
        ("key_package", Field::Wire, "KeyPackage"),
        ("create", Field::Wire, "Commit that creates the group"),
        ("commit", Field::Wire, "Commit, path only, full tree"),
        ("add_tree_beside", Field::Wire, "Commit that adds one"),
        ("external_join", Field::Wire, "external Commit"),
        ("encrypt_100", Field::Wire, "message of 100 B"),
        ("add_tree_beside", Field::Welcome, "Welcome of one, tree beside"),
        ("add_tree_inside", Field::Welcome, "Welcome of one, tree inside"),
        ("create", Field::Welcome, "Welcome of one of n"),
    ];
    let ours = measured.ours();
    for (operation, field, title) in bytes_of {
        let cell = |n: u64| {
            let common = ours.as_ref().and_then(|ours| measured.value(ours, operation, n, field));
            shown(measured.cell(who, operation, n, field), |value| {
                match common.filter(|common| *common > 0.0) {
                    Some(common) => format!("{} ({})", bytes(value), times(value / common)),
                    None => bytes(value),
                }
            })
        };
        if sizes.iter().any(|&n| cell(n) != "-") {
            sized.push(row(title, sizes, cell));
        }
    }
    (timed, sized)
}

/// The primitives: a row for each, a column for each provider.
pub(crate) fn primitives(measured: &Measured) -> Rows {
    let mut providers: Vec<_> = measured.providers().cloned().collect();
    let order = super::plan::providers(Library::Pleach);
    providers.sort_by_key(|(provider, suite)| (*suite, order.iter().position(|name| name == provider)));
    let mut rows = vec![vec![String::new()]];
    if let Some(head) = rows.first_mut() {
        head.extend(providers.iter().map(|(provider, suite)| match *suite {
            COMMON_SUITE => provider.clone(),
            suite => format!("{provider}, suite {suite:#06x}"),
        }));
    }
    for (name, what) in super::floor::PRIMITIVES {
        let mut row = vec![format!("`{name}`: {what}")];
        row.extend(providers.iter().map(|(provider, suite)| {
            measured.prices(provider, *suite, None).get(name).map_or("-".into(), |price| time(*price))
        }));
        rows.push(row);
    }
    rows
}

/// A table under a heading, if it has rows.
pub(crate) fn section(title: &str, text: &str, rows: &Rows) -> String {
    if rows.len() < 2 {
        return String::new();
    }
    let text = if text.is_empty() { String::new() } else { format!("{text}\n\n") };
    format!("\n{title}\n\n{text}{}", numbers(rows))
}

#[cfg(test)]
mod tests {
    use super::{of_field, of_operation, of_suite};
    use crate::report::performance::example;
    use crate::report::performance::measured::{Field, Measured};
    use crate::report::performance::operations::{OPERATIONS, find};
    use crate::report::performance::units::bytes;

    #[test]
    fn others_are_multiples_of_ours() {
        let measured = Measured::new(&example::lines());
        let rows = of_operation(&measured, find("process_public").unwrap(), &[100, 1_000, 10_000]).unwrap();
        assert_eq!(
            rows.iter().map(|row| row.join(" | ")).collect::<Vec<_>>(),
            [
                " | n = 10² | n = 10³ | n = 10⁴",
                "floor | 154 µs | 157 µs | -",
                "**Pleach, aws-lc** | 180 µs ±0% | 900 µs ±0% | -",
                "… to its floor | 1.17 | 5.73 | -",
                "… with the system's allocator | - | 1.20 ms (7.64) | -",
                "OpenMLS, libcrux | 10x | 20x | -",
            ]
        );
    }

    #[test]
    fn a_stopped_series_is_said_to_be() {
        let measured = Measured::new(&example::lines());
        let rows = of_operation(&measured, find("create").unwrap(), &[100, 1_000]).unwrap();
        assert_eq!(rows.last().unwrap(), &["OpenMLS, libcrux", "11x", "stopped at 60 s"]);
        let join = of_operation(&measured, find("join").unwrap(), &[100, 1_000]).unwrap();
        let wall = join.iter().find(|row| row[0] == "… wall time on all processors").unwrap();
        assert_eq!(wall[1..], ["-", "12.0 ms"]);
    }

    #[test]
    fn bytes_stand_beside_multiples() {
        let measured = Measured::new(&example::lines());
        let rows = of_field(&measured, &[("process_public", "process")], Field::Stored, &[100, 1_000], bytes);
        assert_eq!(rows[1..], [["**process**", "4100 B", "5200 B"], ["OpenMLS, libcrux", "10x", "79x"]]);
    }

    #[test]
    fn a_suite_has_a_floor_of_its_own() {
        let measured = Measured::new(&example::lines());
        let all = measured.all();
        let who = all.iter().find(|who| who.suite != 1).unwrap();
        let (timed, sized) = of_suite(&measured, who, &OPERATIONS, &[100]);
        assert_eq!(timed[1][1], "900 µs");
        assert_eq!(sized[1], ["Commit, path only, full tree", "19.0 kB (14x)"]);
    }
}
