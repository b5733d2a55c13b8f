//! `suites` and `inspect`: they need no store. `suites` takes the numbering of one that is named.

use super::show;
use crate::args::{Global, InspectArgs};
use crate::backends::{self, Asked, Kind, Numbering};
use crate::exit::Failure;
use crate::inspect::{self, draw};
use crate::io::read_message;
use crate::output::{Item, Report};
use crate::session::store_path;
use crate::store::Store;
use crate::text;

pub(super) fn suites(global: &Global) -> Result<Report, Failure> {
    let mut asked = Asked::read(global)?;
    if asked.numbering.is_none() {
        asked.numbering = stored_numbering(global, &asked)?;
    }
    let choice = asked.compare();
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
                .with("algorithms", show::algorithms(&algorithms))
                .with("numbering", facts.and_then(|facts| facts.numbering).map(Numbering::name))
                .with("backends", Item::list(by.into_iter().map(Item::from))),
        );
    }
    let json = Item::object().with("numbering", choice.numbering.name()).with("suites", items);
    Ok(Report::new(json).more(lines))
}

/// That of the store which is named, if one is. A variable may name a store that is still to be made.
fn stored_numbering(global: &Global, asked: &Asked) -> Result<Option<Numbering>, Failure> {
    let Ok(path) = store_path(global) else { return Ok(None) };
    match Store::open(&path, asked) {
        Ok(store) => Ok(Some(store.choice.numbering)),
        Err(_) if global.store.is_none() && !path.exists() => Ok(None),
        Err(failure) => Err(failure),
    }
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
