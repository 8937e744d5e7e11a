//! What in a record is taken as it is, because DPS takes it too, but is hardly meant. Devices would
//! show it one by one, each as a fault of its own; so it is told when the record comes.

use super::enrollment::{AllocationPolicy, Attestation, Enrollment, near_misses};
use super::instance::{Instance, LinkedHub};
use crate::wire::ConnectionProfile;

/// Most records of which a service that starts tells its doubts, one by one.
const MOST_TOLD: usize = 20;

/// Tells of hubs that are said to be spoken to as none here is.
pub(super) fn warn_of_hubs(instance: &Instance) {
    for hub in &instance.linked_hubs {
        if let Some(profile @ ConnectionProfile::MqttV5) = &hub.connection_profile {
            tracing::warn!(
                "the hub {} is said to be spoken to by {profile}, which is not served here: devices are told so, and whoever signs in all the same is served as ever (J-446)",
                hub.host_name
            );
        }
    }
}

/// Tells the doubts about a record.
pub(super) fn warn(instance: &Instance, enrollment: &Enrollment) {
    for doubt in doubts(instance, enrollment) {
        tracing::warn!("enrollment {}: {doubt}", enrollment.name());
    }
}

/// The same for all with which a service starts, those of the first twenty in words.
pub(super) fn warn_of_all<'a>(
    instance: &Instance,
    enrollments: impl Iterator<Item = &'a Enrollment>,
) {
    let doubtful = enrollments.filter(|enrollment| !doubts(instance, enrollment).is_empty());
    let mut untold = 0_usize;
    for (index, enrollment) in doubtful.enumerate() {
        if index < MOST_TOLD {
            warn(instance, enrollment);
        } else {
            untold += 1;
        }
    }
    if untold > 0 {
        tracing::warn!("{untold} more enrollments have something of the kind");
    }
}

/// The doubts about a record, in words (J-192).
fn doubts(instance: &Instance, enrollment: &Enrollment) -> Vec<String> {
    let mut doubts = Vec::new();
    let named = enrollment.named_hubs();
    // Kept as it is, but its devices never get it (J-31).
    for name in named.iter().flatten().filter(|name| instance.linked_hub(name).is_none()) {
        doubts.push(format!(
            "names the hub {name:?}, which is not linked; it is never chosen (J-31)"
        ));
    }
    let hubs = instance.hubs_of(enrollment);
    match enrollment.allocation_policy {
        Some(AllocationPolicy::Static) if named.is_none_or(|names| names.is_empty()) => {
            let gets = hubs.first().map_or("none", |hub| hub.host_name.as_str());
            doubts.push(format!(
                "its allocationPolicy is static, but it has no iotHubs: its devices get the first linked hub ({gets}); name the one that is meant"
            ));
        }
        Some(AllocationPolicy::GeoLatency) => doubts.extend(unknown_latency(&hubs)),
        Some(AllocationPolicy::Custom) => {}
        _ if enrollment.custom_allocation.is_some() => doubts.push(
            "it has a customAllocationDefinition, but its allocationPolicy is not custom: the webhook is never asked"
                .to_owned(),
        ),
        _ => {}
    }
    if enrollment.issuer.ask_for_certificates()
        && let Err(none) = instance.issuer(&enrollment.issuer)
    {
        doubts.push(format!("{none}; its devices get no certificate (J-437)"));
    }
    let webhook = enrollment.custom_allocation.as_ref().map(|it| &it.webhook_url);
    if webhook.is_some_and(super::enrollment::WebhookUrl::is_masked) {
        doubts.push(
            "the query of its webhookUrl is masked (?****), as in what a service or a log shows: the webhook gets no function key; write the key in"
                .to_owned(),
        );
    }
    for (given, meant) in near_misses(enrollment) {
        doubts.push(format!(
            "the member {given:?} is not known and has no effect; did you mean `{meant}`?"
        ));
    }
    let vouches = matches!(
        enrollment.attestation,
        Attestation::SigningCertificates(_) | Attestation::CaReferences(_)
    );
    if vouches
        && instance.requires_verified_ca
        && !instance.certificates.iter().any(|it| it.is_verified)
    {
        doubts.push(
            "it takes no device, for no verified CA certificate is uploaded (D.5): add it as [[certificates]] or with --verified-ca, or start with --allow-unverified-ca"
                .to_owned(),
        );
    }
    if let Attestation::ClientCertificates(slots) | Attestation::SigningCertificates(slots) =
        &enrollment.attestation
    {
        let expired =
            |it: &&crate::attestation::Certificate| it.info().not_after < enrollment.updated;
        if slots.iter().all(|it| expired(&it)) {
            doubts.push("all its certificates have expired".to_owned());
        }
    }
    doubts
}

/// geoLatency where it is not known how far hubs are (J-17).
fn unknown_latency(hubs: &[&LinkedHub]) -> Option<String> {
    let unknown: Vec<_> = hubs.iter().filter(|hub| hub.latency.is_none()).collect();
    if unknown.is_empty() || hubs.len() == 1 {
        return None;
    }
    if unknown.len() == hubs.len() {
        return Some(
            "its allocationPolicy is geoLatency, but no hub has a latency: its devices are spread over all (J-17); give linkedHubs a latency"
                .to_owned(),
        );
    }
    let names: Vec<_> = unknown.iter().map(|hub| hub.host_name.as_str()).collect();
    Some(format!(
        "its allocationPolicy is geoLatency, and {} without a latency: farther than any other, never chosen (J-17)",
        match names.as_slice() {
            [name] => format!("the hub {name} is"),
            names => format!("the hubs {} are", names.join(", ")),
        }
    ))
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;
    use crate::service::config::Config;
    use crate::service::enrollment::{Kind, read};

    fn told(hubs: &str, members: &str) -> String {
        let config = format!("idScope = \"0ne00002193\"\nlinkedHubs = [{hubs}]");
        let instance = Config::from_toml(&config, &[]).unwrap().instance().unwrap();
        let json = format!(
            r#"{{"enrollmentGroupId":"pumps","attestation":{{"type":"symmetricKey"}}{members}}}"#
        );
        let group = read(Kind::Group, json.as_bytes(), UNIX_EPOCH, 7, None).unwrap();
        doubts(&instance, &group).join("\n")
    }

    #[test]
    fn j_192_what_is_hardly_meant_is_told_and_nothing_else_is() {
        let two = r#""west.net", "east.net""#;
        let near = r#"{ name = "west.net", latency = "5ms" }, "east.net", "north.net""#;
        let custom = r#","customAllocationDefinition":{"webhookUrl":"https://f/?code=abc","apiVersion":"2019-03-31"}"#;
        let masked = custom.replace("code=abc", "****");
        let policy = |policy: &str, more: &str| format!(r#","allocationPolicy":"{policy}"{more}"#);
        let named = |hubs: &str| policy("static", &format!(r#","iotHubs":[{hubs}]"#));
        for (hubs, members, expected) in [
            (two, String::new(), ""),
            (two, policy("hashed", ""), ""),
            (two, named(r#""WEST.net""#), ""),
            (two, policy("custom", custom), ""),
            (r#""west.net""#, policy("geoLatency", ""), ""),
            (near, policy("geoLatency", r#","iotHubs":["west.net"]"#), ""),
            (two, named(r#""other.net""#), "names the hub \"other.net\", which is not linked"),
            (two, policy("static", ""), "the first linked hub (west.net)"),
            (two, named(""), "it has no iotHubs"),
            (two, policy("geoLatency", ""), "no hub has a latency"),
            (near, policy("geoLatency", ""), "the hubs east.net, north.net are without a latency"),
            (two, policy("hashed", custom), "its allocationPolicy is not custom"),
            (two, custom.to_owned(), "its allocationPolicy is not custom"),
            (two, policy("custom", &masked), "webhookUrl is masked (?****)"),
            (two, r#","namespaceName":"fleet""#.to_owned(), ""),
            (two, r#","certificatePolicyName":"default""#.to_owned(), ""),
            (
                two,
                r#","credentialPolicyName":"short""#.to_owned(),
                "the certificate policy \"short\"",
            ),
            (
                two,
                r#","certificateAuthorityName":"line-1""#.to_owned(),
                "authority \"line-1\", which",
            ),
        ] {
            let told = told(hubs, &members);
            assert_eq!(told.is_empty(), expected.is_empty(), "{members}: {told}");
            assert!(told.contains(expected), "{members}: {told}");
        }
    }
}
