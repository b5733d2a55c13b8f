//! A sample of every structure with every optional part present somewhere; the keys and signatures are not real.

use std::{boxed::Box, vec, vec::Vec};

use pleach_crypto::Secret;

use crate::*;

/// Bytes with a length that makes headers of 1 and 2 bytes.
fn filled(byte: u8, len: usize) -> Vec<u8> {
    vec![byte; len]
}

pub(super) fn capabilities() -> Capabilities {
    Capabilities {
        versions: [ProtocolVersion::MLS10, ProtocolVersion(0x7a7a)].into(),
        cipher_suites: [CipherSuiteId(1), CipherSuiteId(0xaaaa)].into(),
        extensions: [ExtensionType(0x0a0a)].into(),
        proposals: List::default(),
        credentials: [CredentialType::BASIC, CredentialType::X509].into(),
    }
}

pub(super) fn extensions() -> Extensions {
    [
        Extension::new(&ApplicationId { application_id: b"app".into() }).unwrap(),
        Extension { extension_type: ExtensionType(0x0a0a), extension_data: filled(9, 70).into() },
    ]
    .into_iter()
    .collect()
}

pub(super) fn leaf(leaf_node_source: LeafNodeSource) -> Kept<LeafNode> {
    Kept::new(LeafNode {
        encryption_key: filled(1, 32).into(),
        signature_key: filled(2, 32).into(),
        credential: Credential::basic(b"alice"),
        capabilities: capabilities(),
        leaf_node_source,
        extensions: extensions(),
        signature: filled(3, 64).into(),
    })
    .unwrap()
}

pub(super) fn key_package() -> Kept<KeyPackage> {
    Kept::new(KeyPackage {
        version: ProtocolVersion::MLS10,
        cipher_suite: CipherSuiteId(1),
        init_key: filled(4, 32).into(),
        leaf_node: leaf(LeafNodeSource::KeyPackage(Lifetime { not_before: 1, not_after: u64::MAX })),
        extensions: Extensions::default(),
        signature: filled(5, 64).into(),
    })
    .unwrap()
}

pub(super) fn parent() -> ParentNode {
    ParentNode {
        encryption_key: filled(6, 32).into(),
        parent_hash: filled(7, 32).into(),
        unmerged_leaves: [LeafIndex(1), LeafIndex(3), LeafIndex(u32::MAX)].into(),
    }
}

pub(super) fn tree() -> RatchetTreeNodes {
    let leaf = || Some(Node::Leaf(leaf(LeafNodeSource::Update)));
    RatchetTreeNodes::new(vec![leaf(), Some(Node::Parent(Box::new(parent()))), leaf(), None, leaf()]).unwrap()
}

pub(super) fn group_context() -> GroupContext {
    let required = RequiredCapabilities {
        extension_types: [ExtensionType(7)].into(),
        proposal_types: [ProposalType(8)].into(),
        credential_types: [CredentialType::BASIC].into(),
    };
    let senders = ExternalSenders {
        external_senders: [ExternalSender {
            signature_key: filled(8, 32).into(),
            credential: Credential::basic(b"server"),
        }]
        .into(),
    };
    GroupContext {
        version: ProtocolVersion::MLS10,
        cipher_suite: CipherSuiteId(1),
        group_id: b"group".into(),
        epoch: 5,
        tree_hash: filled(9, 32).into(),
        confirmed_transcript_hash: filled(10, 32).into(),
        extensions: vec![Extension::new(&required).unwrap(), Extension::new(&senders).unwrap()].into(),
    }
}

pub(super) fn psk_ids() -> [PreSharedKeyId; 2] {
    [
        PreSharedKeyId { psk: Psk::External { psk_id: b"psk".into() }, psk_nonce: filled(11, 32).into() },
        PreSharedKeyId {
            psk: Psk::Resumption {
                usage: ResumptionPskUsage::Branch,
                psk_group_id: b"old".into(),
                psk_epoch: 1 << 40,
            },
            psk_nonce: filled(12, 32).into(),
        },
    ]
}

pub(super) fn proposals() -> Vec<Proposal> {
    let [external, resumption] = psk_ids();
    vec![
        Proposal::Add(Add { key_package: key_package() }),
        Proposal::Update(Update { leaf_node: leaf(LeafNodeSource::Update) }),
        Proposal::Remove(Remove { removed: LeafIndex(u32::MAX) }),
        Proposal::PreSharedKey(PreSharedKey { psk: external }),
        Proposal::PreSharedKey(PreSharedKey { psk: resumption }),
        Proposal::ReInit(ReInit {
            group_id: b"new".into(),
            version: ProtocolVersion::MLS10,
            cipher_suite: CipherSuiteId(3),
            extensions: extensions(),
        }),
        Proposal::ExternalInit(ExternalInit { kem_output: filled(13, 32).into() }),
        Proposal::GroupContextExtensions(GroupContextExtensions { extensions: Extensions::default() }),
        Proposal::Custom { proposal_type: ProposalType(0xf003), data: b"custom".into() },
    ]
}

pub(super) fn commit() -> Commit {
    let proposals = proposals().into_iter().map(ProposalOrRef::Proposal);
    let ciphertext =
        || HpkeCiphertext { kem_output: filled(14, 32).into(), ciphertext: filled(15, 48).into() };
    Commit {
        proposals: proposals.chain([ProposalOrRef::Reference(filled(16, 32).into())]).collect(),
        path: Some(UpdatePath {
            leaf_node: leaf(LeafNodeSource::Commit { parent_hash: filled(17, 32).into() }),
            nodes: [
                UpdatePathNode {
                    encryption_key: filled(18, 32).into(),
                    encrypted_path_secret: List::default(),
                },
                UpdatePathNode {
                    encryption_key: filled(19, 32).into(),
                    encrypted_path_secret: [ciphertext(), ciphertext()].into(),
                },
            ]
            .into(),
        }),
    }
}

pub(super) fn contents() -> Vec<Content> {
    let mut contents = vec![Content::Application(b"hello".into()), Content::Commit(commit())];
    contents.push(Content::Commit(Commit { proposals: List::default(), path: None }));
    contents.extend(proposals().into_iter().map(Content::Proposal));
    contents
}

pub(super) fn auth(content: &Content) -> FramedContentAuthData {
    FramedContentAuthData {
        signature: filled(20, 64).into(),
        confirmation_tag: matches!(content, Content::Commit(_)).then(|| filled(21, 32).into()),
    }
}

pub(super) fn public_messages() -> Vec<PublicMessage> {
    let senders = [
        Sender::Member(LeafIndex(2)),
        Sender::External(1),
        Sender::NewMemberProposal,
        Sender::NewMemberCommit,
    ];
    let message = |(content, sender): (Content, Sender)| PublicMessage {
        auth: auth(&content),
        content: FramedContent {
            group_id: b"group".into(),
            epoch: 5,
            sender,
            authenticated_data: b"aad".into(),
            content,
        },
        membership_tag: matches!(sender, Sender::Member(_)).then(|| filled(22, 32).into()),
    };
    contents().into_iter().zip(senders.into_iter().cycle()).map(message).collect()
}

pub(super) fn group_info() -> Kept<GroupInfo> {
    let external_pub = ExternalPub { external_pub: filled(23, 32).into() };
    Kept::new(GroupInfo {
        group_context: group_context(),
        extensions: vec![Extension::new(&tree()).unwrap(), Extension::new(&external_pub).unwrap()].into(),
        confirmation_tag: filled(24, 32).into(),
        signer: LeafIndex(0),
        signature: filled(25, 64).into(),
    })
    .unwrap()
}

pub(super) fn group_secrets() -> [GroupSecrets; 2] {
    [None, Some(Secret::copy_from(&[27; 32]))].map(|path_secret| GroupSecrets {
        joiner_secret: Secret::copy_from(&[26; 32]),
        path_secret,
        psks: psk_ids().into(),
    })
}

pub(super) fn welcome() -> Welcome {
    Welcome {
        cipher_suite: CipherSuiteId(1),
        secrets: [EncryptedGroupSecrets {
            new_member: filled(28, 32).into(),
            encrypted_group_secrets: HpkeCiphertext {
                kem_output: filled(29, 32).into(),
                ciphertext: filled(30, 52).into(),
            },
        }]
        .into(),
        encrypted_group_info: filled(31, 0x4000).into(),
    }
}

pub(super) fn private_message() -> PrivateMessage {
    PrivateMessage {
        group_id: b"group".into(),
        epoch: 5,
        content_type: ContentType::Application,
        authenticated_data: Opaque::default(),
        encrypted_sender_data: filled(32, 28).into(),
        ciphertext: filled(33, 100).into(),
    }
}

/// A decoder that encodes again what it decoded.
pub(super) type Recode = Box<dyn Fn(&[u8]) -> Result<Vec<u8>, DecodeError>>;

/// An encoded sample, and how to decode it.
pub(super) struct Sample {
    pub(super) name: &'static str,
    pub(super) bytes: Vec<u8>,
    pub(super) recode: Recode,
}

fn sample<T: Encode + tls_codec::DeserializeBytes>(name: &'static str, value: &T) -> Sample {
    let recode = |bytes: &[u8]| decode::<T>(bytes).map(|value| encode(&value).unwrap());
    Sample { name, bytes: encode(value).unwrap(), recode: Box::new(recode) }
}

/// Samples of everything that decodes by itself, small ones first.
pub(super) fn all() -> Vec<Sample> {
    let x509 = Credential::X509 {
        certificates: [Certificate { cert_data: b"der".into() }, Certificate { cert_data: b"ca".into() }]
            .into(),
    };
    let unknown = Credential::Unknown { credential_type: CredentialType(0x0a0a), data: b"?".into() };
    let sender_data = SenderData { leaf_index: LeafIndex(1), generation: 2, reuse_guard: [3; 4] };
    let mut samples = vec![
        sample("x509", &x509),
        sample("unknown credential", &unknown),
        sample("SenderData", &sender_data),
        sample("LeafNode", &leaf(LeafNodeSource::Commit { parent_hash: Opaque::default() })),
        sample("RatchetTreeNodes", &tree()),
        sample("RequiredCapabilities", &group_context().extensions.required_capabilities().unwrap().unwrap()),
        sample("ExternalSenders", &group_context().extensions.external_senders().unwrap().unwrap()),
        sample("KeyPackage", &MlsMessage::from(key_package())),
        sample("GroupInfo", &MlsMessage::from(group_info())),
        sample("Welcome", &MlsMessage::from(welcome())),
        sample("PrivateMessage", &MlsMessage::from(private_message())),
    ];
    for message in public_messages() {
        let authenticated = AuthenticatedContent {
            wire_format: WireFormat::PUBLIC_MESSAGE,
            content: message.content.clone(),
            auth: message.auth.clone(),
        };
        samples.push(sample("AuthenticatedContent", &authenticated));
        samples.push(sample("PublicMessage", &MlsMessage::from(message)));
    }
    for secrets in group_secrets() {
        samples.push(Sample {
            name: "GroupSecrets",
            bytes: secrets.encode().unwrap().as_bytes().to_vec(),
            recode: Box::new(|bytes| {
                decode::<GroupSecrets>(bytes).map(|value| value.encode().unwrap().as_bytes().to_vec())
            }),
        });
    }
    samples
}
