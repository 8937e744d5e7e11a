//! No token makes the parser panic, and none but the right one passes.
#![no_main]

use std::time::UNIX_EPOCH;

use libfuzzer_sys::fuzz_target;
use provision_sim::attestation::{DeviceKey, SasToken};

fuzz_target!(|text: &str| {
    let token = SasToken::from_text(text);
    let Ok(claims) = token.claims() else { return };
    let key: DeviceKey = "NXZgydIn9ntUpXfBsWFfaxJqAYVfgGQsshvA5GboGJI=".parse().expect("a key");
    let _ = claims.check_names(&"scope".parse().expect("a scope"), &"id".parse().expect("an ID"));
    let _ = claims.expired_since(UNIX_EPOCH);
    assert!(!claims.is_signed_with(&key), "a fuzzer cannot make an HMAC");
});
