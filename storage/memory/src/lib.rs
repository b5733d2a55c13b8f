//! Pleach: storage in memory
