//! The table of Wycheproof cases, and the reasons for what is judged otherwise or not run.

use crate::crypto_suite::report::FileCount;

/// The cases of one file for one algorithm.
#[derive(Debug, Clone, Copy)]
pub struct Pinned {
    /// The file, without `_test.json`.
    pub file: &'static str,
    /// The algorithm, as the report names it.
    pub algorithm: &'static str,
    /// Cases that are run.
    pub run: usize,
    /// Of those, the ones with another verdict than the file has, and why.
    pub differ: &'static [(&'static str, usize)],
    /// Cases that are not run, and why.
    pub skipped: &'static [(&'static str, usize)],
}

pub(super) const ALL_ZERO: &str = "points of low order and all-zero results are refused (R014)";
pub(super) const COMPRESSED: &str = "compressed points are refused (R013)";
pub(super) const CONTEXT: &str = "the context is empty in MLS, so a signature over another one is refused";
pub(super) const EXPANDED: &str = "an expanded private key: private keys are seeds here";
pub(super) const NONCE: &str = "nonces have 12 bytes here";
pub(super) const OTHER_KEY: &str = "a key of another length: another algorithm";
pub(super) const REPRESENTATIVE: &str = "a message representative (mu) instead of a message";
pub(super) const SIDE_BY_SIDE: &str = "signatures are DER in MLS, not r and s side by side (R016)";
pub(super) const SPKI: &str = "a SubjectPublicKeyInfo: public keys are points here, which the other file has";

type Counts = &'static [(&'static str, usize)];

const fn pin(
    file: &'static str,
    algorithm: &'static str,
    run: usize,
    differ: Counts,
    skipped: Counts,
) -> Pinned {
    Pinned { file, algorithm, run, differ, skipped }
}

/// What is run for a full set of algorithms: file, algorithm, cases run, those with another verdict, those skipped.
pub const WYCHEPROOF: &[Pinned] = &[
    pin("aes_gcm", "0x0001 AES-128-GCM", 108, &[(NONCE, 39)], &[(OTHER_KEY, 208)]),
    pin("aes_gcm", "0x0002 AES-256-GCM", 105, &[(NONCE, 37)], &[(OTHER_KEY, 211)]),
    pin("chacha20_poly1305", "0x0003 ChaCha20Poly1305", 325, &[], &[]),
    pin("ecdh_secp256r1", "0x0010 DHKEM(P-256, HKDF-SHA256)", 0, &[], &[(SPKI, 612)]),
    pin("ecdh_secp256r1_ecpoint", "0x0010 DHKEM(P-256, HKDF-SHA256)", 355, &[(COMPRESSED, 1)], &[]),
    pin("ecdh_secp384r1", "0x0011 DHKEM(P-384, HKDF-SHA384)", 0, &[], &[(SPKI, 1047)]),
    pin("ecdh_secp384r1_ecpoint", "0x0011 DHKEM(P-384, HKDF-SHA384)", 790, &[(COMPRESSED, 1)], &[]),
    pin("ecdh_secp521r1", "0x0012 DHKEM(P-521, HKDF-SHA512)", 0, &[], &[(SPKI, 916)]),
    pin("ecdh_secp521r1_ecpoint", "0x0012 DHKEM(P-521, HKDF-SHA512)", 661, &[(COMPRESSED, 1)], &[]),
    pin("ecdsa_secp256r1_sha256", "0x0403 ecdsa_secp256r1_sha256", 484, &[], &[]),
    pin("ecdsa_secp256r1_sha256_p1363", "0x0403 ecdsa_secp256r1_sha256", 262, &[(SIDE_BY_SIDE, 173)], &[]),
    pin("ecdsa_secp384r1_sha384", "0x0503 ecdsa_secp384r1_sha384", 504, &[], &[]),
    pin("ecdsa_secp384r1_sha384_p1363", "0x0503 ecdsa_secp384r1_sha384", 280, &[(SIDE_BY_SIDE, 193)], &[]),
    pin("ecdsa_secp521r1_sha512", "0x0603 ecdsa_secp521r1_sha512", 542, &[], &[]),
    pin("ecdsa_secp521r1_sha512_p1363", "0x0603 ecdsa_secp521r1_sha512", 318, &[(SIDE_BY_SIDE, 231)], &[]),
    pin("ed25519", "0x0807 ed25519", 151, &[], &[]),
    pin("ed448", "0x0808 ed448", 87, &[], &[]),
    pin("hkdf_sha256", "0x0001 HKDF-SHA256", 86, &[], &[]),
    pin("hkdf_sha384", "0x0002 HKDF-SHA384", 83, &[], &[]),
    pin("hkdf_sha512", "0x0003 HKDF-SHA512", 83, &[], &[]),
    pin("hmac_sha256", "SHA-256", 174, &[], &[]),
    pin("hmac_sha384", "SHA-384", 174, &[], &[]),
    pin("hmac_sha512", "SHA-512", 174, &[], &[]),
    pin("mldsa_44_sign_noseed", "0x0904 mldsa44", 0, &[], &[(EXPANDED, 73)]),
    pin("mldsa_44_sign_seed", "0x0904 mldsa44", 78, &[(CONTEXT, 3)], &[(REPRESENTATIVE, 8)]),
    pin("mldsa_44_verify", "0x0904 mldsa44", 180, &[(CONTEXT, 2)], &[]),
    pin("mldsa_65_sign_noseed", "0x0905 mldsa65", 0, &[], &[(EXPANDED, 78)]),
    pin("mldsa_65_sign_seed", "0x0905 mldsa65", 88, &[(CONTEXT, 3)], &[(REPRESENTATIVE, 17)]),
    pin("mldsa_65_verify", "0x0905 mldsa65", 210, &[(CONTEXT, 2)], &[]),
    pin("mldsa_87_sign_noseed", "0x0906 mldsa87", 0, &[], &[(EXPANDED, 69)]),
    pin("mldsa_87_sign_seed", "0x0906 mldsa87", 79, &[(CONTEXT, 3)], &[(REPRESENTATIVE, 17)]),
    pin("mldsa_87_verify", "0x0906 mldsa87", 241, &[(CONTEXT, 2)], &[]),
    pin("mlkem_1024", "0x0042 ML-KEM-1024", 202, &[], &[]),
    pin("mlkem_1024_encaps", "0x0042 ML-KEM-1024", 269, &[], &[]),
    pin("mlkem_1024_keygen_seed", "0x0042 ML-KEM-1024", 100, &[], &[]),
    pin("mlkem_1024_semi_expanded_decaps", "0x0042 ML-KEM-1024", 0, &[], &[(EXPANDED, 9)]),
    pin("mlkem_768", "0x0041 ML-KEM-768", 201, &[], &[]),
    pin("mlkem_768_encaps", "0x0041 ML-KEM-768", 265, &[], &[]),
    pin("mlkem_768_keygen_seed", "0x0041 ML-KEM-768", 100, &[], &[]),
    pin("mlkem_768_semi_expanded_decaps", "0x0041 ML-KEM-768", 0, &[], &[(EXPANDED, 9)]),
    pin("x25519", "0x0020 DHKEM(X25519, HKDF-SHA256)", 518, &[(ALL_ZERO, 31)], &[]),
    pin("x448", "0x0021 DHKEM(X448, HKDF-SHA512)", 510, &[(ALL_ZERO, 11)], &[]),
];

/// The entry as a count.
pub(super) fn find(file: &str, algorithm: &str) -> Option<FileCount> {
    let pinned = WYCHEPROOF.iter().find(|pinned| pinned.file == file && pinned.algorithm == algorithm)?;
    Some(FileCount {
        run: pinned.run,
        differ: pinned.differ.iter().copied().collect(),
        skipped: pinned.skipped.iter().copied().collect(),
    })
}
