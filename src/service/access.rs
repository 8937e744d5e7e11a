//! Who may use the service API (E.6), and that of the hubs (I): whoever holds the key of the shared
//! access policy.

use std::time::{Duration, SystemTime};

use percent_encoding::percent_decode_str;
use thiserror::Error;
use zeroize::Zeroizing;

use crate::attestation::{Malformed, PolicyKey, SasToken};
use crate::sources::Chance;

/// The shared access policy of an instance, with every right.
#[derive(Debug, Clone)]
pub struct ServiceAccess {
    policy: String,
    primary: PolicyKey,
    secondary: Option<PolicyKey>,
    accepts_bearer: bool,
}

impl ServiceAccess {
    /// The policy that every instance of Azure's comes with.
    pub const DEFAULT_POLICY: &'static str = "provisioningserviceowner";

    /// The policy with every right that each of Azure's hubs comes with. Here it has the keys of the
    /// service's own policy (J-130).
    pub const HUB_POLICY: &'static str = "iothubowner";

    /// A policy with its keys. Bearer tokens are refused.
    pub fn new(policy: &str, primary: PolicyKey, secondary: Option<PolicyKey>) -> Self {
        Self { policy: policy.to_owned(), primary, secondary, accepts_bearer: false }
    }

    /// The default policy with a new key.
    ///
    /// # Panics
    ///
    /// If the operating system has no random numbers.
    pub fn generate() -> Self {
        Self::made_by(&Chance::system())
    }

    /// The same, with a key by this chance.
    pub(in crate::service) fn made_by(chance: &Chance) -> Self {
        let key = PolicyKey::made_by(chance, Self::DEFAULT_POLICY);
        Self::new(Self::DEFAULT_POLICY, key, None)
    }

    /// The same, taking any bearer token if `accepted`: they come from Entra ID, and nothing here
    /// can check them.
    #[must_use]
    pub fn accepting_bearer(self, accepted: bool) -> Self {
        Self { accepts_bearer: accepted, ..self }
    }

    /// What a client needs to use the service at `host`, which may have a port:
    /// `HostName=…;SharedAccessKeyName=…;SharedAccessKey=…`. Holds the key.
    pub fn connection_string(&self, host: &str) -> Zeroizing<String> {
        let key = self.primary.to_base64();
        Zeroizing::new(format!(
            "HostName={host};SharedAccessKeyName={};SharedAccessKey={}",
            self.policy, *key
        ))
    }

    /// What a back end needs to use the hub at `host`, in the same form. Holds the key.
    pub fn hub_connection_string(&self, host: &str) -> Zeroizing<String> {
        let key = self.primary.to_base64();
        let policy = Self::HUB_POLICY;
        Zeroizing::new(format!(
            "HostName={host};SharedAccessKeyName={policy};SharedAccessKey={}",
            *key
        ))
    }

    /// Checks the `Authorization` header of a request for `path` at `host`.
    ///
    /// # Errors
    ///
    /// Which check failed, for the log; the client is told nothing but 401.
    pub(super) fn check(
        &self,
        host: &str,
        path: &str,
        authorization: Option<&str>,
        now: SystemTime,
    ) -> Result<(), AccessFault> {
        self.check_for(&[&self.policy], &[host], path, authorization, now)
    }

    /// The same for a request to a hub, which goes by any of `hosts` (J-130).
    ///
    /// # Errors
    ///
    /// Which check failed, for the log; the client is told nothing but 401.
    pub(super) fn check_hub(
        &self,
        hosts: &[&str],
        path: &str,
        authorization: Option<&str>,
        now: SystemTime,
    ) -> Result<(), AccessFault> {
        self.check_for(&[Self::HUB_POLICY, &self.policy], hosts, path, authorization, now)
    }

    fn check_for(
        &self,
        policies: &[&str],
        hosts: &[&str],
        path: &str,
        authorization: Option<&str>,
        now: SystemTime,
    ) -> Result<(), AccessFault> {
        let header = authorization.filter(|it| !it.is_empty()).ok_or(AccessFault::Absent)?;
        if header.get(..7).is_some_and(|scheme| scheme.eq_ignore_ascii_case("bearer ")) {
            return if self.accepts_bearer { Ok(()) } else { Err(AccessFault::Bearer) };
        }
        let token = SasToken::from_text(header);
        let claims = token.claims()?;
        let resource = claims.resource();
        if !hosts.iter().any(|host| covers(&resource, host, path)) {
            let (token, requested) = (resource.into_owned(), hosts.join(" or "));
            return Err(AccessFault::Resource { token, requested });
        }
        let policy = claims.key_name().unwrap_or_default();
        let policy = percent_decode_str(policy).decode_utf8_lossy();
        if !policies.contains(&&*policy) {
            let (token, expected) = (policy.into_owned(), policies.join(" or "));
            return Err(AccessFault::Policy { token, expected });
        }
        let mut keys = std::iter::once(&self.primary).chain(&self.secondary);
        if !keys.any(|key| key.has_signed(&claims)) {
            return Err(AccessFault::Signature);
        }
        match claims.expired_since(now) {
            Some(since) => Err(AccessFault::Expired(since)),
            None => Ok(()),
        }
    }
}

/// Why a request was refused. Never repeats a signature or a key.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(super) enum AccessFault {
    #[error(
        "it has no Authorization header; send a SharedAccessSignature made with the key of the connection string"
    )]
    Absent,
    #[error(
        "its bearer token cannot be checked here; use the connection string, or let any token pass with `acceptBearer = true` in [serviceAuthorization]"
    )]
    Bearer,
    #[error("its Authorization header is not a SAS token: {0}")]
    Malformed(#[from] Malformed),
    #[error(
        "its SAS token is for {token:?}, the request went to {requested:?}; `sr` must be that host name"
    )]
    Resource {
        /// What the token is for.
        token: String,
        /// Where the request went.
        requested: String,
    },
    #[error("its SAS token names the policy {token:?}, this service has {expected:?} (`skn`)")]
    Policy {
        /// The policy in the token.
        token: String,
        /// The one there is.
        expected: String,
    },
    #[error(
        "its SAS token is not signed with the key of the policy; use the connection string that this service shows"
    )]
    Signature,
    #[error("its SAS token expired {} ago", crate::text::spoken(*.0))]
    Expired(
        /// How long ago.
        Duration,
    ),
}

/// Whether a token for `resource` is good for `path` at `host`: it must name the host, with or
/// without its port, and may go on with a part of the path, in whole segments.
fn covers(resource: &str, host: &str, path: &str) -> bool {
    let resource = resource.to_ascii_lowercase();
    let resource = resource.strip_prefix("https://").unwrap_or(&resource);
    let (authority, prefix) = resource.split_once('/').unwrap_or((resource, ""));
    let host = host.to_ascii_lowercase();
    if authority.is_empty() || !(authority == host || authority == without_port(&host)) {
        return false;
    }
    let path = percent_decode_str(path).decode_utf8_lossy().to_ascii_lowercase();
    let mut asked = path.trim_matches('/').split('/');
    let prefix = prefix.trim_matches('/');
    prefix.is_empty() || prefix.split('/').all(|segment| asked.next() == Some(segment))
}

/// A host without the port that may stand behind it.
pub(super) fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        // The colons of a bare IPv6 address are no port's.
        Some((name, port))
            if port.bytes().all(|byte| byte.is_ascii_digit())
                && (!name.contains(':') || name.ends_with(']')) =>
        {
            name
        }
        _ => host,
    }
}
