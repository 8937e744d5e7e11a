//! What is odd in a webhook's answer, although DPS may take it (J-228).

use std::time::Duration;

use super::answer::WebhookAnswer;
use super::trouble;
use crate::service::mask::Mask;
use crate::text::nearest;
use crate::wire::{HubName, Object, Payload};

/// The slowest answer that DPS is known to have taken; its limit is not documented (G.5).
const KNOWN_TO_BE_TAKEN: Duration = Duration::from_millis(4347);

/// Looks for it, in whole sentences.
pub(super) struct Odd<'a> {
    pub(super) linked_hubs: &'a [HubName],
    /// The hub that the device has.
    pub(super) current_hub: Option<&'a HubName>,
    pub(super) mask: &'a Mask,
}

impl Odd<'_> {
    /// All of it.
    pub(super) fn of(&self, answer: &WebhookAnswer, took: Duration) -> Vec<String> {
        let mut odd = Vec::new();
        let WebhookAnswer::Http { status, body, content_type, .. } = answer else { return odd };
        if answer.is_worth_a_retry() {
            odd.push(
                "DPS asks again after 429 and above: ten more times within 415 s, while the device is \
                 told `assigning`; the last answer counts"
                    .to_owned(),
            );
        }
        if took > KNOWN_TO_BE_TAKEN {
            odd.push(format!(
                "it took {:.1} s: the slowest answer that DPS is known to have taken took 4.3 s, and its \
                 limit is not documented",
                took.as_secs_f64()
            ));
        }
        if !(200..300).contains(status) {
            return odd;
        }
        if *status != 200 {
            odd.push(format!(
                "the status is {status}; only 200 is documented for an answer with a hub"
            ));
        }
        if let Some(said) = wrong_type(content_type.as_deref()) {
            odd.push(said);
        }
        if body.starts_with(b"\xef\xbb\xbf") {
            odd.push("the body begins with a byte order mark, which JSON must not have".to_owned());
        }
        let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
        if let Ok(object) = Object::read(body) {
            self.of_members(&object, &mut odd);
        }
        odd
    }

    fn of_members(&self, object: &Object<'_>, odd: &mut Vec<String>) {
        let shown = |name: &str| self.mask.shown(name, 100).to_string();
        odd.extend(object.names().filter_map(|name| trouble::of_member(name, &shown(name))));
        let wanted = object.text("iotHubHostName").ok().flatten().unwrap_or_default();
        let linked = self.linked_hubs.iter().find(|hub| hub.is(wanted.trim()));
        if let Some(hub) = linked {
            if wanted.trim() != wanted {
                odd.push(format!(
                    "there is a blank around the name of the hub: {:?}",
                    shown(&wanted)
                ));
            } else if hub.as_str() != wanted {
                odd.push(format!(
                    "the hub is linked as {hub}; that DPS compares names without regard to case is likely, \
                     and not documented"
                ));
            }
        }
        let Some(twin) = object.object("initialTwin").ok().flatten() else { return };
        odd_twin(&twin, &shown, odd);
        if self.current_hub.as_ref().is_some_and(|current| current.is(&wanted)) {
            odd.push(
                "the device is on that hub already: an initialTwin counts only for a device that is new \
                 on its hub, or whose enrollment resets it"
                    .to_owned(),
            );
        }
    }
}

fn wrong_type(content_type: Option<&str>) -> Option<String> {
    let given = content_type.unwrap_or_default();
    let essence = given.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    match &*essence {
        "application/json" => None,
        "" => {
            Some("it has no Content-Type; Microsoft's functions send application/json".to_owned())
        }
        _ => Some(format!(
            "its Content-Type is {essence:?}; Microsoft's functions send application/json, and whether DPS \
             minds is not documented"
        )),
    }
}

/// What in a first twin has no effect (G.4).
fn odd_twin(twin: &Payload, shown: &dyn Fn(&str) -> String, odd: &mut Vec<String>) {
    let Ok(twin) = Object::read(twin.as_json().as_bytes()) else { return };
    let place = |name: &str| match name {
        "desired" => "; it belongs into `properties`: {\"properties\":{\"desired\":{…}}}",
        _ => "; a first twin has `tags` and `properties.desired`",
    };
    let members = twin.names().filter(|name| !["tags", "properties"].contains(name));
    odd.extend(members.map(|name| {
        format!("initialTwin has `{}`, which has no effect{}", shown(name), place(name))
    }));
    let Some(properties) = twin.object("properties").ok().flatten() else { return };
    let Ok(properties) = Object::read(properties.as_json().as_bytes()) else { return };
    let place = |name: &str| match name {
        "reported" => "; only the device itself reports",
        name if nearest(name, ["desired"]).is_some() => "; did you mean `desired`?",
        _ => "; only `desired` counts",
    };
    odd.extend(properties.names().filter(|name| *name != "desired").map(|name| {
        format!("initialTwin has `properties.{}`, which has no effect{}", shown(name), place(name))
    }));
}
