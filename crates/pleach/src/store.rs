//! Between the state machine and the store: reading the rows that a step needs, and the rules that every step follows.
//!
//! *Step, persist, swap, release*: a step computes what would change; its batch is applied, all or nothing; the state in
//! memory follows; only then the output leaves. A step that lacks rows says which and is entered again.

use crate::Error;
use crate::batch::write;
use crate::client::Inner;
use crate::keys::Place;
use pleach_group::{
    Changes, Env, GroupConfig, GroupError, GroupState, Interrupt, Need, RecordKey, RecordRange, RowError,
    RowKind, Rows, StepResult,
};
use pleach_storage::{RecordKind, StorageError, Value, VecBatch, row_version};
use pleach_wire::NodeIndex;

/// How often a step may ask for more. The deepest chain is that of a Commit to a group whose copath is blank: it asks for
/// one level of the tree after the other, and a tree has at most 30; then for proposals, clients, keys, PSKs.
const ROUNDS: usize = 128;

impl Inner {
    /// Runs a step that needs a group, reading what it asks for.
    pub(crate) fn run<T>(
        &self,
        config: &GroupConfig,
        state: &mut GroupState,
        step: impl Fn(&GroupState, &Env<'_>, &Rows) -> StepResult<T>,
    ) -> Result<T, Error> {
        self.run_with(config, state, None, step)
    }

    /// As [`Inner::run`], with a row that the step is known to begin with. Misuse is told whatever that row says.
    pub(crate) fn run_with<T>(
        &self,
        config: &GroupConfig,
        state: &mut GroupState,
        first: Option<RecordKey>,
        step: impl Fn(&GroupState, &Env<'_>, &Rows) -> StepResult<T>,
    ) -> Result<T, Error> {
        let env = self.env(config);
        let group_id = state.group_id().to_vec();
        let place = self.place(&group_id);
        let mut rows = Rows::new();
        let has_read = first.is_some();
        self.read_rows(&place, first, &mut rows)?;
        let mut last = Vec::new();
        for round in 0..ROUNDS {
            let error = match step(state, &env, &rows) {
                Ok(output) => return Ok(output),
                Err(Interrupt::Need(Need::Rows(names))) => {
                    self.read_rows(&place, names, &mut rows)?;
                    continue;
                }
                // Nodes that were asked for and are still not there: their rows are missing.
                Err(Interrupt::Need(Need::Nodes(nodes))) if nodes == last => {
                    Some(GroupError::Row(RowError::missing(RowKind::TreeNode)).into())
                }
                Err(Interrupt::Need(Need::Nodes(nodes))) => {
                    let attached = self.attach_nodes(state, &nodes);
                    last = nodes;
                    attached.err()
                }
                Err(Interrupt::Need(Need::Tree)) => self.attach_tree(state).err(),
                Err(Interrupt::Need(Need::Proposals)) => self.attach_proposals(state).err(),
                Err(Interrupt::Need(_)) => Some(Error::Internal("a step asks for what is not known here")),
                Err(Interrupt::Error(error @ GroupError::Misuse(_))) if round == 0 => {
                    return Err(error.into());
                }
                Err(Interrupt::Error(error)) if round == 0 && !has_read => return Err(error.into()),
                Err(Interrupt::Error(error)) => Some(error.into()),
            };
            if let Some(error) = error {
                let error = self.conflict_or(state, error);
                return Err(self.torn_or(&place, &rows, error));
            }
        }
        Err(Error::Internal("a step never ends asking for rows"))
    }

    /// Runs a step that needs rows, but no group.
    pub(crate) fn run_without_group<T>(
        &self,
        config: &GroupConfig,
        place: &Place<'_>,
        step: impl Fn(&Env<'_>, &Rows) -> StepResult<T>,
    ) -> Result<T, Error> {
        let env = self.env(config);
        let mut rows = Rows::new();
        for _ in 0..ROUNDS {
            match step(&env, &rows) {
                Ok(output) => return Ok(output),
                Err(Interrupt::Need(Need::Rows(names))) => self.read_rows(place, names, &mut rows)?,
                Err(Interrupt::Need(_)) => {
                    return Err(Error::Internal("a step asks for a group that is not there"));
                }
                Err(Interrupt::Error(error)) => return Err(error.into()),
            }
        }
        Err(Error::Internal("a step never ends asking for rows"))
    }

    /// Opens a group: two rows.
    pub(crate) fn open(&self, group_id: &[u8]) -> Result<GroupState, Error> {
        let place = self.place(group_id);
        let mut rows = Rows::new();
        for _ in 0..ROUNDS {
            match GroupState::open(&self.provider, &rows) {
                Ok(state) => return Ok(state),
                Err(Interrupt::Need(Need::Rows(names))) => {
                    for name in names {
                        let row = self.read(&place, &name)?;
                        match (&name, &row) {
                            (RecordKey::Head, None) => return Err(Error::NotFound("group")),
                            (_, None) if self.changed(&place, &rows)?.is_some() => {
                                // Another handle left this epoch behind meanwhile: what it left for is there.
                                rows = Rows::new();
                                break;
                            }
                            (_, None) => {
                                return Err(
                                    StorageError::corrupt(RecordKind::Epoch, "the row is missing").into()
                                );
                            }
                            (_, Some(_)) => rows.insert(name, row),
                        }
                    }
                }
                Err(Interrupt::Need(_)) => {
                    return Err(Error::Internal("opening a group asks for more than rows"));
                }
                Err(Interrupt::Error(_)) if self.changed(&place, &rows)?.is_some() => rows = Rows::new(),
                Err(Interrupt::Error(error)) => return Err(error.into()),
            }
        }
        Err(Error::Internal("opening a group never ends asking for rows"))
    }

    /// Reads one row.
    pub(crate) fn read(&self, place: &Place<'_>, name: &RecordKey) -> Result<Option<Value>, StorageError> {
        place.with_key(name, |key| self.storage.get(&key))
    }

    /// Applies a batch: the changes of a step, then `more`.
    pub(crate) fn apply(&self, place: &Place<'_>, changes: &Changes, more: VecBatch) -> Result<(), Error> {
        write(&*self.storage, place, changes, more)
    }

    /// Reads rows for a step that only looks.
    pub(crate) fn look<T>(
        &self,
        state: &GroupState,
        step: impl Fn(&GroupState, &Rows) -> StepResult<T>,
    ) -> Result<T, Error> {
        let group_id = state.group_id().to_vec();
        let place = self.place(&group_id);
        let mut rows = Rows::new();
        for round in 0..ROUNDS {
            match step(state, &rows) {
                Ok(output) => {
                    if round > 0 {
                        self.check_head(state)?;
                    }
                    return Ok(output);
                }
                Err(Interrupt::Need(Need::Rows(names))) => self.read_rows(&place, names, &mut rows)?,
                Err(Interrupt::Need(_)) => return Err(Error::Internal("a look asks for more than rows")),
                Err(Interrupt::Error(error)) => return Err(self.conflict_or(state, error.into())),
            }
        }
        Err(Error::Internal("a look never ends asking for rows"))
    }

    /// Gives a state nodes of its ratchet tree: a row each.
    pub(crate) fn attach_nodes(&self, state: &mut GroupState, nodes: &[NodeIndex]) -> Result<(), Error> {
        let group_id = state.group_id().to_vec();
        let place = self.place(&group_id);
        let mut rows = Vec::with_capacity(nodes.len());
        for node in nodes {
            if let Some(row) = self.read(&place, &RecordKey::TreeNode(*node))? {
                rows.push((*node, row));
            }
        }
        let path_keys = if state.has_tree() { None } else { self.read(&place, &RecordKey::PathKeys)? };
        self.check_head(state)?;
        let rows = rows.iter().map(|(node, row)| (*node, row.as_slice()));
        Ok(state.attach_nodes(rows, path_keys.as_ref().map(|row| row.as_slice()))?)
    }

    /// Gives a state its ratchet tree. O(n) rows.
    pub(crate) fn attach_tree(&self, state: &mut GroupState) -> Result<(), Error> {
        let group_id = state.group_id().to_vec();
        let place = self.place(&group_id);
        let mut nodes = Vec::new();
        self.storage.scan(&place.range(&RecordRange::TreeNodes).as_range(), &mut |row| {
            let index =
                row.key.suffix.try_into().map_err(|_| {
                    StorageError::corrupt(RecordKind::TreeNode, "its key has the wrong length")
                })?;
            nodes.push((NodeIndex(u32::from_be_bytes(index)), row.value.to_vec()));
            Ok(())
        })?;
        let path_keys = self
            .read(&place, &RecordKey::PathKeys)?
            .ok_or(GroupError::Row(RowError::missing(RowKind::PathKeys)))?;
        self.check_head(state)?;
        Ok(state.attach_tree(nodes, &path_keys)?)
    }

    /// Gives a state its pending proposals.
    pub(crate) fn attach_proposals(&self, state: &mut GroupState) -> Result<(), Error> {
        let group_id = state.group_id().to_vec();
        let place = self.place(&group_id);
        let mut rows = Vec::new();
        self.storage.scan(&place.range(&RecordRange::Proposals).as_range(), &mut |row| {
            rows.push((row.key.suffix.to_vec(), row.value.to_vec()));
            Ok(())
        })?;
        self.check_head(state)?;
        Ok(state.attach_proposals(rows.iter().map(|(reference, row)| (reference.clone(), row.as_slice())))?)
    }

    fn read_rows(
        &self,
        place: &Place<'_>,
        names: impl IntoIterator<Item = RecordKey>,
        rows: &mut Rows,
    ) -> Result<(), Error> {
        for name in names {
            let row = self.read(place, &name)?;
            rows.insert(name, row);
        }
        Ok(())
    }

    /// Rows that were read belong to the state only if the head has not moved since.
    fn check_head(&self, state: &GroupState) -> Result<(), Error> {
        let head = self.read(&self.place(state.group_id()), &RecordKey::Head)?;
        if head.as_ref().and_then(|row| row_version(row)) == Some(state.head_version()) {
            Ok(())
        } else {
            Err(StorageError::Conflict { kind: RecordKind::Head }.into())
        }
    }

    /// Rows are read one after the other. If some have changed since, another handle wrote meanwhile, as when two receive
    /// the first messages of one epoch: that is a conflict, and no fault of the store or of the message.
    fn torn_or(&self, place: &Place<'_>, rows: &Rows, error: Error) -> Error {
        if matches!(error, Error::Storage(StorageError::Conflict { .. })) {
            return error;
        }
        match self.changed(place, rows) {
            Ok(Some(kind)) => StorageError::Conflict { kind }.into(),
            Ok(None) | Err(_) => error,
        }
    }

    /// The kind of a row that is not what it was when it was read, if there is one.
    fn changed(&self, place: &Place<'_>, rows: &Rows) -> Result<Option<RecordKind>, StorageError> {
        for (name, row) in rows.iter() {
            let key = place.key(name);
            let now = self.storage.get(&key.as_key())?;
            if now.as_ref().map(|now| now.as_slice()) != row {
                return Ok(Some(key.record()));
            }
        }
        Ok(None)
    }

    /// A step that failed may have seen rows of a later state. Then it is a conflict, whatever else it looked like.
    fn conflict_or(&self, state: &GroupState, error: Error) -> Error {
        match self.check_head(state) {
            Err(conflict @ Error::Storage(StorageError::Conflict { .. })) => conflict,
            _ => error,
        }
    }
}
