//! The devices that the service's page lets register: real ones of ours, over the network.

use std::time::Duration;

use crate::cli::output::failure;
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
    let mut lines =
        vec![concat!("Provisioning API Version: ", env!("CARGO_PKG_VERSION")).to_owned()];
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
    let (mqtt, https) = (from_here(device.mqtt), from_here(device.https));
    let (transport, address) = match device.transport {
        Transport::Mqtt => (Way::Mqtt, mqtt),
        Transport::Https => (Way::Https, https),
    };
    let endpoint: Endpoint = address
        .to_string()
        .parse()
        .map_err(|error| format!("the service's own address {address}: {error}"))?;
    let tls = client_config(&Trust::Pem(device.ca_pem.clone()))
        .map_err(|error| format!("the service's own certificate: {error}"))?;
    let context = Context {
        group: None,
        endpoint: endpoint.clone(),
        id_scope: device.id_scope.clone(),
        registration_id: device.registration_id.clone(),
        proof: None,
        skew: None,
        is_local: true,
        proxy: None,
        ca_file: None,
    };
    let settings = Settings {
        transport,
        ports: Ports { mqtt: mqtt.port(), https: https.port() },
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
    let status = |word: &str| format!("Provisioning Status: PROV_DEVICE_REG_STATUS_{word}");
    match notice {
        Notice::Connected => Some(status("CONNECTED")),
        Notice::Assigning { .. } => Some(status("ASSIGNING")),
        Notice::Busy { rejection, wait } => {
            Some(format!("the service is busy: {rejection}; again in {}", spoken(*wait)))
        }
        Notice::Unavailable { wait } => {
            Some(format!("the service is unavailable; again in {}", spoken(*wait)))
        }
        Notice::Lost { why, wait } => Some(format!("{why}; again in {}", spoken(*wait))),
        Notice::Forgotten => Some("the service forgot the operation; registering anew".to_owned()),
        _ => None,
    }
}

fn end(result: Result<Registered, Error>, context: &Context) -> Vec<String> {
    match result {
        Ok(Registered { assigned_hub, device_id, payload, .. }) => {
            let hub = format!(
                "Registration Information received from service: {assigned_hub}, deviceId: {device_id}"
            );
            let payload =
                payload.map(|it| format!("Payload received from service: {}", it.as_json()));
            std::iter::once(hub).chain(payload).collect()
        }
        Err(error) => {
            let Report { message, headline, causes, remedies, .. } =
                failure::report(&error, context);
            let first = format!("Failure registering device: {}", error.c_sdk_result());
            let headline = headline.map_or(message, String::from);
            let causes = causes.into_iter().map(|cause| format!("cause: {cause}"));
            let remedies = remedies.into_iter().map(|remedy| format!("try: {remedy}"));
            [first, headline].into_iter().chain(causes).chain(remedies).collect()
        }
    }
}
