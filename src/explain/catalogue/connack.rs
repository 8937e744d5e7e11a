//! The refusals of CONNECT (A.6): CONNACK 1 to 5.

use super::super::entry::{About, Entry, Party, hint};
use super::sdk_result::AUTH_ERROR;
use crate::device::Class;

pub(super) const ENTRIES: &[Entry] = &[
    Entry {
        key: "connack-1",
        name: None,
        title: "unacceptable protocol version",
        meaning: "The server does not speak MQTT 3.1.1, which is all that DPS speaks.",
        causes: &[
            hint(About::Any, "the device speaks MQTT 3.1 or 5; DPS takes 3.1.1 (level 4)"),
            hint(About::Host, "the server is an MQTT broker, but not DPS"),
        ],
        remedies: &[
            hint(About::Any, "set the client library to MQTT 3.1.1"),
            hint(About::Host, "check the host name"),
        ],
        at_fault: Party::Device,
        class: Class::NotAssigned,
        c_sdk_result: AUTH_ERROR,
        rules: &["A.2", "A.7"],
        aliases: &["unacceptable version", "unacceptable protocol version"],
        is_ours: false,
    },
    Entry {
        key: "connack-2",
        name: None,
        title: "identifier rejected",
        meaning: "The server does not take the client ID, which has to be the registration ID.",
        causes: &[
            hint(About::Id, "the client ID is empty, or the session is to be kept without one"),
            hint(About::Host, "the server is an MQTT broker, but not DPS"),
        ],
        remedies: &[hint(About::Id, "send the registration ID as client ID, with clean session")],
        at_fault: Party::Device,
        class: Class::NotAssigned,
        c_sdk_result: AUTH_ERROR,
        rules: &["A.2", "A.7"],
        aliases: &["id rejected", "identifier rejected"],
        is_ours: false,
    },
    Entry {
        key: "connack-3",
        name: None,
        title: "server unavailable; DPS says so of an unknown ID scope too",
        meaning: "Either the instance that the ID scope names does not exist, or the service is down for a moment. Nothing tells the two apart but trying again.",
        causes: &[
            hint(About::Scope, "the service does not know the ID scope: DPS says so in this way"),
            hint(
                About::Host,
                "the ID scope belongs to another cloud or to another local service than the host",
            ),
            hint(About::Any, "the service is down"),
        ],
        remedies: &[
            hint(About::Scope, "compare the ID scope with the overview page of the DPS instance"),
            hint(About::Any, "if the scope is right, try again later"),
        ],
        at_fault: Party::Device,
        class: Class::NotAssigned,
        c_sdk_result: AUTH_ERROR,
        rules: &["A.6", "J-47"],
        aliases: &["server unavailable"],
        is_ours: false,
    },
    Entry {
        key: "connack-4",
        name: None,
        title: "bad user name or password",
        meaning: "The server could not read the user name or the password. DPS judges tokens only after the register request, so that this is about their form.",
        causes: &[
            hint(
                About::Any,
                "the user name is not {idScope}/registrations/{registrationId}/api-version=…",
            ),
            hint(About::Host, "the server is an MQTT broker, but not DPS"),
        ],
        remedies: &[hint(
            About::Any,
            "check the ID scope and the registration ID, and how the device builds the user name",
        )],
        at_fault: Party::Device,
        class: Class::Identity,
        c_sdk_result: AUTH_ERROR,
        rules: &["A.2", "A.6"],
        aliases: &["bad username/password", "bad user name or password"],
        is_ours: false,
    },
    Entry {
        key: "connack-5",
        name: None,
        title: "not authorized",
        meaning: "Client ID, user name and certificate do not fit together. A wrong key or token does not show here: it is a 401 to the register request.",
        causes: &[
            hint(About::Id, "the client ID is not the registration ID in the user name"),
            hint(
                About::Any,
                "the user name is missing or malformed: {idScope}/registrations/{registrationId}/api-version=2019-03-31&ClientVersion=…",
            ),
            hint(About::Certificate, "the certificate's common name is not the registration ID"),
            hint(About::Host, "the server is an IoT hub or another broker, not DPS"),
        ],
        remedies: &[
            hint(About::Id, "send the registration ID as client ID and in the user name"),
            hint(
                About::Any,
                "check the ID scope and the registration ID, and how the device builds the user name",
            ),
            hint(About::Local, "read the log of `provision-sim serve`: it has the expected form"),
        ],
        at_fault: Party::Device,
        class: Class::Identity,
        c_sdk_result: AUTH_ERROR,
        rules: &["A.2", "A.6", "J-10"],
        aliases: &["not authorized"],
        is_ours: false,
    },
];
