//! Our own device at a service of the tests.

use provision_sim::device::{Credential, HubSettings, Registered, Settings, Transport};

use super::setup::{SCOPE, TestService};
use crate::support::IN_GOOD_TIME;

/// A device that registers at `service`.
pub fn settings(
    service: &TestService,
    id: &str,
    transport: Transport,
    credential: Credential,
) -> Settings {
    let mut settings = Settings::new(
        "127.0.0.1".parse().unwrap(),
        SCOPE.parse().unwrap(),
        id.parse().unwrap(),
        credential,
        service.tls.clone(),
    );
    settings.transport = transport;
    settings.ports.mqtt = service.address().port();
    settings.ports.https = service.https_address().port();
    settings.ports.amqp = service.amqp_address().port();
    settings.timeout = IN_GOOD_TIME;
    settings
}

/// The hub that it was assigned, which the service stands for.
pub fn hub(settings: &Settings, registered: &Registered, transport: Transport) -> HubSettings {
    let mut hub = HubSettings::assigned(settings, registered).unwrap();
    (hub.ports, hub.transport) = (settings.ports, transport);
    hub.through(&"127.0.0.1".parse().unwrap())
}
