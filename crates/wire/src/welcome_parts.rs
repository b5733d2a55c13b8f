//! A Welcome for many, to be passed on in smaller ones (RFC 9420 §12.4.3.1, R249): each with the secrets of a few new members,
//! all with the same encrypted GroupInfo.
//!
//! A Welcome holds secrets for everybody whom a Commit adds, and each of them needs one. Who delivers can cut it up: nothing
//! is signed or encrypted over the list, so this takes no key and no cryptography. What comes out is what the committer would
//! have made.
//!
//! Cost: one pass over the bytes; 16 bytes of memory per new member, the rest is borrowed. Each message made is a copy of its
//! secrets and of the encrypted GroupInfo, so the latter should not hold the ratchet tree.

use alloc::vec::Vec;
use core::ops::Range;

use crate::{
    WireFormat,
    codec::{Reader, opaque_len, write_length, write_opaque},
    error::DecodeError,
};

/// The pieces of a Welcome, borrowed from its message.
#[derive(Clone, Debug)]
pub struct WelcomeParts<'a> {
    /// Version, wire format, cipher suite.
    head: &'a [u8],
    /// The [`EncryptedGroupSecrets`](crate::EncryptedGroupSecrets), as they are encoded.
    secrets: Vec<&'a [u8]>,
    encrypted_group_info: &'a [u8],
}

impl<'a> WelcomeParts<'a> {
    /// The pieces of a Welcome that is given as an MLSMessage.
    ///
    /// # Errors
    /// [`DecodeError`]: those of the encoding; [`DecodeError::UnknownWireFormat`] if the message is no Welcome.
    pub fn new(message: &'a [u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(message);
        let _version: u16 = reader.read()?;
        let wire_format: u16 = reader.read()?;
        if wire_format != WireFormat::WELCOME.0 {
            return Err(DecodeError::UnknownWireFormat(wire_format));
        }
        let _cipher_suite: u16 = reader.read()?;
        let (head, _) = message
            .split_at_checked(message.len() - reader.remaining().len())
            .ok_or(DecodeError::Truncated)?;
        let mut list = Reader::new(reader.read_opaque()?);
        let mut secrets = Vec::new();
        while !list.remaining().is_empty() {
            let start = list.remaining();
            for _new_member_kem_output_ciphertext in 0..3 {
                list.read_opaque()?;
            }
            let (one, _) = start
                .split_at_checked(start.len().saturating_sub(list.remaining().len()))
                .ok_or(DecodeError::Truncated)?;
            secrets.push(one);
        }
        let encrypted_group_info = reader.read_opaque()?;
        reader.finish()?;
        Ok(Self { head, secrets, encrypted_group_info })
    }

    /// How many new members it is for.
    #[must_use]
    pub fn len(&self) -> usize {
        self.secrets.len()
    }

    /// Whether it is for nobody.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.secrets.is_empty()
    }

    /// The KeyPackageRefs of the new members, in order.
    pub fn recipients(&self) -> impl Iterator<Item = &'a [u8]> + '_ {
        self.secrets.iter().map(|secrets| Reader::new(secrets).read_opaque().unwrap_or_default())
    }

    /// The Welcome for some of the new members, by their places in the list, as an MLSMessage. `None` if the range is empty or
    /// goes beyond the list.
    #[must_use]
    pub fn message(&self, places: Range<usize>) -> Option<Vec<u8>> {
        let chosen = self.secrets.get(places).filter(|chosen| !chosen.is_empty())?;
        let length = chosen.iter().map(|secrets| secrets.len()).sum();
        let whole = self.head.len() + opaque_len(length) + opaque_len(self.encrypted_group_info.len());
        let mut out = Vec::with_capacity(whole);
        out.extend_from_slice(self.head);
        // Shorter than the vectors that these were read from.
        write_length(length, &mut out).ok()?;
        chosen.iter().for_each(|secrets| out.extend_from_slice(secrets));
        write_opaque(self.encrypted_group_info, &mut out).ok()?;
        Some(out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        EncryptedGroupSecrets, HpkeCiphertext, MlsMessage, MlsMessageBody, Opaque, Welcome, decode, encode,
    };
    use pleach_crypto::CipherSuiteId;
    use std::vec;

    fn welcome(members: u8) -> Welcome {
        let secrets = (0..members).map(|member| EncryptedGroupSecrets {
            new_member: vec![member; 32].into(),
            encrypted_group_secrets: HpkeCiphertext {
                kem_output: vec![member; usize::from(member)].into(),
                ciphertext: vec![member; 80].into(),
            },
        });
        Welcome {
            cipher_suite: CipherSuiteId(1),
            secrets: secrets.collect(),
            encrypted_group_info: Opaque::from(vec![7; 300]),
        }
    }

    /// R249
    #[test]
    fn each_piece_is_the_welcome_with_its_secrets_alone() {
        let whole = welcome(70);
        let message = encode(&MlsMessage::from(whole.clone())).unwrap();
        let parts = WelcomeParts::new(&message).unwrap();
        assert_eq!((parts.len(), parts.is_empty()), (70, false));
        assert!(parts.recipients().enumerate().all(|(at, recipient)| recipient == [at as u8; 32]));
        for places in [0..1, 69..70, 3..10, 0..70] {
            let piece = parts.message(places.clone()).unwrap();
            let MlsMessageBody::Welcome(piece) = decode::<MlsMessage>(&piece).unwrap().body else {
                panic!("no Welcome")
            };
            let secrets = whole.secrets[places].to_vec().into();
            assert_eq!(piece, Welcome { secrets, ..whole.clone() });
        }
        assert_eq!(parts.message(0..70).unwrap(), message);
        assert_eq!(parts.message(0..71), None);
        assert_eq!(parts.message(5..5), None);
    }

    #[test]
    fn what_is_no_welcome_is_refused() {
        let message = encode(&MlsMessage::from(welcome(2))).unwrap();
        for length in 0..message.len() {
            assert!(WelcomeParts::new(&message[..length]).is_err());
        }
        let mut longer = message.clone();
        longer.push(0);
        assert_eq!(WelcomeParts::new(&longer).err(), Some(DecodeError::TrailingData));
        let mut other = message;
        other[3] = WireFormat::GROUP_INFO.0 as u8;
        assert!(matches!(WelcomeParts::new(&other), Err(DecodeError::UnknownWireFormat(_))));
    }
}
