//! An AllocationRequest that was sent before, found in whatever somebody has kept of it: the journal, a
//! file, a line of a function's log (J-229).
//!
//! Pure. The request is sent again letter by letter; it is read only for what its answer is judged by.

use serde::Deserialize;
use serde_json::value::RawValue;
use thiserror::Error;

use crate::text::reason;
use crate::wire::{HubName, RegistrationId};

/// The member that every request has and nothing else has.
const MARK: &str = "\"deviceRuntimeContext\"";
/// How many objects are looked at that may be the one around the mark.
const MOST_OBJECTS: usize = 1000;
/// How many layers of escaping are taken off: a log may keep the request as a text, in a text.
const LAYERS: usize = 3;
/// How a body ends of which the rest was not kept.
const CUT: &str = "… (cut here; ";

/// A request that was sent before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replay {
    pub(super) request: String,
    pub(super) registration_id: RegistrationId,
    pub(super) device_id: Option<String>,
    pub(super) current_hub: Option<HubName>,
    pub(super) linked_hubs: Vec<HubName>,
}

/// Why a text is no request that can be sent again.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ReplayFault {
    /// There is none in it.
    #[error(
        "there is no AllocationRequest in it: no JSON object has the member `deviceRuntimeContext`"
    )]
    None,
    /// Only its beginning was kept.
    #[error("only the beginning of the request was kept")]
    Cut,
    /// It is no such request.
    #[error("the AllocationRequest in it cannot be read: {0}")]
    Unreadable(String),
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Body {
    individual_enrollment: Option<Individual>,
    device_runtime_context: Context,
    linked_hubs: Vec<HubName>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Individual {
    device_id: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Context {
    registration_id: String,
    current_iot_hub_host_name: Option<HubName>,
}

impl Replay {
    /// Takes a request as it is.
    ///
    /// # Errors
    ///
    /// If it has not what every request has.
    pub fn read(request: &str) -> Result<Self, ReplayFault> {
        let read = serde_json::from_str::<Body>(request);
        let body = read.map_err(|error| match request.contains(CUT) {
            true => ReplayFault::Cut,
            false => ReplayFault::Unreadable(reason(&error)),
        })?;
        let Context { registration_id, current_iot_hub_host_name } = body.device_runtime_context;
        let registration_id = registration_id.parse().map_err(|error| {
            ReplayFault::Unreadable(format!("deviceRuntimeContext.registrationId: {error}"))
        })?;
        Ok(Self {
            request: request.to_owned(),
            registration_id,
            device_id: body.individual_enrollment.and_then(|it| it.device_id),
            current_hub: current_iot_hub_host_name,
            linked_hubs: body.linked_hubs,
        })
    }

    /// The request, letter by letter.
    pub fn request(&self) -> &str {
        &self.request
    }

    /// The device that asked.
    pub fn registration_id(&self) -> &RegistrationId {
        &self.registration_id
    }
}

/// Every request in a text, in order: the text itself may be one, or a log with such.
///
/// # Errors
///
/// If there is none, or one that cannot be read.
pub fn requests_in(text: &str) -> Result<Vec<Replay>, ReplayFault> {
    let mut layer = text.to_owned();
    for _ in 0..=LAYERS {
        let found = objects_around(&layer);
        if !found.is_empty() {
            return found.into_iter().map(Replay::read).collect();
        }
        if !layer.contains('\\') {
            break;
        }
        layer = without_escapes(&layer);
    }
    Err(if layer.contains(MARK) && layer.contains(CUT) {
        ReplayFault::Cut
    } else {
        ReplayFault::None
    })
}

/// The objects that have the mark as a member.
fn objects_around(text: &str) -> Vec<&str> {
    let (mut found, mut end) = (Vec::new(), 0);
    for (mark, _) in text.match_indices(MARK) {
        if mark < end {
            continue;
        }
        let before = text.get(end..mark).unwrap_or_default();
        let starts = before.rmatch_indices('{').take(MOST_OBJECTS).map(|(at, _)| end + at);
        let around = starts.filter_map(|start| object_at(text, start)).find(|object| {
            // Its address says where it begins: objects that end before the mark are other members.
            let begins = object.as_ptr() as usize - text.as_ptr() as usize;
            begins + object.len() > mark
        });
        if let Some(object) = around {
            end = object.as_ptr() as usize - text.as_ptr() as usize + object.len();
            found.push(object);
        }
    }
    found
}

/// The JSON that begins there, whatever comes behind it.
fn object_at(text: &str, start: usize) -> Option<&str> {
    let rest = text.get(start..)?;
    let mut values = serde_json::Deserializer::from_str(rest).into_iter::<&RawValue>();
    values.next()?.ok().map(RawValue::get)
}

/// Without one layer of the escapes that JSON has within texts.
fn without_escapes(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '\\' => match letters.next() {
                Some('n' | 'r' | 't') => plain.push(' '),
                Some('u') => push_unicode(&mut plain, &mut letters),
                Some(other) => plain.push(other),
                None => {}
            },
            other => plain.push(other),
        }
    }
    plain
}

/// The character of four hexadecimal digits; what is none stays as it is.
fn push_unicode(plain: &mut String, letters: &mut std::str::Chars<'_>) {
    let digits: String = letters.clone().take(4).collect();
    match u32::from_str_radix(&digits, 16).ok().and_then(char::from_u32) {
        Some(letter) if digits.len() == 4 => {
            plain.push(letter);
            letters.by_ref().take(4).for_each(drop);
        }
        _ => plain.push_str("\\u"),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const REQUEST: &str = r#"{"enrollmentGroup":{"enrollmentGroupId":"pumps","attestation":{"type":"symmetricKey"},"customAllocationDefinition":{"webhookUrl":"https://f/api?****","apiVersion":"2021-10-01"}},"deviceRuntimeContext":{"registrationId":"pump-0042","currentIotHubHostName":"west","symmetricKey":{},"payload":{"a":"{\"b\":1}","n":1.50}},"linkedHubs":["west","east"]}"#;

    fn only(text: &str) -> Replay {
        let mut found = requests_in(text).unwrap();
        assert_eq!(found.len(), 1, "{text}");
        found.remove(0)
    }

    #[test]
    fn j_229_a_request_is_found_letter_by_letter_wherever_somebody_kept_it() {
        let escaped = serde_json::to_string(REQUEST).unwrap();
        for text in [
            REQUEST.to_owned(),
            format!("\n{REQUEST}\n"),
            format!("2026-11-28T10:00:00Z [Information] Request.Body:{REQUEST} (Id=1 {{x}})"),
            format!("{{\"message\":\"other\",\"body\":{REQUEST}}}"),
            format!("{{\"message\":{escaped}}}"),
            format!("{{\"message\":{}}}", serde_json::to_string(&escaped).unwrap()),
        ] {
            let replay = only(&text);

            assert_eq!(replay.request, REQUEST, "{text}");
            assert_eq!(replay.registration_id.as_str(), "pump-0042");
            assert_eq!(replay.current_hub.unwrap(), "west");
            assert_eq!(replay.linked_hubs.len(), 2);
        }
    }

    #[test]
    fn j_229_a_log_may_have_several_requests_and_they_come_in_order() {
        let other = REQUEST.replace("pump-0042", "pump-0043");
        let log = format!("first {REQUEST} answered 200\nsecond {{ }} {other}\n");

        let found = requests_in(&log).unwrap();

        let ids: Vec<_> = found.iter().map(|it| it.registration_id.as_str()).collect();
        assert_eq!(ids, ["pump-0042", "pump-0043"]);
    }

    #[test]
    fn j_229_what_is_no_request_is_told_apart_from_one_that_was_cut() {
        let cut = format!("{}… (cut here; 9000 bytes in all)", &REQUEST[..300]);
        for (text, fault) in [
            ("", ReplayFault::None),
            ("{}", ReplayFault::None),
            ("deviceRuntimeContext", ReplayFault::None),
            (&cut, ReplayFault::Cut),
        ] {
            assert_eq!(requests_in(text), Err(fault), "{text}");
        }
        let without = r#"{"deviceRuntimeContext":{"registrationId":"a"}}"#;
        let fault = requests_in(without).unwrap_err().to_string();
        assert!(fault.contains("linkedHubs"), "{fault}");
        assert_eq!(Replay::read(&cut), Err(ReplayFault::Cut));
    }

    proptest! {
        #[test]
        fn j_229_no_text_is_too_odd_to_be_looked_through(
            pieces in prop::collection::vec(
                prop::sample::select(vec![MARK, "{", "}", "\\", "\\u00", "\"", ":", ",", "é", REQUEST]),
                0..40,
            )
        ) {
            let _ = requests_in(&pieces.concat());
        }
    }
}
