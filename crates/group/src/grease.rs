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
        let [extension, suite, proposal, credential, body @ ..] = draw::<12>(random)?;
        let extension = value(extension);
        push(&mut capabilities.cipher_suites, CipherSuiteId(value(suite)));
        push(&mut capabilities.extensions, ExtensionType(extension));
        push(&mut capabilities.proposals, ProposalType(value(proposal)));
        push(&mut capabilities.credentials, CredentialType(value(credential)));
        extensions.push(of(extension, body));
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
        let listed = match among {
            None => None,
            Some(listed) => match listed.iter().find(|listed| listed.is_grease()) {
                Some(listed) => Some(listed.0),
                None => return Ok(()),
            },
        };
        let [extension, body @ ..] = draw::<9>(random)?;
        extensions.push(of(listed.unwrap_or(value(extension)), body));
        Ok(())
    }
}

/// All randomness of an object at once: drawing some costs a generator more than the number of bytes does.
fn draw<const N: usize>(random: &dyn SecureRandom) -> Result<[u8; N], GroupError> {
    let mut bytes = [0; N];
    random.fill(&mut bytes)?;
    Ok(bytes)
}

fn value(byte: u8) -> u16 {
    GREASE.get(usize::from(byte) % GREASE.len()).copied().unwrap_or(0x0A0A)
}

/// R267: content and length are free; up to seven bytes.
fn of(extension: u16, [len, body @ ..]: [u8; 8]) -> Extension {
    let body = body.into_iter().take(usize::from(len % 8)).collect::<Vec<u8>>();
    Extension { extension_type: ExtensionType(extension), extension_data: Opaque::from(body) }
}

fn push<T: Copy + PartialEq>(list: &mut pleach_wire::List<T>, value: T) {
    if !list.contains(&value) {
        let mut values = list.to_vec();
        values.push(value);
        *list = values.into();
    }
}
