//! No text makes the reader of fault rules panic, and a rule that is read can be written and read again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use provision_sim::service::FaultRule;

fuzz_target!(|text: &str| {
    if let Ok(rule) = text.parse::<FaultRule>() {
        assert_eq!(rule.to_string().parse(), Ok(rule));
    }
});
