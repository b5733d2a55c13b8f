//! Key packages, leaf nodes, credentials, capabilities and extensions (RFC 9420 §5.3, §7.2, §10, §13).

use pleach::crypto::CipherSuiteId;
use pleach::wire::{
    Capabilities, Credential, Extension, ExtensionType, Extensions, ExternalPub, ExternalSenders, KeyPackage,
    LeafNode, LeafNodeSource, RatchetTreeNodes, RequiredCapabilities, decode, is_grease_value,
};

use super::tree;
use crate::backends::{self, SuiteFacts};
use crate::output::Item;
use crate::text;

pub(super) fn key_package(key_package: &KeyPackage) -> Item {
    cipher_suite(Item::object(), key_package.cipher_suite)
        .with("init_key", Item::bytes(&key_package.init_key))
        .with("leaf_node", leaf_node(&key_package.leaf_node))
        .with("extensions", extensions(&key_package.extensions))
        .with("signature", Item::bytes(&key_package.signature))
}

/// A suite's number and name. No post-quantum number is registered, so whose it is and what it stands for is said as well.
pub(super) fn cipher_suite(item: Item, id: CipherSuiteId) -> Item {
    let item = item.with("cipher_suite", text::suite(id));
    match backends::facts(id) {
        Some(SuiteFacts { numbering: Some(numbering), algorithms, .. }) => item
            .with("cipher_suite_algorithms", text::algorithms(&algorithms))
            .with("cipher_suite_numbering", numbering.name()),
        _ => item,
    }
}

pub(super) fn leaf_node(leaf: &LeafNode) -> Item {
    let item = Item::object()
        .with("encryption_key", Item::bytes(&leaf.encryption_key))
        .with("signature_key", Item::bytes(&leaf.signature_key))
        .with("credential", credential(&leaf.credential))
        .with("capabilities", capabilities(&leaf.capabilities));
    let item = match &leaf.leaf_node_source {
        LeafNodeSource::KeyPackage(lifetime) => item
            .with("leaf_node_source", "key_package")
            .with("not_before", time(lifetime.not_before))
            .with("not_after", time(lifetime.not_after)),
        LeafNodeSource::Update => item.with("leaf_node_source", "update"),
        LeafNodeSource::Commit { parent_hash } => {
            item.with("leaf_node_source", "commit").with("parent_hash", Item::bytes(parent_hash))
        }
    };
    item.with("extensions", extensions(&leaf.extensions)).with("signature", Item::bytes(&leaf.signature))
}

pub(super) fn credential(credential: &Credential) -> Item {
    let item = Item::object().with("credential_type", Item::text(&credential.credential_type()));
    match credential {
        Credential::Basic { identity } => item.with("identity", Item::name(identity)),
        Credential::X509 { certificates } => {
            let list = certificates.iter().map(|certificate| Item::bytes(&certificate.cert_data));
            item.with("certificates", Item::list(list))
        }
        Credential::Unknown { data, .. } => item.with("data", Item::bytes(data)),
    }
}

fn capabilities(capabilities: &Capabilities) -> Item {
    Item::object()
        .with("versions", names(capabilities.versions.iter()))
        .with("cipher_suites", Item::list(capabilities.cipher_suites.iter().map(|id| suite_number(*id))))
        .with("extensions", names(capabilities.extensions.iter()))
        .with("proposals", names(capabilities.proposals.iter()))
        .with("credentials", names(capabilities.credentials.iter()))
}

/// A number, unless it stands for nothing.
fn suite_number(id: CipherSuiteId) -> Item {
    match backends::facts(id) {
        _ if is_grease_value(id.0) => Item::Text(format!("grease({:#06x})", id.0)),
        Some(SuiteFacts { numbering: None, .. }) => id.0.into(),
        Some(_) => Item::Text(text::suite_number(id)),
        None => Item::Text(text::suite(id)),
    }
}

fn names<T: ToString>(values: impl Iterator<Item = T>) -> Item {
    Item::list(values.map(|value| Item::text(&value)))
}

pub(super) fn extensions(extensions: &Extensions) -> Item {
    Item::list(extensions.iter().map(extension))
}

/// An extension, its data decoded if the type is one of RFC 9420's.
fn extension(extension: &Extension) -> Item {
    let data = &extension.extension_data;
    let item = Item::object().with("extension_type", Item::text(&extension.extension_type));
    let decoded = match extension.extension_type {
        ExtensionType::APPLICATION_ID => decode::<pleach::wire::ApplicationId>(data)
            .map(|body| item.clone().with("application_id", Item::name(&body.application_id))),
        ExtensionType::RATCHET_TREE => decode::<RatchetTreeNodes>(data)
            .map(|nodes| item.clone().with("ratchet_tree", tree::nodes(&nodes))),
        ExtensionType::REQUIRED_CAPABILITIES => decode::<RequiredCapabilities>(data).map(|body| {
            item.clone()
                .with("extension_types", names(body.extension_types.iter()))
                .with("proposal_types", names(body.proposal_types.iter()))
                .with("credential_types", names(body.credential_types.iter()))
        }),
        ExtensionType::EXTERNAL_PUB => decode::<ExternalPub>(data)
            .map(|body| item.clone().with("external_pub", Item::bytes(&body.external_pub))),
        ExtensionType::EXTERNAL_SENDERS => decode::<ExternalSenders>(data).map(|body| {
            let senders = body.external_senders.iter().map(|sender| {
                Item::object()
                    .with("signature_key", Item::bytes(&sender.signature_key))
                    .with("credential", credential(&sender.credential))
            });
            item.clone().with("external_senders", Item::list(senders))
        }),
        _ => return item.with("extension_data", Item::bytes(data)),
    };
    // A broken extension is worth seeing; it does not keep the rest from being shown.
    decoded.unwrap_or_else(|error| {
        item.with("malformed", Item::text(&error)).with("extension_data", Item::bytes(data))
    })
}

/// Seconds since 1970 as a date in UTC, up to the year 9999.
pub(crate) fn time(seconds: u64) -> String {
    const DAY: u64 = 86_400;
    if seconds > 253_402_300_799 {
        return format!("{seconds} s");
    }
    let (days, rest) = (seconds / DAY, seconds % DAY);
    // Civil from days, with years that begin in March so that the leap day is last.
    let z = days + 719_468;
    let (era, day_of_era) = (z / 146_097, z % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02} {:02}:{:02}:{:02} UTC", rest / 3600, rest / 60 % 60, rest % 60)
}

#[cfg(test)]
mod tests {
    use super::time;

    #[test]
    fn dates() {
        assert_eq!(time(0), "1970-01-01 00:00:00 UTC");
        assert_eq!(time(951_827_696), "2000-02-29 12:34:56 UTC");
        assert_eq!(time(1_767_225_599), "2025-12-31 23:59:59 UTC");
        assert_eq!(time(253_402_300_799), "9999-12-31 23:59:59 UTC");
        assert_eq!(time(u64::MAX), "18446744073709551615 s");
    }
}
