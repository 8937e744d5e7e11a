//! Moves the frames of an open session: takes questions from the handle, and what the hub sends to
//! whoever waits for it. Renews the token before it ends.

use std::time::Duration;

use tokio::time::{Instant, sleep_until, timeout};

use super::super::settings::HubSettings;
use super::super::task::{Command, End, Stream, Waiter, Ways};
use super::exchange::{Exchange, Happened};
use super::session::{DEAD, Open};
use crate::amqp::engine::Event;
use crate::device::driver::{CLOSE_TIMEOUT, Line, LineFault};
use crate::device::exchange::Loss;

/// However short tokens live, they are not renewed more often.
const SHORTEST: Duration = Duration::from_secs(1);

/// The open session, and who is to be told what.
struct Driver {
    line: Line<Box<dyn Stream>>,
    exchange: Exchange<Waiter>,
    /// When the token is to be renewed; never, where there is none.
    renewal: Option<Instant>,
    settings: HubSettings,
    ways: Ways,
}

/// Moves the frames of an open session until the handle is gone, or the connection.
pub(in crate::device::hub) async fn run(open: Open, settings: HubSettings, ways: Ways) {
    let Open { line, exchange, signed_in } = open;
    let lifetime = settings.token_lifetime;
    let renewal = signed_in.and_then(|signed| renewal(signed, lifetime));
    let mut driver = Driver { line, exchange, renewal, settings, ways };
    match driver.turn().await {
        Ok(()) => driver.close().await,
        Err(end) => {
            let _ = driver.ways.end.set(end);
        }
    }
}

/// At four fifths of the token's lifetime, as the SDK for C does (J-360); never, for one that outlasts
/// all clocks.
fn renewal(signed: Instant, lifetime: Duration) -> Option<Instant> {
    signed.checked_add((lifetime / 5 * 4).max(SHORTEST))
}

impl Driver {
    /// Those who still wait when it ends learn it from their channel, which closes.
    async fn turn(&mut self) -> Result<(), End> {
        loop {
            self.exchange.forget(Waiter::is_closed);
            let next_beat = self.line.next_beat();
            let dead = self.line.last_heard() + DEAD;
            let due = self.renewal.unwrap_or(next_beat);
            let happened = tokio::select! {
                command = self.ways.commands.recv(), if self.exchange.has_room() => match command {
                    Some(command) => Turn::Asked(command),
                    None => return Ok(()),
                },
                event = self.line.next() => Turn::Read(event),
                () = sleep_until(next_beat) => Turn::Quiet,
                () = sleep_until(dead) => return Err(End::Lost(Loss::NoPingResponse)),
                () = sleep_until(due), if self.renewal.is_some() => Turn::Renew,
            };
            match happened {
                Turn::Asked(Command { question, answer }) => {
                    self.exchange.ask(question, answer, &mut self.line.engine);
                }
                Turn::Read(Ok(event)) => self.take(event)?,
                Turn::Read(Err(LineFault::Lost(loss))) => return Err(End::Lost(loss)),
                Turn::Read(Err(LineFault::Broken(breach))) => return Err(End::Broken(breach)),
                Turn::Quiet => self.line.beat().await.map_err(End::Lost)?,
                Turn::Renew => self.renew(),
            }
        }
    }

    fn take(&mut self, event: Event) -> Result<(), End> {
        self.exchange.take(event, &mut self.line.engine);
        while let Some(happened) = self.exchange.next() {
            match happened {
                Happened::Heard(heard) => self.ways.tell(heard),
                // Nothing is opened any more.
                Happened::Failed(_) | Happened::Ended => return Err(End::Lost(Loss::Closed)),
            }
        }
        Ok(())
    }

    fn renew(&mut self) {
        self.renewal = renewal(Instant::now(), self.settings.token_lifetime);
        if let Some(token) = self.settings.token(self.settings.sources.now()) {
            self.exchange.renew(token, &mut self.line.engine);
        }
    }

    async fn close(&mut self) {
        self.exchange.leave(&mut self.line.engine);
        let _ = timeout(CLOSE_TIMEOUT, self.line.close()).await;
    }
}

enum Turn {
    Asked(Command),
    Read(Result<Event, LineFault>),
    Quiet,
    Renew,
}
