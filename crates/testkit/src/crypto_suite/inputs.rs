//! Inputs of the checks: hexadecimal digits, a list of bytes as randomness, DER, ways to cut a message.

use std::sync::Mutex;

use pleach_crypto::{CryptoError, Secret, SecureRandom};

/// Decodes the digits of a vector, ignoring white space.
#[expect(clippy::expect_used, reason = "the suite's own constants")]
pub(super) fn hex(digits: &str) -> Vec<u8> {
    let digits: String = digits.split_whitespace().collect();
    hex::decode(digits).expect("hexadecimal digits")
}

/// Decodes a secret.
pub(super) fn secret(digits: &str) -> Secret {
    Secret::from(hex(digits))
}

/// Randomness that gives out the listed bytes, then fails.
#[derive(Debug)]
pub(super) struct Listed(Mutex<Vec<u8>>);

impl Listed {
    pub(super) fn new(bytes: &[u8]) -> Self {
        Self(Mutex::new(bytes.to_vec()))
    }
}

impl SecureRandom for Listed {
    fn fill(&self, out: &mut [u8]) -> Result<(), CryptoError> {
        let mut bytes = self.0.lock().map_err(|_| CryptoError::RandomUnavailable)?;
        let Some((drawn, rest)) = bytes.split_at_checked(out.len()) else {
            return Err(CryptoError::RandomUnavailable);
        };
        out.copy_from_slice(drawn);
        *bytes = rest.to_vec();
        Ok(())
    }
}

/// Tag, length in the shortest form, and content.
pub(super) fn der(tag: u8, content: &[u8]) -> Vec<u8> {
    let len = match content.len() {
        len @ ..0x80 => vec![len as u8],
        len @ 0x80..=0xFF => vec![0x81, len as u8],
        len => vec![0x82, (len >> 8) as u8, len as u8],
    };
    [&[tag], &len[..], content].concat()
}

/// Ways to cut bytes into parts whose concatenation they are, empty parts included.
pub(super) fn cuts(bytes: &[u8]) -> [Vec<&[u8]>; 4] {
    let (head, tail) = bytes.split_at(bytes.len() / 3);
    [vec![bytes], vec![b"", head, b"", tail, b""], bytes.chunks(1).collect(), bytes.chunks(64).collect()]
}

/// Whether a text shows a run of at least eight bytes of a secret, as digits or as a list of numbers.
pub(super) fn shows(text: &str, secret: &[u8]) -> bool {
    let text = text.to_lowercase().replace("0x", "");
    let plain: String = text.chars().filter(|c| !c.is_whitespace()).collect();
    let list =
        |bytes: &[u8], form: &dyn Fn(&u8) -> String| bytes.iter().map(form).collect::<Vec<_>>().join(",");
    secret.windows(8).any(|run| {
        plain.contains(&hex::encode(run))
            || plain.contains(&list(run, &|byte| format!("{byte}")))
            || plain.contains(&list(run, &|byte| format!("{byte:02x}")))
            || plain.contains(&list(run, &|byte| format!("{byte:x}")))
    })
}

/// Digits of bytes, cut short.
pub(super) fn short(bytes: &[u8]) -> String {
    let (shown, rest) = bytes.split_at(bytes.len().min(80));
    let more = if rest.is_empty() { "" } else { ".." };
    format!("{}{more} ({} bytes)", hex::encode(shown), bytes.len())
}
