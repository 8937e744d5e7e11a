//! No user name makes the parser panic, and what it reads it writes as it was understood.
#![no_main]

use libfuzzer_sys::fuzz_target;
use provision_sim::wire::UserName;

fuzz_target!(|text: &str| {
    let Ok(name) = text.parse::<UserName>() else { return };
    let again: UserName = name.to_string().parse().expect("what is written can be read");
    assert_eq!(name.registration_id, again.registration_id);
    assert_eq!(name.api_version, again.api_version);
});
