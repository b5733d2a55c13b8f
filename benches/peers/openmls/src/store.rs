//! OpenMLS's SQLite provider with every call counted.
//!
//! Keys and values become bytes in the codec, which belongs to the application: CBOR here, since JSON, of OpenMLS's own
//! examples, makes of a byte 3.6 on average. The codec sums the bytes; the wrapper around the storage trait knows which call
//! they belong to. A list that is read counts its rows; a value that is a list is one row.

use openmls_sqlite_storage::{Codec, Connection, SqliteStorageProvider};
use openmls_traits::storage::{CURRENT_VERSION, StorageProvider, traits};
use peer_harness::{Counters, Counts};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::cell::Cell;

/// What went through the codec on this thread, in bytes, and how many values were decoded.
#[derive(Clone, Copy, Default)]
struct Coded {
    encoded: usize,
    decoded: usize,
    values: u64,
}

thread_local! {
    static CODED: Cell<Coded> = const { Cell::new(Coded { encoded: 0, decoded: 0, values: 0 }) };
}

/// CBOR, summing up.
#[derive(Debug, Default)]
pub(crate) struct Cbor;

/// CBOR failed.
#[derive(Debug)]
pub(crate) struct CborError(String);

impl std::fmt::Display for CborError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for CborError {}

impl Codec for Cbor {
    type Error = CborError;

    fn to_vec<T: Serialize>(value: &T) -> Result<Vec<u8>, CborError> {
        let mut bytes = Vec::new();
        ciborium::into_writer(value, &mut bytes).map_err(|error| CborError(error.to_string()))?;
        CODED.set(Coded { encoded: CODED.get().encoded + bytes.len(), ..CODED.get() });
        Ok(bytes)
    }

    fn from_slice<T: DeserializeOwned>(slice: &[u8]) -> Result<T, CborError> {
        let Coded { encoded, decoded, values } = CODED.get();
        CODED.set(Coded { encoded, decoded: decoded + slice.len(), values: values + 1 });
        ciborium::from_reader(slice).map_err(|error| CborError(error.to_string()))
    }
}

/// The counted provider.
pub(crate) struct Store {
    inner: SqliteStorageProvider<Cbor, Connection>,
    counters: Counters,
}

impl Store {
    pub(crate) fn new(connection: Connection) -> peer_harness::Result<Self> {
        let mut inner = SqliteStorageProvider::new(connection);
        inner.run_migrations()?;
        Ok(Self { inner, counters: Counters::default() })
    }

    pub(crate) fn counts(&self) -> Counts {
        self.counters.counts()
    }

    fn write<T>(&self, call: impl FnOnce() -> T) -> T {
        CODED.set(Coded::default());
        let result = call();
        self.counters.wrote(CODED.get().encoded);
        result
    }

    fn read<T>(&self, call: impl FnOnce() -> T) -> T {
        CODED.set(Coded::default());
        let result = call();
        let Coded { encoded, decoded, values } = CODED.get();
        if values > 0 {
            self.counters.read(values, encoded + decoded);
        }
        result
    }

    fn erase<T>(&self, call: impl FnOnce() -> T) -> T {
        let result = call();
        self.counters.erased();
        result
    }
}

/// Methods that pass on their arguments, counted as `write`, `read` or `erase`.
macro_rules! counted {
    ($($how:ident $name:ident[$($of:ident),*]($($argument:ident: $type:ty),*) -> $result:ty;)*) => {
        $(fn $name<$($of: traits::$of<CURRENT_VERSION>),*>(
            &self,
            $($argument: $type),*
        ) -> Result<$result, Self::Error> {
            self.$how(|| self.inner.$name::<$($of),*>($($argument),*))
        })*
    };
}

impl StorageProvider<CURRENT_VERSION> for Store {
    type Error = <SqliteStorageProvider<Cbor, Connection> as StorageProvider<CURRENT_VERSION>>::Error;

    counted! {
        write write_mls_join_config[GroupId, MlsGroupJoinConfig](
            group_id: &GroupId, config: &MlsGroupJoinConfig
        ) -> ();
        write append_own_leaf_node[GroupId, LeafNode](group_id: &GroupId, leaf_node: &LeafNode) -> ();
        write queue_proposal[GroupId, ProposalRef, QueuedProposal](
            group_id: &GroupId, proposal_ref: &ProposalRef, proposal: &QueuedProposal
        ) -> ();
        write write_tree[GroupId, TreeSync](group_id: &GroupId, tree: &TreeSync) -> ();
        write write_interim_transcript_hash[GroupId, InterimTranscriptHash](
            group_id: &GroupId, interim_transcript_hash: &InterimTranscriptHash
        ) -> ();
        write write_context[GroupId, GroupContext](group_id: &GroupId, group_context: &GroupContext) -> ();
        write write_confirmation_tag[GroupId, ConfirmationTag](
            group_id: &GroupId, confirmation_tag: &ConfirmationTag
        ) -> ();
        write write_group_state[GroupState, GroupId](group_id: &GroupId, group_state: &GroupState) -> ();
        write write_message_secrets[GroupId, MessageSecrets](
            group_id: &GroupId, message_secrets: &MessageSecrets
        ) -> ();
        write write_resumption_psk_store[GroupId, ResumptionPskStore](
            group_id: &GroupId, resumption_psk_store: &ResumptionPskStore
        ) -> ();
        write write_own_leaf_index[GroupId, LeafNodeIndex](
            group_id: &GroupId, own_leaf_index: &LeafNodeIndex
        ) -> ();
        write write_group_epoch_secrets[GroupId, GroupEpochSecrets](
            group_id: &GroupId, group_epoch_secrets: &GroupEpochSecrets
        ) -> ();
        write write_signature_key_pair[SignaturePublicKey, SignatureKeyPair](
            public_key: &SignaturePublicKey, signature_key_pair: &SignatureKeyPair
        ) -> ();
        write write_encryption_key_pair[EncryptionKey, HpkeKeyPair](
            public_key: &EncryptionKey, key_pair: &HpkeKeyPair
        ) -> ();
        write write_encryption_epoch_key_pairs[GroupId, EpochKey, HpkeKeyPair](
            group_id: &GroupId, epoch: &EpochKey, leaf_index: u32, key_pairs: &[HpkeKeyPair]
        ) -> ();
        write write_key_package[HashReference, KeyPackage](
            hash_ref: &HashReference, key_package: &KeyPackage
        ) -> ();
        write write_psk[PskId, PskBundle](psk_id: &PskId, psk: &PskBundle) -> ();
        read mls_group_join_config[GroupId, MlsGroupJoinConfig](
            group_id: &GroupId
        ) -> Option<MlsGroupJoinConfig>;
        read own_leaf_nodes[GroupId, LeafNode](group_id: &GroupId) -> Vec<LeafNode>;
        read queued_proposal_refs[GroupId, ProposalRef](group_id: &GroupId) -> Vec<ProposalRef>;
        read queued_proposals[GroupId, ProposalRef, QueuedProposal](
            group_id: &GroupId
        ) -> Vec<(ProposalRef, QueuedProposal)>;
        read tree[GroupId, TreeSync](group_id: &GroupId) -> Option<TreeSync>;
        read group_context[GroupId, GroupContext](group_id: &GroupId) -> Option<GroupContext>;
        read interim_transcript_hash[GroupId, InterimTranscriptHash](
            group_id: &GroupId
        ) -> Option<InterimTranscriptHash>;
        read confirmation_tag[GroupId, ConfirmationTag](group_id: &GroupId) -> Option<ConfirmationTag>;
        read group_state[GroupState, GroupId](group_id: &GroupId) -> Option<GroupState>;
        read message_secrets[GroupId, MessageSecrets](group_id: &GroupId) -> Option<MessageSecrets>;
        read resumption_psk_store[GroupId, ResumptionPskStore](
            group_id: &GroupId
        ) -> Option<ResumptionPskStore>;
        read own_leaf_index[GroupId, LeafNodeIndex](group_id: &GroupId) -> Option<LeafNodeIndex>;
        read group_epoch_secrets[GroupId, GroupEpochSecrets](group_id: &GroupId) -> Option<GroupEpochSecrets>;
        read signature_key_pair[SignaturePublicKey, SignatureKeyPair](
            public_key: &SignaturePublicKey
        ) -> Option<SignatureKeyPair>;
        read encryption_key_pair[HpkeKeyPair, EncryptionKey](
            public_key: &EncryptionKey
        ) -> Option<HpkeKeyPair>;
        read encryption_epoch_key_pairs[GroupId, EpochKey, HpkeKeyPair](
            group_id: &GroupId, epoch: &EpochKey, leaf_index: u32
        ) -> Vec<HpkeKeyPair>;
        read key_package[HashReference, KeyPackage](hash_ref: &HashReference) -> Option<KeyPackage>;
        read psk[PskBundle, PskId](psk_id: &PskId) -> Option<PskBundle>;
        erase remove_proposal[GroupId, ProposalRef](group_id: &GroupId, proposal_ref: &ProposalRef) -> ();
        erase delete_own_leaf_nodes[GroupId](group_id: &GroupId) -> ();
        erase delete_group_config[GroupId](group_id: &GroupId) -> ();
        erase delete_tree[GroupId](group_id: &GroupId) -> ();
        erase delete_confirmation_tag[GroupId](group_id: &GroupId) -> ();
        erase delete_group_state[GroupId](group_id: &GroupId) -> ();
        erase delete_context[GroupId](group_id: &GroupId) -> ();
        erase delete_interim_transcript_hash[GroupId](group_id: &GroupId) -> ();
        erase delete_message_secrets[GroupId](group_id: &GroupId) -> ();
        erase delete_all_resumption_psk_secrets[GroupId](group_id: &GroupId) -> ();
        erase delete_own_leaf_index[GroupId](group_id: &GroupId) -> ();
        erase delete_group_epoch_secrets[GroupId](group_id: &GroupId) -> ();
        erase clear_proposal_queue[GroupId, ProposalRef](group_id: &GroupId) -> ();
        erase delete_signature_key_pair[SignaturePublicKey](public_key: &SignaturePublicKey) -> ();
        erase delete_encryption_key_pair[EncryptionKey](public_key: &EncryptionKey) -> ();
        erase delete_encryption_epoch_key_pairs[GroupId, EpochKey](
            group_id: &GroupId, epoch: &EpochKey, leaf_index: u32
        ) -> ();
        erase delete_key_package[HashReference](hash_ref: &HashReference) -> ();
        erase delete_psk[PskId](psk_id: &PskId) -> ();
    }
}
