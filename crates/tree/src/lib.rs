//! Pleach: the MLS ratchet tree and TreeKEM (RFC 9420 sections 4 and 7)
