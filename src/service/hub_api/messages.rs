//! Messages over HTTPS: those of devices, which are counted, and those to devices (I).

use percent_encoding::utf8_percent_encode;
use rustls::pki_types::CertificateDer;
use serde_json::json;

use super::error::HubApiError;
use super::site::Site;
use crate::attestation::{Certificate, SasToken};
use crate::service::access::ServiceAccess;
use crate::service::api::{Request, Response};
use crate::service::hub::{DeviceMessage, Hubs};
use crate::service::record::{HubDevice, HubProof};
use crate::wire::RESERVED;

/// Largest message of a device.
const MAX_EVENT: usize = 256 * 1024;
/// Largest message to a device.
const MAX_DEVICEBOUND: usize = 64 * 1024;
/// What a header of this kind means in a topic.
const SYSTEM_PROPERTIES: [(&str, &str); 7] = [
    ("iothub-messageid", "$.mid"),
    ("iothub-correlationid", "$.cid"),
    ("iothub-userid", "$.uid"),
    ("iothub-expiry", "$.exp"),
    ("iothub-contenttype", "$.ct"),
    ("iothub-contentencoding", "$.ce"),
    ("iothub-ack", "iothub-ack"),
];
/// Headers with properties of the sender's own.
const OWN_PROPERTIES: &str = "iothub-app-";

/// Takes a message of a device, if it is the device, or whoever may use the service API.
pub(super) fn event(
    site: &Site<'_>,
    access: &ServiceAccess,
    request: &Request,
    certificate: Option<CertificateDer<'static>>,
    id: &str,
) -> Result<Response, HubApiError> {
    let now = site.hubs().sources.now();
    let authorization = request.header("authorization");
    let device = site.device(id);
    if access.check_hub(&site.hosts(), &request.path, authorization, now).is_err() {
        // Whether there is such a device is nothing to tell a stranger.
        let device = device.as_deref().map_err(|_| HubApiError::unauthorized())?;
        check_device(site.hubs(), device, authorization, certificate)?;
    }
    let device = device?;
    if request.body.len() > MAX_EVENT {
        return Err(HubApiError::message_too_large(MAX_EVENT));
    }
    site.hubs().count_message(&device.key());
    Ok(Response::no_content())
}

fn check_device(
    hubs: &Hubs,
    device: &HubDevice,
    authorization: Option<&str>,
    certificate: Option<CertificateDer<'static>>,
) -> Result<(), HubApiError> {
    let proof = match (authorization.filter(|it| !it.is_empty()), certificate) {
        (Some(token), _) => HubProof::Sas(SasToken::from_text(token)),
        (None, Some(leaf)) => Certificate::from_der(leaf)
            .map_or(HubProof::Absent, |leaf| HubProof::Certificate(Box::new(leaf))),
        (None, None) => HubProof::Absent,
    };
    hubs.check(&device.hub, &device.device_id, &proof).map(|_| ()).map_err(|fault| {
        tracing::warn!("{}: its message is refused: {fault}", device.device_id);
        HubApiError::unauthorized()
    })
}

/// Keeps a message for a device, which takes it over MQTT.
pub(super) fn to_device(
    site: &Site<'_>,
    request: &Request,
    id: &str,
) -> Result<Response, HubApiError> {
    let device = site.device(id)?;
    if request.body.len() > MAX_DEVICEBOUND {
        return Err(HubApiError::message_too_large(MAX_DEVICEBOUND));
    }
    let properties = properties(request, id);
    let message = DeviceMessage { properties, body: request.body.clone() };
    let sent = site.hubs().send_message(&device.key(), message);
    sent.map_err(|error| HubApiError::of(&error, id))?;
    Ok(Response::no_content())
}

/// Takes back the messages that wait for a device.
pub(super) fn purge(site: &Site<'_>, id: &str) -> Result<Response, HubApiError> {
    let key = site.device(id)?.key();
    let waiting = site.hubs().messages_after(&key, 0);
    for (number, _) in &waiting {
        site.hubs().take_back_message(&key, *number);
    }
    let purged = json!({
        "totalMessagesPurged": waiting.len(),
        "deviceId": id,
        "moduleId": null,
    });
    Ok(Response::json(200, &purged))
}

/// The properties as they stand in a topic.
fn properties(request: &Request, id: &str) -> String {
    let to = ("$.to".to_owned(), format!("/devices/{id}/messages/deviceBound"));
    let system = SYSTEM_PROPERTIES.iter().filter_map(|(header, name)| {
        request.header(header).map(|value| ((*name).to_owned(), value.to_owned()))
    });
    let own = request.headers.iter().filter_map(|(header, value)| {
        Some((header.strip_prefix(OWN_PROPERTIES)?.to_owned(), value.trim().to_owned()))
    });
    let escaped = |text: &str| utf8_percent_encode(text, RESERVED).to_string();
    let all = std::iter::once(to).chain(system).chain(own);
    let pairs = all.map(|(name, value)| format!("{}={}", escaped(&name), escaped(&value)));
    pairs.collect::<Vec<_>>().join("&")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn i_headers_become_the_properties_behind_the_topic() {
        let header = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let request = Request {
            method: "POST".to_owned(),
            path: String::new(),
            query: Vec::new(),
            headers: vec![
                header("content-type", "text/plain"),
                header("iothub-messageid", "m 1"),
                header("iothub-app-colour", "blue&green"),
            ],
            body: Vec::new(),
            host: String::new(),
        };

        assert_eq!(
            properties(&request, "pump"),
            "%24.to=%2Fdevices%2Fpump%2Fmessages%2FdeviceBound&%24.mid=m%201&colour=blue%26green"
        );
    }
}
