//! A session with a hub as a pure state machine (I): what a device asks goes in, topics and bodies
//! come out, and what the hub publishes is matched with who waits for it.
//!
//! No socket, no clock. `W` stands for whoever waits for an answer.

use std::collections::BTreeMap;

use super::super::question::{Expected, Heard, MOST_UNDER_WAY, Question, answer};
use super::super::twin::DesiredChange;
use crate::wire::{DeviceTopic, HubTopic, from_json_object};

/// What has to be published.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Outgoing {
    pub(super) topic: String,
    pub(super) body: Vec<u8>,
}

/// A session, from SUBACK on.
#[derive(Debug)]
pub(super) struct Exchange<W> {
    device_id: String,
    last_rid: u32,
    /// By `$rid`.
    requests: BTreeMap<u32, (Expected, W)>,
    /// By packet ID.
    messages: BTreeMap<u16, W>,
}

impl<W> Exchange<W> {
    pub(super) fn new(device_id: &str) -> Self {
        Self {
            device_id: device_id.to_owned(),
            last_rid: 0,
            requests: BTreeMap::new(),
            messages: BTreeMap::new(),
        }
    }

    /// Whether another question may be asked.
    pub(super) fn has_room(&self) -> bool {
        self.requests.len() + self.messages.len() < MOST_UNDER_WAY
    }

    /// A twin request or a report, to be sent; `waiter` waits for the answer.
    pub(super) fn request(
        &mut self,
        question: Question,
        waiter: W,
    ) -> Result<Outgoing, (Vec<u8>, W)> {
        let rid = self.last_rid.wrapping_add(1);
        let (topic, expected, body) = match question {
            Question::Twin => {
                (DeviceTopic::TwinGet { rid: rid.to_string() }, Expected::Twin, Vec::new())
            }
            Question::Report(patch) => {
                (DeviceTopic::TwinReport { rid: rid.to_string() }, Expected::Report, patch)
            }
            Question::Message(body) => return Err((body, waiter)),
        };
        self.last_rid = rid;
        self.requests.insert(rid, (expected, waiter));
        Ok(Outgoing { topic: topic.to_string(), body })
    }

    /// A message, to be sent; whoever waits for it is named once it [is sent](Self::sent).
    pub(super) fn message(&self, body: Vec<u8>) -> Outgoing {
        let topic =
            DeviceTopic::Telemetry { device_id: self.device_id.clone(), properties: String::new() };
        Outgoing { topic: topic.to_string(), body }
    }

    /// A message is on its way; `waiter` waits for its PUBACK.
    pub(super) fn sent(&mut self, packet_id: u16, waiter: W) {
        self.messages.insert(packet_id, waiter);
    }

    /// PUBACK. For a request it says nothing: the answer is still to come.
    pub(super) fn acknowledged(&mut self, packet_id: u16) -> Option<W> {
        self.messages.remove(&packet_id)
    }

    /// Takes in what the hub published.
    pub(super) fn heard(&mut self, topic: &str, body: &[u8]) -> Heard<W> {
        match topic.parse() {
            Ok(HubTopic::TwinResponse { status, rid, version }) => {
                let Some((expected, waiter)) =
                    rid.parse().ok().and_then(|rid: u32| self.requests.remove(&rid))
                else {
                    return Heard::Stray;
                };
                Heard::Answer(waiter, answer(expected, status, version, body))
            }
            Ok(HubTopic::Desired { version }) => match from_json_object(body) {
                Ok(patch) => Heard::Desired(DesiredChange { version, patch }),
                Err(_) => Heard::Stray,
            },
            Ok(
                HubTopic::Credentials { .. }
                | HubTopic::Method { .. }
                | HubTopic::Devicebound { .. },
            )
            | Err(_) => Heard::Stray,
        }
    }

    /// Forgets those who do not wait any more.
    pub(super) fn forget(&mut self, is_gone: impl Fn(&W) -> bool) {
        self.requests.retain(|_, (_, waiter)| !is_gone(waiter));
        self.messages.retain(|_, waiter| !is_gone(waiter));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::super::super::question::Answer;
    use super::*;

    const TWIN: &str = r#"{"desired":{"interval":30,"$version":2},"reported":{"$version":1}}"#;

    fn exchange() -> Exchange<&'static str> {
        Exchange::new("pump")
    }

    #[test]
    fn i_answers_go_to_whoever_asked_in_whatever_order_they_come() {
        let mut exchange = exchange();
        let twin = exchange.request(Question::Twin, "twin").unwrap();
        let report = exchange.request(Question::Report(b"{}".to_vec()), "report").unwrap();

        assert_eq!((&*twin.topic, &*twin.body), ("$iothub/twin/GET/?$rid=1", &b""[..]));
        assert_eq!(report.topic, "$iothub/twin/PATCH/properties/reported/?$rid=2");
        let Heard::Answer("report", Ok(Answer::Reported(Some(3)))) =
            exchange.heard("$iothub/twin/res/204/?$rid=2&$version=3", b"")
        else {
            panic!("no answer to the report");
        };
        let Heard::Answer("twin", Ok(Answer::Twin(twin))) =
            exchange.heard("$iothub/twin/res/200/?$rid=1", TWIN.as_bytes())
        else {
            panic!("no answer to the twin request");
        };
        assert_eq!((twin.desired_version(), twin.reported_version()), (Some(2), Some(1)));
        let again = exchange.heard("$iothub/twin/res/200/?$rid=1", TWIN.as_bytes());
        assert!(matches!(again, Heard::Stray), "a second answer is nobody's");
    }

    #[test]
    fn i_a_message_is_taken_when_its_own_puback_comes() {
        let mut exchange = exchange();

        assert_eq!(exchange.message(b"1".to_vec()).topic, "devices/pump/messages/events/");
        exchange.sent(7, "first");
        exchange.sent(8, "second");

        assert_eq!(exchange.acknowledged(8), Some("second"));
        assert_eq!(exchange.acknowledged(9), None);
        assert_eq!(exchange.acknowledged(7), Some("first"));
    }

    #[test]
    fn i_a_status_and_a_body_that_is_no_twin_are_errors() {
        let heard = |question: Question, topic: &str, body: &str| {
            let mut exchange = exchange();
            exchange.request(question, "asker").unwrap();
            match exchange.heard(topic, body.as_bytes()) {
                Heard::Answer("asker", Err(error)) => error.to_string(),
                other => panic!("{other:?}"),
            }
        };
        let report = || Question::Report(b"x".to_vec());

        assert_eq!(
            heard(report(), "$iothub/twin/res/400/?$rid=1", ""),
            "the hub answered the report with status 400"
        );
        assert_eq!(
            heard(Question::Twin, "$iothub/twin/res/429/?$rid=1", ""),
            "the hub answered the twin request with status 429"
        );
        for body in ["", "[]", "{}", r#"{"desired":{},"reported":3}"#] {
            let error = heard(Question::Twin, "$iothub/twin/res/200/?$rid=1", body);
            assert!(error.contains("cannot be used"), "{body}: {error}");
        }
    }

    #[test]
    fn i_changes_of_desired_properties_are_told_with_their_version() {
        let topic = "$iothub/twin/PATCH/properties/desired/?$version=4";

        let Heard::Desired(change) = exchange().heard(topic, br#"{"a":null,"$version":4}"#) else {
            panic!("no change");
        };
        assert_eq!((change.version, &change.patch["a"]), (4, &Value::Null));
        assert!(matches!(exchange().heard(topic, b"[]"), Heard::Stray));
    }

    #[test]
    fn those_who_left_make_room_for_others() {
        let mut exchange = exchange();
        for _ in 0..MOST_UNDER_WAY {
            assert!(exchange.has_room());
            exchange.request(Question::Twin, "gone").unwrap();
        }
        assert!(!exchange.has_room());

        exchange.forget(|waiter| *waiter == "gone");

        assert!(exchange.has_room());
    }

    proptest! {
        #[test]
        fn nothing_that_a_hub_publishes_makes_it_panic_or_answers_twice(
            topics in proptest::collection::vec("(\\$iothub/twin/(res/[0-9]{1,4}|PATCH/properties/desired)/\\?\\$(rid|version)=[0-9]{1,3})|.{0,20}", 0..20),
            body in ".{0,40}",
        ) {
            let mut exchange = exchange();
            exchange.request(Question::Twin, "twin").unwrap();
            exchange.request(Question::Report(vec![]), "report").unwrap();
            let answers = topics.iter().filter(|topic| {
                matches!(exchange.heard(topic, body.as_bytes()), Heard::Answer(..))
            });
            prop_assert!(answers.count() <= 2);
        }
    }
}
