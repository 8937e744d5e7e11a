//! What a device asks with a message.

use thiserror::Error;

use crate::amqp::{Body, Message, Value};
use crate::text::Foreign;
use crate::wire::{
    GET_OPERATION_STATUS, GET_REGISTRATION, MAX_MESSAGE, OPERATION_ID, OPERATION_TYPE, REGISTER,
};

/// A request.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Request {
    pub(super) what: What,
    /// The answer has the same.
    pub(super) correlation_id: Option<Value>,
}

/// What is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum What {
    /// To register, with this body.
    Register(Vec<u8>),
    /// How this operation stands. C sends the body of its register request again, which counts for nothing.
    Poll(String),
    /// How the registration stands, with this body.
    Lookup(Vec<u8>),
}

/// Why a message is no request. In words for the log.
#[derive(Debug, PartialEq, Eq, Error)]
pub(super) enum RequestFault {
    /// It does not say what is asked.
    #[error("its message has no application property {OPERATION_TYPE}, which must be a string")]
    NoOperationType,
    /// It asks for something that there is not.
    #[error(
        "it asks for the operation {0:?}; there are {REGISTER}, {GET_OPERATION_STATUS} and \
         {GET_REGISTRATION}"
    )]
    OperationType(String),
    /// It does not say about which operation it asks.
    #[error("its poll has no application property {OPERATION_ID}, which must be a string")]
    NoOperationId,
    /// The body is neither bytes nor text.
    #[error("its body is {0}; it must be the JSON in a data section")]
    Body(&'static str),
    /// It is longer than DPS takes (H.3).
    #[error("its body has {0} bytes, and may have {MAX_MESSAGE} (H.3)")]
    TooLong(usize),
}

impl Request {
    /// Reads a message; the fault, with what its answer would have.
    pub(super) fn read(message: Message) -> Result<Self, (RequestFault, Option<Value>)> {
        let correlation_id = message.properties.correlation_id.clone();
        match what(message) {
            Ok(what) => Ok(Self { what, correlation_id }),
            Err(fault) => Err((fault, correlation_id)),
        }
    }
}

fn what(message: Message) -> Result<What, RequestFault> {
    let text = |name| message.application(name).and_then(Value::as_text).map(str::to_owned);
    match text(OPERATION_TYPE).ok_or(RequestFault::NoOperationType)?.as_str() {
        REGISTER => body(message.body).map(What::Register),
        GET_OPERATION_STATUS => {
            text(OPERATION_ID).map(What::Poll).ok_or(RequestFault::NoOperationId)
        }
        GET_REGISTRATION => body(message.body).map(What::Lookup),
        other => Err(RequestFault::OperationType(Foreign::short(other).to_string())),
    }
}

/// All SDKs send bytes; text is as good.
fn body(body: Body) -> Result<Vec<u8>, RequestFault> {
    let bytes = match body {
        Body::None | Body::Value(Value::Null) => Vec::new(),
        Body::Data(bytes) | Body::Value(Value::Binary(bytes)) => bytes,
        Body::Value(Value::String(text)) => text.into_bytes(),
        Body::Value(other) => return Err(RequestFault::Body(other.type_name())),
        Body::Sequence => return Err(RequestFault::Body("a sequence")),
    };
    match bytes.len() {
        length if length > MAX_MESSAGE => Err(RequestFault::TooLong(length)),
        _ => Ok(bytes),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::amqp::Properties;

    fn message(application: &[(&str, Value)], body: Body) -> Message {
        let application =
            application.iter().map(|(name, value)| (Value::text(*name), value.clone())).collect();
        let correlation_id = Some(Value::text("7"));
        let properties = Properties { correlation_id, ..Properties::default() };
        Message { properties, application, body, ..Message::default() }
    }

    fn read(application: &[(&str, Value)], body: Body) -> Result<What, RequestFault> {
        let read = Request::read(message(application, body));
        let correlation_id = read.as_ref().map_or_else(|it| &it.1, |it| &it.correlation_id);
        assert_eq!(*correlation_id, Some(Value::text("7")));
        read.map(|request| request.what).map_err(|(fault, _)| fault)
    }

    #[test]
    fn c_3_requests_of_all_sdks_are_read() {
        let register = (OPERATION_TYPE, Value::text(REGISTER));
        let force = ("iotdps-forceRegistration", Value::Boolean(false));
        let json = br#"{"registrationId":"a"}"#.to_vec();
        for (body, bytes) in [
            (Body::Data(json.clone()), json.clone()),
            (Body::Data(Vec::new()), Vec::new()),
            (Body::None, Vec::new()),
            (Body::Value(Value::Null), Vec::new()),
            (Body::Value(Value::text("{}")), b"{}".to_vec()),
            (Body::Value(Value::Binary(b"{}".to_vec())), b"{}".to_vec()),
        ] {
            let properties = [register.clone(), force.clone()];
            assert_eq!(read(&properties, body), Ok(What::Register(bytes)));
        }

        let poll = [
            (OPERATION_TYPE, Value::text(GET_OPERATION_STATUS)),
            (OPERATION_ID, Value::text("5.a.b")),
        ];
        for body in [
            Body::Value(Value::text("")),
            Body::Value(Value::text(GET_OPERATION_STATUS)),
            Body::Data(json),
            Body::None,
            Body::Sequence,
        ] {
            assert_eq!(read(&poll, body), Ok(What::Poll("5.a.b".to_owned())));
        }

        let lookup = [(OPERATION_TYPE, Value::symbol(GET_REGISTRATION))];
        assert_eq!(read(&lookup, Body::None), Ok(What::Lookup(Vec::new())));
    }

    #[test]
    fn what_is_no_request_says_what_is_missing() {
        let refused = |application: &[_], body| read(application, body).unwrap_err();
        let register = (OPERATION_TYPE, Value::text(REGISTER));

        assert_eq!(refused(&[], Body::None), RequestFault::NoOperationType);
        let number = (OPERATION_TYPE, Value::Int(1));
        assert_eq!(refused(&[number], Body::None), RequestFault::NoOperationType);
        let other = (OPERATION_TYPE, Value::text("iotdps-unregister"));
        let fault = refused(&[other], Body::None);
        assert!(fault.to_string().contains("there are iotdps-register"), "{fault}");
        let poll = (OPERATION_TYPE, Value::text(GET_OPERATION_STATUS));
        assert_eq!(refused(&[poll], Body::None), RequestFault::NoOperationId);
        let fault = refused(std::slice::from_ref(&register), Body::Value(Value::Int(1)));
        assert_eq!(fault, RequestFault::Body("int"));
        assert_eq!(
            refused(std::slice::from_ref(&register), Body::Sequence),
            RequestFault::Body("a sequence")
        );
        let long = Body::Data(vec![b' '; MAX_MESSAGE + 1]);
        assert_eq!(refused(&[register], long), RequestFault::TooLong(MAX_MESSAGE + 1));
    }
}
