//! No text makes the search for requests panic, and a request that is found is found in itself.
#![no_main]

use libfuzzer_sys::fuzz_target;
use provision_sim::service::requests_in;

fuzz_target!(|data: &[u8]| {
    let text = String::from_utf8_lossy(data);
    for found in requests_in(&text).unwrap_or_default() {
        assert_eq!(requests_in(found.request()), Ok(vec![found]));
    }
});
