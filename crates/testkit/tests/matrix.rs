//! What the matrix runs: the suites that each backend claims, the combinations that follow from them, and how the filters
//! and their errors behave.
#![expect(clippy::unwrap_used, reason = "tests")]

use clap::Parser;
use pleach_testkit::behaviour::CASES;
use pleach_testkit::behaviour::mixed::{MIXED, PARTS};
use pleach_testkit::matrix::{
    Arguments, Backend, Engine, Kind, REPRESENTATIVES, Source, json, plan, run_all,
};
use std::collections::BTreeSet;
use std::time::Duration;

fn names(arguments: &str) -> Vec<String> {
    plan(&parse(arguments)).unwrap().iter().map(ToString::to_string).collect()
}

fn refusal(arguments: &str) -> String {
    plan(&parse(arguments)).unwrap_err()
}

fn parse(arguments: &str) -> Arguments {
    Arguments::try_parse_from(["matrix"].into_iter().chain(arguments.split_whitespace())).unwrap()
}

/// Classical suites, and post-quantum ones.
const RFC: [u16; 7] = [1, 2, 3, 4, 5, 6, 7];
const DRAFT: [u16; 11] =
    [0xF0A1, 0xF0A2, 0xF0A3, 0xF0A4, 0xF0A5, 0xF0A6, 0xF0A7, 0xF0A8, 0xF0A9, 0xF0AA, 0xF0AB];

/// A suite that a backend loses, or gains, shows here first.
#[test]
fn what_each_backend_claims() {
    let claims: [(Backend, &[u16]); 5] = [
        (Backend::Rustcrypto, &RFC),
        (Backend::AwsLc, &[1, 2, 3, 5, 7]),
        (Backend::Ring, &[1, 2, 3, 7]),
        (Backend::PostQuantum, &DRAFT),
        (Backend::PostQuantumFast, &DRAFT),
    ];
    assert_eq!(claims.map(|(backend, _)| backend), Backend::ALL);
    for (backend, claimed) in claims {
        assert_eq!(backend.suites().iter().map(|suite| suite.0).collect::<Vec<_>>(), claimed, "{backend}");
        for suite in backend.provider().suites.iter() {
            suite.check().unwrap();
        }
    }
    for base in [Backend::Rustcrypto, Backend::AwsLc, Backend::Ring] {
        let suites = Source::PostQuantumOver(base).suites();
        assert_eq!(suites.iter().map(|suite| suite.0).collect::<Vec<_>>(), DRAFT, "over {base}");
    }
}

#[test]
fn nothing_is_left_out() {
    let jobs = plan(&Arguments::default()).unwrap();
    let names: BTreeSet<_> = jobs.iter().map(ToString::to_string).collect();
    assert_eq!(names.len(), jobs.len(), "each name stands for one case");
    let count = |kind| jobs.iter().filter(|job| job.combination.kind == kind).count();
    let (backends_and_suites, wires, engines) = (7 + 5 + 4 + 11 + 11, 2, 2);
    // The other engines, with three representatives: SQLite with a log, redb, and all four encrypted.
    let (other_engines, representatives) = (6, 3);
    let plain = backends_and_suites * engines + representatives * other_engines;
    assert_eq!(count(Kind::Plain), plain * wires * CASES.len());
    assert_eq!(count(Kind::MixedStorage), (backends_and_suites + representatives) * wires * 2 * MIXED.len());
    // rustcrypto and aws-lc have 5 suites in common, ring 4 with either; the post-quantum ones all of theirs. Four more
    // pairs are of the post-quantum suites over another base.
    let pairs = 2 * (5 + 4 + 4 + 11) + 4 * 11;
    assert_eq!(count(Kind::Mixed), pairs * wires * MIXED.len());
    // All three classical backends have 4 suites in common, in six orders.
    assert_eq!(count(Kind::Parts), pairs * wires * PARTS.len() + 6 * 4 * wires);
    for name in [
        "aws-lc::sqlite::0x0001::private::external_join",
        "post-quantum-fast::memory::0xf0ab::public::migration",
        "mixed::aws-lc+ring::0x0001::private::commit_and_process",
        "mixed::ring+aws-lc::0x0001::private::commit_and_process",
        "mixed::post-quantum-over-ring+post-quantum::0xf0a5::public::swapped",
        "mixed-storage::memory+sqlite::aws-lc::0x0002::private::turns",
        "mixed-storage::encrypted-sqlite-wal+redb::aws-lc::0x0005::public::turns",
        "rustcrypto::encrypted-redb::0x0001::public::restart_at_any_point",
        "post-quantum-fast::redb::0xf0ab::private::two_handles",
        "parts::aws-lc+rustcrypto::0x0005::public::kem",
        "parts::rustcrypto+aws-lc+ring::0x0007::private::kem_aead_signature",
    ] {
        assert!(names.contains(name), "{name}");
    }
}

#[test]
fn filters_choose() {
    let all = names("--crypto ring --storage sqlite --suite 0x0003 --wire public --case external_join");
    let psk = "ring::sqlite::0x0003::public::external_join_with_psk";
    assert_eq!(all, ["ring::sqlite::0x0003::public::external_join", psk]);
    // Mixed groups come with the backends that they are of.
    let all = names("--crypto ring --crypto aws-lc --suite 7 --wire private --case mixed::");
    assert_eq!(all.len(), 2 * MIXED.len());
    assert!(
        names("--crypto ring").iter().all(|name| !name.contains('+') || name.starts_with("mixed-storage"))
    );
    assert!(names("--storage memory").iter().all(|name| !name.contains("sqlite")));
}

/// Of the engines that are not run everywhere, every case is, with each representative and both wire policies.
#[test]
fn engines_are_represented() {
    for engine in Engine::ALL {
        let jobs = plan(&parse(&format!("--storage {engine}"))).unwrap();
        assert!(jobs.iter().all(|job| job.combination.storage == [engine]));
        let plain = jobs.iter().filter(|job| job.combination.kind == Kind::Plain);
        let expected = if Engine::EVERYWHERE.contains(&engine) { 38 } else { REPRESENTATIVES.len() };
        assert_eq!(plain.count(), expected * 2 * CASES.len(), "{engine}");
    }
    for (backend, suite) in REPRESENTATIVES {
        assert!(backend.suites().contains(&suite), "{backend} {suite}");
    }
}

/// An error, and not an empty table.
#[test]
fn filters_that_choose_nothing_are_refused() {
    let lacks = refusal("--crypto ring --crypto rustcrypto --suite 4");
    assert!(lacks.starts_with("ring has no suite 0x0004"), "{lacks}");
    assert!(lacks.ends_with("these have it: rustcrypto"), "{lacks}");
    assert!(refusal("--crypto aws-lc --suite 0xF0A1").ends_with("post-quantum, post-quantum-fast"));
    assert!(refusal("--suite 99").starts_with("no backend has suite"));
    assert_eq!(refusal("--case no_such_case"), "no case is named like no_such_case");
    assert_eq!(refusal("--crypto ring --case aws-lc"), "no case is named like aws-lc");
    assert!(Arguments::try_parse_from(["matrix", "--crypto", "openssl"]).is_err());
}

#[test]
fn results_are_summed_up() {
    let jobs =
        plan(&parse("--crypto aws-lc --storage memory --suite 1 --wire private --case leave")).unwrap();
    let outcomes = run_all(&jobs, 2, &|_| ());
    let summary = json(&outcomes, Duration::from_secs(2));
    assert_eq!(summary["passed"], 1);
    assert_eq!(summary["cases"][0]["name"], "aws-lc::memory::0x0001::private::leave");
    for (list, name) in
        [("combinations", "aws-lc::memory::0x0001::private"), ("backends", "aws-lc"), ("suites", "0x0001")]
    {
        assert_eq!(summary[list][0]["name"], name);
        assert_eq!(summary[list][0]["passed"], 1);
    }
}
