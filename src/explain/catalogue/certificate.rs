//! The three texts of a refused certificate, each of which says how far the service came.

use super::super::entry::{About, Entry, Party, hint};
use super::sdk_result::AUTH_ERROR;
use crate::device::Class;

pub(super) const ENTRIES: &[Entry] = &[
    Entry {
        key: "ca-not-found",
        name: None,
        title: "the certificates lead to no CA certificate of the instance",
        meaning: "401002 with the text `CA certificate not found.`: the device has no individual enrollment, and what it sent reaches no CA certificate that is uploaded to the instance and verified.",
        causes: &[
            hint(
                About::Certificate,
                "the CA certificate is not uploaded to the instance; to be in an enrollment group is not enough",
            ),
            hint(About::Certificate, "it is uploaded, but possession of its key is not proved"),
            hint(
                About::Certificate,
                "the device sends its own certificate alone, and not the intermediates up to the CA",
            ),
            hint(
                About::Enrollment,
                "the device was to have an individual enrollment, and has none under this ID scope",
            ),
        ],
        remedies: &[
            hint(
                About::Certificate,
                "send leaf and intermediates in one file, leaf first, each signed by the next",
            ),
            hint(
                About::Azure,
                "upload the CA certificate and verify it: `az iot dps certificate create`, `generate-verification-code`, `verify`",
            ),
            hint(
                About::Local,
                "start the service with `--verified-ca PEM`, add `[[certificates]]` to its configuration, or let it take what Azure refuses: `--allow-unverified-ca`",
            ),
        ],
        at_fault: Party::Identity,
        class: Class::Identity,
        c_sdk_result: AUTH_ERROR,
        rules: &["A-11", "D.5", "J-71"],
        aliases: &["ca certificate not found"],
        is_ours: false,
    },
    Entry {
        key: "signing-certificate",
        name: None,
        title: "no enrollment group has any certificate of the chain",
        meaning: "401002 with the text `Signing certificate info did not match chain elements.`: the chain reaches a verified CA certificate of the instance, but no certificate of it is that of an enrollment group.",
        causes: &[
            hint(About::Enrollment, "there is no enrollment group for this CA, or it was deleted"),
            hint(
                About::Enrollment,
                "the group has another certificate: of a sibling CA, or of an older one with the same name",
            ),
            hint(
                About::Enrollment,
                "the device was to have an individual enrollment, and has none under this ID scope",
            ),
        ],
        remedies: &[
            hint(
                About::Enrollment,
                "make an enrollment group with the CA, or with an intermediate that the device sends",
            ),
            hint(
                About::Azure,
                "compare thumbprints with the groups': `az iot dps enrollment-group list`",
            ),
            hint(
                About::Local,
                "read the log of `provision-sim serve`: it names the CA that was reached",
            ),
        ],
        at_fault: Party::Enrollment,
        class: Class::Identity,
        c_sdk_result: AUTH_ERROR,
        rules: &["A-11", "D.5", "J-71"],
        aliases: &["signing certificate info did not match chain elements"],
        is_ours: false,
    },
    Entry {
        key: "invalid-certificate",
        name: None,
        title: "the individual enrollment does not have this certificate, or it is not usable",
        meaning: "401002 with the text `Invalid certificate.`: the device has an individual enrollment, which decides alone, before any group; or its own certificate has another name, or is out of date.",
        causes: &[
            hint(
                About::Enrollment,
                "the individual enrollment has another certificate, such as one before the last renewal",
            ),
            hint(
                About::Enrollment,
                "the individual enrollment wants a symmetric key or a TPM; it goes before a group even if it is disabled",
            ),
            hint(About::Certificate, "the certificate's common name is not the registration ID"),
            hint(About::Certificate, "the certificate has expired, or is not valid yet"),
        ],
        remedies: &[
            hint(
                About::Certificate,
                "look at what is sent: `openssl x509 -noout -subject -dates -fingerprint`",
            ),
            hint(
                About::Enrollment,
                "put the certificate into the individual enrollment, or delete that if a group is to have the device",
            ),
            hint(
                About::Local,
                "read the log of `provision-sim serve`: it names the enrollment that decided",
            ),
        ],
        at_fault: Party::Identity,
        class: Class::Identity,
        c_sdk_result: AUTH_ERROR,
        rules: &["A-11", "D.5", "J-71", "J-74"],
        aliases: &["invalid certificate"],
        is_ours: false,
    },
];

/// The entry for the text of a 401, whatever stands around it.
pub fn certificate_text(text: &str) -> Option<&'static Entry> {
    let text = text.to_lowercase();
    ENTRIES.iter().find(|entry| entry.aliases.iter().any(|alias| text.contains(alias)))
}
