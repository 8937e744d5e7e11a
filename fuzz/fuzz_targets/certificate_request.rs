//! No request for a certificate makes the reader panic, and none that it takes is without a name.
#![no_main]

use libfuzzer_sys::fuzz_target;
use provision_sim::pki::CertificateRequest;

fuzz_target!(|data: &[u8]| {
    if let Ok(request) = CertificateRequest::from_der(data) {
        assert!(!request.common_name().is_empty());
        let _ = request.check_name(request.common_name());
    }
    if let Ok(text) = std::str::from_utf8(data) {
        let _ = CertificateRequest::read(text);
    }
});
