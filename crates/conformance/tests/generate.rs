//! Our own vectors: the same for the same seed, and small.

use pleach_conformance::{FILES, generate};
use std::{env, fs, path::Path};

/// The limit of the directory in the repository.
const MAX_BYTES: usize = 2_500_000;

#[test]
fn equal_seeds_give_equal_files() {
    let directory = |name: &str| Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let (first, second, other) = (directory("first"), directory("second"), directory("other"));
    let written = generate::write_all(&first, 1).unwrap();
    generate::write_all(&second, 1).unwrap();
    generate::write_all(&other, 2).unwrap();
    assert!(written.iter().map(|(_, bytes)| bytes).sum::<usize>() < MAX_BYTES);
    for file in FILES {
        let bytes = fs::read(first.join(file.name)).unwrap();
        assert_eq!(bytes, fs::read(second.join(file.name)).unwrap(), "{}", file.name);
        let is_random = !["tree-math.json", "deserialization.json"].contains(&file.name);
        assert_eq!(bytes != fs::read(other.join(file.name)).unwrap(), is_random, "{}", file.name);
    }
}
