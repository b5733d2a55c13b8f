//! Ed25519: batches around the size of one multiscalar multiplication. The rest is in the suite.

use pleach_crypto::{CryptoError, Secret, Signature, Signed};
use pleach_rustcrypto::ed25519_rule::BATCH;
use pleach_rustcrypto::{ED25519, SystemRandom};

// breaks: R016
#[test]
fn batches_are_cut_without_losing_a_signature() {
    let message: &[&[u8]] = &[b"message"];
    let signed: Vec<(Vec<u8>, Vec<u8>)> = (0..BATCH as u16 + 2)
        .map(|seed| {
            let private = Secret::from_fn(32, |out| out[..2].copy_from_slice(&seed.to_be_bytes()));
            let signer = ED25519.load_signer(&private).unwrap();
            (signer.public().to_vec(), signer.sign(message).unwrap())
        })
        .collect();
    let items: Vec<_> =
        signed.iter().map(|(public, signature)| Signed { public, message, signature }).collect();
    for size in [BATCH - 1, BATCH, BATCH + 1, BATCH + 2] {
        let mut batch = items[..size].to_vec();
        assert_eq!(ED25519.verify_batch(&batch, &SystemRandom), Ok(()));
        for at in [0, BATCH - 1, BATCH, BATCH + 1].into_iter().filter(|at| *at < size) {
            batch[at].message = &[b"massage"];
            let result = ED25519.verify_batch(&batch, &SystemRandom);
            assert_eq!(result, Err(CryptoError::InvalidSignature), "{at} of {size}");
            batch[at].message = message;
        }
    }
}
