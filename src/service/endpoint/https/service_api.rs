//! Carries the service API (E) and that of the hubs (I): an HTTP request to its handler, and the
//! answer back.

use hyper::header::{CONNECTION, HOST, HeaderMap, HeaderName, HeaderValue};
use hyper::{Method, Request, Response, StatusCode};

use super::answer_body::AnswerBody;
use super::client::Client;
use super::reply::{self, Answer};
use crate::service::api;
use crate::service::hub_api;
use crate::sources::Sources;
use crate::wire::ErrorCode;

/// Answers a call of the service API.
pub(super) async fn answer(client: &Client, request: Request<Vec<u8>>) -> Answer {
    let (registrar, access) = (client.registrar.clone(), client.access.clone());
    let request = translated(request);
    carried(client.sources(), async move { api::handle(&registrar, &access, request).await }).await
}

/// Answers a call of a hub's service API.
pub(super) async fn answer_for_hub(client: &Client, request: Request<Vec<u8>>) -> Answer {
    let (hubs, access) = (client.registrar.hubs().clone(), client.access.clone());
    let request = translated(request);
    let certificate = client.certificates.first().cloned();
    carried(
        client.sources(),
        async move { hub_api::handle(&hubs, &access, request, certificate).await },
    )
    .await
}

/// Refuses a request to a hub that is too long, and perhaps not read to its end.
pub(super) fn too_long_for_hub(sources: &Sources) -> Answer {
    let mut answer = answered(hub_api::too_large(sources));
    answer.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    answer
}

/// Runs by itself: a client that hangs up must not leave a change half done.
async fn carried(
    sources: &Sources,
    work: impl Future<Output = api::Response> + Send + 'static,
) -> Answer {
    match tokio::spawn(work).await {
        Ok(response) => answered(response),
        Err(_) => reply::error(sources, ErrorCode::INTERNAL, "InternalServerError"),
    }
}

fn answered(api::Response { status, headers, body }: api::Response) -> Answer {
    let mut answer = Response::new(AnswerBody::new(body));
    *answer.status_mut() =
        StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    for (name, value) in headers {
        if let Ok(value) = HeaderValue::from_str(&value) {
            answer.headers_mut().insert(HeaderName::from_static(name), value);
        }
    }
    answer
}

fn translated(request: Request<Vec<u8>>) -> api::Request {
    let (head, body) = request.into_parts();
    let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let query = head.uri.query().unwrap_or_default();
    api::Request {
        method: meant(&head.method, &head.headers).to_string(),
        path: head.uri.path().to_owned(),
        query: url::form_urlencoded::parse(query.as_bytes()).into_owned().collect(),
        headers: head.headers.iter().map(|(name, value)| (name.to_string(), text(value))).collect(),
        body,
        host: head.headers.get(HOST).map(text).unwrap_or_default(),
    }
}

/// The method that the client means. Java's own HTTP client knows no PATCH, so its SDKs send POST
/// with the header that names it (I.2); so may whatever else cannot say a method (J-230).
fn meant(method: &Method, headers: &HeaderMap) -> Method {
    if *method == Method::POST {
        let named = headers.get("x-http-method-override").map(HeaderValue::as_bytes);
        for other in [Method::PATCH, Method::PUT, Method::DELETE] {
            if named.is_some_and(|name| name.eq_ignore_ascii_case(other.as_str().as_bytes())) {
                return other;
            }
        }
    }
    method.clone()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn j_230_post_stands_for_the_method_that_its_header_names() {
        for (method, named, expected) in [
            (Method::POST, Some("PATCH"), Method::PATCH),
            (Method::POST, Some("delete"), Method::DELETE),
            (Method::POST, Some("Put"), Method::PUT),
            // A read must not be made of what changes things, and nothing that POST is not for.
            (Method::POST, Some("GET"), Method::POST),
            (Method::POST, Some(""), Method::POST),
            (Method::POST, None, Method::POST),
            (Method::GET, Some("DELETE"), Method::GET),
            (Method::PUT, Some("PATCH"), Method::PUT),
        ] {
            let mut headers = HeaderMap::new();
            if let Some(named) = named {
                headers.insert("x-http-method-override", named.parse().unwrap());
            }
            assert_eq!(meant(&method, &headers), expected, "{method} {named:?}");
        }
    }
}
