//! Statuses on which a device acts where the body has no code that is known (A-16, B.4).

use super::super::entry::{About, Entry, Party, hint};
use super::sdk_result::AUTH_ERROR;
use crate::device::Class;

pub(super) const ENTRIES: &[Entry] = &[
    Entry {
        meaning: "The request is malformed, or something on the way to the service could not read it.",
        causes: &[
            hint(
                About::Any,
                "the registration ID, the payload or the API version is not as the service wants it",
            ),
            hint(About::Network, "a proxy answers, and did not understand the request"),
        ],
        remedies: &[hint(
            About::Any,
            "read the body of the answer: DPS sends a six-digit code and a message",
        )],
        rules: &["A.6", "B.4"],
        aliases: &["argumenterror"],
        ..refused("http-400", "bad request")
    },
    Entry {
        meaning: "The device's identity, or a back end's token, is not believed. The service never says why.",
        causes: &[
            hint(
                About::Key,
                "the token is signed with a wrong key, is for another resource, or has expired",
            ),
            hint(About::Certificate, "the certificate leads to no enrollment, or is out of date"),
            hint(About::Enrollment, "there is no enrollment for this device under this ID scope"),
            hint(
                About::Azure,
                "the instance's IP filter rejects this machine's address; that is a 401 too, and the answer does not mention the filter",
            ),
        ],
        remedies: &[
            hint(About::Any, "see the entries 401000 (tokens) and 401002 (certificates, HTTPS)"),
            hint(About::Local, "read the log of `provision-sim serve`: it says which check failed"),
        ],
        at_fault: Party::Identity,
        class: Class::Identity,
        rules: &["A-11", "B.4"],
        aliases: &["unauthorizederror"],
        ..refused("http-401", "unauthorized")
    },
    Entry {
        meaning: "Nothing public has DPS say 403 to a device; something on the way does, or the IoT hub or webhook that was really asked.",
        causes: &[
            hint(About::Network, "a proxy or a gateway forbids the host"),
            hint(About::Host, "the host is not DPS"),
        ],
        remedies: &[hint(About::Network, "try without the proxy, or have it let the host through")],
        at_fault: Party::Network,
        rules: &["H.2"],
        ..refused("http-403", "forbidden")
    },
    Entry {
        meaning: "Over HTTPS an unknown ID scope; else a record, an operation or a path that is not there.",
        causes: &[
            hint(About::Scope, "the ID scope is mistyped (HTTPS)"),
            hint(About::Host, "the host is not DPS, or not the one that serves this scope"),
            hint(About::Any, "the operation or the record is not there any more"),
        ],
        remedies: &[hint(
            About::Any,
            "read the body's six-digit code: 404201, 404202 and 404203 are different things",
        )],
        at_fault: Party::Device,
        rules: &["B.4", "E.5", "J-29"],
        aliases: &["devicenotfounderror"],
        ..refused("http-404", "not found")
    },
    Entry {
        meaning: "The path does not take this verb.",
        causes: &[hint(About::Any, "register is PUT, a poll GET, a lookup POST")],
        remedies: &[hint(About::Any, "use the verb that the header `Allow` names")],
        rules: &["H.2", "J-61"],
        ..refused("http-405", "method not allowed")
    },
    Entry {
        meaning: "Two requests met: two registrations of one device, or a create over what is there.",
        causes: &[
            hint(About::Id, "two devices have the same registration ID"),
            hint(About::Enrollment, "what is to be created is there already"),
        ],
        remedies: &[hint(About::Any, "wait and register again; of a create: update instead")],
        rules: &["A.6", "E.5"],
        aliases: &["devicealreadyexistserror"],
        ..refused("http-409", "conflict")
    },
    Entry {
        meaning: "The etag is not the record's current one.",
        causes: &[hint(About::Any, "somebody else changed the record after it was read")],
        remedies: &[hint(
            About::Any,
            "read the record again, apply the change to it, and send its etag",
        )],
        rules: &["E.5", "J-7"],
        aliases: &["invalidetagerror"],
        ..refused("http-412", "precondition failed")
    },
    Entry {
        meaning: "The body is too long: a device may send 96 KB.",
        causes: &[hint(
            About::Any,
            "the payload has grown: a certificate, a log, or an inventory is in it",
        )],
        remedies: &[hint(
            About::Any,
            "send what the webhook needs to decide, and the rest to the hub later",
        )],
        rules: &["B.2", "H.3"],
        ..refused("http-413", "content too large")
    },
    Entry {
        meaning: "The body is not said to be JSON.",
        causes: &[hint(About::Any, "the client sends no `Content-Type`, or another")],
        remedies: &[hint(About::Any, "send `Content-Type: application/json; charset=utf-8`")],
        rules: &["H.2", "J-80"],
        ..refused("http-415", "unsupported media type")
    },
    Entry {
        meaning: "The service is throttling. The device waits and asks again; this is no final answer.",
        causes: &[hint(
            About::Any,
            "more devices register at once than the instance's quota allows",
        )],
        remedies: &[hint(
            About::Any,
            "wait as long as retry-after says, and spread a fleet by a random delay",
        )],
        at_fault: Party::Service,
        class: Class::Deadline,
        c_sdk_result: super::sdk_result::TIMEOUT,
        rules: &["A-16", "H.3", "J-48"],
        ..refused("http-429", "too many requests")
    },
    Entry {
        meaning: "The service refused the request with a status that has no entry of its own. It is final.",
        causes: &[hint(About::Any, "the request is not what the service expects")],
        remedies: &[hint(
            About::Any,
            "read the body of the answer: DPS sends a six-digit code and a message",
        )],
        rules: &["A-16", "B.4"],
        ..refused("http-4xx", "another refusal")
    },
    Entry {
        meaning: "The service, or a gateway before it, is in trouble. The device waits and asks again until its deadline.",
        causes: &[
            hint(About::Any, "the service is in trouble for a moment"),
            hint(About::Network, "a proxy or gateway answers in its place (502, 503, 504)"),
        ],
        remedies: &[
            hint(About::Any, "try again later, and keep the tracking ID"),
            hint(About::Azure, "look at the state of Azure's region"),
        ],
        at_fault: Party::Service,
        class: Class::Deadline,
        c_sdk_result: super::sdk_result::TIMEOUT,
        rules: &["A-16", "J-48"],
        aliases: &[
            "http-500",
            "http-502",
            "http-503",
            "http-504",
            "internal server error",
            "bad gateway",
            "service unavailable",
            "gateway timeout",
        ],
        ..refused("http-5xx", "the service is in trouble")
    },
];

/// What most refusals have in common.
const fn refused(key: &'static str, title: &'static str) -> Entry {
    Entry {
        key,
        name: None,
        title,
        meaning: "",
        causes: &[],
        remedies: &[],
        at_fault: Party::Device,
        class: Class::NotAssigned,
        c_sdk_result: AUTH_ERROR,
        rules: &[],
        aliases: &[],
        is_ours: false,
    }
}
