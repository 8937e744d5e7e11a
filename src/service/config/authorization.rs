//! `[serviceAuthorization]`: who may use the service API.

use std::fmt;

use serde::Deserialize;

use super::error::ConfigError;
use crate::attestation::PolicyKey;
use crate::service::access::ServiceAccess;
use crate::sources::Chance;
use crate::text::MemberPath;

/// The shared access policy of the service API, with the names of the resource model (E.6).
#[derive(Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ServiceAuthorizationConfig {
    /// Name of the policy; `provisioningserviceowner` if it is not there.
    pub key_name: Option<String>,
    /// Its key, Base64; made at start if it is not there.
    pub primary_key: Option<String>,
    /// Its second key, Base64.
    pub secondary_key: Option<String>,
    /// Whether any `Bearer` token will do: nothing here can check one.
    #[serde(default)]
    pub accept_bearer: bool,
}

/// It holds keys.
impl fmt::Debug for ServiceAuthorizationConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServiceAuthorizationConfig").finish_non_exhaustive()
    }
}

impl ServiceAuthorizationConfig {
    /// The policy, if its keys are keys and its name can stand in a connection string.
    pub(super) fn access(&self, chance: &Chance) -> Result<ServiceAccess, ConfigError> {
        let primary = key("primaryKey", self.primary_key.as_deref())?;
        let secondary = key("secondaryKey", self.secondary_key.as_deref())?;
        let policy = match self.key_name.as_deref() {
            Some(name) if name.is_empty() || name.contains([';', '=']) => {
                return Err(wrong("keyName", "expected a name without ';' and '='"));
            }
            name => name.unwrap_or(ServiceAccess::DEFAULT_POLICY),
        };
        let primary = primary.unwrap_or_else(|| PolicyKey::made_by(chance, policy));
        Ok(ServiceAccess::new(policy, primary, secondary).accepting_bearer(self.accept_bearer))
    }
}

fn key(member: &str, text: Option<&str>) -> Result<Option<PolicyKey>, ConfigError> {
    text.map(str::parse).transpose().map_err(|error| wrong(member, error))
}

fn wrong(member: &str, reason: impl ToString) -> ConfigError {
    ConfigError::new(MemberPath::of(&["serviceAuthorization", member]), reason)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::service::config::Config;

    #[test]
    fn e_6_the_policy_of_the_service_api_can_be_configured() {
        let access = |lines: &str| {
            let text = format!("idScope = \"0ne00002193\"\n[serviceAuthorization]\n{lines}");
            Config::from_toml(&text, &[])
                .map(|config| config.service_access(&Chance::system()).unwrap())
        };
        let key = "primaryKey = \"AAAAAAAAAAAAAAAAAAAAAA==\"\n";

        let given = access(&format!("{key}keyName = \"mine\"")).unwrap();
        assert_eq!(
            *given.connection_string("h"),
            "HostName=h;SharedAccessKeyName=mine;SharedAccessKey=AAAAAAAAAAAAAAAAAAAAAA=="
        );
        let made = access("").unwrap().connection_string("h");
        assert!(made.starts_with("HostName=h;SharedAccessKeyName=provisioningserviceowner;"));
        let refused = access("primaryKey = \"c2Vjc*V0\"").unwrap_err().to_string();
        assert!(refused.starts_with("line 3: serviceAuthorization.primaryKey: "), "{refused}");
        assert!(!refused.contains("c2Vj"));
        assert!(access("keyName = \"a;b\"").is_err());
    }
}
