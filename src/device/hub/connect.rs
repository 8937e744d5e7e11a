//! Opens the session: the byte stream, CONNECT, SUBSCRIBE.

use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{Instant, timeout_at};

use super::error::{HubError, HubWaiting};
use super::settings::HubSettings;
use crate::device::driver::{
    Carrier, MQTT, OverTls, OverWebSocket, Progress, Session, encoded_connect,
};
use crate::device::error::NetworkError;
use crate::device::exchange::{ConnectFailure, Event, Notice};
use crate::device::phase::ConnectPhase;
use crate::device::transport::Transport;
use crate::net::DialError;
use crate::wire::{DESIRED_FILTER, TWIN_RESPONSE_FILTER};

/// How long silence over MQTT may keep MQTT over WebSocket waiting.
const LONGEST_SILENCE: Duration = Duration::from_secs(15);

/// The byte streams that a session may go over.
pub(super) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// A session over either.
pub(super) type AnySession = Session<Box<dyn Stream>>;

/// Opens a session, and says by which transport.
pub(super) async fn open(settings: &HubSettings) -> Result<(AnySession, Transport), HubError> {
    let start = Instant::now();
    let deadline = start.checked_add(settings.timeout).unwrap_or(start + LONGEST_SILENCE * 4000);
    match settings.transport {
        Transport::Mqtt => over::<OverTls>(settings, Transport::Mqtt, deadline).await,
        // Until a hub is spoken to over AMQP.
        Transport::MqttWs | Transport::Https | Transport::Amqp | Transport::AmqpWs => {
            over::<OverWebSocket>(settings, Transport::MqttWs, deadline).await
        }
        Transport::Auto => {
            let silence = (settings.timeout / 2).min(LONGEST_SILENCE);
            match over::<OverTls>(settings, Transport::Mqtt, start + silence).await {
                Err(error) if is_of_this_transport(&error) => {
                    tracing::warn!("mqtt does not get through to the hub: {error}");
                    over::<OverWebSocket>(settings, Transport::MqttWs, deadline).await
                }
                result => result,
            }
        }
    }
}

/// Whether the other transport may fare better.
fn is_of_this_transport(error: &HubError) -> bool {
    match error {
        HubError::Network(NetworkError::Dial(DialError::Resolve { .. })) => false,
        HubError::Network(_) => true,
        HubError::Silent(HubWaiting::Connect(phase)) => *phase != ConnectPhase::Suback,
        _ => false,
    }
}

async fn over<C: Carrier>(
    settings: &HubSettings,
    transport: Transport,
    deadline: Instant,
) -> Result<(AnySession, Transport), HubError> {
    let mut log = |notice: Notice| {
        if let Notice::Reached { phase, took } = notice {
            tracing::debug!("hub: {} took {took:?}", phase.name());
        }
    };
    let mut progress = Progress::new(&mut log, &settings.sources.clock);
    let opening = async {
        let connect =
            encoded_connect(settings.connect_packet(settings.sources.now())).map_err(failed)?;
        let stream =
            C::open(settings.destination(), MQTT, &connect, &mut progress).await.map_err(failed)?;
        progress.begin(ConnectPhase::Connack);
        let stream: Box<dyn Stream> = Box::new(stream);
        let mut session = Session::open(stream).await.map_err(failed)?;
        progress.begin(ConnectPhase::Suback);
        match session.subscribe(&[TWIN_RESPONSE_FILTER, DESIRED_FILTER], &mut |_| {}).await {
            Event::Lost(loss) => Err(HubError::Lost(loss)),
            Event::Broken(breach) => Err(breach.into()),
            _ => {
                progress.end();
                Ok((session, transport))
            }
        }
    };
    match timeout_at(deadline, opening).await {
        Ok(result) => result,
        Err(_) => Err(HubError::Silent(HubWaiting::Connect(progress.phase()))),
    }
}

fn failed(failure: ConnectFailure) -> HubError {
    match failure {
        ConnectFailure::Network(error) => error.into(),
        ConnectFailure::Refused(code) => HubError::Refused { code },
        ConnectFailure::Broken(breach) => breach.into(),
        ConnectFailure::SaslRefused(_) => {
            NetworkError::ClosedBeforeOpen("the sign-in by SASL").into()
        }
        ConnectFailure::Unanswered { tries } => NetworkError::Unanswered { tries }.into(),
        ConnectFailure::TimedOut(phase) => HubError::Silent(HubWaiting::Connect(phase)),
    }
}
