//! `bench`: all that was asked for is measured, and the page's numbers are those of the JSON document.

use crate::stage::Stage;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// An element of the page.
#[derive(Debug, Default)]
struct Element {
    name: String,
    attributes: BTreeMap<String, String>,
    /// Its own text, without that of the elements in it.
    text: String,
    inside: Vec<Element>,
}

impl Element {
    /// Reads a page whose elements are all closed, but for those that have no end.
    fn page(page: &str) -> Self {
        let mut open = vec![Self::default()];
        for part in page.split('<').skip(1) {
            let (tag, text) = part.split_once('>').unwrap();
            let name = tag.split_whitespace().next().unwrap();
            if let Some(ended) = name.strip_prefix('/') {
                let done = open.pop().unwrap();
                assert_eq!(done.name, ended);
                open.last_mut().unwrap().inside.push(done);
            } else {
                let mut element = Self { name: name.to_owned(), ..Self::default() };
                let mut rest = tag;
                while let Some((before, after)) = rest.split_once("=\"") {
                    let (value, next) = after.split_once('"').unwrap();
                    let name = before.split_whitespace().last().unwrap();
                    element.attributes.insert(name.to_owned(), value.to_owned());
                    rest = next;
                }
                match name {
                    "!DOCTYPE" | "meta" | "br" | "wbr" => open.last_mut().unwrap().inside.push(element),
                    _ => open.push(element),
                }
            }
            open.last_mut().unwrap().text.push_str(text);
        }
        assert_eq!(open.len(), 1);
        open.pop().unwrap()
    }

    /// This one and all in it.
    fn all(&self) -> Vec<&Self> {
        let mut all = vec![self];
        all.extend(self.inside.iter().flat_map(Self::all));
        all
    }

    fn find(&self, is: impl Fn(&Self) -> bool) -> Option<&Self> {
        self.all().into_iter().find(|element| is(element))
    }

    fn data(&self, name: &str) -> Option<&str> {
        self.attributes.get(&format!("data-{name}")).map(String::as_str)
    }

    fn number(&self, name: &str) -> u64 {
        self.data(name).unwrap().parse().unwrap()
    }

    fn has_class(&self, class: &str) -> bool {
        self.attributes.get("class").is_some_and(|all| all.split(' ').any(|one| one == class))
    }

    /// What a reader sees, but for what is small.
    fn shown(&self) -> String {
        let inside: String = self.inside.iter().filter(|one| one.name != "small").map(Self::shown).collect();
        format!("{}{inside}", self.text.replace("&#9733;", "")).trim().to_owned()
    }

    /// The length of its bar, in percent.
    fn bar(&self) -> Option<f64> {
        let style = &self.find(|element| element.name == "i")?.attributes["style"];
        let (_, width) = style.split_once("width:")?;
        Some(width.strip_suffix('%').unwrap().parse().unwrap())
    }
}

/// A time as it is written for people, in nanoseconds.
fn nanoseconds(shown: &str) -> f64 {
    let (value, unit) = shown.split_once(' ').unwrap();
    let unit = match unit {
        "s" => 1e9,
        "ms" => 1e6,
        "\u{b5}s" => 1e3,
        "ns" => 1.0,
        other => panic!("{other:?} in {shown:?}"),
    };
    value.parse::<f64>().unwrap() * unit
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

/// What stands in the page's attributes where everything is said: the figures of times, the table of bytes.
fn of_page(page: &Element) -> Numbers {
    let mut numbers = Numbers::new();
    for element in page.all() {
        let (what, values) = match (element.data("operation"), element.data("size")) {
            (Some(operation), _) if element.data("samples").is_some() => {
                let values = TIME.map(|key| element.number(&key.replace('_', "-"))).to_vec();
                (format!("time of {operation}"), values)
            }
            (None, Some(size)) if element.name == "td" && element.bar().is_none() => {
                (format!("bytes of {size}"), vec![element.number("bytes")])
            }
            _ => continue,
        };
        let key = (element.data("backend").unwrap().to_owned(), element.number("suite"), what);
        assert!(numbers.insert(key, values).is_none(), "twice");
    }
    numbers
}

/// Every number that is shown is that of the document, in its attribute as for the eye; and returns how many there are.
fn compare_shown(page: &Element, numbers: &Numbers) -> usize {
    let mut seen = 0;
    for element in page.all() {
        let Some(backend) = element.data("backend") else { continue };
        let operation = element.data("operation");
        let what = match operation {
            Some(operation) => format!("time of {operation}"),
            None => format!("bytes of {}", element.data("size").unwrap()),
        };
        let wanted = numbers[&(backend.to_owned(), element.number("suite"), what.clone())][0];
        let shown = element.find(|inside| inside.has_class("value")).unwrap().shown();
        if operation.is_some() {
            assert_eq!(element.number("median-ns"), wanted, "{what}");
            let difference = (nanoseconds(&shown) - wanted as f64).abs();
            assert!(difference <= 0.006 * wanted as f64, "{what}: {shown} for {wanted}");
        } else {
            assert_eq!(element.number("bytes"), wanted, "{what}");
            assert_eq!(shown.replace(',', "").parse::<u64>().unwrap(), wanted, "{what}: {shown}");
        }
        seen += 1;
    }
    seen
}

/// In each figure, and each column of the overview, the longer bar is the larger number. Returns how many bars there are.
fn compare_bars(page: &Element) -> usize {
    let mut bars: BTreeMap<(usize, String), Vec<(u64, f64)>> = BTreeMap::new();
    let groups = page.all().into_iter().filter(|element| matches!(&*element.name, "figure" | "table"));
    for (at, group) in groups.enumerate() {
        for element in group.all() {
            let (Some(width), Some(_)) = (element.bar(), element.data("backend")) else { continue };
            let what = element.data("operation").or(element.data("size")).unwrap();
            let value = if element.data("operation").is_some() { "median-ns" } else { "bytes" };
            bars.entry((at, what.to_owned())).or_default().push((element.number(value), width));
        }
    }
    let mut seen = 0;
    for (what, column) in &mut bars {
        column.sort_by_key(|(value, _)| *value);
        assert!(column.is_sorted_by(|(_, one), (_, next)| one <= next), "{what:?}: {column:?}");
        let (least, most) = (column.first().unwrap(), column.last().unwrap());
        assert!(most.1 <= 100.0 && least.1 >= 0.0, "{what:?}: {column:?}");
        // Not all alike, where the numbers differ.
        assert!(most.0 < 2 * least.0.max(1) || most.1 > least.1, "{what:?}: {column:?}");
        seen += column.len();
    }
    seen
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
    let elements = Element::page(&page);
    assert_eq!(of_page(&elements), numbers);
    // The figures and the table of times; of bytes, the table and a bar for each suite and size that is sent; the overview.
    assert_eq!(compare_shown(&elements, &numbers), 10 * 7 * 2 + 10 * 9 + 4 * 5 + 4 * 6);
    assert_eq!(compare_bars(&elements), 10 * 7 + 4 * 5 + 4 * 6);
    for ((_, _, what), values) in &numbers {
        assert!(values.iter().all(|value| *value > 0), "{what}: {values:?}");
        if let [median, q1, q3, min, max, samples] = values[..] {
            assert!(min <= q1 && q1 <= median && median <= q3 && q3 <= max && samples >= 2, "{what}");
        }
    }
    // Sizes are exact: they are the same with every backend and in every run, but for ECDSA.
    for ((_, suite, what), values) in numbers.iter().filter(|((_, suite, _), _)| *suite != 2) {
        let sent = ["key_package", "commit", "welcome", "group_info", "message"];
        if what.strip_prefix("bytes of ").is_some_and(|size| sent.contains(&size)) {
            let same = numbers.iter().filter(|((_, of, other), _)| of == suite && other == what);
            assert!(same.into_iter().all(|(_, other)| other == values), "{suite}: {what}");
        }
    }
    let body = elements.find(|element| element.data("members").is_some()).unwrap();
    for name in ["members", "rounds", "version", "date", "optimised", "numbering", "turns"] {
        let shown = document[name].as_str().map_or_else(|| document[name].to_string(), str::to_owned);
        assert_eq!(body.data(name), Some(&*shown), "{name}");
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
fn a_large_group_is_measured_suite_by_suite() {
    let stage = Stage::new(&[]);
    let large = ["bench", "--members", "129", "--rounds", "1", "--quick", "--html", "page.html"];
    let more = ["--crypto", "ring,aws-lc", "--suite", "1,3", "--json=numbers.json"];
    let table = stage.ok("nobody", &[&large[..], &more].concat()).text();
    assert!(table.contains("suites were measured one after the other"), "{table}");
    let document: Value = serde_json::from_slice(&stage.read("numbers.json")).unwrap();
    assert_eq!(document["turns"], "backends-of-a-suite");
    assert_eq!(document["cases"].as_array().unwrap().len(), 4);
    let page = Element::page(&String::from_utf8(stage.read("page.html")).unwrap());
    assert_eq!(of_page(&page), of_document(&document));
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
