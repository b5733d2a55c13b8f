//! `suites` and `inspect`: they need no store.

use crate::args::InspectArgs;
use crate::exit::Failure;
use crate::inspect::{self, draw};
use crate::io::read_message;
use crate::output::{Item, Report};

pub(super) fn suites() -> Report {
    let mut lines = Vec::new();
    let mut items = Vec::new();
    for suite in &pleach::rustcrypto::SUITES {
        let name = suite.id.name().unwrap_or("(private use)");
        lines.push(format!("{}  {name}", suite.id.0));
        items.push(
            Item::object()
                .with("number", suite.id.0)
                .with("name", name)
                .with("kem", Item::text(&suite.kem.id()))
                .with("kdf", Item::text(&suite.kdf.id()))
                .with("aead", Item::text(&suite.aead.id()))
                .with("signature", Item::text(&suite.signature.scheme())),
        );
    }
    Report::new(Item::object().with("suites", items)).more(lines)
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
