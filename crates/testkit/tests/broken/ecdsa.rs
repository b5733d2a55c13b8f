//! ECDSA on P-256 with a fault.

use pleach_crypto::{
    CryptoError, Secret, SecureRandom, Signature, SignatureKeyPair, SignatureScheme, Signer, Verifier,
};
use pleach_rustcrypto::ECDSA_P256;

/// What is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Lengths and integers may be longer than need be.
    LaxDer,
    /// The larger `s` is refused.
    LowS,
    /// A hybrid point is a public key.
    HybridForm,
    /// A key may be wrapped as in X.509.
    X509,
    /// A candidate that is no scalar ends key generation.
    OneCandidate,
    /// A candidate that is no scalar becomes a key.
    AnyCandidate,
    /// A private key of zero is another one.
    AnyScalar,
}

/// ECDSA on P-256 with this fault.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Broken(pub(crate) Fault);

impl Signature for Broken {
    fn scheme(&self) -> SignatureScheme {
        ECDSA_P256.scheme()
    }

    fn generate_key_pair(&self, rng: &dyn SecureRandom) -> Result<SignatureKeyPair, CryptoError> {
        if !matches!(self.0, Fault::OneCandidate | Fault::AnyCandidate) {
            return ECDSA_P256.generate_key_pair(rng);
        }
        let private = rng.secret(32)?;
        let signer = ECDSA_P256.load_signer(&private).or_else(|error| match self.0 {
            Fault::AnyCandidate => ECDSA_P256.load_signer(&Secret::copy_from(&[1; 32])),
            _ => Err(error),
        })?;
        Ok(SignatureKeyPair { public: signer.public().to_vec(), private })
    }

    fn load_signer(&self, private: &Secret) -> Result<Box<dyn Signer>, CryptoError> {
        ECDSA_P256.load_signer(private).or_else(|error| {
            if self.0 == Fault::AnyScalar && private.len() == 32 {
                ECDSA_P256.load_signer(&Secret::copy_from(&[1; 32]))
            } else {
                Err(error)
            }
        })
    }

    fn load_verifier(&self, public: &[u8]) -> Result<Box<dyn Verifier>, CryptoError> {
        let mut public = public.to_vec();
        if self.0 == Fault::HybridForm && matches!(public[..], [6 | 7, ..]) {
            public[0] = 4;
        }
        if self.0 == Fault::X509 && public.len() > 65 && public[0] == 0x30 {
            public.drain(..public.len() - 65);
        }
        Ok(Box::new(BrokenVerifier(self.0, ECDSA_P256.load_verifier(&public)?)))
    }
}

#[derive(Debug)]
struct BrokenVerifier(Fault, Box<dyn Verifier>);

impl Verifier for BrokenVerifier {
    fn verify(&self, message: &[&[u8]], signature: &[u8]) -> Result<(), CryptoError> {
        match self.0 {
            Fault::LaxDer => {
                let strict = lax(signature).ok_or(CryptoError::InvalidSignature)?;
                self.1.verify(message, &strict)
            }
            Fault::LowS if s_is_large(signature) => Err(CryptoError::InvalidSignature),
            _ => self.1.verify(message, signature),
        }
    }
}

/// Whether `s` is above half the order, more or less: its first bytes decide.
fn s_is_large(signature: &[u8]) -> bool {
    let content = signature.strip_prefix(&[0x30]).and_then(length);
    let s = content.and_then(|(_, content)| integer(content)).and_then(|(_, s)| integer(s));
    // Tag, length and a sign byte before 32 bytes with the topmost bit.
    s.is_some_and(|(s, _)| s.len() == 2 + 33)
}

/// A length in any form, and what follows it.
fn length(bytes: &[u8]) -> Option<(usize, &[u8])> {
    match bytes {
        [0x82, a, b, rest @ ..] => Some((usize::from(*a) << 8 | usize::from(*b), rest)),
        [0x81, a, rest @ ..] => Some((usize::from(*a), rest)),
        [a, rest @ ..] if *a < 0x80 => Some((usize::from(*a), rest)),
        _ => None,
    }
}

/// An integer in any form, written as it should be, and what follows it.
fn integer(bytes: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    let (len, rest) = length(bytes.strip_prefix(&[2])?)?;
    let (value, rest) = rest.split_at_checked(len)?;
    let zeros = value.iter().take_while(|byte| **byte == 0).count();
    let value = &value[zeros..];
    let sign: &[u8] = if zeros > 0 && value.first().is_none_or(|byte| *byte >= 0x80) { &[0] } else { &[] };
    Some(([&[2, (sign.len() + value.len()) as u8], sign, value].concat(), rest))
}

/// A signature in any form, written as it should be.
fn lax(signature: &[u8]) -> Option<Vec<u8>> {
    let (_, content) = length(signature.strip_prefix(&[0x30])?)?;
    let (r, rest) = integer(content)?;
    let (s, _) = integer(rest)?;
    Some([&[0x30, (r.len() + s.len()) as u8], &r[..], &s].concat())
}
