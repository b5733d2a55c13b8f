//! [`Failure`]: why a case failed, and where; and the macros that a case states its expectations with.

use pleach::{Error, Group};
use std::{fmt, panic::Location};

/// Why a case failed.
#[derive(Debug, Clone)]
pub struct Failure {
    what: String,
    at: &'static Location<'static>,
}

impl Failure {
    /// A failure at the caller's line.
    #[track_caller]
    #[must_use]
    pub fn new(what: impl Into<String>) -> Self {
        Self { what: what.into(), at: Location::caller() }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.at.file(), self.at.line(), self.what)
    }
}

impl std::error::Error for Failure {}

macro_rules! from_error {
    ($($error:ty),*) => {$(
        impl From<$error> for Failure {
            #[track_caller]
            fn from(error: $error) -> Self {
                Self::new(format!("{error} ({error:?})"))
            }
        }
    )*};
}

from_error!(
    Error,
    pleach::crypto::CryptoError,
    pleach::crypto::UnsupportedCipherSuite,
    pleach::storage::StorageError,
    pleach::wire::DecodeError,
    pleach::wire::EncodeError,
    pleach_storage_encrypted::OpenError,
    std::io::Error
);

impl From<&'static str> for Failure {
    #[track_caller]
    fn from(what: &'static str) -> Self {
        Self::new(what)
    }
}

/// What a refusal must leave as it was.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Snapshot {
    epoch: u64,
    active: bool,
    authenticator: Option<Vec<u8>>,
    proposals: usize,
    commits: usize,
}

impl Snapshot {
    pub(super) fn of(group: &Group) -> Result<Self, Error> {
        Ok(Self {
            epoch: group.epoch(),
            active: group.is_active(),
            authenticator: group.epoch_authenticator().ok().map(|secret| secret.as_bytes().to_vec()),
            proposals: group.pending_proposals()?.len(),
            commits: group.pending()?.len(),
        })
    }
}

/// Fails unless the condition holds.
macro_rules! ensure {
    ($condition:expr $(,)?) => {
        if !$condition {
            return Err($crate::behaviour::Failure::new(concat!("not so: ", stringify!($condition))));
        }
    };
}

/// Fails unless both are equal.
macro_rules! ensure_eq {
    ($left:expr, $right:expr $(,)?) => {
        match (&$left, &$right) {
            (left, right) => {
                if left != right {
                    let what = concat!(stringify!($left), " is not ", stringify!($right));
                    return Err($crate::behaviour::Failure::new(format!("{what}: {left:?}, {right:?}")));
                }
            }
        }
    };
}

/// Fails unless the result is this error.
macro_rules! refuses {
    ($result:expr, $pattern:pat $(,)?) => {
        match $result {
            Err($pattern) => {}
            Err(other) => {
                let wanted = stringify!($pattern);
                return Err($crate::behaviour::Failure::new(format!("{other:?} where {wanted} was due")));
            }
            Ok(_) => {
                let what = concat!("accepted: ", stringify!($result));
                return Err($crate::behaviour::Failure::new(what));
            }
        }
    };
}

/// Fails unless the result is this error and the group is as it was before.
macro_rules! refuses_unchanged {
    ($group:expr, $result:expr, $pattern:pat $(,)?) => {{
        let before = $crate::behaviour::failure::Snapshot::of(&$group)?;
        refuses!($result, $pattern);
        ensure_eq!($crate::behaviour::failure::Snapshot::of(&$group)?, before);
    }};
}

/// The value, if the expression has this form.
macro_rules! expect {
    ($value:expr, $pattern:pat => $out:expr) => {
        match $value {
            $pattern => $out,
            other => {
                let wanted = stringify!($pattern);
                return Err($crate::behaviour::Failure::new(format!("{other:?} where {wanted} was due")));
            }
        }
    };
}

/// The pattern of a rule that a peer broke.
macro_rules! broke {
    ($($rule:tt)*) => {
        pleach::Error::PeerMisbehaved(pleach::PeerMisbehavior::Group(pleach::MisbehaviorError::$($rule)*))
    };
}

/// The pattern of something that is lacking.
macro_rules! lacks {
    ($($what:tt)*) => { pleach::Error::PeerIncompatible(pleach::IncompatibleError::$($what)*) };
}

/// The pattern of a mistake of the caller.
macro_rules! misuse {
    ($($what:tt)*) => { pleach::Error::ApiMisuse(pleach::ApiMisuse::Group(pleach::MisuseError::$($what)*)) };
}
