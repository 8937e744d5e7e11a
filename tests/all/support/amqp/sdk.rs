//! Devices that speak AMQP as the SDKs for Node, C, .NET and Java do: the same frames with the same
//! members, in the same pieces and order, and the same habits in reading.
//!
//! Only Node and Java are run against the service unmodified (`tests/interop`). What the SDKs for C and
//! .NET say was read in their sources, down to the AMQP libraries below them (azure-uamqp-c,
//! azure-amqp).

use provision_sim::amqp::{
    Attach, Begin, Body, Close, Disposition, End, Failure, Flow, Frame, Message, Open, Outcome,
    Performative, Properties, Protocol, Role, Terminus, Value,
};
use serde_json::Value as Json;

use super::client::{Client, credit_of};
use crate::support::service::setup::{PRIMARY_KEY, SCOPE};
use crate::support::service::token::{C_SDK, DOT_NET_SDK, JAVA_SDK, NODE_SDK, derived};

/// The handles that all of them give their links: the one that receives comes first.
pub(crate) const RECEIVER: u32 = 0;
pub(crate) const SENDER: u32 = 1;

/// Who speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sdk {
    Node,
    C,
    DotNet,
    Java,
}

impl Sdk {
    /// Where it upgrades to a WebSocket: the target of its request, and the lines of its own.
    pub(crate) fn upgrade(self) -> (&'static str, &'static str) {
        match self {
            Self::Node => ("/$iothub/websocket", "Host: localhost\r\n"),
            Self::C => ("/$iothub/websocket", "Host: localhost:443\r\n"),
            Self::DotNet => ("/", "Host: localhost\r\n"),
            Self::Java => ("/$iothub/websocket?iothub-no-client-cert=true", "Host: localhost\r\n"),
        }
    }

    /// A token for a device of the group with this key.
    fn token(self, group_key: &str, id: &str) -> String {
        let spelling = match self {
            Self::Node => NODE_SDK,
            Self::C => C_SDK,
            Self::DotNet => DOT_NET_SDK,
            Self::Java => JAVA_SDK,
        };
        spelling.token(&derived(group_key, id), SCOPE, id)
    }

    fn open(self) -> Open {
        let named = |container_id: &str, hostname: &str| Open {
            container_id: container_id.to_owned(),
            hostname: Some(hostname.to_owned()),
            ..Open::default()
        };
        match self {
            Self::Node => named("5d3ee2ab-0d5e-4a4e-8f0a-3c8be0e5a6b1", "localhost"),
            Self::C => Open {
                max_frame_size: Some(u32::MAX),
                channel_max: Some(u16::MAX),
                ..named("prov_connection", "localhost")
            },
            Self::DotNet => Open {
                max_frame_size: Some(64 * 1024),
                channel_max: Some(8 * 1024 - 1),
                ..named("7f6b1c52-6a4e-4ea6-a1f5-0f7ad1f7d0a9", "localhost")
            },
            // proton-j, which is given no name for its container.
            Self::Java => Open {
                max_frame_size: Some(u32::MAX),
                channel_max: Some(u16::MAX),
                ..named("", "localhost:5671")
            },
        }
    }

    fn begin(self) -> Begin {
        let (next_outgoing_id, incoming_window, outgoing_window, handle_max) = match self {
            Self::Node => (0, 2048, u32::MAX, None),
            Self::C => (0, i32::MAX.unsigned_abs(), 65_536, Some(u32::MAX)),
            Self::DotNet => (1, 5000, 5000, Some(256 * 1024 - 1)),
            Self::Java => {
                (1, i32::MAX.unsigned_abs(), i32::MAX.unsigned_abs(), Some(u16::MAX.into()))
            }
        };
        Begin {
            remote_channel: None,
            next_outgoing_id,
            incoming_window,
            outgoing_window,
            handle_max,
        }
    }

    /// The address of a device, as it writes it.
    pub(crate) fn address(self, id: &str) -> String {
        match self {
            Self::Node | Self::DotNet => format!("{SCOPE}/registrations/{id}"),
            Self::C => format!("amqps://localhost/{SCOPE}/registrations/{id}"),
            Self::Java => format!("/{SCOPE}/registrations/{id}"),
        }
    }

    /// What it grants on the link that receives.
    fn credit(self) -> u32 {
        match self {
            Self::Node | Self::DotNet => 1000,
            Self::C => 10_000,
            Self::Java => 1024,
        }
    }

    fn attach(self, role: Role, id: &str) -> Attach {
        let receives = role == Role::Receiver;
        let (receiver_name, sender_name) = match self {
            Self::Node => ("rheaReceiver_0a3c", "rheaSender_71be"),
            Self::C => ("recv_link", "sender_link"),
            Self::DotNet => {
                ("f2a1a6e8c0b94a0fa6d5d1c4f6d5a0c3", "0c1f2be1f8d04a5d93c7a1f0b3f4a2e6")
            }
            Self::Java => ("provision_receiver_link", "provision_sender_link"),
        };
        let (snd_settle_mode, rcv_settle_mode) = match (self, role) {
            // 2 is mixed, 0 first.
            (Self::Node, _) => (Some(2), Some(0)),
            (Self::C, _) => (Some(0), Some(0)),
            // Its sender would have the receiver settle second.
            (Self::DotNet, Role::Receiver) => (None, None),
            (Self::DotNet, Role::Sender) => (None, Some(1)),
            (Self::Java, Role::Receiver) => (Some(2), Some(0)),
            (Self::Java, Role::Sender) => (Some(0), Some(0)),
        };
        let own_end = match (self, role) {
            (Self::C, Role::Receiver) => Some(Terminus::at("local_endpoint")),
            (Self::C, Role::Sender) => Some(Terminus::at("remote_endpoint")),
            // proton-j sends none at all.
            (Self::Java, _) => None,
            _ => Some(Terminus::default()),
        };
        let other_end = Some(Terminus::at(self.address(id)));
        let (source, target) = if receives { (other_end, own_end) } else { (own_end, other_end) };
        let property = |name, value: &str| (Value::symbol(name), Value::text(value));
        let api_version = |version| property("com.microsoft:api-version", version);
        let client_version = |version| property("com.microsoft:client-version", version);
        Attach {
            name: if receives { receiver_name } else { sender_name }.to_owned(),
            handle: if receives { RECEIVER } else { SENDER },
            role,
            snd_settle_mode,
            rcv_settle_mode,
            source,
            target,
            initial_delivery_count: (!receives).then_some(0),
            max_message_size: (self == Self::C).then_some(if receives { 65_536 } else { u64::MAX }),
            properties: match self {
                Self::Node => vec![
                    api_version("2019-03-31"),
                    client_version("azure-iot-provisioning-device/1.9.1"),
                ],
                Self::C => vec![api_version("2021-06-01")],
                Self::DotNet => vec![
                    client_version("Microsoft.Azure.Devices.Provisioning.Transport.Amqp/1.19.4"),
                    api_version("2019-03-31"),
                ],
                Self::Java => vec![
                    api_version("2019-03-31"),
                    client_version("com.microsoft.azure.sdk.iot.dps.dps-device-client/2.1.3"),
                ],
            },
        }
    }

    /// A message that asks for an operation.
    fn request(
        self,
        operation: &str,
        more: Option<(&str, Value)>,
        nth: u32,
        body: Body,
    ) -> Message {
        let entry = |name: &str, value| (Value::text(name), value);
        let mut application = vec![entry("iotdps-operation-type", Value::text(operation))];
        application.extend(more.map(|(name, value)| entry(name, value)));
        let correlation_id = match self {
            Self::Node => Some(Value::text(format!("3f2504e0-4f89-41d3-9a0c-0305e82c3{nth:03}"))),
            Self::DotNet => Some(Value::text("c56a4180-65aa-42ec-a945-5fd21dec0538")),
            Self::C | Self::Java => None,
        };
        let properties = Properties { correlation_id, ..Properties::default() };
        Message { properties, application, body, ..Message::default() }
    }

    /// The request to register.
    fn register(self, id: &str, payload: Option<&str>, nth: u32) -> Message {
        let forced = ("iotdps-forceRegistration", Value::Boolean(false));
        let more = matches!(self, Self::Node | Self::DotNet).then_some(forced);
        let body = match (self, payload) {
            (Self::DotNet, None) => Vec::new(),
            (Self::DotNet, Some(payload)) => format!(r#"{{"payload":{payload}}}"#).into_bytes(),
            _ => registration(id, payload),
        };
        self.request("iotdps-register", more, nth, Body::Data(body))
    }

    /// The request to say how far it is.
    fn poll(self, id: &str, payload: Option<&str>, operation_id: &str, nth: u32) -> Message {
        const OPERATION: &str = "iotdps-get-operationstatus";
        let body = match self {
            Self::Node => Body::Value(Value::text("")),
            Self::DotNet => Body::Value(Value::text(OPERATION)),
            Self::C => Body::Data(registration(id, payload)),
            Self::Java => Body::None,
        };
        self.request(OPERATION, Some(("iotdps-operation-id", Value::text(operation_id))), nth, body)
    }

    /// Where it looks for the time to wait: keys of a map are compared with their case.
    fn retry_after_name(self) -> &'static str {
        match self {
            Self::Node | Self::C | Self::Java => "retry-after",
            Self::DotNet => "Retry-After",
        }
    }

    /// Whether it settles what it is sent.
    fn settles(self) -> bool {
        self != Self::Java
    }

    /// Signs in with a key of the group `pumps`, and has both links.
    pub(crate) async fn connect(self, client: Client, id: &str) -> Speaker {
        self.try_connect(client, id, PRIMARY_KEY).await.expect("links")
    }

    /// The same with a key of another group; says why the links were refused, if they were.
    pub(crate) async fn try_connect(
        self,
        mut client: Client,
        id: &str,
        group_key: &str,
    ) -> Result<Speaker, Failure> {
        let user = format!("{SCOPE}/registrations/{id}");
        client.sign_in_plainly(&user, &self.token(group_key, id)).await;
        self.open_links(client, id).await
    }

    /// From AMQP's header to the links, without SASL or behind it: with a certificate, none of them
    /// has SASL.
    pub(crate) async fn open_links(self, mut client: Client, id: &str) -> Result<Speaker, Failure> {
        let receiver = self.attach(Role::Receiver, id);
        let sender = self.attach(Role::Sender, id);
        let credit = Performative::Flow(Flow {
            incoming_window: self.begin().incoming_window,
            outgoing_window: self.begin().outgoing_window,
            // Java has heard nothing of the service's session yet.
            next_incoming_id: (self != Self::Java).then_some(0),
            next_outgoing_id: self.begin().next_outgoing_id,
            delivery_count: (self != Self::Java).then_some(0),
            ..credit_of(RECEIVER, self.credit())
        });
        let links = match self {
            // Each step waits for the answer to the one before.
            Self::Node | Self::DotNet => {
                self.open_session(&mut client).await;
                let receiver = client.attach(receiver).await?;
                client.say(credit).await;
                (receiver.handle, client.attach(sender).await?.handle)
            }
            // Both links are asked for as soon as the session stands; credit comes when its link does.
            Self::C => {
                self.open_session(&mut client).await;
                client.say(Performative::Attach(receiver.clone())).await;
                client.say(Performative::Attach(sender.clone())).await;
                let receiver = client.attached(&receiver).await?;
                client.say(credit).await;
                (receiver.handle, client.attached(&sender).await?.handle)
            }
            // All of it at once, behind the header.
            Self::Java => {
                let mut bytes = Protocol::Amqp.bytes().to_vec();
                let all = [
                    Performative::Open(self.open()),
                    Performative::Begin(self.begin()),
                    Performative::Attach(receiver.clone()),
                    Performative::Attach(sender.clone()),
                    credit,
                ];
                all.into_iter().for_each(|it| Frame::Amqp(0, it).write(&mut bytes));
                client.send_raw(&bytes).await;
                client.hear_header(Protocol::Amqp).await;
                assert!(matches!(client.heard().await, Performative::Open(_)));
                assert!(matches!(client.heard().await, Performative::Begin(_)));
                let receiver = client.attached(&receiver).await?;
                (receiver.handle, client.attached(&sender).await?.handle)
            }
        };
        let (receiver, _sender) = links;
        Ok(Speaker { sdk: self, client, id: id.to_owned(), receiver, requests: 0, payload: None })
    }

    async fn open_session(self, client: &mut Client) {
        client.begin_protocol(Protocol::Amqp).await;
        client.say(Performative::Open(self.open())).await;
        assert!(matches!(client.heard().await, Performative::Open(_)));
        client.say(Performative::Begin(self.begin())).await;
        let Performative::Begin(begun) = client.heard().await else { panic!("no begin") };
        assert_eq!(begun.remote_channel, Some(0), "2.7.2: the answer names the channel");
    }
}

/// The JSON of a registration.
fn registration(id: &str, payload: Option<&str>) -> Vec<u8> {
    let payload = payload.map(|payload| format!(r#","payload":{payload}"#)).unwrap_or_default();
    format!(r#"{{"registrationId":"{id}"{payload}}}"#).into_bytes()
}

/// What the service says to a request, as the SDK reads it.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) body: Json,
    /// Under the name by which the SDK looks for it.
    pub(crate) retry_after: Option<i32>,
}

impl Answer {
    pub(crate) fn status(&self) -> &str {
        self.body["status"].as_str().expect("a status")
    }

    pub(crate) fn operation_id(&self) -> String {
        self.body["operationId"].as_str().expect("an operation").to_owned()
    }
}

/// A device with both links to DPS.
pub(crate) struct Speaker {
    sdk: Sdk,
    pub(crate) client: Client,
    id: String,
    /// The service's handle of the link that receives.
    receiver: u32,
    requests: u32,
    payload: Option<&'static str>,
}

impl Speaker {
    pub(crate) fn with_payload(self, payload: &'static str) -> Self {
        Self { payload: Some(payload), ..self }
    }

    pub(crate) async fn register(&mut self) -> Result<Answer, Failure> {
        let message = self.sdk.register(&self.id, self.payload, self.requests);
        self.ask(message).await
    }

    pub(crate) async fn poll(&mut self, operation_id: &str) -> Result<Answer, Failure> {
        let message = self.sdk.poll(&self.id, self.payload, operation_id, self.requests);
        self.ask(message).await
    }

    /// Registers and polls, without waiting, until the result is there.
    pub(crate) async fn provision(&mut self) -> Answer {
        let answer = self.register().await.expect("an answer");
        self.result_of(answer).await
    }

    /// Polls, without waiting, until the result of an accepted request is there.
    pub(crate) async fn result_of(&mut self, mut answer: Answer) -> Answer {
        while answer.status() == "assigning" {
            answer = self.poll(&answer.operation_id()).await.expect("an answer");
        }
        answer
    }

    /// Sends a request: it is settled, and behind that comes the answer, never before (.NET waits for
    /// one and then for the other).
    async fn ask(&mut self, message: Message) -> Result<Answer, Failure> {
        self.requests += 1;
        let correlation_id = message.properties.correlation_id.clone();
        let delivery = self.client.transfer(SENDER, message).await;
        match self.client.outcome(delivery).await {
            Outcome::Accepted => {}
            Outcome::Rejected(error) => return Err(error.expect("why")),
            other => panic!("{other:?}"),
        }
        let (delivery, handle, answer) = self.client.message_unsettled().await;
        assert_eq!(handle, self.receiver);
        assert_eq!(answer.properties.correlation_id, correlation_id, "Node looks for its own");
        if self.sdk.settles() {
            let disposition = Disposition {
                role: Role::Receiver,
                first: delivery,
                last: None,
                settled: true,
                state: Some(Outcome::Accepted),
            };
            self.client.say(Performative::Disposition(disposition)).await;
        }
        let Body::Data(bytes) = &answer.body else {
            panic!("C takes nothing but data: {answer:?}")
        };
        let body: Json = serde_json::from_slice(bytes).expect("JSON");
        let retry_after =
            answer.application(self.sdk.retry_after_name()).map(|value| match value {
                Value::Int(seconds) => *seconds,
                other => panic!("C takes int or string, not {other:?}"),
            });
        assert_eq!(retry_after.is_some(), body["status"] == "assigning", "{body}");
        Ok(Answer { body, retry_after })
    }

    /// Ends the connection as the SDK does.
    pub(crate) async fn end(mut self) {
        match self.sdk {
            Sdk::Node => {
                self.client.detach(SENDER).await;
                self.client.detach(RECEIVER).await;
                self.client.close().await;
            }
            // Everything at once, and all of it answered.
            Sdk::C | Sdk::Java => {
                let closed = |handle| {
                    let detach = provision_sim::amqp::Detach { handle, closed: true, error: None };
                    Frame::Amqp(0, Performative::Detach(detach))
                };
                let end = Frame::Amqp(0, Performative::End(End::default()));
                let close = Frame::Amqp(0, Performative::Close(Close::default()));
                self.client.send([closed(RECEIVER), closed(SENDER), end, close]).await;
                for name in ["detach", "detach", "end", "close"] {
                    assert_eq!(self.client.heard().await.name(), name);
                }
                assert!(self.client.is_closed().await);
            }
            Sdk::DotNet => {
                self.client.say(Performative::Close(Close::default())).await;
                let answer = self.client.heard().await;
                assert_eq!(answer, Performative::Close(Close::default()));
                assert!(self.client.is_closed().await);
            }
        }
    }
}
