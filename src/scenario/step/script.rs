//! What a scripted allocation function answers: the first answer of a list that fits the request.
//!
//! Pure but for its counters: an AllocationRequest (G.3) in, an answer out.

use std::collections::HashMap;
use std::time::Duration;

use serde::{Deserialize, Deserializer, de};
use serde_json::{Map, Value, json};

use super::selection::Selection;
use crate::scenario::expectation::JsonPattern;

/// What a configuration calls the function of this name, in the place of its address.
pub fn function_url(name: &str) -> String {
    format!("function:{name}")
}

/// The answers of a function, in the order in which they are tried.
#[derive(Debug, Clone)]
pub struct Script {
    answers: Vec<Answer>,
}

/// One of them.
#[derive(Debug, Clone)]
struct Answer {
    when: When,
    delay: Duration,
    said: Said,
}

/// To which requests it is given; what is not named may be anything.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct When {
    /// The device, or a pattern of devices.
    registration_id: Option<Selection>,
    /// The enrollment or the group, by name or pattern.
    enrollment: Option<Selection>,
    /// The hub that the device has; by name or pattern.
    current_hub: Option<Selection>,
    /// What the device has to say.
    payload: Option<JsonPattern>,
    /// The how-manieth request of the device it is, counted from 1.
    nth: Option<u64>,
    /// From the how-manieth on.
    from: Option<u64>,
}

/// What a function says.
#[derive(Debug, Clone, PartialEq)]
pub enum Said {
    /// Status and body.
    Reply {
        /// The status of HTTP.
        status: u16,
        /// Whether the body is JSON.
        is_json: bool,
        /// The body.
        body: String,
    },
    /// Nothing: the connection is closed.
    HangUp,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Entry {
    when: Option<When>,
    hub: Option<String>,
    twin: Option<Map<String, Value>>,
    payload: Option<Value>,
    status: Option<u16>,
    body: Option<String>,
    delay: Option<String>,
    #[serde(default)]
    close: bool,
}

/// What has been asked of a function so far.
#[derive(Debug, Default)]
pub struct Asked {
    by_device: HashMap<String, u64>,
    all: u64,
}

impl Asked {
    /// How many requests there were.
    pub fn count(&self) -> u64 {
        self.all
    }
}

impl Script {
    /// What is answered to a request, and after how long. Where nothing fits, the function refuses with
    /// status 400 and says so (J-282).
    pub fn answer(&self, request: &Value, asked: &mut Asked) -> (Duration, Said) {
        let context = &request["deviceRuntimeContext"];
        let device = context["registrationId"].as_str().unwrap_or_default();
        let nth = asked.by_device.entry(device.to_ascii_lowercase()).or_default();
        *nth += 1;
        asked.all += 1;
        match self.answers.iter().find(|answer| answer.when.takes(request, *nth)) {
            Some(answer) => (answer.delay, answer.said.clone()),
            None => {
                let body = "none of the function's answers is for this request".to_owned();
                (Duration::ZERO, Said::Reply { status: 400, is_json: false, body })
            }
        }
    }
}

impl When {
    fn takes(&self, request: &Value, nth: u64) -> bool {
        let context = &request["deviceRuntimeContext"];
        let enrollment = request["enrollmentGroup"]["enrollmentGroupId"]
            .as_str()
            .or(request["individualEnrollment"]["registrationId"].as_str());
        let is = |wanted: &Option<Selection>, found: Option<&str>| {
            wanted.as_ref().is_none_or(|wanted| found.is_some_and(|found| wanted.takes(found)))
        };
        let payload = Some(&context["payload"]).filter(|payload| !payload.is_null());
        is(&self.registration_id, context["registrationId"].as_str())
            && is(&self.enrollment, enrollment)
            && is(&self.current_hub, context["currentIotHubHostName"].as_str())
            && self.payload.as_ref().is_none_or(|it| it.differences("", payload).is_empty())
            && self.nth.is_none_or(|wanted| nth == wanted)
            && self.from.is_none_or(|wanted| nth >= wanted)
    }
}

impl<'de> Deserialize<'de> for Script {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let answers = Vec::<Answer>::deserialize(deserializer)?;
        if answers.is_empty() {
            return Err(de::Error::custom("a function needs at least one answer"));
        }
        Ok(Self { answers })
    }
}

impl<'de> Deserialize<'de> for Answer {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::of(Entry::deserialize(deserializer)?).map_err(de::Error::custom)
    }
}

impl Answer {
    fn of(entry: Entry) -> Result<Self, String> {
        let Entry { when, hub, twin, payload, status, body, delay, close } = entry;
        let when = when.unwrap_or_default();
        if when.nth == Some(0) || when.from == Some(0) {
            return Err("requests are counted from 1".to_owned());
        }
        let delay = delay.as_deref().map_or(Ok(Duration::ZERO), |text| {
            humantime::parse_duration(text)
                .map_err(|_| "delay: write a duration, such as \"2s\"".to_owned())
        })?;
        let is_allocation = hub.is_some() || twin.is_some() || payload.is_some();
        let said = match (is_allocation, body, status, close) {
            (false, None, None, true) => Said::HangUp,
            (.., true) => return Err("close = true says nothing, so it stands alone".to_owned()),
            (true, Some(_), ..) => {
                return Err("a body is written whole, or made of hub, twin and payload".to_owned());
            }
            (true, None, status, _) => {
                let mut members = Map::new();
                members.extend(hub.map(|hub| ("iotHubHostName".to_owned(), json!(hub))));
                members.extend(twin.map(|twin| ("initialTwin".to_owned(), Value::Object(twin))));
                members.extend(payload.map(|payload| ("payload".to_owned(), payload)));
                let body = Value::Object(members).to_string();
                Said::Reply { status: status.unwrap_or(200), is_json: true, body }
            }
            (false, Some(body), status, _) => {
                let is_json = body.trim_start().starts_with(['{', '[']);
                Said::Reply { status: status.unwrap_or(200), is_json, body }
            }
            (false, None, Some(status), _) => {
                Said::Reply { status, is_json: false, body: String::new() }
            }
            (false, None, None, false) => {
                return Err("an answer has hub, status, body or close".to_owned());
            }
        };
        if let Said::Reply { status, .. } = &said
            && !(200..=999).contains(status)
        {
            return Err("status: it is from 200 to 999".to_owned());
        }
        Ok(Self { when, delay, said })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn script(json: Value) -> Script {
        serde_json::from_value(json).unwrap()
    }

    fn request(id: &str, payload: Value) -> Value {
        json!({
            "enrollmentGroup": { "enrollmentGroupId": "pumps" },
            "deviceRuntimeContext": { "registrationId": id, "payload": payload },
            "linkedHubs": ["a.net"],
        })
    }

    fn status(said: &Said) -> u16 {
        match said {
            Said::Reply { status, .. } => *status,
            Said::HangUp => 0,
        }
    }

    #[test]
    fn j_282_the_first_answer_that_fits_is_given_and_without_one_the_device_is_refused() {
        let script = script(json!([
            { "when": { "registrationId": "*-toaster-*", "payload": { "model": "a" } }, "hub": "a.net" },
            { "when": { "registrationId": "pump-*", "nth": 1 }, "status": 503, "delay": "2s" },
            { "when": { "registrationId": "pump-*", "nth": 2 }, "close": true },
            { "when": { "enrollment": "pumps", "from": 3 }, "hub": "b.net", "payload": 7 },
        ]));
        let mut asked = Asked::default();
        let mut answer = |id: &str, payload| script.answer(&request(id, payload), &mut asked);

        assert_eq!(
            answer("my-toaster-1", json!({ "model": "a", "more": 1 })).1,
            Said::Reply {
                status: 200,
                is_json: true,
                body: r#"{"iotHubHostName":"a.net"}"#.to_owned()
            }
        );
        assert_eq!(status(&answer("my-toaster-2", json!({ "model": "b" })).1), 400);
        assert_eq!(answer("pump-1", Value::Null).0, Duration::from_secs(2));
        assert_eq!(answer("PUMP-1", Value::Null).1, Said::HangUp);
        let Said::Reply { body, .. } = answer("pump-1", Value::Null).1 else { panic!() };
        assert_eq!(body, r#"{"iotHubHostName":"b.net","payload":7}"#);
        assert_eq!(status(&answer("pump-2", Value::Null).1), 503, "each device is counted alone");
        assert_eq!(asked.count(), 6);
    }

    #[test]
    fn answers_that_say_nothing_or_two_things_are_refused() {
        let refused = |json: Value| serde_json::from_value::<Script>(json).unwrap_err().to_string();

        assert!(refused(json!([])).contains("at least one answer"));
        assert!(refused(json!([{}])).contains("has hub, status, body or close"));
        assert!(refused(json!([{ "close": true, "status": 500 }])).contains("stands alone"));
        assert!(refused(json!([{ "hub": "a", "body": "{}" }])).contains("written whole"));
        assert!(refused(json!([{ "hub": "a", "delay": "soon" }])).contains("write a duration"));
        assert!(refused(json!([{ "status": 99 }])).contains("from 200 to 999"));
        assert!(refused(json!([{ "hub": "a", "when": { "nth": 0 } }])).contains("counted from 1"));
        assert!(refused(json!([{ "hubb": "a" }])).contains("unknown field `hubb`"));
    }
}
