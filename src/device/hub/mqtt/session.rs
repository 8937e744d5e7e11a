//! Opens the session: the byte stream, CONNECT, SUBSCRIBE.

use super::super::error::HubError;
use super::super::settings::HubSettings;
use super::super::task::Stream;
use crate::device::driver::{Carrier, MQTT, Progress, Session, encoded_connect};
use crate::device::exchange::Event;
use crate::device::phase::ConnectPhase;
use crate::wire::{DESIRED_FILTER, TWIN_RESPONSE_FILTER};

/// An open session.
pub(in crate::device::hub) type Open = Session<Box<dyn Stream>>;

/// Opens a session over a kind of byte stream.
pub(in crate::device::hub) async fn open<C: Carrier>(
    settings: &HubSettings,
    progress: &mut Progress<'_>,
) -> Result<Open, HubError> {
    let connect = encoded_connect(settings.connect_packet(settings.token().await?.as_ref()))?;
    let stream = C::open(settings.destination(), MQTT, &connect, progress).await?;
    progress.begin(ConnectPhase::Connack);
    let stream: Box<dyn Stream> = Box::new(stream);
    let mut session = Session::open(stream).await?;
    progress.begin(ConnectPhase::Suback);
    match session.subscribe(&[TWIN_RESPONSE_FILTER, DESIRED_FILTER], &mut |_| {}).await {
        Event::Lost(loss) => Err(HubError::Lost(loss)),
        Event::Broken(breach) => Err(breach.into()),
        _ => {
            progress.end();
            Ok(session)
        }
    }
}
