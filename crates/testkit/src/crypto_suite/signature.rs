//! Signature schemes: what all have in common, alone and in batches (R013, R016).

use pleach_crypto::{CryptoError, Secret, Signature, SignatureScheme, Signed, Signer};

use super::Random;
use super::inputs::{Listed, cuts, short, shows};
use super::report::{Checks, Stop};
use super::spki;

/// Lengths of private key, public key and signature; of the latter, the most for ECDSA.
fn lengths(scheme: SignatureScheme) -> Option<[usize; 3]> {
    Some(match scheme {
        SignatureScheme::ECDSA_SECP256R1_SHA256 => [32, 65, 72],
        SignatureScheme::ECDSA_SECP384R1_SHA384 => [48, 97, 104],
        SignatureScheme::ECDSA_SECP521R1_SHA512 => [66, 133, 139],
        SignatureScheme::ED25519 => [32, 32, 64],
        SignatureScheme::ED448 => [57, 57, 114],
        SignatureScheme::MLDSA44 => [32, 1312, 2420],
        SignatureScheme::MLDSA65 => [32, 1952, 3309],
        SignatureScheme::MLDSA87 => [32, 2592, 4627],
        _ => return None,
    })
}

/// All checks that need nothing of the scheme.
pub(super) fn check(c: &mut Checks, scheme: &dyn Signature, rng: Random<'_>) -> Result<(), Stop> {
    let pair = c.ok("a key pair is generated", scheme.generate_key_pair(rng))?;
    let other = c.ok("a key pair is generated", scheme.generate_key_pair(rng))?;
    c.holds("generated keys differ", pair != other, || short(&pair.public));
    let signer = c.ok("a private key loads", scheme.load_signer(&pair.private))?;
    c.bytes("a signer knows its public key", signer.public(), &pair.public);
    c.equal("a signer knows its scheme", signer.scheme(), scheme.scheme());
    let signature = c.ok("a signer signs", signer.sign(&[b"message"]))?;
    let got = [pair.private.len(), pair.public.len(), signature.len()];
    let [private_len, public_len, most] = lengths(scheme.scheme()).unwrap_or(got);
    c.equal("keys have the lengths of RFC 9420", got.split_at(2).0, &[private_len, public_len][..]);
    c.holds("a signature is not longer than its scheme has it", signature.len() <= most, || {
        short(&signature)
    });

    c.part(|c| messages(c, scheme, &*signer));
    c.part(|c| changes(c, scheme, &*signer, &other.public, &signature));
    lengths_of_keys(c, scheme, &pair.public, &pair.private);
    x509(c, scheme, rng, &pair.public, &signature);
    c.part(|c| batches(c, scheme, rng));

    let none = Listed::new(&[]);
    let input = || "no randomness".to_owned();
    c.refused(
        "no key without randomness",
        scheme.generate_key_pair(&none),
        &[CryptoError::RandomUnavailable],
        input,
    );
    let shown = format!("{signer:?} {pair:?} {signer:#?} {pair:#?}");
    c.holds("Debug shows no private key", !shows(&shown, pair.private.as_bytes()), || shown.clone());
    Ok(())
}

fn messages(c: &mut Checks, scheme: &dyn Signature, signer: &dyn Signer) -> Result<(), Stop> {
    let verifier = c.ok("a public key loads", scheme.load_verifier(signer.public()))?;
    let long: Vec<u8> = (0..5000_u32).map(|i| (i % 249) as u8).collect();
    for len in [0, 1, 31, 64, 127, 128, 129, 5000] {
        let (message, _) = long.split_at(len);
        for cut in cuts(message) {
            let signature = c.ok("a signer signs", signer.sign(&cut))?;
            let whole = verifier.verify(&[message], &signature);
            c.equal("a signature over parts is over their concatenation", whole, Ok(()));
            let signature = c.ok("a signer signs", signer.sign(&[message]))?;
            let parts = verifier.verify(&cut, &signature);
            c.equal("a signature verifies over parts of its message", parts, Ok(()));
        }
    }
    Ok(())
}

fn changes(
    c: &mut Checks,
    scheme: &dyn Signature,
    signer: &dyn Signer,
    other: &[u8],
    signature: &[u8],
) -> Result<(), Stop> {
    let invalid = [CryptoError::InvalidSignature];
    let verifier = c.ok("a public key loads", scheme.load_verifier(signer.public()))?;
    let messages: [&[&[u8]]; 6] =
        [&[b"massage"], &[], &[b""], &[b"message", b"\0"], &[b"messag"], &[b"age", b"mess"]];
    for message in messages {
        let result = verifier.verify(message, signature);
        c.refused("another message does not verify", result, &invalid, || short(&message.concat()));
    }
    let theirs = c.ok("a public key loads", scheme.load_verifier(other))?;
    c.refused("another key does not verify", theirs.verify(&[b"message"], signature), &invalid, || {
        short(other)
    });

    let step = signature.len().div_ceil(100) * 8 - 3;
    for bit in (0..signature.len() * 8).step_by(step) {
        let mut changed = signature.to_vec();
        if let Some(byte) = changed.get_mut(bit / 8) {
            *byte ^= 1 << (bit % 8);
        }
        let result = verifier.verify(&[b"message"], &changed);
        c.refused("a changed signature does not verify", result, &invalid, || {
            format!("bit {bit} of {}", short(&changed))
        });
    }
    for end in 0..signature.len() {
        let result = verifier.verify(&[b"message"], signature.split_at(end).0);
        c.refused("a truncated signature does not verify", result, &invalid, || format!("{end} bytes"));
    }
    for more in [1, 2, signature.len()] {
        let longer = [signature, &vec![0; more]].concat();
        let result = verifier.verify(&[b"message"], &longer);
        c.refused("a signature with bytes behind it does not verify", result, &invalid, || short(&longer));
    }
    for fill in [0x00, 0xFF] {
        let result = verifier.verify(&[b"message"], &vec![fill; signature.len()]);
        c.refused("a constant signature does not verify", result, &invalid, || format!("{fill:#04x}"));
    }
    Ok(())
}

fn lengths_of_keys(c: &mut Checks, scheme: &dyn Signature, public: &[u8], private: &Secret) {
    for len in (0..=public.len() + 1).chain([public.len() * 2]).filter(|len| *len != public.len()) {
        let mut resized = public.to_vec();
        resized.resize(len, 0);
        let result = scheme.load_verifier(&resized);
        c.refused(
            "a public key of another length is refused",
            result,
            &[CryptoError::InvalidPublicKey],
            || format!("{len} bytes"),
        );
    }
    for len in (0..=private.len() + 1).chain([private.len() * 2]).filter(|len| *len != private.len()) {
        let mut resized = private.as_bytes().to_vec();
        resized.resize(len, 1);
        let result = scheme.load_signer(&Secret::from(resized));
        c.refused(
            "a private key of another length is refused",
            result,
            &[CryptoError::InvalidPrivateKey],
            || format!("{len} bytes"),
        );
    }
}

/// Not alone, and not in a batch.
fn x509(c: &mut Checks, scheme: &dyn Signature, rng: Random<'_>, public: &[u8], signature: &[u8]) {
    let Some(public) = spki::of_signature(scheme.scheme(), public) else { return };
    let check = "a SubjectPublicKeyInfo is no public key";
    let expected = [CryptoError::InvalidPublicKey];
    c.refused(check, scheme.load_verifier(&public), &expected, || short(&public));
    let item = Signed { public: &public, message: &[b"message"], signature };
    c.refused(check, scheme.verify_batch(&[item], rng), &expected, || short(&public));
}

/// The positions of a batch of this size where an item is replaced.
pub(super) fn positions(size: usize) -> impl Iterator<Item = usize> {
    let mut at = vec![0, 1, size / 2, size.saturating_sub(2), size.saturating_sub(1)];
    at.retain(|at| *at < size);
    at.dedup();
    at.into_iter()
}

fn batches(c: &mut Checks, scheme: &dyn Signature, rng: Random<'_>) -> Result<(), Stop> {
    let mut signed = Vec::new();
    for i in 0..65_u8 {
        let pair = c.ok("a key pair is generated", scheme.generate_key_pair(rng))?;
        let signer = c.ok("a private key loads", scheme.load_signer(&pair.private))?;
        let message = [b"message ".to_vec(), vec![i; usize::from(i)]];
        let signature = c.ok("a signer signs", signer.sign(&[&message[0], &message[1]]))?;
        signed.push((pair.public, message, signature));
    }
    let parts: Vec<[&[u8]; 2]> = signed.iter().map(|(_, [a, b], _)| [&a[..], &b[..]]).collect();
    let items: Vec<Signed<'_>> = signed
        .iter()
        .zip(&parts)
        .map(|((public, _, signature), message)| Signed { public, message, signature })
        .collect();
    let Some((spare, items)) = items.split_last() else { return Ok(()) };
    let none = Listed::new(&[]);
    for size in [0, 1, 2, 3, 5, 64] {
        let (honest, _) = items.split_at(size);
        c.equal("a batch of good signatures verifies", scheme.verify_batch(honest, rng), Ok(()));
        if size == 5 {
            c.equal("a batch needs no randomness to verify", scheme.verify_batch(honest, &none), Ok(()));
        }
        for at in positions(size) {
            let with = |item: Signed<'_>, check: &'static str, c: &mut Checks, expected: &[CryptoError]| {
                let mut batch = honest.to_vec();
                if let Some(place) = batch.get_mut(at) {
                    *place = item;
                }
                let result = scheme.verify_batch(&batch, rng);
                c.refused(check, result, expected, || format!("at {at} of {size}"));
            };
            let good = items.get(at).unwrap_or(spare);
            let invalid = [CryptoError::InvalidSignature];
            let check = "a batch does not accept what single verification refuses";
            with(Signed { message: &[b"another"], ..*good }, check, c, &invalid);
            with(Signed { signature: spare.signature, ..*good }, check, c, &invalid);
            with(Signed { public: spare.public, ..*good }, check, c, &invalid);
            with(Signed { signature: b"", ..*good }, check, c, &invalid);
            with(Signed { public: b"", ..*good }, check, c, &[CryptoError::InvalidPublicKey]);
        }
    }
    let (few, _) = items.split_at(4);
    let mut bad = few.to_vec();
    if let Some(item) = bad.get_mut(2) {
        item.message = &[b"another"];
    }
    let result = scheme.verify_batch(&bad, &none);
    let check = "a batch does not accept what single verification refuses";
    c.refused(check, result, &[CryptoError::InvalidSignature], || "without randomness".into());
    Ok(())
}
