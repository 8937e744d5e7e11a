//! The refusals of a device's requests (A.6, H.2): what comes with a status from 400 on.

use super::super::entry::{About, Entry, Party, hint};
use super::sdk_result::AUTH_ERROR;
use crate::device::Class;

pub(super) const ENTRIES: &[Entry] = &[
    Entry {
        key: "400004",
        name: Some("BadRequest"),
        title: "the request is malformed",
        meaning: "The service could not use the request: its registration ID or its API version. The credential was not looked at. A body that cannot be read is 400012.",
        causes: &[
            hint(
                About::Id,
                "the registration ID in the body is not the one of the connection, or has characters that are not allowed",
            ),
            hint(
                About::Any,
                "the API version is older than any the service knows; over HTTPS also a newer one, or none",
            ),
        ],
        remedies: &[
            hint(
                About::Any,
                "check --reg-id, --payload and --api-version, or what the device sends in their place",
            ),
            hint(
                About::Local,
                "read the log of `provision-sim serve`: it names both IDs, or the version",
            ),
        ],
        at_fault: Party::Device,
        class: Class::NotAssigned,
        c_sdk_result: AUTH_ERROR,
        rules: &["A.6", "D.1", "H.2"],
        aliases: &["invalid registrationid", "unsupported api-version", "missing api-version"],
        is_ours: false,
    },
    Entry {
        key: "400012",
        name: Some("DeserializationError"),
        title: "the body cannot be read",
        meaning: "The service could not read what the device sent: it is not JSON, not an object, or has a member of the wrong kind. The credential was not looked at.",
        causes: &[
            hint(
                About::Any,
                "`payload` is a number, a text, a boolean or an array; it must be a JSON object, or null",
            ),
            hint(
                About::Any,
                "the body is not a JSON object with `registrationId` and, if wanted, `payload`: cut off, in single quotes, or with a comma too many",
            ),
            hint(About::Any, "the body is UTF-16, begins with a byte order mark, or is compressed"),
        ],
        remedies: &[
            hint(About::Any, "check --payload, or what the device sends in its place"),
            hint(
                About::Local,
                "read the log of `provision-sim serve`: it says what could not be read, and where",
            ),
        ],
        at_fault: Party::Device,
        class: Class::NotAssigned,
        c_sdk_result: AUTH_ERROR,
        rules: &["A.5", "A.6", "H.2"],
        aliases: &["deserialization error"],
        is_ours: false,
    },
    Entry {
        key: "400201",
        name: None,
        title: "there is no enrollment for the device",
        meaning: "What DPS said before August 2018 where it now says 404201 or 401.",
        causes: &[hint(
            About::Enrollment,
            "the log is old, or the stand-in for DPS imitates an old one",
        )],
        remedies: &[hint(
            About::Enrollment,
            "enroll the device, or register with an ID that is enrolled",
        )],
        at_fault: Party::Enrollment,
        class: Class::NotAssigned,
        c_sdk_result: AUTH_ERROR,
        rules: &["H.2"],
        aliases: &[],
        is_ours: false,
    },
    Entry {
        key: "401000",
        name: Some("Unauthorized"),
        title: "the SAS token was refused (MQTT)",
        meaning: "The service does not believe the device. It never says why, and it says the same where there is no enrollment at all.",
        causes: &[
            hint(
                About::Key,
                "the key is not this device's: another device's, another group's, or mistyped",
            ),
            hint(
                About::Key,
                "the group key was used itself; a device signs with the key derived from it",
            ),
            hint(
                About::Enrollment,
                "there is no enrollment for this device under this ID scope, or it attests in another way",
            ),
            hint(
                About::Clock,
                "the device's clock is behind, so that its token has expired when it arrives",
            ),
            hint(About::Id, "the key was derived from another spelling of the registration ID"),
            hint(
                About::Azure,
                "the instance's IP filter rejects this machine's address; that is a 401 too, and the answer does not mention the filter",
            ),
        ],
        remedies: &[
            hint(About::Key, "derive the key anew and compare: `provision-sim derive-key`"),
            hint(About::Local, "read the log of `provision-sim serve`: it says which check failed"),
            hint(
                About::Azure,
                "compare the key with the enrollment's: `az iot dps enrollment-group show --show-keys`",
            ),
            hint(About::Key, "take the token apart: `provision-sim sas-token --check`"),
        ],
        at_fault: Party::Identity,
        class: Class::Identity,
        c_sdk_result: AUTH_ERROR,
        rules: &["A-10", "A-11", "D.3", "D.4", "J-8"],
        aliases: &[],
        is_ours: false,
    },
    Entry {
        key: "401002",
        name: Some("Unauthorized"),
        title: "the certificate was refused (over HTTPS: the certificate or the token)",
        meaning: "The service does not believe the device. With X.509 it says this on every transport; over HTTPS also of SAS tokens. To back ends it says that their token is not good.",
        causes: &[
            hint(
                About::Certificate,
                "the certificate leads to no enrolled authority: an intermediate was not sent, or the authority is not enrolled",
            ),
            hint(
                About::Certificate,
                "the group's CA was uploaded, but its possession not proved: DPS counts verified ones only",
            ),
            hint(About::Certificate, "the certificate's common name is not the registration ID"),
            hint(
                About::Certificate,
                "the certificate is out of date, or is not the one in the individual enrollment",
            ),
            hint(
                About::Key,
                "over HTTPS: the token is signed with another key, is for another resource, or has expired",
            ),
            hint(
                About::Enrollment,
                "there is no enrollment for this device under this ID scope, or it was deleted",
            ),
            hint(About::Azure, "a back end's policy key was rotated, or its token has expired"),
            hint(
                About::Azure,
                "the instance's IP filter rejects this machine's address; that is a 401 too, and the answer does not mention the filter",
            ),
        ],
        remedies: &[
            hint(
                About::Certificate,
                "look at what is sent: `openssl x509 -noout -subject -issuer -dates`; leaf first, then intermediates",
            ),
            hint(About::Local, "read the log of `provision-sim serve`: it says which check failed"),
            hint(
                About::Azure,
                "compare thumbprints with the enrollment's, and see that the CA is verified: `az iot dps certificate list`",
            ),
        ],
        at_fault: Party::Identity,
        class: Class::Identity,
        c_sdk_result: AUTH_ERROR,
        rules: &["A-11", "D.5", "E.6", "J-71", "J-74"],
        aliases: &["iothubunauthorizedaccess"],
        is_ours: false,
    },
    Entry {
        key: "404000",
        name: None,
        title: "the ID scope, or the path, is not served (HTTPS, AMQP)",
        meaning: "What an unknown ID scope gives over HTTPS and AMQP; over MQTT it is CONNACK 3. To back ends it says that there is no such path.",
        causes: &[
            hint(
                About::Scope,
                "the ID scope is mistyped, or belongs to another cloud (China, US Government)",
            ),
            hint(About::Host, "the host is not the one that serves this ID scope"),
        ],
        remedies: &[hint(
            About::Scope,
            "compare the ID scope with the overview page of the DPS instance",
        )],
        at_fault: Party::Device,
        class: Class::NotAssigned,
        c_sdk_result: AUTH_ERROR,
        rules: &["B.4", "J-29", "J-80"],
        aliases: &["id scope not found"],
        is_ours: true,
    },
    Entry {
        key: "404001",
        name: None,
        title: "there is no such path in the device API (HTTPS)",
        meaning: "The request's path is none of register, operations and lookup.",
        causes: &[hint(
            About::Any,
            "the device builds the path wrongly, or escapes the registration ID twice",
        )],
        remedies: &[hint(
            About::Any,
            "expected is /{idScope}/registrations/{registrationId}/register",
        )],
        at_fault: Party::Device,
        class: Class::NotAssigned,
        c_sdk_result: AUTH_ERROR,
        rules: &["B.1", "J-61"],
        aliases: &["resource not found"],
        is_ours: true,
    },
    Entry {
        key: "404203",
        name: Some("OperationNotFound"),
        title: "the service does not know the operation",
        meaning: "The device polls an operation that the service never had, or has forgotten.",
        causes: &[
            hint(
                About::Any,
                "the device polls a registration from before its restart, or another device's",
            ),
            hint(
                About::Any,
                "the service keeps finished operations for a while only, or was restarted",
            ),
        ],
        remedies: &[
            hint(
                About::Any,
                "register anew; it is safe, the device keeps its enrollment and its hub",
            ),
            hint(
                About::Any,
                "check --operation-id; `status` without it says how the registration stands",
            ),
        ],
        at_fault: Party::Device,
        class: Class::NotAssigned,
        c_sdk_result: AUTH_ERROR,
        rules: &["A-9", "J-15", "J-49"],
        aliases: &["operation not found"],
        is_ours: false,
    },
    Entry {
        key: "409203",
        name: Some("PreconditionFailed"),
        title: "the device is registering over another connection",
        meaning: "Two registrations of one device met; the other one goes on.",
        causes: &[
            hint(About::Id, "two devices have the same registration ID"),
            hint(
                About::Any,
                "the device restarted and registers again before its first registration is through",
            ),
            hint(About::Webhook, "a slow webhook holds the first registration up"),
        ],
        remedies: &[
            hint(About::Any, "wait and register again"),
            hint(
                About::Id,
                "see that no other device has this registration ID; case does not count",
            ),
        ],
        at_fault: Party::Device,
        class: Class::NotAssigned,
        c_sdk_result: AUTH_ERROR,
        rules: &["A.6", "J-21"],
        aliases: &[],
        is_ours: false,
    },
    Entry {
        key: "426000",
        name: None,
        title: "the WebSocket version is not 13",
        meaning: "The upgrade to a WebSocket asks for a version of the protocol that nobody speaks any more.",
        causes: &[hint(About::Any, "the client library writes its own `Sec-WebSocket-Version`")],
        remedies: &[hint(
            About::Any,
            "send `Sec-WebSocket-Version: 13` and the subprotocol `mqtt`",
        )],
        at_fault: Party::Device,
        class: Class::NotAssigned,
        c_sdk_result: AUTH_ERROR,
        rules: &["J-61", "J-62"],
        aliases: &[],
        is_ours: true,
    },
    Entry {
        key: "429001",
        name: Some("Throttled"),
        title: "the service is throttling",
        meaning: "More requests reach the instance, or come from this device, than its quota allows. The device waits and asks again; this is no final answer.",
        causes: &[
            hint(
                About::Any,
                "a whole fleet starts at the same moment: an instance takes 1000 registrations a minute",
            ),
            hint(
                About::Any,
                "the device polls more often than 5 times in 10 s, or does not wait as long as retry-after says",
            ),
        ],
        remedies: &[
            hint(
                About::Any,
                "wait as long as retry-after says, and spread a fleet's registrations by a random delay",
            ),
            hint(
                About::Azure,
                "spread the fleet over several instances, or ask for a higher quota",
            ),
        ],
        at_fault: Party::Service,
        class: Class::Deadline,
        c_sdk_result: super::sdk_result::TIMEOUT,
        rules: &["A-16", "H.3", "J-48"],
        aliases: &["being throttled", "throttling"],
        is_ours: false,
    },
    Entry {
        key: "500001",
        name: None,
        title: "something broke inside the service",
        meaning: "A passing trouble of the service; the device waits and asks again.",
        causes: &[hint(About::Any, "the service is in trouble")],
        remedies: &[
            hint(About::Any, "try again later, and keep the tracking ID"),
            hint(About::Azure, "look at the state of Azure's region"),
        ],
        at_fault: Party::Service,
        class: Class::Deadline,
        c_sdk_result: super::sdk_result::TIMEOUT,
        rules: &["A-16", "J-40"],
        aliases: &["internalservererror"],
        is_ours: true,
    },
];
