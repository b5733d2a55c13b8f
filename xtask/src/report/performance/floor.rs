//! The floor: what an operation cannot do without, as a sum of primitives that were measured beside it.
//!
//! Each formula names the sections of RFC 9420 that ask for its parts. Hashing that nobody can do without is among them: the tree hash
//! and the parent hash of each parent on a sender's filtered path (§7.8, §7.9) or, at joining, of the whole tree; a Commit's bytes
//! for the confirmed transcript hash (§8.2) and for the membership tag of a PublicMessage (§6.2). Left out on purpose, so that a ratio
//! holds all of it: encoding and decoding (but of the leaves at joining), the tree's structure, storage, memory. A part that can be
//! done for many at once is counted at the price it has then (`verify_batched`); nothing is counted twice.

use std::collections::BTreeMap;
use std::fmt::Write as _;

/// A primitive that `peer floor` measures, by its name in results.
pub(crate) type Primitive = &'static str;

/// All primitives, in the order of tables, and what each is.
pub(crate) const PRIMITIVES: [(Primitive, &str); 21] = [
    ("sign", "a signature over some hundred bytes"),
    ("sign_1k", "a signature over 1 KiB, as over a Commit in a group of 100"),
    ("verify", "checking one over some hundred bytes, the key decoded before"),
    ("verify_1k", "checking one over 1 KiB, the key decoded before"),
    ("verify_batched", "checking one of 1024 that are checked together, keys decoded on the way"),
    ("load_verifier", "decoding a public key for signatures"),
    ("hpke_seal", "HPKE to a public key: a path secret or the secrets of a Welcome"),
    ("hpke_open", "HPKE with the private key"),
    ("derive_step", "one node of a path: its secret, the next one, its key pair, the public key compared"),
    ("key_schedule", "all secrets of an epoch, confirmation tag, interim transcript hash"),
    ("key_pair", "a key pair for HPKE"),
    ("hash_parent", "the parent hash and the tree hash of one parent"),
    ("leaf_hash_decode", "decoding a leaf and hashing it, and `hash_parent` of its share of parents, one"),
    ("expand", "ExpandWithLabel"),
    ("extract", "HKDF-Extract"),
    ("hash_64", "the hash of 64 bytes"),
    ("hash_1k", "the hash of 1 KiB"),
    ("aead_seal_100", "AEAD, 100 bytes"),
    ("aead_open_100", "AEAD, 100 bytes"),
    ("aead_seal_1k", "AEAD, 1 KiB"),
    ("aead_open_1k", "AEAD, 1 KiB"),
];

/// Measured primitives, in nanoseconds.
pub(crate) type Prices = BTreeMap<String, f64>;

/// What the formulas need to know about an operation.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Shape {
    /// Members of the group.
    pub(crate) n: f64,
    /// Parents above the common ancestor of sender and receiver; mean over the receivers that were drawn.
    pub(crate) nodes: f64,
    /// Parents on the sender's filtered direct path.
    pub(crate) levels: f64,
    /// Levels of parents.
    pub(crate) depth: f64,
    /// Ciphertexts in the sender's path; one per level on a fully populated tree.
    pub(crate) seals: f64,
    /// KiB of the Commit on the wire; mean.
    pub(crate) kib: f64,
}

/// How often a primitive is needed.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Term {
    /// The number, constant or a symbol's value.
    count: f64,
    /// Its name, where it depends on the group.
    symbol: Option<&'static str>,
    primitive: Primitive,
}

/// A floor.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Formula {
    terms: Vec<Term>,
}

impl Formula {
    fn new() -> Self {
        Self { terms: Vec::new() }
    }

    /// So many of a primitive; with what is there already.
    fn and(mut self, count: u32, primitive: Primitive) -> Self {
        let count = f64::from(count);
        let same = |term: &&mut Term| term.symbol.is_none() && term.primitive == primitive;
        match self.terms.iter_mut().find(same) {
            Some(term) => term.count += count,
            None => self.terms.push(Term { count, symbol: None, primitive }),
        }
        self
    }

    /// As many of a primitive as something in the group.
    fn per(mut self, (symbol, count): (&'static str, f64), primitive: Primitive) -> Self {
        self.terms.push(Term { count, symbol: Some(symbol), primitive });
        self
    }

    /// Both.
    fn with(mut self, other: Self) -> Self {
        for term in other.terms {
            match term.symbol {
                None => self = self.and(term.count as u32, term.primitive),
                Some(symbol) => self = self.per((symbol, term.count), term.primitive),
            }
        }
        self
    }

    /// The sum, in nanoseconds; nothing if a part was not measured.
    pub(crate) fn cost(&self, prices: &Prices) -> Option<f64> {
        self.terms.iter().map(|term| prices.get(term.primitive).map(|price| price * term.count)).sum()
    }

    /// The formula with names: `verify + hpke_open + nodes x derive_step + key_schedule`.
    pub(crate) fn names(&self) -> String {
        let term = |term: &Term| match term.symbol {
            Some(symbol) => format!("{symbol} x {}", term.primitive),
            None if term.count == 1.0 => term.primitive.to_owned(),
            None => format!("{} {}", term.count, term.primitive),
        };
        self.terms.iter().map(term).collect::<Vec<_>>().join(" + ")
    }

    /// The same with numbers, in microseconds: `38.1 + 36.2 + 2.1 x 8.50 + 5.03`.
    pub(crate) fn numbers(&self, prices: &Prices) -> Option<String> {
        let mut text = String::new();
        for term in &self.terms {
            let price = prices.get(term.primitive)? / 1e3;
            let separator = if text.is_empty() { "" } else { " + " };
            let count = (term.count * 100.0).round() / 100.0;
            let price = if price < 10.0 { format!("{price:.2}") } else { format!("{price:.1}") };
            let _ = match count {
                1.0 => write!(text, "{separator}{price}"),
                _ => write!(text, "{separator}{count} x {price}"),
            };
        }
        Some(text)
    }
}

/// The floor of an operation; none where the work is not made of primitives.
pub(crate) fn formula(operation: &str, shape: &Shape) -> Option<Formula> {
    let (first, operation) = match operation.strip_suffix("_first") {
        Some(later) => (true, later),
        None => (false, operation.strip_suffix("_cold").unwrap_or(operation)),
    };
    let formula = match operation {
        "key_package" => key_package(),
        "create" => create(shape),
        "join" | "join_tree_inside" | "join_fresh" => join(shape),
        "commit" | "commit_fresh" | "remove" => commit(shape).with(sealed(shape)),
        "commit_public" => commit(shape).with(public(shape)),
        "process" | "process_worst" | "process_fresh" | "process_remove" => {
            process(shape).with(opened(shape))
        }
        "process_public" => process(shape).with(public(shape)),
        "process_add" => process(shape).with(opened(shape)).with(key_package_checks()),
        "add_tree_beside" => add(shape),
        "external_join" => external_join(shape),
        "encrypt_100" => encrypt("aead_seal_100"),
        "encrypt_1k" => encrypt("aead_seal_1k"),
        "decrypt_100" => decrypt("aead_open_100"),
        "decrypt_1k" => decrypt("aead_open_1k"),
        "store_reopen_send" => encrypt("aead_seal_100").with(first_of_leaf(shape)),
        "cycle" => cycle(shape),
        _ => return None,
    };
    Some(if first { formula.with(first_of_leaf(shape)) } else { formula })
}

/// A KeyPackage (§10, §16.8): the init key and the leaf's key; the leaf and the KeyPackage signed.
fn key_package() -> Formula {
    Formula::new().and(2, "key_pair").and(2, "sign")
}

/// What a KeyPackage's receiver checks (§10.1): its signature and its leaf's.
fn key_package_checks() -> Formula {
    Formula::new().and(2, "verify")
}

/// A Commit with a path (§12.4.1): the committer's leaf and the content signed; for each parent on the filtered path its key pair
/// (§7.4), its path secret sealed to the resolution of the other child (§7.5, §7.6), and its hashes (§7.8, §7.9); the next epoch's
/// secrets (§8). Nobody is to be welcomed, so no GroupInfo is signed. Merging it needs nothing more. Its bytes are hashed besides,
/// as often as the way it travels asks for.
fn commit(shape: &Shape) -> Formula {
    Formula::new()
        .and(1, "sign")
        .and(1, "sign_1k")
        .per(("levels", shape.levels), "derive_step")
        .per(("seals", shape.seals), "hpke_seal")
        .and(1, "key_schedule")
        .per(("levels", shape.levels), "hash_parent")
}

/// Processing a Commit with a path (§12.4.2): the new leaf's and the content's signature; the path secret of the common ancestor
/// opened; keys derived for the parents above it, and compared (§7.5); the next epoch's secrets (§8); the hashes of all parents on the
/// sender's filtered path (§7.8), by which the leaf's parent hash is checked (§7.9). The common ancestor's own keys, which have to be
/// derived and compared as well, are not counted: the budget does not. Its bytes are hashed besides.
fn process(shape: &Shape) -> Formula {
    Formula::new()
        .and(1, "verify")
        .and(1, "verify_1k")
        .and(1, "hpke_open")
        .per(("nodes", shape.nodes), "derive_step")
        .and(1, "key_schedule")
        .per(("levels", shape.levels), "hash_parent")
}

/// A Commit's bytes, hashed for the confirmed transcript hash (§8.2). Those on the wire are about as many.
fn transcript(shape: &Shape) -> Formula {
    Formula::new().per(("KiB", shape.kib), "hash_1k")
}

/// What a PublicMessage around a member's Commit asks for: its bytes hashed for the transcript and for the membership tag (§6.2).
fn public(shape: &Shape) -> Formula {
    Formula::new().per(("2 KiB", shape.kib * 2.0), "hash_1k")
}

/// A Commit that adds one member: as any other, and the KeyPackage checked, a GroupInfo signed and its secrets sealed (§12.4.3).
fn add(shape: &Shape) -> Formula {
    commit(shape).with(sealed(shape)).with(key_package_checks()).and(1, "sign").and(1, "hpke_seal")
}

/// A group of n made by one Commit (§12.4.1, §12.4.3): two signatures checked and one seal per added member, batched; the
/// committer's path, which needs no ciphertext (added members get theirs in the Welcome); content, leaf and GroupInfo signed; the
/// Commit's bytes hashed for the transcript. The tree's hashes are not counted, nor that a signature is over the whole Commit.
fn create(shape: &Shape) -> Formula {
    let added = ("(n-1)", (shape.n - 1.0).max(0.0));
    Formula::new()
        .per(("2(n-1)", added.1 * 2.0), "verify_batched")
        .per(added, "hpke_seal")
        .per(("depth", shape.depth), "derive_step")
        .and(3, "sign")
        .and(1, "key_schedule")
        .with(transcript(shape))
}

/// Every leaf of a tree read, hashed (§7.8, §7.9) and its signature checked (§7.3).
fn tree(shape: &Shape) -> Formula {
    Formula::new().per(("n", shape.n), "verify_batched").per(("n", shape.n), "leaf_hash_decode")
}

/// Joining by Welcome (§12.4.3.1): the tree; the group's secrets opened, the GroupInfo's signature checked, keys derived for the
/// parents above, the epoch's secrets.
fn join(shape: &Shape) -> Formula {
    tree(shape)
        .and(1, "hpke_open")
        .and(1, "verify")
        .per(("nodes", shape.nodes), "derive_step")
        .and(1, "key_schedule")
}

/// Joining by external Commit (§12.4.3.2): the tree, the GroupInfo's signature checked, the init secret encapsulated (the work of a
/// seal), a Commit with a path. It is a PublicMessage without a membership tag: its sender is no member yet (§6.2).
fn external_join(shape: &Shape) -> Formula {
    tree(shape).and(1, "verify").and(1, "hpke_seal").with(commit(shape)).with(transcript(shape))
}

/// A message (§6.1, §6.3): signed, sealed; key, nonce and next secret of its ratchet (§9.1), key and nonce of the sender data.
fn encrypt(aead: Primitive) -> Formula {
    Formula::new().and(1, "sign").and(1, aead).and(5, "expand")
}

/// Reading one: the same keys, the signature checked.
fn decrypt(aead: Primitive) -> Formula {
    Formula::new().and(1, "verify").and(1, aead).and(5, "expand")
}

/// A leaf's first message of an epoch (§9): on the way down the secret tree both children's secrets at each level, and the roots
/// of both ratchets. A secret that was used must be deleted at once (§9.2), so what else follows from it has to be derived first.
fn first_of_leaf(shape: &Shape) -> Formula {
    Formula::new().per(("2 depth", shape.depth * 2.0), "expand").and(2, "expand")
}

/// What a PrivateMessage around a Commit asks for (§6.3): its bytes are hashed for the transcript alone; the keys of a message, which is
/// its sender's first of the epoch as a rule, and the AEAD over about a kilobyte.
fn around(shape: &Shape, aead: Primitive) -> Formula {
    transcript(shape).with(first_of_leaf(shape)).and(5, "expand").and(1, aead)
}

fn sealed(shape: &Shape) -> Formula {
    around(shape, "aead_seal_1k")
}

fn opened(shape: &Shape) -> Formula {
    around(shape, "aead_open_1k")
}

/// A Commit made, merged and processed, a message sent and received, everything stored and opened again.
fn cycle(shape: &Shape) -> Formula {
    commit(shape)
        .with(sealed(shape))
        .with(process(shape))
        .with(opened(shape))
        .with(encrypt("aead_seal_100"))
        .with(decrypt("aead_open_100"))
        .and(4, "expand")
        .per(("4 depth", shape.depth * 4.0), "expand")
}

#[cfg(test)]
mod tests {
    use super::{PRIMITIVES, Prices, Shape, formula};

    const SHAPE: Shape = Shape { n: 10_000.0, nodes: 2.5, levels: 14.0, depth: 14.0, seals: 14.0, kib: 2.0 };

    fn prices() -> Prices {
        let given =
            [("sign", 9.0), ("verify", 38.0), ("hpke_open", 37.0), ("hpke_seal", 35.5), ("derive_step", 8.5)];
        let given = given.into_iter().chain([
            ("sign_1k", 10.5),
            ("verify_1k", 39.0),
            ("key_schedule", 5.0),
            ("hash_parent", 0.25),
            ("hash_1k", 0.6),
            ("verify_batched", 18.2),
            ("leaf_hash_decode", 1.4),
            ("expand", 0.25),
            ("aead_seal_100", 0.4),
            ("aead_seal_1k", 1.0),
            ("aead_open_1k", 1.0),
        ]);
        given.map(|(name, us)| (name.to_owned(), us * 1e3)).collect()
    }

    #[test]
    fn a_floor_is_printed_with_names_and_with_numbers() {
        let process = formula("process_public", &SHAPE).unwrap();
        assert_eq!(
            process.names(),
            "verify + verify_1k + hpke_open + nodes x derive_step + key_schedule + levels x hash_parent + 2 KiB x hash_1k"
        );
        assert_eq!(
            process.numbers(&prices()).unwrap(),
            "38.0 + 39.0 + 37.0 + 2.5 x 8.50 + 5.00 + 14 x 0.25 + 4 x 0.60"
        );
        let sum = 38.0 + 39.0 + 37.0 + 21.25 + 5.0 + 3.5 + 2.4;
        assert!((process.cost(&prices()).unwrap() - sum * 1e3).abs() < 0.01);
        // The Commit in it is hashed once.
        let names = |operation: &str| formula(operation, &SHAPE).unwrap().names();
        assert!(names("process").contains(" + KiB x hash_1k") && !names("process").contains("2 KiB"));
        assert!(names("external_join").ends_with(" + KiB x hash_1k"));
    }

    #[test]
    fn floors_are_those_of_the_budget() {
        let us = |operation: &str| formula(operation, &SHAPE).unwrap().cost(&prices()).unwrap() / 1e3;
        // What the budget was planned with: "2 verify + open + 8.5 us per node + 20 us", "36 + 44 L us".
        let is_near = |us: f64, planned: f64| (us / planned - 1.0).abs() < 0.1;
        assert!(is_near(us("process_public"), 2.0 * 38.0 + 37.0 + 8.5 * 2.5 + 20.0));
        assert!(is_near(us("commit_public"), 36.0 + 44.0 * 14.0));
        // Its PrivateMessage: the secret tree's path, both ratchets' roots, key, nonce, next secret, sender data; the AEAD; and no tag.
        let private = (28.0 + 2.0 + 5.0) * 0.25 + 1.0 - 2.0 * 0.6;
        assert!((us("commit") - us("commit_public") - private).abs() < 0.01);
        assert!((us("process") - us("process_public") - private).abs() < 0.01);
        assert!((us("create") / 9_999.0 - 72.0).abs() < 0.1);
        assert!((us("join") / 10_000.0 - 19.6).abs() < 0.1);
        assert!((us("encrypt_100") - 10.65).abs() < 0.01);
        assert!((us("encrypt_100_first") - 10.65 - 30.0 * 0.25).abs() < 0.01);
        assert_eq!(us("process_cold"), us("process"));
    }

    #[test]
    fn an_unmeasured_part_leaves_no_floor() {
        assert_eq!(formula("decrypt_100", &SHAPE).unwrap().cost(&prices()), None);
        // As in lines of a commit that did not measure it.
        let mut older = prices();
        older.remove("hash_parent");
        let process = formula("process", &SHAPE).unwrap();
        assert_eq!((process.cost(&older), process.numbers(&older)), (None, None));
        assert_eq!(formula("heap", &SHAPE), None);
    }

    #[test]
    fn formulas_use_only_known_primitives() {
        for operation in super::super::operations::OPERATIONS {
            for term in formula(operation.name, &SHAPE).iter().flat_map(|formula| &formula.terms) {
                assert!(PRIMITIVES.iter().any(|(name, _)| *name == term.primitive), "{}", term.primitive);
            }
        }
    }
}
