//! Messages that are not of a group: key packages, Welcomes, GroupInfos. Bounded before they are decoded.

use crate::Error;
use pleach_wire::{GroupInfo, Kept, KeyPackage, Limits, MlsMessage, MlsMessageBody, Welcome, decode};

/// A key package in an MLSMessage.
pub(crate) fn key_package(limits: &Limits, bytes: &[u8]) -> Result<Kept<KeyPackage>, Error> {
    match message(limits, bytes)? {
        MlsMessageBody::KeyPackage(key_package) => Ok(key_package),
        _ => Err(Error::UnexpectedMessage("KeyPackage")),
    }
}

/// A Welcome in an MLSMessage.
pub(crate) fn welcome(limits: &Limits, bytes: &[u8]) -> Result<Welcome, Error> {
    match message(limits, bytes)? {
        MlsMessageBody::Welcome(welcome) => Ok(welcome),
        _ => Err(Error::UnexpectedMessage("Welcome")),
    }
}

/// A GroupInfo in an MLSMessage.
pub(crate) fn group_info(limits: &Limits, bytes: &[u8]) -> Result<Kept<GroupInfo>, Error> {
    match message(limits, bytes)? {
        MlsMessageBody::GroupInfo(group_info) => Ok(group_info),
        _ => Err(Error::UnexpectedMessage("GroupInfo")),
    }
}

fn message(limits: &Limits, bytes: &[u8]) -> Result<MlsMessageBody, Error> {
    limits.check_message(bytes)?;
    let message: MlsMessage = decode(bytes)?;
    limits.check_decoded(&message)?;
    Ok(message.body)
}
