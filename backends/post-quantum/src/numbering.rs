//! Which number stands for which post-quantum suite. IANA has assigned none yet, and programs have chosen their own.

use crate::PostQuantumSuite;
use pleach_crypto::CipherSuiteId;
use std::borrow::Cow;

/// Numbers for post-quantum suites: a choice of the application, the same for everybody in its groups.
///
/// What is stored under a number carries the suite's algorithms as well, so that another numbering cannot misread it. All numbers
/// are provisional:
///
/// | draft | suite | [`PLEACH`](Self::PLEACH) | [`OPENMLS`](Self::OPENMLS) | [`MLSPP`](Self::MLSPP) |
/// |---|---|---|---|---|
/// | TBD1 | `MLS_128_MLKEM768X25519_AES128GCM_SHA256_Ed25519` | 0xF0A1 | 0x004F | |
/// | TBD2 | `MLS_128_MLKEM768X25519_AES256GCM_SHA384_Ed25519` | 0xF0A2 | 0x004E | 0x0008 |
/// | TBD3 | `MLS_128_MLKEM768P256_AES128GCM_SHA256_P256` | 0xF0A3 | | |
/// | TBD4 | `MLS_128_MLKEM768P256_AES256GCM_SHA384_P256` | 0xF0A4 | | 0x0009 |
/// | TBD5 | `MLS_192_MLKEM1024P384_AES256GCM_SHA384_P384` | 0xF0A5 | | 0x000A |
/// | TBD6 | `MLS_128_MLKEM768_AES256GCM_SHA384_Ed25519` | 0xF0A6 | 0xF042 | |
/// | TBD7 | `MLS_128_MLKEM768_AES256GCM_SHA384_P256` | 0xF0A7 | 0x0050 | |
/// | TBD8 | `MLS_192_MLKEM1024_AES256GCM_SHA384_P384` | 0xF0A8 | 0x0042 | |
/// | TBD9 | `MLS_128_MLKEM768X25519_CHACHA20POLY1305_SHA384_MLDSA44` | 0xF0A9 | 0x0052 | |
/// | TBD10 | `MLS_192_MLKEM768_AES256GCM_SHA384_MLDSA65` | 0xF0AA | 0x0051 | |
/// | TBD11 | `MLS_256_MLKEM1024_AES256GCM_SHA384_MLDSA87` | 0xF0AB | 0x0907 | |
///
/// The numbers below 0xF000 squat on space that IANA may assign to something else: use those numberings only to talk to those programs.
/// OpenMLS has two more suites that no draft has any longer (0x004D, 0x0906); they are not here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PostQuantumNumbering {
    name: Cow<'static, str>,
    /// By position in [`PostQuantumSuite::ALL`].
    numbers: [Option<CipherSuiteId>; 11],
}

/// Why a numbering was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NumberingError {
    /// Two suites have the same number.
    #[error("cipher suite number {number} is given to {first} and to {second}")]
    NumberTwice {
        /// The number.
        number: CipherSuiteId,
        /// The suite that has it.
        first: PostQuantumSuite,
        /// The suite that should have it as well.
        second: PostQuantumSuite,
    },
    /// A suite has two numbers.
    #[error("{suite} is given the numbers {first} and {second}")]
    SuiteTwice {
        /// The suite.
        suite: PostQuantumSuite,
        /// The number that it has.
        first: CipherSuiteId,
        /// The number that it should have as well.
        second: CipherSuiteId,
    },
    /// The number is reserved, or one of RFC 9420's suites (R012).
    #[error("cipher suite number {0} stands for something else in RFC 9420")]
    Registered(CipherSuiteId),
    /// The number is a GREASE value (RFC 9420 §13.5), which must never be a suite.
    #[error("cipher suite number {0} is a GREASE value")]
    Grease(CipherSuiteId),
}

impl PostQuantumNumbering {
    /// Ours, in the range for private use: 0xF0A1 to 0xF0AB for TBD1 to TBD11. The default.
    pub const PLEACH: Self = Self::fixed(
        "pleach",
        [0xF0A1, 0xF0A2, 0xF0A3, 0xF0A4, 0xF0A5, 0xF0A6, 0xF0A7, 0xF0A8, 0xF0A9, 0xF0AA, 0xF0AB],
    );

    /// That of OpenMLS, as of August 2026. Up to its release 0.9 it derives X-Wing's keys without labels, see
    /// [`X_WING_UNLABELLED`](crate::X_WING_UNLABELLED).
    pub const OPENMLS: Self =
        Self::fixed("openmls", [0x004F, 0x004E, 0, 0, 0, 0xF042, 0x0050, 0x0042, 0x0052, 0x0051, 0x0907]);

    /// That of mlspp, as of November 2025.
    pub const MLSPP: Self = Self::fixed("mlspp", [0, 0x0008, 0, 0x0009, 0x000A, 0, 0, 0, 0, 0, 0]);

    /// 0, which is reserved, is no number.
    const fn fixed(name: &'static str, table: [u16; 11]) -> Self {
        const fn number(value: u16) -> Option<CipherSuiteId> {
            if value == 0 { None } else { Some(CipherSuiteId(value)) }
        }
        let [a, b, c, d, e, f, g, h, i, j, k] = table;
        Self {
            name: Cow::Borrowed(name),
            numbers: [
                number(a),
                number(b),
                number(c),
                number(d),
                number(e),
                number(f),
                number(g),
                number(h),
                number(i),
                number(j),
                number(k),
            ],
        }
    }

    /// The application's own numbers. Suites that are not in the table have none, and are not offered.
    ///
    /// # Errors
    /// [`NumberingError`] if the table contradicts itself or RFC 9420.
    pub fn custom(
        name: impl Into<Cow<'static, str>>,
        table: impl IntoIterator<Item = (PostQuantumSuite, CipherSuiteId)>,
    ) -> Result<Self, NumberingError> {
        let mut numbering = Self { name: name.into(), numbers: [None; 11] };
        for (suite, number) in table {
            // R012: 0 is reserved, 1 to 7 are RFC 9420's.
            if number.0 <= 7 {
                return Err(NumberingError::Registered(number));
            }
            if is_grease(number) {
                return Err(NumberingError::Grease(number));
            }
            if let Some(first) = numbering.suite(number) {
                return Err(NumberingError::NumberTwice { number, first, second: suite });
            }
            if let Some(first) = numbering.number(suite) {
                return Err(NumberingError::SuiteTwice { suite, first, second: number });
            }
            if let Some(place) = numbering.numbers.get_mut(suite as usize) {
                *place = Some(number);
            }
        }
        Ok(numbering)
    }

    /// Its name, for people.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The number of a suite, if it has one.
    #[must_use]
    pub fn number(&self, suite: PostQuantumSuite) -> Option<CipherSuiteId> {
        self.numbers.get(suite as usize).copied().flatten()
    }

    /// The suite with a number.
    #[must_use]
    pub fn suite(&self, number: CipherSuiteId) -> Option<PostQuantumSuite> {
        PostQuantumSuite::ALL.into_iter().find(|suite| self.number(*suite) == Some(number))
    }
}

impl Default for PostQuantumNumbering {
    fn default() -> Self {
        Self::PLEACH
    }
}

/// 0x0A0A, 0x1A1A .. 0xEAEA (RFC 9420 §17.1). 0xFAFA is for private use.
const fn is_grease(number: CipherSuiteId) -> bool {
    let [high, low] = number.0.to_be_bytes();
    high == low && low & 0x0F == 0x0A && high < 0xF0
}
