//! AEADs: published vectors, and every way to get key, nonce, associated data and tag wrong (R020).

use pleach_crypto::{Aead, AeadId, CryptoError, Secret};

use super::inputs::{hex, secret, short};
use super::report::{Checks, Stop};

/// Key, nonce, associated data, text and ciphertext: the fourth cases of the GCM specification for each key length with
/// associated data, and RFC 8439 §2.8.2.
fn vector(id: AeadId) -> Option<(Secret, [Vec<u8>; 4])> {
    const GCM_TEXT: &str = "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72
        1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39";
    const GCM_AAD: &str = "feedfacedeadbeeffeedfacedeadbeefabaddad2";
    let gcm = |key, sealed| {
        (secret(key), [hex("cafebabefacedbaddecaf888"), hex(GCM_AAD), hex(GCM_TEXT), hex(sealed)])
    };
    match id {
        AeadId::AES_128_GCM => Some(gcm(
            "feffe9928665731c6d6a8f9467308308",
            "42831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e2329aca12e21d514b25466931c7d8f6a5aac84aa05
             1ba30b396a0aac973d58e091 5bc94fbc3221a5db94fae95ae7121a47",
        )),
        AeadId::AES_256_GCM => Some(gcm(
            "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308",
            "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b1056828838
             c5f61e6393ba7a0abcc9f662 76fc6ece0f4e1768cddf8853bb2d551b",
        )),
        AeadId::CHACHA20_POLY1305 => Some((
            Secret::from((0x80..=0x9f).collect::<Vec<_>>()),
            [
                hex("070000004041424344454647"),
                hex("50515253c0c1c2c3c4c5c6c7"),
                b"Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, \
                sunscreen would be it."
                    .to_vec(),
                hex(
                    "d31a8d34648e60db7b86afbc53ef7ec2a4aded51296e08fea9e2b5a736ee62d63dbea45e8ca9671282fafb69da92728b
                     1a71de0a9e060b2905d6a5b67ecd3b3692ddbd7f2d778b8c9803aee328091b58fab324e4fad675945585808b4831d7bc
                     3ff4def08e4b7a9de576d26586cec64b6116 1ae10b594f09e26a7e902ecbd0600691",
                ),
            ],
        )),
        _ => None,
    }
}

const TEXT: &[u8] = b"text of a message";
const AAD: &[u8] = b"associated data";

/// All checks of one AEAD.
pub(super) fn check(c: &mut Checks, aead: &dyn Aead) -> Result<(), Stop> {
    let lengths = (aead.key_len(), aead.nonce_len(), aead.tag_len());
    let key_len = if aead.id() == AeadId::AES_128_GCM { 16 } else { 32 };
    c.equal("Nk, Nn and Nt are those of RFC 9180 §7.3", lengths, (key_len, 12, 16));
    c.part(|c| known(c, aead));
    let key = Secret::from_fn(aead.key_len(), |key| key.fill(0x42));
    let nonce = vec![0x24; aead.nonce_len()];
    c.part(|c| round_trips(c, aead, &key, &nonce));
    c.part(|c| changes(c, aead, &key, &nonce));
    c.part(|c| tags(c, aead, &key, &nonce));
    c.part(|c| nonces(c, aead, &key));
    wrong_lengths(c, aead, &key, &nonce);
    Ok(())
}

fn known(c: &mut Checks, aead: &dyn Aead) -> Result<(), Stop> {
    let Some((key, [nonce, aad, text, sealed])) = vector(aead.id()) else { return Ok(()) };
    let mut in_out = text.clone();
    c.ok("a vector seals", aead.seal(&key, &nonce, &aad, &mut in_out))?;
    c.bytes("ciphertexts are those of the specification", &in_out, &sealed);
    let mut in_out = sealed;
    c.ok("a vector opens", aead.open(&key, &nonce, &aad, &mut in_out))?;
    c.bytes("ciphertexts are those of the specification", &in_out, &text);
    Ok(())
}

fn seal(
    c: &mut Checks,
    aead: &dyn Aead,
    key: &Secret,
    nonce: &[u8],
    aad: &[u8],
    text: &[u8],
) -> Result<Vec<u8>, Stop> {
    let mut in_out = text.to_vec();
    c.ok("a text seals", aead.seal(key, nonce, aad, &mut in_out))?;
    Ok(in_out)
}

fn round_trips(c: &mut Checks, aead: &dyn Aead, key: &Secret, nonce: &[u8]) -> Result<(), Stop> {
    let long: Vec<u8> = (0..100_000_u32).map(|i| (i % 253) as u8).collect();
    for len in (0..70).chain([127, 128, 129, 255, 256, 257, 4096, 100_000]) {
        for aad_len in [0, 1, 16, 300] {
            let ((text, _), (aad, _)) = (long.split_at(len), long.split_at(aad_len));
            let mut sealed = seal(c, aead, key, nonce, aad, text)?;
            c.equal("a ciphertext is a tag longer than the text", sealed.len(), len + aead.tag_len());
            c.ok("what was sealed opens", aead.open(key, nonce, aad, &mut sealed))?;
            c.holds("what was sealed opens to the text", sealed == text, || format!("{len} bytes"));
        }
    }
    Ok(())
}

/// What does not open is not plaintext either.
fn stays_shut(
    c: &mut Checks,
    check: &'static str,
    aead: &dyn Aead,
    of: (&Secret, &[u8], &[u8]),
    changed: &[u8],
    text: &[u8],
) {
    let (key, nonce, aad) = of;
    let mut in_out = changed.to_vec();
    let result = aead.open(key, nonce, aad, &mut in_out);
    c.refused(check, result, &[CryptoError::DecryptionFailed], || short(changed));
    let leaked = in_out.windows(4).any(|window| text.windows(4).any(|part| part == window));
    c.holds("what does not open leaves no plaintext behind", !leaked, || short(&in_out));
}

fn changes(c: &mut Checks, aead: &dyn Aead, key: &Secret, nonce: &[u8]) -> Result<(), Stop> {
    let sealed = seal(c, aead, key, nonce, AAD, TEXT)?;
    for bit in 0..sealed.len() * 8 {
        let mut changed = sealed.clone();
        if let Some(byte) = changed.get_mut(bit / 8) {
            *byte ^= 1 << (bit % 8);
        }
        let check = if bit / 8 < TEXT.len() {
            "a changed ciphertext does not open"
        } else {
            "a changed tag does not open"
        };
        stays_shut(c, check, aead, (key, nonce, AAD), &changed, TEXT);
    }
    for bit in 0..aead.key_len() * 8 {
        let mut other = key.clone();
        if let Some(byte) = other.as_mut_bytes().get_mut(bit / 8) {
            *byte ^= 1 << (bit % 8);
        }
        stays_shut(c, "another key does not open", aead, (&other, nonce, AAD), &sealed, TEXT);
    }
    for bit in 0..nonce.len() * 8 {
        let mut other = nonce.to_vec();
        if let Some(byte) = other.get_mut(bit / 8) {
            *byte ^= 1 << (bit % 8);
        }
        stays_shut(c, "another nonce does not open", aead, (key, &other, AAD), &sealed, TEXT);
    }
    let longer = [AAD, &[0]].concat();
    for aad in [&b""[..], b"associated Data", &longer, b"associated dat"] {
        stays_shut(c, "other associated data does not open", aead, (key, nonce, aad), &sealed, TEXT);
    }
    // What is associated data and what is text is authenticated too.
    let moved = seal(c, aead, key, nonce, b"", &[AAD, TEXT].concat())?;
    stays_shut(c, "other associated data does not open", aead, (key, nonce, AAD), &moved, TEXT);
    let empty = seal(c, aead, key, nonce, AAD, b"")?;
    stays_shut(c, "other associated data does not open", aead, (key, nonce, b""), &empty, b"");
    Ok(())
}

fn tags(c: &mut Checks, aead: &dyn Aead, key: &Secret, nonce: &[u8]) -> Result<(), Stop> {
    for text in [&b""[..], TEXT] {
        let sealed = seal(c, aead, key, nonce, AAD, text)?;
        let (body, tag) = sealed.split_at(text.len());
        let of = (key, nonce, AAD);
        for len in 0..tag.len() {
            let (start, end) = (tag.split_at(len).0, tag.split_at(tag.len() - len).1);
            stays_shut(c, "a truncated tag does not open", aead, of, &[body, start].concat(), text);
            stays_shut(c, "a truncated tag does not open", aead, of, &[body, end].concat(), text);
            let zeros = vec![0; tag.len() - len];
            stays_shut(c, "a padded tag does not open", aead, of, &[body, start, &zeros].concat(), text);
        }
        for len in 0..body.len() {
            let cut = [body.split_at(len).0, tag].concat();
            stays_shut(c, "a truncated ciphertext does not open", aead, of, &cut, text);
        }
        stays_shut(c, "no tag at all does not open", aead, of, body, text);
        stays_shut(
            c,
            "a tag with a byte behind it does not open",
            aead,
            of,
            &[&sealed[..], &[0]].concat(),
            text,
        );
        for fill in [0x00, 0xff] {
            let forged = [body, &vec![fill; tag.len()][..]].concat();
            stays_shut(c, "a constant tag does not open", aead, of, &forged, text);
        }
    }
    stays_shut(c, "the empty ciphertext does not open", aead, (key, nonce, b""), b"", b"");
    Ok(())
}

/// The counter of HPKE and the reuse guard of RFC 9420 §6.3.1 change any byte of a nonce.
fn nonces(c: &mut Checks, aead: &dyn Aead, key: &Secret) -> Result<(), Stop> {
    let mut seen = Vec::new();
    for at in 0..aead.nonce_len() {
        for value in [1, 2, 0x80, 0xff] {
            let mut nonce = vec![0; aead.nonce_len()];
            if let Some(byte) = nonce.get_mut(at) {
                *byte = value;
            }
            seen.push((nonce.clone(), seal(c, aead, key, &nonce, b"", &[0; 32])?));
        }
    }
    seen.push((vec![0; aead.nonce_len()], seal(c, aead, key, &vec![0; aead.nonce_len()], b"", &[0; 32])?));
    for (i, (nonce, sealed)) in seen.iter().enumerate() {
        let same = seen.iter().skip(i + 1).find(|(_, other)| {
            other.split_at(32).0 == sealed.split_at(32).0 || other.split_at(32).1 == sealed.split_at(32).1
        });
        c.holds("nonces that differ in one byte give other ciphertexts", same.is_none(), || {
            format!("{} and {}", short(nonce), same.map(|(other, _)| short(other)).unwrap_or_default())
        });
    }
    Ok(())
}

fn wrong_lengths(c: &mut Checks, aead: &dyn Aead, key: &Secret, nonce: &[u8]) {
    let wrong = [CryptoError::WrongLength];
    for len in (0..=64).filter(|len| *len != aead.key_len()) {
        let key = Secret::copy_from(&vec![0x42; len]);
        let input = || format!("{len} bytes");
        c.refused(
            "a key of another length is refused",
            aead.seal(&key, nonce, AAD, &mut TEXT.to_vec()),
            &wrong,
            input,
        );
        c.refused(
            "a key of another length is refused",
            aead.open(&key, nonce, AAD, &mut vec![0; 40]),
            &wrong,
            input,
        );
    }
    for len in (0..=32).filter(|len| *len != aead.nonce_len()) {
        let nonce = vec![0x24; len];
        let input = || format!("{len} bytes");
        c.refused(
            "a nonce of another length is refused",
            aead.seal(key, &nonce, AAD, &mut TEXT.to_vec()),
            &wrong,
            input,
        );
        c.refused(
            "a nonce of another length is refused",
            aead.open(key, &nonce, AAD, &mut vec![0; 40]),
            &wrong,
            input,
        );
    }
}
