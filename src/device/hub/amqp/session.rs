//! Opens the session: the byte stream, AMQP's connection, and what a device says until it may ask.

use std::time::Duration;

use tokio::time::Instant;

use super::super::error::HubError;
use super::super::settings::{API_VERSION, HubSettings};
use super::super::task::{Stream, Waiter};
use super::exchange::{Exchange, Happened, Stage};
use super::told::Who;
use crate::amqp;
use crate::device::driver::{AMQP, Carrier, Greeting, Line, LineFault, Progress};
use crate::device::phase::ConnectPhase;

/// After how much silence the hub is to show that it lives (J-363).
const IDLE: Duration = Duration::from_secs(60);
/// After how much silence it is taken for dead: the standard has a peer wait twice as long as it asks for
/// (part 2, section 2.4.5).
pub(super) const DEAD: Duration = Duration::from_secs(120);

/// An open session.
pub(in crate::device::hub) struct Open {
    pub(super) line: Line<Box<dyn Stream>>,
    pub(super) exchange: Exchange<Waiter>,
    /// When its token was signed, if it has one.
    pub(super) signed_in: Option<Instant>,
}

/// Opens a session over a kind of byte stream.
pub(in crate::device::hub) async fn open<C: Carrier>(
    settings: &HubSettings,
    progress: &mut Progress<'_>,
) -> Result<Open, HubError> {
    // As Node does, there is no SASL: whose the connection is, its links say.
    let own = amqp::Open {
        container_id: settings.device_id().as_str().to_owned(),
        hostname: Some(settings.hub().as_str().to_owned()),
        idle_time_out: u32::try_from(IDLE.as_millis()).ok(),
        ..amqp::Open::default()
    };
    let mut greeting = Greeting::new(own, None);
    let first = greeting.first();
    let stream = C::open(settings.destination(), AMQP, &first, progress).await?;
    let stream: Box<dyn Stream> = Box::new(stream);
    let mut line = Line::open(stream, greeting, progress).await?;
    progress.begin(ConnectPhase::Attach);
    let token = settings.token().await?;
    let signed_in = token.is_some().then(Instant::now);
    let mut exchange = Exchange::new(who(settings), token);
    exchange.begin(&mut line.engine);
    while exchange.stage() != Stage::Open {
        let event = line.next().await?;
        exchange.take(event, &mut line.engine);
        while let Some(happened) = exchange.next() {
            match happened {
                Happened::Failed(error) => {
                    // The hub hears of the end, if it still listens.
                    line.engine.close(None);
                    let _ = line.flush().await;
                    return Err(error);
                }
                // Nothing was asked yet, and nobody is there to be told.
                Happened::Heard(_) | Happened::Ended => {}
            }
        }
    }
    progress.end();
    Ok(Open { line, exchange, signed_in })
}

fn who(settings: &HubSettings) -> Who {
    let chance = &settings.sources.chance;
    Who {
        device_id: settings.device_id().clone(),
        resource: settings.resource(),
        api_version: API_VERSION,
        client_version: settings.product.clone(),
        pair: chance.uuid("twin", settings.device_id().as_str()).to_string(),
    }
}

impl From<LineFault> for HubError {
    fn from(fault: LineFault) -> Self {
        match fault {
            LineFault::Lost(loss) => Self::Lost(loss),
            LineFault::Broken(breach) => breach.into(),
        }
    }
}
