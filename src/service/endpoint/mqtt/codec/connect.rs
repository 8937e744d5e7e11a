//! The body of CONNECT (section 3.1), the one packet whose fields depend on flags.
//!
//! It decides whether a CONNECT is well formed, not whether its sender may come in: user names,
//! passwords and client identifiers are the session's to judge.

use super::connect_flags::{ConnectFlags, WillSettings};
use super::cursor::Cursor;
use super::violation::excerpt;
use super::{Connect, Field, Violation, Will, topic};

const PROTOCOL_NAME: &[u8] = b"MQTT";
/// That of MQTT 3.1.
const OLD_PROTOCOL_NAME: &[u8] = b"MQIsdp";
const PROTOCOL_LEVEL: u8 = 4;

/// Reads the body of a CONNECT, all of it.
pub(super) fn read(body: &mut Cursor<'_>) -> Result<Connect, Violation> {
    check_protocol(body)?;
    let flags = ConnectFlags::new(body.byte(Field::ConnectFlags)?)?;
    let connect = Connect {
        clean_session: flags.clean_session,
        keep_alive: body.number(Field::KeepAlive)?,
        client_id: body.text(Field::ClientId)?.to_owned(),
        will: flags.will.map(|settings| read_will(body, settings)).transpose()?,
        user_name: read_user_name(body, &flags)?,
        password: read_password(body, &flags)?,
    };
    check_end(body, &flags)?;
    // Last, since only a CONNECT that is otherwise sound is owed an answer.
    if connect.client_id.is_empty() && !connect.clean_session {
        return Err(Violation::EmptyClientId);
    }
    Ok(connect)
}

fn check_protocol(body: &mut Cursor<'_>) -> Result<(), Violation> {
    let name = body.binary(Field::ProtocolName)?;
    if name == OLD_PROTOCOL_NAME {
        return Err(Violation::Mqtt31);
    }
    if name != PROTOCOL_NAME {
        let seen = excerpt(&name.escape_ascii().to_string());
        return Err(Violation::ProtocolName { seen });
    }
    // Nothing behind the level may be judged before the level is: other versions have other fields.
    let level = body.byte(Field::ProtocolLevel)?;
    if level != PROTOCOL_LEVEL {
        return Err(Violation::UnsupportedProtocolLevel { level });
    }
    Ok(())
}

fn read_will(body: &mut Cursor<'_>, settings: WillSettings) -> Result<Will, Violation> {
    let topic = body.text(Field::WillTopic)?;
    topic::check_will(topic)?;
    Ok(Will {
        topic: topic.to_owned(),
        payload: body.binary(Field::WillMessage)?.to_vec(),
        qos: settings.qos,
        retain: settings.retain,
    })
}

fn read_user_name(
    body: &mut Cursor<'_>,
    flags: &ConnectFlags,
) -> Result<Option<String>, Violation> {
    if !flags.user_name {
        return Ok(None);
    }
    body.text(Field::UserName).map(|name| Some(name.to_owned()))
}

fn read_password(
    body: &mut Cursor<'_>,
    flags: &ConnectFlags,
) -> Result<Option<Vec<u8>>, Violation> {
    if !flags.password {
        return Ok(None);
    }
    body.binary(Field::Password).map(|password| Some(password.to_vec()))
}

/// Bytes left over are most likely a field whose flag was forgotten, so the rule of that flag is
/// named.
fn check_end(body: &Cursor<'_>, flags: &ConnectFlags) -> Result<(), Violation> {
    match body.left() {
        0 => Ok(()),
        count if !flags.user_name => Err(Violation::UnannouncedUserName { count }),
        count if !flags.password => Err(Violation::UnannouncedPassword { count }),
        count => Err(Violation::TrailingBytes { count }),
    }
}

#[cfg(test)]
mod tests {
    use super::super::Packet;
    use super::super::testing::{accepted, refused};
    use super::*;

    /// A CONNECT as hex: these connect flags, keep alive 0, and the rest of the payload behind
    /// client identifier "a".
    fn connect(flags: u8, payload: &str) -> String {
        packet(&format!("00044d515454 04 {flags:02x} 0000 000161 {payload}"))
    }

    fn packet(body: &str) -> String {
        let body: String = body.split_whitespace().collect();
        format!("10 {:02x} {body}", body.len() / 2)
    }

    #[test]
    fn another_protocol_name_is_refused() {
        for (name, seen) in [("00046d717474", "mqtt"), ("0001ff", r"\xff"), ("0000", "")] {
            let violation = refused(&packet(&format!("{name} 04 02 0000 000161")));
            assert_eq!(violation, Violation::ProtocolName { seen: seen.to_owned() });
            assert_eq!(violation.rule(), "MQTT-3.1.2-1");
        }
    }

    #[test]
    fn j_214_mqtt_3_1_is_known_by_its_name() {
        let violation = refused(&packet("00064d5149736470 03 02 0000 000161"));

        assert_eq!(violation, Violation::Mqtt31);
        assert!(violation.to_string().contains("set MQTT 3.1.1"));
    }

    #[test]
    fn another_protocol_level_is_refused_whatever_follows() {
        for level in [0, 3, 5, 0x84] {
            let violation = refused(&packet(&format!("00044d515454 {level:02x}")));
            assert_eq!(violation, Violation::UnsupportedProtocolLevel { level });
            assert_eq!(violation.rule(), "MQTT-3.1.2-2");
        }
    }

    #[test]
    fn a_field_that_is_missing_is_named_with_its_rule() {
        let missing = [
            (packet(""), Field::ProtocolName, "MQTT 3.1.1 section 3.1.2.1"),
            (packet("00044d515454"), Field::ProtocolLevel, "MQTT 3.1.1 section 3.1.2.2"),
            (packet("00044d515454 04"), Field::ConnectFlags, "MQTT 3.1.1 section 3.1.2.3"),
            (packet("00044d515454 04 02 00"), Field::KeepAlive, "MQTT 3.1.1 section 3.1.2.10"),
            (packet("00044d515454 04 02 0000"), Field::ClientId, "MQTT-3.1.3-3"),
            (connect(0b0000_0110, ""), Field::WillTopic, "MQTT-3.1.2-9"),
            (connect(0b0000_0110, "000174"), Field::WillMessage, "MQTT-3.1.2-9"),
            (connect(0b1000_0010, "00"), Field::UserName, "MQTT-3.1.2-19"),
            (connect(0b1100_0010, "000175"), Field::Password, "MQTT-3.1.2-21"),
        ];
        for (hex, expected, rule) in missing {
            let violation = refused(&hex);
            assert!(
                matches!(violation, Violation::MissingField { field, .. } if field == expected),
                "{violation:?}"
            );
            assert_eq!(violation.rule(), rule);
        }
    }

    #[test]
    fn a_binary_field_beyond_the_packet_is_refused_by_its_own_section() {
        let will = refused(&connect(0b0000_0110, "000174 0002ff"));
        assert_eq!(will.rule(), "MQTT 3.1.1 section 3.1.3.3");
        let password = refused(&connect(0b1100_0010, "000175 ffff"));
        assert_eq!(password.rule(), "MQTT 3.1.1 section 3.1.3.5");
    }

    #[test]
    fn bytes_behind_the_payload_are_refused() {
        let verdicts = [
            (0b0000_0010, "000175", Violation::UnannouncedUserName { count: 3 }, "MQTT-3.1.2-18"),
            (
                0b1000_0010,
                "000175 000170",
                Violation::UnannouncedPassword { count: 3 },
                "MQTT-3.1.2-20",
            ),
            (
                0b1100_0010,
                "000175 000170 00",
                Violation::TrailingBytes { count: 1 },
                "MQTT 3.1.1 section 3.1.3",
            ),
        ];
        for (flags, payload, expected, rule) in verdicts {
            let violation = refused(&connect(flags, payload));
            assert_eq!(violation, expected);
            assert_eq!(violation.rule(), rule);
        }
    }

    #[test]
    fn a_will_topic_must_be_a_topic_name() {
        assert_eq!(refused(&connect(0b0000_0110, "0000 0000")).rule(), "MQTT-4.7.3-1");
        assert_eq!(refused(&connect(0b0000_0110, "000123 0000")).rule(), "MQTT-4.7.1-1");
    }

    #[test]
    fn an_empty_client_identifier_needs_a_clean_session() {
        let empty = |flags: &str| packet(&format!("00044d515454 04 {flags} 0000 0000"));
        assert!(
            matches!(accepted(&empty("02")), Packet::Connect(connect) if connect.client_id.is_empty())
        );
        assert_eq!(refused(&empty("00")), Violation::EmptyClientId);
        assert_eq!(Violation::EmptyClientId.rule(), "MQTT-3.1.3-8");
    }

    #[test]
    fn an_empty_client_identifier_gets_no_answer_if_more_is_wrong() {
        let hex = packet("00044d515454 04 00 0000 0000 ff");
        assert_eq!(refused(&hex), Violation::UnannouncedUserName { count: 1 });
    }

    #[test]
    fn a_password_may_be_any_bytes() {
        let packet = accepted(&connect(0b1100_0010, "000175 0003 ff00ed"));
        assert!(
            matches!(packet, Packet::Connect(connect) if connect.password == Some(vec![0xff, 0, 0xed]))
        );
    }
}
