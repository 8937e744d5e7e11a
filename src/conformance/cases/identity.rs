//! What it says of itself.

use std::time::Duration;

use serde_json::Value;

use crate::attestation::{Claims, SasToken};
use crate::conformance::case::{Case, Level, Rule};
use crate::conformance::finding::Finding;
use crate::conformance::judging::{Judged, registers, settle, summary};
use crate::conformance::observation::{Exchange, Observation};
use crate::conformance::source::{DEVICE_API, MQTT_AND_DPS, TOKENS};
use crate::service::{WireAttach, WireConnect, WireMoment, WireRequest, WireSignIn};
use crate::sources::Clock;
use crate::text::spoken;
use crate::wire::{ApiVersion, RegistrationAddress, UserName};

const A_TOKEN: &str =
    "A token is for one device of one scope, expires, and names its key `registration`.";

pub(super) const CASES: &[Case] = &[
    Case::plain(
        "client-id",
        "calls itself by its registration ID",
        Level::Must,
        Rule {
            id: "A.2",
            text: "The client ID is the registration ID; the user name has scope, ID and API version; a link's address has scope and ID.",
            source: MQTT_AND_DPS,
        },
        |seen| settle(calls_itself(seen)),
    ),
    Case::plain(
        "api-version",
        "asks for an API version that is released",
        Level::Should,
        Rule {
            id: "A-5",
            text: "The version of the API decides the shape of answers; previews end one day.",
            source: DEVICE_API,
        },
        |seen| settle(asks_for_version(seen)),
    ),
    Case::plain(
        "client-version",
        "says which program it is",
        Level::Should,
        Rule {
            id: "A.2",
            text: "`ClientVersion` in the user name, `User-Agent`, or the property of a link names the client.",
            source: MQTT_AND_DPS,
        },
        |seen| settle(names_program(seen)),
    ),
    Case::plain(
        "token-resource",
        "signs a token for itself and nothing else",
        Level::Must,
        Rule { id: "D.4", text: A_TOKEN, source: TOKENS },
        |seen| settle(signs_for_itself(seen)),
    ),
    Case::plain(
        "token-lifetime",
        "signs a token that is good for a day at most",
        Level::Should,
        Rule { id: "D.4", text: A_TOKEN, source: TOKENS },
        |seen| settle(signs_for_so_long(seen)),
    ),
    Case::plain(
        "token-key-name",
        "names the key of its token `registration`",
        Level::Should,
        Rule { id: "D.4", text: A_TOKEN, source: TOKENS },
        |seen| settle(names_key(seen)),
    ),
    Case::plain(
        "no-payload-unasked",
        "sends no payload that it was not given, and the one that it was given as it is",
        Level::Must,
        Rule {
            id: "A.5",
            text: "What stands in the payload is for the webhook: the client adds nothing, and changes nothing.",
            source: DEVICE_API,
        },
        |seen| settle(sends_payload(seen)),
    ),
];

fn first_connect(seen: &Observation) -> Option<&WireConnect> {
    seen.connects(false).first().map(|(.., connect)| *connect)
}

fn first_request(seen: &Observation) -> Option<&WireRequest> {
    let requests = seen.heard(|moment| match moment {
        WireMoment::Request(request) => Some(request),
        _ => None,
    });
    requests.first().map(|(.., request)| *request)
}

fn first_attach(seen: &Observation) -> Option<&WireAttach> {
    seen.attaches().first().map(|(.., attach)| *attach)
}

/// The token of its first request that has one: with a TPM, the first of all has none yet.
fn first_authorization(seen: &Observation) -> Option<&SasToken> {
    let tokens = seen.heard(|moment| match moment {
        WireMoment::Request(request) => request.authorization.as_ref(),
        _ => None,
    });
    tokens.first().map(|(.., token)| *token)
}

/// What came before its first link.
fn first_sign_in(seen: &Observation) -> Option<&WireSignIn> {
    let (_, connection, _) = *seen.attaches().first()?;
    let sign_ins = seen.heard(|moment| match moment {
        WireMoment::SignIn(sign_in) => Some(sign_in),
        _ => None,
    });
    sign_ins.into_iter().find(|(_, number, _)| *number == connection).map(|(.., sign_in)| sign_in)
}

fn nothing(seen: &Observation) -> Finding {
    Finding::unseen(format!("it said nothing of itself: {}", summary(seen)))
}

fn calls_itself(seen: &Observation) -> Judged {
    let Some(connect) = first_connect(seen) else {
        return Ok(match (first_attach(seen), first_request(seen)) {
            (Some(attach), _) => names_its_link(seen, attach),
            (None, Some(_)) => Finding::unseen("over HTTPS there is no client ID"),
            (None, None) => nothing(seen),
        });
    };
    if connect.client_id != seen.registration_id {
        return Ok(Finding::broken(format!("its client ID is {:?}", connect.client_id)));
    }
    let text = connect.user_name.as_deref().unwrap_or_default();
    let Ok(user_name) = text.parse::<UserName>() else {
        return Ok(Finding::broken(format!("its user name is {text:?}")));
    };
    if user_name.registration_id.as_str() != seen.registration_id
        || user_name.id_scope.as_str() != seen.id_scope
    {
        return Ok(Finding::broken(format!(
            "its user name {text:?} has another scope or ID than it was given"
        )));
    }
    match text.contains('?') {
        true => Ok(Finding::wanting(format!(
            "its user name has a `?`, which only those of hubs have: {text:?}"
        ))),
        false => Ok(Finding::kept(format!("user name {text:?}"))),
    }
}

/// The address of its link, which over AMQP is all that says who it is.
fn names_its_link(seen: &Observation, attach: &WireAttach) -> Finding {
    let text = attach.address.as_deref().unwrap_or_default();
    let Ok(address) = text.parse::<RegistrationAddress>() else {
        return Finding::broken(format!("the address of its link is {text:?}"));
    };
    match address.registration_id.as_str() == seen.registration_id
        && address.id_scope.as_str() == seen.id_scope
    {
        true => Finding::kept(format!("address {text:?}")),
        false => Finding::broken(format!(
            "the address {text:?} has another scope or ID than it was given"
        )),
    }
}

/// The version that it names, wherever it does.
fn version(seen: &Observation) -> Option<String> {
    if let Some(request) = first_request(seen) {
        let (_, query) = request.target.split_once('?')?;
        let mut pairs = url::form_urlencoded::parse(query.as_bytes());
        return pairs.find(|(key, _)| key == "api-version").map(|(_, value)| value.into_owned());
    }
    if let Some(attach) = first_attach(seen) {
        return Some(attach.api_version.clone().unwrap_or_default());
    }
    let user_name: UserName = first_connect(seen)?.user_name.as_deref()?.parse().ok()?;
    Some(user_name.api_version.to_string())
}

fn asks_for_version(seen: &Observation) -> Judged {
    let Some(text) = version(seen) else { return Ok(nothing(seen)) };
    let known = text.parse::<ApiVersion>().is_ok_and(|version| version.is_known());
    Ok(match (known, text.contains("preview")) {
        (true, false) => Finding::kept(text),
        (true, true) => Finding::broken(format!("{text} is a preview")),
        (false, _) => Finding::broken(format!("{text:?} is no version that is known")),
    })
}

fn names_program(seen: &Observation) -> Judged {
    let named = match (first_connect(seen), first_attach(seen), first_request(seen)) {
        (None, Some(attach), _) => attach.client_version.clone(),
        (Some(connect), ..) => {
            let user_name = connect.user_name.as_deref().unwrap_or_default();
            user_name.parse::<UserName>().ok().and_then(|name| name.client_version)
        }
        (None, None, Some(request)) => request.user_agent.clone(),
        (None, None, None) => return Ok(nothing(seen)),
    };
    Ok(match named.filter(|name| !name.trim().is_empty()) {
        Some(name) => Finding::kept(name),
        None => Finding::broken("it does not say which program it is"),
    })
}

/// The token with which it proves itself.
fn token(seen: &Observation) -> Result<&SasToken, Finding> {
    let token = match (first_connect(seen), first_sign_in(seen), first_request(seen)) {
        (None, Some(sign_in), _) => sign_in.password.as_ref(),
        (Some(connect), ..) => connect.password.as_ref(),
        (None, None, Some(_)) => first_authorization(seen),
        (None, None, None) => return Err(nothing(seen)),
    };
    token.ok_or_else(|| {
        Finding::unseen(match seen.registers().first().and_then(Exchange::status) {
            Some(401) => "it has shown no token",
            _ => "it proves itself with a certificate, and has no token",
        })
    })
}

fn claims(seen: &Observation) -> Result<Claims<'_>, Finding> {
    token(seen)?
        .claims()
        .map_err(|error| Finding::failed(format!("its token cannot be read: {error}")))
}

fn signs_for_itself(seen: &Observation) -> Judged {
    let claims = claims(seen)?;
    let wanted = format!("{}/registrations/{}", seen.id_scope, seen.registration_id);
    match claims.resource() == wanted {
        true => Ok(Finding::kept(format!("sr={}", claims.resource()))),
        false => Ok(Finding::broken(format!(
            "its token is for {:?}, not for {wanted:?}",
            claims.resource()
        ))),
    }
}

fn signs_for_so_long(seen: &Observation) -> Judged {
    const DAY: Duration = Duration::from_secs(24 * 60 * 60);
    let lasts = claims(seen)?.expires().duration_since(Clock::system().now()).unwrap_or_default();
    let told = spoken(Duration::from_secs(lasts.as_secs()));
    Ok(match lasts {
        lasts if lasts > DAY * 366 => Finding::failed(format!("its token is good for {told}")),
        lasts if lasts > DAY => Finding::broken(format!("its token is good for {told}")),
        lasts if lasts.is_zero() => Finding::failed("its token has expired already"),
        _ => Finding::kept(format!("its token was good for {told} more when it was looked at")),
    })
}

fn names_key(seen: &Observation) -> Judged {
    let claims = claims(seen)?;
    Ok(match claims.key_name() {
        Some("registration") => Finding::kept("skn=registration"),
        Some(other) => Finding::broken(format!("it calls its key {other:?}")),
        None => Finding::broken("its token names no key; DPS takes it all the same"),
    })
}

fn sends_payload(seen: &Observation) -> Judged {
    let registers = registers(seen)?;
    let (given, is_given) = (&seen.payload.0, seen.payload.1);
    let given: Value = serde_json::from_str(given).unwrap_or_default();
    for register in registers {
        let body: Value = match serde_json::from_slice(register.body) {
            Ok(body) => body,
            Err(_) if register.body.iter().all(u8::is_ascii_whitespace) => Value::Null,
            Err(error) => {
                return Ok(Finding::broken(format!("its register request is no JSON: {error}")));
            }
        };
        let sent = body.get("payload").cloned().unwrap_or_default();
        match (is_given || sent == given, sent == given) {
            (true, true) => {}
            (true, false) => {
                return Ok(Finding::broken(format!(
                    "it was given the payload {given}, and sent {sent}"
                )));
            }
            (false, _) if sent.is_null() => {}
            (false, _) => {
                return Ok(Finding::broken(format!("it was given no payload, and sent {sent}")));
            }
        }
    }
    Ok(match is_given {
        true => Finding::kept("sent the payload that it was given"),
        false => Finding::kept("sent no payload"),
    })
}
