//! What comes after the registration: the device at its hub. A step is told in a line or two; its
//! packets and frames are those of any client.

use super::text::{Paragraph, paragraph, printable};
use crate::device::{HubError, HubSettings, Transport, Twin};

/// What happens between a device and its hub.
#[derive(Debug, Clone, Copy)]
pub(crate) enum HubStep<'a> {
    /// The device knows its hub from before.
    Kept { hub: &'a HubSettings },
    /// It connects.
    SigningIn { hub: &'a HubSettings },
    /// The hub took CONNECT and SUBSCRIBE, or granted the links.
    SignedIn { transport: Transport },
    /// The hub took what the device reported.
    Reported { version: Option<u64> },
    /// The hub acknowledged this many messages.
    Messages { sent: u32 },
    /// The hub answered with the twin.
    Twin { twin: &'a Twin },
    /// It came to nothing.
    Failed { error: &'a HubError },
}

pub(super) fn step(step: HubStep<'_>) -> Paragraph {
    match step {
        HubStep::Kept { hub } => {
            paragraph(format!("The device knows its hub: {}", printable(hub.hub().as_str())))
                .line("It tries that first: only if the hub refuses it or is gone, it registers.")
        }
        HubStep::SigningIn { hub } => {
            let device = printable(hub.device_id().as_str());
            let told = paragraph(format!("On to the hub {}", printable(hub.hub().as_str())));
            match hub.transport {
                Transport::Amqp | Transport::AmqpWs => told.line(format!(
                    "A token or a certificate, then two links to the twin of {device}."
                )),
                _ => {
                    told.line(format!("CONNECT as {device}, with its credential; then SUBSCRIBE."))
                }
            }
        }
        HubStep::SignedIn { transport } => {
            paragraph(format!("The hub lets the device in ({transport})"))
                .line("It hears answers about its twin, and changes of desired properties.")
        }
        HubStep::Reported { version } => {
            let version =
                version.map_or_else(String::new, |version| format!(", version {version}"));
            paragraph(format!("The hub has noted the reported properties{version}"))
                .line("They are the device's side of its twin: what it says of itself.")
        }
        HubStep::Messages { sent } => paragraph(format!("The hub has taken {sent} messages"))
            .line("Each was acknowledged: now it is the hub's to deliver."),
        HubStep::Twin { twin } => paragraph(format!(
            "The hub has sent the twin: {} desired and {} reported properties",
            properties(&twin.desired),
            properties(&twin.reported)
        ))
        .line("Desired properties are what the back end wants of the device."),
        HubStep::Failed { error } => paragraph("The device and its hub do not come together")
            .line(printable(&error.to_string())),
    }
}

/// How many there are, without `$version` and its like.
fn properties(section: &serde_json::Map<String, serde_json::Value>) -> usize {
    section.keys().filter(|name| !name.starts_with('$')).count()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn properties_are_counted_without_those_of_the_hub() {
        let section = json!({ "fw": 1, "$version": 2, "$metadata": {} });

        assert_eq!(properties(section.as_object().unwrap()), 1);
    }
}
