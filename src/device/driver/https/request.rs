//! The two requests of the device API, as HTTP has them (B.1, B.2).

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HOST, HeaderValue, USER_AGENT};
use hyper::http::request::Builder;
use hyper::{Method, Request};
use percent_encoding::{PercentEncode, utf8_percent_encode};

use crate::attestation::{SasToken, TpmPublicKeys};
use crate::device::exchange::RequestKind;
use crate::device::settings::Settings;
use crate::wire::{RESERVED, RegisterRequest};

const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// The lookup of a registration, or `None` if something in the settings can stand in no request.
pub(super) fn lookup(
    settings: &Settings,
    body: Vec<u8>,
    token: Option<&SasToken>,
) -> Option<Request<Full<Bytes>>> {
    let request = head(settings, Method::POST, &registration(settings, ""), token)?;
    request.header(CONTENT_TYPE, JSON).body(Full::new(body.into())).ok()
}

/// The body of the lookup (B.1). What the device has to say to a webhook has no place in it: nobody is
/// allocated.
pub(super) fn lookup_body(settings: &Settings, tpm: Option<&TpmPublicKeys>) -> Vec<u8> {
    let body = RegisterRequest {
        registration_id: Some(settings.registration_id.to_string()),
        tpm: tpm.map(Into::into),
        ..RegisterRequest::default()
    };
    serde_json::to_vec(&body).unwrap_or_else(|_| unreachable!("strings always serialize"))
}

/// The request, or `None` if something in the settings can stand in no request.
pub(super) fn build(
    settings: &Settings,
    kind: &RequestKind,
    body: Vec<u8>,
    token: Option<&SasToken>,
) -> Option<Request<Full<Bytes>>> {
    let method = match kind {
        RequestKind::Introduce | RequestKind::Register => Method::PUT,
        RequestKind::Poll(_) => Method::GET,
    };
    let has_body = method == Method::PUT;
    let mut request = head(settings, method, &target(settings, kind), token)?;
    if has_body {
        request = request.header(CONTENT_TYPE, JSON);
    }
    request.body(Full::new(body.into())).ok()
}

/// What every request begins with.
fn head(
    settings: &Settings,
    method: Method,
    target: &str,
    token: Option<&SasToken>,
) -> Option<Builder> {
    let mut request = Request::builder()
        .method(method)
        .uri(target)
        .header(HOST, settings.destination().host_header().to_string())
        .header(ACCEPT, JSON)
        .header(USER_AGENT, HeaderValue::from_str(&settings.product()).ok()?);
    if let Some(token) = token {
        let mut token = HeaderValue::from_str(token.as_str()).ok()?;
        token.set_sensitive(true);
        request = request.header(AUTHORIZATION, token);
    }
    Some(request)
}

fn encode(text: &str) -> PercentEncode<'_> {
    utf8_percent_encode(text, RESERVED)
}

fn target(settings: &Settings, kind: &RequestKind) -> String {
    match kind {
        RequestKind::Introduce | RequestKind::Register => registration(settings, "/register"),
        RequestKind::Poll(operation_id) => {
            let operation = encode(operation_id.as_str());
            registration(settings, &format!("/operations/{operation}"))
        }
    }
}

/// The device's registration, and what of it.
fn registration(settings: &Settings, part: &str) -> String {
    let id_scope = encode(settings.id_scope.as_str());
    let id = encode(settings.registration_id.as_str());
    let version = settings.api_version.to_string();
    format!("/{id_scope}/registrations/{id}{part}?api-version={}", encode(&version))
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use hyper::body::Body;

    use super::*;
    use crate::device::{Credential, Transport};
    use crate::net::{Trust, client_config};

    fn settings() -> Settings {
        let ca = rcgen::generate_simple_self_signed(["a.net".to_owned()]).unwrap().cert.pem();
        let key = "NXZgydIn9ntUpXfBsWFfaxJqAYVfgGQsshvA5GboGJI=";
        Settings {
            transport: Transport::Https,
            payload: Some("{\"fw\":1}".parse().unwrap()),
            client_version: "provision-sim%2F0".to_owned(),
            timeout: Duration::from_secs(1),
            token_lifetime: Duration::from_secs(1),
            ..Settings::new(
                "a.net".parse().unwrap(),
                "0ne00000000".parse().unwrap(),
                "a:b_c.d-1".parse().unwrap(),
                Credential::SymmetricKey(key.parse().unwrap()),
                client_config(&Trust::Pem(ca)).unwrap(),
            )
        }
    }

    #[test]
    fn b_1_register_and_poll_have_their_verbs_and_paths() {
        let register = build(&settings(), &RequestKind::Register, Vec::new(), None).unwrap();
        let poll = RequestKind::Poll("5.one/two".parse().unwrap());
        let poll = build(&settings(), &poll, Vec::new(), None).unwrap();

        assert_eq!(register.method(), Method::PUT);
        assert_eq!(
            register.uri(),
            "/0ne00000000/registrations/a%3Ab_c.d-1/register?api-version=2021-06-01"
        );
        assert_eq!(poll.method(), Method::GET);
        assert_eq!(
            poll.uri(),
            "/0ne00000000/registrations/a%3Ab_c.d-1/operations/5.one%2Ftwo?api-version=2021-06-01"
        );
    }

    #[tokio::test]
    async fn b_1_the_lookup_posts_the_id_and_no_payload() {
        let token = settings().token(SystemTime::now()).await.unwrap().unwrap();
        let request = lookup(&settings(), lookup_body(&settings(), None), Some(&token)).unwrap();

        assert_eq!(request.method(), Method::POST);
        assert_eq!(request.uri(), "/0ne00000000/registrations/a%3Ab_c.d-1?api-version=2021-06-01");
        assert!(request.headers().contains_key(AUTHORIZATION));
        assert_eq!(
            request.body().size_hint().exact(),
            Some(r#"{"registrationId":"a:b_c.d-1"}"#.len() as u64)
        );
    }

    #[tokio::test]
    async fn b_2_headers_are_those_of_a_device_and_the_token_is_not_shown() {
        let token = settings().token(SystemTime::now()).await.unwrap().unwrap();
        let request = build(&settings(), &RequestKind::Register, Vec::new(), Some(&token)).unwrap();
        let elsewhere = Settings { endpoint: "a.net:8443".parse().unwrap(), ..settings() };
        let elsewhere = build(&elsewhere, &RequestKind::Register, Vec::new(), None).unwrap();

        let headers = request.headers();
        assert_eq!(
            (&headers[HOST], &headers[USER_AGENT]),
            (&"a.net".parse().unwrap(), &"provision-sim/0".parse().unwrap())
        );
        assert_eq!(elsewhere.headers()[HOST], "a.net:8443");
        let token = headers[AUTHORIZATION].to_str().unwrap();
        assert!(
            token.starts_with("SharedAccessSignature sr=0ne00000000%2Fregistrations%2Fa"),
            "{token}"
        );
        assert!(!format!("{headers:?}").contains("SharedAccessSignature"));
    }
}
