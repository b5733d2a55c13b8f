//! What goes wrong, as a line for people and a code for programs.
//!
//! Invariant: [`TABLE`] is the one list of exit codes; the root's `--help` shows it and the guide repeats it (a test
//! compares them). The codes follow the library's errors, which are sorted by whose fault it is.

use pleach::crypto::UnsupportedCipherSuite;
use pleach::storage::StorageError;
use std::fmt;

/// Why the command failed: its exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Exit {
    Other = 1,
    Usage = 2,
    Malformed = 3,
    PeerMisbehaved = 4,
    Incompatible = 5,
    WrongGroup = 6,
    WrongEpoch = 7,
    AlreadyReceived = 8,
    Denied = 9,
    NotFound = 10,
    Store = 11,
    File = 12,
    NotNow = 13,
}

/// The exit codes, as `--help` shows them.
pub(crate) const TABLE: &str = "\
Exit codes:
   0  done
   1  the cryptography, the randomness or this program failed
   2  the command line is wrong
   3  the input is not what it should be: truncated, garbage, too long, or another kind of message
   4  the message breaks the protocol: forged, altered, or made by a broken program
   5  something is asked for that this build, the chosen backends, or a member does not support
   6  the message belongs to another group
   7  the message is of an epoch that is over, or has not begun
   8  the message was received before, or its key package is used up
   9  a name comes with another key than the one that was pinned, a rule forbids it, or the passphrase is wrong
  10  no such group, member, key package, commit or pre-shared key in the store
  11  the store cannot be used: missing, busy, damaged, or changed by another process meanwhile
  12  a file or stream cannot be read or written
  13  the group cannot do this, or not now";

/// One failure: exit code, a stable name, and one line.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) exit: Exit,
    pub(crate) code: &'static str,
    pub(crate) message: String,
    /// The cipher suite that was lacking, if that is why.
    pub(crate) missing: Option<Box<UnsupportedCipherSuite>>,
}

impl Failure {
    pub(crate) fn new(exit: Exit, code: &'static str, message: impl Into<String>) -> Self {
        Self { exit, code, message: message.into(), missing: None }
    }

    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::new(Exit::Usage, "usage", message)
    }

    pub(crate) fn malformed(message: impl fmt::Display) -> Self {
        Self::new(Exit::Malformed, "malformed", format!("malformed: {message}"))
    }

    pub(crate) fn not_found(message: impl Into<String>) -> Self {
        Self::new(Exit::NotFound, "not-found", message)
    }

    pub(crate) fn not_now(message: impl Into<String>) -> Self {
        Self::new(Exit::NotNow, "not-now", message)
    }

    /// Says in front what was being done.
    #[must_use]
    pub(crate) fn about(mut self, what: impl fmt::Display) -> Self {
        self.message = format!("{what}: {}", self.message);
        self
    }
}

impl fmt::Display for Failure {
    /// One line, whatever a library wrote into it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let line: Vec<&str> = self.message.split_whitespace().collect();
        f.write_str(&line.join(" "))
    }
}

impl From<pleach::Error> for Failure {
    fn from(error: pleach::Error) -> Self {
        use pleach::crypto::CryptoError;
        use pleach::{ApiMisuse, Error, IncompatibleError, MisbehaviorError, MisuseError, PeerMisbehavior};
        // Whose fault it is that there is no such suite does not matter to a person: they can do something about it.
        if let Error::PeerIncompatible(IncompatibleError::CipherSuite(missing))
        | Error::ApiMisuse(ApiMisuse::CipherSuite(missing))
        | Error::Crypto(CryptoError::UnsupportedCipherSuite(missing)) = &error
        {
            return missing.clone().into();
        }
        let exit = match &error {
            Error::Crypto(CryptoError::SuiteChanged { .. }) => Exit::Store,
            Error::Malformed(_) | Error::UnexpectedMessage(_) => Exit::Malformed,
            Error::PeerMisbehaved(PeerMisbehavior::Group(
                MisbehaviorError::NotGroupMessage
                | MisbehaviorError::NotGroupInfo
                | MisbehaviorError::NotWelcome,
            )) => Exit::Malformed,
            Error::PeerMisbehaved(_) => Exit::PeerMisbehaved,
            // What does not open or verify was altered, or is for somebody else.
            Error::Crypto(
                CryptoError::InvalidPublicKey
                | CryptoError::InvalidEncapsulation
                | CryptoError::InvalidSignature
                | CryptoError::DecryptionFailed
                | CryptoError::WrongLength,
            ) => Exit::PeerMisbehaved,
            Error::PeerIncompatible(_) => Exit::Incompatible,
            Error::WrongGroup => Exit::WrongGroup,
            Error::WrongEpoch { .. } => Exit::WrongEpoch,
            Error::AlreadyReceived => Exit::AlreadyReceived,
            Error::Denied(_) | Error::AwaitingAuthentication { .. } => Exit::Denied,
            Error::NotFound(_)
            | Error::GroupDeleted { .. }
            | Error::ApiMisuse(ApiMisuse::Group(MisuseError::NoSuchCommit)) => Exit::NotFound,
            // It was used before, or is over.
            Error::KeyPackageRetired(_) => Exit::AlreadyReceived,
            Error::ApiMisuse(_) => Exit::NotNow,
            Error::Storage(_) => Exit::Store,
            _ => Exit::Other,
        };
        let message = match &error {
            // What the library calls misuse is here what a person asked for at the wrong time.
            Error::ApiMisuse(ApiMisuse::Group(misuse)) => misuse.to_string(),
            Error::ApiMisuse(ApiMisuse::Restored) => {
                "the group was restored from a copy: it sends nothing before `external-join --resync`"
                    .to_owned()
            }
            other => chain(other),
        };
        Self::new(exit, error.code(), message)
    }
}

impl From<UnsupportedCipherSuite> for Failure {
    fn from(missing: UnsupportedCipherSuite) -> Self {
        let failure = Self::new(Exit::Incompatible, "no-cipher-suite", missing.to_string());
        Self { missing: Some(Box::new(missing)), ..failure }
    }
}

impl From<StorageError> for Failure {
    fn from(error: StorageError) -> Self {
        pleach::Error::from(error).into()
    }
}

impl From<pleach::export::ExportError> for Failure {
    fn from(error: pleach::export::ExportError) -> Self {
        use pleach::export::ExportError as E;
        let (exit, code) = match error {
            E::Storage(error) => return error.into(),
            E::Crypto(error) => return error.into(),
            E::Io(_) => (Exit::File, "file"),
            E::Passphrase => (Exit::Denied, "passphrase"),
            E::Aead(_) => (Exit::Incompatible, "no-aead"),
            E::NotEmpty => (Exit::Store, "store"),
            E::GroupExists => (Exit::NotNow, "not-now"),
            E::NoSuchGroup => (Exit::NotFound, "not-found"),
            _ => (Exit::Malformed, "malformed"),
        };
        Self::new(exit, code, error.to_string())
    }
}

impl From<pleach::crypto::CryptoError> for Failure {
    fn from(error: pleach::crypto::CryptoError) -> Self {
        pleach::Error::from(error).into()
    }
}

/// An error with its sources, each said once.
fn chain(error: &dyn std::error::Error) -> String {
    let mut line = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let text = cause.to_string();
        if !line.ends_with(&text) {
            line.push_str(": ");
            line.push_str(&text);
        }
        source = cause.source();
    }
    line
}
