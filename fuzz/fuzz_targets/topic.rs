//! No topic makes the parsers panic, and what they read they write as it was understood.
#![no_main]

use libfuzzer_sys::fuzz_target;
use provision_sim::wire::{RequestTopic, ResponseTopic};

fuzz_target!(|text: &str| {
    if let Ok(topic) = text.parse::<RequestTopic>() {
        assert_eq!(topic.to_string().parse(), Ok(topic));
    }
    if let Ok(topic) = text.parse::<ResponseTopic>() {
        let again: ResponseTopic = topic.to_string().parse().expect("what is written can be read");
        assert_eq!((topic.status, topic.rid), (again.status, again.rid));
    }
});
