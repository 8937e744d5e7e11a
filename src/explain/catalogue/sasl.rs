//! The refusals of SASL, in front of AMQP (AMQP 1.0 part 5, section 5.3.3.6).

use super::super::entry::{About, Entry, Party, hint};
use super::sdk_result::AUTH_ERROR;
use crate::device::Class;

pub(super) const ENTRIES: &[Entry] = &[
    Entry {
        key: "sasl-1",
        name: None,
        title: "SASL outcome 1: the credentials are not accepted",
        meaning: "The server did not let the device past the sign-in by SASL. Over AMQP a token is judged when the device asks for its links or to be registered, and that error has a text; here not even the user name was understood. A device with a TPM is judged in SASL itself, which has no words for why: over HTTPS the answer is mostly 404201.",
        causes: &[
            hint(
                About::Id,
                "the user name is not `{idScope}/registrations/{registrationId}`: over AMQP nothing follows the registration ID",
            ),
            hint(
                About::Enrollment,
                "with a TPM: no enrollment has this registration ID with this endorsement key",
            ),
            hint(About::Key, "the password is no SAS token"),
            hint(About::Host, "it is an AMQP broker, but not DPS"),
        ],
        remedies: &[
            hint(About::Key, "sign a token for `{idScope}/registrations/{registrationId}`"),
            hint(
                About::Enrollment,
                "with a TPM: compare the enrollment with `provision-sim tpm show`, or register over https, which says what is wrong",
            ),
            hint(About::Host, "check the host"),
            hint(
                About::Local,
                "read the log of `provision-sim serve`: it says what would be right",
            ),
        ],
        at_fault: Party::Identity,
        class: Class::Identity,
        c_sdk_result: AUTH_ERROR,
        rules: &["J-358"],
        aliases: &["sasl outcome 1", "sasl authentication failed"],
        is_ours: false,
    },
    Entry {
        key: "sasl-system",
        name: None,
        title: "SASL outcome 2, 3 or 4: a fault on the server's side",
        meaning: "The server could not judge the sign-in by SASL. Outcome 4 says that it may be tried again, which the device does until its deadline.",
        causes: &[
            hint(About::Any, "the service is in trouble"),
            hint(About::Host, "it is an AMQP broker, but not DPS"),
        ],
        remedies: &[
            hint(About::Any, "try again later"),
            hint(About::Local, "read the log of `provision-sim serve`"),
        ],
        at_fault: Party::Service,
        class: Class::NotAssigned,
        c_sdk_result: AUTH_ERROR,
        rules: &["J-358"],
        aliases: &["sasl outcome 2", "sasl outcome 3", "sasl outcome 4"],
        is_ours: false,
    },
];
