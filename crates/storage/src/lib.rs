//! Pleach: storage records, atomic batches and the Storage trait
