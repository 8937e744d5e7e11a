//! What was seen of a client in one run: all that it said, what it was told, and how it ended.
//!
//! Pure, and without an opinion.

use std::time::{Duration, Instant};

use crate::child::End;
use crate::service::{
    FaultPlace, FaultTransport, WireAnswer, WireAttach, WireConnect, WireEvent, WireMoment,
};

/// One run of a client.
#[derive(Debug)]
pub(super) struct Observation {
    /// Whence times are counted: the client was started.
    pub(super) began: Instant,
    /// What went over the wire.
    pub(super) events: Vec<WireEvent>,
    /// How the client ended.
    pub(super) end: End,
    /// How long it ran.
    pub(super) took: Duration,
    /// Whether it ran as long as it may, and was not stopped because there was no more to be seen.
    pub(super) ran_out: bool,
    /// The line with which its runtime told of an error that the program did not catch.
    pub(super) uncaught: Option<String>,
    /// The ID scope of the service.
    pub(super) id_scope: String,
    /// The device.
    pub(super) registration_id: String,
    /// The payload that the client could send, and whether its command line names it.
    pub(super) payload: (String, bool),
}

/// A question of a device, and what came of it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Exchange<'a> {
    /// To register, or how something stands.
    pub(super) place: FaultPlace,
    /// On which connection.
    pub(super) connection: u64,
    /// When it was asked.
    pub(super) asked: Duration,
    /// The operation that it is about.
    pub(super) operation: Option<&'a str>,
    /// What came with it.
    pub(super) body: &'a [u8],
    /// When the answer went out, if one did.
    pub(super) answered: Option<Duration>,
    /// The answer.
    pub(super) answer: Option<&'a WireAnswer>,
}

impl Exchange<'_> {
    /// Whether it is a register request.
    pub(super) fn is_register(&self) -> bool {
        self.place == FaultPlace::Register
    }

    /// Whether it asks how an operation stands.
    pub(super) fn is_poll(&self) -> bool {
        self.place == FaultPlace::Poll
    }

    /// The status of its answer.
    pub(super) fn status(&self) -> Option<u16> {
        self.answer.map(|answer| answer.status)
    }

    /// A member of the answer's body, as text.
    pub(super) fn told(&self, member: &str) -> Option<String> {
        let body: serde_json::Value = serde_json::from_str(&self.answer?.body).ok()?;
        body.get(member)?.as_str().map(str::to_owned)
    }

    /// Whether a TPM is given a key in answer, to sign with it and ask again (B.5).
    fn is_challenged(&self) -> bool {
        self.is_register() && self.status() == Some(401) && self.told("authenticationKey").is_some()
    }

    /// Whether the device is told of its hub.
    pub(super) fn is_assigned(&self) -> bool {
        self.status() == Some(200) && self.told("status").as_deref() == Some("assigned")
    }

    /// What it is called in a sentence.
    pub(super) fn name(&self) -> &'static str {
        match self.place {
            FaultPlace::Register => "register request",
            FaultPlace::Poll => "poll",
            _ => "look-up",
        }
    }
}

impl Observation {
    /// When something was, from the beginning.
    pub(super) fn since(&self, at: Instant) -> Duration {
        at.saturating_duration_since(self.began)
    }

    /// What the device asked, in order. The register request for which a TPM is given a key, and the one
    /// that this TPM has signed, are one: the device had to ask in two steps (J-495).
    pub(super) fn exchanges(&self) -> Vec<Exchange<'_>> {
        let mut exchanges: Vec<Exchange<'_>> = Vec::new();
        for exchange in self.steps() {
            match exchanges.last_mut() {
                // Who is given a key and asks for another one has asked twice.
                Some(last)
                    if last.is_challenged()
                        && exchange.is_register()
                        && !exchange.is_challenged() =>
                {
                    *last = Exchange { asked: last.asked, ..exchange };
                }
                _ => exchanges.push(exchange),
            }
        }
        exchanges
    }

    /// All that it asked, in order.
    fn steps(&self) -> Vec<Exchange<'_>> {
        let mut exchanges: Vec<Exchange<'_>> = Vec::new();
        for event in &self.events {
            let at = self.since(event.at);
            match &event.moment {
                WireMoment::Asked { place, operation, body } => exchanges.push(Exchange {
                    place: *place,
                    connection: event.connection,
                    asked: at,
                    operation: operation.as_deref(),
                    body,
                    answered: None,
                    answer: None,
                }),
                WireMoment::Answered { place, delay, answer: Some(answer) } => {
                    // Two questions of one connection are never answered at once.
                    let question = exchanges
                        .iter_mut()
                        .rev()
                        .find(|it| (it.connection, it.place) == (event.connection, *place));
                    if let Some(question) = question {
                        question.answered = Some(at + *delay);
                        question.answer = Some(answer);
                    }
                }
                _ => {}
            }
        }
        exchanges
    }

    /// The register requests.
    pub(super) fn registers(&self) -> Vec<Exchange<'_>> {
        self.exchanges().into_iter().filter(Exchange::is_register).collect()
    }

    /// The polls.
    pub(super) fn polls(&self) -> Vec<Exchange<'_>> {
        self.exchanges().into_iter().filter(Exchange::is_poll).collect()
    }

    /// When the device was first told of its hub.
    pub(super) fn assigned(&self) -> Option<Duration> {
        self.exchanges().iter().find(|it| it.is_assigned())?.answered
    }

    /// What was heard of each kind, with its time and its connection.
    pub(super) fn heard<'a, T>(
        &'a self,
        pick: impl Fn(&'a WireMoment) -> Option<T>,
    ) -> Vec<(Duration, u64, T)> {
        let picked = self.events.iter().filter_map(|event| {
            Some((self.since(event.at), event.connection, pick(&event.moment)?))
        });
        picked.collect()
    }

    /// Connections, of which nothing more need be known.
    pub(super) fn opened(&self) -> Vec<Duration> {
        let opened = self.heard(|moment| matches!(moment, WireMoment::Opened { .. }).then_some(()));
        opened.into_iter().map(|(at, ..)| at).collect()
    }

    /// CONNECTs at the provisioning service, or at a hub.
    pub(super) fn connects(&self, at_hub: bool) -> Vec<(Duration, u64, &WireConnect)> {
        self.heard(|moment| match moment {
            WireMoment::Connect(connect) if connect.is_for_hub == at_hub => Some(connect),
            _ => None,
        })
    }

    /// How the device speaks with the provisioning service, once it has said something.
    pub(super) fn transport(&self) -> Option<FaultTransport> {
        let first = self.events.iter().find(|event| match &event.moment {
            WireMoment::Connect(connect) => !connect.is_for_hub,
            // Whom it means, it says only with its first link; whoever provisions itself does so first.
            WireMoment::SignIn(_) | WireMoment::Request(_) => true,
            _ => false,
        })?;
        if matches!(first.moment, WireMoment::Request(_)) {
            return Some(FaultTransport::Https);
        }
        let is_amqp = matches!(first.moment, WireMoment::SignIn(_));
        let listener = self.events.iter().find_map(|event| match event.moment {
            WireMoment::Opened { listener } if event.connection == first.connection => {
                Some(listener)
            }
            _ => None,
        });
        Some(match (is_amqp, listener) {
            (false, Some(FaultTransport::Https)) => FaultTransport::MqttWs,
            (false, _) => FaultTransport::Mqtt,
            (true, Some(FaultTransport::Https)) => FaultTransport::AmqpWs,
            (true, _) => FaultTransport::Amqp,
        })
    }

    /// Whether it speaks MQTT.
    pub(super) fn speaks_mqtt(&self) -> bool {
        matches!(self.transport(), Some(FaultTransport::Mqtt | FaultTransport::MqttWs))
    }

    /// Whether it speaks AMQP.
    pub(super) fn speaks_amqp(&self) -> bool {
        matches!(self.transport(), Some(FaultTransport::Amqp | FaultTransport::AmqpWs))
    }

    /// When it has presented itself to the provisioning service: by CONNECT, or as AMQP begins.
    pub(super) fn presented(&self) -> Vec<Duration> {
        let hubs: Vec<_> = self
            .heard(|moment| match moment {
                WireMoment::Attach(attach) if attach.is_for_hub => Some(()),
                _ => None,
            })
            .into_iter()
            .map(|(_, connection, ())| connection)
            .collect();
        self.heard(|moment| match moment {
            WireMoment::Connect(connect) => (!connect.is_for_hub).then_some(()),
            WireMoment::SignIn(_) => Some(()),
            _ => None,
        })
        .into_iter()
        .filter(|(_, connection, ())| !hubs.contains(connection))
        .map(|(at, ..)| at)
        .collect()
    }

    /// The links that it has asked for at the provisioning service.
    pub(super) fn attaches(&self) -> Vec<(Duration, u64, &WireAttach)> {
        self.heard(|moment| match moment {
            WireMoment::Attach(attach) if !attach.is_for_hub => Some(attach),
            _ => None,
        })
    }

    /// When something was last heard of the client, pings aside.
    pub(super) fn last_sign(&self) -> Option<Duration> {
        let signs = self.events.iter().filter(|event| {
            !matches!(
                event.moment,
                WireMoment::Ping | WireMoment::Answered { .. } | WireMoment::Ended(_)
            )
        });
        signs.map(|event| self.since(event.at)).next_back()
    }

    /// Whether it ended by itself, and said that all went well.
    pub(super) fn says_success(&self) -> bool {
        self.end == End::Code(0)
    }
}
