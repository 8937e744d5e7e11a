//! Failures of a device that asks its hub for another certificate (I.4).

use super::super::entry::{About, Entry, Party, hint};
use crate::device::Class;

pub(super) const ENTRIES: &[Entry] = &[
    Entry {
        meaning: "400 from a hub that was asked for a certificate: it does not take the request, or whoever issues its certificates does not.",
        causes: &[
            hint(About::Certificate, "the request is made out to another name than the device's"),
            hint(About::Certificate, "the signature of the request is not made with its key"),
            hint(
                About::Certificate,
                "the key is RSA below 2048 bits, or on another curve than P-256 and P-384",
            ),
        ],
        remedies: &[
            hint(About::Any, "have the request made: `hub renew --new-key FILE`"),
            hint(About::Any, "look at it: openssl req -in FILE -noout -text -verify"),
        ],
        at_fault: Party::Device,
        ..failure("hub-csr", "the hub does not take the request for a certificate")
    },
    Entry {
        meaning: "409 from a hub that was asked for a certificate: the device has asked before, and a hub issues one at a time.",
        causes: &[
            hint(About::Any, "an earlier request was given up here, and the hub is still at it"),
            hint(About::Any, "another program runs as this device"),
        ],
        remedies: &[
            hint(About::Any, "take its place: `hub renew --replace '*'`"),
            hint(
                About::Any,
                "wait for its certificate: `hub renew --request-id` with its name and its key",
            ),
            hint(About::Any, "wait until the hub gives it up, and try again"),
        ],
        at_fault: Party::Device,
        ..failure("hub-csr-under-way", "another request for a certificate is under way")
    },
    Entry {
        meaning: "412 from a hub that was asked for a certificate in the place of another: that one is not under way.",
        causes: &[
            hint(About::Any, "it is done, or the hub has given it up"),
            hint(About::Any, "it never was: look at the name behind --replace"),
        ],
        remedies: &[hint(
            About::Any,
            "leave out --replace; with '*' it takes the place of whichever there is",
        )],
        at_fault: Party::Device,
        ..failure("hub-csr-replaced", "there is no request to take the place of")
    },
    Entry {
        meaning: "412 from a hub that was asked for a certificate: nobody issues certificates to this device.",
        causes: &[
            hint(About::Enrollment, "its enrollment names no certificate authority and no policy"),
            hint(About::Any, "the device has registered without a request for a certificate"),
        ],
        remedies: &[
            hint(About::Enrollment, "name a certificate authority and a policy in the enrollment"),
            hint(About::Any, "register again with a request: `register --new-key FILE`"),
        ],
        at_fault: Party::Enrollment,
        ..failure("hub-csr-authority", "the hub has no certificate authority for the device")
    },
    Entry {
        meaning: "The hub cannot issue a certificate now: it is throttled, not available, or broken.",
        causes: &[hint(About::Any, "the hub has too much to do, or is not well")],
        remedies: &[
            hint(
                About::Any,
                "try again later: the certificate that the device has is good until it ends",
            ),
            hint(About::Any, "give it more time with --timeout: the request is sent again"),
        ],
        at_fault: Party::Service,
        ..failure("hub-csr-later", "the hub issues no certificate now")
    },
    Entry {
        meaning: "The hub refused to issue a certificate, for a reason of its own.",
        causes: &[hint(About::Any, "it is in the number and the text, which are the hub's")],
        remedies: &[hint(About::Any, "ask whoever runs the hub, and tell them the tracking ID")],
        at_fault: Party::Service,
        aliases: &["the hub issued no certificate"],
        ..failure("hub-csr-refused", "the hub issues no certificate")
    },
    Entry {
        meaning: "The hub said 200, and what it sent is no certificate for the device's key, or no chain.",
        causes: &[
            hint(About::Any, "it answers another request, of a program with another key"),
            hint(About::Any, "something is wrong with whoever issues the certificates"),
        ],
        remedies: &[hint(
            About::Any,
            "nothing was written; ask again, under a new name and with --replace '*'",
        )],
        at_fault: Party::Service,
        aliases: &["the hub issued certificates that cannot be used"],
        ..failure("hub-issued", "the issued certificate cannot be used")
    },
    Entry {
        meaning: "The hub issues certificates over MQTT alone, right over TLS or over WebSocket.",
        causes: &[hint(About::Any, "the settings say AMQP")],
        remedies: &[hint(About::Any, "take --transport mqtt, mqtt-ws or auto")],
        at_fault: Party::Device,
        rules: &["J-475"],
        ..failure("hub-not-by-amqp", "no certificates are issued over AMQP")
    },
];

const fn failure(key: &'static str, title: &'static str) -> Entry {
    Entry {
        key,
        name: None,
        title,
        meaning: "",
        causes: &[],
        remedies: &[],
        at_fault: Party::Device,
        class: Class::NotAssigned,
        c_sdk_result: None,
        rules: &["I.4"],
        aliases: &[],
        is_ours: false,
    }
}
