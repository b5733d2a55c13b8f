//! Three DHKEMs of RFC 9180 over borrowed groups, with `ring`'s HKDF. The KEM itself is [`pleach_crypto::dhkem`].

use crate::hash::{HKDF_SHA256, HKDF_SHA384};
use pleach_crypto::dhkem::DhKem;

pub use pleach_rustcrypto::{P256, P384, X25519};

/// DHKEM(P-256, HKDF-SHA256).
pub static DHKEM_P256: DhKem<P256> = DhKem::new(P256, &HKDF_SHA256);
/// DHKEM(P-384, HKDF-SHA384).
pub static DHKEM_P384: DhKem<P384> = DhKem::new(P384, &HKDF_SHA384);
/// DHKEM(X25519, HKDF-SHA256).
pub static DHKEM_X25519: DhKem<X25519> = DhKem::new(X25519, &HKDF_SHA256);
