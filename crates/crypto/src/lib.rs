//! Pleach: the cryptographic primitive traits, HPKE and the labelled functions of MLS (RFC 9420, RFC 9180)
