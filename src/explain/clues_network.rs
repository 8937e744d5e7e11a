//! What is made of failures on the way to the service: TLS, proxies, other protocols, silence.

use super::Context;
use super::clues_x509;
use super::entry::About;
use super::facts::Clue;
use crate::device::{Breach, ConnectPhase, Deadline, Error, NetworkError, Waiting};
use crate::net::{DialError, TlsFault};

/// The remedy for a proxy that cannot be used.
const CHECK_PROXY: &str = "check --proxy, HTTPS_PROXY and ALL_PROXY; --proxy '' goes without";

/// No session could be opened.
pub(super) fn of_network(error: &NetworkError, context: &Context) -> Vec<Clue> {
    match error {
        NetworkError::Dial(DialError::Tls { fault: TlsFault::Alert(alert), .. })
        | NetworkError::Alert { alert } => context
            .certificate()
            .map(|certificate| clues_x509::alert(alert, certificate))
            .unwrap_or_default(),
        NetworkError::Dial(DialError::Tls { fault, .. }) => {
            tls(fault, context).into_iter().collect()
        }
        _ => Vec::new(),
    }
}

/// No transport got through: what each failure gives away, and who has to let one through.
pub(super) fn of_transports<'a>(
    failures: impl IntoIterator<Item = &'a Error>,
    context: &Context,
) -> Vec<Clue> {
    let mut clues: Vec<Clue> = Vec::new();
    for error in failures {
        for clue in of_transport(error, context) {
            if !clues.contains(&clue) {
                clues.push(clue);
            }
        }
    }
    if let Some(proxy) = &context.proxy {
        let endpoint = &context.endpoint;
        clues.push(
            Clue::new(
                About::Network,
                format!("the proxy {proxy} lets nothing through to {endpoint}"),
            )
            .remedy(format!("ask whoever runs the proxy {proxy} to allow {endpoint}")),
        );
    }
    clues
}

fn of_transport(error: &Error, context: &Context) -> Vec<Clue> {
    let Error::Network(error) = error else { return Vec::new() };
    let clues = of_network(error, context);
    match error {
        // Whom one does not trust is no firewall.
        NetworkError::Dial(dial @ DialError::Tls { fault, .. })
            if clues.is_empty() && fault.is_about_certificate() =>
        {
            let entry = super::entry_of_dial_error(dial);
            let texts = (entry.causes.first(), entry.remedies.first());
            let (Some(cause), Some(remedy)) = texts else { return clues };
            vec![Clue::new(About::Trust, cause.text).remedy(remedy.text)]
        }
        _ => clues,
    }
}

/// Something else lives on the port.
pub(super) fn of_breach(breach: &Breach, context: &Context) -> Option<Clue> {
    let endpoint = &context.endpoint;
    match breach {
        Breach::NotMqtt { .. } if endpoint.port().is_some() => {
            Some(Clue::new(About::Host, format!("{endpoint} is no MQTT service")).remedy(
                "DPS speaks MQTT on port 8883; on 443 it wants --transport mqtt-ws or https",
            ))
        }
        Breach::NotAmqp { .. } if endpoint.port().is_some() => {
            Some(Clue::new(About::Host, format!("{endpoint} is no AMQP service")).remedy(
                "DPS speaks AMQP on port 5671; on 443 it wants --transport amqp-ws or https",
            ))
        }
        Breach::NotHttp { .. } => Some(
            Clue::new(
                About::Host,
                format!("{endpoint} is no HTTPS service, or something stands before it"),
            )
            .remedy("DPS speaks HTTPS on port 443; check --host and its port"),
        ),
        _ => None,
    }
}

/// The silence of a proxy is not the service's.
pub(super) fn of_deadline(deadline: &Deadline, context: &Context) -> Option<Clue> {
    let proxy = context.proxy.as_deref();
    match (&deadline.waiting_for, proxy) {
        (Waiting::Connect(ConnectPhase::Proxy), proxy) => {
            let proxy = proxy.unwrap_or("in between");
            Some(
                Clue::certain(About::Proxy, format!("the proxy {proxy} is silent"))
                    .remedy(CHECK_PROXY),
            )
        }
        (Waiting::Connect(ConnectPhase::Dns | ConnectPhase::Tcp), Some(proxy)) => Some(
            Clue::certain(
                About::Proxy,
                format!("the proxy {proxy} is not there, or a firewall is"),
            )
            .remedy(CHECK_PROXY),
        ),
        _ => None,
    }
}

fn tls(fault: &TlsFault, context: &Context) -> Option<Clue> {
    match fault {
        TlsFault::UnknownIssuer if let Some(ca_file) = &context.ca_file => Some(
            Clue::certain(About::Trust, format!("{ca_file}, which did not sign the server's certificate"))
                .remedy(if context.is_local {
                    "leave out --ca-file: --local takes that of the service"
                } else {
                    "give the file with the CA that signed it; for Azure leave out --ca-file (and SSL_CERT_FILE)"
                }),
        ),
        TlsFault::UnknownIssuer if context.is_local => Some(
            Clue::certain(About::Trust, "the CA file of the local service is not the one that signed its certificate")
                .remedy("leave out --ca-file, or restart `provision-sim serve`"),
        ),
        TlsFault::UnknownIssuer if context.is_loopback() => Some(
            Clue::new(About::Trust, "it is a service on this machine, whose CA the system does not know")
                .remedy("give its CA: --ca-file PEM (for `provision-sim serve` just use --local)"),
        ),
        TlsFault::WrongName { presented, .. } if !presented.is_empty() => {
            let names = presented.join(", ");
            Some(
                Clue::new(About::Host, format!("{} is not among the names of the certificate", context.endpoint.host()))
                    .remedy(format!("dial it by a name that is: {names}")),
            )
        }
        TlsFault::NotTls if context.endpoint.port() == Some(1883) => Some(
            Clue::certain(About::Host, "1883 is the port of MQTT without TLS, which DPS does not speak")
                .remedy("leave the port out: MQTT over TLS is on 8883"),
        ),
        _ if context.is_hub() => Some(
            Clue::new(About::Host, format!("{} is an IoT hub, not the provisioning service", context.endpoint.host()))
                .remedy("dial global.azure-devices-provisioning.net, or the service endpoint of the DPS instance"),
        ),
        _ => None,
    }
}
