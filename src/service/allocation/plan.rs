//! Finding a hub without asking anybody.

use std::time::Duration;

use super::decision::Decision;
use super::hashed::hashed;
use crate::service::enrollment::{AllocationPolicy, Enrollment, WebhookUrl};
use crate::service::instance::{Instance, LinkedHub};
use crate::wire::{ErrorCode, HubName};

/// The failure of an enrollment without hubs (J-9).
fn no_hub() -> Decision {
    Decision::Failed {
        code: ErrorCode::NO_LINKED_HUB,
        message: "No IoT hub is linked to this enrollment.".to_owned(),
        hint: "link a hub to the instance (linkedHubs), and name only linked ones in iotHubs"
            .to_owned(),
    }
}

/// How the hub of a device is found.
#[derive(Debug, Clone, PartialEq)]
pub enum Plan {
    /// It is found.
    Decided(Decision),
    /// By asking the enrollment's webhook.
    Ask(Question),
}

/// What a webhook is asked.
#[derive(Debug, Clone, PartialEq)]
pub struct Question {
    /// Where it is.
    pub webhook_url: WebhookUrl,
    /// What it may choose from.
    pub linked_hubs: Vec<HubName>,
}

/// Finds the hub, as far as that can be done without asking anybody. A device that never moves
/// keeps its hub, whatever has become of the enrollment (F.6), and its webhook is offered that one
/// only (G.3).
pub fn plan(
    instance: &Instance,
    enrollment: &Enrollment,
    folded_registration_id: &str,
    kept: Option<&HubName>,
) -> Plan {
    let candidates = instance.hubs_of(enrollment);
    let webhook = enrollment.custom_allocation.as_ref().map(|it| &it.webhook_url);
    match (enrollment.allocation_policy.or(instance.allocation_policy), kept) {
        (Some(AllocationPolicy::Custom), kept) => {
            let all = || candidates.iter().map(|hub| hub.host_name.clone()).collect();
            let linked_hubs: Vec<_> = kept.map_or_else(all, |hub| vec![hub.clone()]);
            match webhook.cloned() {
                Some(webhook_url) if !linked_hubs.is_empty() => {
                    Plan::Ask(Question { webhook_url, linked_hubs })
                }
                _ => Plan::Decided(no_hub()),
            }
        }
        (_, Some(hub)) => Plan::Decided(Decision::hub(hub)),
        (policy, None) => Plan::Decided(choose(policy, folded_registration_id, &candidates)),
    }
}

fn choose(
    policy: Option<AllocationPolicy>,
    folded_registration_id: &str,
    candidates: &[&LinkedHub],
) -> Decision {
    let chosen = match policy {
        Some(AllocationPolicy::Static) => candidates.first().copied(),
        Some(AllocationPolicy::GeoLatency) => hashed(folded_registration_id, &nearest(candidates)),
        _ => hashed(folded_registration_id, candidates),
    };
    match chosen {
        Some(hub) => Decision::hub(&hub.host_name),
        None => no_hub(),
    }
}

/// The hubs with the lowest latency; ties are hashed (J-17). A hub of unknown latency is farther than
/// any other.
fn nearest<'a>(candidates: &[&'a LinkedHub]) -> Vec<&'a LinkedHub> {
    let latency = |hub: &LinkedHub| hub.latency.unwrap_or(Duration::MAX);
    let lowest = candidates.iter().map(|hub| latency(hub)).min();
    candidates.iter().copied().filter(|hub| Some(latency(hub)) == lowest).collect()
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;
    use crate::service::enrollment::{Kind, read};

    fn hub(host_name: &str, apply_allocation_policy: bool) -> LinkedHub {
        LinkedHub {
            host_name: host_name.parse().unwrap(),
            allocation_weight: 1,
            apply_allocation_policy,
            latency: None,
            connection_profile: None,
        }
    }

    fn instance() -> Instance {
        let linked_hubs = vec![hub("west", true), hub("east", true), hub("reserved", false)];
        Instance {
            id_scope: "scope".parse().unwrap(),
            linked_hubs,
            allocation_policy: None,
            certificates: Vec::new(),
            requires_verified_ca: true,
            issuers: Vec::new(),
        }
    }

    fn planned(members: &str, kept: Option<&str>) -> Plan {
        let json = format!(
            r#"{{"enrollmentGroupId":"g","attestation":{{"type":"symmetricKey"}}{members}}}"#
        );
        let enrollment = read(Kind::Group, json.as_bytes(), UNIX_EPOCH, 0, None).unwrap();
        plan(&instance(), &enrollment, "pump-0042", kept.map(|hub| hub.parse().unwrap()).as_ref())
    }

    fn decided(host_name: &str) -> Plan {
        Plan::Decided(Decision::hub(&host_name.parse().unwrap()))
    }

    fn asked(linked_hubs: &[&str]) -> Plan {
        let linked_hubs = linked_hubs.iter().map(|hub| hub.parse().unwrap()).collect();
        Plan::Ask(Question { webhook_url: "http://x/".parse().unwrap(), linked_hubs })
    }

    const CUSTOM: &str = r#","allocationPolicy":"custom","customAllocationDefinition":{"webhookUrl":"http://x/","apiVersion":"2021-10-01"}"#;

    #[test]
    fn f_5_an_enrollment_without_hubs_may_use_every_one_that_is_open_to_all() {
        assert_eq!(planned(CUSTOM, None), asked(&["west", "east"]));
    }

    #[test]
    fn j_31_hubs_that_are_not_linked_are_no_candidates() {
        let named = format!(r#"{CUSTOM},"iotHubs":["elsewhere","RESERVED"]"#);
        assert_eq!(planned(&named, None), asked(&["reserved"]));
        let only_elsewhere = r#","allocationPolicy":"static","iotHubs":["elsewhere"]"#;
        assert_eq!(planned(only_elsewhere, None), Plan::Decided(no_hub()), "J-9");
    }

    /// J-39.
    #[test]
    fn f_5_static_takes_the_hub_that_the_enrollment_names() {
        assert_eq!(
            planned(r#","allocationPolicy":"static","iotHubs":["east"]"#, None),
            decided("east")
        );
        assert_eq!(planned(r#","iotHubHostName":"east""#, None), decided("east"));
    }

    #[test]
    fn j_17_the_nearest_hub_is_chosen_and_ties_are_hashed() {
        let at = |name: &str, millis: Option<u64>| LinkedHub {
            latency: millis.map(Duration::from_millis),
            ..hub(name, true)
        };
        let (far, near, near_too, unknown) = (
            at("far", Some(90)),
            at("near", Some(20)),
            at("near-too", Some(20)),
            at("unknown", None),
        );
        let chosen = |id: &str| match choose(
            Some(AllocationPolicy::GeoLatency),
            id,
            &[&far, &near, &near_too, &unknown],
        ) {
            Decision::Hub { host_name, .. } => host_name,
            other => panic!("{other:?}"),
        };

        let hubs: std::collections::BTreeSet<_> =
            (0..50).map(|n| chosen(&format!("sim-{n}"))).collect();

        assert_eq!(hubs.into_iter().collect::<Vec<_>>(), ["near", "near-too"]);
    }

    #[test]
    fn f_6_a_device_that_never_moves_keeps_its_hub_and_its_webhook_is_offered_no_other() {
        assert_eq!(planned("", Some("gone")), decided("gone"));
        assert_eq!(planned(CUSTOM, Some("gone")), asked(&["gone"]));
    }
}
