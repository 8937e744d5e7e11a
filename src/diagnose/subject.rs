//! What is to be diagnosed, and what the checks have learnt so far.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use rustls::ClientConfig;

use crate::device::{ConnectPhase, Credential, Deadline, Error, Settings, Transport, Waiting};
use crate::explain::{Context, Skew};
use crate::net::{Endpoint, Proxy, with_certificate};

/// No single connection may take longer, whatever the registration may (J-116).
const CHECK_TIMEOUT: Duration = Duration::from_secs(10);

/// A device that cannot register, or may not be able to.
#[derive(Debug)]
pub struct Subject {
    /// How it registers. [`Settings::ports`] are those that are looked at.
    pub settings: Settings,
    /// What is known on this side.
    pub context: Context,
    /// Whether the last check may really register the device.
    pub may_register: bool,
}

/// What the checks have learnt.
#[derive(Debug, Default)]
pub(super) struct Known {
    /// The addresses of each host that is dialled.
    pub(super) addresses: Vec<(String, Vec<IpAddr>)>,
    pub(super) mqtt: Reach,
    pub(super) https: Reach,
    pub(super) amqp: Reach,
    /// The validity of the certificate that was presented, by the port of MQTT or else HTTPS.
    pub(super) validity: Option<super::certificate::Validity>,
    pub(super) skew: Option<Skew>,
    pub(super) is_connected: bool,
    /// Whether the clock is so wrong that no proof of identity can hold.
    pub(super) clock_failed: bool,
}

/// How far a port could be reached.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Reach {
    /// Not at all.
    #[default]
    Nothing,
    /// A TCP connection.
    Tcp,
    /// TLS, if one does not look whose.
    Untrusted,
    /// TLS with a server that the device trusts.
    Tls,
}

/// One of the three ports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Port {
    Mqtt,
    Https,
    Amqp,
}

impl Subject {
    /// How long one connection may take.
    pub(super) fn check_timeout(&self) -> Duration {
        self.settings.timeout.min(CHECK_TIMEOUT)
    }

    /// The number of a port: that of the host, where the transport goes to it, else its own.
    pub(super) fn number(&self, port: Port) -> u16 {
        let Settings { endpoint, ports, transport, .. } = &self.settings;
        let (own, is_used) = match port {
            Port::Mqtt => (ports.mqtt, matches!(transport, Transport::Mqtt | Transport::Auto)),
            Port::Https => (ports.https, !matches!(transport, Transport::Mqtt | Transport::Amqp)),
            Port::Amqp => (ports.amqp, matches!(transport, Transport::Amqp | Transport::Auto)),
        };
        endpoint.port().filter(|_| is_used).unwrap_or(own)
    }

    /// The host with a port of its own.
    pub(super) fn endpoint(&self, port: Port) -> Endpoint {
        self.settings.endpoint.without_port().or_port(self.number(port))
    }

    /// To whom the TCP connection for a port is opened.
    pub(super) fn next_hop(&self, port: Port) -> Endpoint {
        self.settings.route.next_hop(&self.endpoint(port))
    }

    /// The proxy in front of a port.
    pub(super) fn proxy(&self, port: Port) -> Option<&Proxy> {
        self.settings.route.proxy_for(&self.endpoint(port))
    }

    /// Trust and, where that is its proof, certificate of the device.
    pub(super) fn tls(&self) -> Arc<ClientConfig> {
        let Settings { credential, tls, .. } = &self.settings;
        match credential {
            Credential::X509(certificate) => with_certificate(tls, certificate.certified_key()),
            Credential::SymmetricKey(_) | Credential::Signer(_) | Credential::Tpm(_) => tls.clone(),
        }
    }

    /// Which ports are looked at: that of AMQP only where the registration may go over it (J-361), and that of
    /// MQTT where there is no TPM, which has no way over it (B.5).
    pub(super) fn ports(&self) -> &'static [Port] {
        let over_amqp = matches!(self.settings.transport, Transport::Amqp | Transport::Auto);
        let has_tpm = matches!(self.settings.credential, Credential::Tpm(_));
        match (has_tpm, over_amqp) {
            (false, true) => &[Port::Mqtt, Port::Https, Port::Amqp],
            (false, false) => &[Port::Mqtt, Port::Https],
            (true, true) => &[Port::Https, Port::Amqp],
            (true, false) => &[Port::Https],
        }
    }

    /// Whether the registration fails without this port (J-117).
    pub(super) fn needs(&self, port: Port, is_mqtt_reached: bool) -> bool {
        match (port, self.settings.transport) {
            (Port::Mqtt, transport) => transport == Transport::Mqtt,
            (Port::Amqp, transport) => transport == Transport::Amqp,
            (Port::Https, Transport::MqttWs | Transport::Https | Transport::AmqpWs) => true,
            (Port::Https, Transport::Mqtt | Transport::Auto) => !is_mqtt_reached,
            (Port::Https, Transport::Amqp) => false,
        }
    }

    /// The error of a connection that got no further in time.
    pub(super) fn late(&self, phase: ConnectPhase) -> Error {
        Error::Deadline(Box::new(Deadline {
            after: self.check_timeout(),
            waiting_for: Waiting::Connect(phase),
            operation_id: None,
            last_busy: None,
            asked_to_wait: None,
            foreign_answers: 0,
        }))
    }
}

impl Known {
    /// The addresses of a host, none if it has none.
    pub(super) fn addresses(&self, host: &str) -> &[IpAddr] {
        let found = self.addresses.iter().find(|(name, _)| name == host);
        found.map(|(_, addresses)| addresses.as_slice()).unwrap_or_default()
    }

    pub(super) fn reached(&self, port: Port) -> Reach {
        match port {
            Port::Mqtt => self.mqtt,
            Port::Https => self.https,
            Port::Amqp => self.amqp,
        }
    }

    pub(super) fn reach(&mut self, port: Port) -> &mut Reach {
        match port {
            Port::Mqtt => &mut self.mqtt,
            Port::Https => &mut self.https,
            Port::Amqp => &mut self.amqp,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::attestation::SoftwareTpm;
    use crate::device::Ports;
    use crate::net::{Trust, client_config};
    use crate::pki::TestCertificate;

    fn subject(host: &str, transport: Transport) -> Subject {
        let endpoint: Endpoint = host.parse().unwrap();
        let trusted = TestCertificate::self_signed("unused").unwrap();
        let settings = Settings {
            ports: Ports { mqtt: 1, https: 2, amqp: 3 },
            transport,
            ..Settings::new(
                endpoint.clone(),
                "0ne00002193".parse().unwrap(),
                "pump-0042".parse().unwrap(),
                Credential::SymmetricKey("AAAAAAAAAAAAAAAAAAAAAA==".parse().unwrap()),
                client_config(&Trust::Pem(trusted.pem().to_owned())).unwrap(),
            )
        };
        let context = Context {
            endpoint,
            id_scope: Some(settings.id_scope.clone()),
            registration_id: settings.registration_id.clone(),
            proof: None,
            skew: None,
            is_local: false,
            group: None,
            proxy: None,
            ca_file: None,
        };
        Subject { settings, context, may_register: false }
    }

    #[test]
    fn the_port_of_the_host_is_that_of_the_transport() {
        for (host, transport, mqtt, https, amqp) in [
            ("a.net", Transport::Mqtt, 1, 2, 3),
            ("a.net:9", Transport::Mqtt, 9, 2, 3),
            ("a.net:9", Transport::MqttWs, 1, 9, 3),
            ("a.net:9", Transport::Https, 1, 9, 3),
            ("a.net:9", Transport::Amqp, 1, 2, 9),
            ("a.net:9", Transport::AmqpWs, 1, 9, 3),
            ("a.net:9", Transport::Auto, 9, 9, 9),
            ("[::1]:9", Transport::Https, 1, 9, 3),
        ] {
            let subject = subject(host, transport);
            let found = [Port::Mqtt, Port::Https, Port::Amqp].map(|port| subject.number(port));
            assert_eq!(found, [mqtt, https, amqp], "{host} {transport}");
        }
        let endpoint = subject("[::1]:9", Transport::Https).endpoint(Port::Mqtt);
        assert_eq!(endpoint.to_string(), "[::1]:1");
    }

    #[test]
    fn j_117_a_port_is_needed_where_the_transport_has_no_other() {
        let needs = |transport, port, is_mqtt_reached| {
            subject("a.net", transport).needs(port, is_mqtt_reached)
        };

        assert!(needs(Transport::Mqtt, Port::Mqtt, false));
        assert!(!needs(Transport::Mqtt, Port::Https, true));
        assert!(needs(Transport::Mqtt, Port::Https, false));
        for transport in [Transport::MqttWs, Transport::Https, Transport::AmqpWs] {
            assert!(needs(transport, Port::Https, true) && !needs(transport, Port::Mqtt, false));
        }
        assert!(!needs(Transport::Auto, Port::Mqtt, false));
        assert!(needs(Transport::Auto, Port::Https, false));
        assert!(!needs(Transport::Auto, Port::Https, true));
        assert!(needs(Transport::Amqp, Port::Amqp, false));
        assert!(!needs(Transport::Amqp, Port::Mqtt, false));
        assert!(!needs(Transport::Amqp, Port::Https, false));
        assert!(!needs(Transport::Auto, Port::Amqp, false));
    }

    #[test]
    fn j_361_the_port_of_amqp_is_looked_at_where_the_registration_may_go_over_it() {
        for (transport, is_looked_at) in [
            (Transport::Mqtt, false),
            (Transport::MqttWs, false),
            (Transport::Https, false),
            (Transport::Amqp, true),
            (Transport::AmqpWs, false),
            (Transport::Auto, true),
        ] {
            let ports = subject("a.net", transport).ports();
            assert_eq!(ports.contains(&Port::Amqp), is_looked_at, "{transport}");
        }
    }

    #[test]
    fn b_5_the_port_of_mqtt_is_not_looked_at_for_a_tpm() {
        for (transport, expected) in [
            (Transport::Https, &[Port::Https][..]),
            (Transport::AmqpWs, &[Port::Https]),
            (Transport::Amqp, &[Port::Https, Port::Amqp]),
            (Transport::Auto, &[Port::Https, Port::Amqp]),
        ] {
            let mut subject = subject("a.net", transport);
            subject.settings.credential = Credential::Tpm(Arc::new(SoftwareTpm::with_one_pair()));
            assert_eq!(subject.ports(), expected, "{transport}");
        }
    }
}
