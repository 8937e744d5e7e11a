//! The opening handshake of a WebSocket, as a client does it, and how it fails: mostly by something
//! that is not the server.

use std::io;

use thiserror::Error;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_tungstenite::client_async_with_config;
use tokio_tungstenite::tungstenite;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::error::{CapacityError, ProtocolError};
use tokio_tungstenite::tungstenite::handshake::client::Response;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::http::header::{LOCATION, SEC_WEBSOCKET_PROTOCOL};

use super::websocket::config;
use super::{Endpoint, WebSocketStream};

/// Why a peer did not open a WebSocket.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum UpgradeError {
    /// It answered with another status than 101.
    #[error("it answered with status {status} instead of 101{}", to_location(.location))]
    Status {
        /// The status.
        status: u16,
        /// Where it sends the client.
        location: Option<String>,
    },
    /// It took another subprotocol, or none.
    #[error("it did not take the subprotocol `{0}`")]
    Subprotocol(
        /// The one that was offered.
        String,
    ),
    /// It did not speak HTTP.
    #[error("its answer is not HTTP ({0})")]
    NotHttp(
        /// What is wrong with it.
        String,
    ),
    /// It hung up.
    #[error("it closed the connection instead of answering")]
    Closed,
    /// It said 101, and not as RFC 6455 has it.
    #[error("{0}")]
    Handshake(
        /// What is wrong with it.
        String,
    ),
}

fn to_location(location: &Option<String>) -> String {
    location.as_ref().map(|location| format!(", to {location:?}")).unwrap_or_default()
}

/// Opens a WebSocket over `stream`, which leads to `host`. `path` begins with `/`, `limit` is the
/// longest message that is taken, in bytes.
///
/// # Errors
///
/// If the peer does not open one with this subprotocol.
pub async fn open_websocket<S: AsyncRead + AsyncWrite + Unpin>(
    stream: S,
    host: &Endpoint,
    path: &str,
    subprotocol: &str,
    limit: usize,
) -> Result<WebSocketStream<S>, UpgradeError> {
    let unusable = |error: &dyn std::fmt::Display| {
        UpgradeError::Handshake(format!("the request cannot be written: {error}"))
    };
    let mut request =
        format!("wss://{host}{path}").into_client_request().map_err(|error| unusable(&error))?;
    let offer = HeaderValue::from_str(subprotocol).map_err(|error| unusable(&error))?;
    request.headers_mut().insert(SEC_WEBSOCKET_PROTOCOL, offer);
    let opened = client_async_with_config(request, stream, Some(config(limit))).await;
    let (socket, _) = opened.map_err(|error| refusal(error, subprotocol))?;
    Ok(WebSocketStream::opened(socket))
}

fn refusal(error: tungstenite::Error, subprotocol: &str) -> UpgradeError {
    use tungstenite::Error;
    match error {
        Error::Http(response) => status(&response),
        Error::Protocol(ProtocolError::SecWebSocketSubProtocolError(_)) => {
            UpgradeError::Subprotocol(subprotocol.to_owned())
        }
        Error::Protocol(ProtocolError::HttparseError(error)) => {
            UpgradeError::NotHttp(error.to_string())
        }
        Error::Capacity(CapacityError::TooManyHeaders) => {
            UpgradeError::NotHttp("too many header fields".to_owned())
        }
        Error::Protocol(ProtocolError::HandshakeIncomplete) | Error::ConnectionClosed => {
            UpgradeError::Closed
        }
        Error::Io(error) if error.kind() == io::ErrorKind::Other => {
            UpgradeError::Handshake(error.to_string())
        }
        Error::Io(_) => UpgradeError::Closed,
        other => UpgradeError::Handshake(other.to_string()),
    }
}

fn status(response: &Response) -> UpgradeError {
    let location = response.headers().get(LOCATION).and_then(|value| value.to_str().ok());
    UpgradeError::Status {
        status: response.status().as_u16(),
        location: location.map(str::to_owned),
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

    use super::*;
    use crate::net::websocket_accept;

    /// What becomes of a handshake that is answered like this; `KEY` stands for the right accept.
    async fn answered(answer: &str) -> (Result<(), UpgradeError>, String) {
        let (here, mut there) = duplex(1 << 16);
        let host = "a.net:8443".parse().unwrap();
        let peer = async {
            let mut heard = String::new();
            while !heard.ends_with("\r\n\r\n") {
                heard.push(char::from(there.read_u8().await.unwrap()));
            }
            let field = heard.lines().find_map(|line| {
                let (name, value) = line.split_once(": ")?;
                name.eq_ignore_ascii_case("sec-websocket-key").then_some(value)
            });
            let accept = websocket_accept(field.unwrap().as_bytes());
            there.write_all(answer.replace("KEY", &accept).as_bytes()).await.unwrap();
            there.shutdown().await.unwrap();
            heard
        };
        let (opened, heard) = tokio::join!(open_websocket(here, &host, "/x", "mqtt", 1024), peer);
        (opened.map(|_| ()), heard)
    }

    const SWITCHING: &str = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\
                             Connection: Upgrade\r\nSec-WebSocket-Accept: KEY\r\n";

    #[tokio::test]
    async fn host_path_and_subprotocol_are_those_that_were_meant() {
        let (opened, heard) =
            answered(&format!("{SWITCHING}Sec-WebSocket-Protocol: mqtt\r\n\r\n")).await;

        opened.unwrap();
        let heard = heard.to_ascii_lowercase();
        assert!(heard.starts_with("get /x http/1.1\r\n"), "{heard}");
        assert!(heard.contains("\r\nhost: a.net:8443\r\n"), "{heard}");
        assert!(heard.contains("\r\nsec-websocket-protocol: mqtt\r\n"), "{heard}");
    }

    #[tokio::test]
    async fn every_way_to_refuse_has_its_own_words() {
        for (answer, text) in [
            (
                "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n".to_owned(),
                "it answered with status 403 instead of 101",
            ),
            (
                "HTTP/1.1 302 Found\r\nLocation: http://portal/\r\n\r\n".to_owned(),
                "it answered with status 302 instead of 101, to \"http://portal/\"",
            ),
            (format!("{SWITCHING}\r\n"), "it did not take the subprotocol `mqtt`"),
            (
                format!("{SWITCHING}Sec-WebSocket-Protocol: other\r\n\r\n"),
                "it did not take the subprotocol `mqtt`",
            ),
            (String::new(), "it closed the connection instead of answering"),
        ] {
            let (opened, _) = answered(&answer).await;
            assert_eq!(opened.unwrap_err().to_string(), text, "{answer}");
        }
        let (opened, _) = answered("SSH-2.0-OpenSSH_9.2\r\n\r\n").await;
        assert!(matches!(opened, Err(UpgradeError::NotHttp(_))), "{opened:?}");
        let wrong_key = SWITCHING.replace("KEY", "x");
        let (opened, _) = answered(&format!("{wrong_key}\r\n")).await;
        assert!(matches!(opened, Err(UpgradeError::Handshake(_))), "{opened:?}");
    }
}
