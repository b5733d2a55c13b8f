//! Pleach: the naive oracle, malformed messages and the suites every backend must pass

pub mod auth;
pub mod malform;
pub mod members;
pub mod null_crypto;
pub mod oracle;
pub mod random;
pub mod storage_suite;
pub mod synthetic;

pub use auth::TrustEveryone;
