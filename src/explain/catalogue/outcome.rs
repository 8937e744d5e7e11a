//! Registrations that end without a hub (F.4, G.6): what stands in the state of a 200.

use super::super::entry::{About, Entry, Party, hint};
use super::sdk_result::AUTH_ERROR;
use crate::device::Class;

pub(super) const ENTRIES: &[Entry] = &[
    Entry {
        key: "400040",
        name: None,
        title: "the certificate that the device asked for could not be issued",
        meaning: "The device is believed, but its request cannot be granted. At registration the request itself was in \
                  order; a hub looks at it only now, and says in `info` what is wrong.",
        causes: &[
            hint(
                About::Certificate,
                "at a hub: the request is no PKCS #10, is for another common name than the one that was issued first, or has a key that is not taken (EC P-256 and P-384, RSA of 2048 to 4096 bits are)",
            ),
            hint(
                About::Enrollment,
                "the enrollment names a certificate authority or a policy that is not there, perhaps by a slip of the pen",
            ),
            hint(About::Enrollment, "the certificate authority, or one above it, has expired"),
        ],
        remedies: &[
            hint(
                About::Enrollment,
                "name an authority and a policy that exist, or renew the authority",
            ),
            hint(
                About::Local,
                "compare the enrollment with `[[certificateAuthorities]]`; GET /certificate-authorities on the management port lists them",
            ),
        ],
        at_fault: Party::Enrollment,
        class: Class::NotAssigned,
        c_sdk_result: AUTH_ERROR,
        rules: &["B.7", "I.4", "J-439", "J-465"],
        aliases: &["unable to complete the certificate request"],
        is_ours: true,
    },
    Entry {
        key: "400203",
        name: Some("NoLinkedIotHub"),
        title: "no IoT hub may take the device",
        meaning: "The device is believed, but no hub is linked to the instance that its enrollment may use.",
        causes: &[
            hint(About::Enrollment, "no IoT hub is linked to the DPS instance"),
            hint(
                About::Enrollment,
                "the enrollment's `iotHubs` names only hubs that are not linked, perhaps by a slip of the pen",
            ),
            hint(About::Enrollment, "every linked hub has `applyAllocationPolicy` false"),
        ],
        remedies: &[hint(
            About::Enrollment,
            "link a hub to the instance, and name only linked ones in `iotHubs`",
        )],
        at_fault: Party::Enrollment,
        class: Class::NotAssigned,
        c_sdk_result: AUTH_ERROR,
        rules: &["F.5", "J-9"],
        aliases: &["no iot hub is linked"],
        is_ours: true,
    },
    Entry {
        key: "400207",
        name: Some("CustomAllocationFailed"),
        title: "the enrollment's webhook refused the device, or failed",
        meaning: "The device is believed; the webhook that chooses its hub gave no usable answer. The status in the message is the webhook's own, not the device's.",
        causes: &[
            hint(
                About::Webhook,
                "status 400: the webhook does not accept this device; most functions say so in this way",
            ),
            hint(
                About::Webhook,
                "status 404: `webhookUrl` leads to no function; 403: the function key in it is wrong, or access is restricted",
            ),
            hint(
                About::Webhook,
                "status 429 or 5xx: the webhook was still failing when the service had asked often enough",
            ),
            hint(
                About::Webhook,
                "`An error occurred while sending the request.`: the webhook could not be reached, or did not answer in time",
            ),
            hint(
                About::Webhook,
                "its 200 named a hub that is not among `linkedHubs`, or was no AllocationResponse",
            ),
        ],
        remedies: &[
            hint(About::Webhook, "look at the webhook's own log for this registration ID"),
            hint(
                About::Webhook,
                "call the webhook by hand with the AllocationRequest, and look at what it answers",
            ),
            hint(
                About::Local,
                "read the log of `provision-sim serve`: it shows the request and the answer",
            ),
        ],
        at_fault: Party::Webhook,
        class: Class::NotAssigned,
        c_sdk_result: AUTH_ERROR,
        rules: &["G.5", "G.6", "J-1", "J-2"],
        aliases: &["custom allocation failed", "an error occurred while sending the request"],
        is_ours: false,
    },
    Entry {
        key: "400208",
        name: Some("CustomAllocationIotHubNotSpecified"),
        title: "the webhook accepted the device but named no hub",
        meaning: "The webhook answered 2xx without `iotHubHostName`.",
        causes: &[
            hint(
                About::Webhook,
                "the function sets `iotHubHostName` on some paths only, or spells it differently",
            ),
            hint(About::Webhook, "no element of `linkedHubs` matched what the function looked for"),
        ],
        remedies: &[hint(
            About::Webhook,
            "let the webhook name one of `linkedHubs`, or answer 400 to refuse the device",
        )],
        at_fault: Party::Webhook,
        class: Class::NotAssigned,
        c_sdk_result: Some("PROV_DEVICE_RESULT_HUB_NOT_SPECIFIED"),
        rules: &["G.4", "G.6", "J-20"],
        aliases: &["custom allocation did not specify"],
        is_ours: false,
    },
    Entry {
        key: "400209",
        name: Some("CustomAllocationUnauthorizedAccess"),
        title: "the webhook did not let the service in",
        meaning: "The webhook answered 401 to the service. The device's own credential is all right.",
        causes: &[
            hint(
                About::Webhook,
                "the function wants a function key, and `webhookUrl` has none or an old one",
            ),
            hint(About::Webhook, "the function app demands a sign-in, which the service cannot do"),
        ],
        remedies: &[hint(
            About::Webhook,
            "put the current function key into the enrollment's `webhookUrl`: …?code=…",
        )],
        at_fault: Party::Webhook,
        class: Class::NotAssigned,
        c_sdk_result: Some("PROV_DEVICE_RESULT_UNAUTHORIZED"),
        rules: &["G.2", "G.6", "J-20"],
        aliases: &["custom allocation failed with status code: 401"],
        is_ours: false,
    },
    Entry {
        key: "401001",
        name: Some("IotHubNotFound"),
        title: "the hub for the device is not there",
        meaning: "The hub that the enrollment leads to is linked, but does not exist any more.",
        causes: &[hint(
            About::Enrollment,
            "the hub was deleted, or made anew, after it was linked",
        )],
        remedies: &[hint(
            About::Enrollment,
            "unlink the hub, link the one that exists, and register again",
        )],
        at_fault: Party::Enrollment,
        class: Class::NotAssigned,
        c_sdk_result: AUTH_ERROR,
        rules: &["H.2"],
        aliases: &["iothub not found", "iot hub not found"],
        is_ours: false,
    },
    Entry {
        key: "disabled",
        name: None,
        title: "the device's enrollment is disabled",
        meaning: "The credential fits, and the enrollment's `provisioningStatus` is `disabled`.",
        causes: &[
            hint(
                About::Enrollment,
                "the enrollment's provisioningStatus is `disabled`: somebody took the device, or its group, out of service",
            ),
            hint(
                About::Enrollment,
                "the device has an individual enrollment of its own that is disabled; then its group does not count",
            ),
        ],
        remedies: &[hint(
            About::Enrollment,
            "enable the enrollment, or find out who disabled it and why",
        )],
        at_fault: Party::Enrollment,
        class: Class::NotAssigned,
        c_sdk_result: Some("PROV_DEVICE_RESULT_DISABLED"),
        rules: &["A.6", "D.5", "F.4"],
        aliases: &[
            "disabled by dps service",
            "enrollment is disabled",
            "invalid registration status 'disabled'",
        ],
        is_ours: false,
    },
    Entry {
        key: "failed",
        name: None,
        title: "the registration ended as `failed`, with a code that is not known here",
        meaning: "The device is believed, and no hub could be assigned to it.",
        causes: &[
            hint(About::Enrollment, "the message of the service says more than its number"),
            hint(
                About::Enrollment,
                "some SDKs hand on neither: the webhook's refusal (400207) is the most common",
            ),
        ],
        remedies: &[
            hint(
                About::Any,
                "read code and message in the registration's record: `provision-sim status`",
            ),
            hint(About::Azure, "look up the operation ID in the instance's diagnostic logs"),
        ],
        at_fault: Party::Enrollment,
        class: Class::NotAssigned,
        c_sdk_result: AUTH_ERROR,
        rules: &["F.4"],
        aliases: &["prov_device_result_error"],
        is_ours: false,
    },
];
