//! Calls the webhook over HTTP (G.2, G.5).

use std::sync::OnceLock;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper::header::CONTENT_TYPE;
use hyper::{Method, Request, Response};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::{Connect, HttpConnector};
use hyper_util::rt::TokioExecutor;
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};

use super::answer::WebhookAnswer;
use crate::net::{Trust, client_config, innermost};
use crate::service::enrollment::WebhookUrl;

/// Largest answer that is read, in bytes. An AllocationResponse is a few hundred.
const MAX_ANSWER: usize = 256 * 1024;
/// Most calls under way at once.
const MAX_CALLS: usize = 64;

/// How webhooks are called.
#[derive(Debug, Clone)]
pub struct WebhookSettings {
    /// How long one call may take. DPS's own limit is not documented (J-1).
    pub timeout: Duration,
    /// The waits before the second, third … try of an answer from 429 on (J-4).
    pub retries: Vec<Duration>,
    /// Whom https webhooks have to be certified by.
    pub trust: Trust,
}

impl WebhookSettings {
    /// Azure's schedule: ten more tries after 1, 10, 19 … 82 s, 415 s in all (G.5).
    pub fn azure_retries() -> Vec<Duration> {
        (0..10).map(|nth| Duration::from_secs(1 + 9 * nth)).collect()
    }
}

impl Default for WebhookSettings {
    /// 10 s a call, three quick retries, so that tests do not wait Azure's 415 s, and the system's
    /// CAs.
    fn default() -> Self {
        Self {
            timeout: Duration::from_secs(10),
            retries: [200, 400, 800].map(Duration::from_millis).to_vec(),
            trust: Trust::System,
        }
    }
}

/// An HTTP client for webhooks; `http` is taken beside `https`, for functions on this machine.
#[derive(Debug)]
pub struct WebhookClient {
    plain: Http<HttpConnector>,
    /// Made at the first https call: CAs take longer to read than everything else at start, and a
    /// machine without any can still call plain functions.
    secure: OnceLock<Result<Http<HttpsConnector<HttpConnector>>, String>>,
    settings: WebhookSettings,
    calls: Semaphore,
}

type Http<C> = Client<C, Full<Bytes>>;

impl WebhookClient {
    /// A client.
    pub fn new(settings: WebhookSettings) -> Self {
        Self {
            plain: http(connector()),
            secure: OnceLock::new(),
            settings,
            calls: Semaphore::new(MAX_CALLS),
        }
    }

    /// Posts `body`, again while it is worth a retry, and returns the last answer. Each answer is
    /// told to `answered`, with the time that it took.
    pub async fn call(
        &self,
        url: &WebhookUrl,
        body: Vec<u8>,
        who: &str,
        answered: impl Fn(&WebhookAnswer, Duration),
    ) -> WebhookAnswer {
        let body = Bytes::from(body);
        let mut retries = self.settings.retries.iter();
        loop {
            let (answer, took) = self.call_once(url, body.clone()).await;
            answered(&answer, took);
            match retries.next() {
                Some(wait) if answer.is_worth_a_retry() => {
                    tracing::warn!(
                        "{who}: {}; asked again in {} (Azure: ten more times, after 1 s, 10 s … 82 s)",
                        told(&answer, self.settings.timeout),
                        humantime::format_duration(*wait),
                    );
                    sleep(*wait).await;
                }
                _ => return answer,
            }
        }
    }

    async fn call_once(&self, url: &WebhookUrl, body: Bytes) -> (WebhookAnswer, Duration) {
        // Closing the semaphore is not among the things that happen; an error would only mean
        // that the limit does not hold.
        let _permit = self.calls.acquire().await;
        // Waiting for others is none of the webhook's time.
        let started = Instant::now();
        let answer = match timeout(self.settings.timeout, self.post(url, body)).await {
            Ok(Ok((status, body))) => WebhookAnswer::Http { status, body },
            Ok(Err(reason)) => WebhookAnswer::Unreachable { reason },
            Err(_) => WebhookAnswer::Timeout,
        };
        (answer, started.elapsed())
    }

    async fn send(
        &self,
        url: &WebhookUrl,
        request: Request<Full<Bytes>>,
    ) -> Result<Response<Incoming>, String> {
        let response = if url.expose().scheme() == "https" {
            self.secure.get_or_init(|| https(&self.settings.trust)).as_ref()?.request(request).await
        } else {
            self.plain.request(request).await
        };
        response.map_err(|error| reason(&error))
    }

    async fn post(&self, url: &WebhookUrl, body: Bytes) -> Result<(u16, Vec<u8>), String> {
        let request = Request::builder()
            .method(Method::POST)
            .uri(url.expose().as_str())
            .header(CONTENT_TYPE, "application/json; charset=utf-8")
            .body(Full::new(body))
            .map_err(|_| "the webhook's address cannot be called".to_owned())?;
        let response = self.send(url, request).await?;
        let status = response.status().as_u16();
        let body =
            Limited::new(response.into_body(), MAX_ANSWER).collect().await.map_err(|error| {
                if error.is::<LengthLimitError>() {
                    format!("the webhook's answer is longer than {MAX_ANSWER} bytes")
                } else {
                    format!("the webhook's answer broke off: {error}")
                }
            })?;
        Ok((status, body.to_bytes().to_vec()))
    }
}

fn connector() -> HttpConnector {
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    connector
}

fn http<C: Connect + Clone>(connector: C) -> Http<C> {
    Client::builder(TokioExecutor::new()).pool_max_idle_per_host(MAX_CALLS).build(connector)
}

fn https(trust: &Trust) -> Result<Http<HttpsConnector<HttpConnector>>, String> {
    let tls = client_config(trust).map_err(|error| error.to_string())?;
    let mut connector = connector();
    // Its job here is TCP; the scheme is TLS's business.
    connector.enforce_http(false);
    let builder = HttpsConnectorBuilder::new().with_tls_config((*tls).clone()).https_only();
    Ok(http(builder.enable_http1().wrap_connector(connector)))
}

fn told(answer: &WebhookAnswer, limit: Duration) -> String {
    match answer {
        WebhookAnswer::Http { status, .. } => format!("the webhook answered {status}"),
        WebhookAnswer::Timeout => {
            format!("the webhook did not answer within {}", humantime::format_duration(limit))
        }
        WebhookAnswer::Unreachable { reason } => reason.clone(),
    }
}

/// The innermost cause does not have the address, which holds a key.
fn reason(error: &(dyn std::error::Error + 'static)) -> String {
    format!("the webhook cannot be reached: {}", innermost(error))
}
