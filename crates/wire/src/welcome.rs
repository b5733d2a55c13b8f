//! `GroupInfo`, `GroupSecrets` and `Welcome` (RFC 9420 §12.4.3).

use alloc::vec::Vec;

use pleach_crypto::{CipherSuiteId, Secret};

use crate::{
    codec::{Encode, Reader, encode, opaque_len, write_opaque},
    error::{DecodeError, EncodeError},
    extension::Extensions,
    group_context::GroupContext,
    index::LeafIndex,
    kept::{Decoded, Keep, SignatureLast, sealed},
    psk::PreSharedKeyId,
    update_path::HpkeCiphertext,
    vector::{KeyPackageRef, List, Opaque},
};

/// `GroupInfo`: what one needs to know of a group to join it (RFC 9420 §12.4.3).
#[derive(Clone, Debug, PartialEq, Eq, Hash, tls_codec::TlsDeserializeBytes)]
pub struct GroupInfo {
    /// The group's context in this epoch.
    pub group_context: GroupContext,
    /// Extensions of the GroupInfo; not those of the group.
    pub extensions: Extensions,
    /// That of the Commit that began the epoch (R227).
    pub confirmation_tag: Opaque,
    /// The member that signed; any 32 bits.
    pub signer: LeafIndex,
    /// `SignWithLabel(., "GroupInfoTBS", GroupInfoTBS)`.
    pub signature: Opaque,
}

wire_struct!(GroupInfo { group_context, extensions, confirmation_tag, signer, signature });

impl GroupInfo {
    /// `GroupInfoTBS`: everything before the signature (RFC 9420 §12.4.3). O(size), which includes the ratchet tree
    /// if that is among the extensions; of a [`Kept<GroupInfo>`](crate::Kept) it is
    /// [`bytes_before_signature`](crate::Kept::bytes_before_signature), for nothing.
    ///
    /// # Errors
    /// [`EncodeError`] if a field has no encoding.
    pub fn tbs(&self) -> Result<Vec<u8>, EncodeError> {
        let mut bytes = encode(self)?;
        bytes.truncate(bytes.len().saturating_sub(opaque_len(self.signature.len())));
        Ok(bytes)
    }
}

impl sealed::Sealed for GroupInfo {}
impl Keep for GroupInfo {
    type Cell = Decoded<Self>;
}

impl SignatureLast for GroupInfo {
    fn signature(&self) -> &Opaque {
        &self.signature
    }

    fn set_signature(&mut self, signature: Opaque) {
        self.signature = signature;
    }
}

/// `GroupSecrets`: what a Welcome tells each new member alone (RFC 9420 §12.4.3.1).
///
/// It decodes like any structure, from the slice that was decrypted and without copies in between, but it
/// encodes only into a [`Secret`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupSecrets {
    /// From which the epoch's secrets are derived (§8).
    pub joiner_secret: Secret,
    /// That of the lowest common ancestor with the committer; absent if the Commit had no path (R226).
    pub path_secret: Option<Secret>,
    /// The PSKs of the Commit, in its order (R126).
    pub psks: List<PreSharedKeyId>,
}

impl GroupSecrets {
    /// The encoding. The only copy of it is the one returned.
    ///
    /// # Errors
    /// [`EncodeError::TooLong`] if a field is no vector.
    pub fn encode(&self) -> Result<Secret, EncodeError> {
        let Self { joiner_secret, path_secret, psks } = self;
        // The capacity is exact: the vector does not move, and leaves no copy behind.
        let mut out = Vec::with_capacity(self.encoded_len());
        let written = Self::write(joiner_secret, path_secret.as_ref(), psks, &mut out);
        let out = Secret::from(out); // zeroized in either case
        written.map(|()| out)
    }

    fn encoded_len(&self) -> usize {
        let Self { joiner_secret, path_secret, psks } = self;
        let path_secret_len = path_secret.as_ref().map_or(0, |secret| opaque_len(secret.len()));
        let secrets = opaque_len(joiner_secret.len()).saturating_add(path_secret_len);
        secrets.saturating_add(psks.encoded_len()).saturating_add(1)
    }

    fn write(
        joiner_secret: &Secret,
        path_secret: Option<&Secret>,
        psks: &List<PreSharedKeyId>,
        out: &mut Vec<u8>,
    ) -> Result<(), EncodeError> {
        write_opaque(joiner_secret.as_bytes(), out)?;
        out.push(path_secret.is_some().into());
        if let Some(path_secret) = path_secret {
            write_opaque(path_secret.as_bytes(), out)?;
        }
        psks.encode_into(out)
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let joiner_secret = Secret::copy_from(reader.read_opaque()?);
        let path_secret = match reader.read_bytes(1)? {
            [0] => None,
            [1] => Some(Secret::copy_from(reader.read_opaque()?)),
            _ => return Err(DecodeError::BadPresence), // R001
        };
        Ok(Self { joiner_secret, path_secret, psks: reader.read()? })
    }
}

/// The length of the encoding, as `tls_codec` wants to know it of whatever it decodes.
impl tls_codec::Size for GroupSecrets {
    fn tls_serialized_len(&self) -> usize {
        self.encoded_len()
    }
}

tls_decode!(GroupSecrets);

/// `EncryptedGroupSecrets`: [`GroupSecrets`] for one new member (RFC 9420 §12.4.3.1).
#[derive(Clone, Debug, PartialEq, Eq, Hash, tls_codec::TlsDeserializeBytes)]
pub struct EncryptedGroupSecrets {
    /// Which KeyPackage they are encrypted to.
    pub new_member: KeyPackageRef,
    /// [`GroupSecrets`], encrypted.
    pub encrypted_group_secrets: HpkeCiphertext,
}

wire_struct!(EncryptedGroupSecrets { new_member, encrypted_group_secrets });

/// `Welcome` (RFC 9420 §12.4.3.1).
#[derive(Clone, Debug, PartialEq, Eq, Hash, tls_codec::TlsDeserializeBytes)]
pub struct Welcome {
    /// The group's cipher suite.
    #[tls_codec(with = "crate::codec::cipher_suite")]
    pub cipher_suite: CipherSuiteId,
    /// One for each new member.
    pub secrets: List<EncryptedGroupSecrets>,
    /// [`GroupInfo`], encrypted under keys from `welcome_secret`.
    pub encrypted_group_info: Opaque,
}

wire_struct!(Welcome { cipher_suite, secrets, encrypted_group_info });
