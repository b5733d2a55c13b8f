//! What MLS itself asks of an x509 credential (RFC 9420 §5.3): that it parses, is in order, and holds the leaf's key
//! (R015, R021, R022). Whether its chain is trusted is the authentication service's business.

use crate::MisbehaviorError;
use der::{Decode, asn1::ObjectIdentifier};
use pleach_crypto::SignatureScheme;
use pleach_wire::Certificate;
use x509_cert::Certificate as X509;

const ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");
const ED448: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.113");
const EC_PUBLIC_KEY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const P256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");
const P384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.34");
const P521: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.35");
/// RFC 9881.
const ML_DSA_44: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.3.17");
const ML_DSA_65: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.3.18");
const ML_DSA_87: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.3.19");

/// Checks the chain's form and that its end entity's key is `signature_key` under `scheme`.
pub(crate) fn check_chain(
    certificates: &[Certificate],
    signature_key: &[u8],
    scheme: SignatureScheme,
) -> Result<(), MisbehaviorError> {
    let mut below: Option<X509> = None;
    for entry in certificates {
        // R022: each entry is one DER certificate, and certifies the one before it.
        let certificate = X509::from_der(&entry.cert_data).map_err(|_| MisbehaviorError::X509Credential)?;
        match &below {
            None => check_key(&certificate, signature_key, scheme)?,
            Some(below) if below.tbs_certificate().issuer() != certificate.tbs_certificate().subject() => {
                return Err(MisbehaviorError::X509Credential);
            }
            Some(_) => {}
        }
        below = Some(certificate);
    }
    // R022: an empty chain names nobody.
    below.map(|_| ()).ok_or(MisbehaviorError::X509Credential)
}

/// R015: of the suite's algorithm and curve. R021: identical to the leaf's key.
fn check_key(
    certificate: &X509,
    signature_key: &[u8],
    scheme: SignatureScheme,
) -> Result<(), MisbehaviorError> {
    let info = certificate.tbs_certificate().subject_public_key_info();
    let (algorithm, curve) = match scheme {
        SignatureScheme::ED25519 => (ED25519, None),
        SignatureScheme::ED448 => (ED448, None),
        SignatureScheme::ECDSA_SECP256R1_SHA256 => (EC_PUBLIC_KEY, Some(P256)),
        SignatureScheme::ECDSA_SECP384R1_SHA384 => (EC_PUBLIC_KEY, Some(P384)),
        SignatureScheme::ECDSA_SECP521R1_SHA512 => (EC_PUBLIC_KEY, Some(P521)),
        SignatureScheme::MLDSA44 => (ML_DSA_44, None),
        SignatureScheme::MLDSA65 => (ML_DSA_65, None),
        SignatureScheme::MLDSA87 => (ML_DSA_87, None),
        _ => return Err(MisbehaviorError::X509Credential),
    };
    let parameters = info.algorithm.parameters.as_ref();
    let parameters_fit = match curve {
        Some(curve) => parameters.is_some_and(|any| any.decode_as::<ObjectIdentifier>() == Ok(curve)),
        None => parameters.is_none(), // RFC 8410 §3, RFC 9881 §2
    };
    let key = info.subject_public_key.as_bytes();
    if info.algorithm.oid == algorithm && parameters_fit && key == Some(signature_key) {
        Ok(())
    } else {
        Err(MisbehaviorError::X509Credential)
    }
}
