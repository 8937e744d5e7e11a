//! The programs whose logs are known.

/// A text in lower case, and the entries that it speaks of.
pub(in crate::explain) type Phrase = (&'static str, &'static [&'static str]);

/// A program that writes about provisioning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Client {
    /// Azure IoT SDK for C.
    C,
    /// Azure IoT SDK for Python.
    Python,
    /// Azure IoT SDK for Node.js.
    Node,
    /// Azure IoT SDK for Java.
    Java,
    /// Azure IoT SDK for .NET.
    DotNet,
    /// Eclipse Paho, for any language.
    Paho,
    /// Mosquitto's clients.
    Mosquitto,
    /// Azure IoT Edge and its identity service.
    IotEdge,
    /// The Azure command line.
    Az,
    /// OpenSSL.
    OpenSsl,
    /// Mbed TLS, such as on ESP32.
    MbedTls,
    /// A program in Go.
    Go,
    /// This program.
    ProvisionSim,
}

/// What only one of them writes, in lower case, the most telling first.
const MARKS: &[(&str, Client)] = &[
    ("azure-iot-sdk-c", Client::C),
    ("prov_device_", Client::C),
    ("prov_transport_", Client::C),
    ("func:", Client::C),
    ("azure.iot.device", Client::Python),
    ("azure/iot/device", Client::Python),
    ("pipeline_stages_", Client::Python),
    ("traceback (most recent call last)", Client::Python),
    ("azure-iot-provisioning", Client::Node),
    ("azure-iot-", Client::Node),
    ("node_modules", Client::Node),
    ("com.microsoft.azure.sdk.iot", Client::Java),
    ("javax.net.ssl", Client::Java),
    ("microsoft.azure.devices", Client::DotNet),
    ("system.net.", Client::DotNet),
    ("system.security.authentication", Client::DotNet),
    ("aziot-identityd", Client::IotEdge),
    ("aziotctl", Client::IotEdge),
    ("iotedge", Client::IotEdge),
    ("org.eclipse.paho", Client::Paho),
    ("paho.mqtt", Client::Paho),
    ("mosquitto", Client::Mosquitto),
    ("azure.cli", Client::Az),
    ("az iot dps", Client::Az),
    ("mbedtls", Client::MbedTls),
    ("esp-tls", Client::MbedTls),
    ("ssl routines", Client::OpenSsl),
    ("remote error: tls:", Client::Go),
    ("tls: failed to verify", Client::Go),
    ("x509: ", Client::Go),
    ("provision-sim", Client::ProvisionSim),
];

impl Client {
    /// Its name, as people know it.
    pub fn name(self) -> &'static str {
        match self {
            Self::C => "Azure IoT SDK for C",
            Self::Python => "Azure IoT SDK for Python",
            Self::Node => "Azure IoT SDK for Node.js",
            Self::Java => "Azure IoT SDK for Java",
            Self::DotNet => "Azure IoT SDK for .NET",
            Self::Paho => "Eclipse Paho",
            Self::Mosquitto => "Mosquitto",
            Self::IotEdge => "Azure IoT Edge",
            Self::Az => "Azure CLI",
            Self::OpenSsl => "OpenSSL",
            Self::MbedTls => "Mbed TLS",
            Self::Go => "Go",
            Self::ProvisionSim => "provision-sim",
        }
    }

    /// Whose line it is, by marks that only one of them makes; in lower case.
    pub(in crate::explain) fn of(line: &str) -> Option<Self> {
        MARKS.iter().find(|(mark, _)| line.contains(mark)).map(|(_, client)| *client)
    }
}
