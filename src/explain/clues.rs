//! What is known locally, held against the catalogue: facts first, then the usual causes that
//! these facts leave possible.

use std::time::SystemTime;

use super::clock::Skew;
use super::entry::{About, Entry, Hint};
use super::facts::{Clue, clue_from_certificate, clue_from_id, clue_from_key, clue_from_scope};
use super::link::HubRefusal;
use super::{Context, GivenKey, clues_network, clues_tpm, clues_x509, entry_of};
use crate::device::{Error, Rejection};
use crate::wire::{ConnectCode, ErrorCode};

/// Why a registration failed, as far as this side can tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explanation {
    /// What it is.
    pub entry: &'static Entry,
    /// Why it probably happened, the likeliest first.
    pub causes: Vec<String>,
    /// What to try, the quickest first.
    pub remedies: Vec<String>,
    /// Whether the cause is proved, so that the usual ones are left out.
    pub is_certain: bool,
}

/// Explains a failed registration. `now` is the time of the failure by this machine's clock.
pub fn explain(error: &Error, context: &Context, now: SystemTime) -> Explanation {
    let entry = entry_of(error);
    let skew = skew(error, now).or(context.skew);
    // The local service has this very clock.
    let is_same_clock = context.is_local && matches!(error, Error::Unauthorized(_));
    let clock_is_right = is_same_clock || skew.is_some_and(|skew| !skew.is_large());
    told(entry, clues(error, context, skew), clock_is_right, context)
}

/// The facts first, then the usual causes and remedies that they leave possible.
pub(super) fn told(
    entry: &'static Entry,
    mut clues: Vec<Clue>,
    clock_is_right: bool,
    context: &Context,
) -> Explanation {
    let is_certain = clues.iter().any(|clue| clue.is_certain);
    if is_certain {
        clues.retain(|clue| clue.is_certain);
    }
    let is_told = |about: About| clues.iter().any(|clue| clue.about == about);
    let is_open = |hint: &&Hint| {
        let is_ruled_out = hint.about == About::Clock && clock_is_right;
        is_possible(hint.about, context) && !is_ruled_out
    };
    let mut causes: Vec<_> = clues.iter().map(|clue| clue.cause.clone()).collect();
    let mut remedies: Vec<_> = clues.iter().filter_map(|clue| clue.remedy.clone()).collect();
    for cause in entry.causes.iter().filter(is_open) {
        if !is_certain && !is_told(cause.about) {
            causes.push(cause.text.to_owned());
        }
    }
    for remedy in entry.remedies.iter().filter(is_open) {
        // The service's log has the last word even where the cause is plain.
        let is_wanted =
            if is_certain { remedy.about == About::Local } else { !is_told(remedy.about) };
        if is_wanted {
            remedies.push(remedy.text.to_owned());
        }
    }
    Explanation { entry, causes, remedies, is_certain }
}

/// Whether a subject can matter at all to this device.
fn is_possible(about: About, context: &Context) -> bool {
    let is_here = context.is_local || context.is_loopback();
    match about {
        About::Local => is_here,
        About::Network => !is_here || context.proxy.is_some(),
        About::Azure => !is_here,
        About::Proxy => context.proxy.is_some(),
        About::Certificate => context.key().is_none() && !context.has_tpm(),
        About::Key => context.certificate().is_none() && !context.has_tpm(),
        About::Any
        | About::Clock
        | About::Scope
        | About::Id
        | About::Enrollment
        | About::Webhook
        | About::Host
        | About::Trust => true,
    }
}

/// How far this clock is off, where the service's error says what time it is there.
fn skew(error: &Error, now: SystemTime) -> Option<Skew> {
    let (Error::Unauthorized(rejection) | Error::Rejected(rejection)) = error else { return None };
    let text = rejection.error.as_ref()?.timestamp_utc.as_deref()?;
    let service = humantime::parse_rfc3339_weak(text.trim()).ok()?;
    Some(Skew::between(now, service))
}

fn clues(error: &Error, context: &Context, skew: Option<Skew>) -> Vec<Clue> {
    match error {
        Error::Unauthorized(rejection) => unauthorized(rejection, context, skew),
        Error::Rejected(rejection) => rejected(rejection, context),
        Error::Failed { code, message, .. } => {
            let message = message.as_deref();
            let refusal = message.and_then(HubRefusal::read).map(|refusal| of_link(&refusal));
            refusal.or_else(|| webhook(*code, message, context)).into_iter().collect()
        }
        Error::ConnectRefused { code, tries } => connect_refused(*code, *tries, context),
        Error::Network(error) => clues_network::of_network(error, context),
        Error::NoTransport(failures) => {
            clues_network::of_transports(failures.iter().map(|(_, error)| error), context)
        }
        Error::Breach(breach) => clues_network::of_breach(breach, context).into_iter().collect(),
        Error::Deadline(deadline) => {
            clues_network::of_deadline(deadline, context).into_iter().collect()
        }
        Error::Disabled { .. }
        | Error::SaslRefused { .. }
        | Error::Signer(_)
        | Error::NotForTpm(_) => Vec::new(),
        Error::Tpm(error) => clues_tpm::of_tpm(error, context).into_iter().collect(),
    }
}

fn unauthorized(rejection: &Rejection, context: &Context, skew: Option<Skew>) -> Vec<Clue> {
    let mut clues: Vec<Clue> = clue_from_certificate(context).into_iter().collect();
    match context.certificate() {
        None if context.has_tpm() => clues.extend(clues_tpm::unauthorized(rejection)),
        Some(certificate) => {
            let said = rejection.error.as_ref().map(|error| error.message.as_ref());
            clues.extend(clues_x509::refused(certificate, said.unwrap_or_default(), context));
        }
        None => clues.extend(clue_from_key(context).or_else(|| other_key(context))),
    }
    if let Some(skew) = skew.filter(|skew| skew.is_large()) {
        clues.push(
            Clue::new(About::Clock, format!("this machine's clock is {skew}, by the service's"))
                .remedy(
                    "set the clock, and register again: tokens and certificates are judged by it",
                ),
        );
    }
    clues.extend(clue_from_id(context).filter(|_| context.certificate().is_none()));
    clues
}

/// The hub's own words, unwrapped (K-11). The usual causes follow: they are about the link.
fn of_link(refusal: &HubRefusal<'_>) -> Clue {
    let HubRefusal { code, says, hub } = refusal;
    let hub = hub.map_or_else(|| "the hub".to_owned(), |hub| format!("the hub {hub}"));
    let says = if says.is_empty() { String::new() } else { format!(" ({says})") };
    Clue::new(
        About::Azure,
        format!(
            "{hub} answered the provisioning service with {code}{says}; the device itself was believed"
        ),
    )
}

/// Over MQTT a wrong scope is CONNACK 3, over HTTPS it is a 404 (J-29).
fn rejected(rejection: &Rejection, context: &Context) -> Vec<Clue> {
    let code = rejection.error.as_ref().map(|error| error.error_code);
    if code == Some(ErrorCode::ENROLLMENT_NOT_FOUND) && context.has_tpm() {
        return clues_tpm::not_enrolled(&context.registration_id);
    }
    if code == Some(ErrorCode::BAD_REQUEST) && context.has_tpm() {
        return vec![clues_tpm::bad_keys()];
    }
    if code == Some(ErrorCode::RECORD_NOT_FOUND) {
        let id = &context.registration_id;
        let cause = format!("{id} has never registered, or its record was deleted");
        let clue = Clue::new(About::Any, cause);
        return vec![clue.remedy("register it: `provision-sim register` with the same flags")];
    }
    let said = rejection.error.as_ref().map(|error| error.message.as_ref()).unwrap_or_default();
    if code == Some(ErrorCode::BAD_REQUEST) && said.contains("request for a certificate") {
        let cause = "the service does not grant the request for a certificate that came along";
        let remedy =
            "send another one: `register --new-key FILE` makes a key on P-256 and its request";
        return vec![Clue::certain(About::Any, cause).remedy(remedy)];
    }
    if rejection.status != 404 || code.is_some_and(|code| code != ErrorCode::ID_SCOPE_NOT_FOUND) {
        return Vec::new();
    }
    let host = Clue::new(About::Host, format!("{} is no provisioning service", context.endpoint));
    unknown_scope(context, "").into_iter().chain([host]).collect()
}

/// That the service has no such instance; `more` is known of it.
fn unknown_scope(context: &Context, more: &str) -> Option<Clue> {
    let scope = context.id_scope.as_ref()?;
    let cause = format!("the service does not know the ID scope {scope}{more}");
    let clue = Clue::new(About::Scope, cause);
    Some(clue.remedy("compare --id-scope with the overview page of the DPS instance"))
}

/// Where the key gives nothing away, it can only be compared.
fn other_key(context: &Context) -> Option<Clue> {
    let id = &context.registration_id;
    let whose = match context.key()? {
        GivenKey::Group(_) => "of the group that",
        GivenKey::Device(_) => "that",
    };
    let cause = format!(
        "the key is not the one {whose} {id} is enrolled with: another device's, another group's, or mistyped"
    );
    Some(Clue::new(About::Key, cause))
}

fn connect_refused(code: ConnectCode, tries: u32, context: &Context) -> Vec<Clue> {
    match code {
        ConnectCode::ServerUnavailable => {
            let shape = clue_from_scope(context).map(|clue| format!("; {}", clue.cause));
            let shape = shape.unwrap_or_default();
            let times = if tries == 1 { "once".to_owned() } else { format!("{tries} times") };
            let down = Clue::new(About::Any, format!("the service is down (tried {times})"));
            let scope = unknown_scope(context, &format!(": DPS says so in this way{shape}"));
            scope.into_iter().chain([down]).collect()
        }
        ConnectCode::NotAuthorized => clue_from_certificate(context).into_iter().collect(),
        _ => Vec::new(),
    }
}

/// What the service's message gives away of the webhook (G.6).
fn webhook(code: Option<ErrorCode>, message: Option<&str>, context: &Context) -> Option<Clue> {
    if code != Some(ErrorCode::CUSTOM_ALLOCATION_FAILED) {
        return None;
    }
    let id = &context.registration_id;
    let certain = |cause: String| Clue::certain(About::Webhook, cause);
    Some(match message.and_then(webhook_status) {
        Some(400) => certain("the enrollment's webhook answered 400: most say so to a device that they do not accept".to_owned())
            .remedy(format!("see in the webhook's log why it does not accept {id}")),
        Some(403) => certain("the enrollment's webhook answered 403: the function key is wrong, or access is restricted".to_owned())
            .remedy("check the function key in webhookUrl, and the function app's access restrictions"),
        Some(404) => certain("the enrollment's webhook answered 404: its address is wrong".to_owned())
            .remedy("check webhookUrl in the enrollment"),
        Some(status) if status >= 429 => certain(format!("the enrollment's webhook answered {status}, and went on to when it was asked again"))
            .remedy("look at the webhook's log"),
        Some(status) => certain(format!("the enrollment's webhook answered {status}"))
            .remedy("look at the webhook's log"),
        None => certain("the enrollment's webhook could not be reached, or its answer was no AllocationResponse".to_owned())
            .remedy("call the webhook by hand, and look at its log"),
    })
}

/// `N` of `Custom allocation failed with status code: N`.
fn webhook_status(message: &str) -> Option<u16> {
    message.rsplit_once("status code: ")?.1.trim().parse().ok()
}

#[cfg(test)]
#[path = "clues_tests.rs"]
mod tests;
