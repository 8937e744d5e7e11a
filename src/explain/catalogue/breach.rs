//! Answers that break the protocol: it is not DPS, or something changes what it says.

use super::super::entry::{About, Entry, Party, hint};
use super::sdk_result::{AUTH_ERROR, TRANSPORT};
use crate::device::Class;

const NOT_DPS: &[super::super::Hint] =
    &[hint(About::Any, "it is not DPS, or something between here and there changes the answers")];
const CHECK_HOST: &[super::super::Hint] =
    &[hint(About::Host, "check the host; `provision-sim diagnose` shows who answers there")];

pub(super) const ENTRIES: &[Entry] = &[
    Entry {
        meaning: "TLS stood, and what came back was no MQTT.",
        causes: &[
            hint(About::Host, "the port is not that of MQTT: 443 is for HTTPS and WebSockets"),
            hint(About::Network, "a proxy or a captive portal answers"),
        ],
        remedies: &[hint(
            About::Host,
            "DPS speaks MQTT on port 8883; on 443 it wants --transport mqtt-ws or https",
        )],
        c_sdk_result: TRANSPORT,
        rules: &["A.1"],
        ..breach("breach-not-mqtt", "the server does not speak MQTT")
    },
    Entry {
        meaning: "TLS stood, and what came back was no AMQP 1.0. AMQP 0-9-1, which other brokers speak, is another protocol with the same name.",
        causes: &[
            hint(About::Host, "the port is not that of AMQP: 443 is for HTTPS and WebSockets"),
            hint(About::Host, "it is a broker that speaks AMQP 0-9-1, not DPS"),
            hint(About::Network, "a proxy or a captive portal answers"),
        ],
        remedies: &[hint(
            About::Host,
            "DPS speaks AMQP on port 5671; on 443 it wants --transport amqp-ws",
        )],
        c_sdk_result: TRANSPORT,
        rules: &["J-358"],
        aliases: &["invalid protocol header", "protocol header mismatch"],
        ..breach("breach-not-amqp", "the server does not speak AMQP 1.0")
    },
    Entry {
        meaning: "A device with a key signs in by SASL PLAIN, and the server does not offer it.",
        causes: &[
            hint(About::Host, "it is an AMQP broker, but not DPS"),
            hint(About::Host, "the host is an IoT hub: there a device puts its token to `$cbs`"),
        ],
        c_sdk_result: TRANSPORT,
        rules: &["J-358"],
        aliases: &["no sasl mechanism", "unable to find a suitable mechanism"],
        ..breach("breach-mechanism", "the server offers no way to sign in with a key")
    },
    Entry {
        meaning: "The server closed the AMQP connection, and by its words because of a frame of the device's. What condition it named stands in the message.",
        c_sdk_result: TRANSPORT,
        rules: &["J-358"],
        aliases: &["amqp:decode-error", "amqp:connection:framing-error", "amqp:illegal-state"],
        ..breach("breach-ended", "the server takes a frame of the device's for broken")
    },
    Entry {
        meaning: "TLS stood, and what came back was no HTTP.",
        causes: &[hint(About::Host, "it is no HTTPS service, or something stands before it")],
        remedies: &[hint(About::Host, "DPS speaks HTTPS on port 443; check --host and its port")],
        at_fault: Party::Network,
        class: Class::Network,
        c_sdk_result: TRANSPORT,
        rules: &["B.1", "J-102"],
        ..breach("breach-not-http", "the server does not speak HTTP")
    },
    Entry {
        meaning: "The answer is not the service's: what DPS refuses it says in JSON with a six-digit code. A gateway, a proxy or a portal on the way has answered; the device's key or certificate was not looked at.",
        causes: &[
            hint(
                About::Network,
                "a gateway, a proxy that inspects TLS, or the portal of a guest network stands between",
            ),
            hint(About::Host, "the host is another web server, not DPS"),
        ],
        remedies: &[
            hint(
                About::Network,
                "open the host's address in a browser on the same network; sign in, or ask whoever runs what the first line names",
            ),
            hint(
                About::Network,
                "try another network, or have the host let through without inspection",
            ),
            hint(About::Host, "check --host and its port"),
        ],
        at_fault: Party::Network,
        class: Class::Network,
        c_sdk_result: TRANSPORT,
        rules: &["H.1", "J-242"],
        aliases: &["<html", "<!doctype", "captive portal", "web page blocked"],
        ..breach("breach-stranger", "something else answers in the service's place")
    },
    Entry {
        meaning: "The answer sends the device to another address. DPS never does; portals of guest networks do, to have people sign in.",
        causes: &[hint(
            About::Network,
            "the network wants somebody to sign in first (a captive portal)",
        )],
        remedies: &[
            hint(About::Network, "open any page in a browser on the same network, and sign in"),
            hint(About::Host, "check --host: a web server may send clients to its other name"),
        ],
        at_fault: Party::Network,
        class: Class::Network,
        c_sdk_result: TRANSPORT,
        rules: &["H.1", "J-242"],
        aliases: &["302 found", "301 moved", "307 temporary redirect"],
        ..breach("breach-redirected", "something on the way sends the device elsewhere")
    },
    Entry {
        meaning: "The body of an answer over HTTPS is longer than any that DPS sends, and was not read to its end.",
        rules: &["J-101"],
        ..breach("breach-too-long", "the body of an answer is too long")
    },
    Entry {
        meaning: "The server sent a packet of MQTT 3.1.1 or a frame of AMQP 1.0 that the standard does not allow, or not there.",
        c_sdk_result: TRANSPORT,
        rules: &["A.7"],
        ..breach("breach-packet", "the server's MQTT or AMQP is broken")
    },
    Entry {
        meaning: "SUBACK 0x80: the server does not let the device listen for answers.",
        causes: &[hint(About::Host, "it is an MQTT broker, but not DPS")],
        c_sdk_result: TRANSPORT,
        rules: &["A.4", "J-12"],
        aliases: &["subscribe delivery failure", "refused the subscription"],
        ..breach("breach-suback", "the subscription to $dps/registrations/res/# was refused")
    },
    Entry {
        meaning: "A message came on a topic that is not $dps/registrations/res/….",
        rules: &["A.4"],
        ..breach("breach-topic", "a message came on a foreign topic")
    },
    Entry {
        meaning: "The body of an answer is no JSON: often a gateway's HTML page.",
        c_sdk_result: TRANSPORT,
        rules: &["A-13"],
        ..breach("breach-not-json", "the body of an answer is not JSON")
    },
    Entry {
        meaning: "The body of an answer is JSON of another shape.",
        c_sdk_result: Some("PROV_DEVICE_RESULT_PARSING"),
        rules: &["A.5", "H.1"],
        aliases: &["unsuccessful json encountered"],
        ..breach("breach-body", "the body of an answer has another shape")
    },
    Entry {
        meaning: "The answer lacks what the device needs, such as `registrationState.assignedHub` or `operationId`.",
        c_sdk_result: Some("PROV_DEVICE_RESULT_PARSING"),
        rules: &["A-14", "A-15"],
        ..breach("breach-missing", "the answer lacks a member")
    },
    Entry {
        meaning: "The answer says `assigned`, and its `assignedHub` or `deviceId` is empty, or no name that a hub or a device can have. The device has no hub; nothing is kept.",
        causes: &[
            hint(About::Webhook, "the webhook's answer names no hub, or a wrong one"),
            hint(
                About::Any,
                "it is not DPS, or something between here and there changes the answers",
            ),
        ],
        remedies: &[hint(About::Webhook, "look at what the webhook answers as iotHubHostName")],
        c_sdk_result: Some("PROV_DEVICE_RESULT_PARSING"),
        rules: &["A-14", "J-240"],
        ..breach("breach-name", "the assigned hub or the device ID is none")
    },
    Entry {
        meaning: "The device asked for a certificate along with its registration and has a hub, but what it was issued is no use to it: no certificate, one for another key than that which asked, or a chain in which one is not signed by the next. Nothing is kept.",
        causes: &[
            hint(
                About::Any,
                "the service issued to another request, or mixed up the order: the device's own comes first, the root last",
            ),
            hint(
                About::Any,
                "it is not DPS, or something between here and there changes the answers",
            ),
        ],
        remedies: &[hint(
            About::Any,
            "look at `issuedCertificateChain` in the answer: --explain, or -v",
        )],
        c_sdk_result: Some("PROV_DEVICE_RESULT_PARSING"),
        rules: &["F.3", "J-481"],
        ..breach("breach-issued", "the certificate that was issued is of no use")
    },
    Entry {
        meaning: "The device has a TPM, and the answer has a key for it that cannot even be read.",
        c_sdk_result: Some("PROV_DEVICE_RESULT_PARSING"),
        rules: &["B.5", "J-401"],
        ..breach("breach-tpm-key", "the key for the device's TPM cannot be read")
    },
    Entry {
        meaning: "The device showed the public keys of its TPM, which anybody may know, and the service did not ask for a proof that it has it. DPS answers with 401 and a key that this TPM alone can open.",
        rules: &["B.5", "J-401"],
        ..breach("breach-unchallenged", "the service takes a TPM's public keys for a proof")
    },
    Entry {
        meaning: "The device's TPM took the key that the service gave it, and signed with it; the service answered with another key, and then with one more.",
        causes: &[
            hint(
                About::Any,
                "several instances of a service answer in turn, and do not know what the other one gave",
            ),
            hint(About::Any, "two devices register under the same registration ID at once"),
        ],
        remedies: &[hint(
            About::Any,
            "let one device at a time have the registration ID, and register again",
        )],
        rules: &["B.5", "J-381", "J-401"],
        ..breach("breach-challenges", "the service asks for the same proof again and again")
    },
    Entry {
        meaning: "The answer has the registration ID of another device: what it says is not about this one.",
        rules: &["J-240"],
        ..breach("breach-other-device", "the answer is about another device")
    },
    Entry {
        meaning: "The registration has a status that a device cannot act on: DPS says assigning, assigned, failed or disabled.",
        causes: &[
            hint(
                About::Any,
                "`unassigned` is said to devices with a TPM, which have to answer a challenge",
            ),
            hint(About::Any, "it is not DPS, or an older stand-in for it"),
        ],
        rules: &["A-8", "F.4"],
        aliases: &["invalid registration status", "blacklisted", "unauthorized with service"],
        ..breach("breach-status", "the registration's status is not known")
    },
    Entry {
        meaning: "The answer's status is neither success (200 to 299) nor refusal (400 to 599).",
        rules: &["A.4"],
        ..breach("breach-status-code", "the answer's status is none that DPS sends")
    },
    Entry {
        meaning: "The device polled, was told that there is no such operation (404203), registered anew, and was told the same again.",
        causes: &[
            hint(
                About::Any,
                "several copies of the service stand behind one address and do not share their records",
            ),
            hint(About::Any, "the service restarts all the time"),
        ],
        remedies: &[hint(
            About::Host,
            "dial one of the copies, or look at why the service restarts",
        )],
        rules: &["A-9", "J-49"],
        ..breach("breach-forgot-twice", "the service forgot the operation twice")
    },
];

const fn breach(key: &'static str, title: &'static str) -> Entry {
    Entry {
        key,
        name: None,
        title,
        meaning: "",
        causes: NOT_DPS,
        remedies: CHECK_HOST,
        at_fault: Party::Service,
        class: Class::NotAssigned,
        c_sdk_result: AUTH_ERROR,
        rules: &[],
        aliases: &[],
        is_ours: false,
    }
}
