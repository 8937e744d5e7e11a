//! What a hub does for a device that asks over MQTT or AMQP; how it is asked and answered is theirs (I).

use std::time::{Duration, SystemTime};

use tokio::time::Instant;

use crate::service::fault_rule::{FaultPlace, FaultTransport};
use crate::service::faults::Verdict;
use crate::service::hub::{HubError, Hubs, MethodAnswer};
use crate::service::record::HubKey;
use crate::service::registrar::Registrar;
use crate::service::reply::Reply;
use crate::text::Foreign;
use crate::wire::to_ascii_json;

/// What a hub answers to a twin request.
#[derive(Debug, Clone)]
pub(super) struct TwinAnswer {
    /// As in HTTP.
    pub(super) status: u16,
    /// The new version of the reported properties.
    pub(super) version: Option<u64>,
    /// JSON in pure ASCII, or nothing.
    pub(super) body: String,
}

impl TwinAnswer {
    /// One that says no more than its status.
    pub(super) fn bare(status: u16) -> Self {
        Self { status, version: None, body: "{}".to_owned() }
    }
}

/// The twin of a device.
pub(super) fn twin(hubs: &Hubs, key: &HubKey) -> TwinAnswer {
    hubs.note_activity(key);
    let twin = hubs.device(key).map(|device| device.twin.for_device());
    match twin.and_then(|twin| to_ascii_json(&twin).ok()) {
        Some(body) => TwinAnswer { status: 200, version: None, body },
        None => TwinAnswer::bare(404),
    }
}

/// Has a device report properties. `done` is what the protocol has for success.
pub(super) async fn report(hubs: &Hubs, key: &HubKey, patch: &[u8], done: u16) -> TwinAnswer {
    let error = match hubs.report(key, patch).await {
        Ok(version) => {
            return TwinAnswer { status: done, version: Some(version), body: String::new() };
        }
        Err(error) => error,
    };
    let detail = error.detail().map(|it| format!(" ({})", Foreign::short(it))).unwrap_or_default();
    tracing::warn!("{}: reports properties in vain: {error}{detail}", key.device_id());
    TwinAnswer::bare(match error {
        HubError::Twin(_) => 400,
        HubError::NotFound => 404,
        HubError::PreconditionFailed | HubError::AlreadyExists => 412,
        HubError::Store(_) | HubError::MailboxFull => 500,
    })
}

/// A device answers the call of a method.
pub(super) fn answer_method(hubs: &Hubs, key: &HubKey, rid: &str, answer: MethodAnswer) {
    if !hubs.answer_method(key, rid, answer) {
        let name = key.device_id();
        tracing::warn!("{name}: answers the call {rid:?}, on which nobody waits (I)");
    }
}

/// What faults on demand make of the answer to a twin request, which is found only if they want it, and the
/// version that it has.
pub(super) async fn struck_twin(
    registrar: &Registrar,
    transport: FaultTransport,
    device_id: &str,
    find: impl Future<Output = Option<TwinAnswer>>,
) -> Option<(Verdict, Option<u64>)> {
    let strike = registrar.strike_at_hub(FaultPlace::Twin, transport, device_id);
    let what = strike.as_ref().map(|strike| &strike.rule.what);
    if let Some(verdict) = what.and_then(|what| what.instead(&registrar.sources)) {
        return Some((verdict, None));
    }
    let TwinAnswer { status, version, body } = find.await?;
    let reply = Reply { status, retry_after: None, body };
    let verdict = match what {
        Some(what) => what.instead_of(&registrar.sources, reply),
        None => Verdict::Reply(reply),
    };
    Some((verdict, version))
}

/// A moment, such as the end of a token, on the clock that timers go by.
pub(super) fn instant(time: SystemTime, now: SystemTime) -> Option<Instant> {
    let left = time.duration_since(now).unwrap_or(Duration::ZERO);
    Instant::now().checked_add(left)
}
