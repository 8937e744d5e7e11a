//! A rule from text, and back: `WHERE WORD WORD=VALUE…`, where a value with spaces stands in double quotes.

use std::fmt::{self, Display};
use std::str::FromStr;
use std::time::Duration;

use thiserror::Error;

use super::place::{FaultPlace, FaultTransport};
use super::rule::FaultRule;
use super::sense::judge;
use super::what::{ChainEncoding, Deed, RetryAfter, ToldProfile, What};
use super::when::{Scope, When};
use super::word::{FaultWord, fault_words};
use crate::service::authority::CertificateFlaw;
use crate::text::{Foreign, Glob, nearest, written};

/// Why a text is no rule, or one that can never strike.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{0}")]
pub struct FaultRuleError(String);

/// Longest rule, in bytes.
const MAX_RULE: usize = 2048;

/// A word as it was given.
pub(super) type Given = (String, Option<String>);

fn error<T>(text: impl Into<String>) -> Result<T, FaultRuleError> {
    Err(FaultRuleError(text.into()))
}

impl FromStr for FaultRule {
    type Err = FaultRuleError;

    fn from_str(text: &str) -> Result<Self, FaultRuleError> {
        if text.len() > MAX_RULE {
            return error(format!("the rule is longer than {MAX_RULE} bytes"));
        }
        let mut words = split(text)?.into_iter();
        let Some((place, value)) = words.next() else {
            return error(format!("the rule is empty; begin with where it strikes: {}", places()));
        };
        if value.is_some() && FaultPlace::ALL.iter().all(|it| it.as_str() != place) {
            let place = Foreign::short(&place);
            return error(format!("begin with where it strikes, not with {place}: {}", places()));
        }
        if value.is_some() {
            return error(format!("{place} is where it strikes, and takes no value"));
        }
        Self::of(&place, words.collect())
    }
}

impl FaultRule {
    /// Of its words.
    pub(super) fn of(place: &str, words: Vec<Given>) -> Result<Self, FaultRuleError> {
        let Some(place) = FaultPlace::ALL.into_iter().find(|it| it.as_str() == place) else {
            let near = nearest(place, FaultPlace::ALL.iter().map(|it| it.as_str()));
            let hint = near.map(|it| format!("; did you mean {it}?")).unwrap_or_default();
            let place = Foreign::short(place);
            return error(format!(
                "{place:?} is no place where a fault strikes; there are {}{hint}",
                places()
            ));
        };
        let mut rule = Self {
            place,
            device: None,
            enrollment: None,
            transport: None,
            when: When::default(),
            what: What::default(),
            transports: Vec::new(),
        };
        let mut seen: Vec<&'static FaultWord> = Vec::new();
        for (name, value) in words {
            let Some(word) = FaultWord::named(&name) else { return error(unknown(&name)) };
            if seen.contains(&word) {
                return error(format!("{name} is there twice"));
            }
            match (word.value, &value) {
                ("", Some(_)) => return error(format!("{name} takes no value")),
                ("", None) => rule.flag(word.name),
                (_, None) => return error(format!("{name} needs a value: {}", word.form())),
                (_, Some(text)) => {
                    let wrong = |expected: String| {
                        let text = Foreign::short(text);
                        FaultRuleError(format!("{name}={text}: expected {expected}"))
                    };
                    rule.set(word.name, text).map_err(wrong)?;
                }
            }
            // Only one at a time can be kept; the later one would take its place.
            if is_lone(word.name)
                && let Some(other) = seen.iter().find(|it| is_lone(it.name))
            {
                let other = other.name;
                return error(format!("{other} and {name} are two faults; write a rule for each"));
            }
            seen.push(word);
        }
        judge(&mut rule, &seen).map_err(FaultRuleError)?;
        Ok(rule)
    }

    fn flag(&mut self, name: &str) {
        self.what.deed = match name {
            "silence" => Some(Deed::Silence),
            "close" => Some(Deed::Close),
            "reset" => Some(Deed::Reset),
            "lose-answer" => Some(Deed::LoseAnswer),
            "duplicate" => Some(Deed::Duplicate),
            "late" => Some(Deed::Late),
            "wrong-rid" => Some(Deed::WrongRid),
            "broken-json" => Some(Deed::BrokenJson),
            "no-operation-id" => Some(Deed::NoOperationId),
            "unknown-status" => Some(Deed::UnknownStatus),
            "html" => Some(Deed::Html),
            "empty" => Some(Deed::Empty),
            "unknown-members" => Some(Deed::UnknownMembers),
            "forget-operation" => Some(Deed::ForgetOperation),
            _ => None,
        };
    }

    /// Takes a value in; an error is what was expected.
    fn set(&mut self, name: &str, text: &str) -> Result<(), String> {
        let Self { when, what, .. } = self;
        match name {
            "device" => {
                self.device = Some(Glob::new(text).ok_or("a registration ID, or a pattern")?)
            }
            "enrollment" => self.enrollment = Some(filled(text, "the name of an enrollment")?),
            "transport" => {
                let mut all = FaultTransport::ALL.into_iter();
                let found = all.find(|it| it.as_str() == text);
                self.transport = Some(found.ok_or("mqtt, mqtt-ws, https, amqp or amqp-ws")?);
            }
            "nth" => when.nth = Some(count(text)?),
            "from" => when.from = Some(count(text)?),
            "every" => when.every = Some(count(text)?),
            "times" => when.times = Some(count(text)?),
            "probability" => {
                let chance = text.parse().ok().filter(|it| (0.0..=1.0).contains(it) && *it > 0.0);
                when.probability = Some(chance.ok_or("a number above 0 and at most 1")?);
            }
            "seed" => when.seed = Some(text.parse().map_err(|_| "a whole number")?),
            "scope" => {
                when.scope = Some(match text {
                    "device" => Scope::Device,
                    "all" => Scope::All,
                    _ => return Err("device or all".to_owned()),
                });
            }
            "status" => what.status = Some(number(text, 200, 599)?),
            "code" => what.code = Some(number(text, 400_000, 599_999)?),
            "message" => what.message = Some(text.to_owned()),
            "retry-after" => what.retry_after = Some(retry_after(text)?),
            "delay" => what.delay = Some(delay(text)?),
            "truncate" => what.deed = Some(Deed::Truncate(number(text, 0, u32::MAX)?)),
            "assigning" => what.deed = Some(Deed::Assigning(number(text, 1, u32::MAX)?)),
            "slow" => {
                let rate = text.strip_suffix("/s").and_then(|rate| number(rate, 1, u32::MAX).ok());
                what.deed =
                    Some(Deed::Slow(rate.ok_or("bytes a second from 1 on, such as 100/s")?));
            }
            "tls-alert" => what.deed = Some(Deed::TlsAlert(alert(text)?)),
            "certificate" => {
                let mut all = CertificateFlaw::ALL.into_iter();
                let found = all.find(|flaw| flaw.as_str() == text);
                what.deed =
                    Some(Deed::Certificate(found.ok_or("expired, wrong-name, untrusted or long")?));
            }
            "clock" => what.deed = Some(Deed::Clock(clock(text)?)),
            "connack" => what.deed = Some(Deed::Connack(number(text, 1, u8::MAX)?)),
            "suback" => what.deed = Some(Deed::Suback(number(text, 0, u8::MAX)?)),
            "sasl-outcome" => what.deed = Some(Deed::SaslOutcome(number(text, 1, 4)?)),
            "detach" => what.deed = Some(Deed::Detach(condition(text)?)),
            "hub" if text == "unknown" => what.deed = Some(Deed::UnknownHub),
            "hub" => return Err("unknown".to_owned()),
            "connection-profile" => {
                let found = ToldProfile::ALL.into_iter().find(|it| it.as_str() == text);
                what.deed =
                    Some(Deed::ConnectionProfile(found.ok_or("classic, mqttV5 or unknown")?));
            }
            "chain-encoding" => {
                let found = ChainEncoding::ALL.into_iter().find(|it| it.as_str() == text);
                what.deed = Some(Deed::ChainEncoding(found.ok_or("pem or pem-base64")?));
            }
            "chain-length" => what.deed = Some(Deed::ChainLength(number(text, 4, 100)?)),
            "issued-validity" => what.deed = Some(Deed::IssuedValidity(validity(text)?)),
            _ => return Err("nothing".to_owned()),
        }
        Ok(())
    }
}

/// Whether of such words there can be one in a rule: those that become its [`Deed`].
fn is_lone(name: &str) -> bool {
    !matches!(name, "status" | "code" | "message" | "retry-after" | "delay")
        && FaultWord::named(name).is_some_and(FaultWord::is_deed)
}

fn places() -> String {
    FaultPlace::ALL.map(FaultPlace::as_str).join(", ")
}

fn unknown(name: &str) -> String {
    let near = nearest(name, fault_words().map(|word| word.name));
    let shown = Foreign::short(name);
    match near {
        Some(near) => format!("no rule has a word {shown:?}; did you mean {near}?"),
        None => {
            let all: Vec<_> = fault_words().map(|word| word.name).collect();
            format!("no rule has a word {shown:?}; there are {}", all.join(", "))
        }
    }
}

fn filled(text: &str, expected: &str) -> Result<String, String> {
    if text.is_empty() { Err(expected.to_owned()) } else { Ok(text.to_owned()) }
}

fn count(text: &str) -> Result<u64, String> {
    text.parse().ok().filter(|it| *it > 0).ok_or("a whole number from 1 on".to_owned())
}

fn number<N: FromStr + PartialOrd + Display>(text: &str, least: N, most: N) -> Result<N, String> {
    let expected = format!("a whole number from {least} to {most}");
    text.parse().ok().filter(|it| (least..=most).contains(it)).ok_or(expected)
}

/// Anything that can stand in a topic and in a header: neither a wildcard of MQTT, which no client would
/// take, nor what would begin another parameter.
fn retry_after(text: &str) -> Result<RetryAfter, String> {
    let may_stand = |c: char| (c.is_ascii_graphic() || c == ' ') && !"+#&".contains(c);
    match text {
        "none" => Ok(RetryAfter::Absent),
        _ if text.len() <= 128 && text.chars().all(may_stand) => {
            Ok(RetryAfter::Text(text.to_owned()))
        }
        _ => Err("up to 128 printable characters of ASCII without + # &, or none".to_owned()),
    }
}

fn delay(text: &str) -> Result<Duration, String> {
    const DAY: Duration = Duration::from_secs(24 * 3600);
    let wait = humantime::parse_duration(text).ok().filter(|it| *it <= DAY && !it.is_zero());
    wait.ok_or("a duration of at most a day, such as 500ms or 3s".to_owned())
}

/// In whole seconds, as certificates have them.
fn validity(text: &str) -> Result<Duration, String> {
    let validity = humantime::parse_duration(text).ok().filter(|it| it.subsec_nanos() == 0);
    validity.ok_or("a duration of whole seconds, such as 2m or 0s".to_owned())
}

/// A clock that is ahead or behind, in seconds.
fn clock(text: &str) -> Result<i64, String> {
    const EXPECTED: &str = "+ or - and a duration of at least a second, such as +2h or -3days";
    const LONGEST: Duration = Duration::from_secs(100 * 366 * 24 * 3600);
    let (is_ahead, offset) = match (text.strip_prefix('+'), text.strip_prefix('-')) {
        (Some(offset), _) => (true, offset),
        (None, Some(offset)) => (false, offset),
        (None, None) => return Err(EXPECTED.to_owned()),
    };
    let offset = humantime::parse_duration(offset).ok().filter(|it| *it <= LONGEST);
    let seconds = offset.and_then(|it| i64::try_from(it.as_secs()).ok()).filter(|it| *it > 0);
    let seconds = seconds.ok_or(EXPECTED)?;
    Ok(if is_ahead { seconds } else { -seconds })
}

/// The alerts that a server may have a reason for (RFC 8446, section 6), and any by its number.
fn alert(text: &str) -> Result<u8, String> {
    const NAMES: [(&str, u8); 14] = [
        ("handshake-failure", 40),
        ("bad-certificate", 42),
        ("unsupported-certificate", 43),
        ("certificate-revoked", 44),
        ("certificate-expired", 45),
        ("certificate-unknown", 46),
        ("illegal-parameter", 47),
        ("unknown-ca", 48),
        ("access-denied", 49),
        ("decode-error", 50),
        ("protocol-version", 70),
        ("insufficient-security", 71),
        ("internal-error", 80),
        ("unrecognized-name", 112),
    ];
    let named = NAMES.iter().find(|(name, _)| name.replace('-', "_") == text.replace('-', "_"));
    named.map(|(_, code)| *code).or_else(|| text.parse().ok()).ok_or_else(|| {
        let names: Vec<_> = NAMES.iter().map(|(name, _)| *name).collect();
        format!("a number from 0 to 255, or one of {}", names.join(", "))
    })
}

/// The conditions that a service may have a reason for, when it refuses a link (AMQP 1.0 part 2, sections
/// 2.8.15 and 2.8.18), and those of Microsoft's that SDKs know.
fn condition(text: &str) -> Result<&'static str, String> {
    const ALL: [&str; 18] = [
        "amqp:internal-error",
        "amqp:not-found",
        "amqp:unauthorized-access",
        "amqp:resource-limit-exceeded",
        "amqp:not-allowed",
        "amqp:invalid-field",
        "amqp:not-implemented",
        "amqp:resource-locked",
        "amqp:precondition-failed",
        "amqp:resource-deleted",
        "amqp:illegal-state",
        "amqp:link:detach-forced",
        "amqp:link:stolen",
        "amqp:link:redirect",
        "com.microsoft:argument-error",
        "com.microsoft:device-container-throttled",
        "com.microsoft:timeout",
        "com.microsoft:unauthorized-access",
    ];
    let found = ALL.into_iter().find(|condition| *condition == text);
    found.ok_or_else(|| format!("one of {}", ALL.join(", ")))
}

/// The words of a rule.
fn split(text: &str) -> Result<Vec<Given>, FaultRuleError> {
    let mut words = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let end = rest.find(|c: char| c.is_whitespace() || c == '=').unwrap_or(rest.len());
        let (name, behind) = rest.split_at(end);
        if name.is_empty() {
            return error("there is an = without a word before it");
        }
        let Some(value) = behind.strip_prefix('=') else {
            words.push((name.to_owned(), None));
            rest = behind.trim_start();
            continue;
        };
        let (value, behind) = match value.strip_prefix('"') {
            Some(quoted) => unquote(quoted)
                .ok_or_else(|| FaultRuleError(format!("{name}=: the quotes are not closed")))?,
            None => {
                let end = value.find(char::is_whitespace).unwrap_or(value.len());
                (value[..end].to_owned(), &value[end..])
            }
        };
        words.push((name.to_owned(), Some(value)));
        rest = behind.trim_start();
    }
    Ok(words)
}

/// What stands before the closing quote, and what is behind it.
fn unquote(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Some((value, &text[at + 1..])),
            '\\' => value.push(chars.next()?.1),
            c => value.push(c),
        }
    }
    None
}

/// In quotes where it has to be.
struct Value<T>(T);

impl<T: Display> Display for Value<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.0.to_string();
        let is_plain = !text.is_empty() && !text.contains(|c: char| c.is_whitespace() || c == '"');
        if is_plain {
            return f.write_str(&text);
        }
        write!(f, "\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
    }
}

impl Display for FaultRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { place, device, enrollment, transport, when, what, transports: _ } = self;
        write!(f, "{place}")?;
        let mut put = |name: &str, value: Option<&dyn Display>| match value {
            Some(value) => write!(f, " {name}={}", Value(value)),
            None => Ok(()),
        };
        fn shown<T: Display>(value: &Option<T>) -> Option<&dyn Display> {
            value.as_ref().map(|value| value as &dyn Display)
        }
        put("device", shown(device))?;
        put("enrollment", shown(enrollment))?;
        put("transport", shown(transport))?;
        put("nth", shown(&when.nth))?;
        put("from", shown(&when.from))?;
        put("every", shown(&when.every))?;
        put("times", shown(&when.times))?;
        put("probability", shown(&when.probability))?;
        put("seed", shown(&when.seed))?;
        put("scope", shown(&when.scope.map(Scope::as_str)))?;
        put("status", shown(&what.status))?;
        put("code", shown(&what.code))?;
        put("message", shown(&what.message))?;
        let retry_after = what.retry_after.as_ref().map(|it| match it {
            RetryAfter::Absent => "none",
            RetryAfter::Text(text) => text,
        });
        put("retry-after", shown(&retry_after))?;
        put("delay", shown(&what.delay.map(written)))?;
        match what.deed {
            Some(deed) => write!(f, " {deed}"),
            None => Ok(()),
        }
    }
}

impl Display for Deed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = match self {
            Self::Silence => "silence",
            Self::Close => "close",
            Self::Reset => "reset",
            Self::LoseAnswer => "lose-answer",
            Self::Duplicate => "duplicate",
            Self::Late => "late",
            Self::WrongRid => "wrong-rid",
            Self::BrokenJson => "broken-json",
            Self::NoOperationId => "no-operation-id",
            Self::UnknownStatus => "unknown-status",
            Self::Html => "html",
            Self::Empty => "empty",
            Self::UnknownMembers => "unknown-members",
            Self::ForgetOperation => "forget-operation",
            Self::UnknownHub => "hub=unknown",
            Self::ConnectionProfile(told) => {
                return write!(f, "connection-profile={}", told.as_str());
            }
            Self::ChainEncoding(encoding) => {
                return write!(f, "chain-encoding={}", encoding.as_str());
            }
            Self::ChainLength(length) => return write!(f, "chain-length={length}"),
            Self::IssuedValidity(validity) => {
                return write!(f, "issued-validity={}", written(*validity));
            }
            Self::Slow(rate) => return write!(f, "slow={rate}/s"),
            Self::TlsAlert(code) => return write!(f, "tls-alert={code}"),
            Self::Certificate(flaw) => return write!(f, "certificate={}", flaw.as_str()),
            Self::Clock(seconds) => {
                let sign = if *seconds < 0 { '-' } else { '+' };
                let offset = Duration::from_secs(seconds.unsigned_abs());
                return write!(f, "clock={sign}{}", written(offset));
            }
            Self::Connack(code) => return write!(f, "connack={code}"),
            Self::Suback(code) => return write!(f, "suback={code}"),
            Self::SaslOutcome(code) => return write!(f, "sasl-outcome={code}"),
            Self::Detach(condition) => return write!(f, "detach={condition}"),
            Self::Truncate(bytes) => return write!(f, "truncate={bytes}"),
            Self::Assigning(polls) => return write!(f, "assigning={polls}"),
        };
        f.write_str(word)
    }
}

#[cfg(test)]
#[path = "parse_tests.rs"]
mod tests;
