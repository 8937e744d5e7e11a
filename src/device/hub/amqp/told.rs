//! What a device and its hub tell each other over AMQP: links, requests, and where an answer has what.

use super::super::error::HubError;
use crate::amqp::{Attach, Body, Failure, Message, Properties, Role, Terminus, Value};
use crate::attestation::SasToken;
use crate::wire::{DeviceId, LINK_API_VERSION, LINK_CLIENT_VERSION, hub_link};

/// Who the device is, on its hub.
#[derive(Debug, Clone)]
pub(super) struct Who {
    /// Its ID.
    pub(super) device_id: DeviceId,
    /// What its token gives access to.
    pub(super) resource: String,
    /// The version of the hub's API that it speaks.
    pub(super) api_version: &'static str,
    /// What it calls itself.
    pub(super) client_version: String,
    /// What tells its pair of links from others.
    pub(super) pair: String,
}

/// What a device wants of its twin.
#[derive(Debug)]
pub(super) enum Wish {
    /// The whole of it.
    Twin,
    /// To report: a merge patch.
    Report(Vec<u8>),
    /// To hear of changes of desired properties.
    Changes,
}

impl Wish {
    /// The request that says so.
    pub(super) fn message(self, number: u64) -> Message {
        let (operation, resource, body) = match self {
            Self::Twin => (hub_link::GET, None, None),
            Self::Report(patch) => (hub_link::PATCH, Some(hub_link::REPORTED), Some(patch)),
            Self::Changes => (hub_link::PUT, Some(hub_link::DESIRED_NOTICES), None),
        };
        let mut annotations = vec![(Value::symbol(hub_link::OPERATION), Value::text(operation))];
        annotations.extend(
            resource.map(|resource| (Value::symbol(hub_link::RESOURCE), Value::text(resource))),
        );
        Message {
            annotations,
            properties: Properties {
                correlation_id: Some(Value::String(number.to_string())),
                ..Properties::default()
            },
            // The hub wants a body; Node sends one blank.
            body: Body::Data(body.unwrap_or_else(|| b" ".to_vec())),
            ..Message::default()
        }
    }
}

/// A link on a node of the hub's.
pub(super) fn attach(
    role: Role,
    name: &str,
    address: &str,
    properties: Vec<(Value, Value)>,
) -> Attach {
    let (here, there) = (Terminus::default(), Terminus::at(address));
    let (kind, source, target) = match role {
        Role::Sender => ("-sender", here, there),
        Role::Receiver => ("-receiver", there, here),
    };
    Attach {
        name: format!("{name}{kind}"),
        handle: 0,
        role,
        snd_settle_mode: None,
        rcv_settle_mode: Some(0),
        source: Some(source),
        target: Some(target),
        initial_delivery_count: None,
        max_message_size: None,
        properties,
    }
}

/// What is said of every link but that of `$cbs`.
pub(super) fn link_properties(who: &Who) -> Vec<(Value, Value)> {
    vec![
        (Value::symbol(LINK_API_VERSION), Value::text(who.api_version)),
        (Value::symbol(LINK_CLIENT_VERSION), Value::text(&who.client_version)),
    ]
}

/// What is said of the two links of the twin: that they belong together, too.
pub(super) fn twin_properties(who: &Who) -> Vec<(Value, Value)> {
    let mut properties = link_properties(who);
    let pair = format!("twin:{}", who.pair);
    properties.push((Value::symbol(hub_link::CHANNEL_CORRELATION_ID), Value::String(pair)));
    properties
}

/// The request that puts a token.
pub(super) fn put_token(number: u64, resource: &str, token: &SasToken) -> Message {
    Message {
        properties: Properties {
            message_id: Some(Value::String(number.to_string())),
            to: Some(hub_link::CBS.to_owned()),
            reply_to: Some("cbs".to_owned()),
            ..Properties::default()
        },
        application: vec![
            (Value::text(hub_link::CBS_OPERATION), Value::text(hub_link::PUT_TOKEN)),
            (Value::text(hub_link::TOKEN_TYPE), Value::text(hub_link::SAS_TOKEN[0])),
            (Value::text(hub_link::TOKEN_NAME), Value::text(resource)),
        ],
        body: Body::Value(Value::text(token.as_str())),
        ..Message::default()
    }
}

/// The device's number for the request that a message answers.
pub(super) fn number_of(message: &Message) -> Option<u64> {
    message.properties.correlation_id.as_ref()?.as_text()?.parse().ok()
}

/// How a token was taken: status and description.
pub(super) fn token_status(message: &Message) -> (u16, Option<String>) {
    let status = message.application(hub_link::STATUS_CODE).and_then(whole);
    let description = message.application(hub_link::STATUS_DESCRIPTION).and_then(Value::as_text);
    (status.and_then(|status| status.try_into().ok()).unwrap_or(0), description.map(str::to_owned))
}

/// How a request was taken: status, and version of the reported properties. Without a word it was taken.
pub(super) fn twin_status(message: &Message) -> (u16, Option<u64>) {
    let status = message.annotation(hub_link::STATUS).and_then(whole);
    let version = message.annotation(hub_link::VERSION).and_then(whole);
    (status.map_or(200, |status| status.try_into().unwrap_or(0)), version)
}

/// A refusal in the words of AMQP.
pub(super) fn denied(what: &'static str, failure: Failure) -> HubError {
    let Failure { condition, description, .. } = failure;
    HubError::Denied { what, condition: condition.to_string(), description }
}

/// A number, however it is written. Numbers of either sign are met.
fn whole(value: &Value) -> Option<u64> {
    match value {
        Value::Ubyte(n) => Some((*n).into()),
        Value::Ushort(n) => Some((*n).into()),
        Value::Uint(n) => Some((*n).into()),
        Value::Ulong(n) => Some(*n),
        Value::Byte(n) => (*n).try_into().ok(),
        Value::Short(n) => (*n).try_into().ok(),
        Value::Int(n) => (*n).try_into().ok(),
        Value::Long(n) => (*n).try_into().ok(),
        _ => None,
    }
}
