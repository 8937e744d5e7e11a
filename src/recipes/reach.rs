//! Where the service is, and for which device.

/// Stands in a text where the device's key belongs and must not be shown, or is not known.
const UNKNOWN_KEY: &str = "<device key>";
/// Stands where the CA file belongs that nobody has named.
const UNKNOWN_CA: &str = "ca.pem";

/// Where a service is, and which device is to reach it.
#[derive(Debug, Clone, Copy)]
pub struct Reach<'a> {
    /// The ID scope that devices name.
    pub id_scope: &'a str,
    /// The host name that clients are given for DPS: the production one through a gateway, else such
    /// as `localhost`.
    pub host: &'a str,
    /// The linked hubs, by their names.
    pub hubs: &'a [&'a str],
    /// The file of the CA that clients have to trust.
    pub ca_file: Option<&'a str>,
    /// `HOST:PORT` of MQTT over TLS.
    pub mqtt: &'a str,
    /// `HOST:PORT` of HTTPS, and of MQTT and AMQP over WebSocket.
    pub https: &'a str,
    /// `HOST:PORT` of AMQP over TLS.
    pub amqp: &'a str,
    /// `HOST:PORT` of the gateway.
    pub gateway: Option<&'a str>,
    /// The device.
    pub registration_id: &'a str,
    /// Its key; a placeholder stands in its place where there is none.
    pub device_key: Option<&'a str>,
}

impl Reach<'_> {
    pub(super) fn ca_file(&self) -> &str {
        self.ca_file.unwrap_or(UNKNOWN_CA)
    }

    pub(super) fn device_key(&self) -> &str {
        self.device_key.unwrap_or(UNKNOWN_KEY)
    }
}

/// `127.0.0.1` and `8883` of `127.0.0.1:8883`; an IPv6 address without its brackets.
pub(super) fn host_and_port(address: &str) -> (&str, &str) {
    let (host, port) = address.rsplit_once(':').unwrap_or((address, ""));
    (host.trim_start_matches('[').trim_end_matches(']'), port)
}

/// The port of `HOST:PORT`.
pub(super) fn port(address: &str) -> &str {
    host_and_port(address).1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_comes_apart() {
        assert_eq!(host_and_port("127.0.0.1:8883"), ("127.0.0.1", "8883"));
        assert_eq!(host_and_port("[::1]:1080"), ("::1", "1080"));
    }
}
