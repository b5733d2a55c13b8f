//! HPKE in both directions against the crate `hpke`, and DeriveKeyPair against its own, for every KEM that it has.
//!
//! It has no X448; everything else of MLS it has. Its X25519 private keys are written clamped, so private keys are compared by
//! what they do, and as bytes for the other KEMs.

use std::marker::PhantomData;

use hpke::aead::{AeadCtxR, AeadCtxS, AesGcm128, AesGcm256, ChaCha20Poly1305};
use hpke::kdf::{HkdfSha256, HkdfSha384, HkdfSha512};
use hpke::kem::{
    DhP256HkdfSha256, DhP384HkdfSha384, DhP521HkdfSha512, MlKem768, MlKem768P256, MlKem1024, MlKem1024P384,
    X25519HkdfSha256, XWing,
};
use hpke::{Deserializable, OpModeR, OpModeS, PskBundle, Serializable};
use pleach_crypto::hpke::{Context, setup_base_r, setup_base_s, setup_psk_r, setup_psk_s};
use pleach_crypto::{AeadId, CipherSuite, CryptoError, KdfId, KemId, Secret};

use super::Random;
use super::report::{Checks, Stop};

const PSK: [u8; 32] = [0x5A; 32];
const PSK_ID: &[u8] = b"id of the PSK";

/// What the other implementation can do in one suite.
trait Oracle {
    /// `DeriveKeyPair`, serialized: private key, public key.
    fn derive(&self, ikm: &[u8]) -> (Vec<u8>, Vec<u8>);
    fn send(&self, public: &[u8], info: &[u8], psk: bool) -> Option<(Vec<u8>, Box<dyn Sender>)>;
    fn receive(&self, ikm: &[u8], enc: &[u8], info: &[u8], psk: bool) -> Option<Box<dyn Receiver>>;
}

trait Sender {
    fn seal(&mut self, text: &[u8], aad: &[u8]) -> Option<Vec<u8>>;
    fn export(&self, context: &[u8], out: &mut [u8]) -> Option<()>;
}

trait Receiver {
    fn open(&mut self, sealed: &[u8], aad: &[u8]) -> Option<Vec<u8>>;
    fn export(&self, context: &[u8], out: &mut [u8]) -> Option<()>;
}

struct Theirs<A, D, K>(PhantomData<(A, D, K)>);

impl<A, D, K> Oracle for Theirs<A, D, K>
where
    A: hpke::aead::Aead + 'static,
    D: hpke::kdf::Kdf + 'static,
    K: hpke::Kem + 'static,
{
    fn derive(&self, ikm: &[u8]) -> (Vec<u8>, Vec<u8>) {
        let (private, public) = K::derive_keypair(ikm);
        (private.to_bytes().to_vec(), public.to_bytes().to_vec())
    }

    fn send(&self, public: &[u8], info: &[u8], psk: bool) -> Option<(Vec<u8>, Box<dyn Sender>)> {
        let public = K::PublicKey::from_bytes(public).ok()?;
        let mode = if psk { OpModeS::Psk(PskBundle::new(&PSK, PSK_ID).ok()?) } else { OpModeS::Base };
        let (enc, context) = hpke::setup_sender::<A, D, K>(&mode, &public, info).ok()?;
        Some((enc.to_bytes().to_vec(), Box::new(context)))
    }

    fn receive(&self, ikm: &[u8], enc: &[u8], info: &[u8], psk: bool) -> Option<Box<dyn Receiver>> {
        let (private, _) = K::derive_keypair(ikm);
        let enc = K::EncappedKey::from_bytes(enc).ok()?;
        let mode = if psk { OpModeR::Psk(PskBundle::new(&PSK, PSK_ID).ok()?) } else { OpModeR::Base };
        Some(Box::new(hpke::setup_receiver::<A, D, K>(&mode, &private, &enc, info).ok()?))
    }
}

impl<A: hpke::aead::Aead, D: hpke::kdf::Kdf, K: hpke::Kem> Sender for AeadCtxS<A, D, K> {
    fn seal(&mut self, text: &[u8], aad: &[u8]) -> Option<Vec<u8>> {
        self.seal(text, aad).ok()
    }

    fn export(&self, context: &[u8], out: &mut [u8]) -> Option<()> {
        self.export(context, out).ok()
    }
}

impl<A: hpke::aead::Aead, D: hpke::kdf::Kdf, K: hpke::Kem> Receiver for AeadCtxR<A, D, K> {
    fn open(&mut self, sealed: &[u8], aad: &[u8]) -> Option<Vec<u8>> {
        self.open(sealed, aad).ok()
    }

    fn export(&self, context: &[u8], out: &mut [u8]) -> Option<()> {
        self.export(context, out).ok()
    }
}

fn oracle(suite: &CipherSuite) -> Option<Box<dyn Oracle>> {
    Some(match suite.kem.id() {
        KemId::DHKEM_P256 => with_kem::<DhP256HkdfSha256>(suite)?,
        KemId::DHKEM_P384 => with_kem::<DhP384HkdfSha384>(suite)?,
        KemId::DHKEM_P521 => with_kem::<DhP521HkdfSha512>(suite)?,
        KemId::DHKEM_X25519 => with_kem::<X25519HkdfSha256>(suite)?,
        KemId::ML_KEM_768 => with_kem::<MlKem768>(suite)?,
        KemId::ML_KEM_1024 => with_kem::<MlKem1024>(suite)?,
        KemId::MLKEM768_P256 => with_kem::<MlKem768P256>(suite)?,
        KemId::MLKEM1024_P384 => with_kem::<MlKem1024P384>(suite)?,
        KemId::MLKEM768_X25519 => with_kem::<XWing>(suite)?,
        _ => return None,
    })
}

fn with_kem<K: hpke::Kem + 'static>(suite: &CipherSuite) -> Option<Box<dyn Oracle>> {
    match suite.kdf.id() {
        KdfId::HKDF_SHA256 => with_kdf::<HkdfSha256, K>(suite),
        KdfId::HKDF_SHA384 => with_kdf::<HkdfSha384, K>(suite),
        KdfId::HKDF_SHA512 => with_kdf::<HkdfSha512, K>(suite),
        _ => None,
    }
}

fn with_kdf<D, K>(suite: &CipherSuite) -> Option<Box<dyn Oracle>>
where
    D: hpke::kdf::Kdf + 'static,
    K: hpke::Kem + 'static,
{
    Some(match suite.aead.id() {
        AeadId::AES_128_GCM => Box::new(Theirs::<AesGcm128, D, K>(PhantomData)),
        AeadId::AES_256_GCM => Box::new(Theirs::<AesGcm256, D, K>(PhantomData)),
        AeadId::CHACHA20_POLY1305 => Box::new(Theirs::<ChaCha20Poly1305, D, K>(PhantomData)),
        _ => return None,
    })
}

/// Seals, opens and exports in base and PSK mode, once with us as the sender and once as the receiver.
pub(super) fn check(c: &mut Checks, suite: &CipherSuite, rng: Random<'_>) -> Result<(), Stop> {
    let Some(oracle) = oracle(suite) else {
        c.note("the crate `hpke` does not have this suite's HPKE");
        return Ok(());
    };
    // A KEM keeps its own KDF whatever the suite's is, so every suite is tried and not only every KEM.
    for round in 0..3_u8 {
        let info = vec![round; 40 * usize::from(round)];
        let ikm = Secret::from_fn(suite.kem.private_len() + usize::from(round), |ikm| ikm.fill(round + 1));
        let pair = c.ok("DeriveKeyPair gives a key pair", suite.kem.derive_key_pair(&ikm))?;
        let (their_private, their_public) = oracle.derive(ikm.as_bytes());
        c.bytes("DeriveKeyPair gives the keys of the crate `hpke`", &pair.public, &their_public);
        if suite.kem.id() != KemId::DHKEM_X25519 {
            let check = "DeriveKeyPair gives the keys of the crate `hpke`";
            c.bytes(check, pair.private.as_bytes(), &their_private);
        }
        for psk in [false, true] {
            sending(c, suite, &*oracle, rng, (&pair.public, ikm.as_bytes(), &info, psk))?;
            receiving(c, suite, &*oracle, (&pair.private, &pair.public, &info, psk))?;
        }
    }
    Ok(())
}

const TEXTS: [&[u8]; 4] = [b"", b"text", &[7; 100], &[8; 5000]];

fn sending(
    c: &mut Checks,
    suite: &CipherSuite,
    oracle: &dyn Oracle,
    rng: Random<'_>,
    (public, ikm, info, psk): (&[u8], &[u8], &[u8], bool),
) -> Result<(), Stop> {
    let public = c.ok("a public key loads", suite.kem.load_public(public))?;
    let setup = if psk {
        setup_psk_s(suite, &*public, info, &Secret::copy_from(&PSK), PSK_ID, rng)
    } else {
        setup_base_s(suite, &*public, info, rng)
    };
    let (enc, mut ours) = c.ok("a sender sets up", setup)?;
    let check = "the crate `hpke` receives what we send";
    let theirs = oracle.receive(ikm, &enc, info, psk).ok_or(CryptoError::InvalidEncapsulation);
    let mut theirs = c.ok(check, theirs)?;
    for text in TEXTS {
        let sealed = c.ok("a context seals", ours.seal(b"aad", text))?;
        let opened = theirs.open(&sealed, b"aad");
        c.holds(check, opened.as_deref() == Some(text), || format!("a text of {} bytes", text.len()));
    }
    let mut exported = [0; 77];
    let done = theirs.export(b"context", &mut exported);
    export_is(c, &ours, done, &exported)
}

fn receiving(
    c: &mut Checks,
    suite: &CipherSuite,
    oracle: &dyn Oracle,
    (private, public, info, psk): (&Secret, &[u8], &[u8], bool),
) -> Result<(), Stop> {
    let check = "we receive what the crate `hpke` sends";
    let sent = oracle.send(public, info, psk).ok_or(CryptoError::InvalidPublicKey);
    let (enc, mut theirs) = c.ok(check, sent)?;
    let private = c.ok("a private key loads", suite.kem.load_private(private))?;
    let setup = if psk {
        setup_psk_r(suite, &*private, &enc, info, &Secret::copy_from(&PSK), PSK_ID)
    } else {
        setup_base_r(suite, &*private, &enc, info)
    };
    let mut ours = c.ok(check, setup)?;
    for text in TEXTS {
        let sealed = theirs.seal(text, b"aad").unwrap_or_default();
        let opened = ours.open(b"aad", &sealed);
        c.holds(check, opened.is_ok_and(|opened| opened.as_bytes() == text), || {
            format!("{} bytes", text.len())
        });
    }
    let mut exported = [0; 77];
    let done = theirs.export(b"context", &mut exported);
    export_is(c, &ours, done, &exported)
}

fn export_is(c: &mut Checks, ours: &Context<'_>, done: Option<()>, exported: &[u8; 77]) -> Result<(), Stop> {
    let ours = c.ok("a context exports", ours.export(b"context", 77))?;
    let equal = done.is_some() && ours.as_bytes() == exported;
    c.holds("exports are those of the crate `hpke`", equal, || hex::encode(exported));
    Ok(())
}
