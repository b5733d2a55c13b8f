//! The guide's walk-through works as it is printed, and the guide's table of exit codes is the command's.

use crate::stage::Stage;
use std::path::Path;

fn guide() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/guide/command.md");
    std::fs::read_to_string(path).unwrap()
}

/// Splits at blanks, but not within quotation marks.
fn words(command: &str) -> Vec<String> {
    let parts = command.split('"').enumerate();
    parts
        .flat_map(|(at, part)| match at % 2 {
            0 => part.split_whitespace().map(str::to_owned).collect(),
            _ => vec![part.to_owned()],
        })
        .collect()
}

/// Whether a printed line is what the guide shows, where `..` stands for anything.
fn fits(shown: &str, printed: &str) -> bool {
    let mut rest = printed;
    let mut parts = shown.split("..");
    let Some(first) = parts.next() else { return false };
    let Some(after) = rest.strip_prefix(first) else { return false };
    rest = after;
    let mut last = first;
    for part in parts {
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
        last = part;
    }
    rest.is_empty() || (last.is_empty() && shown.ends_with(".."))
}

#[test]
fn the_walk_through_works() {
    let stage = Stage::new(&[]);
    stage.write("gate.key", &[3; 32]);
    stage.write("words.txt", b"correct horse battery staple\n");
    let guide = guide();
    let mut commands = 0;
    let mut printed: Vec<String> = Vec::new();
    let mut inside = false;
    let mut lines = guide.lines().peekable();
    while let Some(line) = lines.next() {
        if let Some(language) = line.strip_prefix("```") {
            inside = language == "console";
            continue;
        }
        if !inside {
            continue;
        }
        if let Some(command) = line.strip_prefix("$ pleach ") {
            assert_eq!(printed, Vec::<String>::new(), "not shown before: {command}");
            let done = stage.run("nobody", &words(command));
            let fails = lines.peek().is_some_and(|next| next.starts_with("pleach: "));
            assert_eq!(done.code != 0, fails, "{command}: {}", done.err);
            let text = format!("{}{}", done.err, String::from_utf8(done.out).unwrap());
            printed = text.lines().map(str::to_owned).collect();
            commands += 1;
        } else if line == "..." {
            printed.clear();
        } else {
            assert!(!printed.is_empty(), "nothing more was printed: {line}");
            let found = printed.remove(0);
            assert!(fits(line, &found), "the guide shows\n{line}\nbut there is\n{found}");
        }
    }
    assert!(commands > 20, "{commands}");
}

#[test]
fn exit_codes_are_those_of_the_help() {
    let stage = Stage::new(&[]);
    let help = stage.ok("nobody", &["--help"]).text();
    let (_, table) = help.split_once("Exit codes:\n").unwrap();
    let mut rows = 0;
    for line in table.lines().filter(|line| !line.trim().is_empty()) {
        let (code, meaning) = line.trim().split_once("  ").unwrap();
        assert!(guide().contains(&format!("| {code} | {} |", meaning.trim())), "{line}");
        rows += 1;
    }
    assert_eq!(rows, 14);
}

#[test]
fn every_subcommand_shows_an_example() {
    let stage = Stage::new(&[]);
    let help = stage.ok("nobody", &["--help"]).text();
    let (_, list) = help.split_once("Commands:\n").unwrap();
    let mut seen = 0;
    for name in
        list.lines().take_while(|line| !line.is_empty()).filter_map(|line| line.split_whitespace().next())
    {
        let text = stage.ok("nobody", &[name, "--help"]).text();
        assert!(text.contains("Example") && text.contains(&format!("  pleach {name}")), "{name}: {text}");
        seen += 1;
    }
    assert_eq!(seen, 29);
}
