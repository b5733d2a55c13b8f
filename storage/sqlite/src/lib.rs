//! Pleach: storage in an SQLite file
