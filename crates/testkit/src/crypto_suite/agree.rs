//! Two backends against each other, on random inputs, for every algorithm that both have.

use pleach_crypto::hpke::{setup_base_r, setup_base_s};
use pleach_crypto::{
    Aead, CipherSuite, CryptoError, CryptoProvider, Hash, Kdf, Kem, Secret, SecureRandom, Signature, Signed,
};

use super::ed25519;
use super::inputs::cuts;
use super::report::{Checks, Report, Stop};
use super::{Algorithms, hash_name};
use crate::random::SeededRandom;

/// Compares all that both have, and prints what was compared.
///
/// # Panics
/// If they disagree, with all that they disagree about.
pub fn agree(names: (&str, &str), one: &CryptoProvider, other: &CryptoProvider) -> Report {
    let report = compare(names, one, other);
    assert!(report.failures().is_empty(), "{report}");
    assert!(report.checks() > 0, "{} and {} have nothing in common", names.0, names.1);
    println!("{report}");
    report
}

fn compare((one_name, other_name): (&str, &str), one: &CryptoProvider, other: &CryptoProvider) -> Report {
    let mut checks = Checks::new(&format!("{one_name} and {other_name}"));
    let c = &mut checks;
    let (a, b) = (Algorithms::of(&one.suites), Algorithms::of(&other.suites));
    let rng = &SeededRandom::new(0x9420);
    for (id, x, y) in common(&a.hashes, &b.hashes, |(id, _)| *id) {
        c.area("hash", &hash_name(id), |c| hashes(c, x.1, y.1, rng));
    }
    for (id, x, y) in common(&a.kdfs, &b.kdfs, |kdf| kdf.id()) {
        c.area("kdf", &id, |c| kdfs(c, *x, *y, rng));
    }
    for (id, x, y) in common(&a.aeads, &b.aeads, |aead| aead.id()) {
        c.area("aead", &id, |c| aeads(c, *x, *y, rng));
    }
    for (id, x, y) in common(&a.kems, &b.kems, |kem| kem.id()) {
        c.area("kem", &id, |c| {
            kems(c, *x, *y, (&*one.random, &*other.random), rng)?;
            kems(c, *y, *x, (&*other.random, &*one.random), rng)
        });
    }
    for (id, x, y) in common(&a.signatures, &b.signatures, |signature| signature.scheme()) {
        c.area("signature", &id, |c| {
            signatures(c, *x, *y, (&*one.random, &*other.random), rng)?;
            signatures(c, *y, *x, (&*other.random, &*one.random), rng)
        });
    }
    for (id, x, y) in common(&one.suites, &other.suites, |suite| suite.id) {
        c.area("hpke", &id, |c| {
            c.equal("a number has the same algorithms", x.algorithms(), y.algorithms());
            hpke(c, x, y, &*one.random)?;
            hpke(c, y, x, &*other.random)
        });
    }
    checks.finish()
}

/// The pairs with the same number.
fn common<'t, T, I: PartialEq + Copy>(
    one: &'t [T],
    other: &'t [T],
    id: impl Fn(&T) -> I,
) -> Vec<(I, &'t T, &'t T)> {
    let pairs = one.iter().flat_map(|x| other.iter().map(move |y| (x, y)));
    pairs.filter(|(x, y)| id(x) == id(y)).map(|(x, y)| (id(x), x, y)).collect()
}

const ROUNDS: usize = 24;

/// Random bytes, of a random length below `most`.
fn some(rng: &SeededRandom, most: usize) -> Vec<u8> {
    rng.bytes(rng.below(most)).unwrap_or_default()
}

fn hashes(c: &mut Checks, x: &dyn Hash, y: &dyn Hash, rng: &SeededRandom) -> Result<(), Stop> {
    c.equal("lengths agree", x.output_len(), y.output_len());
    for _ in 0..ROUNDS {
        let (message, key) = (some(rng, 2000), Secret::from(some(rng, 200)));
        for cut in cuts(&message) {
            c.equal("digests agree", x.hash(&cut), y.hash(&[&message]));
            c.equal("MACs agree", x.hmac(&key, &[&message]), y.hmac(&key, &cut));
        }
    }
    Ok(())
}

fn kdfs(c: &mut Checks, x: &dyn Kdf, y: &dyn Kdf, rng: &SeededRandom) -> Result<(), Stop> {
    c.equal("lengths agree", x.extract_len(), y.extract_len());
    for _ in 0..ROUNDS {
        let (salt, ikm, info) = (some(rng, 200), some(rng, 300), some(rng, 300));
        let prk = x.extract(&salt, &[&ikm]);
        c.holds("extracted keys agree", prk == y.extract(&salt, &[&ikm]), || hex::encode(&salt));
        let len = rng.below(255 * x.extract_len() + 1);
        for cut in cuts(&info) {
            let equal = x.expand(&prk, &cut, len) == y.expand(&prk, &[&info], len);
            c.holds("expanded keys agree", equal, || format!("{len} bytes, info {}", hex::encode(&info)));
        }
    }
    Ok(())
}

fn aeads(c: &mut Checks, x: &dyn Aead, y: &dyn Aead, rng: &SeededRandom) -> Result<(), Stop> {
    let lengths = |aead: &dyn Aead| [aead.key_len(), aead.nonce_len(), aead.tag_len()];
    c.equal("lengths agree", lengths(x), lengths(y));
    for _ in 0..ROUNDS {
        let (text, aad) = (some(rng, 2000), some(rng, 300));
        let key = c.ok("there is randomness", rng.secret(x.key_len()))?;
        let nonce = c.ok("there is randomness", rng.bytes(x.nonce_len()))?;
        let (mut ours, mut theirs) = (text.clone(), text.clone());
        c.ok("a text seals", x.seal(&key, &nonce, &aad, &mut ours))?;
        c.ok("a text seals", y.seal(&key, &nonce, &aad, &mut theirs))?;
        c.bytes("ciphertexts agree", &ours, &theirs);
        c.ok("each opens what the other seals", x.open(&key, &nonce, &aad, &mut theirs))?;
        c.ok("each opens what the other seals", y.open(&key, &nonce, &aad, &mut ours))?;
        c.holds("each opens what the other seals", ours == text && theirs == text, || {
            format!("{}", text.len())
        });
    }
    Ok(())
}

/// Randomness of two backends.
type Both<'r> = (&'r dyn SecureRandom, &'r dyn SecureRandom);

fn kems(
    c: &mut Checks,
    x: &dyn Kem,
    y: &dyn Kem,
    (rng_x, rng_y): Both<'_>,
    rng: &SeededRandom,
) -> Result<(), Stop> {
    let lengths = |kem: &dyn Kem| [kem.public_len(), kem.private_len(), kem.enc_len()];
    c.equal("lengths agree", lengths(x), lengths(y));
    for _ in 0..4 {
        let ikm = Secret::from([&[0; 32][..], &some(rng, 100)].concat());
        let pair = c.ok("DeriveKeyPair gives a key pair", x.derive_key_pair(&ikm))?;
        let same = y.derive_key_pair(&ikm).as_ref() == Ok(&pair);
        c.holds("derived key pairs agree", same, || hex::encode(&pair.public));

        let pair = c.ok("a key pair is generated", x.generate_key_pair(rng_x))?;
        let theirs = c.ok("each loads the other's private keys", y.load_private(&pair.private))?;
        c.bytes("public keys agree", theirs.public(), &pair.public);
        let public = c.ok("each loads the other's public keys", y.load_public(&pair.public))?;
        let (secret, enc) = c.ok("a public key encapsulates", public.encap(rng_y))?;
        let ours = c.ok("a private key loads", x.load_private(&pair.private))?;
        let equal = ours.decap(&enc).as_ref() == Ok(&secret) && theirs.decap(&enc).as_ref() == Ok(&secret);
        c.holds("shared secrets agree", equal, || hex::encode(&enc));
        for at in [0, enc.len() / 2, enc.len() - 1] {
            let mut changed = enc.clone();
            if let Some(byte) = changed.get_mut(at) {
                *byte ^= 1;
            }
            let equal = ours.decap(&changed) == theirs.decap(&changed);
            c.holds("changed encapsulated keys have the same outcome", equal, || format!("byte {at}"));
            let mut changed = pair.public.clone();
            if let Some(byte) = changed.get_mut(at.min(pair.public.len() - 1)) {
                *byte ^= 1;
            }
            let equal = x.load_public(&changed).err() == y.load_public(&changed).err();
            c.holds("changed public keys have the same outcome", equal, || hex::encode(&changed));
        }
    }
    Ok(())
}

fn signatures(
    c: &mut Checks,
    x: &dyn Signature,
    y: &dyn Signature,
    (rng_x, rng_y): Both<'_>,
    rng: &SeededRandom,
) -> Result<(), Stop> {
    let mut signed = Vec::new();
    for _ in 0..8 {
        let pair = c.ok("a key pair is generated", x.generate_key_pair(rng_x))?;
        let ours = c.ok("a private key loads", x.load_signer(&pair.private))?;
        let theirs = c.ok("each loads the other's private keys", y.load_signer(&pair.private))?;
        c.bytes("public keys agree", theirs.public(), ours.public());
        let message = some(rng, 500);
        let signature = c.ok("a signer signs", ours.sign(&[&message]))?;
        let verifier = c.ok("each loads the other's public keys", y.load_verifier(&pair.public))?;
        c.equal("each verifies what the other signs", verifier.verify(&[&message], &signature), Ok(()));
        let own = c.ok("a public key loads", x.load_verifier(&pair.public))?;
        for _ in 0..4 {
            let (mut changed, bit) = (signature.clone(), rng.below(signature.len() * 8));
            if let Some(byte) = changed.get_mut(bit / 8) {
                *byte ^= 1 << (bit % 8);
            }
            let (one, other) = (own.verify(&[&message], &changed), verifier.verify(&[&message], &changed));
            c.equal("verdicts on changed signatures agree", one, other);
        }
        signed.push((pair.public, message, signature));
    }
    let messages: Vec<[&[u8]; 1]> = signed.iter().map(|(_, message, _)| [&message[..]]).collect();
    let mut batch: Vec<_> = signed
        .iter()
        .zip(&messages)
        .map(|((public, _, signature), message)| Signed { public, message, signature })
        .collect();
    c.equal("each verifies the other's batches", y.verify_batch(&batch, rng_y), Ok(()));
    if let Some(item) = batch.get_mut(3) {
        item.message = &[b"another"];
    }
    c.equal(
        "each refuses the other's bad batches",
        y.verify_batch(&batch, rng_y),
        Err(CryptoError::InvalidSignature),
    );
    if x.scheme() == pleach_crypto::SignatureScheme::ED25519 {
        for case in ed25519::cases() {
            let verdict = |scheme: &dyn Signature| {
                scheme
                    .load_verifier(&case.public)
                    .and_then(|key| key.verify(&[ed25519::MESSAGE], &case.signature))
            };
            c.holds("verdicts on edge cases agree", verdict(x) == verdict(y), || case.name.clone());
        }
    }
    Ok(())
}

fn hpke(c: &mut Checks, x: &CipherSuite, y: &CipherSuite, rng: &dyn SecureRandom) -> Result<(), Stop> {
    let pair = c.ok("a key pair is generated", y.kem.generate_key_pair(rng))?;
    let public = c.ok("each loads the other's public keys", x.kem.load_public(&pair.public))?;
    let private = c.ok("a private key loads", y.kem.load_private(&pair.private))?;
    let (enc, mut sender) = c.ok("a sender sets up", setup_base_s(x, &*public, b"info", rng))?;
    let mut receiver = c.ok("a receiver sets up", setup_base_r(y, &*private, &enc, b"info"))?;
    for text in [&b"first"[..], b"", b"third"] {
        let sealed = c.ok("a context seals", sender.seal(b"aad", text))?;
        let opened = receiver.open(b"aad", &sealed);
        c.holds(
            "each opens what the other seals",
            opened.is_ok_and(|opened| opened.as_bytes() == text),
            || format!("{} bytes", text.len()),
        );
    }
    c.holds("exports agree", sender.export(b"context", 50) == receiver.export(b"context", 50), || {
        "export".into()
    });
    Ok(())
}
