//! Pleach: the structures of MLS (RFC 9420), decoded and encoded strictly
