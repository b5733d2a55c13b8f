//! Authentication services for tests.

use pleach::{AuthDecision, AuthService, CredentialRequest, wire::Credential};

/// Accepts every credential. For tests alone: it makes whoever sends the first message whoever they say they are.
///
/// Two leaves are the same client if they have the same credential.
#[derive(Debug, Clone, Copy, Default)]
pub struct TrustEveryone;

impl AuthService for TrustEveryone {
    fn validate(&self, _: &CredentialRequest<'_>) -> AuthDecision {
        AuthDecision::Accept
    }

    fn client_id(&self, credential: &Credential, _: &[u8]) -> Vec<u8> {
        match credential {
            Credential::Basic { identity } => identity.to_vec(),
            other => pleach::wire::encode(other).unwrap_or_default(),
        }
    }
}
