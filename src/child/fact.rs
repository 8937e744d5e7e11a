//! What a device has to know of a service, by the names under which it is told: `{mqtt}` in its command
//! line, and `DPS_MQTT` in its environment (J-320).

use std::fmt;
use std::path::Path;

use zeroize::Zeroizing;

/// Something that a device has to know.
#[derive(Clone)]
pub struct Fact {
    /// What stands between braces in a command line.
    pub name: &'static str,
    /// The variable of the environment.
    pub variable: &'static str,
    /// What it is; an error says why there is none.
    pub value: Result<Zeroizing<String>, &'static str>,
    /// Whether it must not be shown.
    pub is_secret: bool,
}

/// Everything that a device has to know of a service.
#[derive(Clone)]
pub struct DeviceFacts<'a> {
    /// `HOST:PORT` of MQTT over TLS.
    pub mqtt: String,
    /// `HOST:PORT` of HTTPS, and of MQTT and AMQP over WebSocket.
    pub https: String,
    /// `HOST:PORT` of AMQP over TLS.
    pub amqp: String,
    /// `HOST:PORT` of the gateway.
    pub gateway: String,
    /// The file of the CA that the device has to trust.
    pub ca_file: &'a Path,
    /// The ID scope.
    pub id_scope: &'a str,
    /// Who the device is.
    pub registration_id: &'a str,
    /// Its key, Base64.
    pub device_key: Option<Zeroizing<String>>,
    /// The file of its certificate, with those above it.
    pub cert: Option<&'a Path>,
    /// The file of the key of that.
    pub cert_key: Option<&'a Path>,
    /// What it is to send as its payload, JSON.
    pub payload: Option<&'a str>,
}

impl DeviceFacts<'_> {
    /// The names of all that a device may be told.
    pub const NAMES: [&'static str; 14] = [
        "mqtt",
        "https",
        "amqp",
        "host",
        "mqtt-port",
        "https-port",
        "amqp-port",
        "gateway",
        "ca-file",
        "id-scope",
        "registration-id",
        "device-key",
        "cert",
        "cert-key",
    ];
    /// The same where there is a payload.
    pub const PAYLOAD: &'static str = "payload";

    /// All of it.
    pub fn facts(&self) -> Vec<Fact> {
        let fact = |name, variable, value: Result<String, &'static str>| Fact {
            name,
            variable,
            value: value.map(Zeroizing::new),
            is_secret: false,
        };
        let path =
            |path: Option<&Path>, why| path.map(|path| path.display().to_string()).ok_or(why);
        let port = |address: &str| {
            let port = address.rsplit_once(':').map(|(_, port)| port);
            port.unwrap_or_default().to_owned()
        };
        let host = self.mqtt.rsplit_once(':').map_or(&*self.mqtt, |(host, _)| host);
        vec![
            fact("mqtt", "DPS_MQTT", Ok(self.mqtt.clone())),
            fact("https", "DPS_HTTPS", Ok(self.https.clone())),
            fact("amqp", "DPS_AMQP", Ok(self.amqp.clone())),
            fact("host", "DPS_HOST", Ok(host.to_owned())),
            fact("mqtt-port", "DPS_MQTT_PORT", Ok(port(&self.mqtt))),
            fact("https-port", "DPS_HTTPS_PORT", Ok(port(&self.https))),
            fact("amqp-port", "DPS_AMQP_PORT", Ok(port(&self.amqp))),
            fact("gateway", "DPS_GATEWAY", Ok(self.gateway.clone())),
            fact("ca-file", "DPS_CA_FILE", Ok(self.ca_file.display().to_string())),
            fact("id-scope", "DPS_ID_SCOPE", Ok(self.id_scope.to_owned())),
            fact("registration-id", "DPS_REGISTRATION_ID", Ok(self.registration_id.to_owned())),
            Fact {
                name: "device-key",
                variable: "DPS_DEVICE_KEY",
                value: self.device_key.clone().ok_or("the device has no key"),
                is_secret: true,
            },
            fact("cert", "DPS_CERT", path(self.cert, "the device has no certificate")),
            fact("cert-key", "DPS_CERT_KEY", path(self.cert_key, "the device has no certificate")),
            fact(
                "payload",
                "DPS_PAYLOAD",
                self.payload.map(str::to_owned).ok_or("there is no payload"),
            ),
        ]
    }
}

impl fmt::Debug for Fact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = match &self.value {
            Ok(_) if self.is_secret => "…",
            Ok(value) => value.as_str(),
            Err(why) => why,
        };
        write!(f, "{}={value}", self.variable)
    }
}

impl fmt::Debug for DeviceFacts<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.facts()).finish()
    }
}
