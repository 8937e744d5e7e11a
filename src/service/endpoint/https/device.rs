//! The device API (B.1): from a request to a call of the registrar.

use std::io;
use std::time::Duration;

use hyper::Request;
use hyper::header::{AUTHORIZATION, HOST, HeaderValue};
use rustls::pki_types::CertificateDer;

use super::client::{Client, user_agent};
use super::reply::{self, Answer};
use super::route::{DeviceCall, Purpose};
use crate::attestation::SasToken;
use crate::service::attest::Proof;
use crate::service::caller::{Caller, Transport, TurnedAway};
use crate::service::faults::{HangUp, Verdict};
use crate::service::registrar::Asked;
use crate::wire::{ApiVersion, ErrorCode, GLOBAL_ENDPOINT, IdScope, RegistrationId};

/// How long a fault on demand may keep silent: the connection is not heard meanwhile, so that nobody would
/// notice that its client has gone (J-266).
const LONGEST_SILENCE: Duration = Duration::from_secs(600);

/// Answers a call.
pub(super) async fn answer(
    client: &Client,
    call: &DeviceCall,
    request: &Request<Vec<u8>>,
) -> io::Result<Answer> {
    let verb = call.purpose.verb();
    if request.method() != verb {
        tracing::warn!("{}: {} where only {verb} is served (B.1)", client.peer, request.method());
        return Ok(reply::method_not_allowed(client.sources(), verb));
    }
    let caller = match caller(client, call, request) {
        Ok(caller) => caller,
        Err(refusal) => {
            tracing::warn!("{}: refused with {}: {}", client.peer, refusal.code, refusal.reason);
            let (code, message) = (refusal.code, refusal.message);
            if matches!(call.purpose, Purpose::Register)
                && let Some(who) = turned_away(client, call, request, refusal)
            {
                client.registrar.refused_request(who, code);
            }
            return Ok(reply::error(client.sources(), code, message));
        }
    };
    let (registrar, body) = (&client.registrar, request.body());
    let asked = match &call.purpose {
        Purpose::Register => Asked::Register(body),
        Purpose::OperationStatus { operation_id } => Asked::Poll(operation_id),
        Purpose::RegistrationState => Asked::Lookup(body),
    };
    match registrar.answer(&caller, asked).await {
        Verdict::Reply(said) => {
            Ok(reply::of(client.sources(), said, Some(&location(request, &caller))))
        }
        other => Box::pin(carry_out(client, &caller, other, &location(request, &caller))).await,
    }
}

/// Does what a fault on demand wants. An error ends the connection.
async fn carry_out(
    client: &Client,
    caller: &Caller,
    mut verdict: Verdict,
    location: &str,
) -> io::Result<Answer> {
    if let Verdict::Delay(delay, then) = verdict {
        client.sources().clock.sleep(delay).await;
        verdict = *then;
    }
    match verdict {
        Verdict::Reply(said) => Ok(reply::of(client.sources(), said, Some(location))),
        Verdict::Say(said) => Ok(reply::odd(client.sources(), *said, Some(location))),
        Verdict::Silence => {
            client.sources().clock.forsake(caller.registration_id.folded());
            tokio::time::sleep(LONGEST_SILENCE).await;
            Err(io::ErrorKind::TimedOut.into())
        }
        Verdict::HangUp(how) => {
            if how == HangUp::Reset {
                client.cord.pull();
            }
            Err(io::ErrorKind::ConnectionAborted.into())
        }
        // HTTP has no other way to lose an answer; and delays do not come one in the other.
        Verdict::Lose | Verdict::Delay(..) => Err(io::ErrorKind::ConnectionAborted.into()),
    }
}

/// Why a request does not come before the registrar.
#[derive(Debug, PartialEq, Eq)]
struct Refusal {
    code: ErrorCode,
    /// The same in one word, for the journal.
    check: &'static str,
    /// For the device.
    message: &'static str,
    /// For the log.
    reason: String,
}

/// Who asks; what it proves is no concern of this module.
fn caller(
    client: &Client,
    call: &DeviceCall,
    request: &Request<Vec<u8>>,
) -> Result<Caller, Refusal> {
    Ok(Caller {
        connection: client.connection(user_agent(request.headers())),
        transport: Transport::Https,
        id_scope: id_scope(&call.id_scope, &client.registrar.instance().id_scope)?,
        registration_id: registration_id(&call.registration_id)?,
        api_version: api_version(request.uri().query().unwrap_or_default())?,
        proof: proof(request.headers().get(AUTHORIZATION), &client.certificates),
    })
}

/// Who is refused, if it names a device (J-217).
fn turned_away(
    client: &Client,
    call: &DeviceCall,
    request: &Request<Vec<u8>>,
    Refusal { check, reason, .. }: Refusal,
) -> Option<TurnedAway> {
    Some(TurnedAway {
        connection: client.connection(user_agent(request.headers())),
        transport: Transport::Https,
        registration_id: call.registration_id.parse().ok()?,
        id_scope: Some(call.id_scope.clone()),
        api_version: None,
        check,
        reason,
    })
}

/// The scope that is served, or 404 (J-29).
fn id_scope(text: &str, served: &IdScope) -> Result<IdScope, Refusal> {
    text.parse().ok().filter(|_| served.matches(text)).ok_or_else(|| Refusal {
        code: ErrorCode::ID_SCOPE_NOT_FOUND,
        check: "idScope",
        message: "ID scope not found.",
        reason: format!("asks for the ID scope {text:?}; {served} is served here (J-29)"),
    })
}

fn registration_id(text: &str) -> Result<RegistrationId, Refusal> {
    text.parse().map_err(|error| Refusal {
        code: ErrorCode::BAD_REQUEST,
        check: "registrationId",
        message: "Invalid RegistrationId",
        reason: format!("the registration ID {text:?} in the path: {error} (D.1)"),
    })
}

/// The version that the query names. Over HTTPS only known ones are served, and what is newer than all
/// of them (J-64); other keys of the query mean nothing (B-1).
fn api_version(query: &str) -> Result<ApiVersion, Refusal> {
    let mut pairs = url::form_urlencoded::parse(query.as_bytes());
    let value = pairs.find(|(key, _)| key.eq_ignore_ascii_case("api-version"));
    let refusal = |message, reason| Refusal {
        code: ErrorCode::BAD_REQUEST,
        check: "request",
        message,
        reason,
    };
    let Some((_, value)) = value else {
        let reason = "no api-version in the query (B.1)".to_owned();
        return Err(refusal("Missing api-version", reason));
    };
    let is_served = |version: &ApiVersion| version.is_known() || version.is_newer_than_known();
    value.parse().ok().filter(is_served).ok_or_else(|| {
        refusal("Unsupported api-version", format!("api-version {value:?} is not known (J-64)"))
    })
}

/// A token goes before a certificate, as in MQTT (J-65).
fn proof(authorization: Option<&HeaderValue>, certificates: &[CertificateDer<'static>]) -> Proof {
    match authorization {
        Some(token) if !token.is_empty() => {
            Proof::Sas(SasToken::from_text(String::from_utf8_lossy(token.as_bytes())))
        }
        _ if !certificates.is_empty() => Proof::Certificates(certificates.to_vec()),
        _ => Proof::Absent,
    }
}

/// Where the registration is (B.3), under the name by which the client came.
fn location(request: &Request<Vec<u8>>, caller: &Caller) -> String {
    let host = request.headers().get(HOST).and_then(|host| host.to_str().ok());
    let host = host
        .or_else(|| request.uri().authority().map(|authority| authority.as_str()))
        .unwrap_or(GLOBAL_ENDPOINT);
    let Caller { id_scope, registration_id, .. } = caller;
    format!("https://{host}/{id_scope}/registrations/{registration_id}/register")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn j_65_authorization_goes_before_a_certificate_unless_it_is_empty() {
        let certificates = [CertificateDer::from(vec![0x30])];
        let proof =
            |text: &'static str| proof(Some(&HeaderValue::from_static(text)), &certificates);

        assert!(matches!(proof("nonsense"), Proof::Sas(_)));
        assert!(matches!(proof(""), Proof::Certificates(_)));
        assert!(matches!(super::proof(None, &certificates), Proof::Certificates(_)));
        assert!(matches!(super::proof(None, &[]), Proof::Absent));
    }

    #[test]
    fn j_64_the_query_must_name_a_known_version_or_a_newer_one() {
        let code = |query| api_version(query).map_err(|refusal| refusal.code);

        for query in ["api-version=2019-03-31", "forceRegistration=true&API-Version=2019%2D03-31&x"]
        {
            assert_eq!(code(query), Ok("2019-03-31".parse().unwrap()), "{query}");
        }
        assert_eq!(code("api-version=2030-01-01"), Ok("2030-01-01".parse().unwrap()));
        for query in
            ["", "api-version", "api-version=", "version=2019-03-31", "api-version=2024-01-01"]
        {
            assert_eq!(code(query), Err(ErrorCode::BAD_REQUEST), "{query}");
        }
    }

    #[test]
    fn j_29_an_unknown_scope_is_404_and_case_does_not_matter() {
        let served: IdScope = "0ne00002193".parse().unwrap();

        assert_eq!(id_scope("0NE00002193", &served).unwrap().as_str(), "0NE00002193");
        for text in ["0neFFFFFFFF", "", "a b"] {
            assert_eq!(id_scope(text, &served).unwrap_err().code, ErrorCode(404_000), "{text}");
        }
    }

    #[test]
    fn a_bad_registration_id_is_400() {
        assert_eq!(registration_id("a b").unwrap_err().message, "Invalid RegistrationId");
    }
}
