//! What a device was told, so that it stays bounded however often the device asks.

use std::time::Duration;

use serde::{Serialize, Serializer};

use super::millis::as_millis;
use super::text::Text;

/// How many answers of one registration are kept (J-218).
const MAX_ANSWERS: usize = 32;

/// An answer to a device, or several in a row that say the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct EntryAnswer {
    /// When, from the request on; in JSON whole milliseconds.
    #[serde(serialize_with = "as_millis")]
    pub at: Duration,
    /// To what.
    pub kind: AnswerKind,
    /// Its status, as in HTTP; of a CONNECT, the return code of CONNACK; of SASL, the outcome.
    pub status: u16,
    /// How long the device should wait; in JSON seconds.
    #[serde(serialize_with = "as_optional_seconds")]
    pub retry_after: Option<Duration>,
    /// Its body, JSON.
    pub body: Option<Text>,
    /// How many there were of it.
    pub count: u64,
    /// When the last of them was given.
    #[serde(serialize_with = "as_millis")]
    pub last_at: Duration,
}

/// To what a device was answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum AnswerKind {
    /// To CONNECT, which was refused.
    Connack,
    /// To SASL, which let nobody in.
    Sasl,
    /// To the `attach` of a link, which was refused.
    Attach,
    /// To a register request, with a key for a TPM to sign with.
    Challenge,
    /// To a register request.
    Register,
    /// To the question how its operation stands.
    Poll,
    /// To the question how its registration stands (B.1).
    Lookup,
}

impl AnswerKind {
    /// Whether it ends a connection that has not asked for anything yet.
    pub fn is_before_requests(self) -> bool {
        matches!(self, Self::Connack | Self::Sasl | Self::Attach)
    }
}

impl EntryAnswer {
    /// Errors carry an ID and a time of their own, so those with one status say the same.
    fn says_as_much_as(&self, other: &Self) -> bool {
        (self.kind, self.status, self.retry_after) == (other.kind, other.status, other.retry_after)
            && (self.status >= 400 || self.body == other.body)
    }
}

/// Adds an answer, and tells how many are left out for it: beyond those that are kept, the newest takes the
/// place of the one before it, so that the last word is always there.
pub(super) fn add(answers: &mut Vec<EntryAnswer>, answer: EntryAnswer) -> u64 {
    let is_full = answers.len() >= MAX_ANSWERS;
    match answers.last_mut() {
        Some(last) if last.says_as_much_as(&answer) => {
            last.count += 1;
            last.last_at = answer.at;
            0
        }
        Some(last) if is_full => std::mem::replace(last, answer).count,
        _ => {
            answers.push(answer);
            0
        }
    }
}

/// Whole seconds where they are whole.
fn as_optional_seconds<S: Serializer>(
    duration: &Option<Duration>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match duration {
        None => serializer.serialize_none(),
        Some(duration) if duration.subsec_nanos() == 0 => {
            serializer.serialize_u64(duration.as_secs())
        }
        Some(duration) => serializer.serialize_f64(duration.as_secs_f64()),
    }
}
