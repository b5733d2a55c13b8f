//! Events for `tracing`, if that feature is on: ids of groups, epochs and sizes, never content, keys or secrets.

macro_rules! event {
    ($level:ident, $($argument:tt)+) => {
        #[cfg(feature = "tracing")]
        tracing::$level!(target: "pleach", $($argument)+);
    };
}
pub(crate) use event;

/// Bytes as hexadecimal, the first 16 of them: enough to tell groups apart in a log.
#[cfg(feature = "tracing")]
pub(crate) struct Id<'a>(pub(crate) &'a [u8]);

#[cfg(feature = "tracing")]
impl std::fmt::Display for Id<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().take(16).try_for_each(|byte| write!(f, "{byte:02x}"))?;
        if self.0.len() > 16 { f.write_str("..") } else { Ok(()) }
    }
}
