//! What a client says until its tunnel is open: HTTP CONNECT or SOCKS5, told apart by the first byte.
//!
//! Pure: bytes go in, and out comes what to do.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use bytes::{Buf, BytesMut};

pub use super::reply::Dialect;
use super::reply::{SOCKS4_REJECTED, http, socks5};
use super::target::Host;
pub use super::target::Target;
use crate::text::Foreign;

/// Longest head of a request over HTTP, in bytes. Nothing in SOCKS is as long (J-194).
pub const MAX_HEAD: usize = 8 * 1024;
/// Most header fields that are read.
const MAX_FIELDS: usize = 64;

/// Methods of SOCKS5 to say who one is (RFC 1928, section 3).
const NO_AUTHENTICATION: u8 = 0;
const USER_AND_PASSWORD: u8 = 2;
const NONE_OF_THESE: u8 = 0xff;

/// How far a client has come.
#[derive(Debug, Default)]
pub struct Conversation(State);

#[derive(Debug, Default)]
enum State {
    #[default]
    Begun,
    /// A user and a password are to come, which are not looked at (J-189).
    SocksPassword,
    SocksRequest,
}

/// What to do next.
#[derive(Debug, PartialEq, Eq)]
pub enum Step {
    /// Read more.
    Read,
    /// Say this, and go on.
    Say(Vec<u8>),
    /// Open a tunnel. What is left of the bytes is the tunnel's.
    Open(Dialect, Target),
    /// Say this and close.
    Refuse(Vec<u8>, Fault),
}

/// What is wrong with a request, whatever it asks for.
#[derive(Debug, PartialEq, Eq)]
pub enum Fault {
    /// SOCKS4, which knows neither names (but for 4a) nor IPv6.
    Socks4,
    /// No way to say who one is that is known here.
    SocksMethods,
    /// What is no SOCKS5 where it was begun.
    NotSocks,
    /// Another command than CONNECT.
    SocksCommand(u8),
    /// Neither a name nor an address.
    SocksAddress(u8),
    /// TLS: a proxy that is reached by `https://`, or an endpoint in the gateway's place.
    Tls,
    /// Neither HTTP nor SOCKS.
    NotHttp,
    /// A request that wants no tunnel.
    Method(String),
    /// No host and port.
    Target(String),
    /// A head that does not end.
    TooLong,
}

impl Conversation {
    /// Takes what it can of `heard`.
    pub fn next(&mut self, heard: &mut BytesMut) -> Step {
        match (&self.0, heard.first()) {
            (_, None) => Step::Read,
            (State::Begun, Some(5)) => self.socks_methods(heard),
            (State::Begun, Some(4)) => Step::Refuse(SOCKS4_REJECTED.to_vec(), Fault::Socks4),
            (State::Begun, Some(0x16)) => Step::Refuse(Vec::new(), Fault::Tls),
            (State::Begun, Some(_)) => http_request(heard),
            (State::SocksPassword, Some(1)) => self.socks_password(heard),
            (State::SocksRequest, Some(5)) => socks_request(heard),
            (State::SocksPassword, Some(_)) => Step::Refuse(vec![1, 1], Fault::NotSocks),
            (State::SocksRequest, Some(_)) => Step::Refuse(socks5(1), Fault::NotSocks),
        }
    }

    fn socks_methods(&mut self, heard: &mut BytesMut) -> Step {
        let Some(count) = heard.get(1).copied() else { return Step::Read };
        let Some(methods) = heard.get(2..2 + usize::from(count)) else { return Step::Read };
        let (state, method) = if methods.contains(&NO_AUTHENTICATION) {
            (State::SocksRequest, NO_AUTHENTICATION)
        } else if methods.contains(&USER_AND_PASSWORD) {
            (State::SocksPassword, USER_AND_PASSWORD)
        } else {
            return Step::Refuse(vec![5, NONE_OF_THESE], Fault::SocksMethods);
        };
        heard.advance(2 + usize::from(count));
        self.0 = state;
        Step::Say(vec![5, method])
    }

    /// RFC 1929: whoever it is, is welcome.
    fn socks_password(&mut self, heard: &mut BytesMut) -> Step {
        let Some(user) = heard.get(1).copied() else { return Step::Read };
        let password_at = 2 + usize::from(user);
        let Some(password) = heard.get(password_at).copied() else { return Step::Read };
        let length = password_at + 1 + usize::from(password);
        if heard.len() < length {
            return Step::Read;
        }
        heard.advance(length);
        self.0 = State::SocksRequest;
        Step::Say(vec![1, 0])
    }
}

/// RFC 1928, section 4.
fn socks_request(heard: &mut BytesMut) -> Step {
    let &[_, command, _, kind, ref rest @ ..] = &heard[..] else { return Step::Read };
    if command != 1 {
        return Step::Refuse(socks5(7), Fault::SocksCommand(command));
    }
    let length = match (kind, rest.first()) {
        (1, _) => 4,
        (4, _) => 16,
        (3, Some(length)) => 1 + usize::from(*length),
        (3, None) => return Step::Read,
        (other, _) => return Step::Refuse(socks5(8), Fault::SocksAddress(other)),
    };
    let Some((address, port)) = rest.get(..length + 2).map(|all| all.split_at(length)) else {
        return Step::Read;
    };
    let host = match kind {
        1 => <[u8; 4]>::try_from(address).ok().map(|it| address_of(Ipv4Addr::from(it).into())),
        4 => <[u8; 16]>::try_from(address).ok().map(|it| address_of(Ipv6Addr::from(it).into())),
        _ => std::str::from_utf8(&address[1..]).ok().and_then(Host::read),
    };
    let port = port.iter().fold(0, |port, byte| port << 8 | u16::from(*byte));
    let Some(host) = host.filter(|_| port > 0) else {
        let text = String::from_utf8_lossy(&address[usize::from(kind == 3)..]).into_owned();
        return Step::Refuse(socks5(1), Fault::Target(format!("{text}:{port}")));
    };
    heard.advance(4 + length + 2);
    Step::Open(Dialect::Socks5, Target { host, port })
}

/// An IPv4 address that is written as one of IPv6 is what it stands for.
fn address_of(address: IpAddr) -> Host {
    Host::Address(address.to_canonical())
}

fn http_request(heard: &mut BytesMut) -> Step {
    let mut fields = [httparse::EMPTY_HEADER; MAX_FIELDS];
    let mut request = httparse::Request::new(&mut fields);
    let length = match request.parse(heard) {
        Ok(httparse::Status::Complete(length)) if length <= MAX_HEAD => length,
        Ok(httparse::Status::Partial) if heard.len() < MAX_HEAD => return Step::Read,
        Ok(_) | Err(httparse::Error::TooManyHeaders) => {
            let reply = http("431 Head too long", &Fault::TooLong.to_string());
            return Step::Refuse(reply, Fault::TooLong);
        }
        Err(_) => {
            let reply = http("400 Not a request", &Fault::NotHttp.to_string());
            return Step::Refuse(reply, Fault::NotHttp);
        }
    };
    let (method, target) = (request.method.unwrap_or_default(), request.path.unwrap_or_default());
    if method != "CONNECT" {
        let fault = Fault::Method(method.to_owned());
        return Step::Refuse(http("405 Only CONNECT is served", &fault.to_string()), fault);
    }
    let Some(target) = Target::read(target) else {
        let fault = Fault::Target(target.to_owned());
        return Step::Refuse(http("400 Not HOST:PORT", &fault.to_string()), fault);
    };
    heard.advance(length);
    Step::Open(Dialect::Http, target)
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Socks4 => f.write_str("it speaks SOCKS4; the gateway speaks SOCKS5 and HTTP CONNECT"),
            Self::SocksMethods => f.write_str(
                "it wants to say who it is in a way that the gateway does not know: offer no authentication, or user and password",
            ),
            Self::NotSocks => f.write_str("it began with SOCKS5 and goes on otherwise"),
            Self::SocksCommand(command) => {
                write!(f, "it wants command {command} of SOCKS5; the gateway has CONNECT (1) alone")
            }
            Self::SocksAddress(kind) => {
                write!(f, "it gives an address of type {kind}, which SOCKS5 does not have")
            }
            Self::Tls => f.write_str(
                "it speaks TLS to the gateway itself: name the proxy as http:// or socks5://, not as https://",
            ),
            Self::NotHttp => f.write_str("it speaks neither HTTP nor SOCKS"),
            Self::Method(method) => write!(
                f,
                "it asks by {}; the gateway opens tunnels (CONNECT) and forwards no plain HTTP: take HTTPS_PROXY, not HTTP_PROXY",
                Foreign::short(method)
            ),
            Self::Target(target) => {
                write!(f, "{} is not HOST:PORT", Foreign::short(target))
            }
            Self::TooLong => write!(f, "the head of its request is longer than {MAX_HEAD} bytes"),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// All that is done with `bytes`, heard in pieces of `piece`, and what is left for the tunnel.
    fn heard(bytes: &[u8], piece: usize) -> (Vec<Step>, Vec<u8>) {
        let (mut conversation, mut buffer) = (Conversation::default(), BytesMut::new());
        let mut steps = Vec::new();
        let mut pieces = bytes.chunks(piece);
        loop {
            match conversation.next(&mut buffer) {
                Step::Read => match pieces.next() {
                    Some(more) => buffer.extend_from_slice(more),
                    None => return (steps, buffer.to_vec()),
                },
                say @ Step::Say(_) => steps.push(say),
                end => {
                    steps.push(end);
                    pieces.for_each(|piece| buffer.extend_from_slice(piece));
                    return (steps, buffer.to_vec());
                }
            }
        }
    }

    fn target(text: &str) -> Target {
        Target::read(text).unwrap()
    }

    fn refused(bytes: &[u8]) -> (Vec<u8>, Fault) {
        match heard(bytes, 1).0.pop() {
            Some(Step::Refuse(reply, fault)) => (reply, fault),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn connect_asks_for_a_host_and_a_port() {
        for head in [
            "CONNECT A.net:8883 HTTP/1.1\r\nHost: a.net:8883\r\n\r\n",
            "CONNECT a.net.:8883 HTTP/1.0\r\nProxy-Authorization: Basic dTpw\r\n\r\n",
        ] {
            let bytes = [head.as_bytes(), b"\x16early"].concat();
            for piece in [1, 7, 1000] {
                let (steps, left) = heard(&bytes, piece);
                assert_eq!(steps, [Step::Open(Dialect::Http, target("a.net:8883"))]);
                assert_eq!(left, b"\x16early");
            }
        }
    }

    #[test]
    fn socks_asks_by_name_and_by_either_address() {
        let begin = [5, 2, 0, 2].as_slice();
        for (request, wanted) in [
            (b"\x05\x01\0\x03\x05A.net\x22\xb3".as_slice(), "a.net:8883"),
            (b"\x05\x01\0\x01\x7f\0\0\x01\x01\xbb", "127.0.0.1:443"),
            (b"\x05\x01\0\x04\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01\x01\xbb", "[::1]:443"),
            (b"\x05\x01\0\x04\0\0\0\0\0\0\0\0\0\0\xff\xff\x7f\0\0\x01\x01\xbb", "127.0.0.1:443"),
        ] {
            for piece in [1, 3, 100] {
                let (steps, left) = heard(&[begin, request, b"early"].concat(), piece);
                let open = Step::Open(Dialect::Socks5, target(wanted));
                assert_eq!(steps, [Step::Say(vec![5, 0]), open]);
                assert_eq!(left, b"early");
            }
        }
    }

    #[test]
    fn j_189_any_user_and_password_will_do() {
        let bytes = b"\x05\x01\x02\x01\x02me\x06secret\x05\x01\0\x03\x01a\x01\xbb";

        let (steps, _) = heard(bytes, 1);

        let open = Step::Open(Dialect::Socks5, target("a:443"));
        assert_eq!(steps, [Step::Say(vec![5, 2]), Step::Say(vec![1, 0]), open]);
    }

    #[test]
    fn j_189_what_is_not_spoken_is_refused_in_its_own_protocol() {
        for (bytes, begins, fault) in [
            (b"\x04\x01".as_slice(), b"\0\x5b\0".as_slice(), Fault::Socks4),
            (b"\x05\x01\x01", b"\x05\xff", Fault::SocksMethods),
            (b"\x05\0", b"\x05\xff", Fault::SocksMethods),
            (b"\x05\x01\x02\x05", b"\x01\x01", Fault::NotSocks),
            (b"\x05\x01\0CONNECT", b"\x05\x01", Fault::NotSocks),
            (b"\x05\x01\0\x05\x02\0\x01", b"\x05\x07", Fault::SocksCommand(2)),
            (b"\x05\x01\0\x05\x01\0\x02", b"\x05\x08", Fault::SocksAddress(2)),
            (b"\x05\x01\0\x05\x01\0\x03\0\x01\xbb", b"\x05\x01", Fault::Target(":443".into())),
            (b"\x05\x01\0\x05\x01\0\x03\x01a\0\0", b"\x05\x01", Fault::Target("a:0".into())),
            (b"\x16\x03\x01", b"", Fault::Tls),
            (b"\x10\x20\0\x04MQTT\x04", b"HTTP/1.1 400 ", Fault::NotHttp),
            (b"PRI * HTTP/2.0\r\n\r\n", b"HTTP/1.1 400 ", Fault::NotHttp),
            (b"GET http://a/ HTTP/1.1\r\n\r\n", b"HTTP/1.1 405 ", Fault::Method("GET".into())),
            (b"CONNECT a HTTP/1.1\r\n\r\n", b"HTTP/1.1 400 ", Fault::Target("a".into())),
        ] {
            let (reply, found) = refused(bytes);
            assert_eq!(found, fault);
            assert!(reply.starts_with(begins), "{fault:?}: {reply:?}");
        }
    }

    #[test]
    fn j_194_a_head_that_does_not_end_is_not_read_on() {
        let long = format!("CONNECT a:1 HTTP/1.1\r\nX: {}", "x".repeat(2 * MAX_HEAD));
        let many = format!("CONNECT a:1 HTTP/1.1\r\n{}\r\n", "X: y\r\n".repeat(MAX_FIELDS + 1));

        for bytes in [long, many] {
            let (reply, fault) = refused(bytes.as_bytes());
            assert_eq!(fault, Fault::TooLong);
            assert!(reply.starts_with(b"HTTP/1.1 431 "));
        }
    }

    proptest! {
        #[test]
        fn it_does_not_matter_how_bytes_are_cut(
            begin in prop::sample::select(vec![
                b"".as_slice(), b"\x05\x01\0", b"\x05\x02\x02\x01\x01\x01a\x01b", b"\x05\x01\0\x05\x01\0\x03",
                b"CONNECT ", b"CONNECT a.net:1 HTTP/1.1\r\n", b"\x04",
            ]),
            rest in prop::collection::vec(any::<u8>(), 0..300),
            piece in 1..50_usize,
        ) {
            let bytes = [begin, &rest].concat();
            let whole = heard(&bytes, bytes.len().max(1));
            let cut = heard(&bytes, piece);
            // What was in the wrong place may be seen a little earlier, never otherwise.
            prop_assert_eq!(whole.0.len(), cut.0.len());
            for (whole, cut) in whole.0.iter().zip(&cut.0) {
                prop_assert_eq!(whole, cut);
            }
        }
    }
}
