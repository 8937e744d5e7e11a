//! Every word of a rule: where it may stand, and what it means. The parser, its errors and the tables of
//! the documents are made from this.

use super::place::FaultPlace::{
    self, Accept, Connect, Grant, HubConnect, Issue, Lookup, Poll, Register, Renew, Subscribe, Tls,
    Twin, Webhook,
};
use super::place::FaultTransport::{self, Amqp, AmqpWs, Mqtt, MqttWs};

/// A word of a rule.
#[derive(Debug, PartialEq, Eq)]
pub struct FaultWord {
    /// The word.
    pub name: &'static str,
    /// What stands behind its `=`, in capitals where it is to be replaced; empty if it has none.
    pub value: &'static str,
    /// Where it may stand.
    pub places: &'static [FaultPlace],
    /// On which transports it strikes.
    pub transports: &'static [FaultTransport],
    /// What it means.
    pub about: &'static str,
}

const ALL: &[FaultPlace] = &FaultPlace::ALL;
/// Where somebody waits for an answer.
const AWAITED: &[FaultPlace] = &[
    Accept, Tls, Connect, Subscribe, Register, Poll, Lookup, Webhook, HubConnect, Twin, Renew,
    Issue,
];
const REQUESTS: &[FaultPlace] = &[Register, Poll, Lookup];
/// Where an error has a code and a text of its own.
const REFUSED: &[FaultPlace] = &[Register, Poll, Lookup, Grant, Renew, Issue];
/// Where an answer may tell of a wait.
const WAITS: &[FaultPlace] = &[Register, Poll, Lookup, Renew, Issue];
const ANSWERS: &[FaultPlace] = &[Register, Poll, Lookup, Webhook, Twin, Renew, Issue];
const PUBLISHED: &[FaultPlace] = &[Register, Poll, Twin, Renew, Issue];
const DEVICES: &[FaultPlace] =
    &[Connect, Subscribe, Register, Poll, Lookup, Webhook, Grant, HubConnect, Twin, Renew, Issue];
const OPERATIONS: &[FaultPlace] = &[Register, Poll];
const ENROLLED: &[FaultPlace] =
    &[Subscribe, Register, Poll, Lookup, Webhook, Grant, HubConnect, Twin, Renew, Issue];
const CARRIED: &[FaultPlace] =
    &[Accept, Tls, Connect, Subscribe, Register, Poll, Lookup, HubConnect, Twin, Renew, Issue];
const ANY: &[FaultTransport] = &FaultTransport::ALL;
const OVER_MQTT: &[FaultTransport] = &[Mqtt, MqttWs];
const OVER_AMQP: &[FaultTransport] = &[Amqp, AmqpWs];
/// Where an answer is not bound to come on the connection, and in the order, of its request.
const MESSAGES: &[FaultTransport] = &[Mqtt, MqttWs, Amqp, AmqpWs];

const fn word(
    name: &'static str,
    value: &'static str,
    places: &'static [FaultPlace],
    transports: &'static [FaultTransport],
    about: &'static str,
) -> FaultWord {
    FaultWord { name, value, places, transports, about }
}

/// For whom, and when.
pub(super) const CONDITIONS: &[FaultWord] = &[
    word(
        "device",
        "GLOB",
        DEVICES,
        ANY,
        "only devices of this registration ID, at a hub of this device ID, in which `*` stands for any characters and `?` for one",
    ),
    word("enrollment", "NAME", ENROLLED, ANY, "only devices that this enrollment or group lets in"),
    word(
        "transport",
        "mqtt|mqtt-ws|https|amqp|amqp-ws",
        CARRIED,
        ANY,
        "only requests that come over this",
    ),
    word("nth", "N", ALL, ANY, "only the N-th request"),
    word("from", "N", ALL, ANY, "the N-th request and those after it"),
    word("every", "N", ALL, ANY, "each N-th request; with `from=` every N requests from there on"),
    word("times", "N", ALL, ANY, "at most N times"),
    word("probability", "P", ALL, ANY, "each time with this chance, above 0 and at most 1"),
    word("seed", "N", ALL, ANY, "chance comes out the same in every run with the same seed"),
    word(
        "scope",
        "device|all",
        DEVICES,
        ANY,
        "whether requests are counted for each device, as they are unless it says otherwise, or for all together",
    ),
];

/// What.
pub(super) const DEEDS: &[FaultWord] = &[
    word(
        "status",
        "STATUS",
        ANSWERS,
        ANY,
        "the answer has this status; from 400 on it is an error, and nothing is done",
    ),
    word(
        "code",
        "CODE",
        REFUSED,
        ANY,
        "the code of that error, six digits; its first three are the status unless there is one; at `grant` the registration fails with it",
    ),
    word("message", "TEXT", REFUSED, ANY, "the message of that error"),
    word(
        "retry-after",
        "TEXT",
        WAITS,
        ANY,
        "what is told of the wait, usable or not: `7`, `abc`, `-1`, `1.5`, a date in quotes; `none` leaves it out",
    ),
    word(
        "delay",
        "DURATION",
        AWAITED,
        ANY,
        "what happens, happens so much later; other packets of the connection are answered meanwhile",
    ),
    word(
        "silence",
        "",
        AWAITED,
        ANY,
        "nothing is done and nothing is said; over HTTPS the connection ends after 10 minutes",
    ),
    word("close", "", AWAITED, ANY, "the connection is closed, and nothing is done"),
    word("reset", "", AWAITED, ANY, "the connection is reset (TCP RST), and nothing is done"),
    word(
        "truncate",
        "BYTES",
        &[Accept, Register, Poll, Lookup, Twin],
        ANY,
        "the answer breaks off after so many bytes (over MQTT of the packet, over AMQP of its frames, over HTTPS of the body, at `accept` of all that is said, TLS included), and the connection ends",
    ),
    word(
        "lose-answer",
        "",
        ANSWERS,
        ANY,
        "what was asked for is done, and never told; over HTTPS the connection ends then",
    ),
    word("duplicate", "", PUBLISHED, MESSAGES, "the answer comes twice"),
    word(
        "late",
        "",
        &[Register, Poll, Twin],
        MESSAGES,
        "the answer comes after the one to the next request",
    ),
    word(
        "wrong-rid",
        "",
        PUBLISHED,
        MESSAGES,
        "the answer is to a `$rid`, over AMQP a correlation-id, that nobody has sent",
    ),
    word("broken-json", "", ANSWERS, ANY, "the answer's JSON breaks off in the middle"),
    word("no-operation-id", "", OPERATIONS, ANY, "the answer has no `operationId`"),
    word(
        "unknown-status",
        "",
        REQUESTS,
        ANY,
        "the answer's `status` is a word that no document has",
    ),
    word(
        "html",
        "",
        &[Register, Poll, Lookup, Webhook],
        ANY,
        "the answer is a page for browsers, as of a proxy; with `status=` it has that status",
    ),
    word("empty", "", REQUESTS, ANY, "the answer has no body"),
    word(
        "unknown-members",
        "",
        REQUESTS,
        ANY,
        "the answer has members that no document has, beside its own",
    ),
    word(
        "assigning",
        "N",
        &[Poll],
        ANY,
        "the first N polls of each operation are told that it is in progress",
    ),
    word(
        "forget-operation",
        "",
        OPERATIONS,
        ANY,
        "the operation is not known any more: its polls are answered 404",
    ),
    word(
        "hub",
        "unknown",
        &[Poll, Lookup, Webhook],
        ANY,
        "the answer assigns a hub that is not there, `unknown.azure-devices.net`",
    ),
    word(
        "connection-profile",
        "classic|mqttV5|unknown",
        &[Poll, Lookup],
        ANY,
        "the answer says that the assigned hub is spoken to by this profile, whatever the API version; `unknown` is one that no document has",
    ),
    word(
        "chain-encoding",
        "pem|pem-base64",
        &[Poll],
        ANY,
        "the certificates that were issued are told as PEM, or as Base64 of PEM, and not as Base64 of DER",
    ),
    word(
        "chain-length",
        "N",
        &[Grant],
        ANY,
        "the chain that is issued has so many certificates, 4 to 100, each signed by the next",
    ),
    word(
        "issued-validity",
        "DURATION",
        &[Grant],
        ANY,
        "the certificate that is issued is valid for so long, whatever its policy says; at `0s` it has expired when it comes",
    ),
    word(
        "connack",
        "N",
        &[Connect, HubConnect],
        OVER_MQTT,
        "CONNACK has this return code, 1 to 255, and the connection ends",
    ),
    word(
        "suback",
        "N",
        &[Subscribe],
        OVER_MQTT,
        "SUBACK has this return code for every filter, 0 to 255; above 2 nothing is subscribed to",
    ),
    word(
        "sasl-outcome",
        "N",
        &[Connect],
        OVER_AMQP,
        "SASL ends with this code, 1 to 4, and the connection with it; without SASL the first link is refused",
    ),
    word(
        "detach",
        "CONDITION",
        &[Subscribe, HubConnect],
        OVER_AMQP,
        "the link is refused with this condition, such as `amqp:not-found`",
    ),
    word(
        "slow",
        "BYTES/s",
        &[Accept],
        ANY,
        "the service says no more than so many bytes a second, TLS included",
    ),
    word(
        "tls-alert",
        "ALERT",
        &[Tls],
        ANY,
        "the handshake ends with this alert, by its name, such as `handshake-failure`, or its number",
    ),
    word(
        "certificate",
        "expired|wrong-name|untrusted|long",
        &[Tls],
        ANY,
        "the service shows such a certificate, which no client may accept; one of 100 KB is right for all that",
    ),
    word(
        "clock",
        "+DURATION|-DURATION",
        REQUESTS,
        ANY,
        "the service judges tokens and certificates by a clock that is ahead, or behind, by so much",
    ),
];

/// Every word but the places: first those that say for whom and when, then those that say what.
pub fn fault_words() -> impl Iterator<Item = &'static FaultWord> {
    CONDITIONS.iter().chain(DEEDS)
}

impl FaultWord {
    /// The word of that name.
    pub(super) fn named(name: &str) -> Option<&'static Self> {
        fault_words().find(|word| word.name == name)
    }

    /// Whether it says what happens, and not for whom and when.
    pub fn is_deed(&self) -> bool {
        DEEDS.iter().any(|deed| deed.name == self.name)
    }

    /// It, with what stands behind it.
    pub fn form(&self) -> String {
        match self.value {
            "" => self.name.to_owned(),
            value => format!("{}={value}", self.name),
        }
    }
}
