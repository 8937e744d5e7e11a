//! What is done instead of an answer, or with it.
//!
//! Pure: a reply goes in, and out comes what the driver of a transport carries out.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::attestation::Certificate;
use crate::service::fault_rule::{ChainEncoding, Deed, RetryAfter, What};
use crate::service::reply::{Reply, error_reply};
use crate::sources::Sources;
use crate::wire::ErrorCode;

/// The hub that is assigned by `hub=unknown`: a name that Azure may have, and that is linked nowhere.
pub(in crate::service) const UNKNOWN_HUB: &str = "unknown.azure-devices.net";
/// The status that `unknown-status` has.
const UNKNOWN_STATUS: &str = "pondering";
/// What a proxy would say.
pub(in crate::service) const PAGE: &str = "<!DOCTYPE html>\n<html><head><title>Gateway</title></head><body><h1>The service cannot be reached</h1></body></html>\n";

/// What a transport does about a request.
#[derive(Debug, PartialEq)]
pub(in crate::service) enum Verdict {
    /// Answer, as ever.
    Reply(Reply),
    /// Answer otherwise.
    Say(Box<Said>),
    /// Wait so long, then do that.
    Delay(Duration, Box<Self>),
    /// Say nothing, and do not close.
    Silence,
    /// It was done; say nothing. Where an answer cannot be lost alone, its connection is.
    Lose,
    /// Close.
    HangUp(HangUp),
}

impl Verdict {
    /// Whether whoever asked waits in vain, on a connection that stays.
    pub(in crate::service) fn is_silent(&self) -> bool {
        match self {
            Self::Silence | Self::Lose => true,
            Self::Say(said) => said.has_wrong_rid || said.order == Order::Late,
            Self::Delay(_, then) => then.is_silent(),
            Self::Reply(_) | Self::HangUp(_) => false,
        }
    }

    /// What is said in the end, if anything is.
    pub(in crate::service) fn reply(&self) -> Option<&Reply> {
        match self {
            Self::Reply(reply) => Some(reply),
            Self::Say(said) => Some(&said.reply),
            Self::Delay(_, then) => then.reply(),
            Self::Silence | Self::Lose | Self::HangUp(_) => None,
        }
    }
}

/// How a connection is closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::service) enum HangUp {
    /// In order.
    Close,
    /// With a TCP reset.
    Reset,
}

/// An answer that is not as it should be.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::service) struct Said {
    pub(in crate::service) reply: Reply,
    /// In place of the reply's own.
    pub(in crate::service) retry_after: Option<RetryAfter>,
    /// Whether the body is a page for browsers, not JSON.
    pub(in crate::service) is_page: bool,
    /// After how many bytes it breaks off.
    pub(in crate::service) cut: Option<usize>,
    pub(in crate::service) order: Order,
    /// Whether it names another request.
    pub(in crate::service) has_wrong_rid: bool,
}

impl Said {
    /// The `$rid` that it names where this one was asked with. A wrong one follows from the right one, and
    /// looks like those that SDKs make.
    pub(in crate::service) fn rid(&self, asked: &str) -> String {
        if !self.has_wrong_rid {
            return asked.to_owned();
        }
        let digest = Sha256::new().chain_update("another than ").chain_update(asked).finalize();
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&digest[..16]);
        uuid::Builder::from_random_bytes(bytes).into_uuid().to_string()
    }
}

/// When an answer comes, and how often.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::service) enum Order {
    Once,
    Twice,
    /// After the next answer.
    Late,
}

impl What {
    /// What is done in place of what was asked for. None if the request goes its way.
    pub(in crate::service) fn instead(&self, sources: &Sources) -> Option<Verdict> {
        let verdict = match self.deed {
            Some(Deed::Silence) => Verdict::Silence,
            Some(Deed::Close) => Verdict::HangUp(HangUp::Close),
            Some(Deed::Reset) => Verdict::HangUp(HangUp::Reset),
            None => self.say(self.error(sources)?),
            Some(_) => return None,
        };
        Some(self.delayed(verdict))
    }

    /// What is done with an answer.
    pub(in crate::service) fn instead_of(&self, sources: &Sources, reply: Reply) -> Verdict {
        let verdict = match self.deed {
            Some(Deed::LoseAnswer) => Verdict::Lose,
            _ => self.say(self.error(sources).unwrap_or(reply)),
        };
        self.delayed(verdict)
    }

    /// The same, as much later as is wanted.
    pub(in crate::service) fn delayed(&self, verdict: Verdict) -> Verdict {
        match self.delay {
            Some(delay) => Verdict::Delay(delay, Box::new(verdict)),
            None => verdict,
        }
    }

    /// Whether there is something in an answer that it would change.
    pub(in crate::service) fn can_change(&self, reply: &Reply) -> bool {
        let has = |pointer: &str| {
            let body = serde_json::from_str::<Value>(&reply.body);
            body.is_ok_and(|body| body.pointer(pointer).is_some())
        };
        match self.deed {
            Some(Deed::NoOperationId | Deed::ForgetOperation) => has("/operationId"),
            Some(Deed::UnknownStatus) => has("/status"),
            Some(Deed::UnknownHub | Deed::ConnectionProfile(_)) => {
                has("/registrationState/assignedHub") || has("/assignedHub")
            }
            Some(Deed::ChainEncoding(_)) => has("/registrationState/issuedCertificateChain"),
            Some(_) => true,
            // What is not told to wait cannot be told so otherwise.
            None if self.status.is_none() && self.delay.is_none() => {
                self.retry_after.is_none() || reply.retry_after.is_some()
            }
            None => true,
        }
    }

    fn error(&self, sources: &Sources) -> Option<Reply> {
        if !self.is_error() {
            return None;
        }
        let status = self.status.or_else(|| u16::try_from(self.code? / 1000).ok())?;
        let code = self.code.map_or_else(|| usual_code(status), ErrorCode);
        let message = self.message.as_deref().unwrap_or_else(|| usual_message(status));
        // The two may be told to differ.
        Some(Reply { status, ..error_reply(sources, code, message) })
    }

    fn say(&self, reply: Reply) -> Verdict {
        let retry_after = match &self.retry_after {
            None => reply.retry_after,
            Some(RetryAfter::Absent) => None,
            // The journal tells of a wait only where the device can make sense of it.
            Some(RetryAfter::Text(text)) => text.parse().ok().map(Duration::from_secs),
        };
        let mut reply = Reply { status: self.status.unwrap_or(reply.status), retry_after, ..reply };
        let mut said = Said {
            retry_after: self.retry_after.clone(),
            is_page: false,
            cut: None,
            order: Order::Once,
            has_wrong_rid: false,
            reply: Reply { status: 0, retry_after: None, body: String::new() },
        };
        match self.deed {
            Some(Deed::Truncate(bytes)) => said.cut = usize::try_from(bytes).ok(),
            Some(Deed::Duplicate) => said.order = Order::Twice,
            Some(Deed::Late) => said.order = Order::Late,
            Some(Deed::WrongRid) => said.has_wrong_rid = true,
            // All of it is ASCII.
            Some(Deed::BrokenJson) => reply.body.truncate(reply.body.len() / 2),
            Some(Deed::Html) => {
                reply.body = PAGE.to_owned();
                said.is_page = true;
            }
            Some(Deed::Empty) => reply.body.clear(),
            Some(Deed::UnknownMembers) => change(&mut reply, |body| {
                add_members(body);
                body.get_mut("registrationState").map(add_members);
            }),
            Some(Deed::NoOperationId) => change(&mut reply, |body| {
                body.as_object_mut().map(|members| members.shift_remove("operationId"));
            }),
            Some(Deed::UnknownStatus) => {
                change(&mut reply, |body| set(body, "status", UNKNOWN_STATUS))
            }
            Some(Deed::UnknownHub) => change(&mut reply, |body| {
                set(state_of(body), "assignedHub", UNKNOWN_HUB);
            }),
            Some(Deed::ConnectionProfile(profile)) => change(&mut reply, |body| {
                put_profile(state_of(body), profile.told());
            }),
            Some(Deed::ChainEncoding(encoding)) => change(&mut reply, |body| {
                let chain = state_of(body).get_mut("issuedCertificateChain");
                let entries = chain.and_then(Value::as_array_mut);
                entries.into_iter().flatten().for_each(|entry| encode(entry, encoding));
            }),
            _ => {}
        }
        Verdict::Say(Box::new(Said { reply, ..said }))
    }
}

fn change(reply: &mut Reply, change: impl FnOnce(&mut Value)) {
    if let Ok(mut body) = serde_json::from_str::<Value>(&reply.body) {
        change(&mut body);
        reply.body = body.to_string();
    }
}

/// As a later version of the service may have them.
fn add_members(object: &mut Value) {
    if let Some(members) = object.as_object_mut() {
        let new = serde_json::json!({ "of": "a later version", "list": [1, null, {}] });
        members.shift_insert(0, "newMember".to_owned(), new);
        members.insert("anotherNewMember".to_owned(), Value::Null);
    }
}

/// The state in an answer, which to a look-up is all there is.
fn state_of(body: &mut Value) -> &mut Value {
    match body.get("registrationState") {
        Some(_) => &mut body["registrationState"],
        None => body,
    }
}

/// Behind the hub, where the service has it.
fn put_profile(state: &mut Value, profile: &str) {
    if let Some(members) = state.as_object_mut() {
        members.shift_remove("connectionProfile");
        let hub = members.keys().position(|name| name == "assignedHub");
        let place = hub.map_or(members.len(), |hub| hub + 1);
        members.shift_insert(place, "connectionProfile".to_owned(), profile.into());
    }
}

/// A certificate in Base64 of DER, written otherwise.
fn encode(entry: &mut Value, encoding: ChainEncoding) {
    let der = entry.as_str().and_then(|text| STANDARD.decode(text).ok());
    let certificate = der.and_then(|der| Certificate::from_der(der.into()).ok());
    if let Some(certificate) = certificate {
        let pem = certificate.to_pem();
        *entry = match encoding {
            ChainEncoding::Pem => pem.into(),
            ChainEncoding::PemBase64 => STANDARD.encode(pem).into(),
        };
    }
}

fn set(object: &mut Value, member: &str, text: &str) {
    if let Some(value) = object.get_mut(member) {
        *value = text.into();
    }
}

/// The code that goes with a status where the rule has none (J-264): a documented one, if there is one.
fn usual_code(status: u16) -> ErrorCode {
    match status {
        400 => ErrorCode::BAD_REQUEST,
        401 => ErrorCode::UNAUTHORIZED,
        404 => ErrorCode::OPERATION_NOT_FOUND,
        409 => ErrorCode::PRECONDITION_FAILED,
        other => ErrorCode(u32::from(other) * 1000 + 1),
    }
}

fn usual_message(status: u16) -> &'static str {
    match status {
        401 => "Unauthorized",
        404 => "Operation not found.",
        429 => crate::service::reply::THROTTLED,
        500 => "InternalServerError",
        503 => "The service is unavailable.",
        _ => "A fault was asked for.",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::service::fault_rule::FaultRule;

    fn what(rule: &str) -> What {
        rule.parse::<FaultRule>().unwrap().what
    }

    fn reply() -> Reply {
        let body = r#"{"operationId":"5.a","status":"assigned","registrationState":{"assignedHub":"h.net","status":"assigned"}}"#;
        Reply { status: 200, retry_after: None, body: body.to_owned() }
    }

    fn said(rule: &str) -> Said {
        match what(rule).instead_of(&Sources::default(), reply()) {
            Verdict::Say(said) => *said,
            other => panic!("{rule}: {other:?}"),
        }
    }

    #[test]
    fn j_264_an_error_has_its_status_and_a_code_that_goes_with_it() {
        for (rule, status, code, message) in [
            ("poll status=429", 429, 429_001, "Operations are being throttled for this tenant."),
            ("poll status=503", 503, 503_001, "The service is unavailable."),
            ("poll status=401", 401, 401_002, "Unauthorized"),
            ("poll code=404203", 404, 404_203, "Operation not found."),
            ("poll status=500 code=401002 message=\"Not you\"", 500, 401_002, "Not you"),
        ] {
            let Some(Verdict::Say(said)) = what(rule).instead(&Sources::default()) else {
                panic!("{rule}")
            };
            let body: Value = serde_json::from_str(&said.reply.body).unwrap();
            assert_eq!(said.reply.status, status, "{rule}");
            assert_eq!(body["errorCode"], code, "{rule}");
            assert_eq!(body["message"], message, "{rule}");
        }
    }

    #[test]
    fn what_is_not_begun_has_no_answer() {
        assert_eq!(what("poll silence").instead(&Sources::default()), Some(Verdict::Silence));
        assert_eq!(
            what("poll reset").instead(&Sources::default()),
            Some(Verdict::HangUp(HangUp::Reset))
        );
        let late = Verdict::HangUp(HangUp::Close);
        assert_eq!(
            what("poll close delay=2s").instead(&Sources::default()),
            Some(Verdict::Delay(Duration::from_secs(2), Box::new(late)))
        );
        assert_eq!(what("poll lose-answer").instead(&Sources::default()), None);
        assert_eq!(
            what("poll lose-answer").instead_of(&Sources::default(), reply()),
            Verdict::Lose
        );
    }

    #[test]
    fn an_answer_is_changed_where_the_rule_says_so_and_nowhere_else() {
        assert_eq!(
            said("poll no-operation-id").reply.body,
            reply().body.replace(r#""operationId":"5.a","#, "")
        );
        assert_eq!(
            said("poll unknown-status").reply.body,
            reply().body.replacen("assigned\"", "pondering\"", 1)
        );
        assert_eq!(
            said("poll hub=unknown").reply.body,
            reply().body.replace("h.net", "unknown.azure-devices.net")
        );
        assert_eq!(said("poll empty").reply.body, "");
        let more: Value = serde_json::from_str(&said("poll unknown-members").reply.body).unwrap();
        assert_eq!(more["registrationState"]["newMember"]["list"][0], 1);
        assert_eq!(more["registrationState"]["assignedHub"], "h.net");
        let broken = said("poll broken-json").reply.body;
        assert!(
            reply().body.starts_with(&broken) && serde_json::from_str::<Value>(&broken).is_err()
        );
        let page = said("poll html status=502");
        assert!(page.is_page && page.reply.status == 502 && page.reply.body.starts_with("<!DOC"));
        assert_eq!(said("poll status=202").reply, Reply { status: 202, ..reply() });
        let told = |rule| said(rule).reply.retry_after;
        assert_eq!(told("poll status=202 retry-after=7"), Some(Duration::from_secs(7)));
        assert_eq!(told("poll status=202 retry-after=soon"), None);
        assert_eq!(said("poll status=202 truncate=5").cut, Some(5));
    }
}
