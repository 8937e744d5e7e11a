//! Who the device is, and the way to the service.

use super::text::{Paragraph, paragraph, printable};
use crate::attestation::{DeviceCertificate, DeviceKey, GroupKey};
use crate::device::{Settings, Transport};
use crate::explain::{GivenKey, Proof};
use crate::text::{moment, spoken};
use crate::wire::RegistrationId;

/// Names and credential.
pub(super) fn device(settings: &Settings, proof: &Proof) -> Paragraph {
    let Settings { id_scope, registration_id, .. } = settings;
    let told = paragraph("Who the device is")
        .line(format!("ID scope         {id_scope}: which DPS instance is meant; no secret"))
        .line(format!(
            "registration ID  {registration_id}: which device of that instance; no secret"
        ));
    match proof {
        Proof::Key(GivenKey::Group(key)) => group_key(told, key, registration_id),
        Proof::Key(GivenKey::Device(key)) => device_key(told, key),
        Proof::Certificate(certificate) => chain(told, certificate),
        Proof::Tpm(_) => tpm(told),
    }
}

fn tpm(told: Paragraph) -> Paragraph {
    told.line("credential       a TPM; its private keys never leave it")
        .line("Its endorsement key tells it from all other TPMs, and is in the enrollment. The device")
        .line("shows the public half, and that of the storage root key. Since anybody may know these,")
        .line("the service then sends a key that this TPM alone can open, and wants a token signed")
        .line("by it. Two requests, where other devices need one.")
}

/// The TPM has opened what the service sent.
pub(super) fn key_taken(for_hub: bool) -> Paragraph {
    let told = paragraph("The TPM takes the key").why(
        "The key is encrypted twice: by the storage root key, and by a secret that comes with a second \
         encryption, by the endorsement key. So only a TPM that has both can open it; then it keeps it.",
    );
    match for_hub {
        false => {
            told.line("It signs a token for DPS, and so the device proves that it has the TPM.")
        }
        true => told
            .line("This one is for the hub, and is another one at each registration.")
            .line("The device signs in at its hub with it; the key from before is good no more."),
    }
}

fn group_key(told: Paragraph, key: &GroupKey, registration_id: &RegistrationId) -> Paragraph {
    told.line(format!(
        "credential       the enrollment group's key ({} bytes, not shown)",
        key.length()
    ))
    .line("The group's key is not the device's: from it each device's own is derived,")
    .line(format!("  device key = Base64(HMAC-SHA256(group key, \"{registration_id}\"))"))
    .line("and the service, which has the group's key, derives the same. A real device is given")
    .line("its own key only, so that one that is stolen gives away no other.")
}

fn device_key(told: Paragraph, key: &DeviceKey) -> Paragraph {
    told.line(format!("credential       the device's own key ({} bytes, not shown)", key.length()))
        .line("It is that of its individual enrollment, or was derived from an enrollment group's.")
        .line("It is never sent; it signs a token that is.")
}

fn chain(told: Paragraph, certificate: &DeviceCertificate) -> Paragraph {
    let told =
        told.line("credential       an X.509 certificate; its private key never leaves the device");
    let told = certificate.chain().iter().enumerate().fold(told, |told, (index, certificate)| {
        let info = certificate.info();
        let role = if index == 0 { "the device's" } else { "an issuer's" };
        told.line(format!("  {}. {role}: {}", index + 1, printable(&info.subject_name)))
            .line(format!("     issued by {}", printable(&info.issuer_name)))
            .line(format!("     valid {} to {}", moment(info.not_before), moment(info.not_after)))
            .line(format!("     SHA-256 thumbprint {}", info.sha256_thumbprint))
    });
    told.line(
        "They are shown in the TLS handshake, where the device also signs with the private key.",
    )
    .line("The common name of the first must be the registration ID. No token is needed.")
}

/// Transport, host, proxy.
pub(super) fn way(settings: &Settings) -> Paragraph {
    let ports = settings.transport.ports(settings.ports);
    let targets: Vec<_> =
        ports.into_iter().map(|port| settings.endpoint.or_port(port).to_string()).collect();
    let how = match settings.transport {
        Transport::Mqtt => "MQTT 3.1.1 over TLS: messages published on topics",
        Transport::MqttWs => {
            "MQTT 3.1.1 over a WebSocket over TLS: for networks that allow port 443 only"
        }
        Transport::Https => "HTTPS: one request for each question",
        Transport::Amqp => "AMQP 1.0 over TLS: messages on a pair of links",
        Transport::AmqpWs => {
            "AMQP 1.0 over a WebSocket over TLS: for networks that allow port 443 only"
        }
        Transport::Auto => "the first that gets through of mqtt, mqtt-ws, https, amqp and amqp-ws",
    };
    let told = paragraph("Where it goes")
        .line(format!("service    {}", targets.join(" or ")))
        .line(format!("transport  {how}"));
    let told = match &settings.route.proxy {
        Some(proxy) => told.line(format!("proxy      {proxy}")),
        None => told,
    };
    let timeout = spoken(settings.timeout);
    told.line(format!("deadline   {timeout} for everything, waits included"))
}
