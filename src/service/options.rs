//! How a service is run.

use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::allocation::webhook::WebhookSettings;
use super::authority::Authority;
use super::commentary::Commentary;
use super::endpoint::Port;
use super::fault_rule::FaultRule;
use super::journal::Observer;
use super::registrar::Pace;
use super::reprovision::ResetOnSameHub;
use super::simulator::Simulator;
use super::tap::Tap;
use crate::sources::Sources;
use crate::wire::RegistrationId;

/// How a service is run.
#[derive(Debug)]
pub struct Options {
    /// Address of the listeners.
    pub bind: IpAddr,
    /// Port of MQTT over TLS.
    pub mqtt_port: Port,
    /// Port of HTTPS, and of MQTT and AMQP over WebSocket.
    pub https_port: Port,
    /// Port of AMQP over TLS.
    pub amqp_port: Port,
    /// Port of the gateway, always on loopback; 0 picks a free one, without one there is none.
    pub gateway_port: Option<u16>,
    /// Whether the gateway lets through what is not this service's (J-188).
    pub gateway_open: bool,
    /// The management listener; `None` for none.
    pub admin: Option<AdminOptions>,
    /// Who signs the certificates that clients see.
    pub authority: Authority,
    /// Names and addresses of this machine, besides `localhost`: certificates are made for them
    /// (J-208), and the management listener answers to them (J-209).
    pub host_names: Vec<String>,
    /// What devices are told to wait, and how often.
    pub pace: Pace,
    /// What a reset means on the hub that a device has already (J-3).
    pub on_same_hub: ResetOnSameHub,
    /// How webhooks are called, and how long they are waited for.
    pub webhooks: WebhookSettings,
    /// Registration IDs whose keys are tried, beside those seen, when a token does not match.
    pub suspects: Vec<RegistrationId>,
    /// What goes wrong on purpose, behind what the configuration says of it.
    pub faults: Vec<FaultRule>,
    /// Who wants to know of every registration.
    pub observer: Observer,
    /// Who wants to know of everything that goes over the wire.
    pub tap: Tap,
    /// Who explains failed registrations, on the page.
    pub commentary: Commentary,
    /// The folder in which devices and enrollments are kept beyond the end of the service; made if
    /// it is not there. Without one they are forgotten.
    pub state: Option<PathBuf>,
    /// What time it is, and what IDs and keys are made. Others than the system's are for tests.
    pub sources: Sources,
    /// Who simulates devices for the page; without one it offers none.
    pub simulator: Option<Arc<dyn Simulator>>,
}

/// Where the management listener is. It has no password: whoever can reach the address can read and
/// change everything. [`Default`] is loopback, on its own port if that can be had.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AdminOptions {
    /// Its address.
    pub bind: IpAddr,
    /// Its port.
    pub port: Port,
}

impl Default for AdminOptions {
    fn default() -> Self {
        Self { bind: IpAddr::V4(Ipv4Addr::LOCALHOST), port: Port::OwnIfPossible }
    }
}

impl Options {
    /// A service for this process alone: on free loopback ports, quick, and quiet.
    pub fn on_free_ports(authority: Authority) -> Self {
        Self {
            bind: IpAddr::V4(Ipv4Addr::LOCALHOST),
            mqtt_port: Port::Exactly(0),
            https_port: Port::Exactly(0),
            amqp_port: Port::Exactly(0),
            gateway_port: None,
            gateway_open: false,
            admin: None,
            authority,
            host_names: Vec::new(),
            pace: Pace { retry_after: Duration::ZERO, assigning_polls: 0 },
            on_same_hub: ResetOnSameHub::default(),
            webhooks: WebhookSettings::default(),
            suspects: Vec::new(),
            faults: Vec::new(),
            observer: Observer::default(),
            tap: Tap::default(),
            commentary: Commentary::default(),
            state: None,
            sources: Sources::default(),
            simulator: None,
        }
    }
}
