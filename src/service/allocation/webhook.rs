//! Calls the webhook over HTTP (G.2, G.5).

use std::time::Duration;

use bytes::Bytes;
use hyper::header::{CONTENT_TYPE, HeaderValue, LOCATION};
use hyper::{Method, Request};
use tokio::sync::Semaphore;
use url::Position;

use super::answer::WebhookAnswer;
use super::judgement::Judgement;
use super::trial::Trial;
use crate::net::http::{ExchangeFault, HttpClient, HttpError, HttpSettings, Origin, Tls, Waiting};
use crate::net::{DialError, ProxyVariables, Route, TlsFault, Trust};
use crate::service::enrollment::WebhookUrl;
use crate::sources::Clock;
use crate::text::spoken;

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
    /// Whose proxy is in front of https webhooks, except for those on this machine (J-177).
    pub proxies: ProxyVariables,
}

impl WebhookSettings {
    /// Azure's schedule: ten more tries after 1, 10, 19 … 82 s, 415 s in all (G.5).
    pub fn azure_retries() -> Vec<Duration> {
        (0..10).map(|nth| Duration::from_secs(1 + 9 * nth)).collect()
    }
}

impl Default for WebhookSettings {
    /// 10 s a call, three quick retries, so that tests do not wait Azure's 415 s, the system's
    /// CAs, and no proxy.
    fn default() -> Self {
        Self {
            timeout: Duration::from_secs(10),
            retries: [200, 400, 800].map(Duration::from_millis).to_vec(),
            trust: Trust::System,
            proxies: ProxyVariables::default(),
        }
    }
}

/// What becomes of one call in place of what the webhook says.
pub enum Meddling {
    /// It is not made, and after this time there is this answer.
    Instead(Duration, WebhookAnswer),
    /// The webhook is called this much later, and its answer becomes another.
    Change(Duration, fn(WebhookAnswer) -> WebhookAnswer),
}

/// An HTTP client for webhooks; `http` is taken beside `https`, for functions on this machine.
#[derive(Debug)]
pub struct WebhookClient {
    http: HttpClient,
    settings: WebhookSettings,
    calls: Semaphore,
    clock: Clock,
}

impl WebhookClient {
    /// A client.
    pub fn new(settings: WebhookSettings) -> Self {
        let http = HttpClient::new(HttpSettings {
            tls: Tls::Trust(settings.trust.clone()),
            route: Route::default(),
            proxies: settings.proxies.clone(),
            deadline: settings.timeout,
            max_body: MAX_ANSWER,
            max_idle: MAX_CALLS,
        });
        Self { http, settings, calls: Semaphore::new(MAX_CALLS), clock: Clock::system() }
    }

    /// One that waits and measures by this clock. What a call may take at most is real time.
    #[must_use]
    pub fn by(self, clock: Clock) -> Self {
        Self { clock, ..self }
    }

    /// Posts `body`, again while it is worth a retry, and returns the last answer. Each answer is
    /// told to `answered`, with the time that it took; `meddle` is asked before each call.
    pub async fn call(
        &self,
        url: &WebhookUrl,
        body: Vec<u8>,
        who: &str,
        meddle: impl Fn() -> Option<Meddling>,
        answered: impl Fn(&WebhookAnswer, Duration),
    ) -> WebhookAnswer {
        let body = Bytes::from(body);
        let mut retries = self.settings.retries.iter();
        loop {
            let (answer, took) = match meddle() {
                None => self.call_once(url, body.clone()).await,
                Some(meddling) => Box::pin(self.meddled(url, body.clone(), meddling)).await,
            };
            answered(&answer, took);
            match retries.next() {
                Some(wait) if answer.is_worth_a_retry() => {
                    tracing::warn!(
                        "{who}: {}; asked again in {} (Azure: ten more times, after 1 s, 10 s … 82 s)",
                        told(&answer),
                        spoken(*wait),
                    );
                    self.clock.sleep(*wait).await;
                }
                _ => return answer,
            }
        }
    }

    /// Asks once, without a device, and judges the answer.
    pub async fn attempt(&self, trial: &Trial) -> Judgement {
        let body = Bytes::copy_from_slice(trial.request().as_bytes());
        let (answer, took) = self.call_once(trial.url(), body).await;
        trial.judge(&answer, took)
    }

    /// A call with which something is wrong on purpose: it takes no longer than any other may.
    async fn meddled(
        &self,
        url: &WebhookUrl,
        body: Bytes,
        meddling: Meddling,
    ) -> (WebhookAnswer, Duration) {
        let limit = self.settings.timeout;
        let wait = match &meddling {
            Meddling::Instead(wait, _) | Meddling::Change(wait, _) => *wait,
        };
        if wait >= limit {
            self.clock.sleep(limit).await;
            let reason = format!("the webhook did not answer within {} (a fault)", spoken(limit));
            return (WebhookAnswer::Timeout { reason }, limit);
        }
        self.clock.sleep(wait).await;
        match meddling {
            Meddling::Instead(_, answer) => (answer, wait),
            Meddling::Change(_, change) => {
                let (answer, took) = self.call_once(url, body).await;
                (change(answer), wait + took)
            }
        }
    }

    async fn call_once(&self, url: &WebhookUrl, body: Bytes) -> (WebhookAnswer, Duration) {
        // Closing the semaphore is not among the things that happen; an error would only mean
        // that the limit does not hold.
        let _permit = self.calls.acquire().await;
        // Waiting for others is none of the webhook's time.
        let started = self.clock.instant();
        // A clock that stands may be moved beyond the limit by the function itself.
        let answered = match started.checked_add(self.settings.timeout) {
            Some(limit) if self.clock.stands() => {
                self.clock.until(limit, self.post(url, body)).await.unwrap_or_else(|| {
                    let after = self.settings.timeout;
                    let origin = Origin::of(url.expose());
                    let origin = origin.unwrap_or_else(|| unreachable!("as below"));
                    Err(HttpError::Timeout { origin, after, waiting: Waiting::Answer })
                })
            }
            _ => self.post(url, body).await,
        };
        let answer = match answered {
            Ok(answer) => answer,
            Err(error @ HttpError::Timeout { .. }) => {
                WebhookAnswer::Timeout { reason: reason(&error) }
            }
            Err(error) => WebhookAnswer::Unreachable { reason: reason(&error) },
        };
        (answer, self.clock.instant().saturating_duration_since(started))
    }

    async fn post(&self, url: &WebhookUrl, body: Bytes) -> Result<WebhookAnswer, HttpError> {
        let url = url.expose();
        let Some(origin) = Origin::of(url) else { unreachable!("such an address is refused") };
        let mut request = Request::new(body);
        *request.method_mut() = Method::POST;
        *request.uri_mut() = url[Position::BeforePath..Position::AfterQuery].parse()?;
        let json = HeaderValue::from_static("application/json; charset=utf-8");
        request.headers_mut().insert(CONTENT_TYPE, json);
        let (head, body) = self.http.send(&origin, request).await?.into_parts();
        let header = |name| {
            let value = head.headers.get(name);
            value.map(|it: &HeaderValue| String::from_utf8_lossy(it.as_bytes()).into_owned())
        };
        Ok(WebhookAnswer::Http {
            status: head.status.as_u16(),
            body: body.into(),
            location: header(LOCATION),
            content_type: header(CONTENT_TYPE),
        })
    }
}

fn told(answer: &WebhookAnswer) -> String {
    match answer {
        WebhookAnswer::Http { status, .. } => format!("the webhook answered {status}"),
        WebhookAnswer::Timeout { reason } | WebhookAnswer::Unreachable { reason } => reason.clone(),
    }
}

/// For our own log. No error repeats the address, which holds a key.
fn reason(error: &HttpError) -> String {
    match error {
        HttpError::Dial(DialError::Tls { fault: TlsFault::NotTls, .. }) => format!(
            "the webhook cannot be reached: {error}; webhookUrl begins with https: is it an http address?"
        ),
        HttpError::Exchange { fault: ExchangeFault::NotHttp(_), .. } => format!(
            "the webhook did not answer: {error}; webhookUrl begins with http: is it an https address?"
        ),
        HttpError::Exchange { .. } | HttpError::Timeout { .. } => {
            format!("the webhook did not answer: {error}")
        }
        _ => format!("the webhook cannot be reached: {error}"),
    }
}
