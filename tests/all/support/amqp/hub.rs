//! Devices at their hubs over AMQP, as many as share a connection.

use provision_sim::amqp::{
    Attach, BATCH_FORMAT, Body, Disposition, Failure, Message, Outcome, Performative, Properties,
    Role, Symbol, Value,
};
use serde_json::Value as Json;

use super::client::{Client, attach, credit_of};
use crate::support::service::setup::{PRIMARY_KEY, TestService};
use crate::support::service::token::{derived, hub_token};

/// The settle mode of a sender that settles all that it sends, as SDKs want it of twins and methods.
const SETTLED: u8 = 1;

/// A connection to hubs.
pub(crate) struct HubClient {
    pub(crate) client: Client,
    handles: u32,
    /// The links to `$cbs`: this side's handle of the one that sends.
    cbs: Option<u32>,
}

/// A pair of links to one node.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Channel {
    /// This side's handle of the link that sends.
    pub(crate) up: u32,
    /// The service's handle of the link that receives.
    pub(crate) down: u32,
}

impl HubClient {
    /// Without SASL, as Node and .NET come.
    pub(crate) async fn dial(service: &TestService) -> Self {
        Self::over(Client::dial(service).await).await
    }

    /// Over what is connected, and signed in if it has to be.
    pub(crate) async fn over(mut client: Client) -> Self {
        client.open("device").await;
        Self { client, handles: 0, cbs: None }
    }

    /// Asks for a link; this side's handle and the service's.
    pub(crate) async fn attach(
        &mut self,
        role: Role,
        address: &str,
        channel: Option<&str>,
        settles: bool,
    ) -> Result<(u32, u32), Failure> {
        let handle = self.handles;
        self.handles += 1;
        let correlation = channel.map(|channel| {
            (Value::symbol("com.microsoft:channel-correlation-id"), Value::text(channel))
        });
        let asked = Attach {
            snd_settle_mode: settles.then_some(SETTLED),
            properties: correlation.into_iter().collect(),
            ..attach(handle, role, &format!("link-{handle}"), address)
        };
        let answer = self.client.attach(asked).await?;
        if role == Role::Receiver {
            self.client.say(Performative::Flow(credit_of(handle, 50))).await;
        }
        Ok((handle, answer.handle))
    }

    /// Shows a token: the status, and what is said of it.
    pub(crate) async fn show(&mut self, name: &str, token: &str) -> (i32, String) {
        let up = match self.cbs {
            Some(up) => up,
            None => {
                let (up, _) = self.attach(Role::Sender, "$cbs", None, false).await.expect("$cbs");
                self.attach(Role::Receiver, "$cbs", None, false).await.expect("$cbs");
                *self.cbs.insert(up)
            }
        };
        let request = Message {
            properties: Properties {
                message_id: Some(Value::text("token-1")),
                to: Some("$cbs".to_owned()),
                reply_to: Some("cbs".to_owned()),
                ..Properties::default()
            },
            application: vec![
                (Value::text("operation"), Value::text("put-token")),
                (Value::text("type"), Value::text("servicebus.windows.net:sastoken")),
                (Value::text("name"), Value::text(name)),
            ],
            body: Body::Value(Value::text(token)),
            ..Message::default()
        };
        self.send(up, request).await;
        let (_, answer) = self.client.message().await;
        assert_eq!(answer.properties.correlation_id, Some(Value::text("token-1")));
        let Some(Value::Int(status)) = answer.application("status-code") else {
            panic!("{answer:?}")
        };
        let said = answer.application("status-description").and_then(Value::as_text);
        (*status, said.expect("a description").to_owned())
    }

    /// Signs a device of the group `pumps` in.
    pub(crate) async fn sign_in(&mut self, id: &str, hub: &str) {
        let token = hub_token(&derived(PRIMARY_KEY, id), hub, id);
        let (status, said) = self.show(&format!("{hub}/devices/{id}"), &token).await;
        assert_eq!(status, 200, "{said}");
    }

    /// Sends a message, which must be accepted.
    pub(crate) async fn send(&mut self, up: u32, message: Message) {
        let delivery = self.client.transfer(up, message).await;
        assert_eq!(self.client.outcome(delivery).await, Outcome::Accepted);
    }

    /// Sends messages as one, each in a data section, as C and .NET do; they must be accepted.
    pub(crate) async fn send_batch(&mut self, up: u32, count: usize) {
        let one = Message { body: Body::Data(b"{}".to_vec()), ..Message::default() };
        let payload = one.write().repeat(count);
        let delivery = self.client.transfer_as(up, BATCH_FORMAT, payload).await;
        assert_eq!(self.client.outcome(delivery).await, Outcome::Accepted);
    }

    /// Says what became of a message of the hub's.
    pub(crate) async fn settle(&mut self, delivery: u32, state: Outcome) {
        let disposition = Disposition {
            role: Role::Receiver,
            first: delivery,
            last: None,
            settled: true,
            state: Some(state),
        };
        self.client.say(Performative::Disposition(disposition)).await;
    }

    /// Both links to a node that takes requests and gives answers.
    pub(crate) async fn channel(&mut self, id: &str, path: &str) -> Channel {
        let address = format!("/devices/{id}/{path}");
        let channel = format!("{path}:{}", self.handles);
        let down = self.attach(Role::Receiver, &address, Some(&channel), true).await;
        let (_, down) = down.expect("a receiver");
        let up = self.attach(Role::Sender, &address, Some(&channel), true).await;
        let (up, _) = up.expect("a sender");
        Channel { up, down }
    }

    /// Asks a twin: status, version and body of the answer.
    pub(crate) async fn ask_twin(
        &mut self,
        twin: Channel,
        (operation, resource): (&str, &str),
        body: &str,
    ) -> (i32, Option<i64>, String) {
        let resource =
            (!resource.is_empty()).then(|| (Value::symbol("resource"), Value::text(resource)));
        let operation = (Value::symbol("operation"), Value::text(operation));
        let correlation_id = Value::text(format!("request-{}", self.handles));
        let request = Message {
            annotations: [operation].into_iter().chain(resource).collect(),
            properties: Properties {
                correlation_id: Some(correlation_id.clone()),
                ..Properties::default()
            },
            body: Body::Data(body.as_bytes().to_vec()),
            ..Message::default()
        };
        self.send(twin.up, request).await;
        let (handle, answer) = self.client.message().await;
        assert_eq!(handle, twin.down, "on the link that is paired");
        assert_eq!(answer.properties.correlation_id, Some(correlation_id));
        let Some(Value::Int(status)) = answer.annotation("status") else { panic!("{answer:?}") };
        (*status, version(&answer), text(&answer))
    }

    /// The twin.
    pub(crate) async fn twin(&mut self, twin: Channel) -> Json {
        let (status, _, body) = self.ask_twin(twin, ("GET", ""), " ").await;
        assert_eq!(status, 200, "{body}");
        serde_json::from_str(&body).expect("JSON")
    }

    /// Which link the service ends next, by its handle, and why. This side answers it.
    pub(crate) async fn ended(&mut self) -> (u32, String, String) {
        let Performative::Detach(detach) = self.client.heard().await else { panic!("no detach") };
        assert!(detach.closed);
        let Failure { condition, description, .. } = detach.error.expect("why");
        (detach.handle, Symbol::as_str(&condition).to_owned(), description.expect("a text"))
    }
}

/// The version of the properties that a message is about.
pub(crate) fn version(message: &Message) -> Option<i64> {
    match message.annotation("version") {
        Some(Value::Long(version)) => Some(*version),
        None => None,
        other => panic!("C and .NET take nothing but long: {other:?}"),
    }
}

/// What a message says. It is data always: SDKs read nothing else.
pub(crate) fn text(message: &Message) -> String {
    match &message.body {
        Body::Data(bytes) => String::from_utf8(bytes.clone()).expect("UTF-8"),
        other => panic!("{other:?}"),
    }
}
