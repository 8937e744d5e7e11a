//! What a client is told, in its own protocol.

use std::fmt;

/// In which protocol a client asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// HTTP CONNECT.
    Http,
    /// SOCKS5.
    Socks5,
}

impl fmt::Display for Dialect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Http => "HTTP CONNECT",
            Self::Socks5 => "SOCKS5",
        })
    }
}

/// Why there is no tunnel, as far as the protocols tell it apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    /// It is not let through.
    NotAllowed,
    /// Nobody listens there.
    Refused,
    /// Its name has no address, or it cannot be reached.
    Unreachable,
}

impl Dialect {
    /// The tunnel is open.
    pub(super) fn granted(self) -> Vec<u8> {
        match self {
            Self::Http => b"HTTP/1.1 200 Connection established\r\n\r\n".to_vec(),
            Self::Socks5 => socks5(0),
        }
    }

    /// It is not, and why. SOCKS has a number for it, and no words.
    pub(super) fn denied(self, outcome: Outcome, sentence: &str) -> Vec<u8> {
        match (self, outcome) {
            (Self::Http, Outcome::NotAllowed) => {
                http("403 Not led through by this gateway", sentence)
            }
            (Self::Http, Outcome::Refused) => http("502 Nobody listens there", sentence),
            (Self::Http, Outcome::Unreachable) => http("502 Cannot be reached", sentence),
            (Self::Socks5, Outcome::NotAllowed) => socks5(2),
            (Self::Socks5, Outcome::Refused) => socks5(5),
            (Self::Socks5, Outcome::Unreachable) => socks5(4),
        }
    }
}

/// An answer that ends the connection. `status` is the number with its words, which many clients
/// show where they drop the body.
pub(super) fn http(status: &str, sentence: &str) -> Vec<u8> {
    let allow = if status.starts_with("405") { "Allow: CONNECT\r\n" } else { "" };
    format!(
        "HTTP/1.1 {status}\r\n{allow}Content-Type: text/plain; charset=utf-8\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{sentence}\n",
        sentence.len() + 1
    )
    .into_bytes()
}

/// RFC 1928, section 6. The address that was bound is of use to nobody, and so is zero.
pub(super) fn socks5(code: u8) -> Vec<u8> {
    vec![5, code, 0, 1, 0, 0, 0, 0, 0, 0]
}

/// Request rejected or failed, in the protocol before.
pub(super) const SOCKS4_REJECTED: [u8; 8] = [0, 0x5b, 0, 0, 0, 0, 0, 0];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_says_how_long_its_sentence_is() {
        let answer = String::from_utf8(http("405 Only CONNECT", "Grüße")).unwrap();

        assert_eq!(
            answer,
            "HTTP/1.1 405 Only CONNECT\r\nAllow: CONNECT\r\nContent-Type: text/plain; charset=utf-8\r\n\
             Content-Length: 8\r\nConnection: close\r\n\r\nGrüße\n"
        );
    }
}
