//! What the running service says of itself, for programs and for other commands.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;

use zeroize::Zeroizing;

use crate::cli::local::{HubConnectionStrings, NamedWebhooks, Ready};
use crate::service::{Config, Service};

pub(super) fn ready(service: &Service, ca_file: PathBuf) -> Ready {
    let https = service.https_address();
    Ready {
        mqtt: service.mqtt_address().to_string(),
        https: Some(https.to_string()),
        amqp: Some(service.amqp_address().to_string()),
        gateway: service.gateway_address().map(|address| address.to_string()),
        admin: service.admin_address().map(|address| address.to_string()),
        ca_file: std::path::absolute(&ca_file).unwrap_or(ca_file),
        id_scope: service.instance().id_scope.to_string(),
        service_connection_string: Some(Zeroizing::new(
            service.connection_string(&dialled_host(https)).to_string(),
        )),
    }
}

/// By the names of the hubs; at the service's own host `serviceConnectionString` does (J-130).
pub(super) fn hub_connection_strings(service: &Service) -> HubConnectionStrings {
    let hubs = service.instance().linked_hubs.iter().map(|hub| &hub.host_name);
    hubs.map(|hub| {
        (hub.to_string(), Zeroizing::new(service.hub_connection_string(hub.as_str()).to_string()))
    })
    .collect()
}

/// By what configurations call them.
pub(super) fn named_webhooks(config: &Config) -> NamedWebhooks {
    let placed = config.placed_webhooks();
    placed
        .map(|(name, address)| (name.to_owned(), Zeroizing::new(address.as_written().to_owned())))
        .collect()
}

/// The host and port that a client of the service API dials: a name that is in the certificate.
fn dialled_host(address: SocketAddr) -> String {
    let host = match address.ip() {
        // Not for 127.0.0.2 and its like, which `localhost` does not lead to.
        ip if ip == Ipv4Addr::LOCALHOST || ip == Ipv6Addr::LOCALHOST || ip.is_unspecified() => {
            "localhost".to_owned()
        }
        IpAddr::V6(ip) => format!("[{ip}]"),
        ip @ IpAddr::V4(_) => ip.to_string(),
    };
    match address.port() {
        443 => host,
        port => format!("{host}:{port}"),
    }
}
