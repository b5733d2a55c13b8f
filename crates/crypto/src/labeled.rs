//! The labelled functions of MLS, as methods of [`CipherSuite`]: `SignWithLabel` (RFC 9420 §5.1.2), `EncryptWithLabel`
//! (§5.1.3), `RefHash` (§5.2), `ExpandWithLabel`, `DeriveSecret` (§8) and `DeriveTreeSecret` (§9.1).
//!
//! Each label gets the prefix `"MLS 1.0 "` here, except `RefHash`'s, which are complete strings.

use crate::encode::{LengthHeader, write_length, write_vector};
use crate::hpke::{self, KeyScheduleInfo};
use crate::{
    CipherSuite, CryptoError, Digest, KemPrivateKey, KemPublicKey, Secret, SecureRandom, Signer, Verifier,
};
use alloc::vec::Vec;

const PREFIX: &[u8] = b"MLS 1.0 ";

/// A ciphertext of `EncryptWithLabel`: what `HPKECiphertext` carries (RFC 9420 §7.6).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedPart {
    /// The encapsulated key.
    pub kem_output: Vec<u8>,
    /// The AEAD ciphertext.
    pub ciphertext: Vec<u8>,
}

/// `EncryptWithLabel` under one label and context, for many recipients: the HPKE `info` is hashed once (RFC 9180 §5.1).
#[derive(Debug)]
pub struct LabeledEncryption<'a> {
    suite: &'a CipherSuite,
    info: KeyScheduleInfo,
}

impl LabeledEncryption<'_> {
    /// Encrypts to one recipient. Cost: one encapsulation, four KDF calls, one AEAD call.
    ///
    /// # Errors
    /// Those of the KEM and the AEAD.
    pub fn seal(
        &self,
        public: &dyn KemPublicKey,
        plaintext: &[u8],
        rng: &dyn SecureRandom,
    ) -> Result<SealedPart, CryptoError> {
        let (shared_secret, kem_output) = public.encap(rng)?;
        let mut context = self.info.context(self.suite, &shared_secret)?;
        let ciphertext = context.seal(b"", plaintext)?;
        Ok(SealedPart { kem_output, ciphertext })
    }

    /// Decrypts (`DecryptWithLabel`) under the same label and context.
    ///
    /// # Errors
    /// [`CryptoError::InvalidEncapsulation`] or [`CryptoError::DecryptionFailed`].
    pub fn open(&self, private: &dyn KemPrivateKey, sealed: (&[u8], &[u8])) -> Result<Secret, CryptoError> {
        let (kem_output, ciphertext) = sealed;
        let shared_secret = private.decap(kem_output)?;
        let mut context = self.info.context(self.suite, &shared_secret)?;
        context.open(b"", ciphertext)
    }
}

impl CipherSuite {
    /// `ExpandWithLabel(Secret, Label, Context, Length)` (RFC 9420 §8, R112).
    ///
    /// # Errors
    /// [`CryptoError::OutputTooLong`] for more than 65,535 bytes or `255 * Nh`.
    pub fn expand_with_label(
        &self,
        secret: &Secret,
        label: &[u8],
        context: &[u8],
        len: usize,
    ) -> Result<Secret, CryptoError> {
        let length = u16::try_from(len).map_err(|_| CryptoError::OutputTooLong)?;
        // In parts: a Commit makes hundreds of expansions, and none needs the heap for this.
        let of_label = LengthHeader::new(PREFIX.len() + label.len())?;
        let of_context = LengthHeader::new(context.len())?;
        let info: [&[u8]; 6] =
            [&length.to_be_bytes(), of_label.as_bytes(), PREFIX, label, of_context.as_bytes(), context];
        self.kdf.expand(secret, &info, len)
    }

    /// `DeriveSecret(Secret, Label)`: an expansion with an empty context to `Nh` bytes (RFC 9420 §8, R112).
    ///
    /// # Errors
    /// Those of the KDF.
    pub fn derive_secret(&self, secret: &Secret, label: &[u8]) -> Result<Secret, CryptoError> {
        self.expand_with_label(secret, label, b"", self.secret_len())
    }

    /// `DeriveTreeSecret(Secret, Label, Generation, Length)` (RFC 9420 §9.1, R140).
    ///
    /// # Errors
    /// Those of the KDF.
    pub fn derive_tree_secret(
        &self,
        secret: &Secret,
        label: &[u8],
        generation: u32,
        len: usize,
    ) -> Result<Secret, CryptoError> {
        self.expand_with_label(secret, label, &generation.to_be_bytes(), len)
    }

    /// `RefHash(label, value)` (RFC 9420 §5.2, R019). The label is the whole string.
    ///
    /// # Errors
    /// [`CryptoError::WrongLength`] for a value of 2^30 bytes or more.
    pub fn ref_hash(&self, label: &[u8], value: &[u8]) -> Result<Digest, CryptoError> {
        let mut head = Vec::with_capacity(label.len() + 8);
        write_vector(&mut head, label)?;
        write_length(&mut head, value.len())?;
        Ok(self.hash.hash(&[&head, value]))
    }

    /// `SignWithLabel(SignatureKey, Label, Content)` (RFC 9420 §5.1.2, R017). `content` is given in parts.
    ///
    /// # Errors
    /// Those of the signer.
    pub fn sign_with_label(
        &self,
        signer: &dyn Signer,
        label: &[u8],
        content: &[&[u8]],
    ) -> Result<Vec<u8>, CryptoError> {
        if signer.scheme() != self.signature.scheme() {
            return Err(CryptoError::SignerFailed("the signer's scheme is not the suite's")); // R015
        }
        with_signed_parts(label, content, |parts| signer.sign(parts))
    }

    /// `VerifyWithLabel(VerificationKey, Label, Content, SignatureValue)` (RFC 9420 §5.1.2, R017).
    ///
    /// # Errors
    /// [`CryptoError::InvalidSignature`].
    pub fn verify_with_label(
        &self,
        verifier: &dyn Verifier,
        label: &[u8],
        content: &[&[u8]],
        signature: &[u8],
    ) -> Result<(), CryptoError> {
        with_signed_parts(label, content, |parts| verifier.verify(parts, signature))
    }

    /// The bytes that come before the content in a `SignContent`: for [`Signature::verify_batch`](crate::Signature).
    ///
    /// # Errors
    /// [`CryptoError::WrongLength`] for content of 2^30 bytes or more.
    pub fn sign_content_head(&self, label: &[u8], content_len: usize) -> Result<Vec<u8>, CryptoError> {
        sign_content_head(label, content_len)
    }

    /// `EncryptWithLabel` (RFC 9420 §5.1.3, R018), prepared for one label and context and any number of recipients.
    ///
    /// # Errors
    /// [`CryptoError::WrongLength`] for a context of 2^30 bytes or more.
    pub fn encryption_with_label(
        &self,
        label: &[u8],
        context: &[u8],
    ) -> Result<LabeledEncryption<'_>, CryptoError> {
        let mut head = Vec::with_capacity(PREFIX.len() + label.len() + 8);
        write_label(&mut head, label)?;
        write_length(&mut head, context.len())?;
        Ok(LabeledEncryption { suite: self, info: KeyScheduleInfo::base(self, &[&head, context]) })
    }

    /// `EncryptWithLabel` to one recipient.
    ///
    /// # Errors
    /// Those of [`LabeledEncryption::seal`].
    pub fn encrypt_with_label(
        &self,
        public: &dyn KemPublicKey,
        label: &[u8],
        context: &[u8],
        plaintext: &[u8],
        rng: &dyn SecureRandom,
    ) -> Result<SealedPart, CryptoError> {
        self.encryption_with_label(label, context)?.seal(public, plaintext, rng)
    }

    /// `DecryptWithLabel`.
    ///
    /// # Errors
    /// Those of [`LabeledEncryption::open`].
    pub fn decrypt_with_label(
        &self,
        private: &dyn KemPrivateKey,
        label: &[u8],
        context: &[u8],
        kem_output: &[u8],
        ciphertext: &[u8],
    ) -> Result<Secret, CryptoError> {
        self.encryption_with_label(label, context)?.open(private, (kem_output, ciphertext))
    }

    /// The sender's half of external initialization (RFC 9420 §8.3, R123): `kem_output` and the `init_secret`.
    ///
    /// # Errors
    /// Those of the KEM.
    pub fn external_init_send(
        &self,
        external_pub: &dyn KemPublicKey,
        rng: &dyn SecureRandom,
    ) -> Result<(Vec<u8>, Secret), CryptoError> {
        let (kem_output, context) = hpke::setup_base_s(self, external_pub, b"", rng)?;
        Ok((kem_output, context.export(EXTERNAL_INIT, self.secret_len())?))
    }

    /// The members' half of external initialization (RFC 9420 §8.3, R123, R125).
    ///
    /// # Errors
    /// [`CryptoError::InvalidEncapsulation`].
    pub fn external_init_receive(
        &self,
        external_priv: &dyn KemPrivateKey,
        kem_output: &[u8],
    ) -> Result<Secret, CryptoError> {
        hpke::setup_base_r(self, external_priv, kem_output, b"")?.export(EXTERNAL_INIT, self.secret_len())
    }
}

const EXTERNAL_INIT: &[u8] = b"MLS 1.0 external init secret";

fn write_label(out: &mut Vec<u8>, label: &[u8]) -> Result<(), CryptoError> {
    write_length(out, PREFIX.len() + label.len())?;
    out.extend_from_slice(PREFIX);
    out.extend_from_slice(label);
    Ok(())
}

fn sign_content_head(label: &[u8], content_len: usize) -> Result<Vec<u8>, CryptoError> {
    let mut head = Vec::with_capacity(PREFIX.len() + label.len() + 8);
    write_label(&mut head, label)?;
    write_length(&mut head, content_len)?;
    Ok(head)
}

fn with_signed_parts<T>(
    label: &[u8],
    content: &[&[u8]],
    f: impl FnOnce(&[&[u8]]) -> Result<T, CryptoError>,
) -> Result<T, CryptoError> {
    let head = sign_content_head(label, content.iter().map(|part| part.len()).sum())?;
    let mut parts = Vec::with_capacity(content.len() + 1);
    parts.push(head.as_slice());
    parts.extend_from_slice(content);
    f(&parts)
}
