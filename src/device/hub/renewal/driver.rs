//! Moves the conversation over sessions with the hub: opens them, and opens another one where one is lost.

use std::collections::VecDeque;
use std::time::Duration;

use rumqttc::Packet;
use tokio::time::{Instant, sleep_until, timeout};

use super::super::connect::{self, Opened};
use super::super::error::{HubBreach, HubError};
use super::super::purpose::Purpose;
use super::super::settings::HubSettings;
use super::super::task::Stream;
use super::exchange::{Exchange, Heard, Outgoing};
use super::notice::RenewalNotice;
use super::request::{Renewal, Renewed};
use crate::device::driver::{CLOSE_TIMEOUT, ReadFault, Session, unexpected};
use crate::device::transport::Transport;
use crate::wire::ConnectCode;

/// A time limit beyond what a clock can tell is as good as one of a century.
const CENTURY: Duration = Duration::from_secs(100 * 365 * 24 * 3600);

/// Has a hub issue another certificate to a device that signs in with the one it has (I.4).
///
/// It is over within [`timeout`](HubSettings::timeout), lost connections and all waits included. A hub that is
/// throttled or not available is asked again, and a lost session is opened again; the hub still has the request
/// then. Another session of the device ends, for a hub has one connection for each. The new certificate counts
/// from the next session on, and the old one is good until it ends.
///
/// ```no_run
/// use provision_sim::attestation::DeviceCertificate;
/// use provision_sim::device::{Credential, Csr, HubSettings, Renewal, renew_certificate};
/// use provision_sim::net::{Trust, client_config};
/// use provision_sim::pki::new_request;
///
/// # async fn renew() -> Result<(), Box<dyn std::error::Error>> {
/// let old = std::fs::read("pump-0042.pem")?;
/// let key = std::fs::read("pump-0042.key")?;
/// let certificate = DeviceCertificate::read(&old, Some(&key), None)?;
/// let hub = HubSettings::with_credential(
///     &"my-hub.azure-devices.net".parse()?,
///     &"pump-0042".parse()?,
///     Credential::X509(certificate),
///     &client_config(&Trust::System)?,
/// )?;
///
/// let made = new_request("pump-0042")?; // a new key; keep it before its certificate is asked for
/// std::fs::write("pump-0042-new.key", made.key_pem().as_bytes())?;
/// let renewal = Renewal::new(Csr::from_der(made.der())?)?;
/// let renewed = renew_certificate(&hub, &renewal, &mut |_| {}).await?;
/// std::fs::write("pump-0042.pem", renewed.chain.to_pem())?;
/// # Ok(())
/// # }
/// ```
///
/// # Errors
///
/// Whatever ends it without a certificate, see [`HubError`]: [`NotIssued`](HubError::NotIssued) if the hub has
/// refused it, [`Issued`](HubError::Issued) if what it has issued is of no use.
pub async fn renew_certificate(
    settings: &HubSettings,
    renewal: &Renewal,
    notify: &mut (dyn FnMut(RenewalNotice<'_>) + Send),
) -> Result<Renewed, HubError> {
    if let Transport::Amqp | Transport::AmqpWs = settings.transport {
        return Err(HubError::NotByAmqp { transport: settings.transport });
    }
    let chance = &settings.sources.chance;
    let device_id = settings.device_id().as_str();
    let request_id = chance.uuid("request for a certificate", device_id).to_string();
    let seed = chance.number("jitter", device_id);
    let exchange = Exchange::new(device_id, renewal.clone(), request_id, seed);
    let now = Instant::now();
    let deadline = now.checked_add(settings.timeout).unwrap_or(now + CENTURY);
    let driver = Driver { settings: settings.clone(), exchange, deadline, notify, is_first: true };
    driver.run().await
}

struct Driver<'a> {
    settings: HubSettings,
    exchange: Exchange,
    deadline: Instant,
    notify: &'a mut (dyn FnMut(RenewalNotice<'_>) + Send),
    /// Whether no session has stood yet.
    is_first: bool,
}

impl Driver<'_> {
    async fn run(mut self) -> Result<Renewed, HubError> {
        loop {
            let error = match self.session().await {
                Ok(renewed) => return Ok(renewed),
                Err(error) => error,
            };
            if self.is_first || !may_pass(&error) {
                return Err(error);
            }
            let wait = self.exchange.lost();
            if !self.has_time_for(wait) {
                return Err(error);
            }
            (self.notify)(RenewalNotice::Lost { error: &error, wait });
            tokio::time::sleep(wait).await;
        }
    }

    fn has_time_for(&self, wait: Duration) -> bool {
        Instant::now().checked_add(wait).is_some_and(|then| then < self.deadline)
    }

    /// One session, up to the certificate or the end of either.
    async fn session(&mut self) -> Result<Renewed, HubError> {
        let mut settings = self.settings.clone();
        settings.timeout = self.deadline.saturating_duration_since(Instant::now());
        let (opened, transport) = connect::open(&settings, Purpose::Certificate).await?;
        let Opened::Mqtt(open) = opened else {
            return Err(HubError::NotByAmqp { transport });
        };
        // The next session goes the way that this one has found.
        (self.settings.transport, self.is_first) = (transport, false);
        (self.notify)(RenewalNotice::SignedIn { transport });
        let mut session = open.session;
        let result = self.talk(&mut session, open.early.into()).await;
        if !matches!(&result, Err(error) if may_pass(error)) {
            let _ = timeout(CLOSE_TIMEOUT, session.close()).await;
        }
        result
    }

    async fn talk(
        &mut self,
        session: &mut Session<Box<dyn Stream>>,
        mut published: VecDeque<(String, Vec<u8>)>,
    ) -> Result<Renewed, HubError> {
        let mut ask_at = Some(Instant::now() + self.exchange.listens());
        loop {
            while let Some((topic, body)) = published.pop_front() {
                match self.exchange.heard(&topic, &body) {
                    Heard::Accepted(accepted) => {
                        (self.notify)(RenewalNotice::Accepted(&accepted));
                    }
                    Heard::Busy(failure, wait) if self.has_time_for(wait) => {
                        (self.notify)(RenewalNotice::Busy { failure: &failure, wait });
                        ask_at = Some(Instant::now() + wait);
                    }
                    Heard::Busy(failure, _) => return Err(HubError::NotIssued(Box::new(failure))),
                    Heard::Issued(renewed) => return Ok(renewed),
                    Heard::Failed(error) => return Err(error),
                    Heard::Stray => tracing::debug!("hub: it sent what nobody waits for"),
                }
            }
            let next_ping = session.next_ping();
            let due = ask_at.unwrap_or(next_ping);
            // Only waiting may be dropped half-way; what writes comes after it.
            let happened = tokio::select! {
                () = sleep_until(due), if ask_at.is_some() => Happened::Due,
                packet = session.read() => Happened::Read(packet),
                () = sleep_until(next_ping) => Happened::Quiet,
                () = sleep_until(self.deadline) => {
                    return Err(HubError::Silent(self.exchange.waiting()));
                }
            };
            match happened {
                Happened::Due => {
                    ask_at = None;
                    let Outgoing { topic, body } = self.exchange.ask();
                    let sent = session.publish(topic, body, &mut |_| {}).await;
                    sent.map_err(HubError::Lost)?;
                    let request_id = self.exchange.request_id();
                    (self.notify)(RenewalNotice::Asked { request_id });
                }
                Happened::Read(Ok(Packet::Publish(publish))) => {
                    session.take(&publish, &mut |_| {}).map_err(HubError::Lost)?;
                    published.push_back((publish.topic, publish.payload.to_vec()));
                }
                // That the hub has the request it says in its answer.
                Happened::Read(Ok(Packet::PubAck(_) | Packet::PingResp)) => {}
                Happened::Read(Ok(other)) => {
                    return Err(HubBreach::Protocol(unexpected(&other, "an answer")).into());
                }
                Happened::Read(Err(ReadFault::Lost(loss))) => return Err(HubError::Lost(loss)),
                Happened::Read(Err(ReadFault::Broken(breach))) => {
                    return Err(HubBreach::Protocol(breach).into());
                }
                Happened::Quiet => session.ping().await.map_err(HubError::Lost)?,
            }
        }
    }
}

enum Happened {
    Due,
    Read(Result<Packet, ReadFault>),
    Quiet,
}

/// Whether another session may fare better than the one that ended so.
fn may_pass(error: &HubError) -> bool {
    let code = ConnectCode::ServerUnavailable;
    matches!(error, HubError::Lost(_) | HubError::Network(_))
        || matches!(error, HubError::Refused { code: refused } if *refused == code)
}
