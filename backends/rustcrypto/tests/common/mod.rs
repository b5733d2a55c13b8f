//! Helpers of the tests: hexadecimal digits.

use pleach_crypto::Secret;

/// Decodes hexadecimal digits, ignoring white space.
pub(crate) fn hex(digits: &str) -> Vec<u8> {
    let digits: String = digits.split_whitespace().collect();
    hex::decode(digits).unwrap()
}

/// Decodes a secret.
pub(crate) fn secret(digits: &str) -> Secret {
    Secret::from(hex(digits))
}
