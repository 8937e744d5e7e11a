//! A rule for each thing that can go wrong, made from the words that the parser knows.

use provision_sim::service::{FaultPlace, FaultTransport, fault_words};

/// Which word strikes where.
pub fn deeds_at(place: FaultPlace, transport: FaultTransport) -> Vec<&'static str> {
    let strikes = place.transports().contains(&transport);
    fault_words()
        .filter(|word| strikes && word.is_deed() && word.places.contains(&place))
        .filter(|word| word.transports.contains(&transport))
        .map(|word| word.name)
        .collect()
}

/// Whether only a device that asks for a certificate can be struck.
pub fn is_of_certificates(place: FaultPlace, deed: &str) -> bool {
    place == FaultPlace::Grant || deed == "chain-encoding"
}

/// The word with each value that makes a difference, and with what it needs besides. A new word with a
/// value has to be added here: without one the rule is none.
pub fn samples(place: FaultPlace, deed: &str) -> Vec<String> {
    let with = |values: &[&str]| values.iter().map(|value| format!("{deed}={value}")).collect();
    match deed {
        "status" => with(&["503"]),
        "code" => with(&["429123"]),
        "message" if place == FaultPlace::Grant => vec!["code=400040 message=Hey".to_owned()],
        "message" => vec!["status=400 message=Hey".to_owned()],
        "connection-profile" => with(&["mqttV5", "unknown"]),
        "chain-encoding" => with(&["pem", "pem-base64"]),
        "chain-length" => with(&["20"]),
        "issued-validity" => with(&["0s", "2m"]),
        "retry-after" => vec!["status=429 retry-after=7".to_owned()],
        "delay" => with(&["30ms"]),
        "truncate" => with(&[if place == FaultPlace::Twin { "3" } else { "10" }]),
        "assigning" => with(&["2"]),
        "hub" => with(&["unknown"]),
        "connack" => with(&["3"]),
        "suback" => with(&["128"]),
        "sasl-outcome" => with(&["1"]),
        "detach" => with(&["amqp:not-found"]),
        "slow" => with(&["5000/s"]),
        "tls-alert" => with(&["handshake-failure"]),
        "certificate" => with(&["expired", "wrong-name", "untrusted", "long"]),
        "clock" => with(&["+99years"]),
        _ => vec![deed.to_owned()],
    }
}
