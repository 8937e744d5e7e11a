//! A connection of a client, as the journal tells of it: where it comes from, which TLS it speaks, and
//! what it says of itself that is no secret.

use std::net::SocketAddr;

use serde::Serialize;

use super::mask::Mask;

/// Most bytes that are kept of what a client says of itself (J-216).
const MAX_SAID: usize = 256;

/// A connection, and what its client says of itself on it. All requests on it share one. Serializes with
/// the member names of the REST API; what is not known is `null`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct ClientConnection {
    /// Its number among all connections of the service.
    pub number: u64,
    /// Address and port of the client, or of the proxy that it came through.
    pub peer: SocketAddr,
    /// Whether MQTT or AMQP came over a WebSocket.
    pub web_socket: bool,
    /// What the handshake came to.
    pub tls: TlsSession,
    /// MQTT client ID or AMQP container ID, as said.
    pub client_id: Option<Box<str>>,
    /// `ClientVersion` of the MQTT user name, or `client-version` of an AMQP link, as said: the SDK, or the
    /// product (A.2).
    pub client_version: Option<Box<str>>,
    /// The keep-alive of CONNECT in seconds; 0 asks for no limit (A.7).
    pub keep_alive: Option<u16>,
    /// `User-Agent` of the HTTPS request.
    pub user_agent: Option<Box<str>>,
    /// The faults on demand that struck it before anything was said on it (J-269).
    pub faults: Vec<ConnectionFault>,
}

/// A fault on demand that struck a connection: when it was taken in, or at its TLS handshake.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ConnectionFault {
    /// Number of the rule.
    pub id: u64,
    /// The rule.
    pub rule: Box<str>,
}

/// What a TLS handshake came to.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct TlsSession {
    /// `1.2` or `1.3`.
    pub version: Option<&'static str>,
    /// Its IANA name, such as `TLS13_AES_256_GCM_SHA384`.
    pub cipher_suite: Option<&'static str>,
    /// The name that the client dialled (SNI); none if it dialled an address, or sends none.
    pub server_name: Option<Box<str>>,
    /// The protocol that was agreed on (ALPN); mostly none.
    pub alpn: Option<Box<str>>,
    /// Subject of the client's certificate. That it has the key is proved, nothing else is.
    pub client_certificate: Option<Box<str>>,
}

impl ClientConnection {
    /// One of which the client has not said anything yet.
    pub(in crate::service) fn new(number: u64, peer: SocketAddr, tls: TlsSession) -> Self {
        Self {
            number,
            peer,
            web_socket: false,
            tls,
            client_id: None,
            client_version: None,
            keep_alive: None,
            user_agent: None,
            faults: Vec::new(),
        }
    }

    /// One from nowhere.
    #[cfg(test)]
    pub(in crate::service) fn numbered(number: u64) -> Self {
        Self::new(number, SocketAddr::from(([127, 0, 0, 1], 50_112)), TlsSession::default())
    }

    /// Bytes of its texts.
    pub(in crate::service) fn weight(&self) -> usize {
        let tls = &self.tls;
        let said = [&self.client_id, &self.client_version, &self.user_agent];
        let agreed = [&tls.server_name, &tls.alpn, &tls.client_certificate];
        let length = |text: &&Option<Box<str>>| text.as_ref().map_or(0, |text| text.len());
        let faults = self.faults.iter().map(|fault| size_of_val(fault) + fault.rule.len());
        size_of::<Self>()
            + said.iter().chain(&agreed).map(length).sum::<usize>()
            + faults.sum::<usize>()
    }
}

/// What a client says of itself, as it is kept: cut, and without whatever looks like a credential (G-2).
pub(in crate::service) fn said(text: &str) -> Box<str> {
    // Whatever looks like a credential has one of these, in whichever spelling; names mostly have none.
    let is_plain = |text: &str| !text.contains(['=', ':', ' ', '%', '\\', '&']);
    if text.len() <= MAX_SAID && is_plain(text) {
        return text.into();
    }
    Mask::of(None).shown(text, MAX_SAID).into_text().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn j_216_what_a_client_says_of_itself_is_cut_and_holds_no_credential() {
        assert_eq!(&*said("azure-iot-device/2.14.0 (Python)"), "azure-iot-device/2.14.0 (Python)");
        assert_eq!(&*said("x SharedAccessKey=abcdef="), "x SharedAccessKey=****");
        let long = said(&"x".repeat(100_000));
        assert!(long.ends_with("(cut here; 100000 bytes in all)") && long.len() < 300, "{long}");
    }

    #[test]
    fn a_connection_is_told_with_the_names_of_the_rest_api() {
        let told = serde_json::to_value(ClientConnection::numbered(3)).unwrap();

        assert_eq!(
            told,
            serde_json::json!({
                "number": 3, "peer": "127.0.0.1:50112", "webSocket": false,
                "tls": {
                    "version": null, "cipherSuite": null, "serverName": null, "alpn": null,
                    "clientCertificate": null,
                },
                "clientId": null, "clientVersion": null, "keepAlive": null, "userAgent": null,
                "faults": [],
            })
        );
    }
}
