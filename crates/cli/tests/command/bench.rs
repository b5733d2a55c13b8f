//! `bench`: all that was asked for is measured, and the page's numbers are those of the JSON document.

use crate::stage::Stage;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// The attributes of every element, in order.
fn elements(page: &str) -> Vec<BTreeMap<String, String>> {
    let tags = page.split('<').skip(1).filter_map(|rest| rest.split_once('>')).map(|(tag, _)| tag);
    tags.map(|tag| {
        let mut attributes = BTreeMap::new();
        let mut rest = tag;
        while let Some((before, after)) = rest.split_once("=\"") {
            let (value, next) = after.split_once('"').unwrap();
            attributes.insert(before.split_whitespace().last().unwrap().to_owned(), value.to_owned());
            rest = next;
        }
        attributes
    })
    .collect()
}

/// Everything that the document says was measured: backend, suite, what, and its numbers.
type Numbers = BTreeMap<(String, u64, String), Vec<u64>>;

const TIME: [&str; 6] = ["median_ns", "q1_ns", "q3_ns", "min_ns", "max_ns", "samples"];

fn of_document(document: &Value) -> Numbers {
    let mut numbers = Numbers::new();
    for case in document["cases"].as_array().unwrap() {
        let (backend, suite) = (case["backend"].as_str().unwrap(), case["suite"].as_u64().unwrap());
        let mut put = |what: String, values| {
            assert!(numbers.insert((backend.to_owned(), suite, what), values).is_none(), "twice");
        };
        for (operation, time) in case["times"].as_object().unwrap() {
            put(format!("time of {operation}"), TIME.map(|key| time[key].as_u64().unwrap()).to_vec());
        }
        for (size, bytes) in case["bytes"].as_object().unwrap() {
            put(format!("bytes of {size}"), vec![bytes.as_u64().unwrap()]);
        }
    }
    numbers
}

fn of_page(page: &str) -> Numbers {
    let mut numbers = Numbers::new();
    for element in elements(page) {
        let get = |name: &str| element.get(&format!("data-{name}")).cloned();
        let number = |name: &str| get(name).unwrap().parse::<u64>().unwrap();
        let (Some(backend), Some(_)) = (get("backend"), get("suite")) else { continue };
        let (what, values) = match get("operation") {
            Some(operation) => {
                (format!("time of {operation}"), TIME.map(|key| number(&key.replace('_', "-"))).to_vec())
            }
            None => (format!("bytes of {}", get("size").unwrap()), vec![number("bytes")]),
        };
        assert!(numbers.insert((backend, number("suite"), what), values).is_none(), "twice");
    }
    numbers
}

const SMALL: [&str; 6] = ["bench", "--members", "3", "--rounds", "2", "--quick"];

#[test]
fn the_page_has_the_numbers_of_the_document() {
    let stage = Stage::new(&[]);
    let args = [&SMALL[..], &["--suite", "1,2,0xf0a2,0xf0a9", "--html", "page.html", "--json"]].concat();
    let document = stage.ok("nobody", &args).json();
    let page = String::from_utf8(stage.read("page.html")).unwrap();

    let numbers = of_document(&document);
    // Two suites by three backends, two by two; seven operations and nine sizes.
    assert_eq!(numbers.len(), (2 * 3 + 2 * 2) * (7 + 9));
    assert_eq!(of_page(&page), numbers);
    for ((_, _, what), values) in &numbers {
        assert!(values.iter().all(|value| *value > 0), "{what}: {values:?}");
        if let [median, q1, q3, min, max, samples] = values[..] {
            assert!(min <= q1 && q1 <= median && median <= q3 && q3 <= max && samples >= 2, "{what}");
        }
    }
    let body = elements(&page).into_iter().find(|element| element.contains_key("data-members")).unwrap();
    for name in ["members", "rounds", "version", "date", "optimised", "numbering"] {
        let shown = document[name].as_str().map_or_else(|| document[name].to_string(), str::to_owned);
        assert_eq!(body[&format!("data-{name}")], shown, "{name}");
    }

    // Nothing comes from elsewhere, and every kind is explained.
    for alien in ["http", "//", "<script", "<link", "<img", "@import", "url("] {
        assert!(!page.replace("<!DOCTYPE html>", "").contains(alien), "{alien}");
    }
    for words in
        ["Classical", "Hybrid", "Post-quantum signatures", "prefers-color-scheme: dark", "@media print"]
    {
        assert!(page.contains(words), "{words}");
    }
    assert_eq!(page.matches("<div").count(), page.matches("</div>").count());
    assert_eq!(page.matches("<span").count(), page.matches("</span>").count());
    assert_eq!(page.contains("not optimised"), document["optimised"] == json!(false));
}

#[test]
fn what_is_asked_for_is_measured() {
    let stage = Stage::new(&[]);
    let args =
        [&SMALL[..], &["--crypto", "ring,rustcrypto", "--suite", "1,4", "--json=numbers.json"]].concat();
    let done = stage.ok("nobody", &args);
    let document: Value = serde_json::from_slice(&stage.read("numbers.json")).unwrap();
    let cases: Vec<(&str, u64)> = document["cases"]
        .as_array()
        .unwrap()
        .iter()
        .map(|case| (case["backend"].as_str().unwrap(), case["suite"].as_u64().unwrap()))
        .collect();
    assert_eq!(cases, [("ring", 1), ("rustcrypto", 1), ("rustcrypto", 4)]);
    assert_eq!((&document["members"], &document["rounds"]), (&json!(3), &json!(2)));
    // The table is for people, with the file beside it; no progress bar without a terminal.
    let table = done.text();
    assert!(
        table.contains("MLS_256_DHKEMX448_AES256GCM_SHA512_Ed448") && table.contains("rustcrypto"),
        "{table}"
    );
    assert!(table.lines().all(|line| line.chars().count() <= 130), "{table}");
    assert_eq!(done.err, "");
}

#[test]
fn what_cannot_be_measured_is_refused_at_once() {
    let stage = Stage::new(&["alice"]);
    let before = stage.files();
    let why = stage.fails("nobody", &["bench", "--crypto", "ring", "--suite", "4", "--html", "page.html"], 5);
    assert!(why.contains("rustcrypto"), "{why}");
    stage.fails("nobody", &["bench", "--html", "no/where.html"], 12);
    stage.fails("nobody", &["bench", "--html", "alice.db"], 2);
    stage.fails("nobody", &["bench", "--json=no/where.json"], 12);
    assert_eq!(stage.files(), before);
}
