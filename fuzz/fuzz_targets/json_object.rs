//! No bytes make the reader of bodies panic, whatever is asked of what it has read, and every fault has
//! its words.
#![no_main]

use libfuzzer_sys::fuzz_target;
use provision_sim::wire::Object;

fuzz_target!(|data: &[u8]| match Object::read(data) {
    Ok(object) => {
        for fault in [
            object.text("registrationId").err(),
            object.object("payload").err(),
            object.payload("payload").err(),
        ] {
            assert!(fault.is_none_or(|fault| !fault.to_string().is_empty()));
        }
    }
    Err(fault) => assert!(!fault.to_string().is_empty()),
});
