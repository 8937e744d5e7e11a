//! HTTP CONNECT: asks a proxy for a tunnel (RFC 9110, section 9.3.6).

use std::io;
use std::net::SocketAddr;

use bytes::BytesMut;
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::{Endpoint, Proxy, plain};

/// Longest head of an answer that is read, in bytes.
const MAX_HEAD: usize = 16 * 1024;
/// Most header fields that are read.
const MAX_FIELDS: usize = 64;

/// Why a proxy opened no tunnel.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ProxyFault {
    /// Its name has no address.
    #[error("its address cannot be found: {0}")]
    Resolve(
        /// What the resolver says.
        String,
    ),
    /// It cannot be connected to.
    #[error("cannot connect to it ({peer}): {}", plain(.source))]
    Connect {
        /// The address tried last.
        peer: SocketAddr,
        /// Why it failed.
        source: io::Error,
    },
    /// It wants to know who asks (407).
    #[error("{}", unauthorized(*.had_credentials, .schemes))]
    Unauthorized {
        /// Whether it was told.
        had_credentials: bool,
        /// The ways in which it takes that, as it names them, if it does.
        schemes: Vec<String>,
    },
    /// It opens no tunnel to this target.
    #[error("it opened no tunnel to {target}: status {status}{}", in_brackets(.reason))]
    Refused {
        /// Where the tunnel was to lead.
        target: Endpoint,
        /// Its status.
        status: u16,
        /// Its words.
        reason: String,
    },
    /// What it answers is no HTTP.
    #[error("its answer to CONNECT is not HTTP: {excerpt:?}")]
    NotHttp {
        /// How the answer begins.
        excerpt: String,
    },
    /// It hung up.
    #[error("it closed the connection instead of answering CONNECT")]
    Closed,
}

/// User name and password go as `Basic`; what else a proxy may want is not spoken here.
fn unauthorized(had_credentials: bool, schemes: &[String]) -> String {
    if !schemes.is_empty() && !schemes.iter().any(|scheme| scheme.eq_ignore_ascii_case("basic")) {
        return format!("it takes {} only, and no Basic (407)", schemes.join(", "));
    }
    if had_credentials {
        "it refused the user name and password (407)".to_owned()
    } else {
        "it wants a user name and password (407)".to_owned()
    }
}

fn in_brackets(text: &str) -> String {
    if text.is_empty() { String::new() } else { format!(" ({text})") }
}

impl ProxyFault {
    /// Whether the proxy itself is the trouble, whatever the target.
    pub fn is_of_any_target(&self) -> bool {
        matches!(self, Self::Resolve(_) | Self::Connect { .. } | Self::Unauthorized { .. })
    }
}

/// Asks `proxy`, at the other end of `stream`, for a tunnel to `target`.
pub(super) async fn open(
    stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
    proxy: &Proxy,
    target: &Endpoint,
) -> Result<(), ProxyFault> {
    let credentials = proxy.authorization();
    let mut request = format!("CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n");
    if let Some(credentials) = credentials {
        request.push_str("Proxy-Authorization: ");
        request.push_str(credentials);
        request.push_str("\r\n");
    }
    request.push_str("\r\n");
    let request = zeroize::Zeroizing::new(request);
    stream.write_all(request.as_bytes()).await.map_err(|_| ProxyFault::Closed)?;
    stream.flush().await.map_err(|_| ProxyFault::Closed)?;
    let (status, reason, schemes) = read_answer(stream).await?;
    match status {
        200..=299 => Ok(()),
        407 => Err(ProxyFault::Unauthorized { had_credentials: credentials.is_some(), schemes }),
        _ => Err(ProxyFault::Refused { target: target.clone(), status, reason }),
    }
}

/// The first word of each `Proxy-Authenticate` (RFC 9110, section 11.7.1).
fn schemes(fields: &[httparse::Header<'_>]) -> Vec<String> {
    let is_meant =
        |field: &&httparse::Header<'_>| field.name.eq_ignore_ascii_case("proxy-authenticate");
    let words = fields.iter().filter(is_meant).filter_map(|field| {
        let text = std::str::from_utf8(field.value).ok()?;
        text.split_whitespace().next().map(|word| word.trim_end_matches(',').to_owned())
    });
    words.filter(|word| word.chars().all(|c| c.is_ascii_graphic())).take(4).collect()
}

/// Status, reason and schemes of the answer, whose head is read to its end and not a byte further than the
/// proxy has sent of its own accord: after CONNECT the client speaks first.
async fn read_answer(
    stream: &mut (impl AsyncRead + Unpin),
) -> Result<(u16, String, Vec<String>), ProxyFault> {
    let mut head = BytesMut::with_capacity(1024);
    let mut wants_more = true;
    loop {
        if wants_more {
            let read = stream.read_buf(&mut head).await;
            if !matches!(read, Ok(length) if length > 0) {
                return Err(if head.is_empty() { ProxyFault::Closed } else { not_http(&head) });
            }
        }
        let mut fields = [httparse::EMPTY_HEADER; MAX_FIELDS];
        let mut answer = httparse::Response::new(&mut fields);
        match answer.parse(&head) {
            Ok(httparse::Status::Complete(length)) => {
                let (status, reason) = (answer.code, answer.reason.unwrap_or_default().to_owned());
                let status = status.ok_or_else(|| not_http(&head))?;
                let is_tunnel = (200..=299).contains(&status);
                if is_tunnel && length < head.len() {
                    return Err(not_http(&head[length..]));
                }
                // Interim answers come before the real one (RFC 9110, section 15.2).
                if !(100..=199).contains(&status) {
                    return Ok((status, reason, schemes(answer.headers)));
                }
                let _ = head.split_to(length);
                wants_more = head.is_empty();
            }
            Ok(httparse::Status::Partial) if head.len() <= MAX_HEAD => wants_more = true,
            _ => return Err(not_http(&head)),
        }
    }
}

fn not_http(bytes: &[u8]) -> ProxyFault {
    ProxyFault::NotHttp { excerpt: String::from_utf8_lossy(bytes).chars().take(60).collect() }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tokio::io::duplex;

    use super::*;

    async fn answered(proxy: &str, answer: &[u8]) -> (Result<(), ProxyFault>, String) {
        let (mut here, mut there) = duplex(1 << 16);
        there.write_all(answer).await.unwrap();
        there.shutdown().await.unwrap();
        let result = open(&mut here, &proxy.parse().unwrap(), &"a.net:8883".parse().unwrap()).await;
        drop(here);
        let mut heard = String::new();
        there.read_to_string(&mut heard).await.unwrap();
        (result, heard)
    }

    #[tokio::test]
    async fn connect_is_sent_with_credentials_where_there_are_some() {
        let ok = b"HTTP/1.1 200 Connection established\r\nVia: x\r\n\r\n";

        let (result, heard) = answered("http://u:p@b:1", ok).await;
        let (_, anonymous) = answered("http://b:1", ok).await;

        result.unwrap();
        assert_eq!(
            heard,
            "CONNECT a.net:8883 HTTP/1.1\r\nHost: a.net:8883\r\n\
             Proxy-Authorization: Basic dTpw\r\n\r\n"
        );
        assert_eq!(anonymous, "CONNECT a.net:8883 HTTP/1.1\r\nHost: a.net:8883\r\n\r\n");
    }

    #[tokio::test]
    async fn every_way_to_refuse_has_its_own_words() {
        for (proxy, answer, text) in [
            ("b", "HTTP/1.1 407 X\r\n\r\n", "it wants a user name and password (407)"),
            (
                "u:p@b",
                "HTTP/1.1 407 X\r\nProxy-Authenticate: NTLM\r\nProxy-Authenticate: Negotiate\r\n\r\n",
                "it takes NTLM, Negotiate only, and no Basic (407)",
            ),
            (
                "b",
                "HTTP/1.1 407 X\r\nProxy-Authenticate: NTLM\r\nProxy-Authenticate: Basic realm=\"x\"\r\n\r\n",
                "it wants a user name and password (407)",
            ),
            ("u:p@b", "HTTP/1.1 407 X\r\n\r\n", "it refused the user name and password (407)"),
            (
                "b",
                "HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno",
                "it opened no tunnel to a.net:8883: status 403 (Forbidden)",
            ),
            ("b", "HTTP/1.0 503\r\n\r\n", "it opened no tunnel to a.net:8883: status 503"),
            ("b", "", "it closed the connection instead of answering CONNECT"),
            ("b", "SSH-2.0-x\r\n", "its answer to CONNECT is not HTTP: \"SSH-2.0-x\\r\\n\""),
            ("b", "HTTP/1.1 200 O", "its answer to CONNECT is not HTTP: \"HTTP/1.1 200 O\""),
            ("b", "HTTP/1.1 200 OK\r\n\r\nhi", "its answer to CONNECT is not HTTP: \"hi\""),
        ] {
            let (result, _) = answered(proxy, answer.as_bytes()).await;
            assert_eq!(result.unwrap_err().to_string(), text);
        }
    }

    #[tokio::test]
    async fn an_interim_answer_is_passed_over_and_an_endless_one_is_not_read_to_the_end() {
        let (interim, _) =
            answered("b", b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 502 Bad\r\n\r\n").await;
        let endless = ["HTTP/1.1 200 OK\r\nA: ", &"a".repeat(2 * MAX_HEAD)].concat();
        let (endless, _) = answered("b", endless.as_bytes()).await;

        assert!(matches!(interim, Err(ProxyFault::Refused { status: 502, .. })), "{interim:?}");
        assert!(matches!(endless, Err(ProxyFault::NotHttp { .. })), "{endless:?}");
    }

    proptest! {
        #[test]
        fn any_answer_is_taken_or_refused(answer in proptest::collection::vec(any::<u8>(), 0..80)) {
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            let _ = runtime.block_on(answered("b", &answer));
        }
    }
}
