//! X.509's `SubjectPublicKeyInfo` (RFC 5280 §4.1): some libraries take it wherever they take a key, RFC 9420 takes none (R013, R014).

use pleach_crypto::{KemId, SignatureScheme};

use super::inputs::{der, hex};

const P256: &str = "06072a8648ce3d020106082a8648ce3d030107";
const P384: &str = "06072a8648ce3d020106052b81040022";
const P521: &str = "06072a8648ce3d020106052b81040023";

/// A key of this KEM as X.509 has it, if it has it.
pub(super) fn of_kem(id: KemId, key: &[u8]) -> Option<Vec<u8>> {
    let algorithm = match id {
        KemId::DHKEM_P256 => P256,
        KemId::DHKEM_P384 => P384,
        KemId::DHKEM_P521 => P521,
        KemId::DHKEM_X25519 => "06032b656e",
        KemId::DHKEM_X448 => "06032b656f",
        KemId::ML_KEM_768 => "0609608648016503040402",
        KemId::ML_KEM_1024 => "0609608648016503040403",
        _ => return None,
    };
    Some(wrapped(algorithm, key))
}

/// A key of this signature scheme as X.509 has it, if it has it.
pub(super) fn of_signature(scheme: SignatureScheme, key: &[u8]) -> Option<Vec<u8>> {
    let algorithm = match scheme {
        SignatureScheme::ECDSA_SECP256R1_SHA256 => P256,
        SignatureScheme::ECDSA_SECP384R1_SHA384 => P384,
        SignatureScheme::ECDSA_SECP521R1_SHA512 => P521,
        SignatureScheme::ED25519 => "06032b6570",
        SignatureScheme::ED448 => "06032b6571",
        SignatureScheme::MLDSA44 => "0609608648016503040311",
        SignatureScheme::MLDSA65 => "0609608648016503040312",
        SignatureScheme::MLDSA87 => "0609608648016503040313",
        _ => return None,
    };
    Some(wrapped(algorithm, key))
}

fn wrapped(algorithm: &str, key: &[u8]) -> Vec<u8> {
    let key = der(0x03, &[&[0], key].concat());
    der(0x30, &[der(0x30, &hex(algorithm)), key].concat())
}
