//! What is wrong with a webhook's answer, in a sentence of its own for each kind, for the log and the
//! journal. What is repeated of the answer is cut and passes the mask (G-2).

use crate::service::mask::Mask;
use crate::text::nearest;
use crate::wire::{HubName, ObjectFault};

/// The members of an AllocationResponse (G.4).
const MEMBERS: &[&str] = &["iotHubHostName", "initialTwin", "payload"];
/// How much of an answer is repeated, in bytes.
const SHOWN: usize = 200;

/// A status that is no success.
pub(super) fn of_status(status: u16, body: &[u8], location: Option<&str>, mask: &Mask) -> String {
    let advice = match (status, location) {
        (300..=399, Some(location)) => {
            let location = excerpt(location.as_bytes(), mask);
            return format!(
                "the webhook answered {status}, a redirect to {location}, which DPS does not follow: \
                 put the last address into webhookUrl"
            );
        }
        (300..=399, None) => "; DPS follows no redirect",
        (401, _) => {
            "; it wants a key: is the function key, ?code=…, in the enrollment's webhookUrl?"
        }
        (404, _) => "; is the path right?",
        (405, _) => "; it takes no POST",
        (415, _) => "; it does not take application/json; charset=utf-8",
        _ => "",
    };
    let said = match body.trim_ascii() {
        [] => " without a body".to_owned(),
        body => format!(": {}", excerpt(body, mask)),
    };
    format!("the webhook answered {status}{said}{advice}")
}

/// A body that is no AllocationResponse.
pub(super) fn of_body(fault: &ObjectFault, body: &[u8], mask: &Mask) -> String {
    let wanted = "expected JSON such as {\"iotHubHostName\":\"…\"}";
    match fault {
        ObjectFault::Empty
        | ObjectFault::Utf16
        | ObjectFault::Gzip
        | ObjectFault::ByteOrderMark => {
            format!("the body of the webhook's answer cannot be read: {fault}; {wanted}")
        }
        _ => format!(
            "the body of the webhook's answer cannot be read: {fault}; {wanted}, got {}",
            excerpt(body, mask)
        ),
    }
}

/// An answer without the name of a hub, but perhaps with something like it.
pub(super) fn of_no_hub<'a>(names: impl Iterator<Item = &'a str>, mask: &Mask) -> String {
    const REFUSE: &str =
        "the webhook answered 200 without iotHubHostName; to refuse a device, answer 400";
    let near = names.filter(|name| !MEMBERS.contains(name)).find(|name| is_like_host_name(name));
    match near {
        Some(name) => {
            let name = mask.shown(name, SHOWN);
            format!("the webhook's answer has `{name}`; did you mean `iotHubHostName`?")
        }
        None => REFUSE.to_owned(),
    }
}

/// A member that DPS does not know, if it is one.
pub(super) fn of_member(name: &str, shown: &str) -> Option<String> {
    if MEMBERS.contains(&name) {
        return None;
    }
    let meant = (name.len() <= 40).then(|| nearest(name, MEMBERS.iter().copied())).flatten();
    let meant = meant.map(|meant| format!("; did you mean `{meant}`?")).unwrap_or_default();
    Some(format!("the answer has `{shown}`, which DPS ignores{meant}"))
}

fn is_like_host_name(name: &str) -> bool {
    // A name of that length at least is near; a whole body is not looked through.
    if name.len() > 40 {
        return false;
    }
    let plain: String = name.chars().filter(|c| c.is_ascii_alphanumeric()).collect();
    plain.eq_ignore_ascii_case(MEMBERS[0])
        || nearest(name, MEMBERS.iter().copied()) == Some(MEMBERS[0])
}

/// A hub that the enrollment does not have.
pub(super) fn of_foreign_hub(wanted: &str, linked_hubs: &[HubName], mask: &Mask) -> String {
    format!(
        "the webhook chose {}; it must be one of {}",
        excerpt(wanted.as_bytes(), mask),
        linked_hubs.iter().map(HubName::as_str).collect::<Vec<_>>().join(", ")
    )
}

fn excerpt(text: &[u8], mask: &Mask) -> String {
    format!("{:?}", mask.shown(text, SHOWN))
}
