//! Opens the session: the byte stream, CONNECT, SUBSCRIBE.

use super::super::error::HubError;
use super::super::purpose::Purpose;
use super::super::settings::HubSettings;
use super::super::task::Stream;
use crate::device::driver::{Carrier, MQTT, Progress, Session, encoded_connect};
use crate::device::exchange::{Event, Notice};
use crate::device::phase::ConnectPhase;
use crate::device::traffic::Received;

/// An open session.
pub(in crate::device::hub) struct Open {
    pub(in crate::device::hub) session: Session<Box<dyn Stream>>,
    /// What the hub has published before SUBACK, as it may: topics and bodies.
    pub(in crate::device::hub) early: Vec<(String, Vec<u8>)>,
}

/// Opens a session over a kind of byte stream.
pub(in crate::device::hub) async fn open<C: Carrier>(
    settings: &HubSettings,
    purpose: Purpose,
    progress: &mut Progress<'_>,
) -> Result<Open, HubError> {
    let token = settings.token().await?;
    let connect = settings.connect_packet(token.as_ref(), purpose.api_version());
    let connect = encoded_connect(connect)?;
    let stream = C::open(settings.destination(), MQTT, &connect, progress).await?;
    progress.begin(ConnectPhase::Connack);
    let stream: Box<dyn Stream> = Box::new(stream);
    let mut session = Session::open(stream).await?;
    progress.begin(ConnectPhase::Suback);
    let mut early = Vec::new();
    let mut hear = |notice| {
        if let Notice::Received(Received::Publish { topic, body }) = notice {
            early.push((topic, body));
        }
    };
    match session.subscribe(purpose.filters(), &mut hear).await {
        Event::Lost(loss) => Err(HubError::Lost(loss)),
        Event::Broken(breach) => Err(breach.into()),
        _ => {
            progress.end();
            Ok(Open { session, early })
        }
    }
}
