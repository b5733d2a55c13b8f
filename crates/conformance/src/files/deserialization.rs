//! `deserialization.json`: headers of variable-length vectors (RFC 9420 §2.1.2).

use crate::fault::{At, Bytes, Checked, ensure, same, same_bytes};
use crate::vector_file::fields;
use crate::{By, VectorFile};
use pleach_crypto::CryptoProvider;
use pleach_wire::{EncodeError, decode_length, write_length};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// `deserialization.json`.
pub static FILE: VectorFile =
    VectorFile { name: "deserialization.json", official_cases: 14, by: By::Nothing, check };

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Case {
    vlbytes_header: Bytes,
    length: usize,
}

fn check(_: &CryptoProvider, case: &Value) -> Checked {
    let Case { vlbytes_header, length } = fields(case)?;
    let (decoded, rest) = decode_length(&vlbytes_header).at("vlbytes_header")?;
    same("length", &decoded, &length)?;
    ensure(rest.is_empty(), "vlbytes_header", "something is behind the header")?;
    let mut encoded = Vec::new();
    write_length(length, &mut encoded).at("length")?;
    same_bytes("vlbytes_header", encoded, &vlbytes_header)
}

/// Around each change of the header's length.
pub(crate) fn generate() -> Result<Vec<Case>, EncodeError> {
    let lengths =
        [0, 1, 0x3e, 0x3f, 0x40, 0x41, 0x3fff, 0x4000, 0x4001, 0x00ab_cdef, 0x3fff_fffe, 0x3fff_ffff];
    let case = |length| {
        let mut header = Vec::new();
        write_length(length, &mut header)?;
        Ok(Case { vlbytes_header: header.into(), length })
    };
    lengths.into_iter().map(case).collect()
}
