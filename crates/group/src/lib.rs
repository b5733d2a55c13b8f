//! Pleach: the MLS group as a state machine without I/O (RFC 9420 sections 11 to 14)
