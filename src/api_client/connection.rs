//! Connection strings: `HostName=…;SharedAccessKeyName=…;SharedAccessKey=…` (E.6).

use std::fmt;
use std::str::FromStr;
use std::time::SystemTime;

use thiserror::Error;

use crate::attestation::{KeyError, PolicyKey, SasToken};
use crate::net::Endpoint;

/// Where a service is, and the policy that opens it. Redacted in `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct ConnectionString {
    /// As it was given, because tokens are made out to it.
    host: String,
    endpoint: Endpoint,
    policy: String,
    key: PolicyKey,
    service: Service,
}

/// Whose API it opens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Service {
    Provisioning,
    Hub,
}

/// Why a text is no connection string. Never repeats the text, which holds a key.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ConnectionStringError {
    /// A part is not there.
    #[error("it has no {0}; expected HostName=…;SharedAccessKeyName=…;SharedAccessKey=…")]
    Missing(&'static str),
    /// The host name is none.
    #[error("its HostName is not HOST or HOST:PORT, without a scheme or path")]
    HostName,
    /// It belongs to a provisioning service or a device.
    #[error("it is the connection string of a provisioning service or a device, not of an IoT hub")]
    NoHub,
    /// It belongs to an IoT hub or a device.
    #[error("it is the connection string of an IoT hub or a device, not of a provisioning service")]
    OtherService,
    /// The key is none.
    #[error("its SharedAccessKey: {0}")]
    Key(#[from] KeyError),
}

impl ConnectionString {
    /// That of an IoT hub, for [`HubClient`](super::HubClient).
    ///
    /// # Errors
    ///
    /// Says what is wrong with it, without repeating it.
    pub fn of_hub(text: &str) -> Result<Self, ConnectionStringError> {
        Self::read(text, Service::Hub)
    }

    /// Host name of the service, with a port where it has one.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The same, to be dialled.
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// Name of the policy.
    pub fn policy(&self) -> &str {
        &self.policy
    }

    /// A token for the whole service until `expiry`.
    pub(super) fn token(&self, expiry: SystemTime) -> SasToken {
        self.key.sign(&self.host, &self.policy, expiry)
    }

    pub(super) fn service(&self) -> Service {
        self.service
    }

    fn read(text: &str, service: Service) -> Result<Self, ConnectionStringError> {
        // The key is Base64 and ends in `=`, so only the first one separates.
        let parts = || text.trim().split(';').filter_map(|part| part.trim().split_once('='));
        let part = |name: &'static str| {
            let mut found = parts().filter(|(key, _)| key.trim().eq_ignore_ascii_case(name));
            let value = found.next().map(|(_, value)| value.trim());
            value.filter(|value| !value.is_empty()).ok_or(ConnectionStringError::Missing(name))
        };
        let host = part("HostName")?.to_owned();
        let endpoint: Endpoint = host.parse().map_err(|_| ConnectionStringError::HostName)?;
        let name = endpoint.host().to_ascii_lowercase();
        let is_other = match service {
            Service::Provisioning => name.ends_with(".azure-devices.net"),
            Service::Hub => name.ends_with(".azure-devices-provisioning.net"),
        };
        if is_other || part("DeviceId").is_ok() {
            return Err(match service {
                Service::Provisioning => ConnectionStringError::OtherService,
                Service::Hub => ConnectionStringError::NoHub,
            });
        }
        let policy = part("SharedAccessKeyName")?.to_owned();
        Ok(Self { host, endpoint, policy, key: part("SharedAccessKey")?.parse()?, service })
    }
}

impl FromStr for ConnectionString {
    type Err = ConnectionStringError;

    fn from_str(text: &str) -> Result<Self, ConnectionStringError> {
        Self::read(text, Service::Provisioning)
    }
}

impl fmt::Debug for ConnectionString {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ConnectionString({}, {}, key redacted)", self.host, self.policy)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "NXZgydIn9ntUpXfBsWFfaxJqAYVfgGQsshvA5GboGJI=";

    fn refused(text: &str) -> ConnectionStringError {
        text.parse::<ConnectionString>().unwrap_err()
    }

    #[test]
    fn e_6_parts_come_in_any_order_and_case() {
        let text =
            format!(" sharedaccesskey={KEY}; HostName=localhost:8443;SharedAccessKeyName=p;");

        let connection: ConnectionString = text.parse().unwrap();

        assert_eq!((connection.host(), connection.policy()), ("localhost:8443", "p"));
        assert_eq!(format!("{connection:?}"), "ConnectionString(localhost:8443, p, key redacted)");
    }

    #[test]
    fn that_of_a_hub_is_not_that_of_a_service() {
        let of = |host| format!("HostName={host};SharedAccessKeyName=p;SharedAccessKey={KEY}");
        let hub = |host| ConnectionString::of_hub(&of(host)).map(|it| it.host().to_owned());

        assert_eq!(hub("hub.azure-devices.net"), Ok("hub.azure-devices.net".to_owned()));
        assert_eq!(hub("dps.azure-devices-provisioning.net"), Err(ConnectionStringError::NoHub));
    }

    #[test]
    fn what_is_wrong_is_said_without_the_key() {
        use ConnectionStringError::{HostName, Missing, OtherService};
        let with_host =
            |host| format!("HostName={host};SharedAccessKeyName=p;SharedAccessKey={KEY}");

        assert_eq!(refused(KEY), Missing("HostName"));
        assert_eq!(refused("HostName=a;SharedAccessKeyName=p"), Missing("SharedAccessKey"));
        assert_eq!(
            refused(&format!("HostName=a;SharedAccessKey={KEY}")),
            Missing("SharedAccessKeyName")
        );
        assert_eq!(refused(&with_host("https://a/b")), HostName);
        assert_eq!(refused(&with_host("hub.azure-devices.net")), OtherService);
        assert_eq!(refused(&(with_host("a") + ";DeviceId=d")), OtherService);
        let error = refused("HostName=a;SharedAccessKeyName=p;SharedAccessKey=s*cret");
        assert!(!error.to_string().contains("cret"), "{error}");
    }
}
