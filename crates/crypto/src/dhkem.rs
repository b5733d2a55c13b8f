//! DHKEM (RFC 9180 §4.1), written once for every backend: a backend supplies the Diffie-Hellman group ([`DhGroup`]) and
//! gets a [`Kem`] ([`DhKem`]) with `DeriveKeyPair` (§7.1.3), `ExtractAndExpand` and the validation of §7.1.4.
//!
//! Invariants: a public key of the wrong length, in compressed or hybrid form, off its curve or of small order is refused
//! when it is parsed (R013, R014), and an all-zero result of X25519 or X448 is refused after the fact as well.
//! A parsed private key knows its public key.
//!
//! Cost: encapsulation is one multiplication of the base point, one of the recipient's key and four KDF calls;
//! decapsulation one multiplication and two KDF calls. Not here: `AuthEncap`, which MLS does not use.

use crate::hpke::{labeled_expand, labeled_extract};
use crate::{CryptoError, Kdf, Kem, KemId, KemKeyPair, KemPrivateKey, KemPublicKey, Secret, SecureRandom};
use alloc::{boxed::Box, vec::Vec};
use core::fmt;
use subtle::ConstantTimeEq;

/// The curves that RFC 9180 §7.1 registers a DHKEM for, and what is fixed with them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Curve {
    /// NIST P-256.
    P256,
    /// NIST P-384.
    P384,
    /// NIST P-521.
    P521,
    /// X25519 (RFC 7748).
    X25519,
    /// X448 (RFC 7748).
    X448,
}

impl Curve {
    /// The DHKEM of this curve.
    #[must_use]
    pub const fn kem_id(self) -> KemId {
        match self {
            Self::P256 => KemId::DHKEM_P256,
            Self::P384 => KemId::DHKEM_P384,
            Self::P521 => KemId::DHKEM_P521,
            Self::X25519 => KemId::DHKEM_X25519,
            Self::X448 => KemId::DHKEM_X448,
        }
    }

    /// `Npk` and `Nenc`: the length of a serialized public key in bytes.
    #[must_use]
    pub const fn public_len(self) -> usize {
        match self {
            Self::P256 => 65,
            Self::P384 => 97,
            Self::P521 => 133,
            Self::X25519 => 32,
            Self::X448 => 56,
        }
    }

    /// `Nsk`: the length of a serialized private key in bytes. P-521 has 66 (the 64 in RFC 9180 is an erratum).
    #[must_use]
    pub const fn private_len(self) -> usize {
        match self {
            Self::P256 => 32,
            Self::P384 => 48,
            Self::P521 => 66,
            Self::X25519 => 32,
            Self::X448 => 56,
        }
    }

    /// The mask of a candidate's first byte where `DeriveKeyPair` samples by rejection (RFC 9180 §7.1.3).
    const fn bitmask(self) -> Option<u8> {
        match self {
            Self::P256 | Self::P384 => Some(0xFF),
            Self::P521 => Some(0x01),
            Self::X25519 | Self::X448 => None,
        }
    }

    /// The part of public-key validation that needs no arithmetic (R013, R014): length, point form, small order.
    ///
    /// # Errors
    /// [`CryptoError::InvalidPublicKey`].
    pub fn check_public(self, bytes: &[u8]) -> Result<(), CryptoError> {
        let valid = bytes.len() == self.public_len()
            && match self {
                // Only uncompressed points.
                Self::P256 | Self::P384 | Self::P521 => bytes.first() == Some(&4),
                Self::X25519 => !low_order::x25519(bytes),
                Self::X448 => !low_order::x448(bytes),
            };
        if valid { Ok(()) } else { Err(CryptoError::InvalidPublicKey) }
    }
}

/// Diffie-Hellman on one curve: what a backend implements to get a [`DhKem`].
///
/// Lengths, point form and small order are checked before these functions are called, an all-zero result after.
pub trait DhGroup: fmt::Debug + Copy + Send + Sync + 'static {
    /// The curve.
    const CURVE: Curve;

    /// A parsed public key.
    type Public: Send + Sync + 'static;

    /// A parsed private key, zeroized on drop.
    type Private: Send + Sync + 'static;

    /// Parses a public key of the right length; for a NIST curve, checks that the point is on it (R013).
    ///
    /// # Errors
    /// [`CryptoError::InvalidPublicKey`].
    fn parse_public(&self, bytes: &[u8]) -> Result<Self::Public, CryptoError>;

    /// Parses a private key of the right length; for a NIST curve, checks that it is in `1..order`.
    ///
    /// # Errors
    /// [`CryptoError::InvalidPrivateKey`].
    fn parse_private(&self, bytes: &Secret) -> Result<Self::Private, CryptoError>;

    /// The serialized public key of a private key.
    ///
    /// # Errors
    /// Failures of the backend.
    fn public(&self, private: &Self::Private) -> Result<Vec<u8>, CryptoError>;

    /// The Diffie-Hellman result: the u-coordinate, or the x-coordinate in the length of a field element.
    ///
    /// # Errors
    /// Failures of the backend.
    fn diffie_hellman(&self, private: &Self::Private, public: &Self::Public) -> Result<Secret, CryptoError>;
}

/// DHKEM over a group and a KDF (RFC 9180 §4.1).
#[derive(Debug, Clone, Copy)]
pub struct DhKem<G> {
    group: G,
    kdf: &'static dyn Kdf,
}

impl<G: DhGroup> DhKem<G> {
    /// The KEM over this group. The KDF is the KEM's own: the one its name has, whatever the suite's is.
    pub const fn new(group: G, kdf: &'static dyn Kdf) -> Self {
        Self { group, kdf }
    }

    fn suite_id() -> [u8; 5] {
        let [a, b] = G::CURVE.kem_id().0.to_be_bytes();
        [b'K', b'E', b'M', a, b]
    }

    /// `DeriveKeyPair`, up to the private key (RFC 9180 §7.1.3).
    fn derive_private(&self, ikm: &Secret) -> Result<(Secret, G::Private), CryptoError> {
        let (id, len) = (Self::suite_id(), G::CURVE.private_len());
        let dkp_prk = labeled_extract(self.kdf, &id, b"", b"dkp_prk", &[ikm.as_bytes()]);
        let Some(bitmask) = G::CURVE.bitmask() else {
            let bytes = labeled_expand(self.kdf, &id, &dkp_prk, b"sk", &[], len)?;
            let private = self.parse_private(&bytes)?;
            return Ok((bytes, private));
        };
        for counter in 0..=u8::MAX {
            let mut bytes = labeled_expand(self.kdf, &id, &dkp_prk, b"candidate", &[&[counter]], len)?;
            if let Some(first) = bytes.as_mut_bytes().first_mut() {
                *first &= bitmask;
            }
            if let Ok(private) = self.parse_private(&bytes) {
                return Ok((bytes, private));
            }
        }
        Err(CryptoError::DeriveKeyPair)
    }

    fn parse_private(&self, bytes: &Secret) -> Result<G::Private, CryptoError> {
        if bytes.len() != G::CURVE.private_len() {
            return Err(CryptoError::InvalidPrivateKey);
        }
        self.group.parse_private(bytes)
    }

    fn parse_public(&self, bytes: &[u8]) -> Result<G::Public, CryptoError> {
        G::CURVE.check_public(bytes)?;
        self.group.parse_public(bytes)
    }

    /// `ExtractAndExpand(dh, enc || pkRm)` of a Diffie-Hellman result; `None` if that is all zero (R014).
    fn shared_secret(
        &self,
        private: &G::Private,
        public: &G::Public,
        kem_context: [&[u8]; 2],
    ) -> Result<Option<Secret>, CryptoError> {
        let dh = self.group.diffie_hellman(private, public)?;
        if G::CURVE.bitmask().is_none() && bool::from(dh.ct_eq(&Secret::zero(dh.len()))) {
            return Ok(None);
        }
        let id = Self::suite_id();
        let eae_prk = labeled_extract(self.kdf, &id, b"", b"eae_prk", &[dh.as_bytes()]);
        let len = self.kdf.extract_len();
        labeled_expand(self.kdf, &id, &eae_prk, b"shared_secret", &kem_context, len).map(Some)
    }
}

impl<G: DhGroup> Kem for DhKem<G> {
    fn id(&self) -> KemId {
        G::CURVE.kem_id()
    }

    fn public_len(&self) -> usize {
        G::CURVE.public_len()
    }

    fn private_len(&self) -> usize {
        G::CURVE.private_len()
    }

    fn enc_len(&self) -> usize {
        G::CURVE.public_len()
    }

    fn derive_key_pair(&self, ikm: &Secret) -> Result<KemKeyPair, CryptoError> {
        let (bytes, private) = self.derive_private(ikm)?;
        Ok(KemKeyPair { public: self.group.public(&private)?, private: bytes })
    }

    fn load_public(&self, bytes: &[u8]) -> Result<Box<dyn KemPublicKey>, CryptoError> {
        Ok(Box::new(PublicKey { kem: *self, key: self.parse_public(bytes)?, bytes: bytes.into() }))
    }

    fn check_public(&self, bytes: &[u8]) -> Result<(), CryptoError> {
        self.parse_public(bytes).map(drop)
    }

    fn load_private(&self, bytes: &Secret) -> Result<Box<dyn KemPrivateKey>, CryptoError> {
        let key = self.parse_private(bytes)?;
        Ok(Box::new(PrivateKey { kem: *self, public: self.group.public(&key)?, key }))
    }
}

struct PublicKey<G: DhGroup> {
    kem: DhKem<G>,
    key: G::Public,
    bytes: Box<[u8]>,
}

impl<G: DhGroup> KemPublicKey for PublicKey<G> {
    fn encap(&self, rng: &dyn SecureRandom) -> Result<(Secret, Vec<u8>), CryptoError> {
        let ikm = rng.secret(G::CURVE.private_len())?;
        // That no candidate is a key would be the randomness's doing, not the recipient's.
        let (_, ephemeral) = self.kem.derive_private(&ikm).map_err(|error| match error {
            CryptoError::DeriveKeyPair => CryptoError::RandomUnavailable,
            other => other,
        })?;
        let enc = self.kem.group.public(&ephemeral)?;
        let secret = self.kem.shared_secret(&ephemeral, &self.key, [&enc, &self.bytes])?;
        Ok((secret.ok_or(CryptoError::InvalidPublicKey)?, enc))
    }
}

impl<G: DhGroup> fmt::Debug for PublicKey<G> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({})", G::CURVE.kem_id())
    }
}

struct PrivateKey<G: DhGroup> {
    kem: DhKem<G>,
    key: G::Private,
    public: Vec<u8>,
}

impl<G: DhGroup> KemPrivateKey for PrivateKey<G> {
    fn public(&self) -> &[u8] {
        &self.public
    }

    fn decap(&self, enc: &[u8]) -> Result<Secret, CryptoError> {
        let ephemeral = self.kem.parse_public(enc).map_err(|_| CryptoError::InvalidEncapsulation)?;
        let secret = self.kem.shared_secret(&self.key, &ephemeral, [enc, &self.public])?;
        secret.ok_or(CryptoError::InvalidEncapsulation)
    }
}

impl<G: DhGroup> fmt::Debug for PrivateKey<G> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PrivateKey({}, redacted)", G::CURVE.kem_id())
    }
}

/// u-coordinates whose order divides the cofactor, on the curve or its twist: every scalar takes them to zero. A key like
/// that in a leaf would make every later encapsulation to it fail, so it is refused when it comes in (R014).
mod low_order {
    /// 0, 1, the two of order 8, p - 1, and p, p + 1 which are 0 and 1 again.
    const X25519: [[u8; 32]; 7] = [
        little(0, 0, 0),
        little(1, 0, 0),
        [
            0xe0, 0xeb, 0x7a, 0x7c, 0x3b, 0x41, 0xb8, 0xae, 0x16, 0x56, 0xe3, 0xfa, 0xf1, 0x9f, 0xc4, 0x6a,
            0xda, 0x09, 0x8d, 0xeb, 0x9c, 0x32, 0xb1, 0xfd, 0x86, 0x62, 0x05, 0x16, 0x5f, 0x49, 0xb8, 0x00,
        ],
        [
            0x5f, 0x9c, 0x95, 0xbc, 0xa3, 0x50, 0x8c, 0x24, 0xb1, 0xd0, 0xb1, 0x55, 0x9c, 0x83, 0xef, 0x5b,
            0x04, 0x44, 0x5c, 0xc4, 0x58, 0x1c, 0x8e, 0x86, 0xd8, 0x22, 0x4e, 0xdd, 0xd0, 0x9f, 0x11, 0x57,
        ],
        little(0xec, 0xff, 0x7f),
        little(0xed, 0xff, 0x7f),
        little(0xee, 0xff, 0x7f),
    ];

    const fn little(first: u8, middle: u8, last: u8) -> [u8; 32] {
        let mut bytes = [middle; 32];
        let [low, .., high] = &mut bytes;
        (*low, *high) = (first, last);
        bytes
    }

    /// The top bit is ignored, as X25519 does.
    pub(super) fn x25519(bytes: &[u8]) -> bool {
        let Ok(mut bytes) = <[u8; 32]>::try_from(bytes) else { return false };
        let [.., last] = &mut bytes;
        *last &= 0x7F;
        X25519.contains(&bytes)
    }

    /// 0, 1 and p - 1, and p and p + 1 which are 0 and 1 again, for p = 2^448 - 2^224 - 1.
    pub(super) fn x448(bytes: &[u8]) -> bool {
        let (low, high) = bytes.split_at(bytes.len().min(28));
        let (Some((first, low)), Some((middle, high))) = (low.split_first(), high.split_first()) else {
            return false;
        };
        let all = |bytes: &[u8], value| bytes.iter().all(|byte| *byte == value);
        let zero_or_one = *first <= 1 && all(low, 0) && *middle == 0 && all(high, 0);
        let p_or_below = *first >= 0xFE && all(low, 0xFF) && *middle == 0xFE && all(high, 0xFF);
        let p_plus_one = *first == 0 && all(low, 0) && *middle == 0xFF && all(high, 0xFF);
        zero_or_one || p_or_below || p_plus_one
    }
}
