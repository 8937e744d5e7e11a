//! Numbers with which a hub refuses a device a certificate (I.4).

use super::super::entry::{About, Entry, Party, hint};
use super::sdk_result::AUTH_ERROR;
use crate::device::Class;

pub(super) const ENTRIES: &[Entry] = &[
    Entry {
        key: "400006",
        title: "the hub cannot read the body as JSON",
        meaning: "What the device sent to its hub is no JSON; there is no answer to anything in it.",
        causes: &[hint(About::Any, "the body is cut off, or a text in it is not escaped")],
        remedies: &[hint(
            About::Any,
            "send one JSON object in UTF-8, with `id`, `csr` and, if need be, `replace`",
        )],
        at_fault: Party::Device,
        rules: &["I.4"],
        aliases: &["cannot decode json format"],
        ..NUMBER
    },
    Entry {
        key: "409005",
        title: "the device has asked its hub for a certificate already",
        meaning: "A hub grants one request of a device at a time. `info` names the other one, and when it ends.",
        causes: &[
            hint(
                About::Any,
                "the device asked again before the answer to its first request was there",
            ),
            hint(About::Id, "two programs use the same identity at once"),
        ],
        remedies: &[
            hint(About::Any, "wait for the answer to the request that `info` names"),
            hint(
                About::Any,
                "ask again with `\"replace\":\"*\"`, or with the request's own name, to give that one up",
            ),
        ],
        at_fault: Party::Device,
        rules: &["I.4", "J-462"],
        aliases: &["409004"],
        ..NUMBER
    },
    Entry {
        key: "412005",
        title: "nobody issues certificates to the device",
        meaning: "The identity at the hub is not one whose certificates are issued: it has keys or thumbprints.",
        causes: &[
            hint(
                About::Enrollment,
                "the device registered without a request for a certificate (`csr`), or its enrollment names no certificate authority",
            ),
            hint(About::Local, "a back end gave the identity keys or thumbprints (J-460)"),
        ],
        remedies: &[hint(
            About::Any,
            "register with a request for a certificate, and with an enrollment that names who issues them",
        )],
        at_fault: Party::Enrollment,
        rules: &["I.4", "J-466"],
        aliases: &[],
        ..NUMBER
    },
    Entry {
        key: "429002",
        title: "the hub is asked for more than it does at a time",
        meaning: "A hub issues so many certificates, and no more. With this number, and 429003, a device asks again; `retryAfter` tells how many seconds later.",
        causes: &[hint(About::Any, "many devices ask for their next certificate at once")],
        remedies: &[hint(
            About::Any,
            "wait as long as the hub says, and let devices ask at different times",
        )],
        at_fault: Party::Service,
        rules: &["I.4", "J-477"],
        aliases: &["429003"],
        ..NUMBER
    },
];

const NUMBER: Entry = Entry {
    key: "",
    name: None,
    title: "",
    meaning: "",
    causes: &[],
    remedies: &[],
    at_fault: Party::Device,
    class: Class::NotAssigned,
    c_sdk_result: AUTH_ERROR,
    rules: &[],
    aliases: &[],
    is_ours: false,
};
