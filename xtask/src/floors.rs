//! The floors of the house and which arrows between them are allowed.
//!
//! This table is the only place that says where a package stands; docs/architecture.md draws the same picture.

use crate::metadata::Package;

/// Where a package stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// 1 to 6; depends on lower floors only.
    Floor(u8),
    /// A crypto backend: depends on `pleach-crypto`, and on another backend for what it borrows.
    Backend,
    /// A storage engine: depends on `pleach-storage` only.
    Engine,
    /// A layer over any engine that needs cryptography: depends on `pleach-storage` and `pleach-crypto` only.
    Layer,
    /// Tools and tests: may depend on everything, nothing but a dev-dependency may depend on them.
    Above,
}

const FLOORS: [(&str, Place); 13] = [
    ("pleach-crypto", Place::Floor(1)),
    ("pleach-wire", Place::Floor(2)),
    ("pleach-tree", Place::Floor(3)),
    ("pleach-key-schedule", Place::Floor(3)),
    ("pleach-framing", Place::Floor(4)),
    ("pleach-group", Place::Floor(5)),
    ("pleach-storage", Place::Floor(5)),
    (FACADE, Place::Floor(TOP)),
    ("pleach-testkit", Place::Above),
    ("pleach-conformance", Place::Above),
    ("pleach-cli", Place::Above),
    ("pleach-benches", Place::Above),
    ("xtask", Place::Above),
];

/// The facade alone may choose backends and storage engines, as features.
const FACADE: &str = "pleach";
const TOP: u8 = 6;
/// It stands among the engines, and is none.
const LAYER: &str = "pleach-storage-encrypted";

/// Where a package stands; `None` for one that the table does not know.
pub(crate) fn place(package: &Package) -> Option<Place> {
    match package.dir.split_once('/') {
        Some(("backends", _)) => Some(Place::Backend),
        Some(("storage", _)) if package.name == LAYER => Some(Place::Layer),
        Some(("storage", _)) => Some(Place::Engine),
        _ => FLOORS.iter().find(|(name, _)| *name == package.name).map(|(_, place)| *place),
    }
}

/// Whether the package must be `no_std`.
pub(crate) fn is_no_std(place: Place) -> bool {
    matches!(place, Place::Floor(floor) if floor < TOP)
}

/// Why `from` may not depend on `to`, if it may not.
pub(crate) fn wrong_arrow(from: Place, to: Place, to_name: &str) -> Option<String> {
    let why = match (from, to) {
        (Place::Above, _) => return None,
        (Place::Floor(TOP), Place::Backend | Place::Engine | Place::Layer) => return None,
        (Place::Floor(from), Place::Floor(to)) if to < from => return None,
        (Place::Floor(from), Place::Floor(to)) => format!("floor {from} may not depend on floor {to}"),
        (Place::Floor(from), Place::Backend | Place::Engine | Place::Layer) => {
            format!("floor {from} knows no backend and no storage engine, only the facade does")
        }
        (Place::Backend, Place::Floor(1) | Place::Backend) => return None,
        (Place::Backend, _) => {
            "a backend depends on pleach-crypto and what it borrows of other backends only".into()
        }
        (Place::Engine, Place::Floor(_)) if to_name == "pleach-storage" => return None,
        (Place::Engine, _) => "a storage engine depends on pleach-storage only".into(),
        (Place::Layer, Place::Floor(_)) if ["pleach-storage", "pleach-crypto"].contains(&to_name) => {
            return None;
        }
        (Place::Layer, _) => "the encrypting layer depends on pleach-storage and pleach-crypto only".into(),
        (_, Place::Above) => "only a dev-dependency may point at a tool or a test crate".into(),
    };
    Some(why)
}

#[cfg(test)]
mod tests {
    use super::{FLOORS, LAYER, Place, wrong_arrow};

    fn arrow(from: &str, to: &str) -> bool {
        let at = |name: &str| match name {
            "rustcrypto" | "ring" => Place::Backend,
            "memory" => Place::Engine,
            LAYER => Place::Layer,
            _ => FLOORS.iter().find(|(known, _)| *known == name).unwrap().1,
        };
        wrong_arrow(at(from), at(to), to).is_none()
    }

    #[test]
    fn arrows_point_down() {
        let down = [
            ("pleach-wire", "pleach-crypto"),
            ("pleach-group", "pleach-framing"),
            ("pleach", "pleach-group"),
            ("pleach", "rustcrypto"),
            ("rustcrypto", "pleach-crypto"),
            ("ring", "rustcrypto"),
            ("memory", "pleach-storage"),
            (LAYER, "pleach-storage"),
            (LAYER, "pleach-crypto"),
            ("pleach", LAYER),
            ("pleach-cli", "pleach"),
            ("pleach-testkit", "memory"),
        ];
        for (from, to) in down {
            assert!(arrow(from, to), "{from} -> {to}");
        }
    }

    #[test]
    fn every_other_arrow_is_refused() {
        let wrong = [
            ("pleach-crypto", "pleach-wire"),
            ("pleach-tree", "pleach-key-schedule"),
            ("pleach-group", "pleach-storage"),
            ("pleach-group", "pleach"),
            ("pleach-group", "rustcrypto"),
            ("pleach-storage", "memory"),
            ("rustcrypto", "pleach-wire"),
            ("rustcrypto", "memory"),
            ("memory", "pleach-crypto"),
            ("memory", LAYER),
            (LAYER, "memory"),
            (LAYER, "rustcrypto"),
            (LAYER, "pleach-wire"),
            ("pleach-storage", LAYER),
            ("memory", "pleach-group"),
            ("pleach", "pleach-testkit"),
            ("rustcrypto", "pleach-testkit"),
            ("memory", "xtask"),
        ];
        for (from, to) in wrong {
            assert!(!arrow(from, to), "{from} -> {to}");
        }
    }
}
