//! `suites` and `inspect`: they need no store.

use crate::args::{Global, InspectArgs};
use crate::backends::{self, Asked, Kind, Numbering};
use crate::exit::Failure;
use crate::inspect::{self, draw};
use crate::io::read_message;
use crate::output::{Item, Report};
use crate::text;

pub(super) fn suites(global: &Global) -> Result<Report, Failure> {
    let choice = Asked::read(global)?.compare();
    let mut lines = Vec::new();
    let mut items = Vec::new();
    for suite in choice.provider().suites.iter() {
        let facts = backends::facts(suite.id);
        let name = facts.map_or("unknown", |facts| facts.name);
        let (algorithms, kind) = (suite.algorithms(), Kind::of(&suite.algorithms()));
        let by: Vec<&str> = choice
            .backends
            .iter()
            .filter(|backend| backend.has(suite.id, choice.numbering))
            .map(|backend| backend.name())
            .collect();
        let number = text::suite_number(suite.id);
        lines.push(format!("{number:<6}  {name}, {}", kind.name()));
        lines.push(format!("        {}", text::algorithms(&algorithms)));
        lines.push(format!("        by {}", by.join(", ")));
        items.push(
            Item::object()
                .with("number", suite.id.0)
                .with("name", name)
                .with("kind", kind.name())
                .with("level", backends::level(name))
                .with("kem", Item::text(&algorithms.kem))
                .with("kdf", Item::text(&algorithms.kdf))
                .with("aead", Item::text(&algorithms.aead))
                .with("signature", Item::text(&algorithms.signature))
                .with("numbering", facts.and_then(|facts| facts.numbering).map(Numbering::name))
                .with("backends", Item::list(by.into_iter().map(Item::from))),
        );
    }
    let json = Item::object().with("numbering", choice.numbering.name()).with("suites", items);
    Ok(Report::new(json).more(lines))
}

pub(super) fn inspect(args: &InspectArgs) -> Result<Report, Failure> {
    let bytes = read_message(&args.file)?;
    let decoded = inspect::inspect(&bytes, args.kind)?;
    let drawing = match (&decoded.tree, args.tree) {
        (Some(nodes), true) => Some(draw(nodes)),
        (None, true) => {
            return Err(Failure::malformed(format!("there is no ratchet tree in this {}", decoded.title)));
        }
        (_, false) => None,
    };
    let mut lines = vec![format!("{}, {} bytes", decoded.title, bytes.len())];
    match &drawing {
        Some(drawing) => lines.extend(drawing.lines().map(str::to_owned)),
        None => lines.extend(decoded.item.outline(args.full).lines().map(|line| format!("  {line}"))),
    }
    let mut json =
        Item::object().with("kind", decoded.title).with("bytes", bytes.len()).with("content", decoded.item);
    if let Some(drawing) = drawing {
        json = json.with("tree", drawing);
    }
    Ok(Report::new(json).more(lines))
}
