//! Decoding whatever MLS file somebody has, for the eye.
//!
//! Every structure becomes an [`Item`] with the RFC's field names, in the RFC's order. Nothing is decrypted and no
//! signature is checked, so nothing that is shown is to be believed; and no secret can be shown.

mod handshake;
mod keys;
mod tree;

use clap::ValueEnum;
use pleach::wire::{
    DecodeError, GroupInfo, Kept, KeyPackage, Limits, MlsMessage, MlsMessageBody, RatchetTreeNodes, Welcome,
    decode,
};

pub(crate) use keys::time;
pub(crate) use tree::draw;

use crate::exit::Failure;
use crate::output::Item;

/// What a file may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Kind {
    /// An MLSMessage of any wire format
    Message,
    /// A KeyPackage without the MLSMessage around it
    KeyPackage,
    /// A GroupInfo without the MLSMessage around it
    GroupInfo,
    /// A Welcome without the MLSMessage around it
    Welcome,
    /// A ratchet tree: the data of a ratchet_tree extension
    RatchetTree,
}

impl Kind {
    const ALL: [Self; 5] =
        [Self::Message, Self::KeyPackage, Self::GroupInfo, Self::RatchetTree, Self::Welcome];
}

/// A decoded file.
#[derive(Debug)]
pub(crate) struct Decoded {
    /// What it is, in the RFC's words.
    pub(crate) title: String,
    pub(crate) item: Item,
    /// The ratchet tree in it, if there is one.
    pub(crate) tree: Option<RatchetTreeNodes>,
}

impl Decoded {
    fn new(title: impl Into<String>, item: Item) -> Self {
        Self { title: title.into(), item, tree: None }
    }

    fn is_for_nobody(&self) -> bool {
        let Item::Object(fields) = &self.item else { return false };
        fields.iter().any(|(name, value)| *name == "secrets" && *value == Item::List(Vec::new()))
    }
}

/// Decodes `bytes` as `kind`, or as the one kind that fits.
pub(crate) fn inspect(bytes: &[u8], kind: Option<Kind>) -> Result<Decoded, Failure> {
    if let Some(kind) = kind {
        return decode_as(bytes, kind).map_err(Failure::malformed);
    }
    // Decoding is strict, so that two readings of one file do not occur in practice.
    let mut of_message = DecodeError::Malformed;
    for kind in Kind::ALL {
        match decode_as(bytes, kind) {
            // A Welcome for nobody: a few bytes of something else that happen to read like one.
            Ok(decoded) if kind == Kind::Welcome && decoded.is_for_nobody() => {}
            Ok(decoded) => return Ok(decoded),
            Err(error) if kind == Kind::Message => of_message = error,
            Err(_) => {}
        }
    }
    // An MLSMessage begins with its version and a known wire format: then its own error says most.
    Err(match bytes {
        [0, 1, 0, 1..=5, ..] => Failure::malformed(format!("an MLSMessage, but {of_message}")),
        _ => Failure::malformed("no MLS message, key package, GroupInfo, Welcome or ratchet tree"),
    })
}

fn decode_as(bytes: &[u8], kind: Kind) -> Result<Decoded, DecodeError> {
    let limits = Limits::default();
    limits.check_message(bytes)?;
    Ok(match kind {
        Kind::Message => {
            let message: MlsMessage = decode(bytes)?;
            limits.check_decoded(&message)?;
            let mut decoded = body(&message.body)?;
            decoded.title = format!("MLSMessage with a {}", decoded.title);
            let item = Item::object()
                .with("version", Item::text(&message.version))
                .with("wire_format", Item::text(&message.wire_format()));
            decoded.item = match (item, decoded.item) {
                (Item::Object(mut fields), Item::Object(inner)) => {
                    fields.extend(inner);
                    Item::Object(fields)
                }
                (_, other) => other,
            };
            decoded
        }
        Kind::KeyPackage => {
            let key_package: Kept<KeyPackage> = decode(bytes)?;
            Decoded::new("KeyPackage", keys::key_package(&key_package))
        }
        Kind::GroupInfo => group_info(&decode(bytes)?)?,
        Kind::Welcome => Decoded::new("Welcome", handshake::welcome(&decode::<Welcome>(bytes)?)),
        Kind::RatchetTree => {
            let nodes: RatchetTreeNodes = decode(bytes)?;
            limits.check_ratchet_tree(&nodes)?;
            Decoded { title: "ratchet tree".to_owned(), item: tree::nodes(&nodes), tree: Some(nodes) }
        }
    })
}

fn body(body: &MlsMessageBody) -> Result<Decoded, DecodeError> {
    Ok(match body {
        MlsMessageBody::PublicMessage(message) => {
            Decoded::new("PublicMessage", handshake::public_message(message))
        }
        MlsMessageBody::PrivateMessage(message) => {
            Decoded::new("PrivateMessage", handshake::private_message(message))
        }
        MlsMessageBody::Welcome(welcome) => Decoded::new("Welcome", handshake::welcome(welcome)),
        MlsMessageBody::GroupInfo(info) => group_info(info)?,
        MlsMessageBody::KeyPackage(key_package) => Decoded::new("KeyPackage", keys::key_package(key_package)),
    })
}

fn group_info(info: &GroupInfo) -> Result<Decoded, DecodeError> {
    let tree = info.extensions.ratchet_tree()?;
    if let Some(nodes) = &tree {
        Limits::default().check_ratchet_tree(nodes)?;
    }
    Ok(Decoded { title: "GroupInfo".to_owned(), item: handshake::group_info(info), tree })
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILES: [&str; 7] = [
        include_str!("../../tests/golden/key-package.hex"),
        include_str!("../../tests/golden/group-info.hex"),
        include_str!("../../tests/golden/ratchet-tree.hex"),
        include_str!("../../tests/golden/commit.hex"),
        include_str!("../../tests/golden/proposal.hex"),
        include_str!("../../tests/golden/welcome.hex"),
        include_str!("../../tests/golden/message.hex"),
    ];

    /// Shows whatever can be shown; says whether something could.
    fn show(bytes: &[u8]) -> bool {
        let mut shown = false;
        for kind in [None].into_iter().chain(Kind::ALL.map(Some)) {
            if let Ok(decoded) = inspect(bytes, kind) {
                shown = true;
                assert!(!decoded.item.outline(true).is_empty() && !decoded.item.to_json().is_empty());
                if let Some(nodes) = &decoded.tree {
                    assert!(draw(nodes).ends_with("unmerged\n"));
                }
            }
        }
        shown
    }

    #[test]
    fn no_byte_that_is_changed_or_missing_makes_it_stumble() {
        let mut shown = 0;
        for file in FILES {
            let good = crate::io::unarmour(file.as_bytes().to_vec());
            assert!(show(&good));
            for at in 0..good.len() {
                assert!(inspect(&good[..at], None).is_err(), "{at} bytes of {}", good.len());
                show(&good[..at]);
                for flip in [0x01, 0x80, 0xff] {
                    let mut bad = good.clone();
                    bad[at] ^= flip;
                    shown += usize::from(show(&bad));
                }
            }
        }
        // Most bytes are keys and signatures, which may be anything.
        assert!(shown > 1000, "{shown}");
    }
}
