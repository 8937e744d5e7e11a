//! What a run makes at a service.

use std::fmt;

use crate::api_client::Kind;
use crate::text::shell_word;
use crate::wire::HubName;

/// Something that is there until it is removed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Thing {
    /// An enrollment or an enrollment group.
    Enrollment(Kind, String),
    /// What the service remembers of a device's registration.
    Registration(String),
    /// A device on a hub.
    HubDevice {
        /// Where it is.
        hub: HubName,
        /// Its name there.
        id: String,
    },
}

impl Thing {
    /// The command that removes it; `service` is how the service is named on its command line.
    pub fn command(&self, service: &str) -> String {
        match self {
            Self::Enrollment(Kind::Group, id) => format!(
                "provision-sim enrollment-group delete {service} --enrollment-id {}",
                shell_word(id)
            ),
            Self::Enrollment(Kind::Individual, id) => {
                format!(
                    "provision-sim enrollment delete {service} --enrollment-id {}",
                    shell_word(id)
                )
            }
            Self::Registration(id) => {
                format!(
                    "provision-sim registration delete {service} --registration-id {}",
                    shell_word(id)
                )
            }
            Self::HubDevice { hub, id } => {
                // Azure's command line takes the name of the resource.
                let name = hub.as_str().split('.').next().unwrap_or_default();
                format!(
                    "az iot hub device-identity delete --hub-name {} --device-id {}",
                    shell_word(name),
                    shell_word(id)
                )
            }
        }
    }
}

impl fmt::Display for Thing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Enrollment(kind, id) => write!(f, "{} {id}", kind.noun()),
            Self::Registration(id) => write!(f, "registration {id}"),
            Self::HubDevice { hub, id } => write!(f, "device {id} on {hub}"),
        }
    }
}
