//! A signer of one's own: the private key stays where it is, for instance in hardware that can be unplugged.

use pleach::crypto::{CryptoError, SignatureScheme, Signer};
use pleach::{Client, Error, MemoryStorage, rustcrypto};
use pleach_testkit::TrustEveryone;
use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed},
};

/// A key in a token. The library sees its public key and asks for signatures, which may fail.
#[derive(Debug)]
struct Token {
    key: Box<dyn Signer>,
    plugged_in: AtomicBool,
    signatures: AtomicUsize,
}

impl Token {
    fn new() -> Result<Self, Error> {
        let suite = &rustcrypto::SUITES[0];
        let keys = suite.signature.generate_key_pair(&rustcrypto::SystemRandom)?;
        let key = suite.signature.load_signer(&keys.private)?;
        Ok(Self { key, plugged_in: AtomicBool::new(true), signatures: AtomicUsize::new(0) })
    }
}

impl Signer for Token {
    fn scheme(&self) -> SignatureScheme {
        SignatureScheme::ED25519
    }

    fn public(&self) -> &[u8] {
        self.key.public()
    }

    fn sign(&self, message: &[&[u8]]) -> Result<Vec<u8>, CryptoError> {
        if !self.plugged_in.load(Relaxed) {
            return Err(CryptoError::SignerFailed("the token is not plugged in"));
        }
        self.signatures.fetch_add(1, Relaxed);
        self.key.sign(message)
    }
}

fn main() -> Result<(), Error> {
    let token = Arc::new(Token::new()?);
    let alice = Client::builder(rustcrypto::provider(), MemoryStorage::new())
        .basic("alice", token.clone())
        .auth(TrustEveryone)
        .build()?;
    let mut group = alice.create_group(b"notes")?;
    let before = token.signatures.load(Relaxed);
    group.encrypt(b"one")?;
    assert_eq!(token.signatures.load(Relaxed), before + 1);

    // A failure is an error that says "try again"; nothing was used up and nothing was sent.
    token.plugged_in.store(false, Relaxed);
    let Err(error) = group.encrypt(b"two") else { return Err(Error::NotFound("error")) };
    assert!(error.is_retryable());
    assert_eq!(error.code(), "crypto");

    token.plugged_in.store(true, Relaxed);
    let commit = group.commit().build()?;
    group.merge(commit)?;
    assert_eq!(group.epoch(), 1);
    println!("{} signatures by the token", token.signatures.load(Relaxed));
    Ok(())
}
