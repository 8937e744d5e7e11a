//! What happens until a device has its certificate, as an observer is told of it.

use std::time::Duration;

use crate::device::hub::error::HubError;
use crate::device::transport::Transport;
use crate::wire::{IssueAccepted, IssueFailure};

/// What happens until a device has its certificate.
#[derive(Debug)]
#[non_exhaustive]
pub enum RenewalNotice<'a> {
    /// The hub let the device in.
    SignedIn {
        /// By which transport.
        transport: Transport,
    },
    /// The device has asked.
    Asked {
        /// Its name for the request.
        request_id: &'a str,
    },
    /// The hub has taken the request: 202.
    Accepted(&'a IssueAccepted),
    /// The hub does not want it now, and the device asks again.
    Busy {
        /// What the hub says.
        failure: &'a IssueFailure,
        /// After how long.
        wait: Duration,
    },
    /// The connection is gone, and the device signs in again.
    Lost {
        /// How.
        error: &'a HubError,
        /// After how long.
        wait: Duration,
    },
}
