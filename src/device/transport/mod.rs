//! What carries a registration: each transport drives the one state machine.

mod auto;
mod clock;
mod drive;
mod https;
mod knock;
mod mqtt;
mod phase;
mod reach;

use std::fmt;

use self::clock::Clock;
use super::client::{Ports, Settings};
use super::error::Error;
use super::exchange::{Looked, Notice, Registered};
use super::registration::Registration;
use crate::wire::OperationId;

pub(super) use knock::knock;
pub(super) use mqtt::{
    Carrier, FAREWELL, KEEP_ALIVE, OverTls, OverWebSocket, ReadFault, Session, hello, unexpected,
};
pub use phase::ConnectPhase;
pub(super) use phase::Progress;
pub(super) use reach::Way;

/// How the device talks to the service (A.1, B).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Transport {
    /// MQTT over TLS, port 8883.
    #[default]
    Mqtt,
    /// MQTT over a secure WebSocket, port 443.
    MqttWs,
    /// HTTPS, port 443.
    Https,
    /// The first of the three, in this order, that the network lets through.
    Auto,
}

impl Transport {
    /// Its name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Mqtt => "mqtt",
            Self::MqttWs => "mqtt-ws",
            Self::Https => "https",
            Self::Auto => "auto",
        }
    }

    /// Which of `ports` it may dial.
    pub fn ports(self, ports: Ports) -> Vec<u16> {
        match self {
            Self::Mqtt => vec![ports.mqtt],
            Self::MqttWs | Self::Https => vec![ports.https],
            Self::Auto => vec![ports.mqtt, ports.https],
        }
    }
}

impl fmt::Display for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What is to be done.
#[derive(Debug, Clone)]
pub(super) enum Task {
    /// Register.
    Register,
    /// See an operation through that the service has accepted before.
    Resume(OperationId),
}

/// Looks the registration up, over HTTPS.
pub(super) async fn look_up(
    settings: &Settings,
    notify: &mut (dyn FnMut(Notice) + Send),
) -> Result<Looked, Error> {
    https::look_up(settings, Clock::start(settings.timeout), notify).await
}

/// Runs one registration to its end, by the transport that the settings name.
pub(super) async fn run(
    settings: &Settings,
    task: &Task,
    notify: &mut (dyn FnMut(Notice) + Send),
) -> Result<Registered, Error> {
    let clock = Clock::start(settings.timeout);
    match settings.transport {
        Transport::Auto => Box::pin(auto::run(settings, task, clock, notify)).await,
        transport => run_over(transport, settings, task, clock, notify).await,
    }
}

/// Runs one registration over one transport; `Auto` counts as the default.
async fn run_over(
    transport: Transport,
    settings: &Settings,
    task: &Task,
    clock: Clock,
    notify: &mut (dyn FnMut(Notice) + Send),
) -> Result<Registered, Error> {
    let machine = Registration::new(settings.timeout, fastrand::u64(..));
    let machine = match task {
        Task::Register => machine,
        Task::Resume(operation_id) => machine.watching(operation_id.clone()),
    };
    // Boxed, so that a device has room for its own transport and not for the largest of them.
    match transport {
        Transport::Mqtt | Transport::Auto => {
            let driver = mqtt::Driver::<mqtt::OverTls>::new(settings, clock);
            Box::pin(drive::drive(driver, machine, notify)).await
        }
        Transport::MqttWs => {
            let driver = mqtt::Driver::<mqtt::OverWebSocket>::new(settings, clock);
            Box::pin(drive::drive(driver, machine, notify)).await
        }
        Transport::Https => {
            let driver = https::Driver::new(settings, clock);
            Box::pin(drive::drive(driver, machine, notify)).await
        }
    }
}
