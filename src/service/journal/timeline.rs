//! An entry as a story: who did what when, in order. For every view of it, be it a page, a terminal or the
//! message of a failed test; how it looks is theirs.
//!
//! Pure. What it tells stands in the entry, where it was masked; nothing is added.

use std::time::{Duration, SystemTime};

use serde::Serialize;

use super::answer::{AnswerKind, EntryAnswer};
use super::certificate::EntryCertificate;
use super::entry::{
    EntryCheck, EntryHub, EntryStatus, JournalEntry, WebhookAttempt, WebhookExchange,
};
use super::fault::EntryFault;
use super::millis::{as_millis, millis};
use super::renewal::EntryRenewal;
use super::text::Text;
use crate::service::caller::Transport;
use crate::service::connection::{ClientConnection, ConnectionFault};
use crate::text::{Foreign, spoken};
use crate::wire::{HubName, timestamp};

/// Something that happened in a registration. Its title is a sentence without its subject, which is the
/// actor, and stays in its line; the detail is as others wrote it, and is for whoever shows it to escape.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct TimelineMoment {
    /// When, from the request on; in JSON whole milliseconds.
    #[serde(serialize_with = "as_millis")]
    pub at: Duration,
    /// Who.
    pub actor: Actor,
    /// What it did.
    pub title: String,
    /// More about it: a sentence, or JSON that was sent.
    pub detail: Option<String>,
    /// Whether it helped.
    pub outcome: MomentOutcome,
}

/// Who does something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum Actor {
    /// The device.
    Device,
    /// The provisioning service.
    Service,
    /// The webhook of a custom allocation policy.
    Webhook,
    /// The hub of the device.
    Hub,
}

impl Actor {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Device => "device",
            Self::Service => "service",
            Self::Webhook => "webhook",
            Self::Hub => "hub",
        }
    }
}

/// Whether something helped a registration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum MomentOutcome {
    /// It did.
    Good,
    /// It is why there is no hub, or no answer that helps.
    Bad,
    /// Neither.
    Neutral,
}

use Actor::{Device, Hub, Service, Webhook};
use MomentOutcome::{Bad, Good, Neutral};

/// All that is known of a registration, in order of time. What happened at once stands in the order of
/// cause.
pub fn timeline(entry: &JournalEntry) -> Vec<TimelineMoment> {
    let mut story = Story(Vec::new());
    story.arrival(entry);
    let mut begun = Duration::ZERO;
    if let Some(challenge) = &entry.challenge {
        story.checks(Duration::ZERO, &challenge.checks);
        let is_challenge = |answer: &&EntryAnswer| answer.kind == AnswerKind::Challenge;
        entry.answers.iter().filter(is_challenge).for_each(|answer| story.answer(answer));
        if let Some(answered) = challenge.answered {
            begun = answered;
            let title = "asks to register again, with a token".to_owned();
            story.add(begun, Device, title, None, Neutral);
        }
    }
    story.checks(begun, &entry.checks);
    if let Some(id) = &entry.operation_id
        && entry.transport.is_some()
    {
        story.add(begun, Service, format!("begins the operation {id}"), None, Neutral);
    }
    if let Some(webhook) = &entry.webhook {
        story.webhook(webhook);
    }
    if let Some(certificate) = &entry.certificate {
        story.certificate(certificate);
    }
    story.end(entry);
    if let Some(hub) = &entry.hub {
        story.hub(entry, hub);
    }
    if entry.answers_left_out > 0 {
        let at = entry.answers.last().map(|last| last.at).unwrap_or_default();
        let left_out = entry.answers_left_out;
        let title = format!("gave {left_out} more answers, which are not kept");
        story.add(at, Service, title, None, Neutral);
    }
    entry.faults.iter().for_each(|fault| story.fault(fault));
    entry.renewals.iter().for_each(|renewal| story.renewal(renewal));
    let others = entry.answers.iter().filter(|answer| answer.kind != AnswerKind::Challenge);
    others.for_each(|answer| story.answer(answer));
    let Story(mut moments) = story;
    moments.sort_by_key(|moment| moment.at);
    moments
}

struct Story(Vec<TimelineMoment>);

impl Story {
    fn add(
        &mut self,
        at: Duration,
        actor: Actor,
        title: String,
        detail: Option<String>,
        outcome: MomentOutcome,
    ) {
        self.0.push(TimelineMoment { at, actor, title, detail, outcome });
    }

    fn now(&mut self, actor: Actor, title: String, detail: Option<String>, outcome: MomentOutcome) {
        self.add(Duration::ZERO, actor, title, detail, outcome);
    }

    fn checks(&mut self, at: Duration, checks: &[EntryCheck]) {
        for EntryCheck { check, passed, said } in checks {
            let outcome = if *passed { Good } else { Bad };
            let title = format!("checks {}", looked_at(check));
            self.add(at, Service, title, Some(said.to_string()), outcome);
        }
    }

    /// Who came, and what it asked for.
    fn arrival(&mut self, entry: &JournalEntry) {
        let Some(transport) = entry.transport else {
            let title = format!(
                "goes on with the registration of {}, which was in progress when it ended",
                entry.registration_id
            );
            let detail = entry.payload.as_ref().map(|payload| payload.as_str().to_owned());
            return self.now(Service, title, detail, Neutral);
        };
        if let Some(connection) = &entry.connection {
            self.now(Device, connects(transport, connection), agreed(connection), Neutral);
            for ConnectionFault { id, rule, .. } in &connection.faults {
                let title =
                    format!("has had fault {id} strike the connection, as was asked for: {rule}");
                self.now(Service, title, None, Bad);
            }
        }
        let mut title = format!("says that it is {}", entry.registration_id);
        if !entry.id_scope.is_empty() {
            title.push_str(&format!(" of the ID scope {}", entry.id_scope));
        }
        if !entry.api_version.is_empty() {
            title.push_str(&format!(", api-version {}", entry.api_version));
        }
        self.now(Device, title, entry.connection.as_deref().and_then(said), Neutral);
        let was_turned_away =
            entry.answers.first().is_some_and(|answer| answer.kind.is_before_requests());
        if !was_turned_away {
            let (title, detail) = match &entry.payload {
                Some(payload) => {
                    ("asks to register, with a payload", Some(payload.as_str().to_owned()))
                }
                None => ("asks to register", None),
            };
            self.now(Device, title.to_owned(), detail, Neutral);
        }
    }

    fn webhook(&mut self, webhook: &WebhookExchange) {
        let request = Some(webhook.request.as_str().to_owned());
        self.add(
            webhook.at,
            Service,
            format!("asks the webhook {}", webhook.url),
            request,
            Neutral,
        );
        for attempt in &webhook.attempts {
            let WebhookAttempt { status, took, body, error, at } = attempt;
            let text = |text: &Option<Text>| text.as_ref().map(|it| it.as_str().to_owned());
            let took = spoken(*took);
            match status {
                Some(status) => {
                    let outcome = if (200..300).contains(status) { Good } else { Bad };
                    self.add(
                        *at,
                        Webhook,
                        format!("answers {status} after {took}"),
                        text(body),
                        outcome,
                    );
                }
                None => {
                    self.add(*at, Webhook, format!("does not answer ({took})"), text(error), Bad)
                }
            }
        }
    }

    /// What it came to.
    fn end(&mut self, entry: &JournalEntry) {
        let at = entry.took.unwrap_or_default();
        // Told by the check already, if that is all that there is to say.
        let is_told = |reason: &&Text| entry.checks.iter().all(|check| check.said != **reason);
        let reason = entry.reason.as_ref().filter(is_told).map(|reason| reason.as_str().to_owned());
        let code = entry.error_code.map(|code| format!(" with {code}")).unwrap_or_default();
        match entry.status {
            EntryStatus::Assigning => {}
            EntryStatus::Assigned => {
                let hub = entry.assigned_hub.as_ref().map(HubName::as_str).unwrap_or("a hub");
                let id = entry.device_id.as_ref().unwrap_or(&entry.registration_id);
                self.add(at, Service, format!("assigns it to {hub} as {id}"), reason, Good);
            }
            EntryStatus::Failed => {
                let said = entry.error_message.as_ref().map(|it| format!(": {it}"));
                let title = format!("ends it{code}{}", said.unwrap_or_default());
                self.add(at, Service, title, reason, Bad);
            }
            EntryStatus::Disabled => {
                let title = "ends it without a hub: its enrollment is disabled".to_owned();
                self.add(at, Service, title, reason, Bad);
            }
            EntryStatus::Refused => {
                let check = entry.failed_check.unwrap_or("unknown");
                self.add(at, Service, format!("refuses it{code} for {check}"), reason, Bad);
            }
        }
    }

    fn certificate(&mut self, certificate: &EntryCertificate) {
        let EntryCertificate { at, subject, issuer, policy, .. } = certificate;
        let title = format!("issues a certificate for {subject} by {issuer}, policy {policy}");
        self.add(*at, Service, title, Some(told(certificate)), Good);
    }

    fn renewal(&mut self, renewal: &EntryRenewal) {
        let EntryRenewal { at, request_id, certificate, error_code, reason } = renewal;
        let reason = reason.as_ref().map(|reason| reason.as_str().to_owned());
        let Some(certificate) = certificate else {
            let code = error_code.map(|code| format!(" with {code}")).unwrap_or_default();
            let title = format!("refuses the request {request_id} for a certificate{code}");
            return self.add(*at, Hub, title, reason, Bad);
        };
        let EntryCertificate { subject, issuer, policy, .. } = certificate;
        let title = format!(
            "issues another certificate for {subject} by {issuer}, policy {policy} (request {request_id})"
        );
        self.add(*at, Hub, title, Some(told(certificate)), Good);
    }

    fn hub(&mut self, entry: &JournalEntry, hub: &EntryHub) {
        let id = entry.device_id.as_ref().unwrap_or(&entry.registration_id);
        let from = hub.moved_from.as_ref().map(|from| format!(" from {from}")).unwrap_or_default();
        let title = match hub.identity {
            "kept" => format!("keeps the device {id} and its twin"),
            "moved" => format!("takes over the device {id} and its twin{from}"),
            "reset" => format!("makes the device {id} anew{from}"),
            _ => format!("makes the device {id}"),
        };
        let twin = hub.initial_twin.map(|source| format!("its first twin is that of the {source}"));
        self.add(hub.at, Hub, title, twin, Good);
    }

    fn fault(&mut self, EntryFault { at, id, rule, count, last_at }: &EntryFault) {
        let mut title = format!("has fault {id} strike, as was asked for: {rule}");
        if *count > 1 {
            title.push_str(&format!(" ({count} times, until {} ms)", millis(*last_at)));
        }
        self.add(*at, Service, title, None, Bad);
    }

    fn answer(&mut self, answer: &EntryAnswer) {
        let EntryAnswer { at, kind, status, retry_after, body, count, last_at } = answer;
        let to = match kind {
            AnswerKind::Connack => "CONNECT",
            AnswerKind::Sasl => "SASL",
            AnswerKind::Attach => "its link",
            AnswerKind::Challenge | AnswerKind::Register => "register",
            AnswerKind::Poll => "the poll",
            AnswerKind::Lookup => "the look-up",
        };
        let mut title = match kind {
            AnswerKind::Connack => format!("answers {to} with CONNACK {status}, and hangs up"),
            AnswerKind::Sasl => format!("answers {to} with outcome {status}, and hangs up"),
            AnswerKind::Attach => format!("answers {to} with {status}, and detaches it"),
            AnswerKind::Challenge => {
                format!("answers {to} with {status}, and a key for its TPM to sign with")
            }
            _ => format!("answers {to} with {status}"),
        };
        if let Some(wait) = retry_after {
            title.push_str(&format!(", retry after {}", spoken(*wait)));
        }
        if *count > 1 {
            title.push_str(&format!(" ({count} times, until {} ms)", millis(*last_at)));
        }
        let is_refusal = *status >= 400 && *kind != AnswerKind::Challenge;
        let is_bad = kind.is_before_requests() || is_refusal;
        let detail = body.as_ref().map(|body| body.as_str().to_owned());
        self.add(*at, Service, title, detail, if is_bad { Bad } else { Neutral });
    }
}

/// What tells a certificate from others.
fn told(EntryCertificate { serial_number, not_after, .. }: &EntryCertificate) -> String {
    format!("serial number {serial_number}, valid until {}", timestamp(*not_after))
}

fn connects(transport: Transport, connection: &ClientConnection) -> String {
    let over = match (transport, connection.web_socket) {
        (Transport::Mqtt, false) => "MQTT",
        (Transport::Mqtt, true) => "MQTT over WebSocket",
        (Transport::Https, _) => "HTTPS",
        (Transport::Amqp, false) => "AMQP",
        (Transport::Amqp, true) => "AMQP over WebSocket",
    };
    let ClientConnection { peer, number, .. } = connection;
    format!("connects over {over} from {peer} (connection {number})")
}

/// What the handshake came to.
fn agreed(connection: &ClientConnection) -> Option<String> {
    let tls = &connection.tls;
    let mut parts = Vec::new();
    match (tls.version, tls.cipher_suite) {
        (Some(version), Some(suite)) => parts.push(format!("TLS {version} with {suite}")),
        (Some(version), None) => parts.push(format!("TLS {version}")),
        _ => {}
    }
    parts.extend(tls.server_name.as_deref().map(|name| format!("dialled {}", Foreign::new(name))));
    parts.extend(tls.alpn.as_deref().map(|alpn| format!("ALPN {}", Foreign::new(alpn))));
    let subject = tls.client_certificate.as_deref();
    parts.extend(subject.map(|subject| format!("client certificate {}", Foreign::new(subject))));
    (!parts.is_empty()).then(|| parts.join("; "))
}

/// What the client says of itself.
fn said(connection: &ClientConnection) -> Option<String> {
    let mut parts = Vec::new();
    let told = [
        ("client ID", &connection.client_id),
        ("ClientVersion", &connection.client_version),
        ("User-Agent", &connection.user_agent),
    ];
    for (name, text) in told {
        parts.extend(text.as_deref().map(|text| format!("{name} {}", Foreign::new(text))));
    }
    parts.extend(connection.keep_alive.map(|seconds| format!("keep-alive {seconds} s")));
    (!parts.is_empty()).then(|| parts.join("; "))
}

/// What its hub sees of a device that signed in, or left, since it registered: to be put behind the
/// [`timeline`]. `changed` is when it last did.
pub fn presence(
    entry: &JournalEntry,
    is_online: bool,
    changed: SystemTime,
) -> Option<TimelineMoment> {
    let at = changed.duration_since(entry.time).ok()?;
    let id = entry.device_id.as_ref()?;
    let (title, outcome) = match is_online {
        true => (format!("has {id} signed in"), Good),
        false => (format!("has {id} no more: it signed in, and has left"), Neutral),
    };
    Some(TimelineMoment { at, actor: Hub, title, detail: None, outcome })
}

/// What a check looks at, for people.
fn looked_at(check: &'static str) -> &'static str {
    match check {
        "userName" => "the user name",
        "clientId" => "the client ID",
        "address" => "the address of the link",
        "identity" => "the device of the link",
        "idScope" => "the ID scope",
        "registrationId" => "the registration ID",
        "request" => "the request",
        "proof" => "the proof",
        "token" => "the SAS token",
        "resource" => "the token's resource",
        "expiry" => "the token's expiry",
        "signature" => "the token's signature",
        "certificate" => "the client certificate",
        "commonName" => "the certificate's common name",
        "extensions" => "the certificate's extensions",
        "validity" => "the certificate's validity",
        "thumbprint" => "the certificate's thumbprint",
        "chain" => "the certificate chain",
        "verifiedCa" => "the verified CA",
        "tpm" => "the keys of the TPM",
        "endorsementKey" => "the TPM's endorsement key",
        "storageRootKey" => "the TPM's storage root key",
        "kindOfKey" => "the kind of the TPM's keys",
        "challenge" => "the key that the TPM was given",
        "enrollment" => "the enrollment",
        "attestation" => "the kind of proof",
        "certificateRequest" => "the request for a certificate",
        "enabled" => "the enrollment's status",
        "fault" => "the faults on demand",
        "quota" => "the quota",
        "queue" => "the device's other operation",
        other => other,
    }
}
