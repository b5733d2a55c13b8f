//! Ed25519 by another rule, alone or in batches, and signers with a fault.

use curve25519_dalek::constants::ED25519_BASEPOINT_POINT as B;
use curve25519_dalek::edwards::{CompressedEdwardsY, EdwardsPoint};
use curve25519_dalek::scalar::Scalar;
use curve25519_dalek::traits::IsIdentity;
use pleach_crypto::{
    CryptoError, Secret, SecureRandom, Signature, SignatureKeyPair, SignatureScheme, Signed, Signer, Verifier,
};
use pleach_rustcrypto::ED25519;
use sha2::{Digest, Sha512};

/// What is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Keys of small order verify.
    SmallOrder,
    /// Encodings that are not canonical are read.
    NotCanonical,
    /// `S` is reduced.
    LargeS,
    /// The equation has no cofactor.
    Cofactorless,
    /// What libraries do by themselves: any key that decodes, no cofactor.
    Native,
    /// A batch takes keys of small order, a single verification does not.
    SmallOrderInBatches,
    /// A batch adds the equations up, all with the same coefficient.
    SumInBatches,
    /// A batch leaves its last item out.
    BatchSkipsLast,
    /// A batch has no cofactor: it refuses what a single verification accepts.
    CofactorlessBatches,
    /// What follows a signature is ignored.
    BytesBehind,
    /// Only the first part of a message is verified.
    FirstPartOnly,
    /// `Debug` of a signer shows its key.
    Shown,
    /// Without randomness, keys are constant.
    ConstantKey,
}

/// Ed25519 with this fault.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Broken(pub(crate) Fault);

/// One signature with what a lax decoder makes of it.
struct Parsed {
    a: EdwardsPoint,
    r: EdwardsPoint,
    s: Scalar,
    k: Scalar,
}

impl Parsed {
    fn of(fault: Fault, item: &Signed<'_>) -> Result<Self, CryptoError> {
        let key = <[u8; 32]>::try_from(item.public).map_err(|_| CryptoError::InvalidPublicKey)?;
        let a = decode(fault, key).ok_or(CryptoError::InvalidPublicKey)?;
        let small = matches!(fault, Fault::SmallOrder | Fault::SmallOrderInBatches);
        if a.is_small_order() && !small {
            return Err(CryptoError::InvalidPublicKey);
        }
        Self::with_key(fault, key, a, item).ok_or(CryptoError::InvalidSignature)
    }

    fn with_key(fault: Fault, key: [u8; 32], a: EdwardsPoint, item: &Signed<'_>) -> Option<Self> {
        let (r_bytes, s) = <&[u8; 64]>::try_from(item.signature).ok()?.split_first_chunk::<32>()?;
        let r = decode(fault, *r_bytes)?;
        let s = s.try_into().ok()?;
        let s = match fault {
            Fault::LargeS => Scalar::from_bytes_mod_order(s),
            _ => Scalar::from_canonical_bytes(s).into_option()?,
        };
        let hash = Sha512::new().chain_update(r_bytes).chain_update(key).chain_update(item.message.concat());
        let k = Scalar::from_bytes_mod_order_wide(&hash.finalize().into());
        Some(Self { a, r, s, k })
    }

    /// `S B - R - k A`, which is zero, or of small order.
    fn difference(&self) -> EdwardsPoint {
        B * self.s - self.r - self.a * self.k
    }
}

fn decode(fault: Fault, bytes: [u8; 32]) -> Option<EdwardsPoint> {
    let point = CompressedEdwardsY(bytes).decompress()?;
    (fault == Fault::NotCanonical || point.compress().0 == bytes).then_some(point)
}

/// Where this refuses what the rule refuses, it says so with the rule's error: what differs is what is accepted.
fn native(key: [u8; 32], item: &Signed<'_>) -> Result<(), CryptoError> {
    let a = CompressedEdwardsY(key).decompress();
    let parsed = a.and_then(|a| Parsed::with_key(Fault::Native, key, a, item));
    if parsed.is_some_and(|parsed| parsed.difference().is_identity()) {
        return Ok(());
    }
    ED25519.load_verifier(&key)?.verify(item.message, item.signature)?;
    Err(CryptoError::InvalidSignature)
}

fn verdict(fault: Fault, item: &Signed<'_>) -> Result<(), CryptoError> {
    let difference = Parsed::of(fault, item)?.difference();
    let cofactorless = matches!(fault, Fault::Cofactorless | Fault::CofactorlessBatches);
    let good = if cofactorless { difference.is_identity() } else { difference.is_small_order() };
    if good { Ok(()) } else { Err(CryptoError::InvalidSignature) }
}

impl Signature for Broken {
    fn scheme(&self) -> SignatureScheme {
        ED25519.scheme()
    }

    fn generate_key_pair(&self, rng: &dyn SecureRandom) -> Result<SignatureKeyPair, CryptoError> {
        match ED25519.generate_key_pair(rng) {
            Err(CryptoError::RandomUnavailable) if self.0 == Fault::ConstantKey => {
                let private = Secret::zero(32);
                Ok(SignatureKeyPair { public: ED25519.load_signer(&private)?.public().to_vec(), private })
            }
            pair => pair,
        }
    }

    fn load_signer(&self, private: &Secret) -> Result<Box<dyn Signer>, CryptoError> {
        let signer = ED25519.load_signer(private)?;
        let shown = private.as_bytes().to_vec();
        Ok(if self.0 == Fault::Shown { Box::new(ShownSigner { signer, shown }) } else { signer })
    }

    fn load_verifier(&self, public: &[u8]) -> Result<Box<dyn Verifier>, CryptoError> {
        match self.0 {
            Fault::SmallOrder | Fault::NotCanonical | Fault::LargeS | Fault::Cofactorless => {
                let key = public.try_into().map_err(|_| CryptoError::InvalidPublicKey)?;
                let a = decode(self.0, key).ok_or(CryptoError::InvalidPublicKey)?;
                if a.is_small_order() && !matches!(self.0, Fault::SmallOrder) {
                    return Err(CryptoError::InvalidPublicKey);
                }
                Ok(Box::new(LaxVerifier(self.0, key)))
            }
            Fault::Native => {
                let key = public.try_into().map_err(|_| CryptoError::InvalidPublicKey)?;
                Ok(Box::new(LaxVerifier(self.0, key)))
            }
            fault => Ok(Box::new(StrictVerifier(fault, ED25519.load_verifier(public)?))),
        }
    }

    fn verify_batch(&self, items: &[Signed<'_>], rng: &dyn SecureRandom) -> Result<(), CryptoError> {
        match self.0 {
            Fault::SmallOrderInBatches | Fault::CofactorlessBatches => {
                items.iter().try_for_each(|item| verdict(self.0, item))
            }
            Fault::SumInBatches => {
                let parsed =
                    items.iter().map(|item| Parsed::of(self.0, item)).collect::<Result<Vec<_>, _>>()?;
                let sum: EdwardsPoint = parsed.iter().map(Parsed::difference).sum();
                if sum.is_small_order() { Ok(()) } else { Err(CryptoError::InvalidSignature) }
            }
            Fault::BatchSkipsLast => {
                ED25519.verify_batch(items.split_last().map_or(items, |(_, others)| others), rng)
            }
            _ => items
                .iter()
                .try_for_each(|item| self.load_verifier(item.public)?.verify(item.message, item.signature)),
        }
    }
}

#[derive(Debug)]
struct LaxVerifier(Fault, [u8; 32]);

impl Verifier for LaxVerifier {
    fn verify(&self, message: &[&[u8]], signature: &[u8]) -> Result<(), CryptoError> {
        let item = Signed { public: &self.1, message, signature };
        if self.0 == Fault::Native { native(self.1, &item) } else { verdict(self.0, &item) }
    }
}

#[derive(Debug)]
struct StrictVerifier(Fault, Box<dyn Verifier>);

impl Verifier for StrictVerifier {
    fn verify(&self, message: &[&[u8]], signature: &[u8]) -> Result<(), CryptoError> {
        match self.0 {
            Fault::BytesBehind => self.1.verify(message, &signature[..signature.len().min(64)]),
            Fault::FirstPartOnly => self.1.verify(&message[..message.len().min(1)], signature),
            _ => self.1.verify(message, signature),
        }
    }
}

#[derive(Debug)]
#[expect(dead_code, reason = "shown is what is wrong with it")]
struct ShownSigner {
    signer: Box<dyn Signer>,
    shown: Vec<u8>,
}

impl Signer for ShownSigner {
    fn scheme(&self) -> SignatureScheme {
        self.signer.scheme()
    }

    fn public(&self) -> &[u8] {
        self.signer.public()
    }

    fn sign(&self, message: &[&[u8]]) -> Result<Vec<u8>, CryptoError> {
        self.signer.sign(message)
    }
}
