//! What allocation comes to.

use crate::service::twin::InitialTwin;
use crate::wire::{ErrorCode, HubName, Payload};

/// What allocation comes to.
#[derive(Debug, Clone, PartialEq)]
pub enum Decision {
    /// This hub.
    Hub {
        /// Its host name.
        host_name: HubName,
        /// What the webhook has to say to the device.
        payload: Option<Payload>,
        /// The first twin that the webhook gives.
        initial_twin: Option<InitialTwin>,
    },
    /// None.
    Failed {
        /// Why, for the device.
        code: ErrorCode,
        /// The same in words.
        message: String,
        /// What would have been right, for our own log.
        hint: String,
    },
}

impl Decision {
    /// This hub, without a word of any webhook.
    pub fn hub(host_name: &HubName) -> Self {
        Self::Hub { host_name: host_name.clone(), payload: None, initial_twin: None }
    }
}
