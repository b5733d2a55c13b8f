//! Identifiers of suites and algorithms (RFC 9420 §17.1, RFC 9180 §7). Unknown values are data, never errors.

use core::{fmt, num::ParseIntError, str::FromStr};

macro_rules! ids {
    ($(#[$doc:meta])* $name:ident { $($(#[$cdoc:meta])* $konst:ident = $value:literal, $label:literal;)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub u16);

        impl $name {
            $($(#[$cdoc])* pub const $konst: Self = Self($value);)*

            /// The registered name, if this value has one here.
            #[must_use]
            pub const fn name(self) -> Option<&'static str> {
                match self.0 { $($value => Some($label),)* _ => None }
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match self.name() {
                    Some(name) => write!(f, "{:#06x} {name}", self.0),
                    None => write!(f, "{:#06x}", self.0),
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(self, f)
            }
        }

        impl From<u16> for $name {
            fn from(value: u16) -> Self { Self(value) }
        }
    };
}

ids! {
    /// A cipher suite number (RFC 9420 §17.1).
    CipherSuiteId {
        /// Suite 1, mandatory to implement (R011).
        X25519_AES128GCM_SHA256_ED25519 = 0x0001, "MLS_128_DHKEMX25519_AES128GCM_SHA256_Ed25519";
        /// Suite 2.
        P256_AES128GCM_SHA256_P256 = 0x0002, "MLS_128_DHKEMP256_AES128GCM_SHA256_P256";
        /// Suite 3.
        X25519_CHACHA20POLY1305_SHA256_ED25519 = 0x0003, "MLS_128_DHKEMX25519_CHACHA20POLY1305_SHA256_Ed25519";
        /// Suite 4.
        X448_AES256GCM_SHA512_ED448 = 0x0004, "MLS_256_DHKEMX448_AES256GCM_SHA512_Ed448";
        /// Suite 5.
        P521_AES256GCM_SHA512_P521 = 0x0005, "MLS_256_DHKEMP521_AES256GCM_SHA512_P521";
        /// Suite 6.
        X448_CHACHA20POLY1305_SHA512_ED448 = 0x0006, "MLS_256_DHKEMX448_CHACHA20POLY1305_SHA512_Ed448";
        /// Suite 7.
        P384_AES256GCM_SHA384_P384 = 0x0007, "MLS_256_DHKEMP384_AES256GCM_SHA384_P384";
    }
}

ids! {
    /// An HPKE KEM (RFC 9180 §7.1).
    KemId {
        /// DHKEM(P-256, HKDF-SHA256).
        DHKEM_P256 = 0x0010, "DHKEM(P-256, HKDF-SHA256)";
        /// DHKEM(P-384, HKDF-SHA384).
        DHKEM_P384 = 0x0011, "DHKEM(P-384, HKDF-SHA384)";
        /// DHKEM(P-521, HKDF-SHA512).
        DHKEM_P521 = 0x0012, "DHKEM(P-521, HKDF-SHA512)";
        /// DHKEM(X25519, HKDF-SHA256).
        DHKEM_X25519 = 0x0020, "DHKEM(X25519, HKDF-SHA256)";
        /// DHKEM(X448, HKDF-SHA512).
        DHKEM_X448 = 0x0021, "DHKEM(X448, HKDF-SHA512)";
        /// ML-KEM-768 (FIPS 203).
        ML_KEM_768 = 0x0041, "ML-KEM-768";
        /// ML-KEM-1024 (FIPS 203).
        ML_KEM_1024 = 0x0042, "ML-KEM-1024";
        /// The hybrid of ML-KEM-768 and P-256.
        MLKEM768_P256 = 0x0050, "MLKEM768-P256";
        /// The hybrid of ML-KEM-1024 and P-384.
        MLKEM1024_P384 = 0x0051, "MLKEM1024-P384";
        /// The hybrid of ML-KEM-768 and X25519, which is X-Wing.
        MLKEM768_X25519 = 0x647A, "MLKEM768-X25519";
    }
}

ids! {
    /// An HPKE KDF (RFC 9180 §7.2).
    KdfId {
        /// HKDF-SHA256, `Nh` 32.
        HKDF_SHA256 = 0x0001, "HKDF-SHA256";
        /// HKDF-SHA384, `Nh` 48.
        HKDF_SHA384 = 0x0002, "HKDF-SHA384";
        /// HKDF-SHA512, `Nh` 64.
        HKDF_SHA512 = 0x0003, "HKDF-SHA512";
    }
}

ids! {
    /// An HPKE AEAD (RFC 9180 §7.3).
    AeadId {
        /// AES-128-GCM.
        AES_128_GCM = 0x0001, "AES-128-GCM";
        /// AES-256-GCM.
        AES_256_GCM = 0x0002, "AES-256-GCM";
        /// ChaCha20Poly1305.
        CHACHA20_POLY1305 = 0x0003, "ChaCha20Poly1305";
    }
}

ids! {
    /// A signature scheme (the TLS SignatureScheme registry, which RFC 9420 §17.1 refers to).
    SignatureScheme {
        /// ECDSA over P-256 with SHA-256.
        ECDSA_SECP256R1_SHA256 = 0x0403, "ecdsa_secp256r1_sha256";
        /// ECDSA over P-384 with SHA-384.
        ECDSA_SECP384R1_SHA384 = 0x0503, "ecdsa_secp384r1_sha384";
        /// ECDSA over P-521 with SHA-512.
        ECDSA_SECP521R1_SHA512 = 0x0603, "ecdsa_secp521r1_sha512";
        /// Ed25519.
        ED25519 = 0x0807, "ed25519";
        /// Ed448.
        ED448 = 0x0808, "ed448";
        /// ML-DSA-44 (FIPS 204), pure, with an empty context.
        MLDSA44 = 0x0904, "mldsa44";
        /// ML-DSA-65 (FIPS 204), pure, with an empty context.
        MLDSA65 = 0x0905, "mldsa65";
        /// ML-DSA-87 (FIPS 204), pure, with an empty context.
        MLDSA87 = 0x0906, "mldsa87";
    }
}

impl FromStr for CipherSuiteId {
    type Err = ParseIntError;

    /// A number as people write it: decimal, or hexadecimal after `0x`.
    fn from_str(text: &str) -> Result<Self, ParseIntError> {
        match text.strip_prefix("0x") {
            Some(digits) => u16::from_str_radix(digits, 16),
            None => text.parse(),
        }
        .map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::CipherSuiteId;

    #[test]
    fn numbers_are_read_as_people_write_them() {
        for (text, number) in [("1", 1), ("0x0001", 1), ("0xf0a1", 0xF0A1), ("65535", 0xFFFF)] {
            assert_eq!(text.parse(), Ok(CipherSuiteId(number)));
        }
        for text in ["", "0x", "f0a1", "0x10000", "-1", "1 "] {
            assert!(text.parse::<CipherSuiteId>().is_err(), "{text}");
        }
    }
}
