//! The names and keys of Microsoft's tutorial "Use custom allocation policies with Device
//! Provisioning Service", as data: what [`contoso`](crate::contoso) serves, and what
//! [`explain`](crate::explain) recognizes in a user's input.
//!
//! All keys in here are printed in public documentation and are no secret. This module holds
//! data only and imports nothing.

/// The ID scope of the local service's default world.
pub const ID_SCOPE: &str = "0ne00002193";

/// The tutorial's linked hub, which its function gives to toasters.
pub const HUB: &str = "contoso-toasters-hub-1098.azure-devices.net";

/// The tutorial's enrollment group, with custom allocation.
pub const GROUP: &str = "contoso-custom-allocated-devices";

/// The primary key of [`GROUP`].
pub const GROUP_KEY: &str =
    "oiK77Oy7rBw8YB6IS6ukRChAw+Yq6GC61RMrPLSTiOOtdI+XDu0LmLuNm11p+qv2I+adqGUdZHm46zXAQdZoOA==";

/// The enrollment group beside the tutorial's, which takes every registration ID.
pub const SIMULATED_GROUP: &str = "simulated-devices";

/// The primary key of [`SIMULATED_GROUP`].
pub const SIMULATED_KEY: &str =
    "8isrFI1sGsIlvvFSSFRiMfCNzv21fjbE/+ah/lSh3lF8e2YG1Te7w1KpZhJFFXJrqYKi9yegxkqIChbqOS9Egw==";

/// What the tutorial's function looks for in a registration ID.
pub const TOASTER: &str = "contoso-toaster";

/// The other kind of device that the tutorial registers, and that its function refuses.
pub const HEAT_PUMP: &str = "contoso-heatpump";

/// The group that a device of the default world belongs to, and its primary key: the tutorial's for
/// those that its function takes or that the tutorial names, else the one that takes all.
pub fn group_of(registration_id: &str) -> (&'static str, &'static str) {
    let of_older_text = |misprint: &Misprint| misprint.belongs_to == registration_id;
    let is_the_tutorials = [TOASTER, HEAT_PUMP].iter().any(|kind| registration_id.contains(kind))
        || MISPRINTS.iter().any(of_older_text);
    match is_the_tutorials {
        true => (GROUP, GROUP_KEY),
        false => (SIMULATED_GROUP, SIMULATED_KEY),
    }
}

/// A key that the tutorial prints beside the wrong device (D.3): its code was given other
/// registration IDs in a later revision, its keys were not computed anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Misprint {
    /// The key as printed.
    pub key: &'static str,
    /// The device beside which it is printed.
    pub printed_for: &'static str,
    /// The device whose key it is.
    pub belongs_to: &'static str,
    /// The key that should have been printed.
    pub right_key: &'static str,
}

/// Both misprints of the tutorial.
pub const MISPRINTS: [Misprint; 2] = [
    Misprint {
        key: "JC8F96eayuQwwz+PkE7IzjH2lIAjCUnAa61tDigBnSs=",
        printed_for: "contoso-toaster-007",
        belongs_to: "breakroom499-contoso-tstrsd-007",
        right_key: "NXZgydIn9ntUpXfBsWFfaxJqAYVfgGQsshvA5GboGJI=",
    },
    Misprint {
        key: "6uejA9PfkQgmYylj8Zerp3kcbeVrGZ172YLa7VSnJzg=",
        printed_for: "contoso-heatpump-088",
        belongs_to: "mainbuilding167-contoso-hpsd-088",
        right_key: "NI9dUEI2tga168Qi1U/HKuMmFHewrvaqI1MPTEU1A5w=",
    },
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::attestation::GroupKey;

    #[test]
    fn devices_of_the_tutorial_are_in_its_group_and_all_others_in_the_open_one() {
        for (id, group) in [
            ("contoso-toaster-007", GROUP),
            ("my-contoso-toaster", GROUP),
            ("contoso-heatpump-088", GROUP),
            ("mainbuilding167-contoso-hpsd-088", GROUP),
            ("my-device", SIMULATED_GROUP),
            ("toaster", SIMULATED_GROUP),
        ] {
            assert_eq!(group_of(id).0, group, "{id}");
        }
    }

    #[test]
    fn d_3_the_misprinted_keys_belong_to_the_devices_of_an_older_text() {
        let group_key: GroupKey = GROUP_KEY.parse().unwrap();
        let derived = |id: &str| group_key.derive(&id.parse().unwrap()).to_base64();

        for misprint in MISPRINTS {
            assert_eq!(*derived(misprint.belongs_to), misprint.key);
            assert_eq!(*derived(misprint.printed_for), misprint.right_key);
        }
    }
}
