//! The names under which a service is dialled.

use crate::wire::HubName;

/// Every instance has a name below this (A.1).
const INSTANCES: &str = ".azure-devices-provisioning.net";

/// The names under which a service is dialled.
#[derive(Debug, Clone)]
pub(in crate::service) struct Names {
    /// Those that devices dial afterwards.
    pub(in crate::service) hubs: Vec<HubName>,
    /// Those that this machine has besides `localhost`.
    pub(in crate::service) hosts: Vec<String>,
}

impl Names {
    /// Whether it is a name of Azure's that this service stands for, or one that the machine was
    /// given; case does not matter.
    pub(super) fn have(&self, name: &str) -> bool {
        is_instance(name)
            || self.hubs.iter().any(|hub| hub.is(name))
            || self.hosts.iter().any(|host| host.eq_ignore_ascii_case(name))
    }
}

/// `global.azure-devices-provisioning.net`, or the name of an instance.
fn is_instance(name: &str) -> bool {
    let Some(split) = name.len().checked_sub(INSTANCES.len()) else { return false };
    let (Some(label), Some(rest)) = (name.get(..split), name.get(split..)) else { return false };
    rest.eq_ignore_ascii_case(INSTANCES) && !label.is_empty() && !label.contains('.')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_1_names_of_instances_of_hubs_and_of_the_machine_are_ours() {
        let names = Names {
            hubs: vec!["hub-1.azure-devices.net".parse().unwrap()],
            hosts: vec!["dps.test".to_owned()],
        };
        for ours in [
            "global.azure-devices-provisioning.net",
            "My-DPS.Azure-Devices-Provisioning.NET",
            "HUB-1.azure-devices.net",
            "DPS.test",
        ] {
            assert!(names.have(ours), "{ours}");
        }
        for other in [
            "",
            "azure-devices-provisioning.net",
            ".azure-devices-provisioning.net",
            "a.b.azure-devices-provisioning.net",
            "hub-2.azure-devices.net",
            "é.azure-devices-provisioning.net.example",
        ] {
            assert!(!names.have(other), "{other}");
        }
    }
}
