//! Where a target leads (J-187, J-188).
//!
//! Pure.

use std::fmt;
use std::net::SocketAddr;

use super::reply::Outcome;
use super::target::{Host, Target};
use crate::net::from_here;
use crate::service::endpoint::EndpointKind;
use crate::service::endpoint::names::Names;
use crate::wire::{AMQP_PORT, HTTPS_PORT, MQTT_PORT};

/// Where the endpoints of the service are.
#[derive(Debug, Clone)]
pub(in crate::service) struct Listening {
    pub(in crate::service) mqtt: SocketAddr,
    pub(in crate::service) https: SocketAddr,
    pub(in crate::service) amqp: SocketAddr,
    pub(in crate::service) management: Option<SocketAddr>,
}

/// Which targets lead where.
#[derive(Debug)]
pub(super) struct Routes {
    listening: Listening,
    names: Names,
    /// Whether what is not ours is let through.
    is_open: bool,
}

/// Where a target leads.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// To an endpoint of ours.
    Here(EndpointKind, SocketAddr),
    /// To wherever it is.
    Elsewhere,
    /// Nowhere.
    Nowhere(Denial),
}

/// Why a target leads nowhere.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Denial {
    /// It is ours, but nothing is served there.
    Port { target: Target, served: String },
    /// It is not ours.
    Foreign { target: Target, hubs: String },
}

impl Routes {
    pub(super) fn new(listening: Listening, names: Names, is_open: bool) -> Self {
        Self { listening, names, is_open }
    }

    /// Where it leads. What stands for Azure leads here or nowhere, open or not: a test must not
    /// reach the real service because it dialled another port.
    pub(super) fn way(&self, target: &Target) -> Way {
        let (is_azures, is_local) = match &target.host {
            Host::Name(name) => (self.names.have(name), name == "localhost"),
            Host::Address(address) => (
                self.names.hosts.iter().any(|host| host.parse() == Ok(*address)),
                address.is_loopback() || *address == self.listening.mqtt.ip(),
            ),
        };
        if !is_azures && !is_local {
            return if self.is_open { Way::Elsewhere } else { self.foreign(target) };
        }
        let Listening { mqtt, https, amqp, management } = &self.listening;
        match target.port {
            port if port == mqtt.port() => self.here(EndpointKind::Mqtt, *mqtt),
            port if port == https.port() => self.here(EndpointKind::Https, *https),
            port if port == amqp.port() => self.here(EndpointKind::Amqp, *amqp),
            port if is_local && management.is_some_and(|it| it.port() == port) => {
                let management = management.unwrap_or(*https);
                self.here(EndpointKind::Management, management)
            }
            MQTT_PORT => self.here(EndpointKind::Mqtt, *mqtt),
            HTTPS_PORT => self.here(EndpointKind::Https, *https),
            AMQP_PORT => self.here(EndpointKind::Amqp, *amqp),
            _ if is_local && self.is_open => Way::Elsewhere,
            _ => Way::Nowhere(Denial::Port {
                target: target.clone(),
                served: format!(
                    "{MQTT_PORT} or {} (MQTT), {HTTPS_PORT} or {} (HTTPS) and {AMQP_PORT} or {} (AMQP)",
                    mqtt.port(),
                    https.port(),
                    amqp.port()
                ),
            }),
        }
    }

    fn here(&self, kind: EndpointKind, address: SocketAddr) -> Way {
        Way::Here(kind, from_here(address))
    }

    fn foreign(&self, target: &Target) -> Way {
        let hubs: Vec<_> = self.names.hubs.iter().map(|hub| hub.as_str()).collect();
        Way::Nowhere(Denial::Foreign { target: target.clone(), hubs: hubs.join(", ") })
    }
}

impl Denial {
    pub(super) fn outcome(&self) -> Outcome {
        match self {
            Self::Port { .. } => Outcome::Refused,
            Self::Foreign { .. } => Outcome::NotAllowed,
        }
    }
}

impl fmt::Display for Denial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Port { target, served } => {
                write!(f, "{target}: the gateway leads this host on {served} only")
            }
            Self::Foreign { target, hubs } => {
                write!(
                    f,
                    "{target} is not this service: the gateway leads the names of DPS, localhost and the linked hubs ({hubs}); with --gateway-open it lets everything else through"
                )?;
                match target.host {
                    // Which name it was, nobody can tell any more.
                    Host::Address(_) => f.write_str(
                        "; if the client has looked a name up itself, let it ask the proxy for the name (socks5h://)",
                    ),
                    Host::Name(_) => Ok(()),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MQTT: &str = "127.0.0.1:41001";
    const HTTPS: &str = "127.0.0.1:41002";
    const ADMIN: &str = "127.0.0.1:41003";
    const AMQP: &str = "127.0.0.1:41004";

    fn routes(mqtt: &str, is_open: bool) -> Routes {
        let listening = Listening {
            mqtt: mqtt.parse().unwrap(),
            https: HTTPS.parse().unwrap(),
            amqp: AMQP.parse().unwrap(),
            management: Some(ADMIN.parse().unwrap()),
        };
        let names = Names {
            hubs: vec!["Hub-1.azure-devices.net".parse().unwrap()],
            hosts: vec!["dps.test".to_owned(), "172.17.0.2".to_owned()],
        };
        Routes::new(listening, names, is_open)
    }

    fn way(target: &str, is_open: bool) -> Way {
        routes(MQTT, is_open).way(&Target::read(target).unwrap())
    }

    fn said(target: &str, is_open: bool) -> String {
        match way(target, is_open) {
            Way::Nowhere(denial) => denial.to_string(),
            other => panic!("{target}: {other:?}"),
        }
    }

    #[test]
    fn j_187_every_name_of_ours_leads_to_its_endpoint() {
        let hosts = [
            "global.azure-devices-provisioning.net",
            "my-dps.azure-devices-provisioning.net",
            "hub-1.azure-devices.net.",
            "DPS.test",
            "172.17.0.2",
            "localhost",
            "127.0.0.1",
            "127.0.0.2",
            "[::1]",
        ];
        for host in hosts {
            for (ports, kind, address) in [
                ([8883, 41001], EndpointKind::Mqtt, MQTT),
                ([443, 41002], EndpointKind::Https, HTTPS),
                ([5671, 41004], EndpointKind::Amqp, AMQP),
            ] {
                for port in ports {
                    let way = way(&format!("{host}:{port}"), false);
                    assert_eq!(way, Way::Here(kind, address.parse().unwrap()), "{host}:{port}");
                }
            }
        }
        let admin = Way::Here(EndpointKind::Management, ADMIN.parse().unwrap());
        assert_eq!(way("localhost:41003", false), admin);
    }

    #[test]
    fn j_187_where_all_addresses_are_listened_on_loopback_is_dialled() {
        let here = routes("0.0.0.0:41001", false).way(&Target::read("localhost:8883").unwrap());

        assert_eq!(here, Way::Here(EndpointKind::Mqtt, MQTT.parse().unwrap()));
    }

    #[test]
    fn j_188_what_is_not_ours_is_refused_with_the_way_out() {
        let said = said("example.com:443", false);

        assert!(said.starts_with("example.com:443 is not this service"), "{said}");
        assert!(said.contains("Hub-1.azure-devices.net") && said.contains("--gateway-open"));
        assert!(!said.contains("socks5h"), "{said}");
        assert!(self::said("10.0.0.1:443", false).contains("socks5h"));
        for target in [
            "hub-2.azure-devices.net:8883",
            "10.0.0.1:443",
            "a.b.azure-devices-provisioning.net:443",
        ] {
            assert!(matches!(way(target, false), Way::Nowhere(Denial::Foreign { .. })), "{target}");
            assert_eq!(way(target, true), Way::Elsewhere, "{target}");
        }
    }

    #[test]
    fn j_188_what_stands_for_azure_never_leads_out() {
        for is_open in [false, true] {
            let port = said("global.azure-devices-provisioning.net:80", is_open);
            assert!(port.contains("on 8883 or 41001 (MQTT)"), "{port}");
            assert!(port.contains("5671 or 41004 (AMQP)"), "{port}");
            // Management is for this machine alone.
            assert!(said("hub-1.azure-devices.net:41003", is_open).contains("only"));
        }
        assert!(said("localhost:7071", false).contains("only"));
        assert_eq!(way("localhost:7071", true), Way::Elsewhere);
    }
}
