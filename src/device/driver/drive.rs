//! What all drivers share: the loop that does what the state machine says.

use std::time::Duration;

use super::clock::Clock;
use crate::device::error::Error;
use crate::device::exchange::{Event, Notice, Registered, Request, Step};
use crate::device::registration::Registration;
use crate::device::wrapped_key::WrappedKey;

/// Whom a driver tells what happens on the way.
pub(super) type Notify<'a> = &'a mut (dyn FnMut(Notice) + Send);

/// One transport, step by step. Every method ends at the deadline, and in one event.
pub(super) trait Driver {
    /// The registration's time.
    fn clock(&self) -> &Clock;
    /// [`Step::Connect`].
    async fn connect(&mut self, notify: Notify<'_>) -> Event;
    /// [`Step::Subscribe`].
    async fn subscribe(&mut self, notify: Notify<'_>) -> Event;
    /// [`Step::Send`].
    async fn send(&mut self, request: Request, notify: Notify<'_>) -> Event;
    /// [`Step::TakeKey`].
    async fn take_key(&mut self, key: WrappedKey) -> Event;
    /// [`Step::Listen`].
    async fn listen(&mut self, until: Duration, notify: Notify<'_>) -> Event;
    /// Drops a connection that is dead: listened to, it would be lost a second time.
    fn forget(&mut self);
    /// Says goodbye. Nothing else is asked of it then.
    async fn close(&mut self);
}

/// Runs one registration to its end.
pub(super) async fn drive(
    mut driver: impl Driver,
    mut machine: Registration,
    notify: Notify<'_>,
) -> Result<Registered, Error> {
    let mut event = Event::Start;
    loop {
        let step = machine.handle(driver.clock().elapsed(), event, notify);
        if machine.is_down() {
            driver.forget();
        }
        event = match step {
            Step::Connect => driver.connect(notify).await,
            Step::Subscribe => driver.subscribe(notify).await,
            Step::Send(request) => {
                driver.clock().attend();
                driver.send(request, notify).await
            }
            Step::TakeKey(key) => driver.take_key(key).await,
            // Nothing is expected, and nobody waits for a clock that stands.
            Step::Listen { until } if driver.clock().stands() && machine.pauses(until) => {
                driver.clock().sleep_until(driver.clock().at(until)).await;
                Event::Elapsed
            }
            Step::Listen { until } => {
                // Its own, so that it can be looked at while the driver listens.
                let clock = driver.clock().clone();
                let listening = driver.listen(until, notify);
                let event = clock.expect(clock.at(until), listening).await;
                let event = event.unwrap_or(Event::Elapsed);
                if matches!(event, Event::Elapsed) {
                    driver.clock().reach(driver.clock().at(until));
                }
                event
            }
            Step::Finish(result) => {
                driver.close().await;
                return *result;
            }
        };
    }
}
