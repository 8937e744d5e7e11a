//! The handle to an open session.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use serde::Serialize;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{broadcast, mpsc, oneshot};
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::connect::{self, Opened};
use super::error::{HubError, HubWaiting};
use super::purpose::Purpose;
use super::question::{Answer, Question};
use super::settings::HubSettings;
use super::task::{Command, End, Ways};
use super::twin::{DesiredChange, Twin};
use super::{amqp, mqtt};
use crate::device::exchange::Loss;
use crate::device::transport::Transport;
use crate::wire::Payload;

/// Changes that wait for a device that is busy; what is beyond is [`HubError::Missed`].
const CHANGES: usize = 64;

/// A device that is signed in to its hub.
///
/// The session lives as long as this; dropping it breaks the connection off, [`close`](Self::close)
/// says goodbye. A session that is lost is not opened again: the device decides whether to sign in
/// once more, or to provision itself anew (see [`HubError::calls_for_provisioning`]).
///
/// ```no_run
/// # use provision_sim::device::{HubClient, HubSettings, ProvisioningClient, Settings};
/// # async fn run(settings: Settings) -> Result<(), Box<dyn std::error::Error>> {
/// let registered = ProvisioningClient::new(settings.clone()).register(&mut |_| {}).await?;
/// let hub = HubClient::connect(&HubSettings::assigned(&settings, &registered)?).await?;
///
/// let mut changes = hub.desired_changes(); // before the twin is read, so that none is missed
/// let twin = hub.twin().await?;
/// let fw = serde_json::json!({ "fw": "1.0", "interval": twin.desired.get("interval") });
/// hub.report(fw.as_object().ok_or("an object")?).await?;
/// hub.send(br#"{"temperature":21.5}"#.to_vec()).await?;
/// let change = changes.next().await?;
/// println!("version {}: {:?}", change.version, change.patch);
/// hub.close().await;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct HubClient {
    transport: Transport,
    timeout: Duration,
    commands: mpsc::Sender<Command>,
    changes: broadcast::WeakSender<DesiredChange>,
    end: Arc<OnceLock<End>>,
    driver: JoinSet<()>,
}

impl HubClient {
    /// Signs in, and asks to hear of the twin: subscribes to its topics, or attaches its links. Asks once: whether to try again is the caller's
    /// to decide.
    ///
    /// # Errors
    ///
    /// Whatever ends it without a session, see [`HubError`]; at the latest [`HubError::Silent`].
    pub async fn connect(settings: &HubSettings) -> Result<Self, HubError> {
        let (opened, transport) = connect::open(settings, Purpose::Twin).await?;
        let (commands, inbox) = mpsc::channel(1);
        let (changes, _) = broadcast::channel(CHANGES);
        let weak = changes.downgrade();
        let end = Arc::new(OnceLock::new());
        let ways = Ways { commands: inbox, changes, end: end.clone() };
        let mut driver = JoinSet::new();
        match opened {
            Opened::Mqtt(open) => driver.spawn(mqtt::run(open, settings.device_id().clone(), ways)),
            Opened::Amqp(open) => driver.spawn(amqp::run(*open, settings.clone(), ways)),
        };
        Ok(Self { transport, timeout: settings.timeout, commands, changes: weak, end, driver })
    }

    /// By which transport it is connected.
    pub fn transport(&self) -> Transport {
        self.transport
    }

    /// Gives every request from now on this long.
    pub fn set_timeout(&mut self, timeout: Duration) {
        self.timeout = timeout;
    }

    /// Reads the twin (I).
    ///
    /// # Errors
    ///
    /// If the hub answers with an error, with what is no twin, not in time, or not any more.
    pub async fn twin(&self) -> Result<Twin, HubError> {
        match self.ask(Question::Twin).await? {
            Answer::Twin(twin) => Ok(twin),
            Answer::Reported(_) | Answer::Taken => Err(self.ended()),
        }
    }

    /// Reports properties (I): a merge patch, in which `null` deletes, as a map or as a
    /// [`Payload`], which keeps its digits. The new version of the reported properties, where the
    /// hub names it.
    ///
    /// # Errors
    ///
    /// If the hub refuses (400 for what no twin may hold), or does not answer in time, or not any more.
    pub async fn report(&self, patch: &impl Serialize) -> Result<Option<u64>, HubError> {
        let patch = Payload::of(patch).as_json().as_bytes().to_vec();
        match self.ask(Question::Report(patch)).await? {
            Answer::Reported(version) => Ok(version),
            Answer::Twin(_) | Answer::Taken => Err(self.ended()),
        }
    }

    /// Sends a message to the cloud (I) and waits until the hub has it (QoS 1,
    /// `accepted`).
    ///
    /// # Errors
    ///
    /// If the hub does not acknowledge it in time, or not any more.
    pub async fn send(&self, message: Vec<u8>) -> Result<(), HubError> {
        self.ask(Question::Message(message)).await.map(drop)
    }

    /// The changes that the back end makes to the desired properties from now on (I). Subscribe before
    /// you read the twin, so that none falls in between.
    pub fn desired_changes(&self) -> DesiredChanges {
        let changes = match self.changes.upgrade() {
            Some(sender) => sender.subscribe(),
            // The session has ended; this receiver says so.
            None => broadcast::channel(1).1,
        };
        DesiredChanges { changes, end: self.end.clone() }
    }

    /// Says goodbye (DISCONNECT, `close`) and hangs up.
    pub async fn close(self) {
        let Self { commands, mut driver, .. } = self;
        drop(commands);
        driver.join_next().await;
    }

    async fn ask(&self, question: Question) -> Result<Answer, HubError> {
        let request = question.name();
        let asked = async {
            let (answer, answered) = oneshot::channel();
            let sent = self.commands.send(Command { question, answer }).await;
            sent.map_err(|_| self.ended())?;
            answered.await.unwrap_or_else(|_| Err(self.ended()))
        };
        let late = |_| Err(HubError::Silent(HubWaiting::Answer(request)));
        timeout(self.timeout, asked).await.unwrap_or_else(late)
    }

    fn ended(&self) -> HubError {
        ended(&self.end)
    }
}

/// The changes of the desired properties, one after the other.
#[derive(Debug)]
pub struct DesiredChanges {
    changes: broadcast::Receiver<DesiredChange>,
    end: Arc<OnceLock<End>>,
}

impl DesiredChanges {
    /// Waits for the next change, as long as it takes. May be dropped while waiting.
    ///
    /// # Errors
    ///
    /// [`HubError::Missed`] if changes came faster than they were taken; the next call goes on with
    /// the oldest that is left. Whatever ended the session, once it has ended.
    pub async fn next(&mut self) -> Result<DesiredChange, HubError> {
        match self.changes.recv().await {
            Ok(change) => Ok(change),
            Err(RecvError::Lagged(missed)) => Err(HubError::Missed(missed)),
            Err(RecvError::Closed) => Err(ended(&self.end)),
        }
    }
}

/// Why the session ended; without a better reason, it was closed on this side.
fn ended(end: &OnceLock<End>) -> HubError {
    end.get().cloned().unwrap_or(End::Lost(Loss::Closed)).into()
}
