//! A DER builder that is just enough for certificates: X.509 v1, one name, no extensions, really signed.

use super::Failure;
use pleach::crypto::{SignatureScheme, Signer};

const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
const INTEGER: u8 = 0x02;
const BIT_STRING: u8 = 0x03;
const OID: u8 = 0x06;
const UTF8_STRING: u8 = 0x0C;
const UTC_TIME: u8 = 0x17;

const COMMON_NAME: &[u8] = &[0x55, 4, 3];
const ED25519: &[u8] = &[0x2B, 0x65, 0x70];
const ED448: &[u8] = &[0x2B, 0x65, 0x71];
const EC_PUBLIC_KEY: &[u8] = &[0x2A, 0x86, 0x48, 0xCE, 0x3D, 2, 1];
const P256: &[u8] = &[0x2A, 0x86, 0x48, 0xCE, 0x3D, 3, 1, 7];
const P384: &[u8] = &[0x2B, 0x81, 0x04, 0, 0x22];
const P521: &[u8] = &[0x2B, 0x81, 0x04, 0, 0x23];
const ECDSA_SHA256: &[u8] = &[0x2A, 0x86, 0x48, 0xCE, 0x3D, 4, 3, 2];
const ECDSA_SHA384: &[u8] = &[0x2A, 0x86, 0x48, 0xCE, 0x3D, 4, 3, 3];
const ECDSA_SHA512: &[u8] = &[0x2A, 0x86, 0x48, 0xCE, 0x3D, 4, 3, 4];
const ML_DSA_44: &[u8] = &[0x60, 0x86, 0x48, 1, 0x65, 3, 4, 3, 17];
const ML_DSA_65: &[u8] = &[0x60, 0x86, 0x48, 1, 0x65, 3, 4, 3, 18];
const ML_DSA_87: &[u8] = &[0x60, 0x86, 0x48, 1, 0x65, 3, 4, 3, 19];

/// Who a certificate is of: a name and a key.
pub(super) struct Party<'a> {
    pub(super) name: &'a str,
    pub(super) signer: &'a dyn Signer,
}

/// The certificate of `subject`, issued by `issuer`.
pub(super) fn certificate(subject: &Party<'_>, issuer: &Party<'_>) -> Result<Vec<u8>, Failure> {
    let (_, signature_algorithm) = algorithms(issuer.signer.scheme())?;
    let validity = [der(UTC_TIME, b"200101000000Z"), der(UTC_TIME, b"490101000000Z")].concat();
    let tbs = [
        der(INTEGER, &[1]),
        signature_algorithm.clone(),
        name(issuer.name),
        der(SEQUENCE, &validity),
        name(subject.name),
        key_info(subject.signer)?,
    ];
    let tbs = der(SEQUENCE, &tbs.concat());
    let signature = issuer.signer.sign(&[&tbs])?;
    Ok(der(SEQUENCE, &[tbs, signature_algorithm, bit_string(&signature)].concat()))
}

fn name(name: &str) -> Vec<u8> {
    let attribute = [der(OID, COMMON_NAME), der(UTF8_STRING, name.as_bytes())].concat();
    der(SEQUENCE, &der(SET, &der(SEQUENCE, &attribute)))
}

fn key_info(signer: &dyn Signer) -> Result<Vec<u8>, Failure> {
    let (algorithm, _) = algorithms(signer.scheme())?;
    Ok(der(SEQUENCE, &[algorithm, bit_string(signer.public())].concat()))
}

/// The AlgorithmIdentifiers of keys and of signatures.
fn algorithms(scheme: SignatureScheme) -> Result<(Vec<u8>, Vec<u8>), Failure> {
    let (key, curve, signature): (_, Option<&[u8]>, _) = match scheme {
        SignatureScheme::ED25519 => (ED25519, None, ED25519),
        SignatureScheme::ED448 => (ED448, None, ED448),
        SignatureScheme::ECDSA_SECP256R1_SHA256 => (EC_PUBLIC_KEY, Some(P256), ECDSA_SHA256),
        SignatureScheme::ECDSA_SECP384R1_SHA384 => (EC_PUBLIC_KEY, Some(P384), ECDSA_SHA384),
        SignatureScheme::ECDSA_SECP521R1_SHA512 => (EC_PUBLIC_KEY, Some(P521), ECDSA_SHA512),
        SignatureScheme::MLDSA44 => (ML_DSA_44, None, ML_DSA_44),
        SignatureScheme::MLDSA65 => (ML_DSA_65, None, ML_DSA_65),
        SignatureScheme::MLDSA87 => (ML_DSA_87, None, ML_DSA_87),
        other => return Err(Failure::new(format!("no object identifier for {other:?}"))),
    };
    let curve = curve.map_or_else(Vec::new, |curve| der(OID, curve));
    let key = der(SEQUENCE, &[der(OID, key), curve].concat());
    Ok((key, der(SEQUENCE, &der(OID, signature))))
}

fn bit_string(bits: &[u8]) -> Vec<u8> {
    der(BIT_STRING, &[&[0], bits].concat())
}

/// Tag, length in as few octets as it takes, content.
fn der(tag: u8, content: &[u8]) -> Vec<u8> {
    let len = content.len();
    let mut out = vec![tag];
    match len {
        0..=0x7F => out.push(len as u8),
        0x80..=0xFF => out.extend([0x81, len as u8]),
        _ => out.extend([0x82, (len >> 8) as u8, len as u8]),
    }
    out.extend(content);
    out
}
