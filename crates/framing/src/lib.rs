//! Pleach: MLS message protection, PublicMessage and PrivateMessage (RFC 9420 section 6)
