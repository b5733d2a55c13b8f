//! p
use std::path::Path;
/// p
pub fn write_all(_: &Path, _: &[u8]) -> Result<Vec<(String, usize)>, crate::Error> { Ok(Vec::new()) }
