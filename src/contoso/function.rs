//! The tutorial's allocation function as a real HTTP endpoint on loopback.
//!
//! It takes the AllocationRequest, applies the tutorial's rule, answers as the tutorial's C# code
//! does and logs what that logs. `decide` is the rule; everything else is HTTP.

use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use serde::Deserialize;
use tokio::task::JoinHandle;

use crate::net::listen;
use crate::service::Config;
use crate::sources::{Chance, Sources};
use crate::text::Foreign;
use crate::tutorial::TOASTER;

/// What a configuration writes as `webhookUrl` to be given this function.
pub const FUNCTION_URL: &str = "contoso:HttpTrigger1";

/// The function, while it is served. Dropping it ends it.
#[derive(Debug)]
pub struct SampleFunction {
    server: JoinHandle<()>,
    address: SocketAddr,
}

impl SampleFunction {
    /// Serves the function if the configuration names it, and says there where it is, with a fresh
    /// function key.
    ///
    /// # Errors
    ///
    /// If no loopback port can be had.
    pub async fn start_for(config: &mut Config) -> std::io::Result<Option<Self>> {
        Self::start_by(config, &Sources::default()).await
    }

    /// The same, with times and IDs in its log from these sources.
    ///
    /// # Errors
    ///
    /// As [`start_for`](Self::start_for).
    pub async fn start_by(config: &mut Config, sources: &Sources) -> std::io::Result<Option<Self>> {
        if !config.names_webhook(FUNCTION_URL) {
            return Ok(None);
        }
        let listener = listen(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))?;
        let key: Arc<str> = Chance::system().uuid("function", "").simple().to_string().into();
        let address = listener.local_addr()?;
        let url = format!("http://{address}/api/HttpTrigger1?code={key}");
        config.place_webhook(FUNCTION_URL, url.parse().map_err(std::io::Error::other)?);

        let app = Router::new()
            .route("/api/HttpTrigger1", post(trigger))
            .with_state((key, sources.clone()));
        let server = tokio::spawn(async move {
            if let Err(error) = axum::serve(listener, app).await {
                tracing::error!("the allocation function stopped: {error}");
            }
        });
        Ok(Some(Self { server, address }))
    }

    /// Where it is.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for SampleFunction {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn trigger(
    State((key, sources)): State<(Arc<str>, Sources)>,
    Query(query): Query<HashMap<String, String>>,
    body: Bytes,
) -> Response {
    // As Azure Functions does it: no key, no word.
    if query.get("code").map(String::as_str) != Some(&*key) {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let (id, started) = (sources.chance.uuid("call", ""), sources.instant());
    log(&format!(
        "Executing 'Functions.HttpTrigger1' (Reason='This function was programmatically called via the host APIs.', Id={id})"
    ));
    log("C# HTTP trigger function processed a request.");
    log("Request.Body:...");
    log(&String::from_utf8_lossy(&body));
    let decision = decide(&body, &mut |line| log(line));
    log("Response");
    let response = match decision {
        Ok(hub) => {
            let body = serde_json::json!({ "iotHubHostName": hub }).to_string();
            log(&body);
            (StatusCode::OK, [(CONTENT_TYPE, "application/json; charset=utf-8")], body)
        }
        Err(message) => {
            log(message);
            (
                StatusCode::BAD_REQUEST,
                [(CONTENT_TYPE, "text/plain; charset=utf-8")],
                message.to_owned(),
            )
        }
    };
    let took = sources.since(started).as_millis();
    log(&format!("Executed 'Functions.HttpTrigger1' (Succeeded, Id={id}, Duration={took}ms)"));
    response.into_response()
}

/// Most bytes of a line of the log, which may be a whole request.
const MAX_LINE: usize = 4 * 1024;

/// Under the function's own name, so that its lines stand apart from the service's.
fn log(line: &str) {
    let line = Foreign::up_to(line, MAX_LINE);
    tracing::info!(target: "HttpTrigger1", "{line}");
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct AllocationRequest {
    #[serde(default)]
    device_runtime_context: DeviceRuntimeContext,
    #[serde(default)]
    linked_hubs: Option<Vec<String>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct DeviceRuntimeContext {
    #[serde(default)]
    registration_id: Option<String>,
}

/// The tutorial's rule: toasters get the first linked hub, everything else is refused, in the
/// tutorial's words.
fn decide(body: &[u8], log: &mut dyn FnMut(&str)) -> Result<String, &'static str> {
    let request: AllocationRequest = serde_json::from_slice(body).unwrap_or_default();
    let Some(registration_id) = request.device_runtime_context.registration_id else {
        log("Registration ID : NULL");
        return Err("Registration ID not provided for the device.");
    };
    let hubs = request.linked_hubs.unwrap_or_default();
    let Some(first) = hubs.first() else {
        log("linkedHubs : NULL");
        return Err("No hub group defined for the enrollment.");
    };
    if !registration_id.contains(TOASTER) {
        log("Unknown device registration");
        return Err("Unrecognized device registration.");
    }
    hubs.iter().for_each(|hub| log(&format!("linkedHub : {hub}")));
    log(&format!("Selected hub : {first}"));
    Ok(first.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decided(body: &str) -> (Result<String, &'static str>, Vec<String>) {
        let mut lines = Vec::new();
        let decision = decide(body.as_bytes(), &mut |line| lines.push(line.to_owned()));
        (decision, lines)
    }

    #[test]
    fn a_toaster_gets_the_first_linked_hub() {
        let (decision, lines) = decided(
            r#"{"deviceRuntimeContext":{"registrationId":"contoso-toaster-007"},"linkedHubs":["a.net","b.net"]}"#,
        );

        assert_eq!(decision, Ok("a.net".to_owned()));
        assert_eq!(lines, ["linkedHub : a.net", "linkedHub : b.net", "Selected hub : a.net"]);
    }

    #[test]
    fn everything_else_is_refused_in_the_tutorials_words() {
        for (body, message, line) in [
            ("{}", "Registration ID not provided for the device.", "Registration ID : NULL"),
            ("nonsense", "Registration ID not provided for the device.", "Registration ID : NULL"),
            (
                r#"{"deviceRuntimeContext":{"registrationId":"contoso-toaster-007"}}"#,
                "No hub group defined for the enrollment.",
                "linkedHubs : NULL",
            ),
            (
                r#"{"deviceRuntimeContext":{"registrationId":"contoso-heatpump-088"},"linkedHubs":["a.net"]}"#,
                "Unrecognized device registration.",
                "Unknown device registration",
            ),
        ] {
            let (decision, lines) = decided(body);
            assert_eq!((decision, lines), (Err(message), vec![line.to_owned()]), "{body}");
        }
    }
}
