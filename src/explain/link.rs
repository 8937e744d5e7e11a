//! What a hub says to DPS where a registration ends as `failed` (K-11).
//!
//! DPS hands on the hub's own words: `{"Message":"ErrorCode:IotHubUnauthorizedAccess;Unauthorized",…}`,
//! often as JSON within JSON. The device was believed, whatever number stands beside them; what the hub
//! does not like is the link between the two. Errors and lines of logs are read by the same code.

use crate::wire::ErrorCode;

/// How a hub's exceptions begin.
const MARK: &str = "errorcode:";

/// The refusal of a hub.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct HubRefusal<'a> {
    /// The hub's word for it, such as `IotHubUnauthorizedAccess`.
    pub(super) code: &'a str,
    /// What follows it.
    pub(super) says: &'a str,
    /// The hub, if it is named.
    pub(super) hub: Option<&'a str>,
}

impl<'a> HubRefusal<'a> {
    /// The refusal that stands in a text, however often it was wrapped: that adds quotes and backslashes
    /// around it, and takes nothing away.
    pub(super) fn read(text: &'a str) -> Option<Self> {
        let lower = text.to_ascii_lowercase();
        // Lower-case ASCII stands where the original did.
        let (code, says) = lower.match_indices(MARK).find_map(|(at, _)| {
            let rest = text[at + MARK.len()..].trim_start();
            let end = rest.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(rest.len());
            let (code, rest) = rest.split_at(end);
            let is_name = code.starts_with(|c: char| c.is_ascii_alphabetic());
            is_name.then(|| {
                let says = rest.strip_prefix(';').unwrap_or_default();
                let end = says.find(['"', '\\', '\n']).unwrap_or(says.len());
                (code, says[..end].trim())
            })
        })?;
        Some(Self { code, says, hub: hub(text) })
    }

    /// The entry of it.
    pub(super) fn key(&self) -> &'static str {
        let code = self.code.to_ascii_lowercase();
        if code.contains("unauthorized") {
            "link-unauthorized"
        } else if code.contains("throttl") {
            "link-throttled"
        } else if code.contains("quota") || code.starts_with("toomanydevices") {
            "link-full"
        } else if code.contains("notfound") || code.contains("suspended") {
            "401001"
        } else {
            "link-refused"
        }
    }
}

/// A name of a hub in a text.
fn hub(text: &str) -> Option<&str> {
    text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '-' || c == '.'))
        .find(|word| word.len() > 18 && word.to_ascii_lowercase().ends_with(".azure-devices.net"))
}

/// The entry of a number in a `failed` state that would elsewhere be about the device: in there it is
/// never a verdict on its proof, nor on how often it asks.
pub(super) fn key_of_failed(code: ErrorCode) -> Option<&'static str> {
    match code.status() {
        // The hub is not there.
        _ if code.0 == 401_001 => None,
        401 | 403 => Some("link-unauthorized"),
        429 => Some("link-throttled"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn k_11_the_hubs_refusal_is_read_however_it_is_wrapped() {
        let plain = r#"{"Message":"ErrorCode:IotHubUnauthorizedAccess;Unauthorized","ExceptionMessage":"Tracking ID:fb98-G:10-TimeStamp:12/10/2020 06:42:31"}"#;
        let twice = serde_json::json!({ "Message": plain }).to_string();
        let thrice = serde_json::json!(twice).to_string();
        for text in [
            plain,
            &twice,
            &thrice,
            &format!("Provisioning Failure: OperationId: 4 - Msg: {plain}"),
        ] {
            let refusal = HubRefusal::read(text).unwrap();

            assert_eq!((refusal.code, refusal.says), ("IotHubUnauthorizedAccess", "Unauthorized"));
            assert_eq!((refusal.key(), refusal.hub), ("link-unauthorized", None), "{text}");
        }
    }

    #[test]
    fn k_11_each_refusal_of_a_hub_is_about_the_link() {
        for (code, key) in [
            ("IotHubUnauthorized", "link-unauthorized"),
            ("ThrottlingException", "link-throttled"),
            ("ThrottlingBacklogTimeout", "link-throttled"),
            ("ThrottleBacklogLimitExceeded", "link-throttled"),
            ("IotHubQuotaExceeded", "link-full"),
            ("TooManyDevices", "link-full"),
            ("IotHubNotFound", "401001"),
            ("ServerError", "link-refused"),
        ] {
            let text = format!("{{\"Message\":\"ErrorCode:{code};at west.azure-devices.net\"}}");
            let refusal = HubRefusal::read(&text).unwrap();
            assert_eq!(
                (refusal.key(), refusal.hub),
                (key, Some("west.azure-devices.net")),
                "{code}"
            );
        }
        // A number is the code of DPS itself.
        assert_eq!(
            HubRefusal::read(r#"{"errorCode":401002,"message":"IotHubUnauthorizedAccess"}"#),
            None
        );
        assert_eq!(HubRefusal::read("ErrorCode: 401002"), None);
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "\\PC{0,20}(ErrorCode:)?\\PC{0,20}") {
            let _ = HubRefusal::read(&text).map(|refusal| refusal.key());
        }
    }
}
