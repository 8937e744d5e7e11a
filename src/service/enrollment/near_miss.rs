//! Members that are nearly those of a record. They are kept as they came, as all unknown ones, but
//! were hardly meant so.

use super::read::MEMBERS;
use super::record::Enrollment;
use crate::text::nearest;

/// Longer names are nobody's slip.
const LONGEST: usize = 64;

/// Members of the objects in a record.
const INNER: [&str; 5] =
    ["iotEdge", "updateHubAssignment", "migrateDeviceData", "webhookUrl", "apiVersion"];

/// Each, and which was meant.
pub(in crate::service) fn near_misses(enrollment: &Enrollment) -> Vec<(&str, &'static str)> {
    let names = enrollment.unknown.iter().map(|(name, _)| name);
    // `tags` is near `etag`, which nobody writes.
    let meant = || MEMBERS.into_iter().chain(INNER).filter(|name| *name != "etag");
    let near =
        names.filter(|name| name.len() <= LONGEST).map(|name| (name, nearest(name, meant())));
    near.filter_map(|(name, meant)| Some((name, meant?))).collect()
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::super::{Kind, read};
    use super::*;

    #[test]
    fn members_that_are_nearly_known_are_told_of_and_others_are_not() {
        let json = br#"{"registrationId":"a","attestation":{"type":"symmetricKey"},"deviceID":"x",
            "device_id":"x","iothubs":[],"AllocationPolicy":"static","inital_twin":{},
            "additionalProperties":{},"tags":{}}"#;
        let enrollment = read(Kind::Individual, json, UNIX_EPOCH, 0, None).unwrap();

        let mut found = near_misses(&enrollment);

        found.sort_unstable();
        assert_eq!(
            found,
            [
                ("AllocationPolicy", "allocationPolicy"),
                ("deviceID", "deviceId"),
                ("device_id", "deviceId"),
                ("inital_twin", "initialTwin"),
                ("iothubs", "iotHubs"),
            ]
        );
    }
}
