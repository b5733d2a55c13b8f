//! What a client keeps, and for how long.

/// Bounds of what a client keeps beside its groups. For what a group keeps, see [`GroupConfig`](crate::GroupConfig).
///
/// Counts are enforced when something is added, ages by [`Client::expire`](crate::Client::expire), which the application
/// calls now and then: the library has no timers.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ClientConfig {
    /// How many key packages, claimed ones among them, can be waiting at a time. They are counted once for every 64 that are
    /// made, so each further process may go beyond it by as many. Default: 1,024.
    pub key_packages: usize,
    /// How long after its lifetime a key package's private keys stay, in seconds, for a Welcome that was on its way.
    /// Default: 7 days.
    pub key_package_grace: u64,
    /// How many retired key packages are remembered, the oldest being forgotten first. Default: 256.
    pub retired_key_packages: usize,
    /// How many groups that were deleted are remembered, the oldest being forgotten first. Default: 1,024.
    pub deleted_groups: usize,
    /// How long retired key packages and deleted groups are remembered, in seconds. Default: 400 days, as long as a
    /// key package that is accepted can be valid.
    pub remembered: u64,
    /// How many external Commits can be pending at a time. Each holds a group. Default: 16.
    pub external_commits: usize,
    /// How long an external Commit stays pending, in seconds. Default: 7 days.
    pub external_commit_age: u64,
}

impl Default for ClientConfig {
    fn default() -> Self {
        Self {
            key_packages: 1_024,
            key_package_grace: 7 * 86_400,
            retired_key_packages: 256,
            deleted_groups: 1_024,
            remembered: 400 * 86_400,
            external_commits: 16,
            external_commit_age: 7 * 86_400,
        }
    }
}
