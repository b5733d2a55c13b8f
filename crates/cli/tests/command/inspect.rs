//! `inspect` on files that are kept beside what it must print. `PLEACH_BLESS=1` writes the expectations anew.

use crate::stage::Stage;
use std::path::{Path, PathBuf};

fn golden(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(file)
}

fn compare(file: &str, found: &str) {
    let path = golden(file);
    if std::env::var_os("PLEACH_BLESS").is_some() {
        std::fs::write(&path, found).unwrap();
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(found, expected, "{file}");
}

/// Name, and whether there is a tree to draw.
const FILES: &[(&str, bool)] = &[
    ("key-package", false),
    ("group-info", true),
    ("ratchet-tree", true),
    ("commit", false),
    ("proposal", false),
    ("welcome", false),
    ("message", false),
];

#[test]
fn outlines_json_and_drawings() {
    let stage = Stage::new(&[]);
    for (name, has_tree) in FILES {
        let path = golden(&format!("{name}.hex"));
        let path = path.to_str().unwrap();
        compare(&format!("{name}.txt"), &stage.ok("nobody", &["inspect", path]).text());
        let json = stage.ok("nobody", &["inspect", path, "--json"]).text();
        compare(&format!("{name}.json"), &json);
        let full = stage.ok("nobody", &["inspect", path, "--full"]).text();
        assert!(!full.contains("..") && full.len() > 100);
        if *has_tree {
            compare(&format!("{name}.tree.txt"), &stage.ok("nobody", &["inspect", path, "--tree"]).text());
        } else {
            assert!(stage.fails("nobody", &["inspect", path, "--tree"], 3).contains("no ratchet tree"));
        }
    }
}

#[test]
fn bare_structures_are_found_out() {
    let stage = Stage::new(&[]);
    for name in ["key-package", "group-info", "welcome"] {
        let text = std::fs::read_to_string(golden(&format!("{name}.hex"))).unwrap();
        let bytes = hex::decode(text.split_whitespace().collect::<String>()).unwrap();
        // An MLSMessage is a version, a wire format, and the structure.
        stage.write("bare", &bytes[4..]);
        let found = stage.ok("nobody", &["inspect", "bare"]).text();
        let named = stage.ok("nobody", &["inspect", "bare", "--kind", name]).text();
        assert_eq!(found, named);
        stage.fails("nobody", &["inspect", "bare", "--kind", "message"], 3);
    }
}
