//! One registration over one transport.

use super::carrier::{OverTls, OverWebSocket};
use super::clock::Clock;
use super::proof::Proof;
use super::{amqp, drive, https, mqtt};
use crate::device::error::Error;
use crate::device::exchange::{Notice, Registered};
use crate::device::registration::Registration;
use crate::device::transport::Transport;
use crate::wire::OperationId;

/// What is to be done.
#[derive(Debug, Clone)]
pub(in crate::device) enum Task {
    /// Register.
    Register,
    /// See an operation through that the service has accepted before.
    Resume(OperationId),
}

/// Runs one registration over one transport; `Auto` counts as the default.
pub(super) async fn run_over(
    transport: Transport,
    proof: Proof<'_>,
    task: &Task,
    clock: Clock,
    notify: &mut (dyn FnMut(Notice) + Send),
) -> Result<Registered, Error> {
    let settings = proof.settings();
    let machine = {
        let jitter = settings.jitter();
        Registration::new(settings.registration_id.clone(), settings.timeout, jitter)
            .asking_for(settings.csr.clone())
    };
    let machine = if settings.has_tpm() { machine.with_tpm() } else { machine };
    let machine = match task {
        Task::Register => machine,
        Task::Resume(operation_id) => machine.watching(operation_id.clone()),
    };
    // Boxed, so that a device has room for its own transport and not for the largest of them.
    match transport {
        Transport::Mqtt | Transport::Auto => {
            let driver = mqtt::Driver::<OverTls>::new(proof, clock);
            Box::pin(drive::drive(driver, machine, notify)).await
        }
        Transport::MqttWs => {
            let driver = mqtt::Driver::<OverWebSocket>::new(proof, clock);
            Box::pin(drive::drive(driver, machine, notify)).await
        }
        Transport::Https => {
            let driver = https::Driver::new(proof, clock);
            Box::pin(drive::drive(driver, machine, notify)).await
        }
        Transport::Amqp => {
            let driver = amqp::Driver::<OverTls>::new(proof, clock);
            Box::pin(drive::drive(driver, machine.over_links(), notify)).await
        }
        Transport::AmqpWs => {
            let driver = amqp::Driver::<OverWebSocket>::new(proof, clock);
            Box::pin(drive::drive(driver, machine.over_links(), notify)).await
        }
    }
}
