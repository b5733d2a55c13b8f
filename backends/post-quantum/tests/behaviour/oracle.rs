//! The KEMs against the `hpke` crate, an implementation that shares nothing above ML-KEM and the curves with this one:
//! `DeriveKeyPair`, and HPKE in base mode in both directions.

use crate::Rng;
use hpke::aead::AesGcm256;
use hpke::kdf::HkdfSha384;
use hpke::kem::{MlKem768, MlKem768P256, MlKem1024, MlKem1024P384, XWing};
use hpke::{Deserializable, OpModeR, OpModeS, Serializable, single_shot_open, single_shot_seal};
use pleach_crypto::{
    CipherSuite, CipherSuiteId, Kem, KemId, Secret, SecureRandom,
    hpke::{setup_base_r, setup_base_s},
};
use pleach_post_quantum as pq;

const INFO: &[u8] = b"info";
const AAD: &[u8] = b"aad";
const TEXT: &[u8] = b"a path secret";

fn agrees<K: hpke::Kem>(kem: &'static dyn Kem) {
    let suite = CipherSuite { kem, ..*pleach_rustcrypto::provider().suite(CipherSuiteId(7)).unwrap() };
    // Longer and shorter than a seed: MLS derives from Nh bytes.
    for len in [32, 48, 64, 100] {
        let ikm = Rng.secret(len).unwrap();
        let pair = kem.derive_key_pair(&ikm).unwrap();
        let (private, public) = K::derive_keypair(ikm.as_bytes());
        assert_eq!(pair.private.as_bytes(), &*private.to_bytes(), "{}", kem.id());
        assert_eq!(pair.public, &*public.to_bytes(), "{}", kem.id());
    }
    for _ in 0..4 {
        let pair = kem.generate_key_pair(&Rng).unwrap();
        let private = K::PrivateKey::from_bytes(pair.private.as_bytes()).unwrap();
        let public = K::PublicKey::from_bytes(&pair.public).unwrap();
        assert_eq!(*K::sk_to_pk(&private).to_bytes(), *pair.public, "{}", kem.id());

        let (enc, text) =
            single_shot_seal::<AesGcm256, HkdfSha384, K>(&OpModeS::Base, &public, INFO, TEXT, AAD).unwrap();
        let key = kem.load_private(&pair.private).unwrap();
        assert_eq!(key.public(), pair.public);
        let mut receiver = setup_base_r(&suite, &*key, &enc.to_bytes(), INFO).unwrap();
        assert_eq!(receiver.open(AAD, &text).unwrap().as_bytes(), TEXT);

        let key = kem.load_public(&pair.public).unwrap();
        let (enc, mut sender) = setup_base_s(&suite, &*key, INFO, &Rng).unwrap();
        let text = sender.seal(AAD, TEXT).unwrap();
        let enc = K::EncappedKey::from_bytes(&enc).unwrap();
        let opened =
            single_shot_open::<AesGcm256, HkdfSha384, K>(&OpModeR::Base, &private, &enc, INFO, &text, AAD);
        assert_eq!(opened.unwrap(), TEXT);
    }
}

#[test]
fn every_kem_agrees_with_the_hpke_crate() {
    agrees::<MlKem768>(&pq::ML_KEM_768);
    agrees::<MlKem1024>(&pq::ML_KEM_1024);
    agrees::<XWing>(&pq::X_WING);
    agrees::<MlKem768P256>(&pq::MLKEM768_P256);
    agrees::<MlKem1024P384>(&pq::MLKEM1024_P384);
}

/// The unlabelled derivation is another one, and everything else is the same KEM.
#[test]
fn x_wing_without_labels_differs_in_derivation_alone() {
    let ikm = Secret::copy_from(&[7; 32]);
    let pair = pq::X_WING_UNLABELLED.derive_key_pair(&ikm).unwrap();
    assert_ne!(pair, pq::X_WING.derive_key_pair(&ikm).unwrap());
    assert_eq!(pq::X_WING_UNLABELLED.id(), KemId::MLKEM768_X25519);
    let (secret, enc) = pq::X_WING.load_public(&pair.public).unwrap().encap(&Rng).unwrap();
    let key = pq::X_WING_UNLABELLED.load_private(&pair.private).unwrap();
    assert_eq!(key.decap(&enc).unwrap(), secret);
}
