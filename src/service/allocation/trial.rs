//! A question to a webhook without a device: what it is asked, and what each answer would come to
//! (J-228).
//!
//! Pure. The request and the judgement are the service's own ([`allocation_request`], [`judge`]); what
//! is added is what a person wants to know of an answer besides: whatever is odd in it, although DPS
//! takes it.

use std::time::Duration;

use serde::{Serialize, Serializer};

use super::answer::{WebhookAnswer, judge};
use super::decision::Decision;
use super::replay::Replay;
use super::request::{Applicant, allocation_request};
use super::trouble;
use crate::service::enrollment::{
    AllocationPolicy, CustomAllocationDefinition, Enrollment, WebhookUrl,
};
use crate::service::mask::{MAX_BODY, Mask};
use crate::service::twin::InitialTwin;
use crate::text::nearest;
use crate::wire::{ErrorCode, HubName, Object, Payload};

/// The slowest answer that DPS is known to have taken; its limit is not documented (G.5).
const KNOWN_TO_BE_TAKEN: Duration = Duration::from_millis(4347);

/// What is asked, and by what its answer is judged.
#[derive(Debug)]
pub struct Trial {
    url: WebhookUrl,
    request: String,
    device_id: String,
    current_hub: Option<HubName>,
    linked_hubs: Vec<HubName>,
    mask: Mask,
}

/// What an answer comes to.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Judgement {
    /// In one word.
    pub verdict: Verdict,
    /// What the device would be told.
    pub told: Told,
    /// The first twin that the answer gives.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub initial_twin: Option<InitialTwin>,
    /// Why there is no hub, as in the service's log.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What is odd in the answer, in whole sentences.
    pub odd: Vec<String>,
    /// The answer; none if none came.
    pub answer: Option<Answered>,
    /// How long it took; in JSON milliseconds.
    #[serde(rename = "ms", serialize_with = "as_millis")]
    pub took: Duration,
}

/// What an answer comes to, in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Verdict {
    /// The device gets a hub.
    Accepted,
    /// The webhook refuses the device, with a status for that.
    Refused,
    /// The answer is of no use.
    Bad,
    /// No answer came.
    NotReachable,
}

impl Verdict {
    /// The word, for people.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Refused => "refused",
            Self::Bad => "bad",
            Self::NotReachable => "not reachable",
        }
    }
}

/// What the device would be told: members of a registration state (F.3).
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Told {
    /// `assigned` or `failed`.
    pub status: &'static str,
    /// The hub.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub assigned_hub: Option<HubName>,
    /// The device's ID there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub device_id: Option<String>,
    /// What the webhook has to say to it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub payload: Option<Payload>,
    /// Why there is no hub.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_code: Option<ErrorCode>,
    /// The same in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_message: Option<String>,
}

/// An answer as it may be shown.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Answered {
    /// Its status.
    pub status: u16,
    /// Its body, masked (G-2) and cut as in the journal (J-95).
    pub body: String,
    /// Where it says that the webhook is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub location: Option<String>,
    /// What it says that its body is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content_type: Option<String>,
}

impl Trial {
    /// What DPS would send for this device of an enrollment, were the enrollment's policy `custom` with
    /// that webhook.
    pub fn new(
        webhook: CustomAllocationDefinition,
        enrollment: &Enrollment,
        applicant: Applicant<'_>,
        linked_hubs: Vec<HubName>,
    ) -> Self {
        let url = webhook.webhook_url.clone();
        let enrollment = Enrollment {
            allocation_policy: Some(AllocationPolicy::Custom),
            custom_allocation: Some(webhook),
            ..enrollment.clone()
        };
        let request = allocation_request(&enrollment, applicant, &linked_hubs);
        Self {
            mask: Mask::of(Some(&url)),
            url,
            request: String::from_utf8_lossy(&request).into_owned(),
            device_id: enrollment.device_id(applicant.registration_id).as_str().to_owned(),
            current_hub: applicant.current.map(|current| current.hub.clone()),
            linked_hubs,
        }
    }

    /// A request that was sent before, letter by letter.
    pub fn again(url: WebhookUrl, replay: Replay) -> Self {
        let Replay { request, registration_id, device_id, current_hub, linked_hubs } = replay;
        let mask = Mask::of(Some(&url));
        let device_id = device_id.unwrap_or_else(|| registration_id.to_string());
        Self { url, request, device_id, current_hub, linked_hubs, mask }
    }

    /// Where it is sent.
    pub fn url(&self) -> &WebhookUrl {
        &self.url
    }

    /// The body that is sent.
    pub fn request(&self) -> &str {
        &self.request
    }

    /// The hubs that may be chosen.
    pub fn linked_hubs(&self) -> &[HubName] {
        &self.linked_hubs
    }

    /// What an answer comes to.
    pub fn judge(&self, answer: &WebhookAnswer, took: Duration) -> Judgement {
        let odd = self.odd(answer, took);
        let verdict = verdict(answer);
        let answer_shown = self.shown(answer);
        match judge(answer, &self.linked_hubs, &self.mask) {
            Decision::Hub { host_name, payload, initial_twin } => Judgement {
                verdict: Verdict::Accepted,
                told: Told {
                    status: "assigned",
                    assigned_hub: Some(host_name),
                    device_id: Some(self.device_id.clone()),
                    payload,
                    error_code: None,
                    error_message: None,
                },
                initial_twin,
                reason: None,
                odd,
                answer: answer_shown,
                took,
            },
            Decision::Failed { code, message, hint } => Judgement {
                verdict,
                told: Told {
                    status: "failed",
                    assigned_hub: None,
                    device_id: None,
                    payload: None,
                    error_code: Some(code),
                    error_message: Some(message),
                },
                initial_twin: None,
                reason: Some(hint),
                odd,
                answer: answer_shown,
                took,
            },
        }
    }

    fn shown(&self, answer: &WebhookAnswer) -> Option<Answered> {
        let WebhookAnswer::Http { status, body, location, content_type } = answer else {
            return None;
        };
        let text = |text: &[u8]| self.mask.shown(text, MAX_BODY).into_text().into_owned();
        Some(Answered {
            status: *status,
            body: text(body),
            location: location.as_ref().map(|it| text(it.as_bytes())),
            content_type: content_type.as_ref().map(|it| text(it.as_bytes())),
        })
    }

    /// What is odd, although it may be taken.
    fn odd(&self, answer: &WebhookAnswer, took: Duration) -> Vec<String> {
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
            self.odd_members(&object, &mut odd);
        }
        odd
    }

    fn odd_members(&self, object: &Object<'_>, odd: &mut Vec<String>) {
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

fn verdict(answer: &WebhookAnswer) -> Verdict {
    match answer {
        WebhookAnswer::Http { status: 400 | 403, .. } => Verdict::Refused,
        WebhookAnswer::Http { .. } => Verdict::Bad,
        WebhookAnswer::Timeout { .. } | WebhookAnswer::Unreachable { .. } => Verdict::NotReachable,
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

fn as_millis<S: Serializer>(took: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    // Tenths: a function on this machine answers within one millisecond.
    serializer.serialize_f64((took.as_secs_f64() * 10_000.0).round() / 10.0)
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use serde_json::{Value, json};

    use super::*;
    use crate::service::enrollment::{Kind, read};
    use crate::service::record::Assignment;
    use crate::wire::ApiVersion;

    const WEST: &str = "hub-west.azure-devices.net";
    const EAST: &str = "hub-east.azure-devices.net";

    fn trial_of(current: Option<&str>) -> Trial {
        let record = json!({
            "registrationId": "pump-0042", "deviceId": "pump-north",
            "attestation": { "type": "symmetricKey" },
        });
        let record = serde_json::to_vec(&record).unwrap();
        let enrollment = read(Kind::Individual, &record, UNIX_EPOCH, 0, None).unwrap();
        let current = current.map(|hub| Assignment {
            hub: hub.parse().unwrap(),
            device_id: "pump-north".parse().unwrap(),
        });
        let applicant = Applicant {
            registration_id: &"Pump-0042".parse().unwrap(),
            certificate: None,
            current: current.as_ref(),
            payload: Some(&r#"{"n":1.50}"#.parse().unwrap()),
        };
        let webhook = CustomAllocationDefinition {
            webhook_url: "https://f.example/api?code=s3cret-key".parse().unwrap(),
            api_version: ApiVersion::OF_WEBHOOKS,
        };
        Trial::new(
            webhook,
            &enrollment,
            applicant,
            vec![WEST.parse().unwrap(), EAST.parse().unwrap()],
        )
    }

    fn answer(status: u16, body: &str) -> WebhookAnswer {
        let content_type = Some("application/json; charset=utf-8".to_owned());
        WebhookAnswer::Http { status, body: body.into(), location: None, content_type }
    }

    fn judged(status: u16, body: &str) -> Judgement {
        trial_of(None).judge(&answer(status, body), Duration::from_millis(20))
    }

    #[test]
    fn j_228_the_request_is_the_one_that_the_service_sends() {
        let trial = trial_of(Some(WEST));

        let request: Value = serde_json::from_str(trial.request()).unwrap();

        let context = &request["deviceRuntimeContext"];
        assert_eq!(context["registrationId"], "Pump-0042", "as the device writes it");
        assert_eq!(context["currentIotHubHostName"], WEST);
        assert_eq!(context["currentDeviceId"], "pump-north");
        assert!(trial.request().contains(r#""payload":{"n":1.50}"#), "K-7");
        let individual = &request["individualEnrollment"];
        assert_eq!(individual["allocationPolicy"], "custom");
        let definition = &individual["customAllocationDefinition"];
        assert_eq!(definition["webhookUrl"], "https://f.example/api?****", "G-1");
        assert_eq!(definition["apiVersion"], "2021-10-01");
        assert_eq!(request["linkedHubs"], json!([WEST, EAST]));
    }

    #[test]
    fn j_228_a_good_answer_is_accepted_and_nothing_is_odd() {
        let body = json!({
            "iotHubHostName": EAST, "payload": { "tenant": "blue" },
            "initialTwin": { "tags": { "site": "b1" }, "properties": { "desired": { "n": 1 } } },
        });

        let judgement = judged(200, &body.to_string());

        assert_eq!(judgement.verdict, Verdict::Accepted);
        assert_eq!(judgement.odd, Vec::<String>::new());
        let shown = serde_json::to_value(&judgement).unwrap();
        assert_eq!(
            shown["told"],
            json!({
                "status": "assigned", "assignedHub": EAST, "deviceId": "pump-north",
                "payload": { "tenant": "blue" },
            })
        );
        assert_eq!(
            shown["initialTwin"],
            json!({ "tags": { "site": "b1" }, "desired": { "n": 1 } })
        );
        assert_eq!(shown["ms"], 20.0);
    }

    #[test]
    fn j_228_what_dps_takes_and_nobody_means_is_said() {
        for (body, said) in [
            (json!({ "iotHubHostName": WEST, "hub": 1 }), "has `hub`, which DPS ignores"),
            (
                json!({ "iotHubHostName": WEST, "initialtwin": {} }),
                "`initialtwin`, which DPS ignores; did you mean `initialTwin`?",
            ),
            (json!({ "iotHubHostName": "HUB-west.azure-devices.net" }), "linked as hub-west"),
            (json!({ "iotHubHostName": format!(" {WEST}") }), "a blank around the name of the hub"),
            (
                json!({ "iotHubHostName": WEST, "initialTwin": { "desired": { "a": 1 } } }),
                "`desired`, which has no effect; it belongs into `properties`",
            ),
            (
                json!({ "iotHubHostName": WEST, "initialTwin": { "authenticationType": "x" } }),
                "`authenticationType`, which has no effect",
            ),
            (
                json!({ "iotHubHostName": WEST, "initialTwin": { "properties": { "reported": {} } } }),
                "only the device itself reports",
            ),
            (
                json!({ "iotHubHostName": WEST, "initialTwin": { "properties": { "Desired": {} } } }),
                "did you mean `desired`?",
            ),
        ] {
            let judgement = judged(200, &body.to_string());

            assert!(judgement.odd.iter().any(|it| it.contains(said)), "{said}: {judgement:#?}");
            assert_eq!(judgement.odd.len(), 1, "{judgement:#?}");
        }
        let marked = format!("\u{feff}{}", json!({ "iotHubHostName": WEST }));
        assert!(judged(200, &marked).odd[0].contains("byte order mark"));
        assert!(judged(201, &json!({ "iotHubHostName": WEST }).to_string()).odd[0].contains("201"));
    }

    #[test]
    fn j_228_a_slow_answer_and_one_of_another_type_are_odd() {
        let good = format!(r#"{{"iotHubHostName":"{WEST}"}}"#);
        let slow = trial_of(None).judge(&answer(200, &good), Duration::from_secs(5));
        assert!(slow.odd[0].starts_with("it took 5.0 s"), "{slow:?}");

        for (content_type, said) in
            [(None, "no Content-Type"), (Some("text/plain"), "\"text/plain\"")]
        {
            let content_type = content_type.map(str::to_owned);
            let body = good.clone().into();
            let answer = WebhookAnswer::Http { status: 200, body, location: None, content_type };
            let judgement = trial_of(None).judge(&answer, Duration::ZERO);
            assert!(judgement.odd[0].contains(said), "{judgement:?}");
        }
    }

    #[test]
    fn j_228_a_first_twin_for_a_device_that_stays_is_odd() {
        let body = json!({ "iotHubHostName": WEST, "initialTwin": {} }).to_string();

        let stays = trial_of(Some(WEST)).judge(&answer(200, &body), Duration::ZERO);
        let moves = trial_of(Some(EAST)).judge(&answer(200, &body), Duration::ZERO);

        assert!(stays.odd[0].contains("on that hub already"), "{stays:?}");
        assert_eq!(moves.odd, Vec::<String>::new());
    }

    #[test]
    fn j_228_each_failure_is_told_as_the_device_is_told_it() {
        for (status, body, verdict, code) in [
            (400, "no such toaster", Verdict::Refused, 400_207),
            (403, "", Verdict::Refused, 400_207),
            (401, "", Verdict::Bad, 400_209),
            (404, "", Verdict::Bad, 400_207),
            (500, "", Verdict::Bad, 400_207),
            (200, "{}", Verdict::Bad, 400_208),
            (200, "<html>", Verdict::Bad, 400_207),
            (200, r#"{"iotHubHostName":"other"}"#, Verdict::Bad, 400_207),
            (
                200,
                r#"{"iotHubHostName":"hub-west.azure-devices.net","initialTwin":[]}"#,
                Verdict::Bad,
                400_207,
            ),
        ] {
            let judgement = judged(status, body);

            assert_eq!(judgement.verdict, verdict, "{status} {body}");
            assert_eq!(judgement.told.status, "failed");
            assert_eq!(judgement.told.error_code, Some(ErrorCode(code)), "{status} {body}");
            assert!(judgement.reason.is_some());
        }
        assert!(judged(503, "").odd[0].contains("ten more times"));
        let nobody = WebhookAnswer::Unreachable { reason: "connection refused".to_owned() };
        let judgement = trial_of(None).judge(&nobody, Duration::ZERO);
        assert_eq!(judgement.verdict, Verdict::NotReachable);
        assert!(judgement.answer.is_none());
    }

    #[test]
    fn g_2_a_judgement_repeats_no_key() {
        let judgement = judged(400, "no s3cret-key here");

        let shown = serde_json::to_string(&judgement).unwrap();
        assert!(!shown.contains("s3cret") && shown.contains("no **** here"), "{shown}");
        assert!(!format!("{:?}", trial_of(None)).contains("s3cret"));
    }

    #[test]
    fn j_229_a_request_that_was_sent_before_is_sent_letter_by_letter() {
        let request = trial_of(Some(EAST)).request().replace(':', " : ");
        let replay = Replay::read(&request).unwrap();
        let again = Trial::again("http://localhost/".parse().unwrap(), replay);

        let body = format!(r#"{{"iotHubHostName":"{WEST}"}}"#);
        let judgement = again.judge(&answer(200, &body), Duration::ZERO);

        assert_eq!(again.request(), request);
        assert_eq!(judgement.told.device_id.as_deref(), Some("pump-north"));
        assert_eq!(judgement.verdict, Verdict::Accepted);
    }
}
