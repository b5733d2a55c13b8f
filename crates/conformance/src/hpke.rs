//! `hpke-pq.json`: HPKE with post-quantum KEMs (draft-ietf-hpke-pq, appendix "Test Vectors").
//!
//! Not by cipher suite: the combinations of KEM, KDF and AEAD are the draft's, and the parts are taken from whatever suites
//! have them. KDFs of one stage (SHAKE, TurboSHAKE) are no suite's; where only the KDF is one, key derivation and
//! decapsulation, which do without the KDF, are still checked.

use crate::fault::{At, Bytes, Checked, Within, same, same_bytes};
use crate::vector_file::fields;
use crate::{By, Extent, VectorFile};
use pleach_crypto::hpke::{KeyScheduleInfo, labeled_expand};
use pleach_crypto::{
    AeadId, CipherSuite, CipherSuiteId, CryptoError, CryptoProvider, KdfId, Kem, KemId, KemPrivateKey,
    Secret, SecureRandom,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::sync::Mutex;

/// `hpke-pq.json`.
pub static FILE: VectorFile =
    VectorFile { name: "hpke-pq.json", official_cases: 13, by: By::Kem(extent), check };

/// The combinations of KEM and KDF of which nothing is any suite's, and which part makes it so. DeriveKeyPair and Decap of
/// their KEMs are in Wycheproof or RFC 9180, or concern nobody.
const USED_BY_NO_SUITE: [(u16, u16, &str); 5] = [
    (0x0040, 0x0001, "ML-KEM-512"),
    (0x0010, 0x0010, "the KDF SHAKE128, and its KEM DHKEM(P-256) is not post-quantum"),
    (0x0011, 0x0011, "the KDF SHAKE256, and its KEM DHKEM(P-384) is not post-quantum"),
    (0x0020, 0x0012, "the KDF TurboSHAKE128, and its KEM DHKEM(X25519) is not post-quantum"),
    (0x0021, 0x0013, "the KDF TurboSHAKE256, and its KEM DHKEM(X448) is not post-quantum"),
];

/// The combinations of which only the KEM is a suite's.
const KEM_ONLY: [(u16, u16, &str); 3] = [
    (0x0050, 0x0010, "DeriveKeyPair, Encap and Decap only: the KDF SHAKE128 is used by no suite"),
    (0x647A, 0x0011, "DeriveKeyPair, Encap and Decap only: the KDF SHAKE256 is used by no suite"),
    (0x0042, 0x0013, "DeriveKeyPair, Encap and Decap only: the KDF TurboSHAKE256 is used by no suite"),
];

/// How much of a case can be run.
fn extent(case: &Value) -> Extent {
    let is = |(kem, kdf, _): &&(u16, u16, &str)| case["kem_id"] == *kem && case["kdf_id"] == *kdf;
    let unused = USED_BY_NO_SUITE.iter().find(is).map(|(_, _, which)| Extent::UsedByNoSuite(which));
    let in_part = || KEM_ONLY.iter().find(is).map(|(_, _, why)| Extent::InPart(why));
    unused.or_else(in_part).unwrap_or(Extent::Whole)
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Case {
    mode: u8,
    kem_id: u16,
    kdf_id: u16,
    aead_id: u16,
    info: Bytes,
    #[serde(rename = "ikmE")]
    ikm_e: Bytes,
    #[serde(rename = "ikmR")]
    ikm_r: Bytes,
    #[serde(rename = "skRm")]
    sk_rm: Bytes,
    #[serde(rename = "pkRm")]
    pk_rm: Bytes,
    enc: Bytes,
    shared_secret: Bytes,
    suite_id: Bytes,
    key: Bytes,
    base_nonce: Bytes,
    exporter_secret: Bytes,
    encryptions: Vec<Encryption>,
    exports: Vec<Export>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Encryption {
    aad: Bytes,
    ct: Bytes,
    nonce: Bytes,
    pt: Bytes,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Export {
    exporter_context: Bytes,
    #[serde(rename = "L")]
    len: usize,
    exported_value: Bytes,
}

fn check(provider: &CryptoProvider, value: &Value) -> Checked {
    let case: Case = fields(value)?;
    same("mode", &case.mode, &0)?;
    let ids = [case.kem_id, case.kdf_id, case.aead_id].map(u16::to_be_bytes).concat();
    same_bytes("suite_id", [b"HPKE", ids.as_slice()].concat(), &case.suite_id)?;
    let suites = || provider.suites.iter();
    let kem = suites().map(|suite| suite.kem).find(|kem| kem.id() == KemId(case.kem_id)).at("kem_id")?;
    let shared_secret = case.encapsulation(kem)?;
    if let Extent::InPart(_) = extent(value) {
        return Ok(());
    }
    let kdf = suites().find(|suite| suite.kdf.id() == KdfId(case.kdf_id)).at("kdf_id")?;
    let aead = suites().find(|suite| suite.aead.id() == AeadId(case.aead_id)).at("aead_id")?;
    let suite = CipherSuite { id: CipherSuiteId(0xFFFF), kem, aead: aead.aead, ..*kdf };
    case.schedule(&suite, &shared_secret)
}

impl Case {
    /// `DeriveKeyPair`, `Encap` and `Decap`.
    fn encapsulation(&self, kem: &dyn Kem) -> Checked<Secret> {
        let pair = kem.derive_key_pair(&self.ikm_r.secret()).at("ikmR")?;
        same_bytes("skRm", pair.private.as_bytes(), &self.sk_rm)?;
        same_bytes("pkRm", &pair.public, &self.pk_rm)?;
        let lens = [kem.private_len(), kem.public_len(), kem.enc_len()];
        same("pkRm", &lens, &[self.sk_rm.len(), self.pk_rm.len(), self.enc.len()])?;
        let private = kem.load_private(&self.sk_rm.secret()).at("skRm")?;
        same_bytes("pkRm", KemPrivateKey::public(&*private), &self.pk_rm)?;
        let shared_secret = private.decap(&self.enc).at("enc")?;
        same_bytes("shared_secret", shared_secret.as_bytes(), &self.shared_secret)?;

        let public = kem.load_public(&self.pk_rm).at("pkRm")?;
        let (again, enc) = public.encap(&Given::new(&self.ikm_e)).at("ikmE")?;
        same_bytes("ikmE", enc, &self.enc)?;
        same_bytes("ikmE", again.as_bytes(), &self.shared_secret)?;
        Ok(shared_secret)
    }

    /// The key schedule, encryptions and exports. The context does not show its keys: those given must do what it does.
    fn schedule(&self, suite: &CipherSuite, shared_secret: &Secret) -> Checked {
        let info = KeyScheduleInfo::base(suite, &[&self.info]);
        let context = || info.context(suite, shared_secret).at("info");
        let (mut sender, mut receiver) = (context()?, context()?);
        for (number, Encryption { aad, ct, nonce, pt }) in self.encryptions.iter().enumerate() {
            let outer = format!("encryptions[{number}]");
            let given = self.nonce(number);
            same_bytes("nonce", given, nonce).within(&outer)?;
            let mut sealed = pt.to_vec();
            suite.aead.seal(&self.key.secret(), nonce, aad, &mut sealed).at("nonce").within(&outer)?;
            same_bytes("ct", sealed, ct).within(&outer)?;
            same_bytes("ct", sender.seal(aad, pt).at("pt").within(&outer)?, ct).within(&outer)?;
            let opened = receiver.open(aad, ct).at("ct").within(&outer)?;
            same_bytes("pt", opened.as_bytes(), pt).within(&outer)?;
        }
        for (number, Export { exporter_context, len, exported_value }) in self.exports.iter().enumerate() {
            let outer = format!("exports[{number}]");
            let ours = sender.export(exporter_context, *len).at("L").within(&outer)?;
            same_bytes("exported_value", ours.as_bytes(), exported_value).within(&outer)?;
            let secret = self.exporter_secret.secret();
            let given = labeled_expand(suite.kdf, &self.suite_id, &secret, b"sec", &[exporter_context], *len);
            same_bytes("exporter_secret", given.at("L")?.as_bytes(), exported_value).within(&outer)?;
        }
        Ok(())
    }

    /// The nonce of a message (RFC 9180 §5.2).
    fn nonce(&self, number: usize) -> Vec<u8> {
        let number = (number as u64).to_be_bytes();
        let mut nonce = self.base_nonce.to_vec();
        nonce.iter_mut().rev().zip(number.iter().rev()).for_each(|(octet, number)| *octet ^= number);
        nonce
    }
}

/// `ikmE`: the randomness that an encapsulation is to draw, in its order.
///
/// Behind its end are zeros: of the P-256 scalars to choose from, by rejection, the vectors give three and the library
/// draws four, of which either takes the first.
#[derive(Debug)]
struct Given(Mutex<Vec<u8>>);

impl Given {
    fn new(bytes: &[u8]) -> Self {
        Self(Mutex::new(bytes.to_vec()))
    }
}

impl SecureRandom for Given {
    fn fill(&self, out: &mut [u8]) -> Result<(), CryptoError> {
        let mut left = self.0.lock().map_err(|_| CryptoError::RandomUnavailable)?;
        let given = out.len().min(left.len());
        out.fill(0);
        out.iter_mut().zip(left.drain(..given)).for_each(|(octet, given)| *octet = given);
        Ok(())
    }
}
