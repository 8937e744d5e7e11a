//! No JSON makes the reader of enrollments panic, and an enrollment that is shown with its keys can
//! be read again.
#![no_main]

use std::time::UNIX_EPOCH;

use libfuzzer_sys::fuzz_target;
use provision_sim::service::{Attestation, Kind, Secrets, read_enrollment, show_enrollment};
use provision_sim::wire::Payload;

fuzz_target!(|data: &[u8]| {
    for kind in [Kind::Individual, Kind::Group] {
        let Ok(enrollment) = read_enrollment(kind, data, UNIX_EPOCH, 0, None) else { continue };
        let shown = Payload::of(&show_enrollment(&enrollment, Secrets::Shown, None));
        let is_x509 = matches!(
            enrollment.attestation,
            Attestation::ClientCertificates(_) | Attestation::SigningCertificates(_)
        );
        // Certificates are shown by what is known of them, not as themselves (E.3).
        let previous = is_x509.then_some(&enrollment);
        read_enrollment(kind, shown.as_json().as_bytes(), UNIX_EPOCH, 0, previous)
            .expect("it was read before");
    }
});
