//! A message to a device, as it goes over AMQP (I.3).

use std::time::UNIX_EPOCH;

use percent_encoding::percent_decode_str;

use crate::amqp::{Body, Message, Symbol, Value};
use crate::service::hub::DeviceMessage;

/// The message. Its properties are kept as they stand in a topic of MQTT: what has a place in the standard
/// goes there, the rest is the application's.
pub(super) fn message(kept: &DeviceMessage) -> Message {
    let mut message = Message { body: Body::Data(kept.body.clone()), ..Message::default() };
    for pair in kept.properties.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let decoded = |text| percent_decode_str(text).decode_utf8_lossy().into_owned();
        let (name, value) = (decoded(name), decoded(value));
        let properties = &mut message.properties;
        match name.as_str() {
            "$.mid" => properties.message_id = Some(Value::String(value)),
            "$.cid" => properties.correlation_id = Some(Value::String(value)),
            "$.uid" => properties.user_id = Some(value.into_bytes()),
            "$.to" => properties.to = Some(value),
            "$.ct" => properties.content_type = Symbol::new(value),
            "$.ce" => properties.content_encoding = Symbol::new(value),
            "$.exp" => properties.absolute_expiry_time = milliseconds(&value),
            _ => message.application.push((Value::String(name), Value::String(value))),
        }
    }
    message
}

/// A time, in milliseconds since 1970. Back ends give what they like.
fn milliseconds(text: &str) -> Option<i64> {
    let time = humantime::parse_rfc3339_weak(text).ok()?;
    let since = time.duration_since(UNIX_EPOCH).ok()?;
    i64::try_from(since.as_millis()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::amqp::Properties;

    #[test]
    fn i_properties_of_a_message_have_their_places_over_amqp() {
        let kept = DeviceMessage {
            properties: "%24.to=%2Fdevices%2Fpump%2Fmessages%2FdeviceBound&%24.mid=m%201&%24.cid=c\
                         &%24.uid=hub&%24.ct=text%2Fplain&%24.ce=utf-8\
                         &%24.exp=2026-03-02T08%3A15%3A30Z&iothub-ack=full&colour=blue%26green"
                .to_owned(),
            body: b"hello".to_vec(),
        };

        let message = message(&kept);

        let text = |text: &str| Value::text(text);
        assert_eq!(
            message.properties,
            Properties {
                message_id: Some(text("m 1")),
                user_id: Some(b"hub".to_vec()),
                to: Some("/devices/pump/messages/deviceBound".to_owned()),
                correlation_id: Some(text("c")),
                content_type: Symbol::new("text/plain"),
                content_encoding: Symbol::new("utf-8"),
                absolute_expiry_time: Some(1_772_439_330_000),
                ..Properties::default()
            }
        );
        let own = vec![(text("iothub-ack"), text("full")), (text("colour"), text("blue&green"))];
        assert_eq!((message.application, message.body), (own, Body::Data(b"hello".to_vec())));
    }

    #[test]
    fn what_has_no_place_is_left_out() {
        let properties = "%24.exp=soon&%24.ct=t%C3%A9xt&&x".to_owned();
        let message = message(&DeviceMessage { properties, body: Vec::new() });

        assert_eq!(message.properties, Properties::default());
        assert_eq!(message.application, [(Value::text("x"), Value::text(""))]);
    }
}
