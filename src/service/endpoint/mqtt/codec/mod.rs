//! The wire format of MQTT 3.1.1, seen from the server.
//!
//! This module turns bytes into the packets that a client may send ([`read()`]) and the server's
//! answers into bytes ([`mod@write`]). Firmware authors test their packet writers against it, so it
//! refuses whatever the standard tells a server to refuse and names the rule that was broken
//! ([`Violation::rule`]). Where the standard leaves the server a choice (control characters in
//! strings, lengths encoded in more bytes than needed), it accepts.
//!
//! It knows one packet at a time and must not touch sockets, clocks, sessions, or anything of the
//! provisioning service: which packet may come when is the session's to judge, what a topic means
//! is the endpoint's.
//!
//! The standard is <https://docs.oasis-open.org/mqtt/mqtt/v3.1.1/os/mqtt-v3.1.1-os.html>.

mod connect;
mod connect_flags;
mod cursor;
mod field;
mod header;
mod packet;
mod read;
mod rule;
mod topic;
mod violation;
pub mod write;

pub use field::{Field, PacketType};
pub use packet::{Connect, Packet, Publish, QoS, Subscribe, Unsubscribe, Will};
pub use read::read;
pub use violation::Violation;
pub use write::{SubAck, Unwritable};

#[cfg(test)]
mod testing {
    //! What the unit tests of every file here share.

    use super::{Packet, Violation, read};
    use bytes::BytesMut;

    /// More than any packet of the unit tests needs.
    const ROOMY: usize = 1 << 20;

    /// The bytes that `hex` spells; blanks are for the eye.
    pub(super) fn bytes(hex: &str) -> BytesMut {
        let digits: String = hex.split_whitespace().collect();
        let pairs = digits.as_bytes().chunks(2);
        pairs
            .map(|pair| {
                let pair = std::str::from_utf8(pair).expect("hex digits are ASCII");
                u8::from_str_radix(pair, 16).expect("two hex digits")
            })
            .collect()
    }

    /// The packet that `hex` spells, which must use up every byte.
    pub(super) fn accepted(hex: &str) -> Packet {
        let mut buffer = bytes(hex);
        let packet = read(&mut buffer, ROOMY).expect("a valid packet");
        assert!(buffer.is_empty(), "{buffer:?} was left over");
        packet.expect("a whole packet")
    }

    /// The violation that `hex` commits, after the checks that hold for every violation.
    pub(super) fn refused(hex: &str) -> Violation {
        let mut buffer = bytes(hex);
        let violation = read(&mut buffer, ROOMY).expect_err("a violation");
        assert_eq!(buffer, bytes(hex), "a refused packet stays in the buffer as evidence");
        assert_presentable(&violation);
        violation
    }

    fn assert_presentable(violation: &Violation) {
        let rule = violation.rule();
        let known = rule.starts_with("MQTT-") || rule.starts_with("MQTT 3.1.1 section ");
        assert!(known, "{rule:?} is no rule of the standard");
        let sentence = violation.to_string();
        assert!(sentence.len() > 20, "{sentence:?} is no sentence");
    }
}
