//! No certificate makes the reader panic, and one that is read can be written and read again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use provision_sim::attestation::Certificate;

fuzz_target!(|data: &[u8]| {
    if let Ok(certificate) = Certificate::from_der(data.to_vec().into()) {
        assert_eq!(Certificate::from_text(&certificate.to_pem()), Ok(certificate));
    }
    if let Ok(text) = std::str::from_utf8(data) {
        let _ = Certificate::from_text(text);
    }
});
