//! GREASE (RFC 9420 §13.5): random unassigned values where the RFC wants peers to ignore what they do not know (R262 to
//! R267). Only sending is here; received GREASE gets no treatment of its own (R265).

use crate::GroupError;
use alloc::vec::Vec;
use pleach_crypto::{CipherSuiteId, SecureRandom};
use pleach_wire::{Capabilities, CredentialType, Extension, ExtensionType, GREASE, Opaque, ProposalType};

/// A source of GREASE values; it gives none when switched off.
#[derive(Debug, Clone, Copy)]
pub struct Grease<'a>(Option<&'a dyn SecureRandom>);

impl<'a> Grease<'a> {
    /// GREASE from this randomness, if `on`.
    #[must_use]
    pub fn new(on: bool, random: &'a dyn SecureRandom) -> Self {
        Self(on.then_some(random))
    }

    /// Adds one value to each list of the capabilities, and one extension to a leaf's, listed in the capabilities (R263).
    ///
    /// # Errors
    /// Those of the randomness.
    pub fn leaf(
        self,
        capabilities: &mut Capabilities,
        extensions: &mut Vec<Extension>,
    ) -> Result<(), GroupError> {
        let Some(random) = self.0 else { return Ok(()) };
        let extension = value(random)?;
        push(&mut capabilities.cipher_suites, CipherSuiteId(value(random)?));
        push(&mut capabilities.extensions, ExtensionType(extension));
        push(&mut capabilities.proposals, ProposalType(value(random)?));
        push(&mut capabilities.credentials, CredentialType(value(random)?));
        extensions.push(body(extension, random)?);
        Ok(())
    }

    /// Adds one extension to those of a key package (listed in the leaf's capabilities, R152) or a GroupInfo (R247).
    /// `among` are the extension types listed in the capabilities, if they must be.
    ///
    /// # Errors
    /// Those of the randomness.
    pub fn extension(
        self,
        extensions: &mut Vec<Extension>,
        among: Option<&[ExtensionType]>,
    ) -> Result<(), GroupError> {
        let Some(random) = self.0 else { return Ok(()) };
        let extension = match among {
            None => value(random)?,
            Some(listed) => match listed.iter().find(|listed| listed.is_grease()) {
                Some(listed) => listed.0,
                None => return Ok(()),
            },
        };
        extensions.push(body(extension, random)?);
        Ok(())
    }
}

fn value(random: &dyn SecureRandom) -> Result<u16, GroupError> {
    let mut byte = [0];
    random.fill(&mut byte)?;
    let [byte] = byte;
    let picked = usize::from(byte) % GREASE.len();
    Ok(GREASE.get(picked).copied().unwrap_or(0x0A0A))
}

/// R267: content and length are free.
fn body(extension: u16, random: &dyn SecureRandom) -> Result<Extension, GroupError> {
    let mut len = [0];
    random.fill(&mut len)?;
    let [len] = len;
    Ok(Extension {
        extension_type: ExtensionType(extension),
        extension_data: Opaque::from(random.bytes(usize::from(len % 8))?),
    })
}

fn push<T: Copy + PartialEq>(list: &mut pleach_wire::List<T>, value: T) {
    if !list.contains(&value) {
        let mut values = list.to_vec();
        values.push(value);
        *list = values.into();
    }
}
