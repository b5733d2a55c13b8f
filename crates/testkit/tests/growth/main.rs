//! How the cost of every operation of a group's life grows with the number of its members: counted, not timed.
//!
//! In groups of 2^6 to 2^17 members, over a store in memory and a suite without cryptography, each operation is counted
//! by resource ([`cost::RESOURCES`]): hashes, key derivations, KEM operations, keys parsed, signatures, AEAD calls, bytes
//! through any of these, allocations, rows, bytes stored and bytes sent. `classes.txt` declares the class of each: `7`
//! is constant, `3log+4` so many a level of the tree, `2n+60` so many a member. An operation that leaves its class fails,
//! and so does one whose numbers are a quarter off, either way.
//!
//! `cargo test -p pleach-testkit --test growth -- --nocapture` prints the table as it was measured, in the file's format:
//! after a change for the better, `| grep ' | ' > crates/testkit/tests/growth/classes.txt`, and look at the difference.
//! The numbers can be taken over like that, the classes cannot: what may be linear, and what must be constant, is
//! listed here.
//!
//! Tests of the tree alone are in `growth_tree.rs`; rows of a group that is opened from its store in `lazy.rs`.
//!
//! Not here: time, and threads; all work is on one.
#![expect(clippy::unwrap_used, reason = "tests")]

mod class;
mod cost;
mod engine;
mod life;
mod party;

use std::collections::BTreeMap;

use class::Class;
use cost::{Cost, RESOURCES};

const HEIGHTS: [u32; 6] = [6, 8, 10, 12, 14, 17];

/// What may cost O(n): by its nature, or because the message that it makes or takes is as long.
const LINEAR: &[&str] = &[
    // A tree that is received is checked and stored, once.
    "external join: build",
    "external join: accept",
    "add: join",
    "add: accept",
    "create a group of n: join",
    "create a group of n: accept",
    // The tree is in what is sent.
    "add, tree inside: build",
    "add, tree inside: merge",
    "add, tree inside: join",
    "make a GroupInfo, tree inside",
    "encode the tree",
    // n key packages, or a ciphertext for each of n members who are their own resolution (RFC 9420 §4.1.1).
    "create a group of n: build",
    "create a group of n: merge",
    "commit in a fresh group: build",
    "commit in a fresh group: merge",
    "commit in a fresh group: process",
    // A blank subtree's hash depends on where it is (RFC 9420 §7.8): a handle hashes the new half once. Whatever comes
    // and goes at the border after that is "double, again" and "halve", which are not here.
    "double, first: build",
    "double, first: process, near",
    "double, first: process, far",
    "open, build a doubling add",
    "open, process a doubling add",
    "look at all members",
];

/// What must not even know the size of the group.
const CONSTANT: &[&str] = &[
    "send the second message",
    "receive the second message",
    "receive, nine skipped",
    "receive a skipped one",
    "receive from the epoch before",
    "export a secret",
    "discard a commit",
    "open, send the second message",
    "open, receive the second message",
    "look at a member",
    "look for a client",
    "make a GroupInfo",
    "reload",
    "expire",
    "delete the group",
    "make a key package",
    "create a group of one",
];

/// The classes, an operation a line, a resource a column.
const CLASSES: &str = include_str!("classes.txt");

type Points = Vec<(u32, u64)>;

/// For each operation, in order, and each resource: what was counted.
fn measured() -> Vec<(String, Vec<Points>)> {
    let life = |height: u32| {
        let start = std::time::Instant::now();
        let costs = life::life(height);
        println!("2^{height} members: {:.1?}", start.elapsed());
        costs
    };
    // The largest is as much work as all others.
    let costs: Vec<Vec<(String, Cost)>> = std::thread::scope(|scope| {
        let (largest, others) = HEIGHTS.split_last().unwrap();
        let largest = scope.spawn(|| life(*largest));
        let mut costs: Vec<_> = others.iter().map(|height| life(*height)).collect();
        costs.push(largest.join().unwrap());
        costs
    });
    let of = |operation: usize, resource: usize| {
        HEIGHTS.iter().zip(&costs).map(|(height, costs)| (*height, costs[operation].1[resource])).collect()
    };
    let names = costs[0].iter().enumerate();
    names
        .map(|(operation, (name, _))| {
            assert!(costs.iter().all(|costs| costs[operation].0 == *name));
            (name.clone(), (0..RESOURCES.len()).map(|resource| of(operation, resource)).collect())
        })
        .collect()
}

fn declared() -> BTreeMap<&'static str, Vec<&'static str>> {
    let rows = CLASSES.lines().skip(1).filter(|line| !line.trim().is_empty());
    rows.map(|line| {
        let mut cells = line.split('|').map(str::trim);
        (cells.next().unwrap_or_default(), cells.collect())
    })
    .collect()
}

/// Whatever the numbers in the file: what is not named above is O(log n).
#[test]
fn no_class_is_higher_than_it_may_be() {
    let declared = declared();
    for (name, cells) in &declared {
        for (cell, (resource, _)) in cells.iter().zip(RESOURCES) {
            match Class::parse(cell).unwrap_or_else(|| panic!("{name}: {resource}: {cell}")) {
                Class::Constant(_) => {}
                Class::Log(..) => assert!(!CONSTANT.contains(name), "{name}: {resource}: {cell}"),
                Class::Linear(..) => assert!(LINEAR.contains(name), "{name}: {resource}: {cell}"),
            }
        }
    }
    for name in LINEAR.iter().chain(CONSTANT) {
        assert!(declared.contains_key(name), "{name} is nothing that is measured");
    }
}

#[test]
fn every_operation_stays_in_its_class() {
    let measured = measured();
    let declared = declared();
    let mut errors = Vec::new();
    println!("{}", cost::head());
    for (name, points) in &measured {
        let mut line = format!("{name:38}");
        let classes = declared.get(name.as_str()).cloned().unwrap_or_default();
        for (column, ((resource, slack), points)) in RESOURCES.iter().zip(points).enumerate() {
            let fit = Class::fit(points, *slack).map_or_else(|| "?".to_owned(), |class| class.to_string());
            line += &format!(" | {fit:>11}");
            let class = classes.get(column).and_then(|cell| Class::parse(cell));
            match class.map(|class| class.check(points, *slack)) {
                Some(Ok(())) => {}
                Some(Err(error)) => errors.push(format!("{name}: {resource}: {error}; all: {points:?}")),
                None => errors.push(format!("{name}: {resource}: no class is declared; all: {points:?}")),
            }
        }
        println!("{line}");
    }
    for name in declared.keys().filter(|name| measured.iter().all(|(measured, _)| measured != *name)) {
        errors.push(format!("{name}: declared, and not measured"));
    }
    assert!(
        errors.is_empty(),
        "{} of {}:\n{}",
        errors.len(),
        measured.len() * RESOURCES.len(),
        errors.join("\n")
    );
}

fn points(count: impl Fn(f64) -> f64) -> Points {
    HEIGHTS.iter().map(|&height| (height, count(f64::from(height)).round() as u64)).collect()
}

/// The measure itself: a linear part, even of one in thousands of members, passes for no logarithm and no constant; nor does
/// a logarithm pass for a constant, or n log n for n.
#[test]
fn no_cost_passes_for_a_lower_class() {
    for (_, slack) in RESOURCES {
        for b in [0.0_f64, 10.0, 100.0, 1000.0] {
            for a in [0.0_f64, 1.0, 10.0, 100.0] {
                // What the largest group may be off at most, and a tenth more.
                let most = 2.0 * slack.0 + 2.0 + (0.1 + 1.6 * slack.1) * a.mul_add(17.0, b) + 3.0 * a;
                let hidden = points(|height| a.mul_add(height, b) + height.exp2() * 1.1 * most / 114_688.0);
                for (of_a, of_b) in [(a, b), (a * 1.1, b), (a, b * 1.1), (a * 1.25, b)] {
                    let class = Class::Log(of_a, of_b);
                    assert!(class.check(&hidden, slack).is_err(), "{class}, {slack:?}: {hidden:?}");
                    assert!(Class::Constant(of_b).check(&hidden, slack).is_err());
                }
                let linear = points(|height| height.exp2() + b);
                assert!((1..400).all(|a| Class::Log(f64::from(a * 50), b).check(&linear, slack).is_err()));
            }
            let log = points(|height| height.mul_add((slack.0 + b * 0.07 + 2.0) / 10.0, b));
            assert!((0..4000).all(|b| Class::Constant(f64::from(b)).check(&log, slack).is_err()), "{log:?}");
        }
        let steeper = points(|height| 20.0 * height * height.exp2());
        assert!((1..800).all(|a| Class::Linear(f64::from(a), 0.0).check(&steeper, slack).is_err()));
    }
}

/// And each passes for what it is, but not for a quarter more or less.
#[test]
fn every_cost_passes_for_its_own_class() {
    let exact = class::Slack(0.0, 0.0);
    for class in [Class::Constant(40.0), Class::Log(7.0, 30.0), Class::Linear(3.0, 50.0)] {
        let of = |factor: f64| {
            points(|height| match class {
                Class::Constant(b) => b * factor,
                Class::Log(a, b) => a.mul_add(height, b) * factor,
                Class::Linear(a, b) => a.mul_add(height.exp2(), b) * factor,
            })
        };
        assert_eq!(class.check(&of(1.0), exact), Ok(()));
        assert_eq!(Class::fit(&of(1.0), exact), Some(class));
        assert_eq!(Class::parse(&class.to_string()), Some(class));
        for factor in [0.7, 1.3] {
            assert!(class.check(&of(factor), exact).is_err());
        }
    }
    assert_eq!(Class::parse("3log-4"), Some(Class::Log(3.0, -4.0)));
    assert_eq!(Class::parse("?"), None);
}
