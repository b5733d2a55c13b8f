//! The primitives of suite 1 as AWS-LC has them, with nothing of Pleach around.

use crate::floor::{AAD, COMMIT, CONTEXT, INFO, Primitive, SIGNED, done, parent_inputs};
use aws_lc_rs::aead::{AES_128_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::agreement::{ParsedPublicKey as DhPublic, PrivateKey, UnparsedPublicKey, X25519, agree};
use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::hkdf::{HKDF_SHA256, KeyType, Prk};
use aws_lc_rs::hmac::{HMAC_SHA256, Key as HmacKey, sign as hmac};
use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair, ParsedPublicKey};
use peer_harness::{Failure, Result};
use std::hint::black_box;

/// Those that AWS-LC has, by the names of the suite's.
pub(crate) fn primitives() -> Result<Vec<Primitive>> {
    let public = signer()?.public_key().as_ref().to_vec();
    let (recipient, sender) = (dh_key(&[5; 32])?, dh_key(&[6; 32])?);
    let recipient_public = parse(&dh_public(&recipient)?)?;
    let sender_public = parse(&dh_public(&sender)?)?;
    let sealed = {
        let mut text = vec![7; 32];
        let (key, nonce) = hpke_key(&sender, &recipient_public)?;
        key.seal_in_place_append_tag(nonce, Aad::empty(), &mut text)?;
        text
    };
    // Keys and hashes of 32 bytes.
    let parent = parent_inputs(32, 32)?;

    let mut primitives = vec![
        Primitive::new("load_verifier", move || {
            done(ParsedPublicKey::new(&ED25519, &public).map_err(rejected)?)
        }),
        Primitive::new("hpke_seal", move || {
            let ephemeral = PrivateKey::generate(&X25519)?;
            black_box(dh_public(&ephemeral)?);
            let (key, nonce) = hpke_key(&ephemeral, &recipient_public)?;
            let mut text = Vec::with_capacity(48);
            text.extend_from_slice(&[7; 32]);
            key.seal_in_place_append_tag(nonce, Aad::empty(), &mut text)?;
            black_box(text);
            Ok(())
        }),
        Primitive::new("hpke_open", move || {
            // The ephemeral key comes as bytes.
            let public = parse(black_box(sender_public.as_ref()))?;
            let (key, nonce) = hpke_key(&recipient, &public)?;
            let mut text = sealed.clone();
            key.open_in_place(nonce, Aad::empty(), &mut text)?;
            black_box(text);
            Ok(())
        }),
        Primitive::new("derive_step", || {
            black_box(expand(&[7; 32], &[&[7; INFO]])?);
            let node = expand(&[7; 32], &[&[8; INFO]])?;
            let prk = extract(&[], &[&[7; 19], node.as_slice()].concat());
            let private = expand(&prk, &[&[7; 16]])?;
            let public = dh_public(&dh_key(&private)?)?;
            black_box(public == [7; 32]);
            Ok(())
        }),
        Primitive::new("expand", || done(expand(&[7; 32], &[&[7; INFO]])?)),
        Primitive::new("extract", || done(extract(&[7; 32], &[7; 32]))),
        Primitive::new("key_pair", || {
            black_box(dh_public(&PrivateKey::generate(&X25519)?)?);
            Ok(())
        }),
        Primitive::new("key_schedule", || {
            let context = [7; CONTEXT];
            let joiner = expand(&extract(&[7; 32], &[7; 32]), &[&[7; INFO], &context])?;
            let epoch = expand(&extract(&joiner, &[0; 32]), &[&[7; INFO], &context])?;
            for label in 0..9_u8 {
                black_box(expand(&epoch, &[&[label; INFO]])?);
            }
            let confirmed = [7; 32];
            let tag = extract(&epoch, &confirmed);
            black_box(digest(&SHA256, &[confirmed, tag].concat()));
            Ok(())
        }),
        Primitive::new("hash_parent", move || {
            for input in &parent {
                black_box(digest(&SHA256, input));
            }
            Ok(())
        }),
    ];
    for (sign, verify, len) in [("sign", "verify", SIGNED), ("sign_1k", "verify_1k", COMMIT)] {
        let (signer, text) = (signer()?, vec![7; len]);
        let verifier = ParsedPublicKey::new(&ED25519, signer.public_key()).map_err(rejected)?;
        let (signature, signed) = (signer.sign(&text), text.clone());
        primitives.push(Primitive::new(sign, move || done(signer.sign(&text))));
        primitives
            .push(Primitive::new(verify, move || Ok(verifier.verify_sig(&signed, signature.as_ref())?)));
    }
    for (name, len) in [("hash_64", 64), ("hash_1k", 1024)] {
        let data = vec![7; len];
        primitives.push(Primitive::new(name, move || done(digest(&SHA256, &data))));
    }
    let names = [("aead_seal_100", "aead_open_100", 100), ("aead_seal_1k", "aead_open_1k", 1024)];
    for (seal, open, len) in names {
        let mut sealed = vec![7; len];
        aead()?.seal_in_place_append_tag(nonce(), Aad::from([7; AAD]), &mut sealed)?;
        primitives.push(Primitive::new(seal, move || {
            let mut text = Vec::with_capacity(len + AES_128_GCM.tag_len());
            text.resize(len, 7);
            aead()?.seal_in_place_append_tag(nonce(), Aad::from([7; AAD]), &mut text)?;
            black_box(text);
            Ok(())
        }));
        primitives.push(Primitive::new(open, move || {
            let mut text = sealed.clone();
            aead()?.open_in_place(nonce(), Aad::from([7; AAD]), &mut text)?;
            black_box(text);
            Ok(())
        }));
    }
    Ok(primitives)
}

/// A key is used once in MLS, so it is expanded each time.
fn aead() -> Result<LessSafeKey> {
    Ok(LessSafeKey::new(UnboundKey::new(&AES_128_GCM, black_box(&[7; 16]))?))
}

fn nonce() -> Nonce {
    Nonce::assume_unique_for_key([7; NONCE_LEN])
}

/// DHKEM and the key schedule of HPKE (RFC 9180 §4.1, §5.1), the hash of `info` being known.
fn hpke_key(private: &PrivateKey, public: &DhPublic) -> Result<(LessSafeKey, Nonce)> {
    let refused = Failure::from("no agreement");
    let eae = agree(private, public.clone(), refused, |dh| Ok(extract(&[], &[&[7; 19], dh].concat())))?;
    let shared = expand(&eae, &[&[7; 27], &[7; 64]])?;
    let secret = extract(&shared, &[7; 23]);
    let key = hkdf(&secret, &[&[7; 22], &[7; 65]], [0; 16])?;
    let base_nonce = hkdf(&secret, &[&[7; 29], &[7; 65]], [0; NONCE_LEN])?;
    let key = LessSafeKey::new(UnboundKey::new(&AES_128_GCM, &key)?);
    Ok((key, Nonce::assume_unique_for_key(base_nonce)))
}

fn signer() -> Result<Ed25519KeyPair> {
    Ed25519KeyPair::from_seed_unchecked(&[3; 32]).map_err(rejected)
}

fn dh_key(private: &[u8]) -> Result<PrivateKey> {
    PrivateKey::from_private_key(&X25519, private).map_err(rejected)
}

fn dh_public(private: &PrivateKey) -> Result<Vec<u8>> {
    Ok(private.compute_public_key()?.as_ref().to_vec())
}

fn parse(public: &[u8]) -> Result<DhPublic> {
    DhPublic::try_from(UnparsedPublicKey::new(&X25519, public)).map_err(rejected)
}

fn extract(salt: &[u8], ikm: &[u8]) -> [u8; 32] {
    let tag = hmac(&HmacKey::new(HMAC_SHA256, salt), ikm);
    let mut prk = [0; 32];
    prk.copy_from_slice(tag.as_ref());
    prk
}

fn expand(prk: &[u8; 32], info: &[&[u8]]) -> Result<[u8; 32]> {
    hkdf(prk, info, [0; 32])
}

fn hkdf<const N: usize>(prk: &[u8; 32], info: &[&[u8]], mut out: [u8; N]) -> Result<[u8; N]> {
    Prk::new_less_safe(HKDF_SHA256, black_box(prk)).expand(info, Len(N))?.fill(&mut out)?;
    Ok(out)
}

struct Len(usize);

impl KeyType for Len {
    fn len(&self) -> usize {
        self.0
    }
}

fn rejected(error: aws_lc_rs::error::KeyRejected) -> Failure {
    Failure::from(error.to_string())
}
