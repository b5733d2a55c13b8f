//! Messaging Layer Security (RFC 9420): end-to-end encrypted groups with pluggable cryptography and storage
