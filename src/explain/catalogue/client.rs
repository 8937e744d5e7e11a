//! What a device's program says of itself before, or after, it has talked to the service. Found in
//! logs alone: a device of this program has no such failures.

use super::super::entry::{About, Entry, Party, hint};
use super::sdk_result::{AUTH_ERROR, TRANSPORT};
use crate::device::Class;

/// The entry of lines that only say that something failed.
pub(in crate::explain) const WRAPPER: &str = "client-wrapper";

pub(super) const ENTRIES: &[Entry] = &[
    Entry {
        meaning: "The line only says that something failed. Why stands in the lines above it, or is not logged at this level.",
        causes: &[hint(About::Any, "the SDK wraps the real error, and this is only its outside")],
        remedies: &[
            hint(About::Any, "give the whole log: `some-device 2>&1 | provision-sim explain -`"),
            hint(
                About::Any,
                "have more logged: the option `logtrace` in C, logging.DEBUG in Python, DEBUG=azure* in Node.js, the inner exceptions in Java and .NET",
            ),
            hint(
                About::Any,
                "`provision-sim diagnose` with the device's ID and key tries the same, and says more",
            ),
        ],
        ..says(WRAPPER, "the line says nothing by itself: look at those above it", Party::Device)
    },
    Entry {
        meaning: "The service, or the hub's link, refused what the device said; which of many refusals it was stands in the lines above.",
        causes: &[hint(
            About::Any,
            "CONNACK 1 to 5, an error body (401, 404), or a registration that ended as `failed`",
        )],
        remedies: &[hint(
            About::Any,
            "give the whole log: `Connection Not Accepted`, `Unsuccessful json encountered` and `Provisioning Failure` are the lines that tell",
        )],
        c_sdk_result: AUTH_ERROR,
        ..says("client-dev-auth", "refused, and the lines above say by whom", Party::Identity)
    },
    Entry {
        meaning: "The program could not sign with the key that it was given. Nothing was sent.",
        causes: &[
            hint(
                About::Any,
                "the key is not Base64, is cut off, or has blanks or quotes around it",
            ),
            hint(About::Any, "there is no key in the program's settings"),
        ],
        remedies: &[hint(
            About::Any,
            "copy the device's key whole; of a group, derive it first: `provision-sim derive-key`",
        )],
        c_sdk_result: TRANSPORT,
        class: Class::Identity,
        ..says("client-key", "the program cannot use its key", Party::Identity)
    },
    Entry {
        meaning: "The program has no certificate with its key, or its TLS library does not take them.",
        causes: &[
            hint(
                About::Any,
                "certificate and key do not belong together, or one of them is not set",
            ),
            hint(
                About::Any,
                "the TLS library takes no such key, or no such PEM: some want PKCS #8, or RSA",
            ),
        ],
        remedies: &[
            hint(
                About::Any,
                "compare the two: `openssl x509 -noout -pubkey -in CERT` and `openssl pkey -pubout -in KEY`",
            ),
            hint(About::Any, "try them with `provision-sim register --cert CERT --cert-key KEY`"),
        ],
        class: Class::Identity,
        ..says("client-certificate", "the program cannot use its certificate", Party::Identity)
    },
    Entry {
        meaning: "The program could not read the certificates that it is to trust.",
        causes: &[hint(
            About::Any,
            "the trusted certificates are not PEM, or the file is not there",
        )],
        remedies: &[hint(
            About::Any,
            "give PEM with the roots of Azure, or with the CA of the local service",
        )],
        class: Class::Network,
        ..says("client-trust", "the program cannot read whom it trusts", Party::Device)
    },
    Entry {
        meaning: "The payload for the webhook is no JSON, so that the program did not send it.",
        causes: &[hint(About::Any, "the custom data is text, or JSON with a slip of the pen")],
        remedies: &[hint(About::Any, "give a JSON object, such as {\"fw\":\"1.0\"}")],
        c_sdk_result: TRANSPORT,
        rules: &["A.5"],
        ..says("client-payload", "the payload is no JSON", Party::Device)
    },
    Entry {
        meaning: "The program uses its SDK in a way that this does not allow. Nothing was sent.",
        causes: &[hint(
            About::Any,
            "an option is missing, set twice or too late, or not built into the SDK",
        )],
        remedies: &[hint(
            About::Any,
            "set registration ID, ID scope and credential once, before registering; the line names what is wrong",
        )],
        ..says("client-use", "the program misuses its SDK", Party::Device)
    },
    Entry {
        meaning: "The device has not enough memory. TLS wants 16 KB for each direction, and much for a moment.",
        causes: &[hint(About::Any, "the heap is full, or in too small pieces")],
        remedies: &[hint(
            About::Any,
            "free memory before the handshake, take smaller TLS buffers, or an EC key",
        )],
        class: Class::Network,
        ..says("client-memory", "the device has no memory left", Party::Device)
    },
    Entry {
        meaning: "The program could not use the device's TPM.",
        causes: &[hint(
            About::Any,
            "there is no TPM, another process has it, or the program may not open it",
        )],
        remedies: &[hint(
            About::Any,
            "check /dev/tpmrm0 and the rights of the program; the simulator must run first",
        )],
        class: Class::Identity,
        ..says("client-tpm", "the program cannot use the TPM", Party::Identity)
    },
];

const fn says(key: &'static str, title: &'static str, at_fault: Party) -> Entry {
    Entry {
        key,
        name: None,
        title,
        meaning: "",
        causes: &[],
        remedies: &[],
        at_fault,
        class: Class::NotAssigned,
        c_sdk_result: None,
        rules: &["J-118"],
        aliases: &[],
        is_ours: false,
    }
}
