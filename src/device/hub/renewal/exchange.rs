//! The conversation about a certificate as a pure state machine (I.4): what the hub publishes and what
//! becomes of the connection go in, what to do next comes out.
//!
//! No socket, no clock.

use std::time::Duration;

use super::super::error::{HubBreach, HubError, HubWaiting};
use super::request::{Renewal, Renewed};
use crate::device::backoff::Backoff;
use crate::device::issued::IssuedChain;
use crate::wire::{
    DeviceTopic, HubTopic, IssueAccepted, IssueFailure, IssuedCertificates, from_json_object,
};

/// What the request is called in errors.
const REQUEST: &str = "the request for a certificate";
/// Another request of the device is under way. The second number is the newer one.
const UNDER_WAY: [u32; 2] = [409_004, 409_005];

/// How long the device waits for what the hub owes it, before it asks again.
const LISTENS: Duration = Duration::from_secs(5);

/// What has to be published.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Outgoing {
    pub(super) topic: String,
    pub(super) body: Vec<u8>,
}

/// What came of something that the hub published.
#[derive(Debug)]
pub(super) enum Heard {
    /// The hub has taken the request.
    Accepted(IssueAccepted),
    /// It takes no request now: ask again after this long.
    Busy(IssueFailure, Duration),
    /// Here it is.
    Issued(Renewed),
    /// There will be none.
    Failed(HubError),
    /// Nothing of this request.
    Stray,
}

/// The conversation.
#[derive(Debug)]
pub(super) struct Exchange {
    device_id: String,
    request_id: String,
    renewal: Renewal,
    /// Whether the hub has the request, as far as the device knows.
    is_accepted: bool,
    refusals: u32,
    backoff: Backoff,
}

impl Exchange {
    /// A conversation to come. `request_id` is used where the renewal names none; `seed` spreads waits.
    pub(super) fn new(device_id: &str, renewal: Renewal, request_id: String, seed: u64) -> Self {
        let request_id = renewal.request_id().map(str::to_owned).unwrap_or(request_id);
        let (device_id, backoff) = (device_id.to_owned(), Backoff::new(seed));
        Self { device_id, request_id, renewal, is_accepted: false, refusals: 0, backoff }
    }

    /// The device's name for the request.
    pub(super) fn request_id(&self) -> &str {
        &self.request_id
    }

    /// How long to listen to a hub that has just let the device in, before it is asked. If it has the request,
    /// it sends the certificate to whoever subscribes again; if it was started anew, it has forgotten (J-476).
    pub(super) fn listens(&self) -> Duration {
        if self.is_accepted { LISTENS } else { Duration::ZERO }
    }

    /// What to say to the hub: always the same, under the same name.
    pub(super) fn ask(&self) -> Outgoing {
        let topic = DeviceTopic::IssueCertificate { rid: self.request_id.clone() };
        let body = self.renewal.body(&self.device_id);
        Outgoing { topic: topic.to_string(), body }
    }

    /// The connection is lost: after how long to sign in again.
    pub(super) fn lost(&mut self) -> Duration {
        self.backoff.after_loss()
    }

    /// What a hub is waited for that says nothing.
    pub(super) fn waiting(&self) -> HubWaiting {
        match self.is_accepted {
            true => HubWaiting::Certificate,
            false => HubWaiting::Answer(REQUEST),
        }
    }

    /// Takes in what the hub published.
    pub(super) fn heard(&mut self, topic: &str, body: &[u8]) -> Heard {
        let Ok(HubTopic::Credentials { status, rid }) = topic.parse() else { return Heard::Stray };
        if rid != self.request_id {
            return Heard::Stray;
        }
        match status {
            202 => match from_json_object(body) {
                Ok(accepted) => self.accepted(accepted),
                Err(error) => unusable(error.to_string()),
            },
            // Also without a 202 before it: that may have got lost with the connection.
            200..=299 => match from_json_object(body) {
                Ok(issued) => self.issued(issued),
                Err(error) => unusable(error.to_string()),
            },
            status => match from_json_object(body) {
                Ok(failure) => self.refused(failure),
                Err(error) => unusable(format!("status {status}, {error}")),
            },
        }
    }

    fn accepted(&mut self, accepted: IssueAccepted) -> Heard {
        self.is_accepted = true;
        Heard::Accepted(accepted)
    }

    fn issued(&self, issued: IssuedCertificates) -> Heard {
        match IssuedChain::read(&issued.certificates, self.renewal.csr()) {
            Ok(chain) => Heard::Issued(Renewed {
                chain,
                request_id: self.request_id.clone(),
                correlation_id: issued.correlation_id,
            }),
            Err(fault) => Heard::Failed(HubError::Issued(fault)),
        }
    }

    fn refused(&mut self, failure: IssueFailure) -> Heard {
        let info = failure.info.clone().unwrap_or_default();
        // The hub has had it from the connection before this one (J-476).
        if UNDER_WAY.contains(&failure.error_code.0)
            && info.request_id.as_deref() == Some(&*self.request_id)
        {
            return self.accepted(IssueAccepted {
                correlation_id: info.correlation_id.unwrap_or_default(),
                operation_expires: info.operation_expires.unwrap_or_default(),
            });
        }
        match first_wait(failure.error_code.0) {
            Some(first) => {
                let wait = match failure.retry_after.map(Duration::from_secs) {
                    // `0` is at once, but only once: nothing spins.
                    asked_for @ Some(_) => self.backoff.after_busy(asked_for),
                    None => first * (1 << self.refusals.min(6)),
                };
                self.refusals += 1;
                self.is_accepted = false;
                Heard::Busy(failure, wait)
            }
            None => Heard::Failed(HubError::NotIssued(Box::new(failure))),
        }
    }
}

/// After how long to ask again what the hub has refused; never, for most refusals (J-477).
fn first_wait(code: u32) -> Option<Duration> {
    let seconds = match code {
        // Throttled.
        429_002 | 429_003 => 1,
        // Not available.
        503_001 => 5,
        // The hub's own fault.
        500_001 => 300,
        _ => return None,
    };
    Some(Duration::from_secs(seconds))
}

fn unusable(reason: String) -> Heard {
    Heard::Failed(HubBreach::Body { request: REQUEST, reason }.into())
}

#[cfg(test)]
#[path = "exchange_tests.rs"]
mod tests;
