//! Keys that are kept elsewhere: a TPM, a user's hardware security module.

use super::super::entry::{About, Entry, Party, hint};
use super::sdk_result::KEY_ERROR;
use crate::device::Class;

pub(super) const ENTRIES: &[Entry] = &[
    Entry {
        meaning: "The device does not have its key itself; the program asks what keeps it for a signature, and got none. Nothing was sent.",
        causes: &[
            hint(About::Any, "the module is not there, is locked, or is in use by somebody else"),
            hint(About::Any, "it has no key under that name, or one that may not sign"),
        ],
        remedies: &[hint(About::Any, "ask the module for an HMAC-SHA256 by its own tools first")],
        rules: &["J-400"],
        aliases: &["hardware security module"],
        ..hardware("signer", "what keeps the device's key does not sign")
    },
    Entry {
        meaning: "The device's TPM tells its public keys, takes keys that were encrypted for it, and signs with them. It did not do so.",
        causes: &[
            hint(About::Any, "nothing answers there, or something that is no TPM"),
            hint(About::Any, "its hierarchies want passwords, or it is in lockout"),
            hint(
                About::Any,
                "it has no room: another program has loaded keys and not flushed them",
            ),
        ],
        remedies: &[
            hint(About::Any, "`provision-sim tpm show` asks for its public keys alone"),
            hint(About::Any, "end the other programs that use it, or restart the simulator"),
        ],
        rules: &["B.5", "J-400"],
        aliases: &["tpm_rc"],
        ..hardware("tpm-unusable", "the TPM cannot be used")
    },
    Entry {
        meaning: "What the service sends a device with a TPM is a key that this TPM alone can open: by its endorsement key and its storage root key, which the device has shown. The TPM checked it, and refused it.",
        causes: &[
            hint(
                About::Enrollment,
                "the enrollment has the endorsement key of another TPM, whose keys the device shows",
            ),
            hint(
                About::Any,
                "the TPM was cleared, or its state replaced, since it told its keys: its storage root key is another one now",
            ),
            hint(About::Any, "something between here and there changes the answers"),
        ],
        remedies: &[
            hint(About::Any, "register again: the device shows the keys that the TPM has now"),
            hint(
                About::Enrollment,
                "compare `provision-sim tpm show` with the enrollment's endorsement key",
            ),
        ],
        rules: &["B.5", "B.6", "J-377"],
        aliases: &["tpm_rc_integrity", "activate credential failed"],
        ..hardware("tpm-key", "the TPM does not take the key that the service sent")
    },
    Entry {
        meaning: "A TPM proves itself by answering a challenge. MQTT has no place for one: the service takes a token at CONNECT, or a certificate. Nothing was sent.",
        causes: &[hint(About::Any, "the transport is MQTT, which is the default")],
        remedies: &[hint(About::Any, "choose --transport https, amqp or amqp-ws")],
        at_fault: Party::Device,
        c_sdk_result: Some("PROV_DEVICE_RESULT_INVALID_ARG"),
        rules: &["B.5", "J-403"],
        aliases: &["tpm attestation is not supported over mqtt"],
        ..hardware("tpm-transport", "a TPM cannot prove itself over MQTT")
    },
];

const fn hardware(key: &'static str, title: &'static str) -> Entry {
    Entry {
        key,
        name: None,
        title,
        meaning: "",
        causes: &[],
        remedies: &[],
        at_fault: Party::Identity,
        class: Class::Identity,
        c_sdk_result: KEY_ERROR,
        rules: &[],
        aliases: &[],
        is_ours: false,
    }
}
