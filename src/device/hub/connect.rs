//! Opens the session, by the transport that the settings name.

use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use super::error::{HubError, HubWaiting};
use super::purpose::Purpose;
use super::settings::HubSettings;
use super::{amqp, mqtt};
use crate::device::driver::{OverTls, OverWebSocket, Progress};
use crate::device::error::NetworkError;
use crate::device::exchange::Notice;
use crate::device::phase::ConnectPhase;
use crate::device::transport::Transport;
use crate::net::DialError;
use crate::wire::ConnectionProfile;

/// How long a silent transport may keep the next one waiting.
const LONGEST_SILENCE: Duration = Duration::from_secs(15);

/// An open session.
pub(super) enum Opened {
    /// Over MQTT.
    Mqtt(mqtt::Open),
    /// Over AMQP.
    Amqp(Box<amqp::Open>),
}

/// Opens a session, and says by which transport.
pub(super) async fn open(
    settings: &HubSettings,
    purpose: Purpose,
) -> Result<(Opened, Transport), HubError> {
    match &settings.profile {
        ConnectionProfile::Classic => {}
        profile => return Err(HubError::Profile(profile.clone())),
    }
    let start = Instant::now();
    let deadline = start.checked_add(settings.timeout).unwrap_or(start + LONGEST_SILENCE * 4000);
    match settings.transport {
        Transport::Auto => first_through(settings, purpose, deadline).await,
        // A hub is not spoken to over HTTPS.
        Transport::Https => over(Transport::MqttWs, settings, purpose, deadline).await,
        transport => over(transport, settings, purpose, deadline).await,
    }
}

/// The first transport that the network lets through.
async fn first_through(
    settings: &HubSettings,
    purpose: Purpose,
    deadline: Instant,
) -> Result<(Opened, Transport), HubError> {
    let [before @ .., last] = purpose.order() else { unreachable!("nothing is without a way") };
    for &transport in before {
        let silence = (deadline.saturating_duration_since(Instant::now()) / 2).min(LONGEST_SILENCE);
        match over(transport, settings, purpose, Instant::now() + silence).await {
            Err(error) if is_of_this_transport(&error) => {
                tracing::warn!("{transport} does not get through to the hub: {error}");
            }
            result => return result,
        }
    }
    over(*last, settings, purpose, deadline).await
}

/// Whether the other transport may fare better.
fn is_of_this_transport(error: &HubError) -> bool {
    match error {
        HubError::Network(NetworkError::Dial(DialError::Resolve { .. })) => false,
        HubError::Network(_) => true,
        HubError::Silent(HubWaiting::Connect(phase)) => {
            !matches!(phase, ConnectPhase::Suback | ConnectPhase::Attach)
        }
        _ => false,
    }
}

async fn over(
    transport: Transport,
    settings: &HubSettings,
    purpose: Purpose,
    deadline: Instant,
) -> Result<(Opened, Transport), HubError> {
    let mut log = |notice: Notice| {
        if let Notice::Reached { phase, took } = notice {
            tracing::debug!("hub: {} took {took:?}", phase.name());
        }
    };
    let mut progress = Progress::new(&mut log, &settings.sources.clock);
    // Boxed: what the handshake needs is given back when the session stands.
    let opening = Box::pin(opened(transport, settings, purpose, &mut progress));
    match timeout_at(deadline, opening).await {
        Ok(result) => result.map(|opened| (opened, transport)),
        Err(_) => Err(HubError::Silent(HubWaiting::Connect(progress.phase()))),
    }
}

async fn opened(
    transport: Transport,
    settings: &HubSettings,
    purpose: Purpose,
    progress: &mut Progress<'_>,
) -> Result<Opened, HubError> {
    match transport {
        Transport::Amqp => {
            let open = amqp::open::<OverTls>(settings, progress).await;
            open.map(Box::new).map(Opened::Amqp)
        }
        Transport::AmqpWs => {
            let open = amqp::open::<OverWebSocket>(settings, progress).await;
            open.map(Box::new).map(Opened::Amqp)
        }
        Transport::Mqtt | Transport::Auto => {
            mqtt::open::<OverTls>(settings, purpose, progress).await.map(Opened::Mqtt)
        }
        Transport::MqttWs | Transport::Https => {
            mqtt::open::<OverWebSocket>(settings, purpose, progress).await.map(Opened::Mqtt)
        }
    }
}
