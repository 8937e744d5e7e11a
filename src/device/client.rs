//! The device as other code uses it: settings in, assigned hub out.

use std::time::Duration;

use super::driver::{self, Task};
use super::error::Error;
use super::exchange::{Looked, Notice, Registered};
use super::settings::{Credential, Settings};
use super::transport::Transport;
use crate::net::with_certificate;
use crate::wire::OperationId;

/// A device that provisions itself.
#[derive(Debug, Clone)]
pub struct ProvisioningClient {
    settings: Settings,
}

impl ProvisioningClient {
    /// A client for one device. Whatever the transport, it shows the device's certificate, if that is
    /// its credential.
    pub fn new(mut settings: Settings) -> Self {
        if let Credential::X509(certificate) = &settings.credential {
            settings.tls = with_certificate(&settings.tls, certificate.certified_key());
        }
        Self { settings }
    }

    /// The same client with another time in which a registration must end.
    #[must_use]
    pub fn within(mut self, timeout: Duration) -> Self {
        self.settings.timeout = timeout;
        self
    }

    /// Registers the device: connects, sends the register request, polls until there is a result.
    /// `notify` is told of each transition as it happens.
    ///
    /// # Errors
    ///
    /// Whatever ends the registration without a hub, see [`Error`]; at the latest
    /// [`Error::Deadline`].
    pub async fn register(
        &self,
        notify: &mut (dyn FnMut(Notice) + Send),
    ) -> Result<Registered, Error> {
        driver::run(&self.settings, &Task::Register, notify).await
    }

    /// Asks how an operation stands that the service has accepted before, and polls until there is a
    /// result. Never registers: an operation that the service does not know is
    /// [`Error::Rejected`] with 404203.
    ///
    /// # Errors
    ///
    /// As for [`register`](Self::register).
    pub async fn resume(
        &self,
        operation_id: OperationId,
        notify: &mut (dyn FnMut(Notice) + Send),
    ) -> Result<Registered, Error> {
        driver::run(&self.settings, &Task::Resume(operation_id), notify).await
    }

    /// Asks how the device's registration stands, without registering (B.1): over HTTPS, or over AMQP
    /// where [`transport`](Settings::transport) is one of its two. MQTT has no such question.
    ///
    /// # Errors
    ///
    /// Whatever ends it without an answer, and [`Error::Rejected`] with a 404 if the device has never
    /// registered. A registration that has failed is an answer.
    pub async fn look_up(&self, notify: &mut (dyn FnMut(Notice) + Send)) -> Result<Looked, Error> {
        driver::look_up(&self.settings, notify).await
    }

    /// Connects over `transport` as [`register`](Self::register) does, but once and without asking
    /// for anything, and closes the connection again. `Auto` counts as MQTT.
    ///
    /// # Errors
    ///
    /// Whatever keeps the connection from being opened `within` that time. Keys are not judged
    /// and over HTTPS nothing is but TLS (J-102).
    pub async fn connect(&self, transport: Transport, within: Duration) -> Result<(), Error> {
        driver::connect_once(&self.settings, transport, within).await
    }
}
