//! No blob makes the reader or the TPM panic, and none gives a key.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use provision_sim::attestation::{BlobParts, SoftwareTpm};

static TPM: LazyLock<SoftwareTpm> = LazyLock::new(SoftwareTpm::with_one_pair);

fuzz_target!(|data: &[u8]| {
    let _ = BlobParts::read(data);
    assert!(TPM.open(data).is_err(), "a fuzzer cannot encrypt for a TPM that it does not know");
});
