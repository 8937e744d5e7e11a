//! New keys for many devices at once (I).

use serde::Deserialize;
use serde_json::{Value, json};

use super::error::HubApiError;
use super::site::Site;
use crate::attestation::DeviceKey;
use crate::service::api::{Request, Response};
use crate::service::record::Authentication;
use crate::text::read_body;

/// Devices of one request, at most.
const MAX_DEVICES: usize = 100;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Body {
    #[serde(alias = "policyName")]
    policy_key: Option<String>,
    devices: Option<Vec<DeviceBody>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct DeviceBody {
    #[serde(alias = "deviceId")]
    id: String,
    module_id: Option<String>,
}

#[derive(Clone, Copy)]
enum Rotation {
    Primary,
    Secondary,
    Swap,
}

impl Rotation {
    fn read(word: &str) -> Option<Self> {
        match word.to_ascii_lowercase().as_str() {
            "primarykey" | "primary" => Some(Self::Primary),
            "secondarykey" | "secondary" => Some(Self::Secondary),
            "swap" => Some(Self::Swap),
            _ => None,
        }
    }

    fn applied(
        self,
        new: impl FnOnce() -> DeviceKey,
        (primary, secondary): (DeviceKey, DeviceKey),
    ) -> (DeviceKey, DeviceKey) {
        match self {
            Self::Primary => (new(), secondary),
            Self::Secondary => (primary, new()),
            Self::Swap => (secondary, primary),
        }
    }
}

/// Gives each device another primary or secondary key, or swaps the two. What cannot be done for one is
/// told beside what was done for the others.
pub(super) async fn regenerate(
    site: &Site<'_>,
    request: &Request,
) -> Result<Response, HubApiError> {
    let body: Body = read_body(request.json()?).map_err(HubApiError::unreadable)?;
    let policy = body.policy_key.unwrap_or_default();
    let rotation = Rotation::read(&policy).ok_or_else(|| {
        HubApiError::bad_request("policyKey is to be primaryKey, secondaryKey or swap")
    })?;
    let devices = body.devices.unwrap_or_default();
    if devices.len() > MAX_DEVICES {
        let message = format!("devices has more than {MAX_DEVICES} entries");
        return Err(HubApiError::bad_request(message));
    }
    let (mut rotated, mut errors) = (Vec::new(), Vec::new());
    for device in devices {
        match rotate(site, rotation, &device).await {
            Ok(keys) => rotated.push(keys),
            Err(error) => errors.push(error.for_device(&device.id)),
        }
    }
    let told = json!({ "policyKey": policy, "errors": errors, "rotatedKeys": rotated });
    Ok(Response::json(200, &told))
}

async fn rotate(
    site: &Site<'_>,
    rotation: Rotation,
    device: &DeviceBody,
) -> Result<Value, HubApiError> {
    let id = &device.id;
    if device.module_id.as_ref().is_some_and(|it| !it.is_empty()) {
        return Err(HubApiError::no_module());
    }
    let key = site.device(id)?.key();
    let hubs = site.hubs();
    let new = || DeviceKey::made_by(&hubs.sources.chance, id);
    let changed = hubs.change(&key, |device| {
        let Authentication::Keys { primary, secondary } = &device.authentication else {
            return Ok(device.clone());
        };
        let (primary, secondary) = rotation.applied(new, (primary.clone(), secondary.clone()));
        let authentication = Authentication::Keys { primary, secondary };
        Ok(device.with_authentication(authentication, hubs.sources.now(), hubs.salt(&key)))
    });
    let changed = changed.await.map_err(|error| HubApiError::of(&error, id))?;
    match &changed.authentication {
        Authentication::Keys { primary, secondary } => Ok(json!({
            "id": id,
            "primaryKey": primary.to_base64().as_str(),
            "secondaryKey": secondary.to_base64().as_str(),
        })),
        Authentication::Thumbprints { .. } | Authentication::CertificateAuthority { .. } => {
            Err(HubApiError::bad_request("the device proves itself by certificate and has no keys"))
        }
    }
}
