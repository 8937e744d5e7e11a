//! What must become of a device that registers.

use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::bounds::Bounds;
use super::issued::IssuedPattern;
use super::json::JsonPattern;
use super::shape::TextOrTable;
use super::text::TextPattern;
use crate::device::Error;
use crate::text::{MemberPath, nearest};
use crate::wire::HubName;

/// What a registration can come to.
const STATUSES: [&str; 5] = ["assigned", "failed", "disabled", "refused", "error"];
const ASSIGNED: &str = STATUSES[0];

/// What must come out; what is not named may be anything. Its short form is the status alone.
#[derive(Debug, Clone, Default)]
pub struct Expectation {
    /// `assigned`, `failed`, `disabled`, `refused` (401) or `error`.
    pub status: Option<String>,
    /// One of [`Error::KINDS`]: finer than the status.
    pub failure: Option<String>,
    /// How the assignment came about, as the service says it.
    pub substatus: Option<String>,
    /// Host name of the hub.
    pub assigned_hub: Option<HubName>,
    /// The device's ID at its hub.
    pub device_id: Option<TextPattern>,
    /// The service's error code.
    pub error_code: Option<u32>,
    /// The service's error message.
    pub error_message: Option<TextPattern>,
    /// What the custom allocation webhook has to say to the device.
    pub payload: Option<JsonPattern>,
    /// The service's whole answer.
    pub answer: Option<JsonPattern>,
    /// The certificate that it is issued.
    pub issued: Option<IssuedPattern>,
    /// Its twin at the hub.
    pub twin: Option<TwinPattern>,
    /// How long it took.
    pub took: Option<Bounds>,
}

/// What must stand in a twin.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TwinPattern {
    /// Tags, which devices do not see.
    pub tags: Option<JsonPattern>,
    /// Desired properties.
    pub desired: Option<JsonPattern>,
    /// Reported properties.
    pub reported: Option<JsonPattern>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Table {
    assigned_hub: Option<HubName>,
    error_code: Option<u32>,
    error_message: Option<TextPattern>,
    status: Option<String>,
    substatus: Option<String>,
    device_id: Option<TextPattern>,
    payload: Option<JsonPattern>,
    answer: Option<JsonPattern>,
    issued: Option<IssuedPattern>,
    twin: Option<TwinPattern>,
    took: Option<Bounds>,
    failure: Option<String>,
}

impl<'de> Deserialize<'de> for Expectation {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(match TextOrTable::<Table>::deserialize(deserializer)? {
            TextOrTable::Text(status) => Self { status: Some(status), ..Self::default() },
            TextOrTable::Table(table) => Self {
                status: table.status,
                failure: table.failure,
                substatus: table.substatus,
                assigned_hub: table.assigned_hub,
                device_id: table.device_id,
                error_code: table.error_code,
                error_message: table.error_message,
                payload: table.payload,
                answer: table.answer,
                issued: table.issued,
                twin: table.twin,
                took: table.took,
            },
        })
    }
}

impl Expectation {
    /// That it is assigned, wherever to.
    pub fn assigned() -> Self {
        Self { status: Some(ASSIGNED.to_owned()), ..Self::default() }
    }

    /// Whether nothing of this can come from the device alone: its hub has to be asked.
    pub fn wants_twin(&self) -> bool {
        self.twin.is_some()
    }

    /// Whether it says something, nothing that contradicts itself, and only words that are known. `at`
    /// is the member whose value this is.
    ///
    /// # Errors
    ///
    /// The member, and what is wrong.
    pub fn check(&self, at: &MemberPath) -> Result<(), (MemberPath, String)> {
        if let Some(status) = self.status.as_deref().filter(|status| !STATUSES.contains(status)) {
            let reason = format!("status {status:?} is none of {}", STATUSES.join(", "));
            return Err((at.member("status"), reason));
        }
        if let Some(kind) = self.failure.as_deref().filter(|kind| !Error::KINDS.contains(kind)) {
            let near = nearest(kind, Error::KINDS);
            let near = near.map(|near| format!("; did you mean {near:?}?")).unwrap_or_default();
            let reason = format!("{kind:?} is none of {}{near}", Error::KINDS.join(", "));
            return Err((at.member("failure"), reason));
        }
        let (assignment, error) = (self.names_assignment(), self.names_error());
        let reason = match (assignment, error, self.status.as_deref()) {
            (None, None, None)
                if self.answer.is_none() && self.took.is_none() && self.issued.is_none() =>
            {
                "name at least one of assignedHub, errorCode, errorMessage, status".to_owned()
            }
            (Some(_), Some(_), _) => {
                "a device is either assigned or has an error, not both".to_owned()
            }
            (Some(member), _, Some(status)) if status != ASSIGNED => {
                format!("a device that is {status} has no {member}")
            }
            (_, Some(member), Some(ASSIGNED)) => {
                format!("a device that is {ASSIGNED} has no {member}")
            }
            _ => return Ok(()),
        };
        Err((at.clone(), reason))
    }

    /// A member that only a device has that is assigned, if one is named.
    fn names_assignment(&self) -> Option<&'static str> {
        [
            (self.assigned_hub.is_some(), "assignedHub"),
            (self.device_id.is_some(), "deviceId"),
            (self.substatus.is_some(), "substatus"),
            (self.payload.is_some(), "payload"),
            (self.issued.as_ref().is_some_and(IssuedPattern::wants_one), "issued"),
            (self.twin.is_some(), "twin"),
        ]
        .into_iter()
        .find_map(|(is_named, member)| is_named.then_some(member))
    }

    fn names_error(&self) -> Option<&'static str> {
        [
            (self.error_code.is_some(), "errorCode"),
            (self.error_message.is_some(), "errorMessage"),
            (self.failure.is_some(), "failure"),
        ]
        .into_iter()
        .find_map(|(is_named, member)| is_named.then_some(member))
    }
}

impl TwinPattern {
    /// Each way in which a twin, as the hub's service API shows it, is not as expected:
    /// `twin.desired.fan: expected "on", got none`.
    pub fn differences(&self, twin: Option<&Value>) -> Vec<String> {
        let none = Value::Null;
        let twin = twin.unwrap_or(&none);
        let (tags, properties) = (&twin["tags"], &twin["properties"]);
        [
            ("twin.tags", &self.tags, tags),
            ("twin.desired", &self.desired, &properties["desired"]),
            ("twin.reported", &self.reported, &properties["reported"]),
        ]
        .into_iter()
        .filter_map(|(at, pattern, part)| {
            let part = Some(part).filter(|part| !part.is_null());
            Some(pattern.as_ref()?.differences(at, part))
        })
        .flatten()
        .collect()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn checked(json: Value) -> Result<Expectation, String> {
        let read: Expectation = serde_json::from_value(json).map_err(|error| error.to_string())?;
        let at = MemberPath::of(&["expect"]);
        read.check(&at).map_err(|(path, reason)| format!("{path}: {reason}"))?;
        Ok(read)
    }

    #[test]
    fn the_short_form_is_the_status() {
        let refused = checked(json!("refused")).unwrap();

        assert_eq!(refused.status.as_deref(), Some("refused"));
        assert_eq!(Expectation::assigned().status.as_deref(), Some("assigned"));
    }

    /// J-271.
    #[test]
    fn j_271_what_can_never_come_out_is_refused() {
        for (json, told) in [
            (json!({}), "expect: name at least one of assignedHub"),
            (json!("refuse"), "expect.status: status \"refuse\" is none of assigned, failed"),
            (json!({"failure": "tsl"}), "expect.failure: \"tsl\" is none of dns, tls, proxy"),
            (
                json!({"substatus": "x", "errorCode": 1}),
                "expect: a device is either assigned or has an error, not both",
            ),
            (
                json!({"status": "failed", "payload": {}}),
                "expect: a device that is failed has no payload",
            ),
            (
                json!({"status": "assigned", "failure": "tls"}),
                "expect: a device that is assigned has no failure",
            ),
            (json!({"errorMessage": {"regex": "["}}), "no regular expression: "),
            (json!({"took": {}}), "name atLeast, atMost"),
        ] {
            let error = checked(json).unwrap_err();
            assert!(error.contains(told), "{error}");
        }
    }

    #[test]
    fn a_twin_is_held_against_what_the_hubs_api_shows() {
        let expected =
            json!({"twin": {"tags": {"site": "a"}, "desired": {"fan": "on"}, "reported": {}}});
        let pattern = checked(expected).unwrap().twin.unwrap();
        let twin = json!({
            "deviceId": "pump-1", "tags": {"site": "a", "more": 1},
            "properties": {"desired": {"fan": "off", "$version": 2}, "reported": {"$version": 1}}
        });

        assert_eq!(
            pattern.differences(Some(&twin)),
            ["twin.desired.fan: expected \"on\", got \"off\""]
        );
        assert_eq!(pattern.differences(None).len(), 3, "{:?}", pattern.differences(None));
    }
}
