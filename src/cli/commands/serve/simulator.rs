//! The devices that the service's page lets register: real ones of ours, over the network.

use std::time::Duration;

use crate::cli::output::{failure, sample};
use crate::cli::report::Report;
use crate::device::{
    Credential, Error, Notice, Ports, ProvisioningClient, Registered, Settings, Transport as Way,
};
use crate::explain::Context;
use crate::net::{Endpoint, Trust, client_config, from_here};
use crate::service::{Simulated, SimulatedDevice, Simulating, Simulator, Transport};
use crate::text::spoken;

/// How long one may take: somebody waits for the page.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Simulates devices with the device of this crate.
#[derive(Debug)]
pub(super) struct Devices;

impl Simulator for Devices {
    fn register(&self, device: SimulatedDevice) -> Simulating {
        Box::pin(register(device))
    }
}

async fn register(device: SimulatedDevice) -> Simulated {
    let mut lines = vec![sample::VERSION.to_owned()];
    match settings(&device) {
        Ok((settings, context)) => {
            let mut notify = |notice: Notice| lines.extend(line(&notice));
            let result = ProvisioningClient::new(settings).register(&mut notify).await;
            let is_assigned = result.is_ok();
            lines.extend(end(result, &context));
            Simulated { lines, is_assigned }
        }
        Err(reason) => {
            lines.push(reason);
            Simulated { lines, is_assigned: false }
        }
    }
}

fn settings(device: &SimulatedDevice) -> Result<(Settings, Context), String> {
    let [mqtt, https, amqp] = [device.mqtt, device.https, device.amqp].map(from_here);
    let (transport, address) = match device.transport {
        Transport::Mqtt => (Way::Mqtt, mqtt),
        Transport::Https => (Way::Https, https),
        Transport::Amqp => (Way::Amqp, amqp),
    };
    let endpoint: Endpoint = address
        .to_string()
        .parse()
        .map_err(|error| format!("the service's own address {address}: {error}"))?;
    let tls = client_config(&Trust::Pem(device.ca_pem.clone()))
        .map_err(|error| format!("the service's own certificate: {error}"))?;
    let context = Context::of_own_service(
        endpoint.clone(),
        device.id_scope.clone(),
        device.registration_id.clone(),
    );
    let settings = Settings {
        transport,
        ports: Ports { mqtt: mqtt.port(), https: https.port(), amqp: amqp.port() },
        payload: device.payload.clone(),
        timeout: TIMEOUT,
        ..Settings::new(
            endpoint,
            device.id_scope.clone(),
            device.registration_id.clone(),
            Credential::SymmetricKey(device.key.clone()),
            tls,
        )
    };
    Ok((settings, context))
}

/// What the C SDK's sample prints, and whatever a device has to wait for.
fn line(notice: &Notice) -> Option<String> {
    match notice {
        Notice::Connected => Some(sample::status(sample::CONNECTED)),
        Notice::Assigning { .. } => Some(sample::status(sample::ASSIGNING)),
        Notice::Busy { rejection, wait } => {
            Some(format!("the service is busy: {rejection}; again in {}", spoken(*wait)))
        }
        Notice::Unavailable { wait } => {
            Some(format!("the service is unavailable; again in {}", spoken(*wait)))
        }
        Notice::Silent { phase, after, wait } => {
            Some(format!("{phase} within {}; again in {}", spoken(*after), spoken(*wait)))
        }
        Notice::Lost { why, wait } => Some(format!("{why}; again in {}", spoken(*wait))),
        Notice::Forgotten => Some("the service forgot the operation; registering anew".to_owned()),
        _ => None,
    }
}

fn end(result: Result<Registered, Error>, context: &Context) -> Vec<String> {
    match result {
        Ok(registered) => sample::assigned(&registered),
        Err(error) => {
            let Report { message, headline, causes, remedies, .. } =
                failure::report(&error, context);
            let first = sample::failed(&error);
            let headline = headline.map_or(message, String::from);
            let causes = causes.into_iter().map(|cause| format!("cause: {cause}"));
            let remedies = remedies.into_iter().map(|remedy| format!("try: {remedy}"));
            [first, headline].into_iter().chain(causes).chain(remedies).collect()
        }
    }
}
