//! Pleach: the seven cipher suites of RFC 9420 on RustCrypto, dalek and crrl
