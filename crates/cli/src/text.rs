//! Names, ids and keys in lines of text.
//!
//! A name comes from a peer, so it may hold anything: what could move the cursor, reorder the line or pass for
//! something else is shown in hexadecimal. [`show`] and [`parse`] are inverse to each other.

use pleach::crypto::{CipherSuiteId, SuiteAlgorithms};
use pleach::wire::Credential;

use crate::backends;
use crate::exit::Failure;

/// A name or id: its text if that is safe to print, otherwise `0x` and hexadecimal.
pub(crate) fn show(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) if is_plain(text) => text.to_owned(),
        _ => format!("0x{}", hex::encode(bytes)),
    }
}

/// Reads what [`show`] writes.
pub(crate) fn parse(text: &str) -> Result<Vec<u8>, Failure> {
    match text.strip_prefix("0x") {
        Some(digits) => {
            hex::decode(digits).map_err(|_| Failure::usage(format!("{text:?} is not hexadecimal")))
        }
        None => Ok(text.as_bytes().to_vec()),
    }
}

/// Printable ASCII, and letters and signs beyond it that neither control nor hide.
fn is_plain(text: &str) -> bool {
    let hides = |c: char| {
        matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
    };
    !text.is_empty()
        && !text.starts_with("0x")
        && text.trim() == text
        && !text.chars().any(|c| c.is_control() || hides(c))
}

/// Who a credential says somebody is.
pub(crate) fn name(credential: &Credential) -> String {
    match credential {
        Credential::Basic { identity } => show(identity),
        other => format!("({} credential)", other.credential_type()),
    }
}

/// The beginning of a public key, in groups: enough to compare by eye and ear.
pub(crate) fn fingerprint(key: &[u8]) -> String {
    let digits = hex::encode(key.get(..16).unwrap_or(key));
    let groups: Vec<String> =
        digits.as_bytes().chunks(8).map(|group| String::from_utf8_lossy(group).into_owned()).collect();
    groups.join(" ")
}

/// A suite's number and name. Numbers that are not registered are hexadecimal, as in everybody's tables.
pub(crate) fn suite(id: CipherSuiteId) -> String {
    format!("{} ({})", suite_number(id), backends::facts(id).map_or("unknown", |facts| facts.name))
}

/// A suite's number alone.
pub(crate) fn suite_number(id: CipherSuiteId) -> String {
    match id.name() {
        Some(_) => id.0.to_string(),
        None => format!("{:#06x}", id.0),
    }
}

/// What a suite is made of.
pub(crate) fn algorithms(algorithms: &SuiteAlgorithms) -> String {
    let SuiteAlgorithms { kem, kdf, aead, signature } = algorithms;
    let names =
        [(kem.name(), kem.0), (kdf.name(), kdf.0), (aead.name(), aead.0), (signature.name(), signature.0)];
    names.map(|(name, number)| name.map_or_else(|| format!("{number:#06x}"), str::to_owned)).join(", ")
}

/// `one thing`, `2 things`.
pub(crate) fn count(n: usize, what: &str) -> String {
    if n == 1 { format!("1 {what}") } else { format!("{n} {what}s") }
}

/// `a`, `a and b`, `a, b and c`.
pub(crate) fn list(names: &[String]) -> String {
    match names {
        [] => "nobody".to_owned(),
        [one] => one.clone(),
        [most @ .., last] => format!("{} and {last}", most.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_survive_being_shown() {
        let plain = ["alice", "Zo\u{eb}", "tea party", "\u{5948}\u{3005}"];
        for text in plain {
            assert_eq!(show(text.as_bytes()), text);
        }
        let odd: [&[u8]; 8] = [
            b"",
            b"\xff",
            b"a\nb",
            b"\x1b[2J",
            b" alice",
            b"0x61",
            "a\u{202e}b".as_bytes(),
            "a\u{200b}".as_bytes(),
        ];
        for bytes in odd {
            assert!(show(bytes).starts_with("0x"), "{bytes:?}");
        }
        for bytes in plain.iter().map(|text| text.as_bytes()).chain(odd) {
            assert_eq!(parse(&show(bytes)).unwrap(), bytes);
        }
        assert!(parse("0xzz").is_err());
    }

    #[test]
    fn lists() {
        let names = ["a", "b", "c"].map(str::to_owned);
        assert_eq!(
            [list(&names), list(&names[..2]), list(&names[..1]), list(&[])],
            ["a, b and c", "a and b", "a", "nobody"]
        );
        assert_eq!(fingerprint(&[0xab; 32]), "abababab abababab abababab abababab");
    }
}
