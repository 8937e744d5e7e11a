//! A back end that uses the service API, or that of a hub, over HTTPS.

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1;
use hyper::{HeaderMap, Request};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

use super::setup::TestService;
use super::token::{decoded, now, policy_token};
use super::within;

/// The policy of hubs.
pub const HUB_POLICY: &str = "iothubowner";
/// The policy of the service.
pub const SERVICE_POLICY: &str = "provisioningserviceowner";

/// One connection, on which every request is signed.
pub struct BackEnd {
    sender: http1::SendRequest<Full<Bytes>>,
    host: String,
    token: String,
}

/// What came back.
#[derive(Debug)]
pub struct Told {
    pub status: u16,
    pub headers: HeaderMap,
    pub text: String,
}

impl BackEnd {
    /// A back end of that hub, named as `Host`.
    pub async fn of_hub(service: &TestService, host: &str) -> Self {
        let token = token(service, host, HUB_POLICY);
        Self::open(service, host, &token).await
    }

    /// A back end of the provisioning service.
    pub async fn of_service(service: &TestService) -> Self {
        let host = format!("localhost:{}", service.https_address().port());
        let token = token(service, &host, SERVICE_POLICY);
        Self::open(service, &host, &token).await
    }

    /// One that sends this `Host`, and this in `Authorization`, unless it is empty.
    pub async fn open(service: &TestService, host: &str, token: &str) -> Self {
        Self::over(service.https().await, host, token).await
    }

    /// The same over that connection.
    pub async fn over(stream: TlsStream<TcpStream>, host: &str, token: &str) -> Self {
        let stream = TokioIo::new(stream);
        let (sender, connection) = http1::handshake(stream).await.expect("HTTP");
        tokio::spawn(connection);
        Self { sender, host: host.to_owned(), token: token.to_owned() }
    }

    pub async fn get(&mut self, path: &str) -> Told {
        self.ask("GET", path, None, "").await
    }

    /// Sends a request, with `If-Match` if that is given.
    pub async fn ask(
        &mut self,
        method: &str,
        path: &str,
        if_match: Option<&str>,
        body: &str,
    ) -> Told {
        let separator = if path.contains('?') { '&' } else { '?' };
        let target = format!("{path}{separator}api-version=2021-10-01");
        self.send(method, &target, if_match, body).await
    }

    /// The same without an API version.
    pub async fn send(
        &mut self,
        method: &str,
        target: &str,
        if_match: Option<&str>,
        body: &str,
    ) -> Told {
        let if_match = if_match.map(|etag| ("if-match", etag));
        self.send_with(method, target, if_match.as_slice(), body).await
    }

    /// The same with any headers.
    pub async fn send_with(
        &mut self,
        method: &str,
        target: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Told {
        let mut request = Request::builder().method(method).uri(target).header("host", &self.host);
        if !self.token.is_empty() {
            request = request.header("authorization", &self.token);
        }
        if !body.is_empty() {
            request = request.header("content-type", "application/json; charset=utf-8");
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Full::from(body.to_owned())).expect("a request");
        self.sender.ready().await.expect("the connection is open");
        let sent = self.sender.send_request(request);
        let (head, body) = within("an answer", sent).await.expect("an answer").into_parts();
        let body = within("its body", body.collect()).await.expect("a body").to_bytes();
        let text = String::from_utf8(body.to_vec()).expect("UTF-8");
        assert!(text.is_ascii(), "{text}");
        Told { status: head.status.as_u16(), headers: head.headers, text }
    }
}

impl Told {
    /// The body of an answer that says yes.
    #[track_caller]
    pub fn ok(&self) -> Value {
        assert_eq!(self.status, 200, "{}", self.text);
        serde_json::from_str(&self.text).expect("JSON")
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// Status, name and text of a hub's error, after the checks that hold for every one.
    #[track_caller]
    pub fn hub_error(&self) -> (u16, String, String) {
        let body: Value = serde_json::from_str(&self.text).expect("JSON");
        assert_eq!(body.as_object().expect("an object").len(), 2, "{body}");
        let message = body["Message"].as_str().expect("a text");
        let (code, text) = message
            .strip_prefix("ErrorCode:")
            .and_then(|rest| rest.split_once(';'))
            .unwrap_or_else(|| panic!("{message}"));
        assert_eq!(self.header("iothub-errorcode"), Some(code));
        let trace = body["ExceptionMessage"].as_str().expect("a text");
        assert!(trace.starts_with("Tracking ID:"), "{trace}");
        (self.status, code.to_owned(), text.to_owned())
    }
}

/// The key of both policies.
pub fn policy_key(service: &TestService) -> Vec<u8> {
    let text = service.hub_connection_string("any");
    let (_, key) = text.split_once("SharedAccessKey=").expect("a key");
    decoded(key)
}

/// A good token.
pub fn token(service: &TestService, host: &str, policy: &str) -> String {
    policy_token(&policy_key(service), host, policy, now() + 3600)
}
