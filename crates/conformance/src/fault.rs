//! What is wrong with a case: which field, and why; and the few helpers with which checks say so.

use pleach_crypto::Secret;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use std::{
    fmt::{self, Debug, Display},
    ops::Deref,
};

/// A field of a case that is not what it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The field, as a path from the case.
    pub field: String,
    /// What was found.
    pub reason: String,
}

impl Fault {
    /// A fault of `field`.
    pub fn new(field: impl Display, reason: impl Display) -> Self {
        Self { field: field.to_string(), reason: reason.to_string() }
    }
}

impl Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.field, self.reason)
    }
}

/// The outcome of a check.
pub(crate) type Checked<T = ()> = Result<T, Fault>;

/// Names the field that an error belongs to.
pub(crate) trait At<T> {
    fn at(self, field: &str) -> Checked<T>;
}

impl<T, E: Display> At<T> for Result<T, E> {
    fn at(self, field: &str) -> Checked<T> {
        self.map_err(|error| Fault::new(field, error))
    }
}

impl<T> At<T> for Option<T> {
    fn at(self, field: &str) -> Checked<T> {
        self.ok_or_else(|| Fault::new(field, "there is none"))
    }
}

/// Names the object that a faulty field is in.
pub(crate) trait Within<T> {
    fn within(self, outer: impl Display) -> Checked<T>;
}

impl<T> Within<T> for Checked<T> {
    fn within(self, outer: impl Display) -> Self {
        self.map_err(|fault| Fault { field: format!("{outer}.{}", fault.field), ..fault })
    }
}

/// Compares bytes that we computed with those of a field.
pub(crate) fn same_bytes(field: &str, ours: impl AsRef<[u8]>, given: &[u8]) -> Checked {
    let ours = ours.as_ref();
    if ours == given {
        return Ok(());
    }
    let (ours, given) = (hex::encode(ours), hex::encode(given));
    Err(Fault::new(field, format!("we have {}, the vector {}", short(&ours), short(&given))))
}

/// Compares values.
pub(crate) fn same<T: PartialEq + Debug + ?Sized>(field: &str, ours: &T, given: &T) -> Checked {
    if ours == given {
        Ok(())
    } else {
        Err(Fault::new(field, format!("we have {ours:?}, the vector {given:?}")))
    }
}

/// A condition on a field.
pub(crate) fn ensure(holds: bool, field: &str, otherwise: &str) -> Checked {
    if holds { Ok(()) } else { Err(Fault::new(field, otherwise)) }
}

fn short(hex: &str) -> String {
    match hex.get(..64) {
        Some(head) if hex.len() > 80 => format!("{head}.. ({} bytes)", hex.len() / 2),
        _ => hex.to_owned(),
    }
}

/// Bytes, in hexadecimal in the file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Bytes(pub(crate) Vec<u8>);

impl Bytes {
    pub(crate) fn secret(&self) -> Secret {
        Secret::copy_from(&self.0)
    }
}

impl Deref for Bytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl<T: AsRef<[u8]>> From<T> for Bytes {
    fn from(bytes: T) -> Self {
        Self(bytes.as_ref().to_vec())
    }
}

impl Serialize for Bytes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&hex::encode(&self.0))
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        hex::decode(text).map(Self).map_err(D::Error::custom)
    }
}
