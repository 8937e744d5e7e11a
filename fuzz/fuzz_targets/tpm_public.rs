//! No public area makes the reader panic, nor what is encrypted for the key that it has.
#![no_main]

use libfuzzer_sys::fuzz_target;
use provision_sim::attestation::{DeviceKey, KeyBlob, TpmPublic};

fuzz_target!(|data: &[u8]| {
    if let Ok(public) = TpmPublic::read(data) {
        assert_eq!(TpmPublic::from_base64(&public.to_base64()), Ok(public.clone()));
        let key: DeviceKey = "NXZgydIn9ntUpXfBsWFfaxJqAYVfgGQsshvA5GboGJI=".parse().expect("a key");
        let _ = KeyBlob::wrap(&key, &public, &public);
    }
});
