//! What somebody who looks at a device's page does to it, by the rules of the hub's own API (J-252).

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::State;
use axum::http::{Response, StatusCode};

use super::device::{Done, find, missing, shown};
use crate::service::endpoint::page::address::address;
use crate::service::endpoint::page::answer;
use crate::service::endpoint::page::posted::Posted;
use crate::service::endpoint::page::shown::Shown;
use crate::service::endpoint::page::site::Site;
use crate::service::hub::{HubError, MethodCall, TwinVerb};
use crate::service::record::HubDevice;
use crate::service::twin::TwinChange;
use crate::text::inert;

/// How long a device may take to answer a method: somebody waits.
const PATIENCE: Duration = Duration::from_secs(10);

/// `POST /ui/device/desired`: a merge patch, or all of them anew if the twin is still as it was seen.
pub(in crate::service::endpoint::page) async fn change_desired(
    State(site): State<Arc<Site>>,
    posted: Posted,
) -> Response<Body> {
    let device = match device(&site, &posted) {
        Ok(device) => device,
        Err(answer) => return answer,
    };
    let typed = posted.whole("patch").unwrap_or_default();
    let verb = match posted.text("how") {
        Some("replace") => TwinVerb::Replace,
        _ => TwinVerb::Patch,
    };
    let seen = posted.text("etag").unwrap_or_default().to_owned();
    let check = move |device: &HubDevice| match verb {
        TwinVerb::Replace if device.twin_etag.encoded() != seen => {
            Err(HubError::PreconditionFailed)
        }
        _ => Ok(()),
    };
    let complaint = match change(typed) {
        Err(complaint) => complaint,
        Ok(change) => {
            let key = device.key();
            let changed = site.registrar.hubs().change_twin(&key, &change, verb, check);
            match changed.await {
                Ok(device) => {
                    let name = [("hub", device.hub.as_str()), ("id", device.device_id.as_str())];
                    return answer::see_other(&address("/ui/device", &name));
                }
                Err(HubError::PreconditionFailed) => "Somebody has changed the twin since this page was loaded. Look at it anew, then replace it."
                    .to_owned(),
                Err(error) => told(&error),
            }
        }
    };
    let done = Done { complaint: Some(complaint), patch: typed.to_owned(), ..Done::default() };
    shown(&site, &device, StatusCode::BAD_REQUEST, done)
}

/// What is typed is the section alone. It is put into its place as it is: numbers stay as they are written.
fn change(typed: &str) -> Result<TwinChange, String> {
    if let Err(error) = serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(typed) {
        return Err(format!(
            "The desired properties are not a JSON object: {}",
            inert(&error.to_string())
        ));
    }
    let change = TwinChange::read(format!("{{\"properties\":{{\"desired\":{typed}}}}}").as_bytes());
    change.map_err(|error| inert(&error.to_string()).into_owned())
}

/// `POST /ui/device/method`.
pub(in crate::service::endpoint::page) async fn call_method(
    State(site): State<Arc<Site>>,
    posted: Posted,
) -> Response<Body> {
    let device = match device(&site, &posted) {
        Ok(device) => device,
        Err(answer) => return answer,
    };
    let method = posted.text("method").unwrap_or_default().to_owned();
    let payload = posted.text("payload").unwrap_or("null").to_owned();
    let answered = if method.is_empty() {
        Err("Which method? It needs a name.".to_owned())
    } else if let Err(error) = serde_json::from_str::<serde::de::IgnoredAny>(&payload) {
        Err(format!("What the method is given is not JSON: {}", inert(&error.to_string())))
    } else {
        let call = MethodCall {
            name: method.clone(),
            payload: payload.as_str().into(),
            connect_timeout: Duration::ZERO,
            response_timeout: PATIENCE,
        };
        let answered = site.registrar.hubs().call_method(&device.key(), call).await;
        answered.map_err(|fault| format!("No answer: {fault}."))
    };
    let (status, complaint, answer) = match answered {
        Ok(answer) => {
            let payload = String::from_utf8_lossy(&answer.payload).into_owned();
            (StatusCode::OK, None, Some((answer.status, Shown::of(&payload).text)))
        }
        Err(complaint) => (StatusCode::BAD_REQUEST, Some(complaint), None),
    };
    shown(&site, &device, status, Done { complaint, method, payload, answer, ..Done::default() })
}

fn device(site: &Site, posted: &Posted) -> Result<Arc<HubDevice>, Response<Body>> {
    let (hub, id) = (posted.text("hub").unwrap_or_default(), posted.text("id").unwrap_or_default());
    find(site, hub, id).ok_or_else(|| missing(site, hub, id))
}

fn told(error: &HubError) -> String {
    let detail = error.detail().map(|detail| format!(": {detail}")).unwrap_or_default();
    inert(&format!("{error}{detail}")).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn k_7_what_is_typed_is_taken_as_it_is_written() {
        let read = change(" {\"a\": 1.50} ").unwrap();
        assert!(read.desired.unwrap().as_json().contains("1.50") && read.tags.is_none());
    }

    #[test]
    fn j_252_nothing_but_an_object_is_taken_and_nothing_can_be_smuggled_in() {
        for typed in ["", "[]", "1", "{", "{}}},\"tags\":{\"a\":1}", "{},\"x\":{}"] {
            let said = change(typed).unwrap_err();
            assert!(said.contains("not a JSON object"), "{typed}: {said}");
        }
        assert!(change(r#"{"a.b":1}"#).is_err(), "a rule of twins");
    }
}
