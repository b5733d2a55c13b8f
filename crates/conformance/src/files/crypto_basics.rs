//! `crypto-basics.json`: the labelled functions of a suite (RFC 9420 §5.1.2, §5.1.3, §5.2, §8, §9.1).

use super::{kem_private, signer, suite};
use crate::fault::{At, Bytes, Checked, Within, same_bytes};
use crate::vector_file::fields;
use crate::{By, VectorFile};
use pleach_crypto::{CipherSuite, CryptoError, CryptoProvider, SecureRandom};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// `crypto-basics.json`.
pub static FILE: VectorFile =
    VectorFile { name: "crypto-basics.json", official_cases: 7, by: By::Suite, check };

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Case {
    cipher_suite: u16,
    ref_hash: RefHash,
    expand_with_label: ExpandWithLabel,
    derive_secret: DeriveSecret,
    derive_tree_secret: DeriveTreeSecret,
    sign_with_label: SignWithLabel,
    encrypt_with_label: EncryptWithLabel,
}

/// Its label is the whole string; all others are without the prefix "MLS 1.0 ".
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RefHash {
    label: String,
    value: Bytes,
    out: Bytes,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ExpandWithLabel {
    secret: Bytes,
    label: String,
    context: Bytes,
    length: usize,
    out: Bytes,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct DeriveSecret {
    secret: Bytes,
    label: String,
    out: Bytes,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct DeriveTreeSecret {
    secret: Bytes,
    label: String,
    generation: u32,
    length: usize,
    out: Bytes,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SignWithLabel {
    r#priv: Bytes,
    r#pub: Bytes,
    content: Bytes,
    label: String,
    signature: Bytes,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct EncryptWithLabel {
    r#priv: Bytes,
    r#pub: Bytes,
    label: String,
    context: Bytes,
    plaintext: Bytes,
    kem_output: Bytes,
    ciphertext: Bytes,
}

fn check(provider: &CryptoProvider, case: &Value) -> Checked {
    let case: Case = fields(case)?;
    let suite = suite(provider, case.cipher_suite)?;
    let ref_hash = suite.ref_hash(case.ref_hash.label.as_bytes(), &case.ref_hash.value).at("ref_hash")?;
    same_bytes("ref_hash.out", ref_hash, &case.ref_hash.out)?;

    let ExpandWithLabel { secret, label, context, length, out } = case.expand_with_label;
    let ours = suite.expand_with_label(&secret.secret(), label.as_bytes(), &context, length);
    same_bytes("expand_with_label.out", ours.at("expand_with_label")?.as_bytes(), &out)?;

    let DeriveSecret { secret, label, out } = case.derive_secret;
    let ours = suite.derive_secret(&secret.secret(), label.as_bytes()).at("derive_secret")?;
    same_bytes("derive_secret.out", ours.as_bytes(), &out)?;

    let DeriveTreeSecret { secret, label, generation, length, out } = case.derive_tree_secret;
    let ours = suite.derive_tree_secret(&secret.secret(), label.as_bytes(), generation, length);
    same_bytes("derive_tree_secret.out", ours.at("derive_tree_secret")?.as_bytes(), &out)?;

    case.sign_with_label.check(suite).within("sign_with_label")?;
    case.encrypt_with_label.check(suite, &*provider.random).within("encrypt_with_label")
}

impl SignWithLabel {
    /// The signature given, and one of our own: not all schemes sign deterministically.
    fn check(&self, suite: &CipherSuite) -> Checked {
        let Self { r#priv: private, r#pub: public, content, label, signature } = self;
        let verifier = suite.signature.load_verifier(public).at("pub")?;
        let verify =
            |signature: &[u8]| suite.verify_with_label(&*verifier, label.as_bytes(), &[content], signature);
        verify(signature).at("signature")?;
        let signer = signer(suite, private, ("priv", public))?;
        verify(&suite.sign_with_label(&*signer, label.as_bytes(), &[content]).at("priv")?).at("priv")
    }
}

impl EncryptWithLabel {
    /// The ciphertext given, and one of our own.
    fn check(&self, suite: &CipherSuite, random: &dyn SecureRandom) -> Checked {
        let Self { r#priv: private, r#pub: public, label, context, plaintext, kem_output, ciphertext } = self;
        let label = label.as_bytes();
        let private = suite.kem.load_private(&kem_private(suite, private, ("priv", public))?).at("priv")?;
        let opened = suite.decrypt_with_label(&*private, label, context, kem_output, ciphertext);
        same_bytes("plaintext", opened.at("ciphertext")?.as_bytes(), plaintext)?;
        let public = suite.kem.load_public(public).at("pub")?;
        let sealed = suite.encrypt_with_label(&*public, label, context, plaintext, random).at("pub")?;
        let opened =
            suite.decrypt_with_label(&*private, label, context, &sealed.kem_output, &sealed.ciphertext);
        same_bytes("plaintext", opened.at("pub")?.as_bytes(), plaintext)
    }
}

/// One case: random inputs, our outputs.
pub(crate) fn generate(suite: &CipherSuite, random: &dyn SecureRandom) -> Result<Case, CryptoError> {
    let bytes = || random.bytes(32).map(Bytes);
    let (value, context, content, plaintext) = (bytes()?, bytes()?, bytes()?, bytes()?);
    let secret = random.secret(suite.secret_len())?;
    let given = Bytes::from(secret.as_bytes());
    let signature_keys = suite.signature.generate_key_pair(random)?;
    let signer = suite.signature.load_signer(&signature_keys.private)?;
    let signature = suite.sign_with_label(&*signer, b"SignWithLabel", &[&content])?;
    let kem_keys = suite.kem.generate_key_pair(random)?;
    let public = suite.kem.load_public(&kem_keys.public)?;
    let sealed = suite.encrypt_with_label(&*public, b"EncryptWithLabel", &context, &plaintext, random)?;
    let generation = 0x0102_0304;
    let tree_secret = suite.derive_tree_secret(&secret, b"DeriveTreeSecret", generation, 24)?;
    Ok(Case {
        cipher_suite: suite.id.0,
        ref_hash: RefHash {
            out: suite.ref_hash(b"RefHash", &value)?.into(),
            label: "RefHash".to_owned(),
            value,
        },
        expand_with_label: ExpandWithLabel {
            out: suite.expand_with_label(&secret, b"ExpandWithLabel", &context, 48)?.as_bytes().into(),
            secret: given.clone(),
            label: "ExpandWithLabel".to_owned(),
            context: context.clone(),
            length: 48,
        },
        derive_secret: DeriveSecret {
            out: suite.derive_secret(&secret, b"DeriveSecret")?.as_bytes().into(),
            secret: given.clone(),
            label: "DeriveSecret".to_owned(),
        },
        derive_tree_secret: DeriveTreeSecret {
            secret: given,
            label: "DeriveTreeSecret".to_owned(),
            generation,
            length: 24,
            out: tree_secret.as_bytes().into(),
        },
        sign_with_label: SignWithLabel {
            r#priv: signature_keys.private.as_bytes().into(),
            r#pub: signature_keys.public.into(),
            content,
            label: "SignWithLabel".to_owned(),
            signature: signature.into(),
        },
        encrypt_with_label: EncryptWithLabel {
            r#priv: kem_keys.private.as_bytes().into(),
            r#pub: kem_keys.public.into(),
            label: "EncryptWithLabel".to_owned(),
            context,
            plaintext,
            kem_output: sealed.kem_output.into(),
            ciphertext: sealed.ciphertext.into(),
        },
    })
}
