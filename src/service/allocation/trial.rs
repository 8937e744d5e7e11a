//! A question to a webhook without a device: what it is asked, and what each answer would come to
//! (J-228).
//!
//! Pure. The request and the judgement are the service's own ([`allocation_request`], [`judge`]); what
//! is added is what a person wants to know of an answer besides: whatever is odd in it.

use std::time::Duration;

use super::answer::{WebhookAnswer, judge};
use super::decision::Decision;
use super::judgement::{Answered, Judgement, Told, Verdict};
use super::odd::Odd;
use super::replay::Replay;
use super::request::{Applicant, allocation_request};
use crate::service::enrollment::{
    AllocationPolicy, CustomAllocationDefinition, Enrollment, WebhookUrl,
};
use crate::service::mask::{MAX_BODY, Mask};
use crate::wire::HubName;

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
        let odd = Odd {
            linked_hubs: &self.linked_hubs,
            current_hub: self.current_hub.as_ref(),
            mask: &self.mask,
        };
        let odd = odd.of(answer, took);
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
                verdict: Verdict::of_failure(answer),
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
}
