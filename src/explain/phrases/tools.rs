//! The lines of az, of IoT Edge and of Mosquitto's clients.

use super::client::{Client, Phrase};

/// The line above says why.
const ABOVE: &[&str] = &["client-wrapper"];

pub(super) const PHRASES: &[(Client, &[Phrase])] = &[
    (
        Client::IotEdge,
        &[
            ("dps client error", ABOVE),
            ("failed to provision with iot hub, and no valid device backup", ABOVE),
            ("reprovisioning failed to communicate with dps", ABOVE),
            ("failed to reprovision", ABOVE),
            ("dps registration is still in progress", &["deadline-assigning"]),
            ("could not be parsed as hyper::uri", &["client-use"]),
            ("dps provisioning is not supported in nested mode", &["client-use"]),
            ("signing certificate info did not match chain elements", &["401002"]),
        ],
    ),
    (
        Client::Az,
        &[
            ("unable to find provisioning service", &["404201"]),
            ("ih400303", &["400203"]),
            ("the provided credentials are not valid", &["401002"]),
            ("(unauthorized) unauthorized", &["401002"]),
            ("(notfound)", &["http-404"]),
            ("precondition failed", &["http-412"]),
        ],
    ),
    (
        Client::Mosquitto,
        &[
            ("connection error: connection refused: not authorised", &["connack-5"]),
            ("connection error: connection refused: bad user name", &["connack-4"]),
            ("connection error: connection refused: broker unavailable", &["connack-3"]),
            ("connection error: connection refused: identifier rejected", &["connack-2"]),
            ("connection error: connection refused: unacceptable protocol", &["connack-1"]),
            ("connection error: not authorized", &["connack-5"]),
            ("connection error: bad user name or password", &["connack-4"]),
            ("connection error: server unavailable", &["connack-3"]),
            ("error: lookup error", &["dns"]),
            ("dns lookup failed", &["dns"]),
            ("error: proxy error", &["proxy-refused"]),
            ("error: tls handshake failed", &["tls-other"]),
            ("the client is not currently connected", &["reset"]),
            ("keepalive exceeded", &["reset"]),
            ("authorisation failed", &["connack-5"]),
        ],
    ),
];
