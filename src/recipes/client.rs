//! The clients, and what a recipe is.

use super::reach::{Reach, port};

/// What somebody has who wants to reach the service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Client {
    /// The Azure IoT C SDK.
    C,
    /// `azure-iot-device`, for Python.
    Python,
    /// The Azure IoT SDK for Node.js.
    Node,
    /// The Azure IoT SDK for .NET.
    DotNet,
    /// The Azure IoT SDK for Java.
    Java,
    /// The Azure CLI with its extension `azure-iot`.
    Az,
    /// curl.
    Curl,
}

impl Client {
    /// As people call it.
    pub fn title(self) -> &'static str {
        match self {
            Self::C => "C",
            Self::Python => "Python",
            Self::Node => "Node",
            Self::DotNet => ".NET",
            Self::Java => "Java",
            Self::Az => "az",
            Self::Curl => "curl",
        }
    }
}

/// How one client reaches the service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recipe {
    /// Whose it is.
    pub client: Client,
    /// What must be so before, or has to be known: a sentence each.
    pub needs: Vec<String>,
    /// What to type, in this order.
    pub steps: Vec<Step>,
}

/// Something to type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// As a fenced block of Markdown calls it: `sh`, `c`, `python`, `js`, `csharp`, `java`.
    pub language: &'static str,
    /// The text, which ends in a line's end.
    pub text: String,
}

impl Step {
    pub(super) fn new(language: &'static str, text: impl Into<String>) -> Self {
        Self { language, text: text.into() }
    }
}

/// The same of its AMQP, which has the port `5671` on Azure.
pub(super) fn fixed_amqp_port(reach: &Reach<'_>) -> Option<String> {
    let amqp = port(reach.amqp);
    (amqp != "5671").then(|| {
        format!(
            "There it dials the port 5671 only, and the service has {amqp}: start it on that port."
        )
    })
}

/// What has to be said of a client that dials the ports of Azure and no others, where nothing leads
/// it from there to the service.
pub(super) fn fixed_ports(reach: &Reach<'_>) -> Option<String> {
    let (mqtt, https) = (port(reach.mqtt), port(reach.https));
    (reach.gateway.is_none() && (mqtt, https) != ("8883", "443")).then(|| {
        format!("This SDK dials the ports 8883 and 443 only, and the service has {mqtt} and {https}: start it with --gateway-port 0, or on those ports.")
    })
}
