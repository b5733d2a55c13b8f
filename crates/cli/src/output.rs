//! What a subcommand has to say: lines for people, one JSON document for programs.
//!
//! [`Item`] is a JSON value whose objects keep their order and which knows bytes from text, so that one value serves
//! as JSON (bytes in full, hexadecimal) and as an outline (long bytes shortened).
//!
//! Invariant: no secret is put into a report, except what the user asked for by name (`exporter`).

use serde::{Serialize, Serializer, ser::SerializeMap};
use std::fmt::Write as _;

/// A value to show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Item {
    Null,
    Bool(bool),
    Number(u64),
    Text(String),
    Bytes(Vec<u8>),
    List(Vec<Item>),
    Object(Vec<(&'static str, Item)>),
}

impl Item {
    pub(crate) fn text<T: ToString + ?Sized>(text: &T) -> Self {
        Self::Text(text.to_string())
    }

    pub(crate) fn bytes(bytes: &[u8]) -> Self {
        Self::Bytes(bytes.to_vec())
    }

    /// A name or id: text if it can be.
    pub(crate) fn name(bytes: &[u8]) -> Self {
        Self::Text(crate::text::show(bytes))
    }

    pub(crate) fn list(items: impl IntoIterator<Item = Self>) -> Self {
        Self::List(items.into_iter().collect())
    }

    /// Appends a field to an object; nothing else takes one.
    #[must_use]
    pub(crate) fn with(mut self, name: &'static str, value: impl Into<Self>) -> Self {
        if let Self::Object(fields) = &mut self {
            fields.push((name, value.into()));
        }
        self
    }

    /// An object without fields.
    pub(crate) const fn object() -> Self {
        Self::Object(Vec::new())
    }

    pub(crate) fn to_json(&self) -> String {
        let json = serde_json::to_string_pretty(self).unwrap_or_default();
        let mut safe = String::with_capacity(json.len());
        for c in json.chars() {
            // Only strings hold such characters, and a terminal might obey them.
            match c {
                '\u{7f}'..='\u{9f}'
                | '\u{200e}'
                | '\u{200f}'
                | '\u{202a}'..='\u{202e}'
                | '\u{2066}'..='\u{2069}' => {
                    safe.push_str(&format!("\\u{:04x}", c as u32));
                }
                c => safe.push(c),
            }
        }
        safe
    }

    /// The outline under a heading: one line for each leaf value, two spaces for each level.
    pub(crate) fn outline(&self, full: bool) -> String {
        let mut out = String::new();
        self.write_outline(0, full, &mut out);
        out
    }

    fn write_outline(&self, depth: usize, full: bool, out: &mut String) {
        let indent = "  ".repeat(depth);
        match self {
            Self::Object(fields) => {
                for (name, value) in fields {
                    value.write_entry(&format!("{indent}{name}:"), depth, full, out);
                }
            }
            Self::List(items) => {
                for (index, item) in items.iter().enumerate() {
                    item.write_entry(&format!("{indent}[{index}]"), depth, full, out);
                }
            }
            leaf => {
                let _ = writeln!(out, "{indent}{}", leaf.leaf(full));
            }
        }
    }

    fn write_entry(&self, label: &str, depth: usize, full: bool, out: &mut String) {
        let _ = match self {
            Self::List(items) if items.is_empty() => writeln!(out, "{label} (none)"),
            Self::Object(fields) if fields.is_empty() => writeln!(out, "{label} (nothing)"),
            // Short lists of numbers and names read better in one line.
            Self::List(items) if items.iter().all(|item| matches!(item, Self::Text(_) | Self::Number(_))) => {
                let line: Vec<String> = items.iter().map(|item| item.leaf(full)).collect();
                writeln!(out, "{label} {}", line.join(", "))
            }
            Self::Object(_) | Self::List(_) => {
                let _ = writeln!(out, "{label}");
                self.write_outline(depth + 1, full, out);
                Ok(())
            }
            leaf => writeln!(out, "{label} {}", leaf.leaf(full)),
        };
    }

    fn leaf(&self, full: bool) -> String {
        match self {
            Self::Null => "none".to_owned(),
            Self::Bool(value) => value.to_string(),
            Self::Number(value) => value.to_string(),
            Self::Text(text) => text.clone(),
            Self::Bytes(bytes) => show_bytes(bytes, full),
            Self::List(_) | Self::Object(_) => String::new(),
        }
    }
}

/// Hexadecimal; beyond 32 bytes the ends alone, with the length.
fn show_bytes(bytes: &[u8], full: bool) -> String {
    const ENDS: usize = 8;
    match (bytes.get(..ENDS), bytes.len().checked_sub(ENDS).and_then(|at| bytes.get(at..))) {
        _ if bytes.is_empty() => "(empty)".to_owned(),
        (Some(head), Some(tail)) if bytes.len() > 32 && !full => {
            format!("{}..{} ({} bytes)", hex::encode(head), hex::encode(tail), bytes.len())
        }
        _ => hex::encode(bytes),
    }
}

impl Serialize for Item {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => serializer.serialize_none(),
            Self::Bool(value) => serializer.serialize_bool(*value),
            Self::Number(value) => serializer.serialize_u64(*value),
            Self::Text(text) => serializer.serialize_str(text),
            Self::Bytes(bytes) => serializer.serialize_str(&hex::encode(bytes)),
            Self::List(items) => serializer.collect_seq(items),
            Self::Object(fields) => {
                let mut map = serializer.serialize_map(Some(fields.len()))?;
                for (name, value) in fields {
                    map.serialize_entry(name, value)?;
                }
                map.end()
            }
        }
    }
}

macro_rules! item_from {
    ($($from:ty => |$value:ident| $item:expr;)*) => {$(
        impl From<$from> for Item {
            fn from($value: $from) -> Self {
                $item
            }
        }
    )*};
}
item_from! {
    bool => |value| Self::Bool(value);
    u64 => |value| Self::Number(value);
    u32 => |value| Self::Number(value.into());
    u16 => |value| Self::Number(value.into());
    usize => |value| Self::Number(value as u64);
    String => |text| Self::Text(text);
    &str => |text| Self::Text(text.to_owned());
    &[u8] => |bytes| Self::bytes(bytes);
    Vec<Item> => |items| Self::List(items);
}

impl<T: Into<Self>> From<Option<T>> for Item {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

/// The outcome of a subcommand.
#[derive(Debug)]
pub(crate) struct Report {
    /// For people: whole lines.
    pub(crate) lines: Vec<String>,
    /// For programs.
    pub(crate) json: Item,
    /// What goes to standard output, because no file was named for it; the lines then go to standard error.
    pub(crate) payload: Option<Payload>,
}

/// Bytes for standard output.
#[derive(Debug)]
pub(crate) enum Payload {
    /// A message to send: base64 on a terminal.
    Message(Vec<u8>),
    /// Application data: as it is, but made harmless on a terminal.
    Data(Vec<u8>),
}

impl Report {
    pub(crate) fn new(json: Item) -> Self {
        Self { lines: Vec::new(), json, payload: None }
    }

    /// Adds a line for people.
    #[must_use]
    pub(crate) fn line(mut self, line: impl Into<String>) -> Self {
        self.lines.push(line.into());
        self
    }

    /// Adds lines for people.
    #[must_use]
    pub(crate) fn more(mut self, lines: impl IntoIterator<Item = String>) -> Self {
        self.lines.extend(lines);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_value_two_forms() {
        let item = Item::object()
            .with("suite", 1u64)
            .with("key", Item::bytes(&[7; 40]))
            .with(
                "inner",
                Item::object().with("names", Item::list(["a".into(), "b".into()])).with("none", Item::Null),
            )
            .with("empty", Vec::new());
        assert_eq!(
            item.outline(false),
            "suite: 1\nkey: 0707070707070707..0707070707070707 (40 bytes)\ninner:\n  names: a, b\n  none: none\nempty: (none)\n"
        );
        assert!(item.outline(true).contains(&"07".repeat(40)));
        let json: serde_json::Value = serde_json::from_str(&item.to_json()).unwrap();
        assert_eq!(json["key"], "07".repeat(40));
        assert_eq!(json["inner"]["names"][1], "b");
        assert!(item.to_json().find("suite").unwrap() < item.to_json().find("inner").unwrap());
    }
}
