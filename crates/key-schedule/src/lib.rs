//! Pleach: the MLS key schedule, secret tree and pre-shared keys (RFC 9420 sections 8 and 9)
