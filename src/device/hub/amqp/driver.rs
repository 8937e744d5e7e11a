//! Moves the frames of an open session: takes questions from the handle, and what the hub sends to
//! whoever waits for it. Renews the token before it ends.

use std::future::pending;
use std::pin::Pin;
use std::time::Duration;

use tokio::time::{Instant, sleep_until, timeout};

use super::super::settings::HubSettings;
use super::super::task::{Command, End, Stream, Waiter, Ways};
use super::exchange::{Exchange, Happened};
use super::session::{DEAD, Open};
use crate::amqp::engine::Event;
use crate::attestation::{SasToken, SignerError};
use crate::device::driver::{CLOSE_TIMEOUT, Line, LineFault};
use crate::device::exchange::Loss;

/// However short tokens live, they are not renewed more often. And so much less than it was to may a token
/// live, for its end is said in whole seconds.
const SECOND: Duration = Duration::from_secs(1);

/// The open session, and who is to be told what.
struct Driver {
    line: Line<Box<dyn Stream>>,
    exchange: Exchange<Waiter>,
    /// When the token is to be renewed; never, where there is none.
    renewal: Option<Instant>,
    /// The new token, which is being signed.
    signing: Option<Signing>,
    /// After how much silence the hub is taken for dead.
    dead_after: Duration,
    settings: HubSettings,
    ways: Ways,
}

/// Moves the frames of an open session until the handle is gone, or the connection.
pub(in crate::device::hub) async fn run(open: Open, settings: HubSettings, ways: Ways) {
    let Open { line, exchange, signed_in } = open;
    let lifetime = settings.token_lifetime;
    let renewal = signed_in.and_then(|signed| renewal(signed, lifetime));
    let mut driver =
        Driver { line, exchange, renewal, signing: None, dead_after: DEAD, settings, ways };
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
    signed.checked_add((lifetime.saturating_sub(SECOND) / 5 * 4).max(SECOND))
}

/// A token that is being signed.
type Signing = Pin<Box<dyn Future<Output = Result<Option<SasToken>, SignerError>> + Send>>;

/// What comes of it; nothing ever, where none is.
async fn signed(signing: &mut Option<Signing>) -> Result<Option<SasToken>, SignerError> {
    match signing {
        Some(signing) => signing.await,
        None => pending().await,
    }
}

impl Driver {
    /// Those who still wait when it ends learn it from their channel, which closes.
    async fn turn(&mut self) -> Result<(), End> {
        loop {
            self.exchange.forget(Waiter::is_closed);
            let next_beat = self.line.next_beat();
            let dead = self.line.last_heard() + self.dead_after;
            let due = self.renewal.unwrap_or(next_beat);
            let happened = tokio::select! {
                command = self.ways.commands.recv(), if self.exchange.has_room() => match command {
                    Some(command) => Turn::Asked(command),
                    None => return Ok(()),
                },
                event = self.line.next() => Turn::Read(Box::new(event)),
                () = sleep_until(next_beat) => Turn::Quiet,
                () = sleep_until(dead) => return Err(End::Lost(Loss::NoPingResponse)),
                () = sleep_until(due), if self.renewal.is_some() => Turn::Renew,
                token = signed(&mut self.signing) => Turn::Signed(token),
            };
            match happened {
                Turn::Asked(Command { question, answer }) => {
                    self.exchange.ask(question, answer, &mut self.line.engine);
                }
                Turn::Read(read) => match *read {
                    Ok(event) => self.take(event)?,
                    Err(LineFault::Lost(loss)) => return Err(End::Lost(loss)),
                    Err(LineFault::Broken(breach)) => return Err(End::Broken(breach)),
                },
                Turn::Quiet => self.line.beat().await.map_err(End::Lost)?,
                Turn::Renew => self.renew(),
                Turn::Signed(token) => {
                    self.signing = None;
                    if let Some(token) = token.map_err(End::Unsigned)? {
                        self.exchange.renew(token, &mut self.line.engine);
                    }
                }
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
        let settings = self.settings.clone();
        // Beside the frames: a key that is kept elsewhere may take its time.
        self.signing = Some(Box::pin(async move { settings.token().await }));
    }

    async fn close(&mut self) {
        self.exchange.leave(&mut self.line.engine);
        let _ = timeout(CLOSE_TIMEOUT, self.line.close()).await;
    }
}

enum Turn {
    Asked(Command),
    Read(Box<Result<Event, LineFault>>),
    Quiet,
    Renew,
    Signed(Result<Option<SasToken>, SignerError>),
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, OnceLock};

    use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
    use tokio::sync::{broadcast, mpsc};

    use super::super::exchange::Stage;
    use super::super::told::Who;
    use super::*;
    use crate::amqp;
    use crate::amqp::engine::{Connection, Limits};
    use crate::device::driver::{Greeting, Progress};
    use crate::device::{Credential, Settings};
    use crate::net::{Trust, client_config};
    use crate::pki::TestCertificate;
    use crate::sources::Clock;

    fn settings() -> HubSettings {
        let trusted = TestCertificate::self_signed("unused").unwrap();
        let settings = Settings::new(
            "localhost".parse().unwrap(),
            "0ne00002193".parse().unwrap(),
            "pump".parse().unwrap(),
            Credential::SymmetricKey("AAAAAAAAAAAAAAAAAAAAAA==".parse().unwrap()),
            client_config(&Trust::Pem(trusted.pem().to_owned())).unwrap(),
        );
        HubSettings::new(&settings, &"h.net".parse().unwrap(), &"pump".parse().unwrap()).unwrap()
    }

    /// A hub that has opened the connection and says nothing more.
    async fn silent_hub(device: DuplexStream, hub: &mut DuplexStream) -> Line<Box<dyn Stream>> {
        let own = || amqp::Open { container_id: "pump".to_owned(), ..amqp::Open::default() };
        let mut engine = Connection::new(own(), Limits::default());
        engine.open();
        hub.write_all(&amqp::Protocol::Amqp.bytes()).await.unwrap();
        hub.write_all(&engine.output()).await.unwrap();
        let mut ignore = |_| {};
        let clock = Clock::system();
        let mut progress = Progress::new(&mut ignore, &clock);
        let stream: Box<dyn Stream> = Box::new(device);
        let line = Line::open(stream, Greeting::new(own(), None), &mut progress).await;
        line.unwrap_or_else(|failure| panic!("{failure:?}"))
    }

    #[tokio::test]
    async fn j_363_a_hub_that_is_silent_for_too_long_is_taken_for_dead() {
        let (device, mut hub) = duplex(4096);
        let line = silent_hub(device, &mut hub).await;
        let (_commands, inbox) = mpsc::channel(1);
        let (changes, _) = broadcast::channel(1);
        let who = Who {
            device_id: "pump".parse().unwrap(),
            resource: "h.net/devices/pump".to_owned(),
            api_version: "2021-04-12",
            client_version: String::new(),
            pair: String::new(),
        };
        let exchange = Exchange::new(who, None);
        assert_eq!(exchange.stage(), Stage::Opening);
        let mut driver = Driver {
            line,
            exchange,
            renewal: None,
            signing: None,
            dead_after: Duration::from_millis(1),
            settings: settings(),
            ways: Ways { commands: inbox, changes, end: Arc::new(OnceLock::new()) },
        };

        let end = driver.turn().await.unwrap_err();

        assert!(matches!(end, End::Lost(Loss::NoPingResponse)), "{end:?}");
        drop(driver);
        // What the device had to say until then can still be read.
        hub.read_to_end(&mut Vec::new()).await.unwrap();
    }

    #[test]
    fn j_360_a_token_is_renewed_after_four_fifths_of_its_lifetime() {
        let now = Instant::now();

        for (lifetime, after) in [(3601, 2880), (6, 4), (1, 1), (0, 1)] {
            let due = renewal(now, Duration::from_secs(lifetime)).unwrap();
            assert_eq!(due - now, Duration::from_secs(after), "{lifetime}");
        }
        assert_eq!(renewal(now, Duration::MAX), None);
    }
}
